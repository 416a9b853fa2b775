"""A ticket system that is elsewhere: slow when it is told to be, gone when it is told to be, changed under one's hands.

Its lists hold no timelines. It is a ``TicketSystem`` like any other; the desk over it is the real one.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from opstui.core.desk import RefreshTickets
from opstui.core.errors import NotFound, OpstuiError
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue, View
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketAttachment,
    TicketRef,
    TimelineEntry,
    Visibility,
)
from opstui.services.desk import DeskService
from tests.services.building import MIDNIGHT, Place

CATEGORIES = {
    "new": StatusCategory.NEW,
    "stalled": StatusCategory.WAITING,
    "silenced": StatusCategory.WAITING,
    "resolved": StatusCategory.RESOLVED,
}
CAN = Capabilities(
    fields=("/status", "/severity", "/assignee", "/tags", "/fields/*"),
    single_assignee=True,
    marker_findable=True,
    comment_limit=2000,
    attachment_limit=1000,
    settle_seconds=60.0,
    cant={"/team": "its queue is its team"},
)


class FarTickets:
    """See the module. ``sent`` holds what it was sent."""

    def __init__(self, name: str = "rt", capabilities: Capabilities = CAN) -> None:
        self.name = name
        self.origin = f"https://{name}.example.com"
        self.capabilities = capabilities
        self.tickets: dict[str, Ticket] = {}
        self.statuses: tuple[str, ...] = ("open", "stalled", "resolved")
        self.answers = threading.Event()
        """Cleared: nothing is answered until it is set again."""
        self.answers.set()
        self.reads = threading.Event()
        """The same for single tickets and what they can become alone."""
        self.reads.set()
        self.fail: OpstuiError | None = None
        self.sent: list[Update] = []
        self.asked: list[str] = []
        self.account = "alice"
        self._revision = 0
        self._changed: dict[str, int] = {}
        self._left: dict[str, int] = {}

    # --- what tests do to it ------------------------------------------------------------------------------------------

    def add(self, key: str, title: str, *, entries: int = 1, **fields: Any) -> TicketRef:
        """A ticket with so many entries of ``dana``."""
        created = MIDNIGHT + timedelta(hours=3)
        values: dict[str, Any] = {
            "ref": TicketRef(self.name, key),
            "title": clean_line(title),
            "status": Status(SafeText("open"), StatusCategory.OPEN),
            "severity": "2",
            "created_at": created,
            "updated_at": created,
            "version": "0",
            "body": clean("Lookups fail now and then.\n- about one in eight"),
            "url": SafeText(f"https://{self.name}.example.com/{key}"),
        } | fields
        ticket = Ticket(**values)
        self._put(replace(ticket, timeline=tuple(self._entry(ticket, n, f"note {n}") for n in range(1, entries + 1))))
        return ticket.ref

    def change(self, key: str, **fields: Any) -> None:
        """Somebody changes the ticket."""
        self._put(replace(self.tickets[key], **fields))

    def say(self, key: str, text: str, author: str = "bob", kind: EntryKind = EntryKind.COMMENT) -> None:
        """Somebody adds an entry."""
        ticket = self.tickets[key]
        entry = self._entry(ticket, len(ticket.timeline) + 1, text, author, kind)
        self._put(replace(ticket, timeline=(*ticket.timeline, entry)))

    def become(self, key: str, status: str, author: str = "bob") -> None:
        """Somebody changes its status."""
        ticket = self.tickets[key]
        entry = self._entry(
            ticket, len(ticket.timeline) + 1, f"status: {ticket.status.raw} → {status}", author, EntryKind.STATUS
        )
        raw = Status(SafeText(status), CATEGORIES.get(status, StatusCategory.OPEN))
        self._put(replace(ticket, status=raw, timeline=(*ticket.timeline, entry)))

    def take_out(self, key: str) -> None:
        """It leaves every queue."""
        self._revision += 1
        self._left[key] = self._revision

    def _entry(
        self, ticket: Ticket, number: int, text: str, author: str = "dana", kind: EntryKind = EntryKind.COMMENT
    ) -> TimelineEntry:
        at = ticket.created_at + timedelta(minutes=number)
        visible = Visibility.INTERNAL
        return TimelineEntry(ticket.entry_id(number), at, clean_line(author), kind, visible, clean(text))

    def _put(self, ticket: Ticket) -> None:
        self._revision += 1
        self._changed[ticket.ref.key] = self._revision
        moment = MIDNIGHT + timedelta(hours=3, seconds=self._revision)
        self.tickets[ticket.ref.key] = replace(ticket, version=str(self._revision), updated_at=moment)

    # --- TicketSystem -------------------------------------------------------------------------------------------------

    async def _answer(self, what: str, *, reading: bool = False) -> None:
        self.asked.append(what)
        for gate in (self.answers, *([self.reads] if reading else [])):
            await asyncio.to_thread(gate.wait)
        if self.fail is not None:
            raise self.fail

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        await self._answer(f"list {queue.name}")
        after = int(cursor.value) if cursor is not None else 0
        keys = sorted((key for key, at in self._changed.items() if at > after and key not in self._left), key=str)
        listed = tuple(replace(self.tickets[key], body=SafeText(""), timeline=(), complete=False) for key in keys)
        left = tuple(key for key, at in self._left.items() if at > after)
        return Changes(tickets=listed, left=left, cursor=Cursor(str(self._revision)))

    def stirred(self) -> bool:
        return True

    async def ticket(self, key: str) -> Ticket:
        await self._answer(f"ticket {key}", reading=True)
        if key not in self.tickets:
            raise NotFound(f"{self.name}: there is no ticket {key}")
        return self.tickets[key]

    async def transitions(self, key: str) -> tuple[str, ...]:
        await self._answer(f"transitions {key}", reading=True)
        return tuple(status for status in self.statuses if status != self.tickets[key].status.raw)

    async def send(self, update: Update) -> Sent:
        await self._answer(f"send {update.ticket.key}")
        self.sent.append(update)
        ticket = self.tickets[update.ticket.key]
        text = update.comment or ", ".join(update.fields)
        entry = replace(self._entry(ticket, len(ticket.timeline) + 1, text, self.account), op_id=update.op_id)
        changed: dict[str, Any] = {"timeline": (*ticket.timeline, entry)}
        if "/status" in update.fields:
            status = str(update.fields["/status"])
            changed["status"] = Status(SafeText(status), CATEGORIES.get(status, StatusCategory.OPEN))
        if "/assignee" in update.fields:
            changed["assignees"] = tuple(clean_line(name) for name in update.fields["/assignee"])
        changed["attachments"] = (
            *ticket.attachments,
            *(TicketAttachment(clean_line(name), len(content)) for name, content in update.attachments),
        )
        self._put(replace(ticket, **changed))
        return Sent(remote_id=entry.id)

    async def find(self, key: str, op_id: str) -> str | None:
        await self._answer(f"find {key}")
        return next((entry.id for entry in self.tickets[key].timeline if entry.op_id == op_id), None)

    def me(self) -> str:
        return self.account if any(what.startswith("ticket") for what in self.asked) else ""

    def probe(self) -> list[Probe]:
        return [Probe(f"tickets.{self.name}", "pass", "it answers")]

    def close(self) -> None:
        self.answers.set()
        self.reads.set()


class FarPlace(Place):
    """A desk whose first queue is the far system's."""

    def __init__(self, home: Path, far: FarTickets, **options: Any) -> None:
        super().__init__(home, **options)
        self.far = far
        queue = Queue("Incidents", far.name, "all")
        for name, value in {
            "systems": {**self.setup.systems, far.name: far},
            "queues": (queue, *self.setup.queues),
            "views": (View("Mine", "assignee:me"), *self.setup.views),
            "poll_seconds": {far.name: 15.0},
            "open_systems": tuple,
        }.items():
            object.__setattr__(self.setup, name, value)
        self.desk = DeskService(self.setup)

    def poll(self) -> None:
        """Its list is asked now."""
        self.desk.do(RefreshTickets(system=self.far.name))

    def close(self) -> None:
        self.far.close()
        super().close()
