"""How a row of columns c0, c1, ... becomes a line of CSV, as Bulk API 2.0 writes it: every value in quotes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.soql.functions import NUMBER
from migration_pipelines.twins.salesforce.soql.shape import FRACTIONS
from migration_pipelines.twins.salesforce.soql.text import Fixed, joined

PLAIN = frozenset({"id", "reference", "date", "int", "long"})
"""Types whose values hold no quotes."""


@dataclass(frozen=True)
class Cell:
    """One column of the file: `Account.Name` in the header, its type, and where its value stands."""

    header: str
    type: str
    column: int

    @property
    def sql(self) -> str:
        value = f"c{self.column}"
        if self.type == "boolean":
            return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END"
        if self.type in FRACTIONS:
            return f"ifnull({NUMBER}({value}), '')"
        if self.type == "datetime":
            return f"ifnull(replace({value}, '+0000', 'Z'), '')"
        return f"ifnull({value}, '')" if self.type in PLAIN else f"""ifnull(replace({value}, '"', '""'), '')"""


def header(cells: Sequence[Cell], delimiter: str, line_ending: str) -> str:
    return delimiter.join(f'"{cell.header}"' for cell in cells) + line_ending


def line(cells: Sequence[Cell], delimiter: str, line_ending: str) -> str:
    """SQL of a row's line."""

    def pieces() -> Iterator[str]:
        between = Fixed(f'"{delimiter}"')
        for number, cell in enumerate(cells):
            yield between if number else Fixed('"')
            yield cell.sql
        yield Fixed(f'"{line_ending}')

    return joined(pieces())
