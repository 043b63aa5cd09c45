"""The report as one static page: no script, no resource from elsewhere, everything that came from a record escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from migration_pipelines.reports.outlook import consequence_of, records_text, score_text

_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST = 400


def page_of(report: Mapping[str, Any]) -> Iterator[str]:
    """The page, in parts as they are rendered.

    Args:
        report: what `stages.write_report` gathers, which is also the report's JSON.
    """
    css = _text("report.css")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return _environment().get_template("report.html").generate(r=report, css=Markup(css), css_digest=digest)  # noqa: S704


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("migration_pipelines.reports", "templates"), autoescape=True, undefined=StrictUndefined,
        finalize=_showable, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "number": number,
        "amount": amount,
        "value": value,
        "label": label,
        "slug": slug,
        "consequence": consequence_of,
        "score": score_text,
        "in_all": records_text,
    }
    return environment


def _text(name: str) -> str:
    return (resources.files("migration_pipelines.reports") / "templates" / name).read_text("utf-8")


def _showable(content: Any) -> Any:
    """What a page can hold: control characters and halves of characters show as U+FFFD; None shows as nothing."""
    if content is None:
        return ""
    if isinstance(content, str) and not isinstance(content, Markup):
        return _UNSHOWABLE.sub("\ufffd", content.replace("\r\n", "\n"))
    return content


def number(count: int | None) -> str:
    """A count with its thousands apart; a dot where there is none, so that the eye finds the others."""
    return f"{count:,}" if count else ("·" if count == 0 else "not told")


def amount(text: str) -> str:
    """An exact amount with its thousands apart and two places at least, never rounded: "1500.5" -> "1,500.50"."""
    whole, _, places = f"{Decimal(text):,f}".replace("-", "\N{MINUS SIGN}").partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def value(content: Any) -> str:
    """A field's value as a person reads it, cut where it is very long."""
    if content is None or content in ("", []):
        return ""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, list):
        return "\n".join(value(one) for one in content)
    if isinstance(content, Mapping):
        if set(content) == {"value", "enum_code"}:
            return f"{value(content['value'])} ({content['enum_code']})"
        return json.dumps(content, ensure_ascii=False, default=str)[:_LONGEST]
    text = str(content)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text):,} characters)"


def label(name: str) -> str:
    """A claim's name as a sentence: "the_outcomes_add_up" -> "The outcomes add up"."""
    return name.replace("_", " ").capitalize()


def slug(state: str) -> str:
    """A state as the name of a style."""
    return re.sub("[^a-z]+", "-", state.lower())
