"""A system whose connector does not load says why, wherever something is asked of it."""

from __future__ import annotations

import pytest

from opstui.adapters.tickets.unavailable import UnavailableTickets
from opstui.core.connections import Connection
from opstui.core.draft_limits import can_set, why_not
from opstui.core.errors import Refused
from opstui.core.queues import Queue
from opstui.testing.builders import OwnClock, OwnRandomness


async def test_every_question_and_every_field_is_refused_with_the_reason() -> None:
    connection = Connection(name="acme", kind="acme", clock=OwnClock(), randomness=OwnRandomness())
    system = UnavailableTickets(connection, "the connector acme does not load")
    with pytest.raises(Refused, match="does not load"):
        await system.ticket("A-1")
    with pytest.raises(Refused, match="does not load"):
        await system.changed_since(Queue("all", "acme"), None)
    for path in ("/status", "/fields/Service"):
        assert not can_set(path, system.capabilities)
        assert "does not load" in why_not(path, system.capabilities)
    assert [probe.state for probe in system.probe()] == ["warn"]
