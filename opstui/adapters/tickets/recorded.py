"""Tickets as they were recorded, for evaluations: they can be read, and never change."""

from __future__ import annotations

from collections.abc import Iterable

from opstui.core.errors import NotFound, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket


class RecordedTickets:
    """A :class:`~opstui.core.ports.TicketSystem` over the tickets of a case. Everything that would write is refused."""

    capabilities = Capabilities(transitions_listed=False)

    def __init__(self, name: str, tickets: Iterable[Ticket]) -> None:
        self.name = name
        self.origin = f"recorded:{name}"
        self._tickets = {ticket.ref.key: ticket for ticket in tickets}

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """All of them, once."""
        found = () if cursor is not None else tuple(self._tickets.values())
        return Changes(tickets=found, cursor=Cursor("all"))

    def stirred(self) -> bool:
        """Never."""
        return False

    async def ticket(self, key: str) -> Ticket:
        """As recorded. Raises NotFound."""
        found = self._tickets.get(key)
        if found is None:
            raise NotFound(f"{self.name}:{key} is not part of this case")
        return found

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Nobody recorded them."""
        return ()

    async def send(self, update: Update) -> Sent:
        """Raises Refused."""
        raise Refused(f"{self.name}: a recorded ticket takes no update")

    async def find(self, key: str, op_id: str) -> str | None:
        """Nothing was sent."""
        return None

    def me(self) -> str:
        """Nobody."""
        return ""

    def probe(self) -> list[Probe]:
        """Nothing to reach."""
        return []

    def close(self) -> None:
        """Nothing is open."""
