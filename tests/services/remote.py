"""A remote ticket system in memory that does what a test says, and a place with some of them."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from opstui.core.errors import NotFound
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Status, StatusCategory, Ticket, TicketRef
from opstui.services.desk import DeskService
from opstui.testing import builders as make
from opstui.testing.cache_lists import listed
from tests.services.building import Place, SeededRandomness

POLL = 15.0


class Remote:
    """Tells rows in its list and whole tickets one by one, and keeps book of who asked what."""

    capabilities = Capabilities()

    def __init__(self, name: str, *, account: str = "ana") -> None:
        self.name = name
        self.origin = f"https://{name}.example.org"
        self.tickets: dict[str, tuple[int, Ticket]] = {}
        """Key → (number of its last change, the ticket)."""
        self.asked: list[str] = []
        self.trouble: BaseException | None = None
        self.hangs = False
        self._account = account
        self._said = ""

    # --- what others do

    def put(self, key: str, at: datetime, **fields: Any) -> Ticket:
        """A new or changed ticket."""
        number = 1 + max((change for change, _ in self.tickets.values()), default=0)
        before = self.tickets.get(key)
        status = fields.pop("status", None)
        if status is not None:
            fields["status"] = Status(SafeText(status), StatusCategory(status))
        ticket = before[1] if before is not None else make.ticket(key, ref=TicketRef(self.name, key), created_at=at)
        ticket = dataclasses.replace(ticket, updated_at=at.replace(microsecond=0), version=f"v{number}", **fields)
        self.tickets[key] = (number, ticket)
        return ticket

    def questions(self, about: str) -> int:
        """How often it was asked for the list (``queue``) or for a ticket (its key)."""
        return self.asked.count(about)

    # --- the port

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """Rows that changed."""
        await self._asked("queue")
        after = int(cursor.value) if cursor is not None else 0
        found = sorted(one for one in self.tickets.values() if one[0] > after)
        last = found[-1][0] if found else after
        return Changes(tickets=tuple(listed(ticket) for _, ticket in found), cursor=Cursor(str(last)))

    async def ticket(self, key: str) -> Ticket:
        """The whole ticket."""
        await self._asked(key)
        if key not in self.tickets:
            raise NotFound(f"{self.name}:{key}: no such ticket")
        return self.tickets[key][1]

    async def _asked(self, what: str) -> None:
        self.asked.append(what)
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        self._said = self._account

    def stirred(self) -> bool:
        """Nobody knows."""
        return True

    async def transitions(self, key: str) -> tuple[str, ...]:
        """None are listed."""
        return ()

    async def send(self, update: Update) -> Sent:
        """Takes nothing."""
        raise AssertionError

    async def find(self, key: str, op_id: str) -> str | None:
        """Finds nothing."""
        return None

    def me(self) -> str:
        """Empty before the first answer."""
        return self._said

    def probe(self) -> list[Probe]:
        """Well."""
        return []

    def close(self) -> None:
        """Nothing to close."""


class FarPlace(Place):
    """A place whose queues are those of remote systems, one each."""

    def __init__(self, home: Path, *systems: Remote, seed: int = 1, **options: Any) -> None:
        super().__init__(home, **options)
        given: dict[str, Any] = {
            "systems": {"local": self.setup.systems["local"], **{one.name: one for one in systems}},
            "queues": tuple(Queue(one.name, one.name, "open") for one in systems),
            "poll_seconds": {one.name: POLL for one in systems},
            "randomness": SeededRandomness(seed),
            "open_systems": tuple,
        }
        for name, value in given.items():
            object.__setattr__(self.setup, name, value)
        self.desk = DeskService(self.setup)


def until(condition: Callable[[], object], what: str = "", *, seconds: float = 30.0) -> None:
    """Wait for ``condition``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it never came to: {what or condition}"
        time.sleep(0.01)


def looks(count: int = 3) -> None:
    """Let the refresher look around some times."""
    time.sleep(0.12 * count)


def keys(rows: Sequence[Any]) -> list[str]:
    """Keys of table rows."""
    return [row.ticket.ref.key for row in rows]
