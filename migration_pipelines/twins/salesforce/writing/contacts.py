"""What hangs on contacts: the one primary role of an opportunity, and relations to several accounts."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import json
from collections.abc import Sequence

from migration_pipelines.twins.salesforce.values import Values
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.outcomes import RowError

RELATION = "AccountContactRelation"


def keep_one_primary(context: Context, chunk: Chunk) -> None:
    """Of each opportunity's roles the one written last stays primary."""
    rows = zip(chunk.values("OpportunityId"), chunk.values("Id"), chunk.values("IsPrimary"), strict=True)
    latest = {opportunity: role for opportunity, role, is_primary in rows if is_primary}
    if latest:
        context.store.run(
            'UPDATE "OpportunityContactRole" SET "IsPrimary" = 0, "SystemModstamp" = ? WHERE "IsPrimary" = 1 '
            'AND "OpportunityId" IN (SELECT value FROM json_each(?)) AND "Id" NOT IN (SELECT value FROM json_each(?))',
            (context.now, json.dumps(list(latest)), json.dumps(list(latest.values()))),
        )


def check_relation(context: Context, chunk: Chunk) -> None:
    """A contact stands in one relation to an account, be it direct or not."""
    pairs = list(zip(chunk.values("AccountId"), chunk.values("ContactId"), strict=True))
    names = ("Id", "AccountId", "ContactId")
    found = context.store.find(chunk.obj, "ContactId", {contact for _, contact in pairs if contact}, names, live=True)
    taken = {(account, contact): relation for relation, account, contact in found}
    for position, (pair, record_id) in enumerate(zip(pairs, chunk.values("Id"), strict=True)):
        holder = taken.setdefault(pair, record_id)
        if holder != record_id:
            text = f"duplicate value found: ContactId duplicates value on record with id: {holder}"
            chunk.refuse(position, RowError("DUPLICATE_VALUE", text))


def relate_directly(context: Context, chunk: Chunk) -> Sequence[tuple[object, object]]:
    """The contacts whose account was written, with it: their direct relation is the platform's to make.

    Relations to the former account become indirect ones; one that exists to the new account becomes the direct one.
    """
    contacts: Values = chunk.values("Id")
    accounts = chunk.values("AccountId")
    if RELATION not in context.store.catalogue or not any(accounts):
        return ()
    told = json.dumps(contacts)
    where = '"IsDeleted" = 0 AND "ContactId" IN (SELECT value FROM json_each(?))'
    context.store.run(f'UPDATE "{RELATION}" SET "IsDirect" = 0 WHERE "IsDirect" = 1 AND {where}', (told,))
    known = {
        (account, contact): place
        for place, account, contact in context.store.find(
            context.store.catalogue[RELATION], "ContactId", contacts, ("rowid", "AccountId", "ContactId"), live=True
        )
    }
    pairs = list(zip(accounts, contacts, strict=True))
    there = [known[pair] for pair in pairs if pair in known]
    if there:
        relation = context.store.catalogue[RELATION]
        context.store.update_columns(relation, there, {"IsDirect": [1] * len(there), "IsActive": [1] * len(there)})
    return [pair for pair in pairs if pair[0] and pair not in known]
