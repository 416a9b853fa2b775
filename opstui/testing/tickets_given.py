"""What a test of a ticket system is given, and how it sends: the fixtures of ``opstui.testing.tickets``."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from opstui.core.ports import Capabilities, Connected, Cursor, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket, TicketRef
from opstui.testing.steps import split

Change = Callable[[str], Awaitable[None]]
"""Somebody else changes the ticket with this key."""
Comment = Callable[[str, str], Awaitable[None]]
"""Somebody else writes a comment on the ticket with this key."""

OP_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
OTHER_ID = "01JABCDEFGHJKMNPQRSTVWXYZ1"
PAGES = 1000
"""Answers to one question after which a queue counts as endless."""


class TicketSystemGiven:
    """The fixtures, four to be overridden and the others with a default."""

    # --- what must be given

    @pytest.fixture
    def system(self) -> TicketSystem:
        """A system that answers."""
        raise NotImplementedError

    @pytest.fixture
    def key(self, system: TicketSystem) -> str:
        """A ticket that exists, is open, and that no other test has."""
        raise NotImplementedError

    @pytest.fixture
    def queue(self, system: TicketSystem) -> Queue:
        """A queue that it is in."""
        raise NotImplementedError

    @pytest.fixture
    def foreign_change(self, system: TicketSystem) -> Change:
        """Somebody else adds a comment to a ticket."""
        raise NotImplementedError

    # --- what can be given

    @pytest.fixture
    def foreign_comment(self) -> Comment | None:
        """Somebody else adds a comment with this very text, which may hold whatever the server lets in."""
        return None

    @pytest.fixture
    def status(self) -> str | None:
        """A status that the ticket can take. Default: the first that the system lists."""
        return None

    @pytest.fixture
    def severity(self) -> str | None:
        """A severity that it does not have yet, where ``/severity`` can be written."""
        return "1"

    @pytest.fixture
    def assignee(self) -> str | None:
        """Somebody who can have it, as ``Ticket.assignees`` names them."""
        return None

    @pytest.fixture
    def team(self) -> str | None:
        """A team that can have it, where ``/team`` can be written."""
        return None

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        """A custom field and a value for it: ``("/fields/Service", "dns")``."""
        return None

    @pytest.fixture
    def tag(self) -> str:
        """A tag that it does not have yet, where ``/tags`` can be written."""
        return "dns"

    @pytest.fixture
    def text(self) -> str:
        """A comment that reads back as it was sent; a system that keeps no markup may need a plainer one."""
        return "line one\n\n  indented, with `code` and ünïcode 日本\n[/] not markup, <b>nor</b> & this"

    @pytest.fixture
    def unknown_key(self) -> str:
        """What a key looks like that no ticket has."""
        return "NO-SUCH-TICKET-0"

    @pytest.fixture
    def stranger(self) -> TicketSystem | None:
        """The same system, asked with a token that it does not take."""
        return None

    @pytest.fixture
    def cut_off(self) -> TicketSystem | None:
        """The same connector, with the address of a port where nobody listens."""
        return None

    @pytest.fixture
    def notices_repeats(self) -> bool:
        """Whether the system itself tells an update that it has already; most do not, and the program looks first."""
        return False

    @pytest.fixture(autouse=True)
    async def _let_go(
        self, system: TicketSystem, stranger: TicketSystem | None, cut_off: TicketSystem | None
    ) -> AsyncIterator[None]:
        yield
        given: tuple[object, ...] = (system, stranger, cut_off)
        for one in given:
            if isinstance(one, Connected):
                await one.disconnect()

    # --- how the program sends

    async def _update(self, system: TicketSystem, key: str, **parts: Any) -> Update:
        there = await system.ticket(key)
        given: dict[str, Any] = {
            "op_id": OP_ID, "ticket": TicketRef(system.name, key), "expected_version": there.version, "author": "ana",
        }  # fmt: skip
        return Update(**given | parts)

    async def _send(self, system: TicketSystem, key: str, **parts: Any) -> None:
        """Send it as the program does, a step at a time, each on the version read just before."""
        for step in split(await self._update(system, key, **parts), system.capabilities.steps):
            version = (await system.ticket(key)).version if step.step else step.expected_version
            await system.send(dataclasses.replace(step, expected_version=version))

    async def _all(self, system: TicketSystem, queue: Queue, cursor: Cursor | None) -> tuple[list[Ticket], Cursor]:
        """Every ticket of the answers, each as last told, and where they end."""
        found: dict[str, Ticket] = {}
        for _ in range(PAGES):
            changes = await system.changed_since(queue, cursor)
            found |= {ticket.ref.key: ticket for ticket in changes.tickets}
            cursor = changes.cursor
            if changes.complete:
                return list(found.values()), cursor
        raise AssertionError(f"{PAGES} answers and no end of it")

    def _comment(self, capabilities: Capabilities) -> dict[str, Any]:
        if not (capabilities.internal_comments or capabilities.public_comments):
            pytest.skip("not promised: the system takes no comments")
        return {"public": not capabilities.internal_comments}

    def _one_field(
        self, capabilities: Capabilities, severity: str | None, field: tuple[str, str] | None
    ) -> dict[str, Any]:
        """Something small that changes the ticket and is no comment."""
        if severity is not None and "/severity" in capabilities.fields:
            return {"/severity": severity}
        if field is not None:
            return dict([field])
        pytest.skip("not promised: no severity that can be written, and no fixture `field`")
