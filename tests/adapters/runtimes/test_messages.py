"""The runtime whose loop runs here, against an endpoint that answers what a test says."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.machine import SystemClock
from opstui.adapters.runtimes import messages_loop, messages_session
from opstui.adapters.runtimes.anthropic_client import Endpoint, open_client
from opstui.adapters.runtimes.messages import MessagesRuntime, is_anthropics
from opstui.adapters.runtimes.messages_response import Hearing, Manner, respond
from opstui.adapters.runtimes.messages_session import MessagesSession
from opstui.adapters.runtimes.messages_talk import Talk
from opstui.core.errors import CredentialsRefused, RateLimited, Refused, StoreFull, Unreachable
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
    ToolSpec,
    Usage,
)
from opstui.core.workflows import Workflow
from opstui.testing import builders as make
from tests.adapters.runtimes.messages_server import (
    HOLD,
    Server,
    calls,
    cut,
    finish,
    frame,
    refused,
    says,
    serving,
    start,
    stream,
    text_block,
    tool_block,
)

KEY = "sk-ant-api03-CANARY-0123456789abcdef"
SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {}}
TOOLS = tuple(ToolSpec(name, f"Does {name}.", SCHEMA) for name in ("get_ticket", "search_knowledge", "submit_document"))
WORKFLOW = Workflow(
    id="incident-summary", title="Incident summary", version="v1", note="", document="IncidentSummary",
    tools=tuple(tool.name for tool in TOOLS), fields=(), public_comment=False, second_person=False,
    budget_micros=500_000, review_by=None, system="You are a junior analyst.", rubric="- [ ] short",
)  # fmt: skip
SUBMIT = calls(("toolu_9", "submit_document", {"document": {"headline": "down"}}))

Answers = Callable[[RuntimeToolCall], ToolResult]


class NoBits:
    """Chance at its very beginning, so that pauses are short."""

    def bytes(self, count: int) -> bytes:
        return b"\0" * count

    def choice(self, letters: str) -> str:
        return letters[0]


def brief(**changes: Any) -> SessionBrief:
    made = SessionBrief(
        session_id="01TEST", workflow=WORKFLOW, ticket=make.ref(), operator="ana", shift="", budget_micros=500_000,
        started_at=datetime(2026, 11, 20, tzinfo=UTC), message="Summarise: <<data x>> down <<end x>>", tools=TOOLS,
    )  # fmt: skip
    return replace(made, **changes)


def runtime(url: str, folder: Path, **changes: Any) -> MessagesRuntime:
    given: dict[str, Any] = {
        "model": "qwen", "effort": None, "parallel": 2, "clock": SystemClock(), "randomness": NoBits(),
        "folder": folder / "runtimes" / "home",
    }  # fmt: skip
    return MessagesRuntime("home", Endpoint("home", lambda: url, lambda: KEY), **{**given, **changes})


def accepting(call: RuntimeToolCall) -> ToolResult:
    return ToolResult("accepted" if call.name == "submit_document" else f"{call.name} says this")


async def run(
    session: MessagesSession,
    answers: Answers | None = accepting,
    *,
    on: Callable[[RuntimeEvent], Any] | None = None,
) -> list[RuntimeEvent]:
    """Everything that happens; ``on`` may return something to await."""
    seen: list[RuntimeEvent] = []
    async with asyncio.timeout(20):
        async for event in session.events():
            seen.append(event)
            if on is not None and (more := on(event)) is not None:
                await more
            if isinstance(event, RuntimeToolCall) and answers is not None:
                await session.answer(event.id, answers(event))
    return seen


async def whole(server: Server, folder: Path, answers: Answers | None = accepting, **more: Any) -> list[RuntimeEvent]:
    session = await runtime(server.url, folder).start(brief())
    try:
        return await run(session, answers, **more)
    finally:
        await session.close()


def of(kind: type[Any], seen: list[RuntimeEvent]) -> list[Any]:
    return [event for event in seen if isinstance(event, kind)]


def texts(seen: list[RuntimeEvent]) -> list[str]:
    return [event.text for event in of(RuntimeText, seen) if not event.partial]


def last(seen: list[RuntimeEvent]) -> tuple[SessionStatus, str | None]:
    assert isinstance(seen[-1], RuntimeStatus)
    return seen[-1].status, seen[-1].stop_reason


def stored(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "runtimes" / "home" / "01TEST.json").read_text())
    return found


# --- a session from its beginning to its end --------------------------------------------------------------------------


async def test_a_session_asks_answers_tools_and_is_done(tmp_path: Path) -> None:
    async with serving(calls(("toolu_1", "get_ticket", {}), text="I read it."), SUBMIT, says("Handed in.")) as server:
        seen = await whole(server, tmp_path)
    assert texts(seen) == ["I read it.", "Handed in."]
    assert [call.name for call in of(RuntimeToolCall, seen)] == ["get_ticket", "submit_document"]
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert of(RuntimeStatus, seen)[0].status is SessionStatus.RUNNING
    assert [len(body["messages"]) for body in server.bodies] == [1, 3, 5]
    assert server.bodies[2]["messages"][4]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_9", "content": "accepted"}
    ]


async def test_a_local_server_is_asked_in_the_plainest_form(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path, effort="high").start(brief())
        await run(session)
        await session.close()
    sent = server.bodies[1]
    assert sorted(sent) == ["max_tokens", "messages", "model", "stream", "system", "tools"]
    assert sorted(sent["tools"][0]) == ["description", "input_schema", "name"]
    assert sent["system"].startswith("You are a junior analyst.")
    assert b"anthropic-beta" not in server.heads[0].lower()
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]


async def test_anthropics_own_endpoint_gets_effort_and_caching_and_its_thoughts_back(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    block = {"type": "content_block_start", "index": 0, "content_block": thought}
    thinking = frame("content_block_start", block) + frame(
        "content_block_stop", {"type": "content_block_stop", "index": 0}
    )
    manner = Manner(model="claude-opus-5-5", system="s", tools=TOOLS, silence=5, effort="high", theirs=True)
    said = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    answer = stream(start(), thinking, text_block(1, "Hello."), finish("end_turn"))
    async with (
        serving(answer) as server,
        open_client(Endpoint("theirs", lambda: server.url, lambda: KEY)) as client,
    ):
        response = await respond(client, manner, said, Hearing(str, lambda _: None, SystemClock()))
    assert server.bodies[0]["cache_control"] == {"type": "ephemeral"}
    assert server.bodies[0]["output_config"] == {"effort": "high"}
    assert "thread" not in server.bodies[0]
    assert response.content == [thought, {"type": "text", "text": "Hello."}]


def test_anthropics_own_endpoint_is_told_by_its_address() -> None:
    assert is_anthropics("https://api.anthropic.com")
    assert not is_anthropics("http://api.anthropic.com")
    assert not is_anthropics("https://anthropic.com.example")
    assert not is_anthropics("http://localhost:11434")


async def test_previews_hold_all_text_so_far_under_the_final_texts_id(tmp_path: Path) -> None:
    parts = [text_block(0, "one two three", pieces=13)]
    async with serving(SUBMIT, stream(start(), *parts, finish("end_turn"))) as server:
        seen = await whole(server, tmp_path)
    previews = [event for event in of(RuntimeText, seen) if event.partial]
    final = next(event for event in of(RuntimeText, seen) if not event.partial)
    assert previews
    assert all(final.text.startswith(event.text) and event.remote_id == final.remote_id for event in previews)


async def test_usage_is_told_once_for_each_response_with_the_running_time_between(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}, "inference_geo": "us",
    }  # fmt: skip
    async with serving(stream(start(usage), text_block(0, "Hm."), finish("end_turn")), SUBMIT, says("x")) as server:
        seen = await whole(server, tmp_path)
    told = of(RuntimeUsage, seen)
    tokens = Usage(
        input_tokens=10, output_tokens=20, cache_read_tokens=7, cache_write_tokens=5, cache_write_long_tokens=3
    )
    assert replace(told[0].usage, running_ms=0) == tokens
    assert told[0].multipliers == ("us",)
    assert sum(event.usage.output_tokens for event in told) == 60
    assert 0 < sum(event.usage.running_ms for event in told) < 20_000
    assert len({event.remote_id for event in told}) == len(told)


async def test_nonsense_for_usage_counts_as_nothing(tmp_path: Path) -> None:
    odd = {"input_tokens": -5, "output_tokens": "many", "cache_read_input_tokens": None, "cache_creation": 3}
    async with serving(stream(start(odd), text_block(0, "Hm."), finish("end_turn", output=10**15))) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        seen = await run(session, on=lambda event: session.interrupt() if isinstance(event, RuntimeUsage) else None)
        await session.close()
    assert replace(of(RuntimeUsage, seen)[0].usage, running_ms=0) == Usage()


async def test_several_calls_of_one_response_are_open_at_once_and_answered_in_their_order(tmp_path: Path) -> None:
    both = calls(("toolu_1", "get_ticket", {}), ("toolu_1b", "get_ticket", {"again": True}))
    async with serving(both, SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        waiting: list[RuntimeToolCall] = []
        async with asyncio.timeout(10):
            async for event in session.events():
                if not isinstance(event, RuntimeToolCall):
                    continue
                waiting.append(event)
                if event.name == "submit_document":
                    await session.answer(event.id, ToolResult("accepted"))
                elif len(waiting) == 2:
                    await session.answer(waiting[1].id, ToolResult("second"))
                    await session.answer(waiting[0].id, ToolResult("first", is_error=True))
        await session.close()
    results = server.bodies[1]["messages"][2]["content"]
    assert [(block["tool_use_id"], block["content"]) for block in results] == [
        ("toolu_1", "first"),
        ("toolu_1b", "second"),
    ]
    assert [block.get("is_error") for block in results] == [True, None]


async def test_an_unknown_tool_and_odd_input_are_answered_without_asking_anybody(tmp_path: Path) -> None:
    first = calls(("t1", "rm_rf\x1b[31m", {}), ("t2", "get_ticket", ["no object"]))
    async with serving(first, SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    results = server.bodies[1]["messages"][2]["content"]
    assert [block["is_error"] for block in results] == [True, True]
    assert "There is no tool" in results[0]["content"]
    assert "\x1b" not in results[0]["content"]
    assert [call.name for call in of(RuntimeToolCall, seen)] == ["submit_document"]


async def test_what_the_model_says_is_made_harmless(tmp_path: Path) -> None:
    use = ("t1", "search_knowledge", {"query": "a\x1b]0;x\x07", "more": [{"deep\u202e": "\ud800"}]})
    async with serving(calls(use, text="red \x1b[31m text"), SUBMIT, says("ok")) as server:
        seen = await whole(server, tmp_path)
    shown = "".join(texts(seen)) + repr(of(RuntimeToolCall, seen)[0].input)
    assert not any(char in shown for char in "\x1b\x07\u202e\ud800")


async def test_an_agent_that_forgets_the_document_is_reminded_once(tmp_path: Path) -> None:
    async with serving(says("All clear."), says("Really.")) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "end_turn")
    assert len(server.bodies) == 2
    assert "submit_document" in server.bodies[1]["messages"][-1]["content"][0]["text"]


async def test_a_document_that_was_refused_does_not_count_as_handed_in(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Oh."), SUBMIT, says("Fine.")) as server:
        tries = iter((ToolResult("not accepted", is_error=True), ToolResult("accepted")))
        seen = await whole(server, tmp_path, lambda _: next(tries))
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert len(server.bodies) == 4


async def test_a_refusal_ends_it_with_the_models_own_words(tmp_path: Path) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "I will not\x1b."}
    async with serving(says("", "refusal", details=details)) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "refused")
    assert seen[-1].detail == "I will not␛."  # type: ignore[union-attr]


async def test_an_answer_that_was_cut_goes_on_and_one_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async with serving(says("Part", "max_tokens"), SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert "Go on" in server.bodies[1]["messages"][2]["content"][0]["text"]
    async with serving(*[says("Part", "max_tokens")] * 3) as server:
        seen = await whole(server, tmp_path / "other")
    assert last(seen) == (SessionStatus.ENDED, "end_turn")
    assert len(server.bodies) == 3


async def test_a_call_that_was_cut_is_not_carried_out(tmp_path: Path) -> None:
    half = stream(
        start(), text_block(0, "I hand it in."), tool_block(1, "t1", "submit_document", {}, raw='{"document": {"he'),
        finish("max_tokens"),
    )  # fmt: skip
    async with serving(half, SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert len(of(RuntimeToolCall, seen)) == 1
    assert server.bodies[1]["messages"][1]["content"] == [{"type": "text", "text": "I hand it in."}]
    assert "not carried out" in server.bodies[1]["messages"][2]["content"][0]["text"]


async def test_an_agent_that_goes_round_in_circles_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages_loop, "RESPONSES", 3)
    async with serving(*[calls(("t", "get_ticket", {}))] * 9) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "end_turn")
    assert len(server.bodies) == 3


async def test_an_empty_answer_breaks_nothing(tmp_path: Path) -> None:
    async with serving(stream(start(), finish("end_turn")), SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")


# --- steering ---------------------------------------------------------------------------------------------------------


async def test_a_message_goes_out_with_the_tool_results_and_only_once(tmp_path: Path) -> None:
    async with serving(calls(("t1", "get_ticket", {})), SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        def speak(event: RuntimeEvent) -> Any:
            return session.send("and be brief") if getattr(event, "name", "") == "get_ticket" else None

        await run(session, on=speak)
        await session.close()
    assert server.bodies[1]["messages"][2]["content"][1] == {"type": "text", "text": "and be brief"}
    assert json.dumps(server.bodies[2]).count("and be brief") == 1


async def test_a_message_keeps_an_agent_going_that_had_ended_its_turn(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Done."), says("As you like.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        def speak(event: RuntimeEvent) -> Any:
            return session.send("shorter") if isinstance(event, RuntimeText) and event.text == "Done." else None

        seen = await run(session, on=speak)
        with pytest.raises(Refused):
            await session.send("too late")
        await session.close()
    assert texts(seen) == ["Done.", "As you like."]
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert server.bodies[2]["messages"][-1]["content"] == [{"type": "text", "text": "shorter"}]


async def test_an_interrupt_cuts_a_stream_at_once_and_counts_what_was_used(tmp_path: Path) -> None:
    half = cut(start(), text_block(0, "I am thinking about")) + HOLD
    async with serving(half) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        def stop(event: RuntimeEvent) -> Any:
            return session.interrupt() if isinstance(event, RuntimeText) else None

        seen = await run(session, on=stop)
        await session.interrupt()
        await session.close()
    assert last(seen) == (SessionStatus.ENDED, "interrupted")
    assert sum(event.usage.input_tokens for event in of(RuntimeUsage, seen)) == 100
    assert of(RuntimeText, seen)[-1] == RuntimeText(of(RuntimeText, seen)[0].remote_id, "", partial=True)
    assert "messages" not in stored(tmp_path) or stored(tmp_path)["messages"] == []


async def test_an_interrupt_ends_a_wait_at_once(tmp_path: Path) -> None:
    async with serving(refused(429, "rate_limit_error", retry_after="50")) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        def stop(event: RuntimeEvent) -> Any:
            return session.interrupt() if isinstance(event, RuntimeNotice) else None

        seen = await run(session, on=stop)
        await session.close()
    notice = of(RuntimeNotice, seen)[0]
    assert notice.until is not None
    assert "trying again in 50 s" in notice.text
    assert [event.status.value for event in of(RuntimeStatus, seen)] == ["running", "waiting", "ended"]
    assert len(server.bodies) == 1


async def test_a_session_at_its_budget_stands_still_and_goes_on_when_it_is_raised(tmp_path: Path) -> None:
    async with serving(calls(("t1", "get_ticket", {})), SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        def meter(event: RuntimeEvent) -> Any:
            return session.interrupt("budget_reached") if isinstance(event, RuntimeUsage) else None

        seen = await run(session, on=meter)
        assert last(seen) == (SessionStatus.IDLE, "budget_reached")
        with pytest.raises(Refused):
            await session.send("go on")
        await session.close()

        still = await runtime(server.url, tmp_path).start(brief(remote_id=session.remote_id))
        assert last(await run(still)) == (SessionStatus.IDLE, "budget_reached")
        await still.raise_budget(900_000)
        again = await run(still)
        await still.close()
    assert last(again) == (SessionStatus.ENDED, "done")
    assert len(server.bodies) == 3


async def test_a_brief_with_a_larger_budget_is_enough_to_go_on(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        await session.interrupt("budget_reached")
        assert last(await run(session)) == (SessionStatus.IDLE, "budget_reached")
        await session.close()
        session = await runtime(server.url, tmp_path).start(brief(remote_id=session.remote_id, budget_micros=900_000))
        assert last(await run(session)) == (SessionStatus.ENDED, "done")
        await session.close()


# --- taken up again ---------------------------------------------------------------------------------------------------


async def test_a_killed_session_goes_on_where_it_was_and_asks_nothing_twice(tmp_path: Path) -> None:
    two = calls(("t1", "get_ticket", {}), ("t2", "search_knowledge", {"query": "x"}), text="I read.")
    async with serving(two, SUBMIT, says("Done.")) as server:
        first = await runtime(server.url, tmp_path).start(brief())
        before: list[RuntimeEvent] = []
        async for event in first.events():
            before.append(event)
            if isinstance(event, RuntimeToolCall):
                await first.answer(event.id, accepting(event))
                break
        # No close: it was killed. Another process takes it up.
        second = await runtime(server.url, tmp_path).start(brief(remote_id=first.remote_id))
        after = await run(second)
        await second.close()
        await first.close()
    assert texts(after) == ["I read.", "Done."]
    told = {event.remote_id for event in before if isinstance(event, RuntimeText | RuntimeUsage) and event.remote_id}
    assert told <= {event.remote_id for event in after if isinstance(event, RuntimeText | RuntimeUsage)}
    assert [call.name for call in of(RuntimeToolCall, after)] == ["search_knowledge", "submit_document"]
    assert len(server.bodies) == 3
    fresh = [event.remote_id for event in of(RuntimeStatus, after)]
    assert not set(fresh) & {event.remote_id for event in of(RuntimeStatus, before)}


async def test_the_conversation_is_for_its_owners_eyes_and_gone_when_it_is_over(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        path = tmp_path / "runtimes" / "home" / "01TEST.json"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert KEY not in path.read_text()
        await run(session)
        await session.close()
    assert "down" not in path.read_text()


async def test_a_session_that_ended_as_its_owner_died_is_not_run_again(tmp_path: Path) -> None:
    async with serving(SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        first = await run(session)
        await session.close()
        again = await runtime(server.url, tmp_path).start(brief(remote_id=session.remote_id))
        second = await run(again)
        await again.close()
    assert second[-1].remote_id == first[-1].remote_id  # type: ignore[union-attr]
    assert last(second) == (SessionStatus.ENDED, "done")
    assert len(server.bodies) == 2


@pytest.mark.parametrize("damage", ["", "{", '{"version": 9}', '{"version":1,"stamp":"x","messages":[]}'])
async def test_without_its_conversation_a_session_starts_over_and_says_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "runtimes" / "home" / "01TEST.json"
    path.parent.mkdir(parents=True)
    path.write_text(damage)
    async with serving(SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path).start(brief(remote_id="messages-01TEST"))
        seen = await run(session)
        await session.close()
    assert "starts over" in of(RuntimeNotice, seen)[0].text
    assert last(seen) == (SessionStatus.ENDED, "done")


async def test_a_session_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        await runtime("http://127.0.0.1:9", tmp_path).start(brief(session_id="../../etc/passwd"))


# --- what goes wrong --------------------------------------------------------------------------------------------------

CHOPPED = cut(start(), text_block(0, "Half a"))


@pytest.mark.parametrize(
    "broken",
    [
        CHOPPED,
        stream(start(), text_block(0, "Half a")),
        stream(start(), text_block(0, "Half a"), b"event: error\ndata: " + json.dumps(
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}).encode() + b"\n\n"),
        stream(start(), text_block(0, "Half a"), b"event: content_block_delta\ndata: \xff\xfe\n\n"),
        stream(start(), text_block(0, "Half a"), b"event: content_block_delta\ndata: {oops\n\n"),
        stream(start(), text_block(0, "Half a"), frame("content_block_delta", {
            "type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "x"}})),
        stream(start(), tool_block(0, "t", "get_ticket", {}, raw='{"a": nope!'), finish("tool_use")),
    ],
    ids=["cut", "clean end", "error frame", "bad bytes", "bad json", "no beginning", "bad input"],
)  # fmt: skip
async def test_a_response_that_breaks_is_asked_for_again(tmp_path: Path, broken: bytes) -> None:
    async with serving(broken, SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert texts(seen) == ["Done."]
    assert server.bodies[0] == server.bodies[1]
    assert "trying again" in of(RuntimeNotice, seen)[0].text
    assert sum(event.usage.input_tokens for event in of(RuntimeUsage, seen)) == 300
    shown: dict[str, str] = {}
    for event in of(RuntimeText, seen):
        shown[event.remote_id] = event.text
    assert list(shown.values()) in (["Done."], ["", "Done."])


@pytest.mark.parametrize(
    "broken",
    [
        stream(b'data: {"type":"message_start"}\n\n'),
        refused(529, "overloaded_error"),
        refused(500, "api_error"),
        b"",
        stream(frame("telepathy", {"type": "telepathy"})),
    ],
    ids=["data only", "overloaded", "failed", "hung up", "unknown"],
)
async def test_an_answer_that_is_none_is_asked_for_again(tmp_path: Path, broken: bytes) -> None:
    async with serving(broken, SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert len(server.bodies) == 3
    assert sum(event.usage.input_tokens for event in of(RuntimeUsage, seen)) == 200


def answer(content: list[dict[str, Any]], stop: str, **more: Any) -> bytes:
    """A response in one piece."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": stop,
        "stop_sequence": None, **more,
    }  # fmt: skip
    raw = json.dumps(message).encode()
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw


