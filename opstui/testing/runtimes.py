"""What every runtime promises (``ports.AgentRuntime`` and ``ports.AgentSession``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from opstui.core import stops
from opstui.core.errors import Refused
from opstui.core.ports import AgentRuntime, AgentSession, SessionBrief
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    ToolResult,
)

Answers = Callable[[RuntimeToolCall], ToolResult]
"""What a tool desk answers to a call."""

PATIENCE = 20.0
"""Seconds after which a session that says nothing is stuck."""
KINDS = {"extractive": "extractive", "managed-agents": "managed", "messages": "local"}


class AgentRuntimeContract:
    """Subclass it with the fixtures ``runtime``, ``brief`` and ``answers``."""

    @pytest.fixture
    def runtime(self) -> AgentRuntime:
        raise NotImplementedError

    @pytest.fixture
    def brief(self) -> SessionBrief:
        raise NotImplementedError

    @pytest.fixture
    def answers(self) -> Answers:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    async def _no_session_stays_open(self) -> AsyncIterator[None]:
        self._opened: list[AgentSession] = []
        yield
        for session in self._opened:
            await session.close()

    async def _run(
        self,
        session: AgentSession,
        answers: Answers,
        *,
        times: int = 1,
        interrupt_after: int | None = None,
        reason: str = stops.INTERRUPTED,
    ) -> list[RuntimeEvent]:
        seen: list[RuntimeEvent] = []
        self._opened.append(session)
        async with asyncio.timeout(PATIENCE):
            async for event in session.events():
                seen.append(event)
                if interrupt_after is not None and len(seen) >= interrupt_after:
                    await session.interrupt(reason)
                elif isinstance(event, RuntimeToolCall):
                    for _ in range(times):
                        await session.answer(event.id, answers(event))
        return seen

    def test_it_says_what_it_is(self, runtime: AgentRuntime) -> None:
        assert KINDS[runtime.kind] == runtime.engine
        assert runtime.parallel >= 1
        assert {probe.state for probe in runtime.probe()} <= {"pass", "warn", "fail"}

    async def test_a_session_runs_calls_tools_and_comes_to_an_end(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        seen = await self._run(await runtime.start(brief), answers)
        assert any(isinstance(event, RuntimeToolCall) for event in seen)
        last = [event for event in seen if isinstance(event, RuntimeStatus)][-1]
        assert last.status is SessionStatus.IDLE or last.status.is_over

    async def test_remote_ids_are_unique_but_for_previews(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        seen = await self._run(await runtime.start(brief), answers)
        ids = [
            event.id if isinstance(event, RuntimeToolCall) else event.remote_id
            for event in seen
            if not (isinstance(event, RuntimeText) and event.partial)
        ]
        assert len(ids) == len(set(ids))

    async def test_a_second_answer_to_a_call_is_ignored(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        once = await self._run(await runtime.start(brief), answers)
        twice = await self._run(await runtime.start(brief), answers, times=2)
        assert _kinds(once) == _kinds(twice)

    @pytest.mark.parametrize("after", [1, 2, 3])
    async def test_an_interrupt_ends_it_at_any_moment_and_works_twice(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers, after: int
    ) -> None:
        session = await runtime.start(brief)
        seen = await self._run(session, answers, interrupt_after=after)
        await session.interrupt()
        last = [event for event in seen if isinstance(event, RuntimeStatus)][-1]
        assert last.status is SessionStatus.IDLE or last.status.is_over

    @pytest.mark.parametrize("reason", [stops.INTERRUPTED, stops.BUDGET_REACHED])
    async def test_an_interrupt_ends_it_for_the_reason_it_was_given(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers, reason: str
    ) -> None:
        session = await runtime.start(brief)
        seen = await self._run(session, answers, interrupt_after=1, reason=reason)
        await session.close()
        assert [event for event in seen if isinstance(event, RuntimeStatus)][-1].stop_reason == reason

    async def test_the_last_event_is_how_it_stands(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        session = await runtime.start(brief)
        last = (await self._run(session, answers))[-1]
        await session.close()
        assert isinstance(last, RuntimeStatus)
        assert last.status is SessionStatus.IDLE or last.status.is_over

    async def test_no_preview_is_left_without_its_text(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        session = await runtime.start(brief)
        shown: dict[str, bool] = {}
        for event in await self._run(session, answers):
            if isinstance(event, RuntimeText):
                shown[event.remote_id] = event.partial and event.text != ""
        await session.close()
        assert not any(shown.values())

    async def test_what_was_told_is_told_again_when_it_is_taken_up(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        session = await runtime.start(brief)
        before = await self._run(session, answers)
        await session.close()
        if runtime.kind == "extractive":
            pytest.skip("it starts over, which costs nothing and comes out the same")
        again = await runtime.start(replace(brief, remote_id=session.remote_id))
        after = await self._run(again, answers)
        await again.close()
        assert _told(after) >= _told(before)
        assert not any(isinstance(event, RuntimeToolCall) for event in after)

    async def test_a_budget_is_raised_where_there_is_one(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        session = await runtime.start(brief)
        if runtime.kind == "extractive":
            with pytest.raises(Refused):
                await session.raise_budget(2 * brief.budget_micros)
        else:
            await session.raise_budget(2 * brief.budget_micros)
            assert len(await self._run(session, answers)) > 1
        await session.close()

    async def test_a_message_is_taken_while_it_runs(
        self, runtime: AgentRuntime, brief: SessionBrief, answers: Answers
    ) -> None:
        if not runtime.takes_messages:
            pytest.skip("the runtime takes no messages")
        session = await runtime.start(brief)
        await session.send("be brief")
        assert len(await self._run(session, answers)) > 1
        await session.close()

    async def test_a_message_is_refused_where_none_is_taken(self, runtime: AgentRuntime, brief: SessionBrief) -> None:
        if runtime.takes_messages:
            pytest.skip("the runtime takes messages")
        session = await runtime.start(brief)
        with pytest.raises(Refused):
            await session.send("hello")
        await session.close()

    async def test_closing_twice_is_fine(self, runtime: AgentRuntime, brief: SessionBrief) -> None:
        session = await runtime.start(brief)
        await session.close()
        await session.close()


def _kinds(events: list[RuntimeEvent]) -> list[type]:
    """What came, in order, but for what depends on the moment: previews, and how running time is told."""
    return [
        type(event)
        for event in events
        if not isinstance(event, RuntimeUsage) and not (isinstance(event, RuntimeText) and event.partial)
    ]


def _told(events: list[RuntimeEvent]) -> set[tuple[str, object]]:
    """Whole texts and usage by id, which never change."""
    texts = {(event.remote_id, event.text) for event in events if isinstance(event, RuntimeText) and not event.partial}
    return texts | {(event.remote_id, event.usage) for event in events if isinstance(event, RuntimeUsage)}
