"""Which user of the target stands for a user, or a queue, of the source? Never the first of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migration_pipelines.core.schema import OrgSchema, User

_SANDBOX_SUFFIX = ".invalid"


@dataclass(frozen=True, slots=True)
class OwnerMatch:
    """`resolved_by` is "decision" or "e-mail"; where `target` is None, `problem` says why."""

    source: User
    target: User | None
    resolved_by: str | None
    problem: str | None


def match_owners(
    source: Sequence[User], target: Sequence[User], decided: Mapping[str, str], *, is_sandbox: bool = False
) -> dict[str, OwnerMatch]:
    """Source user id -> match. A decision of a person (source e-mail or id -> target e-mail) goes before the e-mail. A queue
    has no e-mail: it is decided by its id or its name.

    E-mail addresses are compared without regard to case. Only active users of the target with a standard account count
    (COMMON-27, SF-KOMMO-49, SF-KOMMO-69).

    Args:
        is_sandbox: the source is a sandbox, where Salesforce adds ".invalid" to every address: it is left away.
    """
    ignored = _SANDBOX_SUFFIX if is_sandbox else ""
    by_email: dict[str, list[User]] = {}
    for user in target:
        if user.is_active and user.is_standard and user.email:
            by_email.setdefault(_plain(user.email), []).append(user)
    wishes = {_plain(name).removesuffix(ignored): wish for name, wish in decided.items()}
    matches = {}
    for user in source:
        own = _plain(user.email).removesuffix(ignored) if user.email else ""
        wish = wishes.get(_plain(user.id)) or wishes.get(_plain(user.name) if user.is_queue else own)
        email = wish or own
        found = by_email.get(_plain(email), [])
        problem = None
        if not email and user.is_queue:
            problem = "is a queue, and nobody takes its place: name in owners.yaml who does, by the queue's name or id"
        elif not email:
            problem = "has no e-mail address to match by"
        elif not found:
            problem = f"no active user of the target has the e-mail address {email}"
        elif len(found) > 1:
            problem = f"{len(found)} users of the target have the e-mail address {email}"
        resolved_by = None if problem else ("decision" if wish else "e-mail")
        matches[user.id] = OwnerMatch(user, None if problem else found[0], resolved_by, problem)
    return matches


def queues_of(source: OrgSchema) -> list[User]:
    """The queues of an org, which own records as users do."""
    return [
        User(id=one["id"], name=one["name"], is_standard=False, is_queue=True) for one in source.facts.get("queues", ())
    ]


def _plain(text: str) -> str:
    return text.strip().casefold()
