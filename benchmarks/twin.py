"""How fast the Salesforce twin is: Bulk ingest, Bulk query and REST query, so that it is not what another benchmark measures.

    python -m benchmarks.twin [--records 200000]

Rows a second of the twin's own CPU: what one core of this machine would do.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from benchmarks.activities import FIELDS, write_seed
from benchmarks.machine import Server, calibration, salesforce_twin, table

TOKEN = "bench"
BASE = "/services/data/v60.0"
INGEST_WANTED, QUERY_WANTED = 20_000, 50_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=200_000)
    records = arguments.parse_args().records
    print(f"calibration: {calibration():.0f} ms")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        seed = write_seed(Path(folder) / "seed", records)
        upload = _upload(seed / "rows" / "Task.csv", Path(folder) / "upload.csv")
        (seed / "rows" / "Task.csv").unlink()
        with salesforce_twin(seed, token=TOKEN) as twin, _client(twin) as client:
            soql = f"SELECT {', '.join(FIELDS)} FROM Task"
            figures = [
                ("Bulk ingest", _rate(twin, records, lambda: _ingest(client, upload)), INGEST_WANTED),
                ("Bulk query", _rate(twin, records, lambda: _bulk_query(client, soql)), QUERY_WANTED),
                ("REST query", _rate(twin, records, lambda: _query(client, soql)), QUERY_WANTED),
            ]
            rows = [(name, f"{rate:,.0f}", f"{wanted:,}") for name, rate, wanted in figures]
            table(f"The Salesforce twin, {records:,} Tasks of {len(FIELDS)} fields", ("", "rows/s", "wanted"), rows)
            print(f"  the twin's peak memory: {twin.peak_mb():.0f} MB")


def _client(twin: Server) -> httpx.Client:
    return httpx.Client(base_url=twin.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=600)


def _rate(twin: Server, records: int, work: Callable[[], int]) -> float:
    before = twin.cpu_seconds()
    done = work()
    if done != records:
        raise SystemExit(f"{done} of {records} rows")
    return records / (twin.cpu_seconds() - before)


def _upload(rows: Path, upload: Path) -> Path:
    """The rows as a client may send them: without the ids and stamps that the platform gives."""
    kept = [name for name in FIELDS if name not in ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp")]
    with rows.open(newline="", encoding="utf-8") as source, upload.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(csv.DictReader(source))
    return upload


def _ingest(client: httpx.Client, upload: Path) -> int:
    job = client.post(f"{BASE}/jobs/ingest", json={"object": "Task", "operation": "insert"}).json()["id"]
    with upload.open("rb") as file:
        client.put(f"{BASE}/jobs/ingest/{job}/batches", content=file, headers={"Content-Type": "text/csv"})
    client.patch(f"{BASE}/jobs/ingest/{job}", json={"state": "UploadComplete"})
    info = _wait(client, f"{BASE}/jobs/ingest/{job}")
    for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
        _drain(client, f"{BASE}/jobs/ingest/{job}/{kind}")
    return int(info["numberRecordsProcessed"]) - int(info["numberRecordsFailed"])


def _bulk_query(client: httpx.Client, soql: str) -> int:
    job = client.post(f"{BASE}/jobs/query", json={"operation": "queryAll", "query": soql}).json()["id"]
    _wait(client, f"{BASE}/jobs/query/{job}")
    locator, rows = "", 0
    while locator != "null":
        asked = {"maxRecords": "50000"} | ({"locator": locator} if locator else {})
        headers = _drain(client, f"{BASE}/jobs/query/{job}/results", asked)
        locator, rows = headers["Sforce-Locator"], rows + int(headers["Sforce-NumberOfRecords"])
    return rows


def _query(client: httpx.Client, soql: str) -> int:
    page, rows = client.get(f"{BASE}/queryAll", params={"q": soql}).json(), 0
    while True:
        rows += len(page["records"])
        if page["done"]:
            return rows
        page = client.get(page["nextRecordsUrl"]).json()


def _wait(client: httpx.Client, path: str) -> dict[str, str]:
    while True:
        info: dict[str, str] = client.get(path).json()
        if info["state"] not in ("UploadComplete", "InProgress"):
            return info
        time.sleep(0.2)


def _drain(client: httpx.Client, path: str, asked: dict[str, str] | None = None) -> httpx.Headers:
    with client.stream("GET", path, params=asked) as answer:
        answer.raise_for_status()
        blocks: Iterator[bytes] = answer.iter_raw()
        for _ in blocks:
            pass
        return answer.headers


if __name__ == "__main__":
    main()
