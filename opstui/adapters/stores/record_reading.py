"""The questions that ``record.db`` answers, inside a transaction and outside, and its rows as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from opstui.adapters.stores.record_schema import QUARTER, micros_since_epoch, moment_of
from opstui.core.audit import GENESIS, AuditRecord
from opstui.core.codec import decode, encode
from opstui.core.drafts import Draft, DraftState, PushRecord
from opstui.core.ports import Editing, LedgerRow, LimitRaise, Paper, Request
from opstui.core.sessions import Session, SessionEvent, SessionStatus, Usage
from opstui.core.tickets import TicketRef

R = TypeVar("R")
Row = tuple[Any, ...]


class Rows(Protocol):
    """Runs a statement and answers all its rows."""

    def __call__(self, sql: str, params: Sequence[Any] = (), /) -> list[Row]: ...


class Reading:
    """The questions, over whichever connection answers them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def draft(self, draft_id: str) -> Draft | None:
        """The draft, whatever its state."""
        return _first(Draft, self._rows("SELECT content FROM drafts WHERE id = ?", (draft_id,)))

    def drafts(
        self, *, ticket: TicketRef | None = None, states: Sequence[DraftState] | None = None, limit: int = 500
    ) -> list[Draft]:
        """Newest first."""
        where, params = _conditions(ticket=ticket and str(ticket), state=states)
        rows = self._rows(
            f"SELECT content FROM drafts WHERE {where} ORDER BY created DESC, id DESC LIMIT ?", (*params, limit)
        )
        return [_loaded(Draft, row[0]) for row in rows]

    def file(self, sha256: str) -> bytes | None:
        """The content of an attached file."""
        rows = self._rows("SELECT content FROM files WHERE sha256 = ?", (sha256,))
        return bytes(rows[0][0]) if rows else None

    def push(self, push_id: str) -> PushRecord | None:
        """The outbox row of an op id."""
        return _first(PushRecord, self._rows("SELECT content FROM outbox WHERE id = ?", (push_id,)))

    def pushes(
        self,
        *,
        draft: str | None = None,
        ticket: TicketRef | None = None,
        unfinished: bool = False,
        limit: int = 500,
    ) -> list[PushRecord]:
        """Oldest first."""
        where, params = _conditions(draft=draft, ticket=ticket and str(ticket))
        if unfinished:
            where += " AND done = 0"
        rows = self._rows(f"SELECT content FROM outbox WHERE {where} ORDER BY number LIMIT ?", (*params, limit))
        return [_loaded(PushRecord, row[0]) for row in rows]

    def session(self, session_id: str) -> Session | None:
        """The session, running or over."""
        return _first(Session, self._rows("SELECT content FROM sessions WHERE id = ?", (session_id,)))

    def sessions(
        self,
        *,
        ticket: TicketRef | None = None,
        statuses: Sequence[SessionStatus] | None = None,
        shift: str | None = None,
        limit: int = 200,
    ) -> list[Session]:
        """Newest first."""
        where, params = _conditions(ticket=ticket and str(ticket), status=statuses, shift=shift)
        rows = self._rows(
            f"SELECT content FROM sessions WHERE {where} ORDER BY created DESC, id DESC LIMIT ?", (*params, limit)
        )
        return [_loaded(Session, row[0]) for row in rows]

    def events(self, session_id: str, after: int = 0, limit: int = 1000) -> list[SessionEvent]:
        """In order of ``seq``."""
        rows = self._rows(
            "SELECT seq, remote_id, at, type, data FROM events WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?",
            (session_id, after, limit),
        )
        return [
            SessionEvent(
                session=session_id, seq=seq, remote_id=remote, at=moment_of(at), type=kind, data=json.loads(data)
            )
            for seq, remote, at, kind, data in rows
        ]

    def audit(self, *, after: int = 0, limit: int = 500, newest_first: bool = False) -> list[AuditRecord]:
        """Rows after ``after``; with ``newest_first`` the newest ``limit`` of them, backwards."""
        order = "DESC" if newest_first else "ASC"
        rows = self._rows(
            f"SELECT content, seq, at, hash FROM audit WHERE seq > ? ORDER BY seq {order} LIMIT ?", (after, limit)
        )
        return [_audit_row(*row) for row in rows]

    def audit_head(self) -> tuple[int, str]:
        """Sequence and hash of the newest row; ``(0, GENESIS)`` for an empty chain."""
        rows = self._rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, GENESIS)

    def ledger(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """Usage in ``[since, until)``, one row per usage event, oldest first."""
        rows = self._rows(
            f"SELECT {LEDGER} FROM ledger WHERE at >= ? AND at < ? ORDER BY at, number",
            (micros_since_epoch(since), micros_since_epoch(until)),
        )
        return [ledger_row(row) for row in rows]

    def ledger_sums(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """Usage in ``[since, until)``, one row per session and quarter of an hour, oldest first.

        ``at`` is the start of the quarter (or of the part of it that is asked for), ``key`` the session and that time.
        """
        first, last = micros_since_epoch(since), micros_since_epoch(until)
        whole_from, whole_to = -(-first // QUARTER) * QUARTER, last // QUARTER * QUARTER
        if whole_from >= whole_to:
            parts = self._rows(_SUM_PART, (first, first, last))
        else:
            parts = [
                *(self._rows(_SUM_PART, (first, first, whole_from)) if first < whole_from else ()),
                *self._rows(_SUM_WHOLE, (whole_from, whole_to)),
                *(self._rows(_SUM_PART, (whole_to, whole_to, last)) if whole_to < last else ()),
            ]
        return [ledger_row(row) for row in parts]

    def usage_of(self, session_id: str) -> list[LedgerRow]:
        """The ledger's rows of one session, oldest first."""
        rows = self._rows(f"SELECT {LEDGER} FROM ledger WHERE session = ? ORDER BY number", (session_id,))
        return [ledger_row(row) for row in rows]

    def limit_raise(self, shift: str) -> LimitRaise | None:
        """How far a person raised this shift's budget."""
        return _first(LimitRaise, self._rows("SELECT content FROM limit_raises WHERE shift = ?", (shift,)))

    def requests(self, session_id: str | None = None) -> list[Request]:
        """Unanswered requests of other processes, oldest first."""
        where, params = _conditions(session=session_id)
        rows = self._rows(f"SELECT content FROM requests WHERE answered = 0 AND {where} ORDER BY number", params)
        return [_loaded(Request, row[0]) for row in rows]

    def paper(self, kind: str, paper_id: str) -> Paper | None:
        """The paper as last saved."""
        rows = self._rows("SELECT content FROM papers WHERE kind = ? AND id = ?", (kind, paper_id))
        return _first(Paper, rows)

    def papers(
        self, kind: str, *, subject: str | None = None, states: Sequence[str] | None = None, limit: int = 500
    ) -> list[Paper]:
        """Newest first."""
        where, params = _conditions(kind=kind, subject=subject, state=states)
        sql = f"SELECT content FROM papers WHERE {where} ORDER BY created DESC, id DESC LIMIT ?"
        return [_loaded(Paper, row[0]) for row in self._rows(sql, (*params, limit))]

    def editing(self, draft_id: str) -> Editing | None:
        """Who has the draft open."""
        return _first(Editing, self._rows("SELECT content FROM editing WHERE draft = ?", (draft_id,)))


_COUNTS = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, running_ms, searches"
LEDGER = (
    f"key, session, at, operator, workflow, ticket, runtime, model, {_COUNTS}, estimate, reported, "
    "cache_write_long_tokens"
)
"""Columns of the ledger; the sums leave the last one out: it is a part of the cache writes that only prices need."""
SUMS = ("events", *_COUNTS.split(", "), "estimate", "reported", "reported_events")
_SUM_PART = (
    "SELECT session || ':' || ?, session, min(at), operator, workflow, ticket, runtime, model, "
    + ", ".join(f"sum({name})" for name in _COUNTS.split(", "))
    + ", sum(estimate), sum(reported) FROM ledger WHERE at >= ? AND at < ? "
    "GROUP BY session, operator, workflow, ticket, runtime, model ORDER BY min(at), session"
)
_SUM_WHOLE = (
    "SELECT session || ':' || quarter, session, quarter, operator, workflow, ticket, runtime, nullif(model, ''), "
    f"{_COUNTS}, estimate, iif(reported_events, reported, NULL) FROM ledger_sums "
    "WHERE quarter >= ? AND quarter < ? AND events > 0 ORDER BY quarter, session"
)


def ledger_values(row: LedgerRow) -> Row:
    """The values of ``LEDGER``'s columns."""
    usage = row.usage
    return (
        row.key, row.session, micros_since_epoch(row.at), row.operator, row.workflow, str(row.ticket), row.runtime,
        row.model, usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens,
        usage.running_ms, usage.searches, row.estimate, row.reported, usage.cache_write_long_tokens,
    )  # fmt: skip


def ledger_row(row: Row) -> LedgerRow:
    """A row from ``LEDGER``'s columns."""
    system, _, key = str(row[5]).partition(":")
    return LedgerRow(
        key=row[0], session=row[1], at=moment_of(row[2]), operator=row[3], workflow=row[4],
        ticket=TicketRef(system, key), runtime=row[6], model=row[7],
        usage=Usage(input_tokens=row[8], output_tokens=row[9], cache_read_tokens=row[10], cache_write_tokens=row[11],
                    running_ms=row[12], searches=row[13],
                    cache_write_long_tokens=row[16] if len(row) > 16 else 0),
        estimate=row[14], reported=row[15],
    )  # fmt: skip


def _conditions(**wanted: object) -> tuple[str, tuple[Any, ...]]:
    """``WHERE`` text and parameters for columns that must equal a value, or one of several; None: any."""
    parts, params = ["1"], []
    for column, value in wanted.items():
        if value is None:
            continue
        values = [str(value)] if isinstance(value, str) else [str(item) for item in value]  # type: ignore[attr-defined]
        parts.append(f"{column} IN ({', '.join('?' * len(values))})")
        params += values
    return " AND ".join(parts), tuple(params)


def to_json(value: Any) -> str:
    """Compact JSON of plain values."""
    # Only ASCII, so that half a character pair that somebody typed can be kept as well.
    return json.dumps(value, separators=(",", ":"))


def dumped(value: Any) -> str:
    """What is stored of a dataclass."""
    return to_json(encode(value))


def _loaded(kind: type[R], content: str) -> R:
    return decode(kind, json.loads(content))


def _audit_row(content: Any, seq: int, at: Any, seal: Any) -> AuditRecord:
    """The row with its own number, time and hash: where they differ from its content, the chain does not hold there.

    A row that can't be read is a broken link, and no reason not to read the others.
    """
    try:
        row = _loaded(AuditRecord, content)
        if (row.seq, micros_since_epoch(row.at), row.hash) != (seq, at, seal):
            row = replace(row, seq=seq, at=moment_of(at), hash=str(seal))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return AuditRecord(
            at=moment_of(0), operator="", actor="program", action="unreadable", seq=seq, previous="", hash=""
        )
    return row


def _first(kind: type[R], rows: list[Row]) -> R | None:
    return _loaded(kind, rows[0][0]) if rows else None