HANDED_IN = answer(
    [{"type": "tool_use", "id": "t9", "name": "submit_document", "input": {"document": {}}}],
    "tool_use",
    usage={"input_tokens": 100, "output_tokens": 20},
)
SAID = answer([{"type": "text", "text": "Done."}], "end_turn", usage={"input_tokens": 100, "output_tokens": 20})


async def test_a_server_that_does_not_stream_though_asked_to_is_understood(tmp_path: Path) -> None:
    async with serving(HANDED_IN, SAID) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert texts(seen) == ["Done."]
    assert [body["stream"] for body in server.bodies] == [True, True]
    assert sum(event.usage.input_tokens for event in of(RuntimeUsage, seen)) == 200


async def test_a_server_whose_streams_cant_be_read_is_asked_for_its_answers_in_one_piece(tmp_path: Path) -> None:
    unnamed = stream(b'data: {"type":"message_start"}\n\n')
    async with serving(unnamed, unnamed, HANDED_IN, SAID) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    assert [body.get("stream", False) for body in server.bodies] == [True, True, False, False]


async def test_a_server_that_tells_no_token_counts_is_no_free_one(tmp_path: Path) -> None:
    blind = [answer(json.loads(raw[raw.index(b"{") :])["content"], "end_turn") for raw in (HANDED_IN, SAID)]
    async with serving(*blind) as server:
        seen = await whole(server, tmp_path)
    assert last(seen) == (SessionStatus.ENDED, "done")
    said = [notice.text for notice in of(RuntimeNotice, seen)]
    assert said == ["home tells no token counts: what they cost is not in the figure"]


