"""``record.db``: drafts, outbox, sessions with their events, ledger and audit: what can't be fetched again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.record_schema import QUARTER, STEPS, micros_since_epoch, moment_of
from opstui.core.audit import GENESIS, AuditEntry, AuditRecord, seal_after
from opstui.core.codec import decode, encode
from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.errors import StaleRevision
from opstui.core.ids import Clock
from opstui.core.ports import Bell, Editing, LedgerRow, RecordWriter, Request
from opstui.core.sessions import Session, SessionEvent, SessionStatus, Usage
from opstui.core.tickets import TicketRef

R = TypeVar("R")
Row = tuple[Any, ...]


class _Rows(Protocol):
    def __call__(self, sql: str, params: Sequence[Any] = (), /) -> list[Row]: ...


class _Reading:
    """The questions, over whichever connection answers them."""

    def __init__(self, rows: _Rows) -> None:
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

    def pushes(self, *, draft: str | None = None, unfinished: bool = False, limit: int = 500) -> list[PushRecord]:
        """Oldest first."""
        where, params = _conditions(draft=draft)
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
        rows = self._rows(f"SELECT content FROM audit WHERE seq > ? ORDER BY seq {order} LIMIT ?", (after, limit))
        return [_loaded(AuditRecord, row[0]) for row in rows]

    def audit_head(self) -> tuple[int, str]:
        """Sequence and hash of the newest row; ``(0, GENESIS)`` for an empty chain."""
        rows = self._rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, GENESIS)

    def ledger(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """Usage in ``[since, until)``, one row per usage event, oldest first."""
        rows = self._rows(
            f"SELECT {_LEDGER} FROM ledger WHERE at >= ? AND at < ? ORDER BY at, number",
            (micros_since_epoch(since), micros_since_epoch(until)),
        )
        return [_ledger_row(row) for row in rows]

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
        return [_ledger_row(row) for row in parts]

    def requests(self, session_id: str | None = None) -> list[Request]:
        """Unanswered requests of other processes, oldest first."""
        where, params = _conditions(session=session_id)
        rows = self._rows(f"SELECT content FROM requests WHERE answered = 0 AND {where} ORDER BY number", params)
        return [_loaded(Request, row[0]) for row in rows]

    def editing(self, draft_id: str) -> Editing | None:
        """Who has the draft open."""
        return _first(Editing, self._rows("SELECT content FROM editing WHERE draft = ?", (draft_id,)))


class _Writing(_Reading):
    """The puts, inside one transaction."""

    def __init__(self, database: Database, connection: apsw.Connection) -> None:
        super().__init__(lambda sql, params=(): connection.execute(sql, params).fetchall())
        self._connection = connection
        self._database = database

    def put_draft(self, draft: Draft, *, expected_rev: int | None) -> Draft:
        """Save; the stored draft has ``rev`` one higher. ``expected_rev`` None: it is new. Raises StaleRevision."""
        rows = self._rows("SELECT rev FROM drafts WHERE id = ?", (draft.id,))
        current = int(rows[0][0]) if rows else 0
        if (expected_rev or 0) != current:
            raise StaleRevision(
                "the draft was saved elsewhere in between: both texts are kept, look at the other one first",
                current=current,
            )
        stored = dataclasses.replace(draft, rev=current + 1)
        self._rows(
            "INSERT OR REPLACE INTO drafts VALUES (?, ?, ?, ?, ?, ?)",
            (
                stored.id,
                str(stored.ticket),
                stored.state.value,
                stored.rev,
                micros_since_epoch(stored.created_at),
                _dumped(stored),
            ),
        )
        self._ring("draft", stored.id, stored.rev)
        return stored

    def put_file(self, content: bytes) -> str:
        """Keep an attached file; its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._rows("INSERT OR IGNORE INTO files VALUES (?, ?)", (sha256, content))
        return sha256

    def put_push(self, push: PushRecord) -> None:
        """Insert or replace by id."""
        self._rows(
            "INSERT INTO outbox(id, draft, system, step, done, content) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO "
            "UPDATE SET draft=excluded.draft, system=excluded.system, step=excluded.step, done=excluded.done, "
            "content=excluded.content",
            (push.id, push.draft, push.system, push.step.value, int(push.done), _dumped(push)),
        )
        self._ring("push", push.id, push.attempts)

    def put_session(self, session: Session) -> Session:
        """Insert or replace by id; rev one higher."""
        rows = self._rows("SELECT rev FROM sessions WHERE id = ?", (session.id,))
        stored = dataclasses.replace(session, rev=int(rows[0][0]) + 1 if rows else 1)
        self._rows(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                stored.id,
                str(stored.ticket),
                stored.status.value,
                stored.shift,
                stored.rev,
                micros_since_epoch(stored.created_at),
                _dumped(stored),
            ),
        )
        self._ring("session", stored.id, stored.rev)
        return stored

    def add_events(self, events: Sequence[SessionEvent]) -> list[SessionEvent]:
        """Upsert by (session, remote id); the stored ones with their ``seq``.

        An event that comes again keeps its number; one ring per session, and none where nothing is new.
        """
        stored: list[SessionEvent] = []
        heads: dict[str, int] = {}
        for event in events:
            values = (micros_since_epoch(event.at), event.type, _json(encode(event.data)))
            same = self._rows(
                "SELECT seq, at, type, data FROM events WHERE session = ? AND remote_id = ?",
                (event.session, event.remote_id),
            )
            if same and same[0][1:] == values:
                stored.append(dataclasses.replace(event, seq=int(same[0][0])))
                continue
            if event.session not in heads:
                rows = self._rows("SELECT seq FROM event_heads WHERE session = ?", (event.session,))
                heads[event.session] = int(rows[0][0]) if rows else 0
            if same:
                seq = int(same[0][0])
                self._rows(
                    "UPDATE events SET at = ?, type = ?, data = ? WHERE session = ? AND seq = ?",
                    (*values, event.session, seq),
                )
            else:
                seq = heads[event.session] = heads[event.session] + 1
                self._rows(
                    "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (event.session, seq, event.remote_id, *values)
                )
            stored.append(dataclasses.replace(event, seq=seq))
        for session, head in heads.items():
            self._rows("INSERT OR REPLACE INTO event_heads VALUES (?, ?)", (session, head))
            self._ring("events", session, head)
        return stored

    def add_usage(self, row: LedgerRow) -> None:
        """Append to the ledger; a second row with the same key replaces the first."""
        before = self._rows(f"SELECT {_LEDGER} FROM ledger WHERE key = ?", (row.key,))
        if before:
            self._add_to_sums(_ledger_row(before[0]), -1)
        values = _ledger_values(row)
        self._rows(
            f"INSERT INTO ledger({_LEDGER}) VALUES ({', '.join('?' * len(values))}) ON CONFLICT(key) DO UPDATE SET "
            + ", ".join(f"{name}=excluded.{name}" for name in _LEDGER.split(", ")[1:]),
            values,
        )
        self._add_to_sums(row, 1)
        self._ring("ledger", row.session, 0)

    def add_audit(self, entry: AuditEntry) -> AuditRecord:
        """Append to the chain."""
        record = seal_after(entry, *self.audit_head())
        self._rows(
            "INSERT INTO audit VALUES (?, ?, ?, ?)",
            (record.seq, micros_since_epoch(record.at), record.hash, _dumped(record)),
        )
        self._ring("audit", record.ticket or "", record.seq)
        return record

    def add_request(self, request: Request) -> None:
        """A wish to the process that owns a session; a second one with the same id changes nothing."""
        self._rows(
            "INSERT OR IGNORE INTO requests(id, session, answered, content) VALUES (?, ?, 0, ?)",
            (request.id, request.session, _dumped(request)),
        )
        self._ring("request", request.session, 0)

    def answer_request(self, request_id: str) -> None:
        """It was dealt with."""
        for (session,) in self._rows(
            "UPDATE requests SET answered = 1 WHERE id = ? AND answered = 0 RETURNING session", (request_id,)
        ):
            self._ring("request", session, 0)

    def set_editing(self, editing: Editing | None, draft_id: str) -> None:
        """Who has the draft open; None: nobody."""
        if editing is None:
            self._rows("DELETE FROM editing WHERE draft = ?", (draft_id,))
        else:
            self._rows("INSERT OR REPLACE INTO editing VALUES (?, ?)", (draft_id, _dumped(editing)))
        self._ring("editing", draft_id, 0)

    def _ring(self, kind: str, subject: str, rev: int) -> None:
        self._database.ring(self._connection, kind, subject, rev)

    def _add_to_sums(self, row: LedgerRow, sign: int) -> None:
        usage = row.usage
        numbers = (
            sign,
            sign * usage.input_tokens,
            sign * usage.output_tokens,
            sign * usage.cache_read_tokens,
            sign * usage.cache_write_tokens,
            sign * usage.running_ms,
            sign * usage.searches,
            sign * row.estimate,
            sign * (row.reported or 0),
            sign * (row.reported is not None),
        )
        self._rows(
            f"INSERT INTO ledger_sums VALUES (?, ?, ?, ?, ?, ?, ?{', ?' * len(_SUMS)}) ON CONFLICT DO UPDATE SET "
            + ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS),
            (
                micros_since_epoch(row.at) // QUARTER * QUARTER,
                row.session,
                row.operator,
                row.workflow,
                str(row.ticket),
                row.runtime,
                row.model or "",
                *numbers,
            ),
        )


