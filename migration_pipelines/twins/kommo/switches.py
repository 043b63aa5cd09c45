"""Every behaviour on which Kommo's documentation is silent or contradicts itself, as a named switch with a default."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, cast, get_args, get_type_hints

SPOKEN_BOOLS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


def switch(default: Any, meaning: str, why: str) -> Any:
    return field(default=default, metadata={"meaning": meaning, "why": why})


@dataclass(frozen=True)
class Switches:
    """The README's table is made from these lines by `table`."""

    requests_per_second: int = switch(
        7,
        "requests allowed in a sliding second; 0 = unlimited",
        "7 is documented; per IP or per integration is not clear",
    )
    pace_of: Literal["everyone", "token"] = switch(
        "everyone",
        "whose requests are counted together: everyone's, as one address's or account's, or each token's own",
        "per address in Kommo's pages, per integration in amoCRM's",
    )
    requests_per_second_of_all: int = switch(
        50,
        "with `pace_of=token`, what all tokens together may send in a second; 0 = unlimited",
        "in amoCRM's pages only",
    )
    drive_counts: bool = switch(True, "requests to the files' host count towards the pace", "not documented")
    retry_after_seconds: int = switch(
        0, "`Retry-After` of a 429; 0 = no such header", "users miss the header, clients read it if it is there"
    )
    block_after: int = switch(
        30,
        "429 answers within `block_window_seconds` after which everything is 403; 0 = never",
        "no threshold published",
    )
    block_window_seconds: int = switch(60, "the window of `block_after`", "no threshold published")
    array_ceiling: int = switch(250, "items allowed in one array", "older documentation says 500")
    over_ceiling_applies: bool = switch(
        False, "an array over the ceiling is applied before it is answered 504", "a 504 may have been applied"
    )
    plan: Literal["none", "base", "advanced", "pro", "enterprise"] = switch(
        "none",
        "ceilings of records: per seat base 2,500 leads and 12,500 contacts with companies, advanced and pro "
        "two and four times that; none and enterprise have none",
        "the figures are documented, `over_plan` is not",
    )
    seats: int = switch(1, "seats that were paid for, which multiply the plan's ceilings", "a fact of each account")
    over_plan: Literal["402", "403"] = switch(
        "402", "status of a write that would pass the plan's ceiling", "what the API answers there is not documented"
    )
    field_ceiling: int = switch(0, "custom fields of one kind of record; 0 = unlimited", "no figure found")
    batch_failure: Literal["all_or_nothing", "partial"] = switch(
        "all_or_nothing", "what a batch with a bad item does with its good ones", "nothing says that a batch is atomic"
    )
    unknown_keys: Literal["ignore", "refuse"] = switch(
        "ignore",
        "top-level keys that Kommo does not know",
        "undocumented; sending a read record back whole fails for other reasons only",
    )
    unknown_user: Literal["validation", "detail"] = switch(
        "validation", "400 names the item, or only says `detail`", "both forms of 400 exist; which one is not shown"
    )
    name_length: int = switch(255, "longest name; 0 = unlimited", "no figure found")
    text_length: int = switch(256, "longest value of a text field; 0 = unlimited", "256 by users' reports only")
    textarea_length: int = switch(0, "longest value of a textarea field; 0 = unlimited", "no figure found")
    note_length: int = switch(
        0, "longest text of a note, but for extended_service_message; 0 = unlimited", "no figure found"
    )
    task_text_length: int = switch(0, "longest text of a task; 0 = unlimited", "no figure found")
    note_params: Literal["strict", "lax"] = switch(
        "strict",
        "strict: a note names every documented key of its type but `uniq` and `link`; lax: none",
        "the keys are documented, not which of them are needed",
    )
    note_dates: Literal["honoured", "ignored"] = switch(
        "honoured",
        "`created_at` and `updated_at` written to a note",
        "in the vendor's SDK, not in Kommo's list of keys",
    )
    note_authors: Literal["honoured", "ignored"] = switch(
        "honoured",
        "`created_by`, `updated_by` and `responsible_user_id` written to a note",
        "in the vendor's SDK, not in Kommo's list of keys",
    )
    feed_collapses_seconds: bool = switch(
        True, "of several notes with one second on one card, a person sees the latest only", "users' reports of 2021"
    )
    completed_tasks: Literal["honoured", "ignored", "refuse"] = switch(
        "honoured", "a task that is created with `is_completed`", "documented as accepted, not shown"
    )
    events_backdated: bool = switch(
        False, "the event of a backdated record bears the record's `created_at`", "not documented"
    )
    backdated_starts_automations: bool = switch(
        True, "a record that is created with a past `created_at` starts automations", "not documented"
    )
    duplicate_control: bool = switch(
        False,
        "`leads/complex` merges into the open lead of a contact with the same phone or e-mail",
        "documented, but only where the account has it switched on",
    )
    complex_links_existing: bool = switch(
        False, "`leads/complex` links an embedded contact or company that is named by `id`", "reported not to link"
    )
    minor_units: bool = switch(
        False,
        "price takes decimals, read in `price_with_minor_units`",
        "in the vendor's SDK since 2026, not in the pages",
    )
    clearing_values: Literal["both", "null", "empty"] = switch(
        "both", "what clears a custom field: `values: null`, `values: []`", "sources disagree"
    )
    empty_custom_fields: Literal["null", "empty"] = switch(
        "null", "`custom_fields_values` of a record without any: null or []", "both were seen"
    )
    default_multitext_enum: str = switch("WORK", "enum of a phone or e-mail written without one", "undocumented")
    updated_at: Literal["honoured", "ignored", "refuse_older"] = switch(
        "honoured",
        "a written `updated_at`; refuse_older is the rule of API v2 for PATCH",
        "listed, never shown to work",
    )
    open_lead_closed_at: Literal["ignored", "kept"] = switch(
        "ignored", "`closed_at` written to a lead on an open stage", "not shown anywhere"
    )
    create_lost_leads: bool = switch(
        True, "a lead can be created directly on stage 143", "documented; one user reports that it is refused"
    )
    company_phone_email: bool = switch(
        True,
        "companies have PHONE and EMAIL",
        "the table of types says contacts only, the examples use them on companies",
    )
    contacts_filter_created_at: bool = switch(
        False, "`filter[created_at]` works on contacts; if not, it is ignored", "doubtful in the documentation"
    )
    custom_field_filter: bool = switch(
        False, "`filter[custom_fields_values]` works; if not, it is ignored", "a paid option of single accounts"
    )
    tag_filter: bool = switch(
        False, "`filter[tags][]` with tags' ids works; if not, it is ignored", "found in no source"
    )
    query_delay_seconds: int = switch(0, "how long until `query` finds what was written", "undocumented")
    default_limit: int = switch(50, "records on a page that names no `limit`", "documented for custom fields only")
    over_limit: Literal["default", "largest"] = switch(
        "default", "a `limit` above 250 is read as the default, or as 250", "users' reports only"
    )
    events_page: int = switch(100, "largest page of events", "100 in amoCRM's pages, 250 in an older one of Kommo's")
    repeated_page_item: bool = switch(
        False, "a page after the first begins with the last record of the page before", "pages over a list that changes"
    )
    palette_only: bool = switch(True, "stage colours outside Kommo's palette are refused", "they *may* be rejected")
    loss_reasons_endpoint: bool = switch(
        True, "`/leads/loss_reasons` exists", "in the vendor's SDK, not in Kommo's index"
    )
    delete_custom_fields: bool = switch(
        True, "DELETE of a field definition works; if not, 405", "in the SDK, gone from the 2026 reference"
    )
    delete_status: Literal["405", "404", "403"] = switch(
        "405", "answer to DELETE where the API has none", "that it does not exist is certain, its status is not"
    )
    contact_with_two_companies: Literal["refuse", "replace", "keep_both"] = switch(
        "refuse", "linking a contact to a second company", "said to be unsupported in practice"
    )
    contact_to_lead_links: bool = switch(
        False, "a contact can be linked to leads from its own side", "in the SDK, not in Kommo's matrix"
    )
    links_move_updated_at: bool = switch(True, "linking moves `updated_at` of both records", "probable")
    mass_link: bool = switch(
        True,
        "`POST /{entity}/link` and `unlink`, `GET /{entity}/links` exist",
        "in the SDK and in amoCRM's, not in Kommo's reference",
    )
    context_user: Literal["honoured", "ignored"] = switch(
        "honoured", "`X-Context-User-ID` makes the token act as that user", "in the SDK, not in Kommo's pages"
    )
    spent_token_status: Literal["401", "400"] = switch(
        "401", "status for a refresh token or code that was used before or has ended", "clients handle both"
    )
    largest_part: int = switch(524288, "`max_part_size` of an upload, in bytes", "as in the documented example")
    open_downloads: bool = switch(False, "a file's download link works without a token", "not documented")


