"""A runtime that says what a test tells it to say, in this process: for what the session service does with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from opstui.core.errors import OpstuiError
from opstui.core.ports import Probe, SessionBrief
from opstui.core.sessions import RuntimeEvent, RuntimeToolCall, ToolResult

Step = RuntimeEvent | OpstuiError | Callable[["ScriptedSession"], "asyncio.Future[None] | None"]


class ScriptedSession:
    """Plays its steps; an error among them is raised, a function is called (and awaited if it wants that)."""

    def __init__(self, runtime: ScriptedRuntime, brief: SessionBrief, steps: Sequence[Step]) -> None:
        self.remote_id: str | None = brief.remote_id or f"sesn_{brief.session_id}"
        self.answers: dict[str, ToolResult] = {}
        self.messages: list[str] = []
        self.interrupts: list[str] = []
        self.budgets: list[int] = []
        self.closed = False
        self.answered = asyncio.Event()
        self.interrupted = asyncio.Event()
        self._steps = steps

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        for step in self._steps:
            if isinstance(step, OpstuiError):
                raise step
            if callable(step):
                waited = step(self)
                if waited is not None:
                    await waited
                continue
            yield step
            if isinstance(step, RuntimeToolCall):
                while step.id not in self.answers:
                    self.answered.clear()
                    await self.answered.wait()

    async def answer(self, call_id: str, result: ToolResult) -> None:
        self.answers.setdefault(call_id, result)
        self.answered.set()

    async def send(self, text: str) -> None:
        self.messages.append(text)

    async def interrupt(self, reason: str = "interrupted") -> None:
        self.interrupts.append(reason)
        self.interrupted.set()

    async def raise_budget(self, budget_micros: int) -> None:
        self.budgets.append(budget_micros)

    async def close(self) -> None:
        self.closed = True


class ScriptedRuntime:
    """Each start plays the next script; sessions live elsewhere, as those of ``managed-agents`` do."""

    engine = "managed"
    model: str | None = "claude-sonnet-5-5"
    takes_messages = True
    parallel = 2

    def __init__(self, name: str = "managed", kind: str = "managed-agents") -> None:
        self.name = name
        self.kind = kind
        self.scripts: list[Sequence[Step] | OpstuiError] = []
        self.briefs: list[SessionBrief] = []
        self.sessions: list[ScriptedSession] = []
        self.put_aside: list[tuple[str, bool]] = []

    async def start(self, brief: SessionBrief) -> ScriptedSession:
        self.briefs.append(brief)
        script = self.scripts.pop(0)
        if isinstance(script, OpstuiError):
            raise script
        session = ScriptedSession(self, brief, script)
        self.sessions.append(session)
        return session

    def probe(self) -> list[Probe]:
        return [Probe(f"runtime {self.name}", "pass", "scripted")]

    async def log(self, remote_id: str) -> bytes:
        return b'{"type":"session.status_idle"}\n'

    async def put_away(self, remote_id: str, *, delete: bool) -> None:
        self.put_aside.append((remote_id, delete))
