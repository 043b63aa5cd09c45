"""The manifest: what was planted in the case study, and what must become of it. Written by whoever plants it.

Nothing here asks the migration. A row names source records and their one expected outcome in the migration's own words.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Planted:
    """One planted case.

    Attributes:
        what: in a sentence.
        source_ids: the records that it is about; each of them has the outcome.
        outcome: "verified" (loaded and read back as meant), "carried", "held", "archived", "made by the platform",
            "nothing" in this target object although in others, "excluded" from all, or "not extracted".
        target: the object in Kommo whose record is meant, since a source record may make several; "csv" is an archive.
        reason: of what is held.
        listed: the review list that names it.
        given_to: e-mail of the Kommo user who is responsible for it there.
    """

    what: str
    source_object: str
    source_ids: Sequence[str]
    outcome: str
    target: str = ""
    reason: str = ""
    listed: str = ""
    given_to: str = ""


def write(manifest: Iterable[Planted], folder: Path) -> None:
    """`manifest.csv` for people, a line for each planted case, and `manifest.json` for the proof."""
    rows: list[dict[str, Any]] = [asdict(one) for one in manifest]
    (folder / "manifest.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Planted)])
        writer.writeheader()
        writer.writerows(row | {"source_ids": " ".join(row["source_ids"])} for row in rows)
