"""SQL that yields text: pieces of fixed text and of SQL, put together so that SQLite does the rendering."""

from collections.abc import Iterable


class Fixed(str):
    """Text that stands as it is, among pieces of SQL."""

    __slots__ = ()


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def joined(pieces: Iterable[str]) -> str:
    """The pieces one after the other. None of them may be null: that would make nothing of the whole."""
    terms: list[str] = []
    fixed = ""
    for piece in pieces:
        if isinstance(piece, Fixed):
            fixed += piece
            continue
        if fixed:
            terms.append(literal(fixed))
            fixed = ""
        terms.append(piece)
    if fixed:
        terms.append(literal(fixed))
    return balanced(terms, "||")


def balanced(terms: list[str], operator: str) -> str:
    """The terms in a balanced tree: SQLite takes expressions of a limited depth only."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({balanced(terms[:middle], operator)} {operator} {balanced(terms[middle:], operator)})"
