"""Links in Kommo, which are safe to repeat: a pair is linked or it is not.

Many travel in one call: all of one record, or of many records where the account takes that. Contact and company are
linked from the company's side, products from the lead's; the id of such a link is "<id of the one>:<id of the other>".
Deals take company and contacts when they are created, and by calls of their own afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migration_pipelines.connectors.base import Batch, Found, Joined, Record, WriteResult
from migration_pipelines.connectors.kommo.api import KommoApi
from migration_pipelines.connectors.kommo.kind import Kind
from migration_pipelines.connectors.kommo.refusals import in_its_words
from migration_pipelines.core.compare import differences
from migration_pipelines.core.schema import FieldSchema, ObjectSchema

DEAL_LINKS = ("company", "contacts")


@dataclass(frozen=True)
class LinkForm:
    """One kind of link.

    Attributes:
        near, near_field: the side that a call is made from, and the reference that names its record.
        far, far_field: the other side.
        is_read_from_far: the links are read with the records of the other side.
        values: fields that a link carries.
    """

    name: str
    label: str
    near: str
    near_field: str
    far: str
    far_field: str
    is_read_from_far: bool = False
    values: tuple[FieldSchema, ...] = ()


@dataclass(frozen=True)
class Link:
    """One link, from the side that calls are made from.

    Attributes:
        near: id of the record on that side.
        kind, far: the other record; an element with its list, "<list>:<id>".
    """

    near: str
    kind: str
    far: str
    quantity: Any = None
    is_main: bool = False

    def item(self) -> dict[str, Any]:
        """The far end as a call names it."""
        catalog, _, number = self.far.rpartition(":")
        metadata: dict[str, Any] = {"catalog_id": int(catalog)} if catalog else {}
        if self.quantity is not None:
            metadata["quantity"] = _number(self.quantity)
        if self.is_main:
            metadata["is_main"] = True
        item = {"to_entity_id": int(number), "to_entity_type": self.kind}
        return item | ({"metadata": metadata} if metadata else {})


COMPANY_CONTACTS = LinkForm(
    "company_contacts", "Links between companies and contacts", "companies", "company_id", "contacts", "contact_id",
    is_read_from_far=True,
)  # fmt: skip
LEAD_ELEMENTS = LinkForm(
    "lead_elements", "Elements of lists on leads", "leads", "lead", "catalog_elements", "element",
    values=(FieldSchema(name="quantity", label="Quantity", type="decimal"),),
)  # fmt: skip


class Links(Kind):
    """Links of one form, as a kind of record of their own."""

    def __init__(self, api: KommoApi, form: LinkForm) -> None:
        self._api = api
        self._form = form

    def schema(self) -> ObjectSchema:
        form = self._form
        references = (FieldSchema(name=name, type="reference") for name in (form.near_field, form.far_field))
        fields = {one.name: one for one in (*references, *form.values)}
        return ObjectSchema(name=form.name, label=form.label, fields=fields)

    def batch_size(self) -> int:
        return self._api.array_size.now

    def group_by(self) -> str | None:
        return None if self._api.links_of_many else self._form.near_field

    def render(self, batch: Batch) -> bytes:
        return _body(self._api, [self._link(one) for one in batch.records])

    def write(self, batch: Batch, body: bytes) -> Sequence[WriteResult | None]:
        if moved := [one.target_id for one in batch.records if one.target_id not in (None, self._id(one))]:
            self.undo(dict.fromkeys(moved, Found({})))  # a contact has one company at most, so the old link goes first
        path = _path(self._api, self._form.near, self._near(batch.records[0]), "link")
        response = self._api.write_array("POST", path, body, len(batch.records))
        if response.status_code == 200:
            told = {_answered(one) for one in response.json()["_embedded"]["links"]}
            return [self._linked(one) if self._id(one) in told else None for one in batch.records]
        if len(batch.records) == 1:
            return [WriteResult("failed", message=f"link: {in_its_words(response)}")]
        return [None] * len(batch.records)

    def applied(self, batch: Batch) -> Sequence[WriteResult | None]:
        found = self.read_back([self._id(one) for one in batch.records])
        return [self._linked(one) if self._is_as_meant(one, found) else None for one in batch.records]

    def _is_as_meant(self, record: Record, found: Mapping[str, Found]) -> bool:
        there = found.get(self._id(record))
        return there is not None and not differences(record.values, there.values)

    def _linked(self, record: Record) -> WriteResult:
        return WriteResult("updated" if record.target_id else "created", self._id(record))

    def read_back(self, target_ids: Sequence[str]) -> Mapping[str, Found]:
        """The links among those asked for that are there, many a request."""
        form, pairs = self._form, {one: one.partition(":")[::2] for one in target_ids}
        asked, shown = (form.far, form.near) if form.is_read_from_far else (form.near, form.far)
        side = 1 if form.is_read_from_far else 0
        there: dict[tuple[str, str], Mapping[str, Any]] = {}
        numbers = list(dict.fromkeys(int(pair[side]) for pair in pairs.values()))
        for one in self._api.by_ids(f"/api/v4/{asked}", asked, numbers, [("with", shown)]):
            for other in one["_embedded"].get(shown) or ():
                ends = (str(one["id"]), _our_id(other))
                there[ends[::-1] if form.is_read_from_far else ends] = other
        return {
            target_id: Found(_carried(there[pair]), {form.near_field: [pair[0]], form.far_field: [pair[1]]})
            for target_id, pair in pairs.items()
            if pair in there
        }

    def joined(self, batch: Batch) -> Sequence[Joined | None]:
        """The link that is meant, or of a contact, which has one company, the link to another."""
        form = self._form
        asked = form.far if form.is_read_from_far else form.near
        ends = [self._far(one) if form.is_read_from_far else self._near(one) for one in batch.records]
        shown = form.near if form.is_read_from_far else form.far
        numbers = list(dict.fromkeys(map(int, ends)))
        there = {
            str(one["id"]): [_our_id(other) for other in one["_embedded"].get(shown) or ()]
            for one in self._api.by_ids(f"/api/v4/{asked}", asked, numbers, [("with", shown)])
        }
        return [self._standing(record, there.get(end, [])) for record, end in zip(batch.records, ends, strict=True)]

    def _standing(self, record: Record, linked: Sequence[str]) -> Joined | None:
        """What a record's link is, of what the side that is read is linked with."""
        other = self._near(record) if self._form.is_read_from_far else self._far(record)
        if other in linked:
            return Joined(self._id(record), is_as_meant=True)
        if linked and self._form.is_read_from_far:
            return Joined(f"{linked[0]}:{self._far(record)}", is_as_meant=False)
        return None

    def undo(self, records: Mapping[str, Found]) -> Mapping[str, str]:
        ends = {one: one.partition(":")[::2] for one in records}
        links = {Link(near, self._form.far, far): one for one, (near, far) in ends.items()}
        return {
            links[link]: words for link, words in _change(self._api, self._form.near, "unlink", list(links)).items()
        }

    def _near(self, record: Record) -> str:
        return record.references[self._form.near_field][0]

    def _far(self, record: Record) -> str:
        return record.references[self._form.far_field][0]

    def _id(self, record: Record) -> str:
        return f"{self._near(record)}:{self._far(record)}"

    def _link(self, record: Record) -> Link:
        return Link(self._near(record), self._form.far, self._far(record), quantity=record.values.get("quantity"))


