"""A chunk of records and a route -> planned, held, excluded and carried. Every problem of a record is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migration_pipelines.core.children import as_lines, rows_of
from migration_pipelines.core.converters import find_converter
from migration_pipelines.core.exchange import Exchange
from migration_pipelines.core.mapping import Condition, EmptyTest, FieldMap, ReferenceMap, Route, Selection, route_key
from migration_pipelines.core.records import (
    HoldReason,
    KnownParent,
    Outcome,
    Planned,
    Problem,
    SourceRecord,
    SymbolicReference,
    Transformed,
)
from migration_pipelines.core.rules import Rule, RuleBook, WithNotes
from migration_pipelines.errors import MappingError

KnownParents = Mapping[tuple[str, str], KnownParent]
"""(CRM object, source id) -> what the plan has made of it; a parent that is absent was never extracted."""

Taker = Callable[[SourceRecord], bool]
"""Whether a selection takes a record."""

_HELD_OR_THERE = frozenset({Outcome.PLANNED, Outcome.LOADED, Outcome.HELD, Outcome.CARRIED})

_Fill = Callable[[SourceRecord, list[Problem]], Any]
_Name = Callable[[SourceRecord, list[Problem]], Sequence[str]]


@dataclass(frozen=True)
class CompiledRoute:
    """A route with its converters, tables and rules found, ready to run over any number of records."""

    key: str
    route: Route
    fields: Mapping[str, _Fill]
    references: Mapping[str, tuple[ReferenceMap, _Name]]
    carrier: tuple[str, str] | None
    takes: Taker
    out_of_scope: str
    """Why a record is excluded that it does not take."""

    def named_parents(self, record: SourceRecord) -> set[tuple[str, str]]:
        """Every (CRM object, source id) that a record names: what to ask the ledger before `transform`."""
        named: set[tuple[str, str]] = set()
        for row, name in self.references.values():
            named.update((crm_object, source_id) for source_id in name(record, []) for crm_object in row.to)
        if self.carrier:
            crm_object, field = self.carrier
            if source_id := record.values.get(field):
                named.add((crm_object, source_id))
        return named

    @property
    def takes_over(self) -> bool:
        """Whether it is to be told of the parents what they hang on themselves."""
        return any(row.through for row, _ in self.references.values())


def compile_route(
    crm_object: str,
    route: Route,
    *,
    tables: Mapping[str, Mapping[str, str]],
    rules: RuleBook,
    decisions: Mapping[str, Any],
    homes: Mapping[str, str],
    exchange: Exchange | None = None,
) -> CompiledRoute:
    """Find everything that a route names.

    Args:
        homes: source object -> CRM object whose first route brings it over, for `carried_by`.
        exchange: where amounts are converted, by what.

    Raises:
        MappingError: a converter, table or rule does not exist, or does not take its options.
    """
    key = route_key(crm_object, route)
    carrier = None
    for source_object, field in route.carried_by.items():
        if source_object not in homes:
            raise MappingError(f"{key}: no route brings over {source_object}, so nothing can be carried by it")
        carrier = (homes[source_object], field)
    try:
        return CompiledRoute(
            key=key,
            route=route,
            fields={name: _filler(row, tables, rules, decisions, exchange) for name, row in route.fields.items()},
            references={name: (row, _namer(row, rules, decisions)) for name, row in route.references.items()},
            carrier=carrier,
            takes=taker(route),
            out_of_scope=f"not in scope, which is where {_in_words(route)}",
        )
    except MappingError as error:
        raise MappingError(f"{key}: {error}") from error


def taker(selection: Selection) -> Taker:
    """The test of a selection: whether a record meets every condition of `when:`, and not every one of `unless:`."""
    is_meant, is_not_meant = _all_of(selection.when), _all_of(selection.unless)
    if not selection.unless:
        return is_meant
    return lambda record: is_meant(record) and not is_not_meant(record)


def _all_of(conditions: Mapping[str, Condition]) -> Taker:
    tests = [(name, condition, _test_of(condition)) for name, condition in conditions.items()]

    def meets(record: SourceRecord) -> bool:
        for name, condition, test in tests:  # noqa: SIM110  a generator costs more than the tests
            if not test(_asked(record, name, condition)):
                return False
        return True

    return meets


def transform(records: Sequence[SourceRecord], compiled: CompiledRoute, known: KnownParents) -> Transformed:
    """Turn a chunk of source records into planned records, or say why each must be held.

    Args:
        records: each carries every field that the route names; an empty value is None.
        known: what became of the parents that this chunk names, asked of the ledger once.

    Returns:
        planned: target field -> value, and symbolic references. None clears a field, one left out stays as it is.
        held: every problem found in a record, not only the first.

    Raises:
        MappingError: a mapped field is absent. That is a fault of mapping or connector, not of the data, so it stops
            the run and holds nothing.
    """
    planned: list[Planned] = []
    held: dict[str, Sequence[Problem]] = {}
    excluded: dict[str, str] = {}
    carried: dict[str, tuple[str, str]] = {}
    for record in records:
        if not compiled.takes(record):
            excluded[record.id] = compiled.out_of_scope
            continue
        problems: list[Problem] = []
        if compiled.carrier:
            carrier = _carrier(record, compiled.carrier, known, problems)
            if isinstance(carrier, str):
                excluded[record.id] = carrier
            elif carrier:
                carried[record.id] = carrier
        else:
            values = {name: fill(record, problems) for name, fill in compiled.fields.items()}
            left_out: list[str] = []
            references = tuple(_resolve(record, compiled, known, problems, left_out))
            if left_out:
                excluded[record.id] = left_out[0]
                continue
            if not any(problem.holds for problem in problems):
                planned.append(Planned(record.id, values, references, tuple(problems)))
        if any(problem.holds for problem in problems):
            held[record.id] = problems
    return Transformed(planned, held, excluded, carried)


def is_empty(value: Any) -> bool:
    """None, and text or a list with nothing in it. Zero and False are values."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == []


