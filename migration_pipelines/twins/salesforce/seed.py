"""Filling an empty org: a seed folder if there is one, then what every org has and the folder does not give.

org.json               fields of the Organization
rows/<Object>.json     a list of objects; or rows/<Object>.csv with API names as header
describe/<Object>.json answers of GET sobjects/<Object>/describe (read by `describe`)
"""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.metadata import ENTITIES, FIELDS, entity_rows, field_rows
from migration_pipelines.twins.salesforce.store import Store

ORGANIZATION_ID = make_id("00D", 1)
ADMINISTRATOR_ID = make_id("005", 1)
ADMINISTRATOR_PROFILE_ID = make_id("00e", 1)
_FIRST = ("Organization", "Profile", "UserRole", "User", "OpportunityStage", "Pricebook2", "CurrencyType")
"""What the other rows lean on, in the order of loading."""

ORGANIZATION: Mapping[str, object] = {
    "Id": ORGANIZATION_ID,
    "Name": "Twin Org",
    "InstanceName": "TWIN1",
    "IsSandbox": False,
    "OrganizationType": "Developer Edition",
    "TrialExpirationDate": None,
    "NamespacePrefix": None,
    "DefaultLocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
    "TimeZoneSidKey": "America/Los_Angeles",
    "FiscalYearStartMonth": 1,
}
ADMINISTRATOR: Mapping[str, object] = {
    "Id": ADMINISTRATOR_ID,
    "Username": "admin@twin.example",
    "FirstName": "Ada",
    "LastName": "Admin",
    "Email": "admin@twin.example",
    "Alias": "admin",
    "CommunityNickname": "admin",
    "IsActive": True,
    "UserType": "Standard",
    "ProfileId": ADMINISTRATOR_PROFILE_ID,
    "TimeZoneSidKey": "America/Los_Angeles",
    "LocaleSidKey": "en_US",
    "EmailEncodingKey": "UTF-8",
    "LanguageLocaleKey": "en_US",
}
PROFILES = ("System Administrator", "Standard User")
STAGES: tuple[tuple[str, int, str, str], ...] = (
    # label, default probability, forecast category and its name; 100 is won, 0 is lost
    ("Prospecting", 10, "Pipeline", "Pipeline"),
    ("Qualification", 10, "Pipeline", "Pipeline"),
    ("Needs Analysis", 20, "Pipeline", "Pipeline"),
    ("Value Proposition", 50, "Pipeline", "Pipeline"),
    ("Id. Decision Makers", 60, "Pipeline", "Pipeline"),
    ("Perception Analysis", 70, "Pipeline", "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline", "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline", "Pipeline"),
    ("Closed Won", 100, "Closed", "Closed"),
    ("Closed Lost", 0, "Omitted", "Omitted"),
)


class SeedError(ValueError):
    """A seed file cannot be used; the message names file and reason."""


def fill(store: Store, folder: Path | None, at: float) -> None:
    """Put the rows of an empty org into the store.

    Raises:
        SeedError: a file of the folder names an object or field that has no describe, or a value does not fit.
    """
    files = sorted((folder / "rows").glob("*")) if folder and (folder / "rows").is_dir() else []
    given = {path.stem: path for path in files if path.suffix in (".json", ".csv")}
    _organization(store, folder, at)
    store.user_id = ADMINISTRATOR_ID
    for name in _FIRST:
        if name in given:
            _load(store, name, given.pop(name), at)
    _standard(store, at)
    for name, path in given.items():
        _load(store, name, path, at)
    store.insert_complete(store.catalogue[ENTITIES], list(entity_rows(store.catalogue)))
    store.insert_complete(store.catalogue[FIELDS], list(field_rows(store.catalogue)))


def administrator(store: Store) -> str:
    """The user that sessions run as: the first active one, preferably with the profile System Administrator."""
    rows = store.run(
        'SELECT u."Id" FROM "User" AS u LEFT JOIN "Profile" AS p ON p."Id" = u."ProfileId" '
        'ORDER BY u."IsActive" DESC, coalesce(p."Name" = \'System Administrator\', 0) DESC, u.rowid LIMIT 1'
    )
    found = rows.fetchone()
    return str(found[0]) if found else ADMINISTRATOR_ID


def _organization(store: Store, folder: Path | None, at: float) -> None:
    path = folder / "org.json" if folder else None
    told = json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else {}
    _insert(store, store.catalogue["Organization"], [{**ORGANIZATION, **told}], "org.json", at)


def _load(store: Store, name: str, path: Path, at: float) -> None:
    obj = store.catalogue.get(name)
    if obj is None:
        raise SeedError(f"{path.name}: no describe for {name}; put its describe into describe/{name}.json")
    if obj.name == "Organization":
        store.run('DELETE FROM "Organization"')
    _insert(store, obj, _rows(path), path.name, at)


def _insert(store: Store, obj: SObject, rows: Iterable[Mapping[str, object]], source: str, at: float) -> None:
    try:
        store.insert(obj, rows, at)
    except (ValueError, sqlite3.Error) as error:
        raise SeedError(f"{source}: {error}") from error


def _rows(path: Path) -> Iterator[Mapping[str, object]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from csv.DictReader(lines)
        return
    yield from json.loads(path.read_text(encoding="utf-8"))


def _standard(store: Store, at: float) -> None:
    """What a new org has from the start."""
    rows: dict[str, list[Mapping[str, object]]] = {
        "Profile": [
            {"Id": make_id("00e", n), "Name": name, "UserType": "Standard"} for n, name in enumerate(PROFILES, 1)
        ],
        "User": [ADMINISTRATOR],
        "OpportunityStage": [_stage(n, *stage) for n, stage in enumerate(STAGES, 1)],
        "Pricebook2": [{"Id": make_id("01s", 1), "Name": "Standard Price Book", "IsActive": True, "IsStandard": True}],
        "CurrencyType": [
            {"IsoCode": "USD", "ConversionRate": 1, "DecimalPlaces": 2, "IsActive": True, "IsCorporate": True}
        ],
    }
    for name, standard in rows.items():
        obj = store.catalogue.get(name)
        if obj is not None and store.is_empty(name):
            store.insert(obj, standard, at)
    store.user_id = administrator(store)


def _stage(number: int, label: str, probability: int, category: str, category_name: str) -> Mapping[str, object]:
    return {
        "Id": make_id("01J", number),
        "MasterLabel": label,
        "ApiName": label,
        "IsActive": True,
        "SortOrder": number,
        "IsClosed": category != "Pipeline",
        "IsWon": category == "Closed",
        "ForecastCategory": category,
        "ForecastCategoryName": category_name,
        "DefaultProbability": probability,
    }
