"""Rules of single objects beyond their describes: which module knows them."""

from collections.abc import Callable, Mapping

from migration_pipelines.twins.salesforce.content import rules as files
from migration_pipelines.twins.salesforce.writing import activities, contacts, products
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context

_OF_COMPLETE: Mapping[str, Callable[[Context, Chunk], None]] = {
    "Task": activities.check_related,
    "Event": activities.check_event,
    "AccountContactRelation": contacts.check_relation,
    "PricebookEntry": products.check_entry,
    "OpportunityLineItem": products.check_line,
}


def check_given(context: Context, chunk: Chunk) -> None:
    """What a new row may not say together, before anything is filled in."""
    match chunk.obj.name:
        case "OpportunityLineItem":
            products.check_prices(chunk)
        case files.VERSION:
            files.check_version(chunk)
        case files.LINK:
            files.check_link(context, chunk)


def check_object(context: Context, chunk: Chunk) -> None:
    """Rows as they will be stored, new or changed."""
    check = _OF_COMPLETE.get(chunk.obj.name)
    if check is not None:
        check(context, chunk)