def switches_from(given: Mapping[str, object]) -> Switches:
    """Read switches by name; values may be spelt as on a command line.

    Raises:
        ValueError: no such switch, or not one of its values.
    """
    hints = get_type_hints(Switches)
    unknown = set(given) - set(hints)
    if unknown:
        raise ValueError(f"unknown switch {', '.join(sorted(unknown))}; known: {', '.join(hints)}")
    return Switches(**{name: cast(Any, _value(name, hints[name], value)) for name, value in given.items()})


def table() -> str:
    """The switches as a Markdown table."""
    lines = ["| switch | default | meaning | why it is uncertain |", "| --- | --- | --- | --- |"]
    for one in fields(Switches):
        default = str(one.default).lower() if isinstance(one.default, bool) else one.default
        lines.append(f"| `{one.name}` | {default}{_others(one)} | {one.metadata['meaning']} | {one.metadata['why']} |")
    return "\n".join(lines)


def _others(one: Field[Any]) -> str:
    others = [choice for choice in get_args(one.type) if choice != one.default]
    return f" (or {', '.join(others)})" if others else ""


def _value(name: str, kind: Any, value: object) -> object:
    choices = get_args(kind)
    if choices and value in choices:
        return value
    if kind is bool and (isinstance(value, bool) or str(value).lower() in SPOKEN_BOOLS):
        return SPOKEN_BOOLS[str(value).lower()]
    if kind is int and str(value).isdigit():
        return int(str(value))
    if kind is str and isinstance(value, str):
        return value
    wanted = " or ".join(choices) if choices else {bool: "true or false", int: "a whole number"}.get(kind, "text")
    raise ValueError(f"switch {name} is {wanted}, not {value!r}")
