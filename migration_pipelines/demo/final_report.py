"""The manifest held against what the migration says in the end: the ledger's outcome of every planted record, and the lists."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from migration_pipelines.demo.planted import Planted
from migration_pipelines.ledger.store import PartitionLedger

_STANDING = """
    SELECT r.key AS route, s.source_id, s.outcome, s.is_read, coalesce(s.problems::text, '') AS problems,
           EXISTS (
             SELECT FROM ledger.finding f
             WHERE f.entry_id = s.entry_id AND f.verdict IN ('wrong', 'wrong reference', 'missing')
           ) AS is_wrong
    FROM standing s JOIN ledger.route r ON r.id = s.route_id
"""
ARCHIVE = "csv"
_NOT_COUNTED = ("excluded", "made by the platform", "deleted in source")
_MEASURED = {
    "contacts": ("contacts/Contact>contacts",),
    "deals": ("opportunities/Opportunity>leads",),
    "activities": ("activities/Task>tasks", "activities/Task>notes", "activities/Event>tasks", "activities/Event>notes"),
}  # fmt: skip


@dataclass(frozen=True)
class Share:
    """Of so many records that were extracted and are to be moved, how many were loaded and read back as meant."""

    verified: int
    counted: int

    @property
    def percent(self) -> float:
        return 100 * self.verified / self.counted if self.counted else 100.0


@dataclass(frozen=True)
class FinalReport:
    """Where every record stands: source object -> source id -> target object -> outcome; and who is on which list."""

    outcomes: Mapping[str, Mapping[str, Mapping[str, str]]]
    shares: Mapping[str, Share]
    lists: Mapping[str, Mapping[str, set[str]]]

    @classmethod
    def read(cls, ledger: PartitionLedger, review: Path) -> FinalReport:
        """Ask the ledger, and read the lists in the review folder, which the report has written."""
        with ledger.report.one_view():
            rows = ledger.report.select(_STANDING)
        outcomes: dict[str, dict[str, dict[str, str]]] = {}
        moved: dict[str, dict[str, bool]] = {name: {} for name in _MEASURED}
        for row in rows:
            outcome = row["outcome"]
            if outcome == "loaded" and row["is_read"] and not row["is_wrong"]:
                outcome = "verified"
            source, _, target = row["route"].rpartition("/")[2].partition(">")
            outcomes.setdefault(source, {}).setdefault(row["source_id"], {})[target] = outcome
            for name, routes in _MEASURED.items():
                if row["route"] in routes and outcome not in _NOT_COUNTED:
                    moved[name][row["source_id"]] = outcome == "verified"
        shares = {name: Share(sum(found.values()), len(found)) for name, found in moved.items()}
        return cls(outcomes, shares, {path.stem: _reasons(path) for path in review.glob("*.csv")})

    def differences(self, manifest: Iterable[Planted], responsible: Mapping[tuple[str, str], str]) -> list[str]:
        """Every planted record of which something else became; empty where all is as the manifest says.

        Args:
            responsible: kind of card and Salesforce id -> e-mail of whoever is responsible for it in Kommo.
        """
        return [difference for planted in manifest for difference in self._of(planted, responsible)]

    def _of(self, planted: Planted, responsible: Mapping[tuple[str, str], str]) -> list[str]:
        on_list = self.lists.get(planted.listed, {})
        found = []
        for one in planted.source_ids:
            outcome = self._outcome(planted, one)
            if outcome != planted.outcome:
                found.append(f"{planted.what}: {planted.source_object} {one}: expected {planted.outcome}, is {outcome}")
            elif planted.given_to and responsible.get((planted.target, one)) != planted.given_to:
                found.append(f"{planted.what}: {planted.source_object} {one} is not given to {planted.given_to}")
            elif planted.listed and one not in on_list:
                found.append(f"{planted.what}: {planted.source_object} {one} is not on the list of {planted.listed}")
            elif planted.reason and planted.reason not in on_list[one]:
                found.append(f"{planted.what}: {planted.source_object} {one}: {planted.reason}, said is {on_list[one]}")
        return found

    def _outcome(self, planted: Planted, source_id: str) -> str:
        """What became of a record in its target object; of one that is excluded, in all of them."""
        outcomes = self.outcomes.get(planted.source_object, {}).get(source_id)
        if outcomes is None:
            return "not extracted"
        if planted.outcome == "excluded":
            return " and ".join(sorted({outcome for target, outcome in outcomes.items() if target != ARCHIVE}))
        return outcomes.get(planted.target, "nothing")


def _reasons(path: Path) -> dict[str, set[str]]:
    """Source id -> the reasons that a list gives."""
    found: dict[str, set[str]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if "reason" in row:
                found.setdefault(row["source id"], set()).add(row["reason"])
    return found
