"""A field's value on its way into the store: the one form that it has there."""

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import TEXT_TYPES
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.moments import moment, parse_date, parse_moment

_TRUE, _FALSE = ("true", "1"), ("false", "0")


def stored(field: Field, value: object) -> object:
    """The value as the store keeps it; None for the empty string.

    Takes JSON values and the strings of a CSV file. Dates and times come out in Salesforce's own text forms, ids in 18
    characters, booleans as 0 and 1, a list of choices joined with semicolons.

    Raises:
        ValueError: the value does not fit the field's type.
    """
    if value is None or value == "":
        return 0 if field.type == "boolean" else None
    if field.type in TEXT_TYPES and isinstance(value, str):
        return value
    try:
        return _convert(field, value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{field.name} ({field.type}): {value!r} does not fit: {error}") from error


def _convert(field: Field, value: object) -> object:
    match field.type:
        case "id" | "reference" if field.target_key == "Id":
            record_id = canonical(str(value))
            if record_id is None:
                raise ValueError("not an id of 15 or 18 characters")
            return record_id
        case "boolean":
            return _boolean(value)
        case "int" | "long":
            return int(float(str(value)))
        case "currency" | "double" | "percent":
            return float(str(value))
        case "date":
            return parse_date(str(value))
        case "datetime":
            return moment(parse_moment(str(value)))
        case "multipicklist" if isinstance(value, list):
            return ";".join(map(str, value))
    if isinstance(value, dict | list):
        raise ValueError("not a plain value")
    return str(value)


def _boolean(value: object) -> int:
    text = str(value).lower()
    if text not in (*_TRUE, *_FALSE):
        raise ValueError("neither true nor false")
    return int(text in _TRUE)
