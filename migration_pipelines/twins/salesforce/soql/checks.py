"""Combinations that SOQL refuses although every name and value in them is right."""

from collections.abc import Iterator

from migration_pipelines.twins.salesforce.describe import Field, SObject
from migration_pipelines.twins.salesforce.soql.errors import SoqlError, malformed
from migration_pipelines.twins.salesforce.soql.scalars import DATE_FUNCTIONS, SHOWING
from migration_pipelines.twins.salesforce.soql.tree import (
    AllFields,
    Call,
    Comparison,
    Condition,
    Either,
    Every,
    Item,
    Membership,
    MultiSelect,
    Not,
    Order,
    Path,
    Select,
    TypeOf,
)

LARGEST_OFFSET = 2_000
MOST_ROWS_OF_ALL_FIELDS = 200
_LINK = "ContentDocumentLink"


def queryable(select: Select, obj: SObject) -> None:
    """The object can be queried as this statement does."""
    if not obj.answer["queryable"]:
        text = f"entity type {obj.name} does not support query"
        raise SoqlError("INVALID_TYPE_FOR_OPERATION", text, select.source_at)
    if select.offset is not None and int(select.offset.text) > LARGEST_OFFSET:
        text = f"Maximum SOQL offset allowed is {LARGEST_OFFSET}"
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", text, select.offset.at)
    if obj.name == _LINK and not _is_narrow(select.where):
        raise malformed(
            "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or "
            "LinkedEntityId using the equals operator or multiple Id's using the IN operator.",
            select.source_at,
        )


def counts_only(select: Select) -> bool:
    """Whether this is SELECT COUNT(); it stands alone, and there is nothing to sort or group."""
    calls = [
        item.value
        for item in select.items
        if isinstance(item, Item) and isinstance(item.value, Call) and item.value.argument is None
    ]
    if not calls:
        return False
    alone = len(select.items) == 1 and select.items[0] == Item(calls[0], None)
    if not alone or select.order_by or select.group_by:
        raise malformed("COUNT() stands alone, without alias, GROUP BY and ORDER BY", calls[0].at)
    return True


def is_grouped(select: Select) -> bool:
    """Whether records are AggregateResults."""
    return bool(select.group_by) or any(
        isinstance(item, Item) and isinstance(item.value, Call) and not _only_shows(item.value) for item in select.items
    )


def plain_items(select: Select, obj: SObject) -> Iterator[Item | TypeOf | Select]:
    """The SELECT list of a statement without aggregates, FIELDS() spelt out."""
    for item in select.items:
        if isinstance(item, AllFields):
            yield from _all_fields(item, select, obj)
            continue
        if isinstance(item, Item) and isinstance(item.value, Call) and not _only_shows(item.value):
            raise malformed("a child subquery cannot hold aggregate functions", item.value.at)
        if isinstance(item, Item) and isinstance(item.value, Path) and item.alias is not None:
            raise malformed("only aggregate expressions use field aliasing", item.value.at)
        yield item


def child(select: Select) -> None:
    if select.group_by:
        raise malformed("a child subquery cannot be grouped", select.group_by[0].at)


def semi_join(select: Select) -> Path:
    """The one field that a semi-join's SELECT names."""
    item = select.items[0]
    if len(select.items) != 1 or not isinstance(item, Item) or not isinstance(item.value, Path) or select.group_by:
        raise malformed("a semi join sub-select names exactly one field", select.source_at)
    return item.value


def comparable(call: Call) -> None:
    """WHERE compares parts of dates and labels; only HAVING compares aggregates."""
    if call.function not in DATE_FUNCTIONS and call.function != "TOLABEL":
        raise malformed(f"{call} cannot be compared in WHERE", call.at)


def owner_of_scope(scope: Path, obj: SObject) -> Field | None:
    """The field that holds whose records they are; None for the scope of everybody's."""
    if str(scope).lower() == "everything":
        return None
    owner = obj.field("OwnerId")
    if str(scope).lower() != "mine" or owner is None:
        raise malformed(f"invalid filter scope: {scope}", scope.at)
    return owner


def sortable_path(order: Order) -> Path:
    if isinstance(order.value, Call):
        raise malformed("only a grouped query is sorted by a function", order.value.at)
    return order.value


def sortable(field: Field, at: int) -> None:
    if not field.answer["sortable"]:
        raise SoqlError("INVALID_FIELD", f"field '{field.name}' can not be sorted in a query call", at)


def _only_shows(call: Call) -> bool:
    """toLabel(Status), not FORMAT(MIN(CreatedDate))."""
    return call.function in SHOWING and isinstance(call.argument, Path)


def _all_fields(item: AllFields, select: Select, obj: SObject) -> Iterator[Item]:
    if item.which != "STANDARD" and (select.limit is None or int(select.limit.text) > MOST_ROWS_OF_ALL_FIELDS):
        raise malformed(f"The SOQL FIELDS function must have a LIMIT of at most {MOST_ROWS_OF_ALL_FIELDS}", item.at)
    for field in obj:
        if item.which == "ALL" or bool(field.answer["custom"]) == (item.which == "CUSTOM"):
            yield Item(Path((field.name,), item.at), None)


def _is_narrow(condition: Condition | None) -> bool:
    match condition:
        case Every(conditions):
            return any(map(_is_narrow, conditions))
        case Comparison(operand=Path() as path, operator="="):
            return str(path).lower() in ("id", "contentdocumentid", "linkedentityid")
        case Membership(operand=Path() as path, negated=False):
            return str(path).lower() in ("id", "contentdocumentid", "linkedentityid")
        case Comparison() | Membership() | MultiSelect() | Either() | Not() | None:
            return False
