"""The demo's world behind a tool desk, as the program serves it to an agent, and a conversation with the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from opstui.config.settings import KnowledgeSettings, Settings
from opstui.core.desk import RefreshTickets
from opstui.core.queues import Queue
from opstui.core.tickets import TicketRef
from opstui.core.workflows import Workflow
from opstui.demo.world import RUNBOOKS, seed
from opstui.rehearsal.plan import next_move
from opstui.rehearsal.talk import Called, Said, Talk
from opstui.services import briefing
from opstui.services.document_schemas import tool_schemas
from opstui.services.tooldesk import ToolDesk
from opstui.services.workflows import load_workflows
from tests.services.building import Place

WORKFLOWS: Mapping[str, Workflow] = load_workflows(Path(__file__).resolve().parents[2] / "opstui" / "workflows")
DEMO_KEYS = 16


class World:
    """The demo's tickets and runbooks."""

    def __init__(self, home: Path) -> None:
        settings = replace(Settings(), knowledge={"runbooks": KnowledgeSettings(path=str(RUNBOOKS))})
        self.place = Place(home, settings=settings)
        seed(self.place.local, self.place.clock)
        self.place.desk.do(RefreshTickets()).unwrap()
        self.place.setup.knowledge.refresh()

    def every_key(self) -> list[str]:
        """Every ticket of the demo."""
        found = asyncio.run(self.place.local.changed_since(Queue("all", "local", ""), None))
        return [ticket.ref.key for ticket in found.tickets]

    def tools(self, key: str, workflow: str) -> ToolDesk:
        """A fresh session's tools."""
        known = self.place.setup.cache.ticket(TicketRef("local", key))
        assert known is not None
        return ToolDesk(
            ticket=known[0],
            workflow=WORKFLOWS[workflow],
            session_id="01TEST",
            knowledge=self.place.setup.knowledge,
            cache=self.place.setup.cache,
            randomness=self.place.setup.randomness,
            operator="alex",
            team="night",
            now=self.place.clock.now,
        )


@contextmanager
def demo_world(home: Path) -> Iterator[World]:
    """The world, closed afterwards."""
    world = World(home)
    try:
        yield world
    finally:
        world.place.desk.close()


def custom_tools(workflow: str) -> list[dict[str, Any]]:
    """A workflow's tools as agents of the managed service are given them."""
    return [{"type": "custom", **tool} for tool in tool_schemas(WORKFLOWS[workflow])]


def opening(tools: ToolDesk, workflow: str) -> str:
    """The first user message."""
    return briefing.opening(WORKFLOWS[workflow], tools.call("get_ticket", {}).text)


def converse(world: World, tools: ToolDesk, workflow: str, *, most: int = 12) -> Talk:
    """The whole of a session, without any service between plan and tools."""
    schemas = {str(tool["name"]): tool["input_schema"] for tool in tool_schemas(WORKFLOWS[workflow])}
    talk = Talk(tools=schemas, items=[Said(opening(tools, workflow), by_user=True)])
    for _ in range(most):
        move = next_move(talk, world.place.clock.now())
        if move.text:
            talk.items.append(Said(move.text, by_user=False))
        for number, use in enumerate(move.calls):
            result = tools.call(use.name, use.input)
            talk.items.append(Called(f"{len(talk.items)}-{number}", use.name, use.input, result.text, result.is_error))
        if move.ends:
            return talk
    raise AssertionError("it never ends")
