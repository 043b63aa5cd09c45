"""What the platform itself fills in: system fields of a new row, and fields that follow from others.

A rule names the fields that it reads. It runs on a new row, and on a changed one if any of those was changed; a value
that was given is left as it is.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.moments import moment, parse_moment

Row = MutableMapping[str, object]
Stages = Mapping[str, Mapping[str, object]]
"""OpportunityStage rows by MasterLabel."""

CLOSED_CASE, CLOSED_TASK = "Closed", "Completed"


@dataclass(frozen=True)
class Rule:
    reads: frozenset[str]
    derive: Callable[[Row, Stages], Mapping[str, object]]


def _person_name(row: Row, _: Stages) -> Mapping[str, object]:
    return {"Name": " ".join(str(row[part]) for part in ("FirstName", "LastName") if row.get(part)) or None}


def _opportunity(row: Row, stages: Stages) -> Mapping[str, object]:
    stage = stages.get(str(row.get("StageName")).casefold())
    if stage is None:
        # An unrestricted picklist takes a stage that is not there; it counts as open.
        return {"IsClosed": 0, "IsWon": 0, "ForecastCategory": "Pipeline", "ForecastCategoryName": "Pipeline"}
    return {
        "IsClosed": stage["IsClosed"],
        "IsWon": stage["IsWon"],
        "ForecastCategory": stage["ForecastCategory"],
        "ForecastCategoryName": stage["ForecastCategoryName"],
        "Probability": stage["DefaultProbability"],
    }


def _expected_revenue(row: Row, _: Stages) -> Mapping[str, object]:
    amount, probability = row.get("Amount"), row.get("Probability")
    if not isinstance(amount, float) or not isinstance(probability, float):
        return {"ExpectedRevenue": None}
    return {"ExpectedRevenue": round(amount * probability / 100, 2)}


def _fiscal(row: Row, _: Stages) -> Mapping[str, object]:
    closing = str(row.get("CloseDate") or "")
    if not closing:
        return {}
    year, quarter = int(closing[:4]), (int(closing[5:7]) + 2) // 3
    return {"FiscalYear": year, "FiscalQuarter": quarter, "Fiscal": f"{year} {quarter}"}


def _case(row: Row, _: Stages) -> Mapping[str, object]:
    return {"IsClosed": int(row.get("Status") == CLOSED_CASE)}


def _task(row: Row, _: Stages) -> Mapping[str, object]:
    is_closed = row.get("Status") == CLOSED_TASK
    return {"IsClosed": int(is_closed), "IsHighPriority": int(row.get("Priority") == "High")}


def _event(row: Row, _: Stages) -> Mapping[str, object]:
    start = row.get("StartDateTime") or row.get("ActivityDateTime")
    if not start:
        return {}
    derived: dict[str, object] = {"StartDateTime": start, "ActivityDateTime": start, "ActivityDate": str(start)[:10]}
    minutes, end = row.get("DurationInMinutes"), row.get("EndDateTime")
    if isinstance(minutes, int) and not end:
        end = moment(parse_moment(str(start)) + timedelta(minutes=minutes))
        derived["EndDateTime"] = end
    elif end and minutes is None:
        seconds = (parse_moment(str(end)) - parse_moment(str(start))).total_seconds()
        derived["DurationInMinutes"] = int(seconds // 60)
    return derived | {"EndDate": str(end)[:10] if end else derived["ActivityDate"]}


_PERSON = Rule(frozenset({"FirstName", "LastName"}), _person_name)
RULES: Mapping[str, tuple[Rule, ...]] = {
    "Contact": (_PERSON,),
    "Lead": (_PERSON,),
    "User": (_PERSON,),
    "Opportunity": (
        Rule(frozenset({"StageName"}), _opportunity),
        Rule(frozenset({"StageName", "Amount", "Probability"}), _expected_revenue),
        Rule(frozenset({"CloseDate"}), _fiscal),
    ),
    "Case": (Rule(frozenset({"Status"}), _case),),
    "Task": (Rule(frozenset({"Status", "Priority"}), _task),),
    "Event": (Rule(frozenset({"StartDateTime", "ActivityDateTime", "DurationInMinutes", "EndDateTime"}), _event),),
}


@dataclass(frozen=True)
class Platform:
    """Completes rows of one object.

    Attributes:
        now: the moment of the write, in the stored form.
        user_id: who writes: creator and owner where the row names none.
    """

    obj: SObject
    now: str
    user_id: str
    stages: Stages

    def complete(self, row: Row, number: int) -> Row:
        """Fill in a new row. `number` counts the object's rows from 1, for auto-numbers."""
        changed = frozenset(row)
        for name, value in self._defaults.items():
            row.setdefault(name, value)
        for name in self._auto_numbers:
            row.setdefault(name, f"{number:08d}")
        self._derive(row, changed, is_new=True)
        if "CreatedDate" in row:
            row.setdefault("LastModifiedDate", row["CreatedDate"])
        if "LastModifiedDate" in row:
            row.setdefault("SystemModstamp", row["LastModifiedDate"])
        return row

    def change(self, row: Row, changes: Row) -> Row:
        """Apply a change as it happens now: the stamps move, and so does what follows from the changed fields."""
        changed = frozenset(changes)
        row.update(changes)
        self._derive(row, changed, is_new=False)
        stamps = {"LastModifiedDate": self.now, "SystemModstamp": self.now, "LastModifiedById": self.user_id}
        row.update({name: value for name, value in stamps.items() if self.obj.field(name) and name not in changed})
        return row

    @cached_property
    def _defaults(self) -> Mapping[str, object]:
        defaults: dict[str, object] = {}
        for field in self.obj.stored:
            if field.type == "boolean":
                defaults[field.name] = int(bool(field.answer["defaultValue"]))
            chosen = [entry["value"] for entry in field.answer["picklistValues"] if entry["defaultValue"]]
            if chosen:
                defaults[field.name] = chosen[0]
        system = {"CreatedDate": self.now, "CreatedById": self.user_id, "LastModifiedById": self.user_id}
        owned = {"OwnerId": self.user_id}
        return defaults | {name: value for name, value in (system | owned).items() if self.obj.field(name)}

    @cached_property
    def _auto_numbers(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.obj.stored if field.answer["autoNumber"])

    def _derive(self, row: Row, given: frozenset[str], *, is_new: bool) -> None:
        for rule in RULES.get(self.obj.name, ()):
            if is_new or rule.reads & given:
                for name, value in rule.derive(row, self.stages).items():
                    if name not in given and self.obj.field(name):
                        row[name] = value