def _asked(record: SourceRecord, name: str, condition: Condition) -> Any:
    """What a condition is about: the value of a field; of a child object that the record carries, its rows."""
    if name in record.values or name not in record.children:
        return _value(record, name)
    if not isinstance(condition, EmptyTest):
        raise MappingError(f"{name} is no field of {record.object}: of rows below it only {{empty: ...}} can be asked")
    return list(record.children[name])


def _value(record: SourceRecord, field: str) -> Any:
    try:
        value = record.values[field]
    except KeyError:
        raise MappingError(
            f"{record.object} {record.id}: the extract has no field {field!r}. "
            "It may be hidden from us, which discover says. Run discover and extract again, or correct the mapping."
        ) from None
    return None if value is None or is_empty(value) else value


def _filler(
    row: FieldMap, tables: Mapping[str, Mapping[str, str]], rules: RuleBook, decisions: Mapping[str, Any],
    exchange: Exchange | None,
) -> _Fill:  # fmt: skip
    converters = [find_converter(call) for call in row.convert]
    table = tables[row.table] if row.table else None
    rule = rules.find(row.rule) if row.rule else None

    take = _taking(row, rule, decisions)
    label = row.rule or ", ".join(row.names)

    def of(record: SourceRecord, problems: list[Problem]) -> Any:
        """The value of one record, or a Problem that is among the problems already."""
        value = take(record)
        if isinstance(value, WithNotes):
            problems.extend(note.at(label) for note in value.notes)
            value = value.value
        if table is not None and value is not None and not isinstance(value, Problem):
            value = _look_up(table, row.table or "", value)
            if isinstance(value, WithNotes):
                problems.extend(note.at(label) for note in value.notes)
                value = value.value
        if exchange and row.exchange and value is not None and not isinstance(value, Problem):
            value = exchange.convert(value, _value(record, row.exchange))
        for convert in converters:
            if value is None or isinstance(value, Problem):
                break
            original, value = value, convert(value)
            if isinstance(value, Problem) and not value.holds:
                problems.append(value.at(label))
                value = original
        if isinstance(value, Problem):
            problems.append(value.at(label))
        return value

    def below(record: SourceRecord, problems: list[Problem]) -> Any:
        """The same of the rows that the record carries."""
        found = rows_of(record, row.child or "", row.many)
        if isinstance(found, Problem):
            problems.append(found.at(label))
            return found
        problems.extend(note.at(label) for note in found.notes)
        values = [of(one, problems) for one in found.value]
        broken = next((value for value in values if isinstance(value, Problem)), None)
        return broken or (as_lines(values) if row.many == "lines" else next(iter(values), None))

    def fill(record: SourceRecord, problems: list[Problem]) -> Any:
        value = below(record, problems) if row.child else of(record, problems)
        if isinstance(value, Problem):
            return None
        if value is None or is_empty(value):
            value = row.default
            if row.required and is_empty(value):
                problems.append(
                    Problem(HoldReason.MISSING_REQUIRED, f"{label} is empty, and the target requires it", label)
                )
        return value

    return fill