def _our_id(other: Mapping[str, Any]) -> str:
    catalog = (other.get("metadata") or {}).get("catalog_id")
    return f"{catalog}:{other['id']}" if catalog else str(other["id"])


def _answered(link: Mapping[str, Any]) -> str:
    """The id of a link that an answer to linking names."""
    return f"{link['entity_id']}:{_our_id({**link, 'id': link['to_entity_id']})}"


def _carried(other: Mapping[str, Any]) -> dict[str, Any]:
    quantity = (other.get("metadata") or {}).get("quantity")
    return {} if quantity is None else {"quantity": _number(quantity)}


def _number(quantity: Any) -> int | float:
    """A whole number stays one: JSON tells 2 from 2.0."""
    number = float(quantity)
    return int(number) if number.is_integer() else number


def are_as_meant(meant: Sequence[str], there: Sequence[str]) -> bool:
    """The same records, with the same one first: that is the main one."""
    return set(meant) == set(there) and list(meant[:1]) == list(there[:1])


def relink_deals(api: KommoApi, records: Sequence[Record], found: Mapping[str, Found]) -> None:
    """Give deals the company and contacts that are meant, and take away those that are not."""
    surplus: list[Link] = []
    wanted: list[Link] = []
    for record in records:
        there = found.get(record.target_id or "", Found({})).references
        meant, linked = (_deal_links(record.target_id or "", one) for one in (record.references, there))
        main = record.references.get("contacts", ())[:1]
        is_main_elsewhere = list(there.get("contacts", ())[:1]) != list(main)
        surplus += [one for one in linked if one not in meant]
        for one in meant:
            is_main = one.kind == "contacts" and one.far in main
            if one not in linked or (is_main and is_main_elsewhere):
                wanted.append(replace(one, is_main=is_main))
    _change(api, "leads", "unlink", surplus)
    _change(api, "leads", "link", wanted)


