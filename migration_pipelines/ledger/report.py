"""What only the report asks: every record's one outcome, reasons, fields, money, owners, a draw of records, and lists.

All of it is one view of the ledger, at one moment: where each entry stands is worked out once, into a temporary table.
Aggregates are worked out in SQL; lists come a page at a time. Values are as the ledger knows them: what was meant in the
version that was sent, overlaid with what read back differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from migration_pipelines.ledger.codec import decode_text
from migration_pipelines.ledger.owned import OwnedRecords, readable

PAGE = 1_000
GROUPS = 100
"""The most groups that one question gives; each row says how many there are."""

_SCALE = 40  # decimals of a product before it is divided: no quotient is rounded before its time
_AMOUNT = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$"
# Ids, numbers and quoted values differ from record to record where the target's words are the same.
_WORDS = (
    r"left(regexp_replace(regexp_replace(regexp_replace(message, E'([\"\'])[^\"\']*\\1', E'\\1…\\1', 'g'), "
    r"E'\\m(?=[A-Za-z]*[0-9])[0-9A-Za-z]{15,18}\\M', '…', 'g'), '[0-9]+', '#', 'g'), 200)"
)


def _amount(value: str) -> str:
    return f"CASE WHEN {value} ~ '{_AMOUNT}' THEN ({value})::numeric END"


def _known(found: str, payload: str, field: str) -> str:
    """SQL for a value as it is known to be in the target, as text: what was found where it differs, else what was meant."""
    return f"CASE WHEN {found}.entry_id IS NULL THEN {payload} ->> :{field} ELSE {readable(f'{found}.found')} #>> '{{}}' END"


@dataclass(frozen=True, slots=True)
class MoneyFields:
    """Where amounts stand: field names of the source, and those of the target.

    `exact` is the target's field with the amount as it is, `whole` the one that takes whole units; `status` its stage. Where
    amounts are converted, `into` is the target's currency, rounded half up to `decimals`, and `rates` what of each currency,
    that one included, equals one of the org's own.
    """

    source_object: str
    route: str
    amount: str
    stage: str
    close: str
    owner: str
    exact: str
    whole: str
    status: str
    currency: str = ""
    into: str = ""
    decimals: int = 0
    rates: Mapping[str, str] = field(default_factory=dict)


_STANDING = """
    CREATE TEMP TABLE standing ON COMMIT DROP AS
    SELECT s.entry_id, s.route_id, s.source_id, s.planned, s.outcome, s.result, s.target_id, s.sent_version, s.ref_target_ids,
           s.problems, s.problem, s.undone, s.undo_detail, s.batch_id, s.matched_id, s.match, b.verified_at IS NOT NULL AS is_read
    FROM (
      SELECT * FROM ledger.entry_status WHERE partition_id = :partition OFFSET 0  -- else batches are read once an entry
    ) s LEFT JOIN ledger.batch b ON b.id = s.batch_id
