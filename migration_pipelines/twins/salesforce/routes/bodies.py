"""Bodies of writing requests, and the answers for written and refused rows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import Refusal
from migration_pipelines.twins.salesforce.values import JsonMisfitError
from migration_pipelines.twins.salesforce.writing import ColumnError, Outcome, RowError

Record = dict[str, Any]
Result = TypeVar("Result")
SEARCHED_BYTES = 1 << 20
"""How far into a body the place of a misfit is looked for: a multipart one may be of gigabytes."""


@dataclass
class RowRefusal(Refusal):
    """A single record was refused; the body names every reason."""

    errors: tuple[RowError, ...] = ()

    def body(self) -> object:
        return [{"message": text, "errorCode": code, "fields": list(names)} for code, text, names in self.errors]


def json_object(call: Call) -> Record:
    """The body as a JSON object.

    Raises:
        Refusal: 400 JSON_PARSER_ERROR.
    """
    try:
        body = json.loads(call.body, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise malformed(f"{error.msg} at [line:{error.lineno}, column:{error.colno}]") from error
    except (ValueError, RecursionError) as error:
        raise malformed("the body is not JSON in UTF-8 at [line:1, column:1]") from error
    if not isinstance(body, dict):
        what = "array" if isinstance(body, list) else "value"
        raise malformed(f"Can not deserialize: unexpected {what} at [line:1, column:1]")
    return body


def member(body: Mapping[str, Any], name: str, kind: type[Result], default: Result | None = None) -> Result:
    """A member of a JSON object, which must be of this kind.

    Raises:
        Refusal: 400 JSON_PARSER_ERROR where it is missing or another kind.
    """
    value = body.get(name, default)
    if not isinstance(value, kind):
        raise malformed(f"{name} is missing or not of type {kind.__name__} at [line:1, column:1]")
    return value


def malformed(text: str) -> Refusal:
    return Refusal(400, "JSON_PARSER_ERROR", text)


def written(call: Call, work: Callable[[], Result]) -> Result:
    """Write; what is wrong with the request as a whole becomes a refusal.

    Raises:
        Refusal: 400 INVALID_FIELD, or JSON_PARSER_ERROR with the place of the field in the body.
    """
    try:
        return work()
    except ColumnError as error:
        raise Refusal(400, "INVALID_FIELD", error.reason) from error
    except JsonMisfitError as error:
        call.file.seek(0)
        before = call.file.read(SEARCHED_BYTES).decode(errors="replace").partition(f'"{error.field.name}"')[0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise malformed(f"{error} at [line:{line}, column:{column}]") from error


def refuse_row(outcome: Outcome, status: int = 400) -> None:
    """Raise what is wrong with a single record, if anything is."""
    if outcome.errors:
        first = outcome.errors[0]
        raise RowRefusal(status, first.code, first.message, first.fields, outcome.errors)


def row_answer(outcome: Outcome, *, says_created: bool = False) -> Record:
    """A row of a Collections answer."""
    row: Record = {} if outcome.id is None else {"id": outcome.id}
    row |= {"success": outcome.is_written, "errors": row_errors(outcome)}
    return row | {"created": outcome.created} if says_created else row


def row_errors(outcome: Outcome) -> list[Record]:
    return [{"statusCode": code, "message": text, "fields": list(names)} for code, text, names in outcome.errors]


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
