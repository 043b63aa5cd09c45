"""Rules of custom objects, which Kommo does not have: what a card says of a row that is kept in an archive or a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_pipelines.core.records import SourceRecord
from migration_pipelines.core.rules import RuleBook

CUSTOM_OBJECTS = RuleBook()


@CUSTOM_OBJECTS.rule(reads=("Name",), makes="textarea")
def archive_reference(record: SourceRecord, _decisions: Mapping[str, Any]) -> str:
    """ "[Archive] Site Visit V-0042: Site_Visit__c.csv": where the row of this name is kept (SF-KOMMO-46)."""
    return f"{_named(record)}: {record.object}.csv"


@CUSTOM_OBJECTS.rule(reads=("Name",), makes="textarea")
def database_reference(record: SourceRecord, _decisions: Mapping[str, Any]) -> str:
    """ "[Archive] Site Visit V-0042: external database, table crm_archive."Site_Visit__c", Id a04..." (SF-KOMMO-77)."""
    return f'{_named(record)}: external database, table crm_archive."{record.object}", Id {record.id}'


def _named(record: SourceRecord) -> str:
    name = record.object.removesuffix("__c").rpartition("__")[2].replace("_", " ")
    return f"[Archive] {name} {record.values['Name'] or record.id}"
