"""What a person reads of source objects that nobody has disposed of: the ways that are open, and what to write for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migration_pipelines.core.ways import OpenObject


def ways_text(found: Sequence[OpenObject]) -> str:
    return "\n\n".join("\n".join(_of(one)) for one in found)


def _of(found: OpenObject) -> Iterator[str]:
    rows = "1 row" if found.records == 1 else f"{found.records} rows"
    yield f"{found.name} has {rows}, and nothing says what becomes of them. Choose one of {len(found.ways)} ways:"
    for number, way in enumerate(found.ways, 1):
        yield f"  {number}. {way.name}"
        if way.first:
            yield f"     {way.first}."
        for lines in way.write:
            yield f"     {lines.file}, below {lines.below}"
            yield from (f"       | {line}" for line in lines.lines)