def unlink_deals(api: KommoApi, records: Mapping[str, Found]) -> dict[str, str]:
    """Take away all links of deals. Returns Kommo's words for each deal whose links it keeps."""
    links = [link for target_id, found in records.items() for link in _deal_links(target_id, found.references)]
    return {link.near: words for link, words in _change(api, "leads", "unlink", links).items()}


def _deal_links(deal: str, references: Mapping[str, Sequence[str]]) -> list[Link]:
    return [
        *(Link(deal, "companies", one) for one in references.get("company", ())),
        *(Link(deal, "contacts", one) for one in references.get("contacts", ())),
    ]


def _change(api: KommoApi, near: str, verb: str, links: Sequence[Link]) -> dict[Link, str]:
    """Link or unlink, in as few calls as the account takes. What comes with others and is refused is asked for alone.

    Returns:
        Kommo's words for each link that it refuses.
    """
    refused: dict[Link, str] = {}
    for some in _in_calls(api, links):
        response = api.write_array("POST", _path(api, near, some[0].near, verb), _body(api, some), len(some))
        if response.is_success:
            continue
        if len(some) == 1:
            refused[some[0]] = in_its_words(response)
        else:
            for one in some:
                refused |= _change(api, near, verb, [one])
    return refused


def _in_calls(api: KommoApi, links: Sequence[Link]) -> Iterator[list[Link]]:
    groups = [links] if api.links_of_many else _by_record(links)
    for group in groups:
        rest = list(group)
        while rest:
            length = api.array_size.now
            yield rest[:length]
            rest = rest[length:]


def _by_record(links: Sequence[Link]) -> Collection[Sequence[Link]]:
    groups: dict[str, list[Link]] = {}
    for one in links:
        groups.setdefault(one.near, []).append(one)
    return groups.values()


def _path(api: KommoApi, kind: str, near: str, verb: str) -> str:
    return f"/api/v4/{kind}/{verb}" if api.links_of_many else f"/api/v4/{kind}/{near}/{verb}"


def _body(api: KommoApi, links: Sequence[Link]) -> bytes:
    """Links as a call names them. Where one call serves many records, each link names its own."""
    of = ({"entity_id": int(one.near)} if api.links_of_many else {} for one in links)
    return json.dumps([own | one.item() for own, one in zip(of, links, strict=True)]).encode()