async def test_an_answer_that_is_none_in_one_piece_either_is_given_up(tmp_path: Path) -> None:
    raw = b'{"error": "out of memory"}'
    odd = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw
    async with serving(*[odd] * 9) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        with pytest.raises(Unreachable, match="Messages API"):
            await run(session)
        await session.close()
    assert len(server.bodies) == messages_loop.ODD_TRIES


async def test_unknown_events_and_blocks_pass_by(tmp_path: Path) -> None:
    odd = stream(
        start(),
        frame("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "aura"}}),
        frame("content_block_stop", {"type": "content_block_stop", "index": 0}),
        frame("telepathy", {"type": "telepathy"}),
        text_block(1, "Hello."),
        finish("satori"),
    )
    async with serving(odd, SUBMIT, says("Done.")) as server:
        seen = await whole(server, tmp_path)
    assert texts(seen) == ["Hello.", "Done."]
    assert last(seen) == (SessionStatus.ENDED, "done")


async def test_thoughts_of_a_local_model_are_not_sent_back(tmp_path: Path) -> None:
    thought = frame(
        "content_block_start",
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "hm"}},
    ) + frame("content_block_stop", {"type": "content_block_stop", "index": 0})
    thinking = stream(start(), thought, tool_block(1, "t1", "get_ticket", {}), finish("tool_use"))
    async with serving(thinking, SUBMIT, says("Done.")) as server:
        await whole(server, tmp_path)
    assert [block["type"] for block in server.bodies[1]["messages"][1]["content"]] == ["tool_use"]


