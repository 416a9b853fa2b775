"""A ticket system whose connector can't be used: it says why, and what was cached of it stays on screen."""

from __future__ import annotations

from typing import NoReturn

from opstui.core.connections import Connection
from opstui.core.errors import Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

_FIELDS = ("/status", "/severity", "/assignee", "/team", "/tags", "/fields/*")


class UnavailableTickets:
    """Implements ``ports.TicketSystem`` by refusing everything for one reason."""

    def __init__(self, connection: Connection, reason: str) -> None:
        self.name = connection.name
        self.origin = connection.url or f"{connection.kind}:unavailable"
        self.reason: SafeText = clean_line(reason)
        self.capabilities = Capabilities(
            internal_comments=False,
            public_comments=False,
            transitions_listed=False,
            fields=(),
            attachments=False,
            cant=dict.fromkeys((*_FIELDS, "attachments", "internal", "public"), self.reason),
        )

    def _refuse(self) -> NoReturn:
        raise Refused(f"{self.name}: {self.reason}. Nothing was asked or sent; what was cached stays")

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """Raises Refused."""
        self._refuse()

    def stirred(self) -> bool:
        """Never."""
        return False

    async def ticket(self, key: str) -> Ticket:
        """Raises Refused."""
        self._refuse()

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Raises Refused."""
        self._refuse()

    async def send(self, update: Update) -> Sent:
        """Raises Refused."""
        self._refuse()

    async def find(self, key: str, op_id: str) -> str | None:
        """Raises Refused."""
        self._refuse()

    def me(self) -> str:
        """Nobody."""
        return ""

    def probe(self) -> list[Probe]:
        """A warning: the rest of the program works."""
        return [Probe(f"tickets.{self.name}", "warn", self.reason, "mend or remove the package, or the table")]

    def close(self) -> None:
        """There is nothing to let go of."""
