"""Price books and line items: which prices may be, and how lines change their opportunity."""

# ruff: noqa: S608 - identifiers are the catalogue's, values are bound

import json
from collections.abc import Iterable

from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.outcomes import RowError, missing

_STANDARD_FIRST = RowError("STANDARD_PRICE_NOT_DEFINED", "Before creating a custom price, create a standard price.")
_LINES = (
    '(SELECT sum("TotalPrice") FROM "OpportunityLineItem" AS l WHERE l."OpportunityId" = o."Id" AND l."IsDeleted" = 0)'
)


def check_entry(context: Context, chunk: Chunk) -> None:
    """A product has one entry in a price book and currency, and the standard price first."""
    store = context.store
    books = {book for (book,) in store.run('SELECT "Id" FROM "Pricebook2" WHERE "IsStandard" = 1')}
    names = ("Id", "Pricebook2Id", "Product2Id")
    has_currency = "currencyisocode" in chunk.obj.all_fields
    currencies = chunk.values("CurrencyIsoCode")
    found = store.find(
        chunk.obj,
        "Product2Id",
        {product for product in chunk.values("Product2Id") if product},
        (*names, *(("CurrencyIsoCode",) if has_currency else ())),
        live=True,
    )
    taken = {(book, product, *currency): entry for entry, book, product, *currency in found}
    priced = {product for book, product, *_ in taken if book in books}
    rows = zip(*map(chunk.values, names), currencies, strict=True)
    for position, (entry, book, product, currency) in enumerate(rows):
        key = (book, product, *((currency,) if has_currency else ()))
        if book not in books and product not in priced:
            chunk.refuse(position, _STANDARD_FIRST)
        elif taken.setdefault(key, entry) != entry:
            text = "This price definition already exists in this price book"
            chunk.refuse(position, RowError("DUPLICATE_VALUE", text))


def check_prices(chunk: Chunk) -> None:
    """A new line says its price one way."""
    unit, total = (chunk.columns.get(name, [ABSENT] * chunk.size) for name in ("UnitPrice", "TotalPrice"))
    for position, prices in enumerate(zip(unit, total, strict=True)):
        said = [price is not ABSENT and price is not None for price in prices]
        if all(said):
            text = "You must specify either UnitPrice or TotalPrice, not both"
            chunk.refuse(position, RowError("FIELD_INTEGRITY_EXCEPTION", text, ("UnitPrice", "TotalPrice")))
        elif not any(said):
            chunk.refuse(position, missing(["UnitPrice"]))


def check_line(context: Context, chunk: Chunk) -> None:
    """A line takes an active entry of its opportunity's price book; of a product alone it takes the entry there."""
    store = context.store
    opportunities = chunk.values("OpportunityId")
    book_of = dict(store.find(store.catalogue["Opportunity"], "Id", set(opportunities), ("Id", "Pricebook2Id")))
    entries = _entries_of(context, chunk, book_of)
    names = ("Id", "Pricebook2Id", "IsActive", "Product2Id", "UnitPrice", "ProductCode", "Name")
    known = {row[0]: row[1:] for row in store.find(store.catalogue["PricebookEntry"], "Id", entries, names)}
    for position, entry in enumerate(entries):
        if entry is None:
            chunk.refuse(position, missing(["PricebookEntryId"]))
            continue
        book, is_active, *_ = known[entry]
        opportunity = opportunities[position]
        if not is_active:
            text = "field integrity exception: PricebookEntryId (pricebook entry is inactive)"
            chunk.refuse(position, RowError("FIELD_INTEGRITY_EXCEPTION", text, ("PricebookEntryId",)))
        elif (book_of.get(opportunity) or book) != book:
            text = (
                "field integrity exception: PricebookEntryId (pricebook entry is in a different pricebook than the one "
                "assigned to the opportunity)"
            )
            chunk.refuse(position, RowError("FIELD_INTEGRITY_EXCEPTION", text, ("PricebookEntryId",)))
        else:
            book_of[opportunity] = book
    chunk.columns["PricebookEntryId"] = entries
    nothing = (None,) * 6
    for index, name in ((2, "Product2Id"), (3, "ListPrice"), (4, "ProductCode"), (5, "Name")):
        if name.lower() in chunk.obj.all_fields:
            chunk.columns[name] = [known.get(entry, nothing)[index] for entry in entries]


