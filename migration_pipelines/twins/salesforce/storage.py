"""How much an org holds against what it may hold: records at their nominal sizes, files at their real ones."""

from collections.abc import Mapping

from migration_pipelines.twins.salesforce.describe import Catalogue, SObject
from migration_pipelines.twins.salesforce.soql.names import quoted
from migration_pipelines.twins.salesforce.store import Store

RECORD_KILOBYTES = 2
OTHER_SIZES: Mapping[str, int] = {"Campaign": 8, "CampaignMember": 1}
"""Kilobytes of a record, where not the usual two."""
PERSON_ACCOUNT_KILOBYTES = 4
COUNTED = frozenset(
    {
        *("Account", "Asset", "Campaign", "CampaignMember", "Case", "Contact", "Contract", "EmailMessage", "Event"),
        *("Lead", "Note", "Opportunity", "Order", "Quote", "Task"),
    }
)
"""Standard objects whose records count; custom objects do as well. Price books, line items and teams do not."""
FILES: Mapping[str, str] = {"ContentVersion": "ContentSize", "Attachment": "BodyLength", "Document": "BodyLength"}
_KILO, _MEGA = 1_024, 1_024 * 1_024


def data_megabytes(store: Store, catalogue: Catalogue) -> int:
    """Storage of records, those in the Recycle Bin left out, rounded up."""
    kilobytes = sum(_kilobytes(store, obj) for obj in catalogue.everything() if _is_counted(obj))
    return -(-kilobytes // _KILO)


def file_megabytes(store: Store) -> int:
    """Storage of files, rounded up."""
    total = sum(_sum(store, store.catalogue[name], size) for name, size in FILES.items())
    return -(-total // _MEGA)


def _is_counted(obj: SObject) -> bool:
    return obj.name in COUNTED or (obj.name.endswith("__c") and not obj.answer["customSetting"])


def _kilobytes(store: Store, obj: SObject) -> int:
    count = store.count(obj)
    if obj.name == "EmailMessage":
        # Two kilobytes in name, and its text in fact.
        texts = sum(_sum(store, obj, f'length(CAST("{body}" AS BLOB))') for body in ("TextBody", "HtmlBody"))
        return max(count * RECORD_KILOBYTES, -(-texts // _KILO))
    if obj.name == "Account" and "ispersonaccount" in obj.all_fields:
        persons = _sum(store, obj, '"IsPersonAccount"')
        return count * RECORD_KILOBYTES + persons * (PERSON_ACCOUNT_KILOBYTES - RECORD_KILOBYTES)
    return count * OTHER_SIZES.get(obj.name, RECORD_KILOBYTES)


def _sum(store: Store, obj: SObject, what: str) -> int:
    live = ' WHERE "IsDeleted" = 0' if "isdeleted" in obj.all_fields else ""
    (total,) = store.run(f"SELECT coalesce(sum({what}), 0) FROM {quoted(obj.name)}{live}").fetchone()  # noqa: S608
    return int(total)
