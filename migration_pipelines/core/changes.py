"""What of an org is not as it was any more, in words: of the fields and pipelines that a mapping needs, and of nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from migration_pipelines.core.provisioning import WantedPipeline
from migration_pipelines.core.schema import FieldSchema, OrgSchema


def changes(
    before: OrgSchema, now: OrgSchema, touched: Mapping[str, Collection[str]], pipelines: Sequence[WantedPipeline]
) -> list[str]:
    """What was there and is gone or different, a clause each. What has only appeared is no change.

    Args:
        before: as it was, or with what is still to be made as it is meant to be made.
        touched: object -> names of the fields that a mapping fills.
        pipelines: those that a mapping needs, with the stages that it names.
    """
    return [*_fields(before, now, touched), *_pipelines(before, now, pipelines)]


def _fields(before: OrgSchema, now: OrgSchema, touched: Mapping[str, Collection[str]]) -> Iterator[str]:
    for name, fields in sorted(touched.items()):
        was, there = before.objects.get(name), now.objects.get(name)
        if was and there is None:
            yield f"{name} is gone"
        elif was and there:
            for field in sorted(fields & was.fields.keys()):
                found = there.fields.get(field)
                yield from _field(f"{name}.{field}", was.fields[field], found) if found else [f"{name}.{field} is gone"]


def _field(name: str, was: FieldSchema, now: FieldSchema) -> Iterator[str]:
    if was.type != now.type:
        yield f"{name} was {was.type} and is {now.type}"
    if was.max_length != now.max_length:
        yield f"{name} took {was.max_length or 'any number of'} characters and takes {now.max_length or 'any number'}"
    if was.required != now.required:
        yield f"{name} {'may not be empty any more' if now.required else 'may be empty now'}"
    if was.writable != now.writable:
        yield f"{name} {'can be written now' if now.writable else 'cannot be written any more'}"
    if gone := [one for one in was.choices if one not in now.choices]:
        yield f"{name} has lost the choice {' and '.join(map(repr, gone))}"
    if new := [one for one in now.choices if one not in was.choices]:
        yield f"{name} has got the choice {' and '.join(map(repr, new))}"


def _pipelines(before: OrgSchema, now: OrgSchema, needed: Sequence[WantedPipeline]) -> Iterator[str]:
    had, has = _stages(before), _stages(now)
    for one in needed:
        if one.name in had and one.name not in has:
            yield f"pipeline {one.name!r} is gone"
            continue
        for stage in one.stages:
            if stage in had.get(one.name, ()) and stage not in has[one.name]:
                yield f"pipeline {one.name!r} has no stage {stage!r} any more"


def _stages(org: OrgSchema) -> dict[str, Sequence[str]]:
    return {one["name"]: one["stages"] for one in org.facts.get("pipelines", ())}
