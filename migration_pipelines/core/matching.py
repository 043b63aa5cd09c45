"""Which record of the source is which record that people had made in the target: never the first of several, never a guess.

Pure: keys are compared in a normal form, the strongest that finds anything decides, and what is not certain is said with
its candidates and left to a person.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migration_pipelines.core.converters.phone import phone
from migration_pipelines.core.records import HoldReason, Problem, Values
from migration_pipelines.core.transform import is_empty

NEW = "new"
"""What a person says of a record that is none of those in the target."""
BY_WORD = "matches.yaml"
"""What stands for a key where a person has said which record it is."""

MatchKey = Mapping[str, str]
"""One key of a mapping's `matched_by:`: target field -> normal form. All of its fields must agree."""

_NOBODY = re.compile(
    r"(no|none|null|na|nil|nobody|no[-_.]?e?-?mail|no[-_.]?reply|do[-_.]?not[-_.]?reply|unknown|test|fake|x+)"
)
_NO_DOMAIN = re.compile(
    r"(.*\.)?(invalid|test|localhost|local|example\.(com|net|org)|no-?e?mail\.\w+|none\.\w+|test\.\w+)"
)


def _e_mail(text: str, region: str) -> str | None:
    """ "Ada@Engines.Example " -> "ada@engines.example"; nothing for what many people are given who have none."""
    del region
    local, _, domain = text.strip().casefold().rpartition("@")
    if not local or not domain or _NOBODY.fullmatch(local) or _NO_DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def _phone(text: str, region: str) -> str | None:
    """E.164 form; nothing for a number that nobody can dial, or that has an extension: a switchboard is many people."""
    number = phone(text, region=region) if region else text.strip()
    return number if isinstance(number, str) and number.startswith("+") else None


def _name(text: str, region: str) -> str | None:
    """Case, width and white space do not count. A legal form does: Harbor Ltd and Harbor GmbH are two companies."""
    del region
    folded = unicodedata.normalize("NFKC", text).casefold().replace("i\u0307", "i")  # the Turkish capital I with a dot
    return " ".join(folded.split()) or None


_FORMS: Mapping[str, Callable[[str, str], str | None]] = {"e-mail": _e_mail, "phone": _phone, "name": _name}


def normal_values(value: Any, form: str, region: str) -> list[str]:
    """The normal forms of a field's value; of a field with several, of each. Blanks and placeholders have none."""
    several = value if isinstance(value, list) else [value]
    texts = [one["value"] if isinstance(one, Mapping) else one for one in several]
    found = (_FORMS[form](str(text), region) for text in texts if not is_empty(text))
    return list(dict.fromkeys(one for one in found if one))


