"""A case, its outcome, and the table of many, run by several processes at once."""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

Name = tuple[str, int]
Cases = Mapping[Name, Callable[[], None]]
"""What is broken, and the number among those of its kind -> what breaks it, goes on to the end, and raises where that is
not what it must be."""
OpenCases = Callable[[], AbstractContextManager[Cases]]


@dataclass(frozen=True)
class Outcome:
    """How one case ended. `problem` is None where it ended as it must."""

    name: Name
    seconds: float
    problem: str | None


def run_all(proof: str, open_cases: OpenCases, wanted: Callable[[Name], bool], *, seed: int, workers: int) -> int:
    """Run cases, print a table and how to repeat each failure. Returns how many failed.

    Args:
        open_cases: makes the place where the cases play, each process its own; it can be pickled.
    """
    with open_cases() as cases:
        names = [name for name in cases if wanted(name)]
    outcomes: list[Outcome] = []
    for outcome in _outcomes(open_cases, names, workers):
        outcomes.append(outcome)
        if outcome.problem:
            _say(f"FAILED {outcome.name}: {outcome.problem}")
        if len(outcomes) % 25 == 0:
            _say(f"{len(outcomes)} of {len(names)} cases, {sum(bool(one.problem) for one in outcomes)} failures")
    failed = [one for one in outcomes if one.problem]
    _say(f"\n{'what is broken':32}{'cases':>7}{'failures':>10}{'seconds':>9}")
    for kind in dict.fromkeys(kind for kind, _ in names):
        rows = [one for one in outcomes if one.name[0] == kind]
        _say(
            f"{kind:32}{len(rows):7}{sum(bool(one.problem) for one in rows):10}{sum(one.seconds for one in rows):9.0f}"
        )
    _say(f"{'all':32}{len(outcomes):7}{len(failed):10}   seed {seed}")
    for one in failed:
        _say(f'again: python -m chaos {proof} --seed {seed} --only "{one.name[0]}" --case {one.name[1]}')
    return len(failed)


def _outcomes(open_cases: OpenCases, names: list[Name], workers: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    todo, done = context.Queue(), context.Queue()
    for name in names:
        todo.put(name)
    for _ in range(workers):
        todo.put(None)
    processes = [context.Process(target=_work, args=(open_cases, todo, done)) for _ in range(workers)]
    for process in processes:
        process.start()
    for _ in names:
        yield done.get()
    for process in processes:
        process.join()


def _work(
    open_cases: OpenCases, todo: multiprocessing.Queue[Name | None], done: multiprocessing.Queue[Outcome]
) -> None:
    with open_cases() as cases:
        while (name := todo.get()) is not None:
            began, problem = time.monotonic(), None
            try:
                cases[name]()
            except Exception:
                problem = traceback.format_exc()
            done.put(Outcome(name, time.monotonic() - began, problem))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
