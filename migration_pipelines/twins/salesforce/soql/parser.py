"""The grammar, by recursive descent.

    query      = SELECT item {"," item} FROM name [[AS] alias] [USING SCOPE name] [WHERE condition]
                 [WITH SECURITY_ENFORCED] [GROUP BY value {"," value} [HAVING condition]]
                 [ORDER BY order {"," order}] [LIMIT number] [OFFSET number]
                 [FOR (VIEW | REFERENCE | UPDATE) {"," (VIEW | REFERENCE | UPDATE)}]
    item       = "(" query ")" | FIELDS "(" ALL | STANDARD | CUSTOM ")" | typeof | value [alias]
    typeof     = TYPEOF path WHEN name THEN path {"," path} {WHEN ...} [ELSE path {"," path}] END
    value      = path | function "(" [value] ")"
    condition  = NOT simple | simple {AND simple} | simple {OR simple}
    simple     = "(" condition ")" | comparison
    comparison = value operator literal
               | value [NOT] IN "(" literal {"," literal} | query ")"
               | value (INCLUDES | EXCLUDES) "(" string {"," string} ")"
    operator   = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" | LIKE
    order      = value [ASC | DESC] [NULLS (FIRST | LAST)]
    literal    = string | number | date | datetime | TRUE | FALSE | NULL | date-literal [":" number]

So AND and OR mix only with parentheses, and NOT joins others only inside its own. Keywords are in any case.
convertCurrency, WITH DATA CATEGORY, GROUP BY ROLLUP, distances and bind variables are not of this grammar.
"""

from migration_pipelines.twins.salesforce.soql.errors import malformed, unexpected
from migration_pipelines.twins.salesforce.soql.scalars import CONVERT_TIMEZONE, DATE_FUNCTIONS, SHOWING
from migration_pipelines.twins.salesforce.soql.tokens import Token, tokens
from migration_pipelines.twins.salesforce.soql.tree import (
    AllFields,
    Call,
    Comparison,
    Condition,
    Either,
    Every,
    Item,
    Literal,
    Membership,
    MultiSelect,
    Not,
    Order,
    Path,
    Select,
    TypeOf,
)

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
FUNCTIONS = AGGREGATES | DATE_FUNCTIONS | SHOWING | {CONVERT_TIMEZONE}
DEEPEST = 60
RESERVED = frozenset(
    {
        *("AND", "ASC", "DESC", "FROM", "GROUP", "HAVING", "IN", "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OR"),
        *("SELECT", "WHERE", "WITH"),
    }
)
_COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "LIKE": "LIKE"}
_NOT_ALIASES = RESERVED | {"FOR", "OFFSET", "ORDER", "USING"}


def parse(soql: str) -> Select:
    """Read one statement.

    Raises:
        SoqlError: MALFORMED_QUERY, with the place.
    """
    parser = _Parser(soql)
    select = parser.query()
    parser.expect_end()
    return select


