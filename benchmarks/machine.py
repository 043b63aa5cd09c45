"""What every benchmark shares: a measured child process, a calibration of the machine, and a table."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import NullPool, create_engine, text

CALIBRATION_ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """What a piece of work cost its own process: seconds on the wall and of CPU, and the highest resident memory."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def measure(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, peak_mb())


def peak_mb() -> float:
    """The highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(cost: Cost) -> None:
    """A child's last line, read by `in_a_process`."""
    print(json.dumps(asdict(cost)))


def in_a_process(module: str, *arguments: str) -> Cost:
    """Run `python -m module arguments`, so that its memory is its own, and return what it reported."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def salesforce_twin(
    seed: Path | None, *, token: str, switches: Mapping[str, object] | None = None
) -> AbstractContextManager[Server]:
    return _twin("salesforce", *(["--seed", str(seed)] if seed else ["--bare"]), token=token, switches=switches or {})


def kommo_twin(seed: Path, *, token: str, switches: Mapping[str, object]) -> AbstractContextManager[Server]:
    return _twin("kommo", "--seed", str(seed), token=token, switches=switches)


@contextmanager
def _twin(crm: str, *start: str, token: str, switches: Mapping[str, object]) -> Iterator[Server]:
    """A twin in a process of its own, on a free port of this machine."""
    told = [part for name, value in switches.items() for part in ("--switch", f"{name}={value}")]
    command = ["-m", "migration_pipelines.twins", crm, *start, "--port", "0", "--token", token, *told]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next((word for word in line.split() if word.startswith("http://")), None)
        if url is None:
            raise RuntimeError(f"the twin did not start: {line}")
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Server:
    """A running server and what it has used so far."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        stat = _stat(self.pid)
        return sum(int(stat[place]) for place in _OWN) / 100

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Database:
    """All processes of a PostgreSQL server on this machine."""

    def __init__(self, url: str) -> None:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            worker = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        self._main = int(_stat(worker)[_PARENT])

    def cpu_seconds(self) -> float:
        """CPU since it was started: of its main process, of the others, and of those that have ended."""
        main = _stat(self._main)
        others = [one for one in map(_stat, _processes()) if one and int(one[_PARENT]) == self._main]
        ticks = [main[place] for place in (*_OWN, *_OF_THE_ENDED)] + [one[place] for one in others for place in _OWN]
        return sum(map(int, ticks)) / 100


_PARENT, _OWN, _OF_THE_ENDED = 1, (11, 12), (13, 14)


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").glob("[0-9]*"))


def _stat(process: int) -> list[str]:
    """What the kernel says of a process after its name; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def calibration() -> float:
    """Median milliseconds of a fixed piece of Python work: what else a figure here should be divided by."""

    def once() -> float:
        begin = time.perf_counter()
        sum(len(str(number)) for number in range(200_000))
        return (time.perf_counter() - begin) * 1_000

    return median(once() for _ in range(CALIBRATION_ROUNDS))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
