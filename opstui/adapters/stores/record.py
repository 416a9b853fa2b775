"""``record.db``: drafts, outbox, sessions with their events, ledger and audit: what can't be fetched again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.record_reading import (
    LEDGER,
    SUMS,
    Reading,
    dumped,
    ledger_row,
    ledger_values,
    to_json,
)
from opstui.adapters.stores.record_schema import QUARTER, STEPS, micros_since_epoch
from opstui.core.audit import AuditEntry, AuditRecord, seal_after
from opstui.core.canonical import fingerprint
from opstui.core.codec import encode
from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.errors import StaleRevision
from opstui.core.ids import Clock
from opstui.core.ports import Bell, Editing, LedgerRow, LimitRaise, Paper, RecordWriter, Request
from opstui.core.sessions import Session, SessionEvent

R = TypeVar("R")


class _Writing(Reading):
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
                dumped(stored),
            ),
        )
        self._ring("draft", stored.id, stored.rev)
        return stored

    def put_file(self, content: bytes) -> str:
        """Keep an attached file; its SHA-256."""
        sha256 = fingerprint(content)
        self._rows("INSERT OR IGNORE INTO files VALUES (?, ?)", (sha256, content))
        return sha256

    def put_push(self, push: PushRecord) -> None:
        """Insert or replace by id."""
        self._rows(
            "INSERT INTO outbox(id, draft, system, ticket, step, done, content) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET draft=excluded.draft, system=excluded.system, ticket=excluded.ticket, "
            "step=excluded.step, done=excluded.done, content=excluded.content",
            (push.id, push.draft, push.system, str(push.ticket), push.step.value, int(push.done), dumped(push)),
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
                dumped(stored),
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
            values = (micros_since_epoch(event.at), event.type, to_json(encode(event.data)))
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
        before = self._rows(f"SELECT {LEDGER} FROM ledger WHERE key = ?", (row.key,))
        if before:
            self._add_to_sums(ledger_row(before[0]), -1)
        values = ledger_values(row)
        self._rows(
            f"INSERT INTO ledger({LEDGER}) VALUES ({', '.join('?' * len(values))}) ON CONFLICT(key) DO UPDATE SET "
            + ", ".join(f"{name}=excluded.{name}" for name in LEDGER.split(", ")[1:]),
            values,
        )
        self._add_to_sums(row, 1)
        self._ring("ledger", row.session, 0)

    def add_audit(self, entry: AuditEntry) -> AuditRecord:
        """Append to the chain."""
        record = seal_after(entry, *self.audit_head())
        self._rows(
            "INSERT INTO audit VALUES (?, ?, ?, ?)",
            (record.seq, micros_since_epoch(record.at), record.hash, dumped(record)),
        )
        self._ring("audit", record.ticket or "", record.seq)
        return record

    def add_request(self, request: Request) -> None:
        """A wish to the process that owns a session; a second one with the same id changes nothing."""
        self._rows(
            "INSERT OR IGNORE INTO requests(id, session, answered, content) VALUES (?, ?, 0, ?)",
            (request.id, request.session, dumped(request)),
        )
        self._ring("request", request.session, 0)

    def answer_request(self, request_id: str) -> None:
        """It was dealt with, and what an operator typed is not kept as it was typed."""
        for (session,) in self._rows(
            "UPDATE requests SET answered = 1, content = '' WHERE id = ? AND answered = 0 RETURNING session",
            (request_id,),
        ):
            self._ring("request", session, 0)

    def put_limit_raise(self, raised: LimitRaise) -> None:
        """Keep it in place of an earlier one of the same shift."""
        self._rows("INSERT OR REPLACE INTO limit_raises VALUES (?, ?)", (raised.shift, dumped(raised)))
        self._ring("ledger", "", 0)

    def put_paper(self, paper: Paper, *, expected_rev: int | None) -> Paper:
        """Save; the stored paper has ``rev`` one higher. ``expected_rev`` None: it is new. Raises StaleRevision."""
        rows = self._rows("SELECT rev FROM papers WHERE kind = ? AND id = ?", (paper.kind, paper.id))
        current = int(rows[0][0]) if rows else 0
        if (expected_rev or 0) != current:
            raise StaleRevision(
                f"the {paper.kind} was saved elsewhere in between: look at it again first", current=current
            )
        stored = dataclasses.replace(paper, rev=current + 1)
        created = micros_since_epoch(stored.created_at)
        self._rows(
            "INSERT OR REPLACE INTO papers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (stored.kind, stored.id, stored.subject, stored.state, stored.rev, created, dumped(stored)),
        )
        self._ring(stored.kind, stored.id, stored.rev)
        return stored

    def set_editing(self, editing: Editing | None, draft_id: str) -> None:
        """Who has the draft open; None: nobody."""
        if editing is None:
            self._rows("DELETE FROM editing WHERE draft = ?", (draft_id,))
        else:
            self._rows("INSERT OR REPLACE INTO editing VALUES (?, ?)", (draft_id, dumped(editing)))
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
            f"INSERT INTO ledger_sums VALUES (?, ?, ?, ?, ?, ?, ?{', ?' * len(SUMS)}) ON CONFLICT DO UPDATE SET "
            + ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS),
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


class SqliteRecord(Reading):
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
