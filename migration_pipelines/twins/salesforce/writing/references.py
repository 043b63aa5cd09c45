"""References: whether what an id names is there and fits, and finding a parent by a key. One query a chunk and parent."""

from collections.abc import Iterable, Mapping, Sequence

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_keys import MASTER_RECORD_TYPE
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.values import ABSENT, Values
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.header import Column, ParentKey
from migration_pipelines.twins.salesforce.writing.keys import live_by_key
from migration_pipelines.twins.salesforce.writing.outcomes import DELETED, UNKNOWN_REFERENCE, RowError, several

INACTIVE_OWNER_OBJECTS = frozenset(
    {"Account", "Asset", "Case", "Contact", "Lead", "Note", "Opportunity", "Order", "ServiceContract"}
)
"""Beside custom objects, those on which the permission for inactive owners counts by the documentation."""


def resolve_parents(store: Store, chunk: Chunk, keyed: Sequence[tuple[Column, Values]]) -> None:
    """Put the ids of parents that are named by a key into the reference's own column."""
    for column, keys in keyed:
        if column.key is None:
            continue
        name = column.field.name
        parents = live_by_key(store, column.key.parent, column.key.field, keys)
        ids: Values = list(chunk.columns.get(name) or [ABSENT] * chunk.size)
        for position, key in enumerate(keys):
            if key is ABSENT or position in chunk.errors:
                continue
            if ids[position] is not ABSENT:
                relationship = column.field.answer["relationshipName"]
                text = f"Cannot specify both an external ID reference {relationship} and a salesforce id, {name}"
                chunk.refuse(position, RowError("INVALID_FIELD", text))
                continue
            found = parents.of(key) if key is not None else [None]
            if len(found) == 1:
                ids[position] = found[0]
            else:
                chunk.refuse(position, _no_single_parent(column.key, key, [str(record_id) for record_id in found]))
        chunk.columns[name] = ids


def check_references(store: Store, chunk: Chunk, fields: Iterable[Field], switches: Switches) -> None:
    for field in fields:
        if field.type != "reference" or field.target_key != "Id":
            continue
        said = {str(value) for _, value in chunk.said(field.name)}
        wrong = _wrong(store, chunk, field, said, switches)
        if wrong:
            for position, value in chunk.said(field.name):
                error = wrong.get(str(value))
                if error is not None:
                    chunk.refuse(position, error)
        if field.name == "RecordTypeId" and MASTER_RECORD_TYPE in said:
            values = chunk.columns[field.name]
            chunk.columns[field.name] = [None if value == MASTER_RECORD_TYPE else value for value in values]


def _wrong(store: Store, chunk: Chunk, field: Field, said: set[str], switches: Switches) -> Mapping[str, RowError]:
    """The ids that cannot stand in this field, with the reason."""
    if field.name == "RecordTypeId":
        return _wrong_record_types(store, chunk, field, said - {MASTER_RECORD_TYPE})
    wrong: dict[str, RowError] = {}
    by_prefix: dict[str, list[str]] = {}
    for record_id in said:
        by_prefix.setdefault(record_id[:3], []).append(record_id)
    for ids in by_prefix.values():
        parent = store.catalogue.of_id(ids[0])
        if parent is not None and parent.name in field.reference_to:
            deleted = store.deleted(parent, ids)
            for record_id in ids:
                if deleted.get(record_id, True):
                    wrong[record_id] = DELETED if record_id in deleted else UNKNOWN_REFERENCE
        elif parent is None and not all(map(store.catalogue.get, field.reference_to)):
            wrong |= dict.fromkeys(ids, UNKNOWN_REFERENCE)
        else:
            wrong |= {record_id: incorrect_type(field, record_id) for record_id in ids}
    if field.name == "OwnerId" and not _takes_inactive_owner(chunk, switches):
        wrong |= _inactive(store, chunk, [record_id for record_id in said if record_id not in wrong])
    return wrong


def incorrect_type(field: Field, value: object) -> RowError:
    return RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", (field.name,))


def _no_single_parent(key: ParentKey, value: object, found: Sequence[str]) -> RowError:
    if found:
        return several(key.field.name, found)
    text = f"Foreign key external ID: {value} not found for field {key.field.name} in entity {key.parent.name}"
    return RowError("INVALID_FIELD", text)


def _takes_inactive_owner(chunk: Chunk, switches: Switches) -> bool:
    listed = chunk.obj.name in INACTIVE_OWNER_OBJECTS or bool(chunk.obj.answer["custom"])
    return switches.inactive_owners == "any" or (switches.inactive_owners == "listed" and listed)


def _inactive(store: Store, chunk: Chunk, ids: Sequence[str]) -> dict[str, RowError]:
    users = store.find(store.catalogue["User"], "Id", ids, ("Id", "IsActive"))
    label = str(chunk.obj.answer["label"]).lower()
    return {
        user_id: RowError(
            "INACTIVE_OWNER_OR_USER", f"operation performed with inactive user [{user_id}] as owner of {label}"
        )
        for user_id, is_active in users
        if not is_active
    }


def _wrong_record_types(store: Store, chunk: Chunk, field: Field, ids: set[str]) -> dict[str, RowError]:
    types = store.find(store.catalogue["RecordType"], "Id", ids, ("Id", "SobjectType", "IsActive"))
    available = {record_type for record_type, name, is_active in types if name == chunk.obj.name and is_active}
    return {
        record_type: RowError(
            "INVALID_CROSS_REFERENCE_KEY",
            f"{field.label}: this ID value isn't valid for the user: {record_type}",
            (field.name,),
        )
        for record_type in ids - available
    }
