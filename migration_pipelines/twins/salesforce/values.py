"""Values on their way into the store: columns of CSV text, of JSON values or of a seed, in the one form they have there.

Dates and times come out in Salesforce's own text forms, ids in 18 characters, booleans as 0 and 1, numbers rounded to
their scale.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Final

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import TEXT_TYPES
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.moments import moment, parse_date, parse_moment

Values = list[object]
"""One field's values, one for each row of a chunk."""
Parse = Callable[[object], object]


class _Absent:
    """Empty, so that it is false and takes no room in a comparison of lengths."""

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""In place of a value: the row does not say it."""

CSV_BLANKS: Mapping[str, object] = {"": ABSENT, "#N/A": None}
SEED_BLANKS: Mapping[str, object] = {"": None}
_TRUTH = {"true": 1, "1": 1, "false": 0, "0": 0}
_UTC_MOMENT = 24  # characters of 2024-01-31T10:00:00.000Z


@dataclass
class JsonMisfitError(Exception):
    """A JSON value has another type than its field."""

    field: Field
    value: object

    def __str__(self) -> str:
        return (
            f"Cannot deserialize instance of {_instance(self.field)} from {_token(self.value)} value "
            f"{_shown(self.value)} or request may be missing a required field"
        )


def stored(field: Field, value: object) -> object:
    """One value as the store keeps it; None for the empty string.

    Raises:
        ValueError: the value does not fit the field's type.
    """
    if value is None or value == "":
        return 0 if field.type == "boolean" else None
    try:
        return _parser(field)(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{field.name} ({field.type}): {value!r} does not fit: {error}") from error


def from_text(field: Field, raw: Sequence[str], blanks: Mapping[str, object]) -> tuple[Values, Collection[int]]:
    """A column of a CSV file, and the positions of those that do not fit the field's type; these stay as they are.

    Args:
        blanks: what the texts stand for that are no values.
    """
    if field.type == "boolean":
        blanks = {blank: 0 if value is None else value for blank, value in blanks.items()}
    if _is_text(field):
        found = [blank for blank in blanks if blank in raw]
        return ([blanks.get(text, text) for text in raw] if found else list(raw)), ()
    parse = _parser(field)
    known: dict[str, object] = dict(blanks)
    misfits: set[str] = set()
    for text in set(raw).difference(known):
        try:
            known[text] = parse(text)
        except (ValueError, OverflowError):
            known[text] = text
            misfits.add(text)
    values = [known[text] for text in raw]
    return values, [position for position, text in enumerate(raw) if text in misfits] if misfits else ()


def from_json(field: Field, raw: Sequence[object]) -> tuple[Values, Collection[int]]:
    """A column of JSON values, and the positions of malformed ids; these stay as they are.

    Raises:
        JsonMisfitError: a value has another type than the field.
    """
    parse = _parser(field)
    accepted = _ACCEPTED.get(field.type, (str,))
    values: Values = []
    misfits: list[int] = []
    for value in raw:
        if value is ABSENT:
            values.append(ABSENT)
        elif value is None or value == "":
            values.append(0 if field.type == "boolean" else None)
        elif type(value) not in accepted:
            raise JsonMisfitError(field, value)
        else:
            try:
                values.append(parse(value))
            except (ValueError, OverflowError) as error:
                if field.type not in ("id", "reference"):
                    raise JsonMisfitError(field, value) from error
                misfits.append(len(values))
                values.append(value)
    return values, misfits


def from_seed(field: Field, raw: Sequence[object]) -> Values:
    """A column of a seed: texts of a CSV file, or JSON values. Empty is null.

    Raises:
        ValueError: a value does not fit the field's type.
    """
    if not all(value.__class__ is str for value in raw):
        return [ABSENT if value is ABSENT else stored(field, value) for value in raw]
    values, misfits = from_text(field, raw, SEED_BLANKS)  # type: ignore[arg-type]
    for position in misfits:
        stored(field, raw[position])
    return values


def _is_text(field: Field) -> bool:
    return field.type in TEXT_TYPES or (field.type == "reference" and field.target_key != "Id")


def _parser(field: Field) -> Parse:
    """What makes a stored value of one that is not blank. It raises ValueError where the value does not fit."""
    if field.type in ("currency", "double", "percent"):
        return partial(_number, int(field.answer["scale"]))
    if _is_text(field):
        return _text
    return _PARSERS.get(field.type, _text)


def _text(value: object) -> object:
    if isinstance(value, list):  # a seed's multi-select
        return ";".join(map(str, value))
    if isinstance(value, dict):
        raise ValueError("not a plain value")
    return str(value)


def _id(value: object) -> object:
    record_id = canonical(str(value))
    if record_id is None:
        raise ValueError("not an id of 15 or 18 characters")
    return record_id


def _boolean(value: object) -> object:
    truth = _TRUTH.get(str(value).lower())
    if truth is None:
        raise ValueError("neither true nor false")
    return truth


def _int(value: object) -> object:
    number = float(str(value))
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)


def _number(scale: int, value: object) -> object:
    """Rounded half up, as the platform does."""
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError("not a number")
    if abs(number) < 1e18 and round(number, scale) != number:
        return float(Decimal(str(value).strip()).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP))
    return number


def _date(value: object) -> object:
    return parse_date(str(value).removesuffix("Z") if len(str(value)) == 11 else str(value))


def _moment(value: object) -> object:
    text = str(value)
    if len(text) == _UTC_MOMENT and text[-1] == "Z" and text[10] == "T":
        datetime.fromisoformat(text)
        return text[:23] + "+0000"
    return moment(parse_moment(text))


def _structure(value: object) -> object:
    """A complex value is kept as JSON."""
    return json.dumps(value if not isinstance(value, str) else json.loads(value))


_PARSERS: Mapping[str, Parse] = {
    "complexvalue": _structure,
    "id": _id,
    "reference": _id,
    "boolean": _boolean,
    "int": _int,
    "long": _int,
    "date": _date,
    "datetime": _moment,
}
_NUMBERS = (int, float, str)
_ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool, str),
    **dict.fromkeys(("int", "long", "currency", "double", "percent"), _NUMBERS),
}


def _instance(field: Field) -> str:
    return {"currency": "double", "percent": "double", "textarea": "string"}.get(field.type, field.type)


def _token(value: object) -> str:
    match value:
        case bool():
            return "VALUE_TRUE" if value else "VALUE_FALSE"
        case int():
            return "VALUE_NUMBER_INT"
        case float():
            return "VALUE_NUMBER_FLOAT"
        case list():
            return "START_ARRAY"
        case dict():
            return "START_OBJECT"
    return "VALUE_STRING"


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "["
        case dict():
            return "{"
    return str(value)
