"""The managed runtime against the stand-in service, over real HTTP through the real SDK."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from opstui.adapters.machine import SystemClock
from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.runtimes.managed import ManagedRuntime
from opstui.adapters.runtimes.managed_session import ManagedSession
from opstui.adapters.runtimes.managed_wire import Pace
from opstui.core.ports import SessionBrief
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    ToolResult,
    ToolSpec,
    Usage,
)
from opstui.core.workflows import Workflow
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.session import Session
from opstui.services.workflows import load_workflows
from opstui.testing.builders import OwnRandomness, ref

WORKFLOWS = load_workflows(Path(__file__).resolve().parents[3] / "opstui" / "workflows")
HURRIED = Pace(quiet=1.0, watch=0.4, once_more=0.1, tick=0.05, start=4.0, looks=(0.01, 0.02))
MODEL = "claude-sonnet-5-5"
TOOLS = (
    ToolSpec("get_ticket", "The ticket.", {"type": "object", "properties": {}, "required": []}),
    ToolSpec("search_knowledge", "Search.", {"type": "object", "properties": {"query": {"type": "string"}}}),
)


class Quick(OwnRandomness):
    """Chance that makes every back-off as short as it can be."""

    def bytes(self, count: int) -> bytes:
        """Zeros where a share of a wait is drawn, chance elsewhere."""
        return b"\0" * count if count == 4 else super().bytes(count)


def endpoint(service: Rehearsal, key: Callable[[], str | None] = lambda: "rehearsal") -> Endpoint:
    return Endpoint("claude", lambda: service.url, key)


def runtime(service: Rehearsal, folder: Path, **changes: Any) -> ManagedRuntime:
    given: dict[str, Any] = {
        "model": MODEL, "effort": "low", "parallel": 3, "clock": SystemClock(), "randomness": Quick(),
        "folder": folder, "pace": HURRIED,
    }  # fmt: skip
    where = changes.pop("endpoint", None) or endpoint(service)
    return ManagedRuntime("claude", where, **given | changes)


def workflow(workflow_id: str = "incident-summary", **changes: Any) -> Workflow:
    return replace(WORKFLOWS[workflow_id], **{"rubric": None, **changes})


def brief(session_id: str = "01MANAGED", **changes: Any) -> SessionBrief:
    given: dict[str, Any] = {
        "session_id": session_id, "workflow": workflow(), "ticket": ref(), "operator": "alex",
        "shift": "2026-11-20T06:00:00Z", "budget_micros": 500_000, "started_at": SystemClock().now(),
        "message": "Summarise the ticket.", "tools": TOOLS,
    }  # fmt: skip
    return SessionBrief(**given | changes)


class Followed:
    """What a session told, as the record keeps it: each remote id once."""

    def __init__(self) -> None:
        self.events: list[RuntimeEvent] = []
        self.kept: dict[str, Usage] = {}

    def take(self, event: RuntimeEvent) -> None:
        self.events.append(event)
        if isinstance(event, RuntimeUsage):
            self.kept.setdefault(event.remote_id, event.usage)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def texts(self) -> list[str]:
        """Whole texts, the newest under each id."""
        found: dict[str, str] = {}
        for event in self.of(RuntimeText):
            if not event.partial:
                found[event.remote_id] = event.text
        return list(found.values())

    @property
    def partials(self) -> list[RuntimeText]:
        return [event for event in self.of(RuntimeText) if event.partial]

    @property
    def calls(self) -> list[RuntimeToolCall]:
        return self.of(RuntimeToolCall)

    @property
    def notices(self) -> list[RuntimeNotice]:
        return self.of(RuntimeNotice)

    @property
    def last(self) -> RuntimeStatus:
        assert isinstance(self.events[-1], RuntimeStatus), self.events[-1]
        return self.events[-1]

    @property
    def total(self) -> Usage:
        return sum(self.kept.values(), Usage())

    @property
    def reported(self) -> int | None:
        told = [event.reported_micros for event in self.of(RuntimeUsage) if event.reported_micros is not None]
        return told[-1] if told else None


Answer = Callable[[RuntimeToolCall], Awaitable[ToolResult] | ToolResult]


async def follow(
    session: ManagedSession,
    followed: Followed | None = None,
    *,
    answer: Answer = lambda call: ToolResult(f"answer to {call.name}"),
    on: Callable[[RuntimeEvent], Awaitable[None]] | None = None,
    seconds: float = 15.0,
) -> Followed:
    """Take what a session tells until it ends, answering every call at once, beside what else comes."""
    followed = followed or Followed()
    answering: list[asyncio.Task[None]] = []

    async def serve(call: RuntimeToolCall) -> None:
        made = answer(call)
        await session.answer(call.id, made if isinstance(made, ToolResult) else await made)

    async with asyncio.timeout(seconds):
        async for event in session.events():
            followed.take(event)
            if isinstance(event, RuntimeToolCall):
                answering.append(asyncio.create_task(serve(event)))
            if on is not None:
                await on(event)
        await asyncio.gather(*answering)
    return followed


def over_there(service: Rehearsal) -> Session:
    """The one session there is."""
    assert len(service.sessions) == 1, f"{len(service.sessions)} sessions were made"
    return next(iter(service.sessions.values()))


def figures(session: Session) -> Usage:
    """The service's own cumulative figures."""
    used = session.tokens
    return Usage(
        input_tokens=used.input,
        output_tokens=used.output,
        cache_read_tokens=used.read,
        cache_write_tokens=used.write + used.write_long,
        cache_write_long_tokens=used.write_long,
        running_ms=session.active_ms,
        searches=used.searches,
    )


def requests(service: Rehearsal, method: str, path: str) -> list[Any]:
    """What was asked of the service at a path (a regex over the whole of it)."""
    return [one for one in service.requests if one.method == method and re.fullmatch(path, one.path)]