def _taking(row: FieldMap, rule: Rule | None, decisions: Mapping[str, Any]) -> Callable[[SourceRecord], Any]:
    """What a field is filled from, before any conversion."""
    if rule:
        return lambda record: _obey(rule, record, decisions)
    if row.value is not None:
        return lambda _record: row.value
    field = row.from_
    if isinstance(field, list):
        return lambda record: [_value(record, one) for one in field]
    assert field
    return lambda record: _value(record, field)


ANY_OTHER = "*"


def _look_up(table: Mapping[str, str], name: str, value: Any) -> str | Problem | WithNotes:
    if value in table:
        return table[value]
    if ANY_OTHER not in table:
        return Problem(HoldReason.VALUE_NOT_MAPPED, f"{value!r} is not in table {name!r} of the mapping", value=value)
    message = f"{value!r} has no counterpart of its own: {table[ANY_OTHER]!r} is taken"
    return WithNotes(table[ANY_OTHER], [Problem(HoldReason.VALUE_NOT_MAPPED, message, value=value, holds=False)])


def _obey(rule: Rule, record: SourceRecord, decisions: Mapping[str, Any]) -> Any:
    try:
        return rule.function(record, decisions)
    except KeyError as missing:
        raise MappingError(
            f"{record.object} {record.id}: rule {rule.name!r} finds no {missing}. "
            "It may be hidden from us, which discover says. Run discover and extract again, or correct the mapping."
        ) from missing


def _namer(row: ReferenceMap, rules: RuleBook, decisions: Mapping[str, Any]) -> _Name:
    if row.rule:
        rule = rules.find(row.rule)
        return lambda record, _problems: list(_obey(rule, record, decisions))
    field = row.from_
    assert field

    def name(record: SourceRecord, _problems: list[Problem]) -> Sequence[str]:
        value = record.id if field == "Id" else _value(record, field)
        return [] if value is None else [value]

    return name