Term = tuple[int, str]
"""A key's place among the keys, and its values in normal form."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What identifies a record, the strongest key first."""

    keys: Sequence[MatchKey]
    region: str = ""

    def terms(self, values: Values) -> Iterator[Term]:
        """Everything by which a record can be found. A key of several fields counts only where all of them are filled."""
        for place, key in enumerate(self.keys):
            parts = [normal_values(values.get(name), form, self.region) for name, form in key.items()]
            for together in itertools.product(*parts):
                yield place, "\n".join(together)

    def label(self, place: int) -> str:
        return " + ".join(self.keys[place])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record of the target that is not ours. `bears` is the migration key that stands in it, if one does."""

    id: str
    name: str = ""
    bears: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name}

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name else self.id


@dataclass(frozen=True, slots=True)
class Hit:
    """What one record of the source finds. `terms` are all that find something; `deciding` those of the strongest key, and
    `candidates` what these find. `against` are the places of stronger keys by which a candidate is another, filled on both
    sides and different."""

    terms: tuple[Term, ...]
    deciding: tuple[Term, ...]
    candidates: tuple[str, ...]
    against: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A record of the source is a record of the target: by which key and value, or by a person's word."""

    target_id: str
    key: str
    value: str
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "value": self.value, "candidates": [{"id": self.target_id, "name": self.name}]}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A record of the source that may be one of these. Others of the source that may be them too are named."""

    message: str
    key: str
    value: str
    candidates: tuple[Candidate, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem:
        return Problem(HoldReason.SEVERAL_MATCHES, self.message, self.key, self.value)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key, "value": self.value, "candidates": [one.as_json() for one in self.candidates],
            "others": list(self.others),
        }  # fmt: skip


@dataclass
class Standing:
    """The records of one target object that are not ours, by what identifies them."""

    keys: Keys
    by_id: dict[str, Candidate] = field(default_factory=dict)
    by_term: dict[Term, list[str]] = field(default_factory=dict)
    filled: dict[str, frozenset[int]] = field(default_factory=dict)
    """Target id -> the places of the keys that it can be found by."""

    def add(self, candidate: Candidate, values: Values) -> None:
        terms = list(self.keys.terms(values))
        self.by_id[candidate.id] = candidate
        self.filled[candidate.id] = frozenset(place for place, _ in terms)
        for term in terms:
            self.by_term.setdefault(term, []).append(candidate.id)

    def hit(self, values: Values) -> Hit | None:
        """What identifies a record of the source here; None where nothing does."""
        terms = list(self.keys.terms(values))
        found = tuple(term for term in terms if term in self.by_term)
        if not found:
            return None
        strongest = min(place for place, _ in found)
        deciding = tuple(term for term in found if term[0] == strongest)
        candidates = tuple(dict.fromkeys(one for term in deciding for one in self.by_term[term]))
        stronger = {place for place, _ in terms if place < strongest}
        against = {one: min(both) for one in candidates if (both := stronger & self.filled[one])}
        return Hit(found, deciding, candidates, against)


def match(
    standing: Standing, hits: Mapping[str, Hit], asked: Collection[str], decided: Mapping[str, str] = {},
    taken: Mapping[str, str] = {},
) -> dict[str, Match | Doubt]:  # fmt: skip
    """What is certain and what is not, of the records that are asked about; one that is in neither is new.

    Args:
        hits: source id -> what was found, for every record of the source that found something, asked about or not: a value
            that two of them share identifies neither.
        decided: source id -> the target id that a person named, or NEW.
        taken: target id -> source id that was matched with it already, by another route.
    """
    named = {source_id: one for source_id, one in decided.items() if one != NEW and source_id in asked}
    given = set(named.values())
    open_ = {
        source_id: tuple(one for one in hits[source_id].candidates if one not in given)
        for source_id in asked
        if source_id in hits and source_id not in decided
    }
    sharing = _inverted((source_id, term) for source_id, hit in hits.items() for term in hit.terms)
    claiming = _inverted((source_id, one) for source_id, candidates in open_.items() for one in candidates)
    wanted = _inverted(named.items())
    found: dict[str, Match | Doubt] = {}
    for source_id, target_id in named.items():
        found[source_id] = _by_word(standing, source_id, target_id, wanted[target_id], taken)
    for source_id, candidates in open_.items():
        if candidates:
            hit = hits[source_id]
            others = {other for term in hit.deciding for other in sharing[term]}.union(
                *(claiming[one] for one in candidates)
            )
            others |= {taken[one] for one in candidates if one in taken}
            found[source_id] = _by_key(standing, source_id, hit, candidates, sorted(others - {source_id}))
    return found


def _by_word(
    standing: Standing, source_id: str, target_id: str, wanting: Sequence[str], taken: Mapping[str, str]
) -> Match | Doubt:
    others = [one for one in (*wanting, *([taken[target_id]] if target_id in taken else [])) if one != source_id]
    candidate = standing.by_id.get(target_id)
    if candidate is None:
        return Doubt(f"matches.yaml names {target_id}, which is not in the target or is ours", BY_WORD, target_id)
    if others:
        why = f"matches.yaml names {target_id} for {', '.join(others)} as well"
        return Doubt(why, BY_WORD, target_id, (candidate,), tuple(others))
    return _unless_it_bears_another(source_id, candidate, BY_WORD, target_id)


def _by_key(
    standing: Standing, source_id: str, hit: Hit, candidates: Sequence[str], others: Sequence[str]
) -> Match | Doubt:
    key = standing.keys.label(hit.deciding[0][0])
    value = ", ".join(term[1].replace("\n", " + ") for term in hit.deciding)
    there = tuple(standing.by_id[one] for one in candidates)
    if len(there) == 1 and not others:
        if (place := hit.against.get(there[0].id)) is None:
            return _unless_it_bears_another(source_id, there[0], key, value)
        why = f"{key} {value} stands on {there[0]} in the target, whose {standing.keys.label(place)} is another"
        return Doubt(why, key, value, there)
    why = f"{key} {value} stands on {len(there)} in the target: {', '.join(map(str, there[:5]))}"
    if others:
        why += f"; {', '.join(others[:5])} of the source may be the same"
    return Doubt(why, key, value, there, tuple(others))


def _unless_it_bears_another(source_id: str, candidate: Candidate, key: str, value: str) -> Match | Doubt:
    if candidate.bears not in (None, "", source_id):
        why = f"{candidate} in the target bears the migration key of {candidate.bears}"
        return Doubt(why, key, value, (candidate,))
    return Match(candidate.id, key, value, candidate.name)


def _inverted(pairs: Iterable[tuple[str, Any]]) -> dict[Any, list[str]]:
    by_second: dict[Any, list[str]] = {}
    for first, second in pairs:
        by_second.setdefault(second, []).append(first)
    return by_second