def _entries_of(context: Context, chunk: Chunk, book_of: dict[object, object]) -> list[object]:
    store = context.store
    products = chunk.values("Product2Id")
    found = store.find(
        store.catalogue["PricebookEntry"],
        "Product2Id",
        {product for product in products if product},
        ("Id", "Pricebook2Id", "Product2Id"),
        live=True,
    )
    standard = store.run('SELECT "Id" FROM "Pricebook2" WHERE "IsStandard" = 1').fetchone()
    by_pair = {(book, product): entry for entry, book, product in found}
    return [
        entry or by_pair.get((book_of.get(opportunity) or (standard[0] if standard else None), product))
        for entry, product, opportunity in zip(
            chunk.values("PricebookEntryId"), products, chunk.values("OpportunityId"), strict=True
        )
    ]


def name_entries(context: Context, chunk: Chunk) -> None:
    """An entry carries its product's name and code."""
    context.store.run(
        'UPDATE "PricebookEntry" AS e SET ("Name", "ProductCode") = '
        '(SELECT p."Name", p."ProductCode" FROM "Product2" AS p WHERE p."Id" = e."Product2Id") '
        'WHERE "Id" IN (SELECT value FROM json_each(?))',
        (json.dumps(chunk.values("Id")),),
    )


def total_of_lines(context: Context, chunk: Chunk) -> None:
    """Lines were written: their opportunities take price book and amount from them."""
    told = json.dumps(list(dict.fromkeys(chunk.values("OpportunityId"))))
    context.store.run(
        'UPDATE "Opportunity" AS o SET "Pricebook2Id" = coalesce("Pricebook2Id", (SELECT e."Pricebook2Id" FROM '
        '"OpportunityLineItem" AS l JOIN "PricebookEntry" AS e ON e."Id" = l."PricebookEntryId" '
        'WHERE l."OpportunityId" = o."Id" AND l."IsDeleted" = 0 LIMIT 1)) WHERE "Id" IN (SELECT value FROM json_each(?))',
        (told,),
    )
    sum_lines(context, chunk.values("OpportunityId"))


def sum_lines(context: Context, opportunities: Iterable[object]) -> None:
    """Amount is the sum of the lines, where there are any; without lines it stays what it was."""
    told = json.dumps(list(dict.fromkeys(opportunities)))
    context.store.run(
        f'UPDATE "Opportunity" AS o SET "HasOpportunityLineItem" = {_LINES} IS NOT NULL, '
        f'"Amount" = coalesce({_LINES}, "Amount"), '
        f'"ExpectedRevenue" = round(coalesce({_LINES}, "Amount") * "Probability" / 100, 2), '
        '"LastModifiedDate" = ?1, "SystemModstamp" = ?1, "LastModifiedById" = ?2 '
        'WHERE "Id" IN (SELECT value FROM json_each(?3)) AND ('
        f'"HasOpportunityLineItem" = 1 OR {_LINES} IS NOT NULL)',
        (context.now, context.user_id, told),
    )


def lines_of_other_books(context: Context, opportunities: Iterable[object]) -> list[str]:
    """Lines whose entry is not of their opportunity's price book: a change of the book deletes them."""
    told = json.dumps(list(dict.fromkeys(opportunities)))
    rows = context.store.run(
        'SELECT l."Id" FROM "OpportunityLineItem" AS l JOIN "Opportunity" AS o ON o."Id" = l."OpportunityId" '
        'JOIN "PricebookEntry" AS e ON e."Id" = l."PricebookEntryId" WHERE l."IsDeleted" = 0 '
        'AND e."Pricebook2Id" IS NOT o."Pricebook2Id" AND o."Id" IN (SELECT value FROM json_each(?))',
        (told,),
    )
    return [str(line) for (line,) in rows.fetchall()]
