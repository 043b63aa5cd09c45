"""What the platform does to other rows when some were written."""

from collections.abc import Callable, Iterable, Mapping

from migration_pipelines.twins.salesforce.content import rules as files
from migration_pipelines.twins.salesforce.values import Values
from migration_pipelines.twins.salesforce.writing import contacts, products
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.completing import complete, store
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.deleting import remove

NEEDED: Mapping[str, frozenset[str]] = {
    "Task": frozenset({"WhoId", "WhatId"}),
    "Event": frozenset({"WhoId", "WhatId"}),
    "OpportunityContactRole": frozenset({"OpportunityId", "IsPrimary"}),
    "AccountContactRelation": frozenset({"AccountId", "ContactId"}),
    "PricebookEntry": frozenset({"Pricebook2Id", "Product2Id"}),
    "OpportunityLineItem": frozenset({"OpportunityId", "PricebookEntryId", "Product2Id"}),
}
"""Fields of a changed row that its object's rules and effects read although nobody gave them."""

_AFTER: Mapping[str, Callable[[Context, Chunk], None]] = {
    "OpportunityContactRole": contacts.keep_one_primary,
    "PricebookEntry": products.name_entries,
    "OpportunityLineItem": products.total_of_lines,
}


def before_create(context: Context, chunk: Chunk) -> None:
    if chunk.obj.name == files.VERSION:
        files.place_versions(context, chunk)


def after_create(context: Context, chunk: Chunk) -> None:
    if chunk.obj.name in _AFTER:
        _AFTER[chunk.obj.name](context, chunk)
    match chunk.obj.name:
        case "Contact":
            _relate(context, chunk)
        case files.VERSION:
            files.publish(context, chunk)
        case files.NOTE:
            files.file_notes(context, chunk)


def after_change(context: Context, chunk: Chunk, given: Iterable[str]) -> None:
    """`given` are the fields that the request named."""
    if chunk.obj.name in _AFTER:
        _AFTER[chunk.obj.name](context, chunk)
    if chunk.obj.name == "Contact" and "AccountId" in given:
        _relate(context, chunk)
    if chunk.obj.name == "Opportunity" and {"Amount", "Pricebook2Id"} & set(given):
        opportunities = chunk.values("Id")
        lines = products.lines_of_other_books(context, opportunities)
        remove(context, context.store.catalogue["OpportunityLineItem"], lines)
        products.sum_lines(context, opportunities)


def _relate(context: Context, chunk: Chunk) -> None:
    pairs = contacts.relate_directly(context, chunk)
    if pairs:
        accounts: Values = [account for account, _ in pairs]
        ones: Values = [1] * len(pairs)
        columns = {"AccountId": accounts, "ContactId": [contact for _, contact in pairs], "IsDirect": ones}
        relations = Chunk(context.store.catalogue[contacts.RELATION], len(pairs), {**columns, "IsActive": ones})
        complete(context, relations)
        store(context, relations)
