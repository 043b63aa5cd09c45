"""Money in the report: amounts of the source against those that are known to be in the target. Exact decimals, no floats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from migration_pipelines.core.mapping import FieldMap
from migration_pipelines.core.transform import CompiledRoute
from migration_pipelines.ledger.report import MoneyFields
from migration_pipelines.stages.partition import OpenPartition

CURRENCY = "CurrencyIsoCode"
"""The field of a record's own currency, where an org has several; an org without it has one."""
MOST_ROWS = 60
_DIGITS = 200  # far more than any sum has: nothing is rounded
_SUMS = ("source", "arrived_source", "target", "rounded")
_COUNTS = ("rows", "amounts", "arrived")


def money_of(partition: OpenPartition) -> dict[str, Any] | None:
    """Amounts by stage, by owner and by month of close, a part for each currency; None where no amount is mapped.

    Of every row: `rows` records in the source, `source` their sum, `arrived` records, `target` the sum that the target has,
    `missing` the amounts of what did not arrive, and `unexplained`: what is left of source - target - missing, which is zero.
    Where amounts are converted, a part is `into` the target's currency, by the rates of the plan; `own` is the sum before that.
    """
    fields = next((found for _, one in partition.routes if (found := _fields(partition, one))), None)
    if fields is None:
        return None
    people = {one["source_id"]: one["name"] for one in partition.ledger.owners()}
    default = partition.schema("source").facts.get("currency") or ""
    with localcontext(prec=_DIGITS):
        currencies = _by_currency(partition.ledger.report.money(fields), people)
    return {
        "route": fields.route,
        "fields": {name: getattr(fields, name) for name in ("amount", "exact", "whole", "stage", "close")},
        "currencies": [
            {"currency": currency or default, "into": fields.into if currency in fields.rates else "", **part}
            for currency, part in currencies.items()
        ],
    }


def _by_currency(rows: Iterable[Mapping[str, Any]], people: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    currencies: dict[str, dict[str, Any]] = {}
    for row in rows:
        part = currencies.setdefault(row["currency"], {"stage": [], "owner": [], "month": []})
        if row["kind"] == "all":
            part["all"] = _row("", row) | {"most_rounded": str(row["most_rounded"]), "own": str(row["own"])}
        else:
            value = people.get(row["value"], row["value"]) if row["kind"] == "owner" else row["value"]
            part[row["kind"]].append(_row(value, row))
    return {
        currency: part | {kind: _folded(part[kind]) for kind in ("stage", "owner", "month")}
        for currency, part in currencies.items()
    }


def _fields(partition: OpenPartition, compiled: CompiledRoute) -> MoneyFields | None:
    """Where a route carries an amount both exactly and in whole units; None where it does not."""
    rows = compiled.route.fields
    whole = _first(rows, lambda row: "whole_units" in _converters(row))
    if whole is None or len(rows[whole].names) != 1:
        return None
    (amount,) = rows[whole].names
    exact = _first(
        rows,
        lambda row: row.names == (amount,) and row.exchange == rows[whole].exchange and "decimal" in _converters(row),
    )
    stage = _first(rows, lambda row: row.table == "stages")
    close = _first(rows, lambda row: "day" in _converters(row))
    owner = next(
        (one.from_ for one in compiled.route.references.values() if one.to == ("users",) and one.if_held == "hold"),
        None,
    )
    plan = partition.ledger.plans.current()
    exchange = (plan["summary"].get("exchange") if plan and rows[whole].exchange else None) or {}
    return MoneyFields(
        compiled.route.source, compiled.key, amount, stage=rows[stage].sources[0] if stage else "",
        close=rows[close].sources[0] if close else "", owner=owner or "", exact=exact or whole, whole=whole,
        status=stage or "",
        currency=CURRENCY if CURRENCY in partition.source_schema(compiled.route.source).fields else "", **exchange,
    )  # fmt: skip


def _first(rows: Mapping[str, FieldMap], has: Any) -> str | None:
    return next((name for name, row in rows.items() if has(row)), None)


def _converters(row: FieldMap) -> set[str]:
    return {name for call in row.convert for name in ([call] if isinstance(call, str) else call)}


def _row(value: str, row: Mapping[str, Any]) -> dict[str, Any]:
    missing = row["source"] - row["arrived_source"]
    unexplained = row["source"] - row["target"] - missing
    statuses = sorted(row["statuses"] or ()) if row["kind"] == "stage" else []
    return {
        "value": value, **{name: row[name] for name in _COUNTS}, **{name: str(row[name]) for name in _SUMS},
        "missing": str(missing), "unexplained": str(unexplained), "in_target": statuses,
    }  # fmt: skip


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that a page can show; the smallest of more than those are one row, so that the sums still add up."""
    if len(rows) <= MOST_ROWS:
        return rows
    kept = {id(one) for one in sorted(rows, key=lambda row: -abs(Decimal(row["source"])))[: MOST_ROWS - 1]}
    rest = [one for one in rows if id(one) not in kept]
    folded: dict[str, Any] = {name: sum(one[name] for one in rest) for name in _COUNTS}
    for name in (*_SUMS, "missing", "unexplained"):
        folded[name] = str(sum((Decimal(one[name]) for one in rest), Decimal(0)))
    last = {"value": f"{len(rest)} others", **folded, "in_target": []}
    return [*(one for one in rows if id(one) in kept), last]