async def test_a_silent_stream_is_said_then_dropped_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_session, "QUIET", 0.1)
    async with serving(cut(start()) + HOLD, SUBMIT, says("Done.")) as server:
        session = await runtime(server.url, tmp_path, silence=0.4).start(brief())
        seen = await run(session)
        await session.close()
    said = [notice.text for notice in of(RuntimeNotice, seen)]
    assert "nothing heard from qwen" in said[0]
    assert any("no answer in time" in text and "trying again" in text for text in said)
    assert last(seen) == (SessionStatus.ENDED, "done")


async def test_nobody_there_ends_a_start_within_seconds_and_a_later_try_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_loop, "START_SECONDS", 1.0)
    session = await runtime("http://127.0.0.1:9", tmp_path).start(brief())
    with pytest.raises(Unreachable, match="connection refused"):
        await run(session)
    await session.close()
    async with serving(SUBMIT, says("Done.")) as server:
        again = await runtime(server.url, tmp_path).start(brief(remote_id=session.remote_id))
        assert last(await run(again)) == (SessionStatus.ENDED, "done")
        await again.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_of_an_hour_is_not_waited_for(tmp_path: Path, status: int) -> None:
    kind = "rate_limit_error" if status == 429 else "api_error"
    async with serving(refused(status, kind, retry_after="3600")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        with pytest.raises(RateLimited) as caught:
            await run(session)
        await session.close()
    assert caught.value.retry_after == 3600
    assert len(server.bodies) == 1


async def test_a_refused_key_ends_it_and_is_never_shown(tmp_path: Path) -> None:
    async with serving(refused(401, "authentication_error", f"bad key {KEY}")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        with pytest.raises(CredentialsRefused) as caught:
            await run(session)
        await session.close()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert len(server.bodies) == 1


async def test_a_request_that_is_wrong_is_not_sent_again(tmp_path: Path) -> None:
    async with serving(refused(400, "invalid_request_error", "max_tokens: too large")) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        with pytest.raises(Refused, match="max_tokens"):
            await run(session)
        await session.close()
    assert len(server.bodies) == 1


async def test_answers_that_are_never_right_are_given_up(tmp_path: Path) -> None:
    async with serving(*[stream(b"event: x\ndata: 1\n\n")] * 9) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        with pytest.raises(Unreachable, match="Messages API"):
            await run(session)
        await session.close()
    assert len(server.bodies) == messages_loop.ODD_TRIES


async def test_a_disk_that_is_full_ends_it_instead_of_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Talk) -> None:
        raise StoreFull("no room")

    async with serving(calls(("t1", "get_ticket", {}))) as server:
        session = await runtime(server.url, tmp_path).start(brief())

        async def answer_on_a_full_disk(call: RuntimeToolCall) -> None:
            monkeypatch.setattr(Talk, "save", full)
            with pytest.raises(StoreFull):
                await session.answer(call.id, ToolResult("x"))

        with pytest.raises(StoreFull):
            await run(
                session,
                None,
                on=lambda event: answer_on_a_full_disk(event) if isinstance(event, RuntimeToolCall) else None,
            )
        await session.close()


async def test_leaving_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    async with serving(cut(start(), text_block(0, "Half")) + HOLD) as server:
        session = await runtime(server.url, tmp_path).start(brief())
        async for event in session.events():
            if isinstance(event, RuntimeText):
                break
        await session.close()
        await session.close()
        names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    assert not any("Loop" in name for name in names)
    assert stored(tmp_path)["over"] is None
