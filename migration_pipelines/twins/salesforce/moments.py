"""Dates and times in Salesforce's forms. Stored values have these forms too, so that they sort and compare as text."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def moment(at: datetime) -> str:
    """`2022-03-17T16:21:26.000+0000`: always UTC, no colon in the offset."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def from_epoch(seconds: float) -> str:
    """A moment of the twin's clock. The platform keeps whole seconds."""
    return moment(datetime.fromtimestamp(int(seconds), UTC))


def parse_moment(text: str) -> datetime:
    """Read a datetime with `Z` or an offset; without either it is UTC.

    Raises:
        ValueError: it is none, or there is no such time.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a datetime: {text!r}")
    *numbers, fraction, offset = match.groups()
    zone: timezone = UTC
    if offset and offset.upper() != "Z":
        sign = -1 if offset[0] == "-" else 1
        zone = timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))
    year, month, day, hour, minute, second = map(int, numbers)
    return datetime(year, month, day, hour, minute, second, int((fraction or "0").ljust(6, "0")), zone)


def parse_date(text: str) -> str:
    """`2022-03-17`, checked; of a datetime its first ten characters."""
    if len(text) > 10:
        parse_moment(text)
    return date.fromisoformat(text[:10]).isoformat()
