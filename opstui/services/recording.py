"""Recording what a running session does: on disk in the order it came, a few commits a second."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from opstui.core.errors import OpstuiError
from opstui.core.frozen import dataclass
from opstui.core.ports import LedgerRow, RecordWriter
from opstui.core.sessions import Session, SessionEvent
from opstui.core.text import clean_line
from opstui.services.setup import Setup

TICK = 0.05
"""Seconds between commits of what streams in."""


class Recorder:
    """Gathers a session's events and commits them at most every 50 ms, in order."""

    def __init__(self, setup: Setup, session: Session) -> None:
        self._setup = setup
        self._session = session.id
        self._events: list[SessionEvent] = []
        self._rows: list[LedgerRow] = []
        self._changed: Session | None = None
        self._guard = asyncio.Lock()
        self._tick: asyncio.Task[None] | None = None
        self._known: set[str] = set()
        self.watch: Callable[[asyncio.Task[None]], None] | None = None
        """Called after each commit of what streams in: nobody waits for those, and none may fail unseen."""

    def remember(self) -> list[SessionEvent]:
        """Everything recorded of the session so far; those events are known from now on."""
        found: list[SessionEvent] = []
        while fresh := self._setup.record.events(self._session, found[-1].seq if found else 0):
            found += fresh
        self._known.update(event.remote_id for event in found)
        return found

    def knows(self, kind: str, remote_id: str) -> bool:
        """Whether this very event was recorded already, so that history which is told again costs nothing."""
        return f"{kind}:{remote_id}" in self._known

    def add(self, kind: str, remote_id: str, data: Mapping[str, Any], at: datetime | None = None) -> None:
        """Take an event; it is on disk within a tick. ``at``: when it happened elsewhere, if that is known."""
        now = self._setup.clock.now()
        event = session_event(self._session, kind, remote_id, min(at, now) if at is not None else now, data)
        self._known.add(event.remote_id)
        self._events.append(event)
        self._schedule()

    def usage(self, row: LedgerRow) -> None:
        """Take a row of the ledger; it is on disk with the event that tells of it."""
        self._rows.append(row)

    def later(self, session: Session) -> None:
        """Commit the session as it is now with the next tick: a stream of small changes is one commit."""
        self._changed = session
        self._schedule()

    def take(self) -> Pending:
        """What is not yet committed, for somebody who commits it with the session itself."""
        pending = Pending(self._events, self._rows)
        self._events, self._rows, self._changed = [], [], None
        return pending

    async def flush(self) -> None:
        """Commit what is there. Raises as ``RecordStore.write``; then it is still there."""
        async with self._guard:
            session = self._changed
            pending = self.take()
            if pending.events or pending.rows or session is not None:
                await self._write(pending, session)

    async def save(self, session: Session) -> Session:
        """Commit what is there together with the session. Raises as ``flush``."""
        async with self._guard:
            return await self._write(self.take(), session) or session

    async def _write(self, pending: Pending, session: Session | None) -> Session | None:
        write = self._setup.record.write
        try:
            return await asyncio.to_thread(write, lambda record: pending.put(record, session))
        except OpstuiError:
            self._events, self._rows = pending.events + self._events, pending.rows + self._rows
            raise

    async def close(self) -> None:
        """Commit the rest."""
        if self._tick is not None:
            self._tick.cancel()
            await asyncio.gather(self._tick, return_exceptions=True)
        await self.flush()

    def _schedule(self) -> None:
        if self._tick is None or self._tick.done():
            self._tick = asyncio.create_task(self._later())
            if self.watch is not None:
                self._tick.add_done_callback(self.watch)

    async def _later(self) -> None:
        await asyncio.sleep(TICK)
        await self.flush()


@dataclass(frozen=True, slots=True)
class Pending:
    """Events and ledger rows on their way to the disk."""

    events: list[SessionEvent]
    rows: list[LedgerRow]

    def put(self, record: RecordWriter, session: Session | None) -> Session | None:
        """Write them, and the session if there is one, inside a transaction."""
        if self.events:
            record.add_events(self.events)
        for row in self.rows:
            record.add_usage(row)
        return record.put_session(session) if session is not None else None


def session_event(session: str, kind: str, remote_id: str, at: datetime, data: Mapping[str, Any]) -> SessionEvent:
    """An event for the store, which numbers it; of two with the same kind and ``remote_id`` the later replaces."""
    return SessionEvent(session=session, seq=0, remote_id=f"{kind}:{remote_id}", at=at, type=kind, data=data)


def answered_calls(events: Sequence[SessionEvent]) -> list[tuple[str, Mapping[str, Any], bool]]:
    """Name, input and whether it failed, of every tool call that was answered, in order."""
    results = {
        str(event.data.get("id")): bool(event.data.get("is_error")) for event in events if event.type == "tool.result"
    }
    return [
        (str(event.data.get("name")), dict(event.data.get("input") or {}), results[str(event.data.get("id"))])
        for event in events
        if event.type == "tool.call" and str(event.data.get("id")) in results
    ]


def shown_input(given: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's input as events show it: cleaned, and short."""
    return {
        str(clean_line(str(key))): clean_line(value, limit=400) if isinstance(value, str) else _bounded(value)
        for key, value in list(given.items())[:20]
    }


def _bounded(value: Any) -> Any:
    """A number or a word as it is; what is larger than a line, as a line."""
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    # JSON has no number for what is left of those, though Python reads some.
    return clean_line(str(value)[:2000], limit=400)
