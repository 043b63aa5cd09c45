"""The Recycle Bin: deleting with what hangs on a row, undeleting the same, and deleting for good.

A deleted row takes its children along where their relationship cascades, is kept where a relationship restricts, and
is cleared out of custom lookups. What one deletion did is kept in a table, so that undeleting puts all of it back.
"""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import json
from collections.abc import Iterable, Iterator, Sequence

from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.ids import canonical
from migration_pipelines.twins.salesforce.soql.names import quoted
from migration_pipelines.twins.salesforce.store import BIN
from migration_pipelines.twins.salesforce.writing import products
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.outcomes import DELETED, UNKNOWN_REFERENCE, Outcome, RowError

_ALIKE = {"ContentDocument": "ContentNote", "ContentNote": "ContentDocument"}
"""A note and its document are one thing under one id."""
_THESE = "IN (SELECT value FROM json_each(?))"


def delete(context: Context, obj: SObject, given: Sequence[object], *, for_good: bool = False) -> list[Outcome]:
    """Delete rows by id, one answer each.

    Args:
        for_good: past the Recycle Bin; rows that are in it already may be named too.
    """
    if not obj.answer["deletable"] or obj.field("IsDeleted") is None:
        refused = RowError("INVALID_TYPE_FOR_OPERATION", f"entity type {obj.name} does not support delete")
        return [Outcome(None, created=False, errors=(refused,))] * len(given)
    ids = [canonical(str(text)) for text in given]
    deleted = context.store.deleted(obj, {record_id for record_id in ids if record_id})
    held = _restricted(context, obj, [record_id for record_id in deleted if not deleted[record_id]])
    outcomes: list[Outcome] = []
    going: dict[str, None] = {}
    for text, record_id in zip(given, ids, strict=True):
        error = _refusal(text, record_id, deleted, held, going, for_good=for_good)
        if error is None and record_id is not None:
            going[record_id] = None
        outcomes.append(Outcome(record_id, created=False, errors=(error,) if error else ()))
    remove(context, obj, [record_id for record_id in going if not deleted[record_id]])
    _sum_lines(context, obj, list(going))
    if for_good:
        _erase(context, obj, list(going))
    return outcomes


def remove(context: Context, obj: SObject, ids: Sequence[str]) -> None:
    """Put live rows into the Recycle Bin, with all that goes with them."""
    pending = [(obj, [(record_id, record_id) for record_id in ids])]
    while pending:
        kind, pairs = pending.pop()
        if not pairs:
            continue
        _mark(context, kind, [record_id for record_id, _ in pairs], deleted=True)
        context.store.run_many(
            f"INSERT INTO {BIN} VALUES (?, ?, ?, NULL)", [(root, kind.name, own) for own, root in pairs]
        )
        roots = dict(pairs)
        for child, field, relationship in _children(context, kind):
            found = [
                (own, roots[parent])
                for own, parent in context.store.find(child, field.name, roots, ("Id", field.name), live=True)
            ]
            if relationship["cascadeDelete"]:
                pending.append((child, found))
            elif field.answer["custom"] and found:
                _clear(context, child, field, found)
        if kind.name in _ALIKE:
            other = context.store.catalogue[_ALIKE[kind.name]]
            same = context.store.find(other, "Id", roots, ("Id",), live=True)
            pending.append((other, [(own, roots[own]) for (own,) in same]))


def undelete(context: Context, obj: SObject, given: Sequence[object]) -> list[Outcome]:
    """Bring rows back by id, with what their deletion took along."""
    ids = [canonical(str(text)) for text in given]
    deleted = context.store.deleted(obj, {record_id for record_id in ids if record_id})
    outcomes: list[Outcome] = []
    for record_id in ids:
        error = None
        if not obj.answer["undeletable"]:
            error = RowError("INVALID_TYPE_FOR_OPERATION", f"entity type {obj.name} does not support undelete")
        elif record_id is None or not deleted.get(record_id):
            error = RowError("UNDELETE_FAILED", "Entity is not in the recycle bin")
        else:
            _bring_back(context, obj, record_id)
            deleted[record_id] = False
        outcomes.append(Outcome(record_id, created=False, errors=(error,) if error else ()))
    _sum_lines(context, obj, [record_id for record_id in ids if record_id])
    return outcomes


