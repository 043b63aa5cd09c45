"""Links in Kommo. Contact and company are linked from the company's side, many contacts a call; deals take theirs when
they are created, and by calls of their own afterwards. Linking is safe to repeat: a pair is linked or it is not.

The id of a company's link is "<company id>:<contact id>".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx

from migration_pipelines.connectors.base import Batch, Found, Record, WriteResult
from migration_pipelines.connectors.http import HttpClient
from migration_pipelines.connectors.kommo.forms import in_its_words
from migration_pipelines.core.schema import FieldSchema, ObjectSchema

DEAL_LINKS = ("company", "contacts")
SCHEMA = ObjectSchema(
    name="company_contacts", label="Links between companies and contacts",
    fields={name: FieldSchema(name=name, type="reference") for name in ("company_id", "contact_id")},
)  # fmt: skip

_Answers = Callable[[str, Sequence[str]], Iterable[Mapping[str, Any]]]


def link_id(record: Record) -> str:
    return f"{record.references['company_id'][0]}:{record.references['contact_id'][0]}"


def body(batch: Batch) -> bytes:
    """All contacts of one company."""
    return _to_contacts(one.references["contact_id"][0] for one in batch.records)


def write(http: HttpClient, batch: Batch) -> Sequence[WriteResult | None]:
    company = batch.records[0].references["company_id"][0]
    response = http.write("POST", f"/api/v4/companies/{company}/link", body(batch))
    if response.status_code == 200:
        return [WriteResult("created", link_id(one)) for one in batch.records]
    if len(batch.records) == 1:
        return [WriteResult("failed", message=f"link: {in_its_words(response)}")]
    return [None] * len(batch.records)


def applied(batch: Batch, found: Mapping[str, Found]) -> Sequence[WriteResult | None]:
    return [WriteResult("created", link_id(one)) if link_id(one) in found else None for one in batch.records]


def read_back(target_ids: Sequence[str], answers: _Answers) -> Mapping[str, Found]:
    """The links among those asked for that are there, read from the contacts' side, many a request."""
    contacts = list(dict.fromkeys(one.split(":")[1] for one in target_ids))
    companies = {
        str(one["id"]): {str(company["id"]) for company in one["_embedded"].get("companies") or ()}
        for one in answers("contacts", contacts)
    }
    found = {}
    for target_id in target_ids:
        company, contact = target_id.split(":")
        if company in companies.get(contact, ()):
            found[target_id] = Found({}, {"company_id": [company], "contact_id": [contact]})
    return found


def unlink(http: HttpClient, target_ids: Sequence[str]) -> Mapping[str, str]:
    by_company: dict[str, list[str]] = {}
    for target_id in target_ids:
        company, contact = target_id.split(":")
        by_company.setdefault(company, []).append(contact)
    refused = {}
    for company, contacts in by_company.items():
        response = http.write("POST", f"/api/v4/companies/{company}/unlink", _to_contacts(contacts))
        if response.status_code != 204:
            refused.update({f"{company}:{one}": f"not unlinked (status {response.status_code})" for one in contacts})
    return refused


def are_as_meant(meant: Sequence[str], there: Sequence[str]) -> bool:
    """The same records, with the same one first: that is the main one."""
    return set(meant) == set(there) and list(meant[:1]) == list(there[:1])


def relink_deals(http: HttpClient, records: Sequence[Record], found: Mapping[str, Found]) -> None:
    """Give each deal the company and contacts that are meant, and take away those that are not."""
    for record in records:
        there = found.get(record.target_id or "", Found({})).references
        meant, linked = _deal_links(record.references), _deal_links(there)
        main = record.references.get("contacts", ())[:1]
        is_main_elsewhere = list(there.get("contacts", ())[:1]) != list(main)
        wanted = [one for one in meant if one not in linked or (is_main_elsewhere and one == ("contacts", *main))]
        if surplus := [one for one in linked if one not in meant]:
            _change(http, record.target_id, "unlink", surplus, ())
        if wanted:
            _change(http, record.target_id, "link", wanted, main)


def unlink_deals(http: HttpClient, records: Mapping[str, Found]) -> dict[str, str]:
    """Take away all links of deals. Returns Kommo's words for each deal whose links it keeps."""
    refused = {}
    for target_id, found in records.items():
        if linked := _deal_links(found.references):
            response = _change(http, target_id, "unlink", linked, ())
            if not response.is_success:
                refused[target_id] = in_its_words(response)
    return refused


def _deal_links(references: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [
        *(("companies", one) for one in references.get("company", ())),
        *(("contacts", one) for one in references.get("contacts", ())),
    ]


def _change(
    http: HttpClient, deal: str | None, verb: str, pairs: Sequence[tuple[str, str]], main: Sequence[str]
) -> httpx.Response:
    items = []
    for kind, one in pairs:
        item: dict[str, Any] = {"to_entity_id": int(one), "to_entity_type": kind}
        if kind == "contacts" and one in main:
            item["metadata"] = {"is_main": True}
        items.append(item)
    return http.write("POST", f"/api/v4/leads/{deal}/{verb}", json.dumps(items).encode())


def _to_contacts(contacts: Iterable[str]) -> bytes:
    return json.dumps([{"to_entity_id": int(one), "to_entity_type": "contacts"} for one in contacts]).encode()
