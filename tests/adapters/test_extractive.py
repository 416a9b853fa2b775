from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from opstui.adapters.runtimes.extractive import ExtractiveRuntime
from opstui.core.documents import EscalationPackage, IncidentSummary
from opstui.core.errors import Refused
from opstui.core.knowledge import Hit, Strength
from opstui.core.ports import AgentRuntime, SessionBrief
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
from opstui.core.text import SafeText
from opstui.services.workflows import load_workflows
from tests.core.real_input import NOW, build, page

WORKFLOWS = load_workflows(Path(__file__).resolve().parents[2] / "opstui" / "workflows")
TICKET = build(
    "CoreDNS forward errors",
    "About 12 % of builds fail.",
    (("dana", "comment", "Restarted node-local-dns, no change."),),
)
BOOK = page("runbooks/CoreDNS", "# CoreDNS\n\n## Diagnosis\n\n- Check the upstream resolvers.\n")


class StandingClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 5.0


def brief(workflow: str = "incident-summary") -> SessionBrief:
    return SessionBrief(
        session_id="01TEST",
        workflow=WORKFLOWS[workflow],
        ticket=TICKET.ref,
        operator="alex",
        shift="",
        budget_micros=0,
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
    )


def served(call: RuntimeToolCall) -> ToolResult:
    match call.name:
        case "get_ticket":
            return ToolResult("", TICKET)
        case "search_knowledge":
            hit = Hit(BOOK.doc, BOOK.title, 5.0, 1, 5, SafeText("# CoreDNS"), Strength.STRONG, 0.9)
            return ToolResult("", (hit,))
        case "read_document":
            return ToolResult("", BOOK)
        case "search_tickets":
            return ToolResult("", ())
        case _:
            return ToolResult("accepted", call.input["document"])


async def run(
    runtime: ExtractiveRuntime, workflow: str = "incident-summary", *, stop_at: str = ""
) -> list[RuntimeEvent]:
    session = await runtime.start(brief(workflow))
    seen: list[RuntimeEvent] = []
    async for event in session.events():
        seen.append(event)
        if isinstance(event, RuntimeToolCall):
            if event.name == stop_at:
                await session.interrupt()
                await session.interrupt()
            else:
                await session.answer(event.id, served(event))
                await session.answer(event.id, ToolResult("late", None, is_error=True))
    await session.close()
    return seen


def runtime() -> ExtractiveRuntime:
    return ExtractiveRuntime("offline", StandingClock())


def test_it_is_a_runtime() -> None:
    made: AgentRuntime = runtime()
    assert (made.kind, made.engine, made.model, made.takes_messages) == ("extractive", "extractive", None, False)
    assert made.probe()[0].state == "pass"


async def test_it_asks_its_tools_in_order_and_hands_in_a_document() -> None:
    seen = await run(runtime())
    calls = [event for event in seen if isinstance(event, RuntimeToolCall)]
    assert [call.name for call in calls] == [
        "get_ticket",
        "search_knowledge",
        "read_document",
        "search_tickets",
        "submit_document",
    ]
    assert isinstance(calls[-1].input["document"], IncidentSummary)
    assert calls[-1].input["document"].runbooks[0].doc_id == "runbooks/CoreDNS"


async def test_it_begins_running_tells_what_it_found_and_ends_without_tokens() -> None:
    seen = await run(runtime())
    assert isinstance(seen[0], RuntimeStatus)
    assert seen[0].status is SessionStatus.RUNNING
    texts = [event.text for event in seen if isinstance(event, RuntimeText)]
    assert "About 12 % of builds fail." in texts
    assert texts.index("About 12 % of builds fail.") < texts.index("Restarted node-local-dns, no change.")
    usage = next(event for event in seen if isinstance(event, RuntimeUsage))
    assert usage.usage.input_tokens == usage.usage.output_tokens == 0
    assert isinstance(seen[-1], RuntimeStatus)
    assert (seen[-1].status, seen[-1].stop_reason) == (SessionStatus.ENDED, "done")


async def test_every_event_has_an_id_of_its_own_and_two_runs_are_alike() -> None:
    one, other = await run(runtime()), await run(runtime())
    ids = [getattr(event, "remote_id", None) or event.id for event in one]  # type: ignore[union-attr]
    assert len(set(ids)) == len(ids)
    assert one == other


async def test_the_escalation_workflow_hands_in_a_package() -> None:
    seen = await run(runtime(), "escalation-package")
    call = [event for event in seen if isinstance(event, RuntimeToolCall)][-1]
    assert isinstance(call.input["document"], EscalationPackage)


@pytest.mark.parametrize("tool", ["get_ticket", "search_knowledge", "submit_document"])
async def test_an_interrupt_stops_it_also_while_a_tool_call_waits(tool: str) -> None:
    seen = await run(runtime(), stop_at=tool)
    last = seen[-1]
    assert isinstance(last, RuntimeStatus)
    assert (last.status, last.stop_reason) == (SessionStatus.ENDED, "interrupted")
    assert [event.name for event in seen if isinstance(event, RuntimeToolCall)][-1] == tool
    assert not any(isinstance(event, RuntimeNotice) for event in seen)


async def test_a_refused_document_fails_the_session_and_says_why() -> None:
    session = await runtime().start(brief())
    seen = []
    async for event in session.events():
        seen.append(event)
        if isinstance(event, RuntimeToolCall):
            refused = ToolResult("not accepted\n- c1: no", is_error=True)
            await session.answer(event.id, refused if event.name == "submit_document" else served(event))
    assert any(isinstance(event, RuntimeNotice) and event.error and "not accepted" in event.text for event in seen)
    assert isinstance(seen[-1], RuntimeStatus)
    assert seen[-1].status is SessionStatus.FAILED


async def test_a_search_that_is_refused_is_survived() -> None:
    session = await runtime().start(brief())
    calls = []
    async for event in session.events():
        if isinstance(event, RuntimeToolCall):
            calls.append(event.name)
            searching = event.name.startswith("search")
            await session.answer(event.id, ToolResult("no", is_error=True) if searching else served(event))
    assert calls[-1] == "submit_document"


async def test_it_takes_no_messages() -> None:
    session = await runtime().start(brief())
    with pytest.raises(Refused, match="takes no messages"):
        await session.send("hello")
