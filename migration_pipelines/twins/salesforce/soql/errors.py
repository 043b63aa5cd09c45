"""Refusals of a query: each shows the line of the statement, a caret under the place, and row and column."""

from migration_pipelines.twins.salesforce.errors import Refusal

_BEFORE, _AFTER = 60, 40


class SoqlError(Exception):
    """What is wrong and where. `refusal` makes Salesforce's answer of it."""

    def __init__(self, code: str, text: str, at: int) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.at = at

    def refusal(self, soql: str) -> Refusal:
        before = soql[: self.at]
        row, line_start = before.count("\n") + 1, before.rfind("\n") + 1
        line_end = soql.find("\n", self.at)
        shown_from = max(line_start, self.at - _BEFORE)
        shown = soql[shown_from : min(len(soql) if line_end < 0 else line_end, self.at + _AFTER)]
        caret = " " * (self.at - shown_from) + "^"
        column = self.at - line_start + 1
        return Refusal(400, self.code, f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column}\n{self.text}")


_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


def malformed(text: str, at: int) -> SoqlError:
    return SoqlError("MALFORMED_QUERY", text, at)


def unexpected(token: str, at: int) -> SoqlError:
    return malformed(f"unexpected token: '{token}'", at)


def unknown_object(name: str, at: int) -> SoqlError:
    return SoqlError(
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
        f"be sure to append the '__c' after the entity name. {_WSDL}",
        at,
    )


def unknown_field(name: str, entity: str, at: int) -> SoqlError:
    return SoqlError(
        "INVALID_FIELD",
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, "
        f"be sure to append the '__c' after the custom field name. {_WSDL}",
        at,
    )


def unknown_parent(name: str, at: int) -> SoqlError:
    return SoqlError("INVALID_FIELD", f"Didn't understand relationship '{name}' in field path. {_RELATIONSHIP}", at)


def unknown_children(name: str, at: int) -> SoqlError:
    text = f"Didn't understand relationship '{name}' in FROM part of query call. {_RELATIONSHIP}"
    return SoqlError("INVALID_TYPE", text, at)


_RELATIONSHIP = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship "
    f"name. {_WSDL}"
)
