"""The runtime whose loop runs here keeps the promises of its port, and works tickets off against the stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.runtimes.messages import MessagesRuntime
from opstui.core.documents import claims_of
from opstui.core.ports import SessionBrief
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    ToolResult,
)
from opstui.core.tickets import TicketRef
from opstui.rehearsal.messages import Reply
from opstui.rehearsal.service import Rehearsal
from opstui.services import briefing
from opstui.services.tooldesk import ToolDesk
from opstui.testing.runtimes import AgentRuntimeContract, Answers
from tests.adapters.runtimes.managed_world import Quick
from tests.rehearsal.building import WORKFLOWS, World, demo_world, opening

KEY = "sk-ant-api03-CANARY-0123456789abcdef"


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal(key=KEY) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with demo_world(tmp_path / "home") as made:
        yield made


@pytest.fixture
def runtime(service: Rehearsal, tmp_path: Path) -> MessagesRuntime:
    return made(service, tmp_path)


def made(service: Rehearsal, folder: Path) -> MessagesRuntime:
    return MessagesRuntime(
        "home",
        Endpoint("home", lambda: service.url, lambda: KEY),
        model="claude-haiku-5-5",
        effort=None,
        parallel=2,
        clock=SystemClock(),
        randomness=Quick(),
        folder=folder / "conversations",
    )


def brief_for(tools: ToolDesk, key: str, workflow: str, remote_id: str | None = None) -> SessionBrief:
    return SessionBrief(
        session_id="01TEST",
        workflow=WORKFLOWS[workflow],
        ticket=TicketRef("local", key),
        operator="alex",
        shift="",
        budget_micros=500_000,
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        remote_id=remote_id,
        message=opening(tools, workflow),
        tools=briefing.specs(WORKFLOWS[workflow]),
    )


@pytest.fixture
def key(world: World) -> str:
    return world.every_key()[0]


class TestMessagesRuntime(AgentRuntimeContract):
    @pytest.fixture
    def runtime(self, service: Rehearsal, tmp_path: Path) -> MessagesRuntime:
        return made(service, tmp_path)

    @pytest.fixture
    def brief(self, world: World, key: str) -> SessionBrief:
        return brief_for(world.tools(key, "incident-summary"), key, "incident-summary")

    @pytest.fixture
    def answers(self, world: World, key: str) -> Answers:
        """A tool desk, a fresh one after each document."""
        desks = [world.tools(key, "incident-summary")]

        def answer(call: RuntimeToolCall) -> ToolResult:
            result = desks[-1].call(call.name, call.input)
            if call.name == "submit_document":
                desks.append(world.tools(key, "incident-summary"))
            return result

        return answer


async def worked_off(runtime: MessagesRuntime, brief: SessionBrief, tools: ToolDesk) -> list[RuntimeEvent]:
    session = await runtime.start(brief)
    seen = []
    async with asyncio.timeout(30):
        async for event in session.events():
            seen.append(event)
            if isinstance(event, RuntimeToolCall):
                await session.answer(event.id, await asyncio.to_thread(tools.call, event.name, event.input))
    await session.close()
    return seen


@pytest.mark.parametrize("workflow", ["incident-summary", "escalation-package", "reply", "closure", "knowledge-update"])
async def test_a_ticket_is_worked_off_to_an_accepted_document(
    runtime: MessagesRuntime, service: Rehearsal, world: World, key: str, workflow: str
) -> None:
    tools = world.tools(key, workflow)
    seen = await worked_off(runtime, brief_for(tools, key, workflow), tools)
    assert isinstance(seen[-1], RuntimeStatus)
    assert (seen[-1].status, seen[-1].stop_reason) == (SessionStatus.ENDED, "done")
    assert tools.accepted is not None
    asked = [one for one in service.requests if one.path == "/v1/messages"]
    told = [event for event in seen if isinstance(event, RuntimeUsage) and event.usage.output_tokens]
    assert len(told) == len(asked)
    assert all(KEY.encode() not in one.body for one in service.requests)


@pytest.mark.parametrize(
    "broken",
    [
        Reply(text="I begin with the ticket.", cut_after=3),
        Reply(text="I begin with the ticket.", eof_after=3),
        Reply(text="I begin with the ticket.", error_after=3),
        Reply(text="I begin with the ticket.", raw_after=(3, b"event: content_block_delta\ndata: \xff\n\n")),
    ],
    ids=["cut", "clean end", "error frame", "bad bytes"],
)
async def test_whatever_breaks_on_the_way_the_document_is_the_same(
    runtime: MessagesRuntime, service: Rehearsal, world: World, key: str, broken: Reply
) -> None:
    service.reply(broken)
    tools = world.tools(key, "incident-summary")
    seen = await worked_off(runtime, brief_for(tools, key, "incident-summary"), tools)
    calm = world.tools(key, "incident-summary")
    undisturbed = await worked_off(
        made(service, world.place.setup.locks), brief_for(calm, key, "incident-summary"), calm
    )
    assert tools.accepted is not None
    assert calm.accepted is not None
    assert claims_of(tools.accepted) == claims_of(calm.accepted)
    assert _texts(seen) == _texts(undisturbed)
    assert any(isinstance(event, RuntimeNotice) for event in seen)


def _texts(seen: list[RuntimeEvent]) -> list[str]:
    return [event.text for event in seen if isinstance(event, RuntimeText) and not event.partial]


async def test_what_was_sent_grows_by_what_was_said_and_nothing_else(
    runtime: MessagesRuntime, service: Rehearsal, world: World, key: str
) -> None:
    tools = world.tools(key, "incident-summary")
    await worked_off(runtime, brief_for(tools, key, "incident-summary"), tools)
    sent = [json.loads(one.body)["messages"] for one in service.requests if one.path == "/v1/messages"]
    assert len(sent) > 3
    for shorter, longer in pairwise(sent):
        assert longer[: len(shorter)] == shorter


def test_a_probe_says_what_answers_and_never_the_key(service: Rehearsal, runtime: MessagesRuntime) -> None:
    found = runtime.probe()
    assert [line.state for line in found] == ["pass"]
    service.key = "another"
    refused = runtime.probe()
    assert [line.state for line in refused] == ["fail"]
    assert "config secret set" in refused[0].fix
    assert KEY not in repr(found) + repr(refused)


def test_a_probe_of_a_server_without_a_list_of_models_is_content(service: Rehearsal, runtime: MessagesRuntime) -> None:
    service.fault("GET", "/v1/models", status=404)
    assert [line.state for line in runtime.probe()] == ["pass"]


def test_a_probe_names_models_that_are_there_when_the_asked_one_is_not(
    service: Rehearsal, runtime: MessagesRuntime
) -> None:
    service.fault("GET", "/v1/models", body={"data": [{"id": "qwen3:8b", "type": "model"}], "has_more": False})
    (line,) = runtime.probe()
    assert line.state == "warn"
    assert "qwen3:8b" in line.text


@pytest.mark.parametrize("wrong", [{"html": True}, {"status": 503}, {"body": b"[1, 2", "status": 200}])
def test_a_probe_of_something_else_is_no_success(
    service: Rehearsal, runtime: MessagesRuntime, wrong: dict[str, object]
) -> None:
    service.fault("GET", "/v1/models", **wrong)
    (line,) = runtime.probe()
    assert line.state in ("fail", "warn")
    assert line.text


def test_a_probe_of_nobody_says_so(tmp_path: Path) -> None:
    nobody = MessagesRuntime(
        "home", Endpoint("home", lambda: "http://127.0.0.1:9", lambda: None), model="m", effort=None, parallel=1,
        clock=SystemClock(), randomness=SystemRandomness(), folder=tmp_path,
    )  # fmt: skip
    (line,) = nobody.probe()
    assert line.state == "fail"
    assert "connection refused" in line.text
    assert "base_url" in line.fix
