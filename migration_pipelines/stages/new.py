"""New: a migration project's folder from the shipped defaults of its pair."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from migration_pipelines.errors import InvalidInput
from migration_pipelines.pairs import Decision, load_pair
from migration_pipelines.project import load_project

_PROJECT = """\
# Migration project {name}: {source} -> {target}. Kept in git; every value under a connection is the NAME of an
# environment variable, never the secret itself.
name: {name}
source: {source}
target: {target}
# Kommo by OAuth: in place of token: give client_id:, client_secret: and redirect_uri:, then run
# crm-migrate sign-in PARTITION.
environments:
  sandbox:
    source: {{url: {NAME}_SOURCE_URL, client_id: {NAME}_SOURCE_CLIENT_ID, client_secret: {NAME}_SOURCE_CLIENT_SECRET}}
    target: {{url: {NAME}_SANDBOX_TARGET_URL, token: {NAME}_SANDBOX_TARGET_TOKEN, requests_per_second: 5}}
  production:
    source: {{url: {NAME}_SOURCE_URL, client_id: {NAME}_SOURCE_CLIENT_ID, client_secret: {NAME}_SOURCE_CLIENT_SECRET}}
    target: {{url: {NAME}_TARGET_URL, token: {NAME}_TARGET_TOKEN, requests_per_second: 5}}

# Each decision is open until it has a value; the plan stays closed while one is.
decisions:
{decisions}
# Source objects that are not migrated, each with its reason: {{lost: ...}}, {{archived: ...}} or {{database: ...}}
objects: {{}}
"""

_COLUMNS = 100

_OWNERS = """\
# People who own records in the source and have no counterpart of the same e-mail address in the target:
# e-mail (or id) in the source: e-mail in the target
owners: {}
"""


def new(projects: Path, name: str, source: str, target: str) -> Path:
    """Make `projects/<name>/`. Returns the folder.

    Raises:
        InvalidInput: there is such a project already, the name is not plain, or there is no such pair.
        OSError: this machine does not take it; then nothing of it is left.
    """
    pair = load_pair(source, target)
    folder = projects / name
    if folder.exists():
        raise InvalidInput(f"{folder} exists already. Choose another name, or remove it.")
    lines = []
    for decision, about in pair.decisions.items():
        lines += ["", *_in_comments(about)]
        lines.append(f"  {decision}: {'' if about.default is None else about.default}".rstrip())
    content = _PROJECT.format(
        name=name, NAME=name.upper(), source=source, target=target, decisions="\n".join(lines[1:]) + "\n"
    )
    try:
        (folder / "mapping").mkdir(parents=True)
        (folder / "project.yaml").write_text(content, "utf-8")
        (folder / "owners.yaml").write_text(_OWNERS, "utf-8")
        for default in pair.mapping_files:
            shutil.copy(default, folder / "mapping" / default.name)
        load_project(folder)
    except (InvalidInput, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _in_comments(decision: Decision) -> Iterator[str]:
    """What is decided, and what each value means, in lines that an editor shows whole."""
    takes = [f"{value}: {meaning}" for value, meaning in decision.allowed.items()] or [decision.explain()]
    yield from wrap(decision.meaning, _COLUMNS, initial_indent="  # ", subsequent_indent="  # ")
    for one in takes:
        yield from wrap(one, _COLUMNS, initial_indent="  #   ", subsequent_indent="  #     ")
