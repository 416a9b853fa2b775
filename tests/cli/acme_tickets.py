"""A connector as another package would bring it: tickets in a JSON file. Copied into a package by the tests.

It does what ``[tickets.NAME.options]`` says: ``file``, and ``break`` for trouble, a word for each kind. It forgets to
clean what it reads unless ``clean`` is among them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from opstui.core.connections import Connection
from opstui.core.errors import NotFound, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import clean
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

CATEGORIES = {"open": StatusCategory.OPEN, "done": StatusCategory.RESOLVED}


class AcmeTickets:
    capabilities = Capabilities(
        marker_findable=True,
        settle_seconds=0.0,
        atomic=True,
        fields=("/status",),
        attachments=False,
        public_comments=False,
        cant={"attachments": "Acme takes no files", "public": "nobody but us reads Acme"},
    )

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.origin = connection.url
        self._file = Path(connection.options["file"])
        self._break = connection.options.get("break", "").split(",")
        self._asked = 0
        self._token = connection.secret

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        if "poll" in self._break:
            raise KeyError(self._token())
        self._asked += 1
        position = str(self._asked) if "restless" in self._break else "1"
        return Changes(tickets=tuple(self._ticket(key) for key in self._all()), cursor=Cursor(position), anew=True)

    def stirred(self) -> bool:
        return True

    async def ticket(self, key: str) -> Ticket:
        if "any key" in self._break:
            key = next(iter(self._all()))
        if key not in self._all():
            raise NotFound(f"{self.name}: there is no {key!r}")
        return self._ticket(key)

    async def transitions(self, key: str) -> tuple[str, ...]:
        return tuple(word for word in CATEGORIES if word != self._all()[key]["status"])

    async def send(self, update: Update) -> Sent:
        if "deaf" in self._break:
            return Sent()
        found = self._all()
        data = found[update.ticket.key]
        status = update.fields.get("/status", data["status"])
        if status not in CATEGORIES:
            raise Refused(f"{self.name}: there is no status {status!r}")
        data["status"] = status
        text = update.comment or f"status: {status}"
        data["entries"].append({"author": "acme-bot", "text": text, "op": update.op_id})
        self._file.write_text(json.dumps(found))
        if "send" in self._break:
            raise ValueError(self._token())
        return Sent()

    async def find(self, key: str, op_id: str) -> str | None:
        ticket = await self.ticket(key)
        return next((entry.id for entry in ticket.timeline if entry.op_id == op_id), None)

    def me(self) -> str:
        return "acme-bot"

    def probe(self) -> list[Probe]:
        if "probe" in self._break:
            raise RuntimeError(self._token())
        return [Probe(f"tickets {self.name}", "pass", f"{len(self._all())} tickets")]

    def close(self) -> None:
        pass

    def _all(self) -> dict:
        return json.loads(self._file.read_text())

    def _ticket(self, key: str) -> Ticket:
        data = self._all()[key]
        entries = data["entries"][::-1] if "newest first" in self._break else data["entries"]
        seen = Visibility.PUBLIC if "loud" in self._break else Visibility.INTERNAL
        text = clean if "clean" in self._break else str
        at = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
        return Ticket(
            ref=TicketRef(self.name, key),
            title=data["title"],
            body="",
            status=Status(data["status"], CATEGORIES[data["status"]]),
            created_at=at,
            updated_at=at,
            version="1" if "one version" in self._break else str(len(data["entries"])),
            timeline=tuple(
                TimelineEntry(
                    f"{key}#{number}", at, one["author"], EntryKind.COMMENT, seen, text(one["text"]), one.get("op")
                )
                for number, one in enumerate(entries, start=1)
            ),
        )  # fmt: skip


def connect(connection: Connection) -> AcmeTickets:
    return AcmeTickets(connection)