class SqliteRecord(_Reading):
    """The record store of one machine (``ports.RecordStore``). Safe to use from any thread.

    After a damaged file was replaced by a backup, everything that was approved waits for a person again: whether it
    was sent since the backup is not known. ``problem`` then says what happened.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock, read_only: bool = False) -> None:
        self.database = Database(path, full_sync=True, read_only=read_only, now=lambda: clock.now().timestamp())
        super().__init__(self.database.read)
        self.bell: Bell = self.database.bell
        self.database.migrate("record", STEPS, backup=True)
        if self.database.restored_from is not None:
            self.write(lambda writer: _withdraw_approvals(writer, clock.now()))
        self.database.back_up_daily()

    @property
    def problem(self) -> str:
        """Empty, or what a person should know about the file."""
        return self.database.problem

    @property
    def read_only(self) -> bool:
        """Whether every ``write`` raises ReadOnly."""
        return self.database.read_only

    def write(self, work: Callable[[RecordWriter], R]) -> R:
        """Run ``work`` in one transaction on the writer thread and commit it with ``synchronous=FULL``.

        Returns when it is on disk. Raises StoreFull (nothing was written), ReadOnly, StoreDamaged, and whatever
        ``work`` raises. Every put rings the bell in the same transaction.
        """
        return self.database.write(lambda connection: work(_Writing(self.database, connection)))

    def prune(self, before: datetime) -> None:
        """Drop session events older than ``before``; ledger and audit stay."""

        def drop(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM events WHERE at < ?", (micros_since_epoch(before),))

        self.database.write(drop)

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def _withdraw_approvals(writer: RecordWriter, now: datetime) -> None:
    note = "the store was restored from a backup: look whether this was sent already"
    for draft in writer.drafts(states=(DraftState.APPROVED, DraftState.PUSHING), limit=1_000_000):
        writer.put_draft(
            dataclasses.replace(draft, state=DraftState.NEEDS_HUMAN, note=note, updated_at=now), expected_rev=draft.rev
        )
    for push in writer.pushes(unfinished=True, limit=1_000_000):
        writer.put_push(dataclasses.replace(push, step=StepState.UNKNOWN, done=True, error=note, finished_at=now))


_COUNTS = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, running_ms, searches"
_LEDGER = f"key, session, at, operator, workflow, ticket, runtime, model, {_COUNTS}, estimate, reported"
_SUMS = ("events", *_COUNTS.split(", "), "estimate", "reported", "reported_events")
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


def _ledger_values(row: LedgerRow) -> Row:
    usage = row.usage
    return (
        row.key, row.session, micros_since_epoch(row.at), row.operator, row.workflow, str(row.ticket), row.runtime,
        row.model, usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens,
        usage.running_ms, usage.searches, row.estimate, row.reported,
    )  # fmt: skip


def _ledger_row(row: Row) -> LedgerRow:
    system, _, key = str(row[5]).partition(":")
    return LedgerRow(
        key=row[0], session=row[1], at=moment_of(row[2]), operator=row[3], workflow=row[4],
        ticket=TicketRef(system, key), runtime=row[6], model=row[7],
        usage=Usage(input_tokens=row[8], output_tokens=row[9], cache_read_tokens=row[10], cache_write_tokens=row[11],
                    running_ms=row[12], searches=row[13]),
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


def _json(value: Any) -> str:
    # Only ASCII, so that half a character pair that somebody typed can be kept as well.
    return json.dumps(value, separators=(",", ":"))


def _dumped(value: Any) -> str:
    return _json(encode(value))


def _loaded(kind: type[R], content: str) -> R:
    return decode(kind, json.loads(content))


def _first(kind: type[R], rows: list[Row]) -> R | None:
    return _loaded(kind, rows[0][0]) if rows else None
