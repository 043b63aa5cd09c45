"""Running the rules of `derived` over a chunk."""

from collections.abc import Iterable, Mapping

from migration_pipelines.twins.salesforce.derived import Rule
from migration_pipelines.twins.salesforce.values import ABSENT, Values
from migration_pipelines.twins.salesforce.writing.chunk import Chunk


def names_of(rules: Iterable[Rule]) -> set[str]:
    """Every field that the rules read or write."""
    return {name for rule in rules for name in (*rule.triggers, *rule.reads, *rule.writes)}


def derive_new(chunk: Chunk, rules: Iterable[Rule], given: Mapping[str, Values]) -> None:
    """Fill in what follows from the chunk's values, where `given` does not say it."""
    for rule in rules:
        results = _results(chunk, rule, chunk.columns)
        _put(chunk, rule, results, given, [True] * chunk.size)


def derive_changed(chunk: Chunk, rules: Iterable[Rule], given: Mapping[str, Values]) -> None:
    """Bring up to date what follows from the given values.

    Args:
        chunk: the rows as they will be: known values with the given ones over them.
    """
    for rule in rules:
        triggered = [name for name in rule.triggers if name in given]
        if not triggered:
            continue
        runs = [
            any(value is not ABSENT for value in said) for said in zip(*map(given.__getitem__, triggered), strict=True)
        ]
        seen = {name: list(values) for name, values in chunk.columns.items()}
        for cause, effects in rule.supersedes.items():
            for position, value in enumerate(given.get(cause, ())):
                if value is not ABSENT:
                    _void(seen, given, effects, position)
        _put(chunk, rule, _results(chunk, rule, seen), given, runs)


def _void(seen: dict[str, Values], given: Mapping[str, Values], effects: Iterable[str], position: int) -> None:
    for name in effects:
        if name in seen and (name not in given or given[name][position] is ABSENT):
            seen[name][position] = None


def _results(chunk: Chunk, rule: Rule, columns: Mapping[str, Values]) -> list[tuple[object, ...]]:
    nothing: Values = [None] * chunk.size
    inputs = [columns.get(name, nothing) for name in (*rule.triggers, *rule.reads)]
    return [tuple(rule.derive(*values)) for values in zip(*inputs, strict=True)]


def _put(
    chunk: Chunk, rule: Rule, results: list[tuple[object, ...]], given: Mapping[str, Values], runs: list[bool]
) -> None:
    for index, name in enumerate(rule.writes):
        if name.lower() not in chunk.obj.all_fields:
            continue
        said, before = given.get(name), chunk.columns.get(name)
        chunk.columns[name] = [
            result[index]
            if runs[position] and (said is None or said[position] is ABSENT)
            else (before[position] if before is not None else None)
            for position, result in enumerate(results)
        ]
