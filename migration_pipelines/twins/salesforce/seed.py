"""Filling an empty org: a seed folder if there is one, then what every org has and the folder does not give.

org.json               fields of the Organization
rows/<Object>.json     a list of objects; or rows/<Object>.csv with API names as header
describe/<Object>.json answers of GET sobjects/<Object>/describe (read by `describe`)
"""

import csv
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.describe_files import switch_for
from migration_pipelines.twins.salesforce.ids import make_id
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing import Writer

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
TASK_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
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


def fill(writer: Writer, store: Store, folder: Path | None) -> None:
    """Put the rows of an empty org into the store.

    Raises:
        SeedError: a file of the folder names an object or field that has no describe, or a value does not fit.
    """
    files = sorted((folder / "rows").glob("*")) if folder and (folder / "rows").is_dir() else []
    given = {path.stem: path for path in files if path.suffix in (".json", ".csv")}
    _organization(writer, store, folder)
    store.user_id = ADMINISTRATOR_ID
    for name in _FIRST:
        if name in given:
            _load(writer, store, name, given.pop(name))
    _standard(writer, store)
    for name, path in given.items():
        _load(writer, store, name, path)


def administrator(store: Store) -> str:
    """The user that sessions run as: the first active one, preferably with the profile System Administrator."""
    rows = store.run(
        'SELECT u."Id" FROM "User" AS u LEFT JOIN "Profile" AS p ON p."Id" = u."ProfileId" '
        'ORDER BY u."IsActive" DESC, coalesce(p."Name" = \'System Administrator\', 0) DESC, u.rowid LIMIT 1'
    )
    found = rows.fetchone()
    return str(found[0]) if found else ADMINISTRATOR_ID


def _organization(writer: Writer, store: Store, folder: Path | None) -> None:
    path = folder / "org.json" if folder else None
    told = json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else {}
    with _named("org.json"):
        writer.put(store.catalogue["Organization"], [{**ORGANIZATION, **told}])


def _load(writer: Writer, store: Store, name: str, path: Path) -> None:
    if name not in store.catalogue:
        switch = switch_for(name)
        what_to_do = f"start with --switch {switch}=true" if switch else f"put its describe into describe/{name}.json"
        raise SeedError(f"{path.name}: no describe for {name}; {what_to_do}")
    obj = store.catalogue[name]
    if obj.name == "Organization":
        store.run('DELETE FROM "Organization"')
    with _named(path.name):
        if path.suffix == ".csv":
            _load_csv(writer, obj, path)
        else:
            rows = json.loads(path.read_text(encoding="utf-8"))
            names = list(dict.fromkeys(name for row in rows for name in row if name != "attributes"))
            writer.fill(obj, names, ([row.get(name, ABSENT) for name in names] for row in rows))


def _load_csv(writer: Writer, obj: SObject, path: Path) -> None:
    """Row by row: such a file may be larger than memory."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows, None)
        if header is not None:
            writer.fill(obj, header, (row for row in rows if row))


@contextmanager
def _named(source: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, AttributeError, TypeError, sqlite3.Error) as error:
        raise SeedError(f"{source}: {error}") from error


def _standard(writer: Writer, store: Store) -> None:
    """What a new org has from the start."""
    rows: dict[str, list[Mapping[str, object]]] = {
        "Profile": [
            {"Id": make_id("00e", n), "Name": name, "UserType": "Standard"} for n, name in enumerate(PROFILES, 1)
        ],
        "User": [ADMINISTRATOR],
        "OpportunityStage": [_stage(n, *stage) for n, stage in enumerate(STAGES, 1)],
        "TaskStatus": _values("01T", 1, TASK_STATUSES, "IsClosed", "Completed"),
        "TaskPriority": _values("01T", 11, ("High", "Normal", "Low"), "IsHighPriority", "High", default="Normal"),
        "CaseStatus": _values("01J", 21, ("New", "Working", "Escalated", "Closed"), "IsClosed", "Closed"),
        "LeadStatus": _values("01J", 31, LEAD_STATUSES, "IsConverted", "Closed - Converted"),
        "Pricebook2": [{"Id": make_id("01s", 1), "Name": "Standard Price Book", "IsActive": True, "IsStandard": True}],
        "CurrencyType": [
            {"IsoCode": "USD", "ConversionRate": 1, "DecimalPlaces": 2, "IsActive": True, "IsCorporate": True}
        ],
    }
    for name, standard in rows.items():
        if name in store.catalogue and store.is_empty(name):
            writer.put(store.catalogue[name], standard)
    store.user_id = administrator(store)


def _values(
    prefix: str, first: int, labels: Sequence[str], flag: str, flagged: str, *, default: str | None = None
) -> list[Mapping[str, object]]:
    """Rows of a value set's object. `flagged` is the value that means closed, converted, of high priority."""
    return [
        {
            "Id": make_id(prefix, number),
            "MasterLabel": label,
            "ApiName": label,
            "SortOrder": number - first + 1,
            "IsDefault": label == (default or labels[0]),
            flag: label == flagged,
        }
        for number, label in enumerate(labels, first)
    ]


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
