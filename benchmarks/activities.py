"""A seed folder of a Salesforce twin with any number of Tasks: five years of calls and to-dos, the same each time."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from migration_pipelines.twins.salesforce.ids import make_id

SEED = 20_250_331
CONTACTS, ACCOUNTS = 2_000, 500
FIELDS = (
    "Id", "WhoId", "WhatId", "Subject", "ActivityDate", "Status", "Priority", "Description", "Type", "TaskSubtype",
    "CallType", "CallDurationInSeconds", "CreatedDate", "LastModifiedDate", "SystemModstamp",
)  # fmt: skip
SUBJECTS = ("Call about the offer", "Send the contract", "Ask for the delivery date", "Görüşme notu", "Follow up")


def write_seed(folder: Path, tasks: int) -> Path:
    """Write the seed and return its folder."""
    rows = folder / "rows"
    rows.mkdir(parents=True)
    with (rows / "Account.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Id", "Name"))
        writer.writerows((make_id("001", n), f"Company {n}") for n in range(1, ACCOUNTS + 1))
    with (rows / "Contact.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Id", "LastName", "AccountId"))
        writer.writerows(
            (make_id("003", n), f"Person {n}", make_id("001", 1 + n % ACCOUNTS)) for n in range(1, CONTACTS + 1)
        )
    chance = random.Random(SEED)
    start = datetime(2021, 1, 4, 8, tzinfo=UTC)
    with (rows / "Task.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for number in range(1, tasks + 1):
            made = start + timedelta(seconds=chance.randrange(5 * 365 * 24 * 60 * 60))
            stamp, is_call = made.strftime("%Y-%m-%dT%H:%M:%S.000Z"), number % 3 == 0
            subject = SUBJECTS[number % len(SUBJECTS)]
            writer.writerow((
                make_id("00T", number), make_id("003", chance.randint(1, CONTACTS)),
                make_id("001", chance.randint(1, ACCOUNTS)), f"{subject} {number}", made.date().isoformat(),
                "Completed" if number % 4 else "Not Started", "Normal",
                f'Spoke with "{subject}" on the line,\nagreed on the next step no. {number}.' * (number % 3),
                "Call" if is_call else "Other", "Call" if is_call else "Task", "Outbound" if is_call else "",
                str(number % 900) if is_call else "", stamp, stamp, stamp,
            ))  # fmt: skip
    return folder