def _resolve(
    record: SourceRecord, compiled: CompiledRoute, known: KnownParents, problems: list[Problem], left_out: list[str]
) -> Iterable[SymbolicReference]:
    """What the record hangs on. Why it must be held is added to `problems`, why it is excluded to `left_out`."""
    decided: set[str] = set()  # filled, or a reason to hold the record, which no other reference can take away
    filled: set[SymbolicReference] = set()
    for field, (row, name) in compiled.references.items():
        if decided.intersection(row.unless):
            continue
        before = len(problems)
        source_ids = name(record, problems)
        if not source_ids and row.if_empty == "hold":
            message = f"{row.from_ or row.rule} is empty{_nor(row, compiled)}"
            problems.append(Problem(HoldReason.REFERENCE_EMPTY, message, field))
        for source_id in source_ids:
            parent = next((known[to, source_id] for to in row.to if (to, source_id) in known), None)
            if row.if_unknown == "exclude" and (parent is None or parent.outcome not in _HELD_OR_THERE):
                left_out.append(f"belongs to {source_id}, which is not brought over")
            elif parent is None:
                if row.if_unknown == "hold":
                    reason = HoldReason.OWNER_UNRESOLVED if row.to == ("users",) else HoldReason.PARENT_UNKNOWN
                    problems.append(
                        Problem(reason, f"{source_id} was not extracted{_nor(row, compiled)}", field, source_id)
                    )
            elif parent.carried_by or parent.outcome in (Outcome.PLANNED, Outcome.LOADED):
                decided.add(field)
                own = SymbolicReference(row.into or field, *(parent.carried_by or (parent.route, source_id)))
                for reference in [own] if row.through is None else _taken_over(row.through, parent):
                    if reference not in filled:
                        filled.add(reference)
                        yield reference
            elif row.if_held == "hold":
                reason = HoldReason.OWNER_UNRESOLVED if row.to == ("users",) else HoldReason.PARENT_HELD
                problems.append(Problem(reason, f"{source_id} is {parent.outcome}", field, source_id))
        if len(problems) > before:
            decided.add(field)


def _taken_over(names: Sequence[str], parent: KnownParent) -> list[SymbolicReference]:
    return [one for one in parent.references if one.field in names]


def _nor(row: ReferenceMap, compiled: CompiledRoute) -> str:
    """What to do about a record that hangs below none of several parents, which have the names that the target gives them."""
    if not row.unless:
        return ""
    named = {one: compiled.route.references[one] for one in row.unless}
    parents = dict.fromkeys(other.into or one for one, other in named.items() if other.through is None)
    return f", and there is no {' or '.join(parents)}: link it in the source, or leave it out by when:"


def _carrier(
    record: SourceRecord, carrier: tuple[str, str], known: KnownParents, problems: list[Problem]
) -> tuple[str, str] | str | None:
    """The route and id of what carries a record; why it is left out, in words; None where it is held."""
    crm_object, field = carrier
    source_id = _value(record, field)
    parent = known.get((crm_object, source_id))
    if source_id is None:
        problems.append(Problem(HoldReason.REFERENCE_EMPTY, f"{field} is empty", field))
    elif parent is None:
        problems.append(Problem(HoldReason.PARENT_UNKNOWN, f"{source_id} was not extracted", field, source_id))
    elif parent.outcome is Outcome.EXCLUDED:
        return f"carried by {source_id}, which is not in scope"
    elif parent.outcome not in (Outcome.PLANNED, Outcome.LOADED):
        problems.append(Problem(HoldReason.PARENT_HELD, f"{source_id} is {parent.outcome}", field, source_id))
    else:
        return parent.route, source_id
    return None


def _test_of(condition: Condition) -> Callable[[Any], bool]:
    if isinstance(condition, EmptyTest):
        return lambda value: is_empty(value) is condition.empty
    if isinstance(condition, list):
        return lambda value: value in condition
    return lambda value: bool(value == condition)


def _in_words(route: Route) -> str:
    def say(condition: Condition) -> str:
        if isinstance(condition, EmptyTest):
            return "is empty" if condition.empty else "is filled"
        allowed = condition if isinstance(condition, list) else [condition]
        return f"is {' or '.join(str(one).lower() if isinstance(one, bool) else str(one) for one in allowed)}"

    def say_all(conditions: Mapping[str, Condition]) -> str:
        return " and ".join(f"{field} {say(condition)}" for field, condition in conditions.items())

    return " ".join([say_all(route.when), *(["unless", say_all(route.unless)] if route.unless else [])]).strip()