def _sum_lines(context: Context, obj: SObject, ids: Sequence[str]) -> None:
    if obj.name == "OpportunityLineItem":
        found = context.store.find(obj, "Id", ids, ("OpportunityId",))
        products.sum_lines(context, [opportunity for (opportunity,) in found])


def _refusal(
    text: object,
    record_id: str | None,
    deleted: dict[str, bool],
    held: dict[str, RowError],
    going: dict[str, None],
    *,
    for_good: bool,
) -> RowError | None:
    if record_id is None:
        return RowError("MALFORMED_ID", f"malformed id {text}", ("Id",))
    if record_id not in deleted:
        return UNKNOWN_REFERENCE
    if record_id in going or (deleted[record_id] and not for_good):
        return DELETED
    return held.get(record_id)


def _children(context: Context, obj: SObject) -> Iterator[tuple[SObject, Field, dict[str, object]]]:
    """The references to an object that are stored, with the relationship's describe."""
    for relationship in obj.answer["childRelationships"]:
        if relationship["childSObject"] in context.store.catalogue:
            child = context.store.catalogue[relationship["childSObject"]]
            field = child.all_fields.get(relationship["field"].lower())
            if field is not None and field.target_key == "Id" and "isdeleted" in child.all_fields:
                yield child, field, relationship


def _restricted(context: Context, obj: SObject, ids: Sequence[str]) -> dict[str, RowError]:
    """The rows that a child holds fast."""
    held: dict[str, RowError] = {}
    for child, field, relationship in _children(context, obj):
        if relationship["restrictedDelete"]:
            label = child.name_field.name if child.name_field else "Id"
            for parent, name in context.store.find(child, field.name, ids, (field.name, label), live=True):
                plural = str(child.answer["labelPlural"]).lower()
                text = (
                    "Your attempt to delete the record could not be completed because it is associated with the "
                    f"following {plural}.: {name}"
                )
                held.setdefault(parent, RowError("DELETE_FAILED", text))
    return held


def _mark(context: Context, obj: SObject, ids: Iterable[str], *, deleted: bool) -> None:
    stamps = {"SystemModstamp": context.now, "LastModifiedDate": context.now, "LastModifiedById": context.user_id}
    kept = {name: value for name, value in stamps.items() if name.lower() in obj.all_fields}
    sets = ", ".join(f"{quoted(name)} = ?" for name in ("IsDeleted", *kept))
    context.store.run(
        f'UPDATE {quoted(obj.name)} SET {sets} WHERE "Id" {_THESE}',
        (int(deleted), *kept.values(), json.dumps(list(ids))),
    )


def _clear(context: Context, child: SObject, field: Field, found: Sequence[tuple[str, str]]) -> None:
    context.store.run_many(
        f"INSERT INTO {BIN} VALUES (?, ?, ?, ?)", [(root, child.name, own, field.name) for own, root in found]
    )
    context.store.run(
        f'UPDATE {quoted(child.name)} SET {quoted(field.name)} = NULL WHERE "Id" {_THESE}',
        (json.dumps([own for own, _ in found]),),
    )


def _bring_back(context: Context, obj: SObject, root: str) -> None:
    taken = context.store.run(f"SELECT object, id, field FROM {BIN} WHERE root = ?", (root,)).fetchall()
    _mark(context, obj, [root], deleted=False)
    for name, record_id, cleared in taken:
        kind = context.store.catalogue[name]
        if cleared is None:
            _mark(context, kind, [record_id], deleted=False)
        else:
            context.store.run(
                f'UPDATE {quoted(name)} SET {quoted(cleared)} = ? WHERE "Id" = ? AND {quoted(cleared)} IS NULL',
                (root, record_id),
            )
    context.store.run(f"DELETE FROM {BIN} WHERE root = ?", (root,))


def _erase(context: Context, obj: SObject, ids: Sequence[str]) -> None:
    """What left with these rows goes for good as well."""
    told = json.dumps(ids)
    gone: dict[str, list[str]] = {obj.name: list(ids)}
    for name, record_id in context.store.run(
        f"SELECT object, id FROM {BIN} WHERE field IS NULL AND root {_THESE}", (told,)
    ).fetchall():
        gone.setdefault(name, []).append(record_id)
    for name, erased in gone.items():
        context.store.run(f'DELETE FROM {quoted(name)} WHERE "Id" {_THESE}', (json.dumps(erased),))
    context.store.run(f"DELETE FROM {BIN} WHERE root {_THESE}", (told,))
