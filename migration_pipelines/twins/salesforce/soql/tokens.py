"""From a statement's text to its tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from migration_pipelines.twins.salesforce.soql.errors import malformed, unexpected

LONGEST_STATEMENT = 100_000

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
      | (?P<date>\d{4}-\d\d-\d\d)(?![\w:])
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)(?![\w:])
      | (?P<name>[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)
      | '(?P<string>(?:[^'\\]|\\.)*)'
      | (?P<symbol><>|!=|<=|>=|[=<>(),:])""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\", "_": "_", "%": "%"}


@dataclass(frozen=True)
class Token:
    """A token and where it starts. A string's text is what stands between its quotes, escapes and all."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The token as a keyword, if it is one."""
        return self.text.upper() if self.kind in ("name", "symbol") else ""


def tokens(soql: str) -> Iterator[Token]:
    """The statement's tokens and one "end".

    Raises:
        SoqlError: a character that begins no token, an unclosed string, or a statement over 100,000 characters.
    """
    if len(soql) > LONGEST_STATEMENT:
        raise malformed(f"SOQL statements cannot be longer than {LONGEST_STATEMENT} characters.", 0)
    at = 0
    while at < len(soql):
        match = _TOKEN.match(soql, at)
        if match is None or match.lastgroup is None:
            if soql[at] == "'":
                raise malformed("expecting a single quote: the string is not closed", at)
            raise unexpected(soql[at], at)
        if match.lastgroup != "space":
            yield Token(match.lastgroup, match[match.lastgroup], at)
        at = match.end()
    yield Token("end", "<EOF>", len(soql))


def unescape(raw: str, at: int) -> str:
    r"""A string's value. Escapes are \n \r \t \b \f \' \" \\ and, meant for LIKE, \_ and \%."""

    def one(match: re.Match[str]) -> str:
        character = _ESCAPES.get(match[1].lower())
        if character is None:
            raise malformed(f"Illegal quoted character: \\{match[1]}", at)
        return character

    return re.sub(r"\\(.)", one, raw, flags=re.DOTALL)


def like_regex(raw: str) -> str:
    r"""A LIKE pattern as a regular expression: `%` any run, `_` any one character, `\%` and `\_` themselves."""
    parts = re.findall(r"\\.|.", raw, flags=re.DOTALL)
    return "".join({"%": ".*", "_": "."}.get(part) or re.escape(unescape(part, 0)) for part in parts)
