"""The tree of a statement, as the parser builds it. Names stand as they were written; `at` is where."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """`Account.Owner.Email`."""

    parts: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Call:
    """`COUNT(Id)`, `CALENDAR_YEAR(CloseDate)`; the function's name is in capitals, and `COUNT()` has no argument."""

    function: str
    argument: "Path | Call | None"
    at: int

    def __str__(self) -> str:
        return f"{self.function}({self.argument or ''})"


@dataclass(frozen=True)
class Item:
    """One expression of a SELECT list."""

    value: Path | Call
    alias: str | None


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF What WHEN Account THEN Phone WHEN Opportunity THEN Amount ELSE Name END`."""

    relation: Path
    cases: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]
    at: int


@dataclass(frozen=True)
class AllFields:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)`, `FIELDS(CUSTOM)`."""

    which: str
    at: int


@dataclass(frozen=True)
class Literal:
    """A value.

    Attributes:
        kind: string, number, date, datetime, boolean, null, or range (a date literal such as LAST_N_DAYS:30).
        text: as written; a string without its quotes, escapes kept.
        n: the number of a date literal that takes one.
    """

    kind: str
    text: str
    at: int
    n: int | None = None


@dataclass(frozen=True)
class Comparison:
    """operator: = != < <= > >= LIKE"""

    operand: Path | Call
    operator: str
    value: Literal
    at: int


@dataclass(frozen=True)
class Membership:
    """`f IN ('a', 'b')`, `Id NOT IN (SELECT AccountId FROM Contact)`."""

    operand: Path | Call
    negated: bool
    values: "tuple[Literal, ...] | Select"
    at: int


@dataclass(frozen=True)
class MultiSelect:
    """`f INCLUDES ('A;B', 'C')`; EXCLUDES is the negated form."""

    operand: Path | Call
    negated: bool
    values: tuple[Literal, ...]
    at: int


@dataclass(frozen=True)
class Every:
    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Either:
    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    condition: "Condition"


Condition = Comparison | Membership | MultiSelect | Every | Either | Not


@dataclass(frozen=True)
class Order:
    value: Path | Call
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Select:
    """A statement, or a subquery; of a child subquery `source` is the relationship's name."""

    items: "tuple[Item | TypeOf | AllFields | Select, ...]"
    source: str
    source_at: int
    source_alias: str | None = None
    scope: Path | None = None
    where: Condition | None = None
    group_by: tuple[Path | Call, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: Literal | None = None
    offset: Literal | None = None