"""


class ReportQuestions(OwnedRecords):
    """The report's questions to one partition. They are asked inside `one_view`."""

    _view: Connection | None = None

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """All questions asked inside see the ledger as it is now, whatever a run does meanwhile."""
        with (
            self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
            connection.begin(),
        ):
            connection.execute(text(_STANDING), {"partition": self.id})
            connection.execute(text("CREATE UNIQUE INDEX ON standing (route_id, source_id)"))
            connection.execute(text("ANALYZE standing"))
            self._view = connection
            try:
                yield
            finally:
                self._view = None

    def select(self, statement: str, **values: Any) -> list[Mapping[str, Any]]:
        assert self._view is not None, "the report's questions are asked inside one_view"
        rows = self._view.execute(text(statement), {"partition": self.id, **values}).mappings()
        return [dict(row) for row in rows]

    def outcomes_of_records(self, routes: Sequence[str]) -> dict[str, int]:
        """Outcome -> records of one source object, each counted once: on the first of its routes that takes it."""
        rows = self.select(
            """
            SELECT outcome, count(*) AS rows FROM (
              SELECT DISTINCT ON (s.source_id) s.outcome FROM standing s
              WHERE s.route_id = ANY(CAST(:routes AS int[]))
              ORDER BY s.source_id, s.outcome = 'excluded', array_position(CAST(:routes AS int[]), s.route_id::int)
            ) once GROUP BY outcome ORDER BY outcome
            """,
            routes=[self.route_id(route) for route in routes],
        )
        return {row["outcome"]: row["rows"] for row in rows}

    def reasons(self, route: str) -> list[Mapping[str, Any]]:
        """Why entries of a route are held, failed, left out or listed, most frequent first.

        Rows: (outcome, reason, field, holds, words, rows, example, message, groups). `words` are the message without what
        differs from record to record, where no reason of ours names it. An entry counts under each of its reasons.
        """
        return self.select(
            f"""
            SELECT outcome, reason, field, holds, words, count(*) AS rows, (min(ARRAY[source_id, message]))[1] AS example,
                   (min(ARRAY[source_id, message]))[2] AS message, count(*) OVER () AS groups
            FROM (
              SELECT outcome, source_id, reason, field, holds, message,
                     CASE WHEN reason IS NULL OR reason = 'REFUSED' THEN {_WORDS} ELSE '' END AS words
              FROM (
                SELECT s.outcome, s.source_id, q ->> 'reason' AS reason, coalesce(q ->> 'field', '') AS field,
                       coalesce((q ->> 'holds')::boolean, true) AS holds, coalesce(q ->> 'message', '') AS message
                FROM standing s CROSS JOIN LATERAL json_array_elements(s.problems) q
                WHERE s.route_id = :route AND s.problems IS NOT NULL
                UNION ALL
                SELECT s.outcome, s.source_id, q ->> 'reason', coalesce(q ->> 'field', ''), true, coalesce(q ->> 'message', '')
                FROM standing s CROSS JOIN LATERAL (SELECT {readable("s.problem")} AS q) said
                WHERE s.route_id = :route AND s.planned = 'planned'
                  AND s.outcome IN ('held', 'failed', 'conflict') AND s.problem IS NOT NULL
              ) given
            ) said
            GROUP BY outcome, reason, field, holds, words ORDER BY rows DESC, outcome, reason, field, words LIMIT :limit
            """,  # noqa: S608  the fragments are ours
            route=self.route_id(route), limit=GROUPS,
        )  # fmt: skip

    def fields(self, route: str) -> list[dict[str, Any]]:
        """How each field and reference of what a route wrote reads back; of matched records only what was filled there counts.

        Rows: (field, written, filled, unread, gone, and a count for every verdict). `gone` are fields of records that did
        not answer.
        """
        written = self.select(
            f"""
            SELECT each.field, count(*) AS written, count(*) FILTER (WHERE each.is_filled) AS filled,
                   count(*) FILTER (WHERE NOT s.is_read) AS unread,
                   count(*) FILTER (WHERE s.is_read AND gone.entry_id IS NOT NULL) AS gone
            FROM standing s
            JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.sent_version
            LEFT JOIN ledger.finding gone ON gone.entry_id = s.entry_id AND gone.field = ''
            LEFT JOIN ledger.pre_image pre ON pre.entry_id = s.entry_id AND pre.batch_id = s.batch_id
            CROSS JOIN LATERAL (
              SELECT one.key AS field, one.value::text !~ '^(null|\\[\\]|"\\s*")$' AS is_filled
              FROM json_each({readable("i.payload")}) one
              UNION ALL
              SELECT DISTINCT u.field, true FROM unnest(i.ref_fields, s.ref_target_ids) AS u(field, target_id)
              WHERE u.target_id IS NOT NULL
            ) each
            WHERE s.route_id = :route AND s.outcome = 'loaded' AND s.result <> 'unchanged'
              AND (pre.entry_id IS NULL OR pre.payload -> each.field IS NOT NULL)
            GROUP BY each.field
            """,  # noqa: S608
            route=self.route_id(route),
        )
        found: dict[str, dict[str, int]] = {}
        for row in self.select(
            "SELECT f.field, f.verdict, count(*) AS rows FROM ledger.finding f "
            "JOIN standing s ON s.entry_id = f.entry_id WHERE s.route_id = :route AND s.outcome = 'loaded' "
            "AND s.result <> 'unchanged' AND s.is_read AND f.field <> '' GROUP BY f.field, f.verdict",
            route=self.route_id(route),
        ):
            found.setdefault(row["field"], {})[row["verdict"]] = row["rows"]
        return [{**row, "verdicts": found.get(row["field"], {})} for row in written]

    def money(self, fields: MoneyFields) -> list[Mapping[str, Any]]:
        """Amounts of live source records and of what of them is known to be in the target, exactly.

        Rows: (kind, currency, value, rows, amounts, source, arrived, arrived_source, target, whole, with_whole, most_rounded,
        statuses), where kind is "all", "stage", "owner" or "month". `source`, `arrived_source`, `target` and `whole` are
        sums; `amounts` counts the records with an amount; `rounded` sums whole minus exact; `own` is the sum in the records' own
        currency. Where amounts are converted, all others are in the target's, reckoned here anew.
        """
        return self.select(
            f"""
            WITH known AS (
              SELECT s.source_id, {_known("x", "p.payload", "exact")} AS exact, {_known("w", "p.payload", "whole")} AS whole,
                     {_known("t", "p.payload", "status")} AS status
              FROM standing s
              JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.sent_version
              CROSS JOIN LATERAL (SELECT {readable("i.payload")} AS payload) p
              LEFT JOIN ledger.finding x ON x.entry_id = s.entry_id AND x.field = :exact
              LEFT JOIN ledger.finding w ON w.entry_id = s.entry_id AND w.field = :whole
              LEFT JOIN ledger.finding t ON t.entry_id = s.entry_id AND t.field = :status
              LEFT JOIN ledger.finding gone ON gone.entry_id = s.entry_id AND gone.field = ''
              WHERE s.route_id = :route AND s.outcome = 'loaded' AND gone.entry_id IS NULL
            ), found AS (
              SELECT coalesce(p.payload ->> :currency, '') AS currency, coalesce(p.payload ->> :stage, '') AS stage,
                     coalesce(p.payload ->> :owner, '') AS owner, coalesce(left(p.payload ->> :close, 7), '') AS month,
                     {_amount("p.payload ->> :amount")} AS own, k.source_id IS NOT NULL AS is_there,
                     {_amount("k.exact")} AS exact, {_amount("k.whole")} AS whole, k.status
              FROM ledger.source_record r
              CROSS JOIN LATERAL (SELECT {readable("r.payload")} AS payload) p
              LEFT JOIN known k ON k.source_id = r.source_id
              WHERE r.partition_id = :partition AND r.object_id = :object AND NOT r.deleted
            ), deal AS (
              SELECT f.*, CASE WHEN currency = :into OR rate IS NULL THEN own
                          ELSE round(round(own * rate_into, {_SCALE}) / rate, :decimals) END AS amount
              FROM found f CROSS JOIN LATERAL (
                SELECT (CAST(:rates AS json) ->> currency)::numeric AS rate,
                       (CAST(:rates AS json) ->> :into)::numeric AS rate_into
              ) told
            )
            SELECT CASE WHEN GROUPING(stage) = 0 THEN 'stage' WHEN GROUPING(owner) = 0 THEN 'owner'
                        WHEN GROUPING(month) = 0 THEN 'month' ELSE 'all' END AS kind,
                   currency, coalesce(stage, owner, month, '') AS value, count(*) AS rows, count(amount) AS amounts,
                   coalesce(sum(amount), 0) AS source, coalesce(sum(own), 0) AS own, count(*) FILTER (WHERE is_there) AS arrived,
                   coalesce(sum(amount) FILTER (WHERE is_there), 0) AS arrived_source, coalesce(sum(exact), 0) AS target,
                   coalesce(sum(whole - exact), 0) AS rounded, coalesce(max(abs(whole - exact)), 0) AS most_rounded,
                   array_agg(DISTINCT status) FILTER (WHERE status IS NOT NULL) AS statuses
            FROM deal GROUP BY GROUPING SETS ((currency, stage), (currency, owner), (currency, month), (currency))
            ORDER BY kind, currency, value
            """,  # noqa: S608
            route=self.route_id(fields.route), object=self.object_id(fields.source_object), amount=fields.amount,
            stage=fields.stage, close=fields.close, owner=fields.owner, currency=fields.currency, exact=fields.exact,
            whole=fields.whole, status=fields.status, into=fields.into, decimals=fields.decimals,
            rates=json.dumps(dict(fields.rates)),
        )  # fmt: skip

    def owned_in_target(self, route: str, field: str) -> dict[str, int]:
        """Owner's source id -> loaded records of a route that were given to the owner's counterpart."""
        rows = self.select(
            "SELECT i.ref_ids[array_position(i.ref_fields, :field)] AS owner, count(*) AS rows FROM standing s "
            "JOIN ledger.intent i ON i.entry_id = s.entry_id AND i.version = s.sent_version "
            "WHERE s.route_id = :route AND s.outcome = 'loaded' GROUP BY 1",
            route=self.route_id(route),
            field=field,
        )
        return {row["owner"]: row["rows"] for row in rows if row["owner"]}

    def draw(self, route: str, count: int, seed: str) -> list[Mapping[str, Any]]:
        """Some loaded entries of a route that were not matched, the same ones for the same seed, with what was meant and found.

        Rows: (source_id, target_id, payload, ref_fields, ref_routes, ref_ids, ref_target_ids, is_read, findings, source).
        """
        return self.select(
            """
            WITH drawn AS (
              SELECT s.*, md5(:seed || s.source_id) AS place FROM standing s
              WHERE s.route_id = :route AND s.outcome = 'loaded' AND s.matched_id IS NULL
              ORDER BY place, s.source_id LIMIT :count
            )
            SELECT d.source_id, d.target_id, i.payload, i.ref_fields, i.ref_ids, d.ref_target_ids,
                   (SELECT array_agg(r.key ORDER BY n) FROM unnest(i.ref_routes) WITH ORDINALITY AS u(id, n)
                    JOIN ledger.route r ON r.id = u.id) AS ref_routes,
                   d.is_read,
                   (SELECT json_agg(json_build_object('field', f.field, 'verdict', f.verdict, 'found', f.found))
                    FROM ledger.finding f WHERE f.entry_id = d.entry_id) AS findings
            FROM drawn d JOIN ledger.intent i ON i.entry_id = d.entry_id AND i.version = d.sent_version
            ORDER BY d.place, d.source_id
            """,
            route=self.route_id(route), seed=seed, count=count,
        )  # fmt: skip

    def source_values(self, source_object: str, source_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Source id -> the record's values as the source gave them."""
        rows = self.select(
            "SELECT source_id, payload FROM ledger.source_record "
            "WHERE partition_id = :partition AND object_id = :object AND source_id = ANY(:ids)",
            object=self.object_id(source_object),
            ids=list(source_ids),
        )
        return {row["source_id"]: row["payload"] for row in rows}

    def parts_of_names(
        self, source_object: str, fields: Sequence[str], source_ids: Sequence[str]
    ) -> dict[str, Sequence[str | None]]:
        """Source id -> the text of some fields of the record, in their order."""
        rows = self.select(
            f"SELECT source_id, ARRAY(SELECT p.payload ->> f FROM unnest(CAST(:fields AS text[])) f) AS parts "  # noqa: S608
            f"FROM ledger.source_record r CROSS JOIN LATERAL (SELECT {readable('r.payload')} AS payload) p "
            "WHERE r.partition_id = :partition AND r.object_id = :object AND r.source_id = ANY(:ids)",
            object=self.object_id(source_object), fields=list(fields), ids=list(source_ids),
        )  # fmt: skip
        return {row["source_id"]: row["parts"] for row in rows}

    def itemised(self, route: str, outcomes: Sequence[str] = ()) -> Iterator[list[Mapping[str, Any]]]:
        """Entries of a route that have something to say, a page at a time: (source_id, planned, outcome, target_id, problems,
        problem). Of all outcomes but those that the mapping leaves out, where none is named."""
        yield from self._pages(
            "(s.problems IS NOT NULL OR s.problem IS NOT NULL) AND CASE WHEN cardinality(CAST(:outcomes AS text[])) = 0 "
            "THEN s.outcome <> 'excluded' ELSE s.outcome = ANY(:outcomes) END",
            route, outcomes=list(outcomes),
        )  # fmt: skip

    def loaded(self, route: str) -> Iterator[list[Mapping[str, Any]]]:
        """Entries of a route that stand in the target as meant, a page at a time."""
        yield from self._pages("s.outcome = 'loaded'", route)

    def left_alone(self, route: str) -> Iterator[list[Mapping[str, Any]]]:
        """Entries of a route that the last roll back did not touch, or could not, a page at a time."""
        yield from self._pages("s.undone = 'left'", route)

    def matched(self, route: str) -> Iterator[list[Mapping[str, Any]]]:
        """Entries of a route that are, or may be, records that people had made, a page at a time: (source_id, planned,
        outcome, target_id, matched_id, match, problems) and others."""
        yield from self._pages("s.match IS NOT NULL", route)

    def _pages(self, condition: str, route: str, **values: Any) -> Iterator[list[Mapping[str, Any]]]:
        last = ""
        while True:
            rows = self.select(
                "SELECT s.source_id, s.planned, s.outcome, s.target_id, s.problems, s.problem, s.undo_detail, "  # noqa: S608
                "s.matched_id, s.match FROM standing s WHERE s.route_id = :route "
                f"AND s.source_id > :last AND {condition} ORDER BY s.source_id LIMIT :limit",
                route=self.route_id(route), last=last, limit=PAGE, **values,
            )  # fmt: skip
            if not rows:
                return
            last = rows[-1]["source_id"]
            yield rows


def plain(text: str | None) -> str:
    """A text that SQL took out of a `json` column of ours, as it was."""
    return decode_text(text or "")
