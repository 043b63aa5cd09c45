"""What a client says when it makes or changes a job: a JSON object of known keys, some of them choices."""

import json
from collections.abc import Mapping, Set

from migration_pipelines.twins.salesforce.errors import Refusal

DELIMITERS: Mapping[str, str] = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: Mapping[str, str] = {"LF": "\n", "CRLF": "\r\n"}


def told(body: bytes, keys: Set[str]) -> Mapping[str, object]:
    """The object's members.

    Raises:
        Refusal: JSON_PARSER_ERROR: it is none, or has a key beyond those.
    """
    try:
        given = json.loads(body)
    except ValueError as error:
        raise _unreadable(f"The HTTP entity body is required to be JSON: {error}") from error
    if not isinstance(given, dict):
        raise _unreadable("The HTTP entity body is required to be a JSON object")
    for key in given:
        if key not in keys:
            raise _unreadable(f'Unrecognized field "{key}"')
    return given


def choice(given: Mapping[str, object], key: str, choices: Set[str], default: str | None = None) -> str:
    """A member that is one of a few words, in exact case.

    Raises:
        Refusal: it is another, or missing where there is no default.
    """
    value = given.get(key, default)
    if value is None:
        raise required(key)
    if not isinstance(value, str) or value not in choices:
        raise _unreadable(
            f"Cannot deserialize instance of {key} from value {json.dumps(value)}: not one of its choices"
        )
    return value


def required(key: str) -> Refusal:
    return Refusal(400, "INVALIDJOB", f"{key} is required")


def _unreadable(text: str) -> Refusal:
    return Refusal(400, "JSON_PARSER_ERROR", text)