class _Parser:
    def __init__(self, soql: str) -> None:
        self._tokens = list(tokens(soql))
        self._next = 0
        self._depth = 0

    # --- tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _peek(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def _take(self, kind: str | None = None) -> Token:
        token = self._token
        if token.kind == "end" or (kind is not None and token.kind != kind):
            raise unexpected(token.text, token.at)
        self._next += 1
        return token

    def _accept(self, word: str) -> bool:
        if self._token.word != word:
            return False
        self._next += 1
        return True

    def _expect(self, *words: str) -> None:
        for word in words:
            if not self._accept(word):
                raise unexpected(self._token.text, self._token.at)

    def expect_end(self) -> None:
        if self._token.kind != "end":
            raise unexpected(self._token.text, self._token.at)

    # --- statements

    def query(self) -> Select:
        self._deeper()
        self._expect("SELECT")
        items = [self._item()]
        while self._accept(","):
            items.append(self._item())
        self._expect("FROM")
        source = self._take("name")
        alias = self._alias() if not self._accept("AS") else self._take("name").text
        scope = self._scope() if self._accept("USING") else None
        where = self._condition() if self._accept("WHERE") else None
        if self._accept("WITH"):
            self._expect("SECURITY_ENFORCED")
        group_by: tuple[Path | Call, ...] = ()
        having = None
        if self._accept("GROUP"):
            self._expect("BY")
            group_by = self._values()
            having = self._condition() if self._accept("HAVING") else None
        order_by: list[Order] = []
        if self._accept("ORDER"):
            self._expect("BY")
            order_by.append(self._order())
            while self._accept(","):
                order_by.append(self._order())
        limit = self._whole_number() if self._accept("LIMIT") else None
        offset = self._whole_number() if self._accept("OFFSET") else None
        self._purpose()
        self._depth -= 1
        return Select(
            items=tuple(items),
            source=source.text,
            source_at=source.at,
            source_alias=alias,
            scope=scope,
            where=where,
            group_by=group_by,
            having=having,
            order_by=tuple(order_by),
            limit=limit,
            offset=offset,
        )

    def _scope(self) -> Path:
        self._expect("SCOPE")
        return self._path()

    def _purpose(self) -> None:
        """FOR VIEW and its like change what the user interface remembers, or lock rows: nothing that a query shows."""
        if self._accept("FOR"):
            self._one_of("VIEW", "REFERENCE", "UPDATE")
            while self._accept(","):
                self._one_of("VIEW", "REFERENCE", "UPDATE")
        if self._token.word == "ALL" and self._peek().word == "ROWS":
            raise malformed("ALL ROWS not allowed in this context", self._token.at)

    def _one_of(self, *words: str) -> None:
        if not any(self._accept(word) for word in words):
            raise unexpected(self._token.text, self._token.at)

    def _item(self) -> Item | TypeOf | AllFields | Select:
        if self._accept("("):
            select = self.query()
            self._expect(")")
            return select
        if self._token.word == "FIELDS" and self._peek().word == "(":
            return self._all_fields()
        if self._token.word == "TYPEOF" and self._peek().kind == "name":
            return self._type_of()
        return Item(self._value(), self._alias())

    def _type_of(self) -> TypeOf:
        at = self._take().at
        relation = self._path()
        cases: list[tuple[Path, tuple[Path, ...]]] = []
        while self._accept("WHEN"):
            name = self._path()
            self._expect("THEN")
            cases.append((name, self._paths()))
        if not cases:
            raise unexpected(self._token.text, self._token.at)
        otherwise = self._paths() if self._accept("ELSE") else ()
        self._expect("END")
        return TypeOf(relation, tuple(cases), otherwise, at)

    def _all_fields(self) -> AllFields:
        at = self._take().at
        self._expect("(")
        which = self._take("name")
        if which.word not in ("ALL", "STANDARD", "CUSTOM"):
            raise unexpected(which.text, which.at)
        self._expect(")")
        return AllFields(which.word, at)

    def _alias(self) -> str | None:
        token = self._token
        if token.kind != "name" or token.word in _NOT_ALIASES or "." in token.text:
            return None
        if token.word == "ALL" and self._peek().word == "ROWS":
            return None
        return self._take().text

    def _value(self) -> Path | Call:
        if self._peek().word != "(":
            return self._path()
        token = self._take("name")
        if token.word not in FUNCTIONS:
            raise unexpected("(", self._token.at)
        self._expect("(")
        if token.word == "COUNT" and self._accept(")"):
            return Call("COUNT", None, token.at)
        self._deeper()
        argument = self._value()
        self._depth -= 1
        self._expect(")")
        return Call(token.word, argument, token.at)

    def _path(self) -> Path:
        token = self._take("name")
        if token.word in RESERVED:
            raise unexpected(token.text, token.at)
        return Path(tuple(token.text.split(".")), token.at)

    def _paths(self) -> tuple[Path, ...]:
        paths = [self._path()]
        while self._accept(","):
            paths.append(self._path())
        return tuple(paths)

    def _values(self) -> tuple[Path | Call, ...]:
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        return tuple(values)

    def _order(self) -> Order:
        value = self._value()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._expect("FIRST")
        return Order(value, descending, nulls_last)

    def _whole_number(self) -> Literal:
        token = self._take("number")
        if not token.text.isdigit():
            raise unexpected(token.text, token.at)
        # No count of rows or days comes near this; beyond it SQLite's own integers end.
        return Literal("number", str(min(int(token.text[:20]), 2**31)), token.at)

    # --- conditions

    def _condition(self) -> Condition:
        self._deeper()
        if self._accept("NOT"):
            condition: Condition = Not(self._simple())
        else:
            condition = self._joined(self._simple())
        if self._token.word in ("AND", "OR"):
            # SOQL: mixing AND and OR, or joining a NOT, needs parentheses.
            raise unexpected(self._token.text, self._token.at)
        self._depth -= 1
        return condition

    def _joined(self, first: Condition) -> Condition:
        word = self._token.word
        if word not in ("AND", "OR"):
            return first
        conditions = [first]
        while self._accept(word):
            conditions.append(self._simple())
        return Every(tuple(conditions)) if word == "AND" else Either(tuple(conditions))

    def _simple(self) -> Condition:
        if self._accept("("):
            condition = self._condition()
            self._expect(")")
            return condition
        return self._comparison()

    def _comparison(self) -> Condition:
        if self._token.word == "NOT":
            raise unexpected(self._token.text, self._token.at)
        operand = self._value()
        at = operand.at
        token = self._take()
        if token.word in _COMPARISONS:
            return Comparison(operand, _COMPARISONS[token.word], self._literal(), at)
        if token.word in ("INCLUDES", "EXCLUDES"):
            return MultiSelect(operand, token.word == "EXCLUDES", self._list(), at)
        negated = token.word == "NOT"
        if negated:
            token = self._take()
        if token.word != "IN":
            raise unexpected(token.text, token.at)
        if self._token.word == "(" and self._peek().word == "SELECT":
            self._expect("(")
            select = self.query()
            self._expect(")")
            return Membership(operand, negated, select, at)
        return Membership(operand, negated, self._list(), at)

    def _list(self) -> tuple[Literal, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind in ("string", "number", "date", "datetime"):
            return Literal(token.kind, token.text, token.at)
        if token.word in ("TRUE", "FALSE"):
            return Literal("boolean", token.word, token.at)
        if token.word == "NULL":
            return Literal("null", "NULL", token.at)
        if token.kind != "name" or "." in token.text:
            raise unexpected(token.text, token.at)
        n = int(self._whole_number().text) if self._accept(":") else None
        return Literal("range", token.word, token.at, n)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise malformed("the query is nested too deeply", self._token.at)
