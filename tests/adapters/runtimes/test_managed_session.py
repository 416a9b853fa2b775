from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.core.errors import Refused, Unreachable
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    SessionStatus,
    ToolResult,
)
from opstui.rehearsal import steps as s
from opstui.rehearsal.service import Rehearsal
from tests.adapters.runtimes.managed_world import brief, figures, follow, over_there, requests, runtime

EVENTS = r"/v1/sessions/[^/]+/events"
HELLO = (s.Think(input=100, output=20, within=(s.Say("hello"),), seconds=2), s.Idle())


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


def sent(service: Rehearsal, kind: str) -> list[dict[str, object]]:
    """The events of a type that were sent, in the order of the requests, lost ones too."""
    found = []
    for one in requests(service, "POST", EVENTS):
        found += [event for event in one.json["events"] if event["type"] == kind]
    return found


# --- tools


async def test_several_calls_are_open_at_once_and_each_is_answered_at_once(service: Rehearsal, tmp_path: Path) -> None:
    uses = tuple(s.Use("get_ticket", {"n": number}) for number in range(3))
    service.script((s.Call(uses), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    slow: asyncio.Event = asyncio.Event()

    async def answer(call: RuntimeToolCall) -> ToolResult:
        if call.input["n"] == 0:
            await slow.wait()
        return ToolResult(f"number {call.input['n']}", is_error=call.input["n"] == 2)

    async def when_told(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeStatus) and len(over_there(service).answers) == 2:
            slow.set()

    followed = await follow(session, answer=answer, on=when_told)
    await session.close()
    given = [(event["content"][0]["text"], event["is_error"]) for event in over_there(service).answers.values()]
    assert given == [("number 1", False), ("number 2", True), ("number 0", False)]
    assert followed.texts == ["hello"]


async def test_a_call_that_comes_after_the_session_said_it_waits_for_it_is_answered(
    service: Rehearsal, tmp_path: Path
) -> None:
    call = {"type": "agent.custom_tool_use", "id": "sevt_late", "name": "get_ticket", "input": {}}
    idle = {"type": "session.status_idle", "stop_reason": {"type": "requires_action", "event_ids": ["sevt_late"]}}
    service.script((s.Running(), s.Emit(idle), s.Sleep(0.2), s.Emit(call), s.Sleep(0.2), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert [one.id for one in followed.calls] == ["sevt_late"]
    assert [event["custom_tool_use_id"] for event in sent(service, "user.custom_tool_result")] == ["sevt_late"]
    assert followed.last.stop_reason == "end_turn"


async def test_input_of_any_kind_reaches_the_tool_desk(service: Rehearsal, tmp_path: Path) -> None:
    wild = {"query": "\x1b[31m[bold]\u202e" + "x" * 1_000_000}
    uses = (
        s.Use("get_ticket", wild),
        s.Use("no_such_tool", None),
        s.Use("get_ticket", ["a"]),
        s.Use("\x1b]0;x\x07", 7),
    )
    service.script((s.Call(uses), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.calls[0].input == wild
    assert [call.input for call in followed.calls[1:]] == [{}, {}, {}]
    assert "\x1b" not in followed.calls[3].name


@pytest.mark.parametrize("fault", [{"lose_response": True}, {"status": 503}, {"status": 429}, {"cut": True}])
async def test_an_answer_is_sent_until_it_is_delivered_and_the_tool_runs_once(
    service: Rehearsal, tmp_path: Path, fault: dict[str, object]
) -> None:
    service.script((s.Call((s.Use("get_ticket"),)), *HELLO))
    service.fault("POST", "/events", times=3, **fault)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert len(followed.calls) == 1
    assert len(sent(service, "user.custom_tool_result")) == 4
    assert followed.texts == ["hello"]


async def test_an_answer_that_comes_too_late_is_noted_and_not_sent_again(service: Rehearsal, tmp_path: Path) -> None:
    service.fault("POST", "/events", status=400, containing=b"custom_tool_result", delay=0.2)
    call = s.Call((s.Use("get_ticket"),), wait=False)
    service.script((call, s.Sleep(0.1), s.AnswerElsewhere(), s.Sleep(0.3), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert len(followed.calls) == 1
    assert len(sent(service, "user.custom_tool_result")) == 1
    assert any("too late" in notice.text for notice in followed.notices)


async def test_an_answer_that_is_refused_though_it_is_waited_for_is_sent_again_but_not_for_ever(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script((s.Call((s.Use("get_ticket"),)), *HELLO), times=2)
    fault = service.fault("POST", "/events", status=400, containing=b"custom_tool_result")
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == ["hello"]
    assert len(followed.calls) == 1
    fault.times = None
    session = await made.start(brief("01SECOND"))
    with pytest.raises(Refused, match="It is a 400"):
        await follow(session)
    await session.close()


async def test_what_somebody_else_answered_is_not_answered_again(service: Rehearsal, tmp_path: Path) -> None:
    call = s.Call((s.Use("get_ticket"),), wait=False)
    service.script((call, s.Sleep(0.1), s.AnswerElsewhere(), s.Sleep(0.1), *HELLO))
    session = await runtime(service, tmp_path).start(brief())

    async def slow(call: RuntimeToolCall) -> ToolResult:
        await asyncio.sleep(0.2)
        return ToolResult("late")

    followed = await follow(session, answer=slow)
    await session.close()
    assert sent(service, "user.custom_tool_result") == []
    assert followed.last.stop_reason == "end_turn"


async def test_a_tool_of_the_services_own_is_not_allowed(service: Rehearsal, tmp_path: Path) -> None:
    bash = {"type": "agent.tool_use", "id": "sevt_bash", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    service.script((s.Running(), s.Emit(bash), s.WaitFor("user.tool_confirmation"), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert [event["result"] for event in sent(service, "user.tool_confirmation")] == ["deny"]
    assert any("bash" in notice.text for notice in followed.notices)


# --- interrupts


@pytest.mark.parametrize("reason", ["interrupted", "budget_reached"])
async def test_an_interrupt_ends_it_with_its_reason(service: Rehearsal, tmp_path: Path, reason: str) -> None:
    service.script((s.Say("working"), s.Call((s.Use("get_ticket"),)), s.Say("never said")))
    session = await runtime(service, tmp_path).start(brief())
    waits: asyncio.Event = asyncio.Event()

    async def answer(call: RuntimeToolCall) -> ToolResult:
        await session.interrupt(reason)
        await waits.wait()
        return ToolResult("too late")

    async def when_over(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeStatus) and event.status is SessionStatus.IDLE:
            waits.set()

    followed = await follow(session, answer=answer, on=when_over)
    await session.interrupt()
    await session.close()
    assert (followed.last.status, followed.last.stop_reason) == (SessionStatus.IDLE, reason)
    assert sent(service, "user.custom_tool_result") == []
    assert len(sent(service, "user.interrupt")) == 1


async def test_an_interrupt_gets_through_while_the_stream_is_down(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.WaitFor("list"), s.Say("working"), s.Cut(), s.Sleep(30)))
    service.fault("GET", "/events/stream", status=503, after=1, times=4)
    session = await runtime(service, tmp_path).start(brief())

    async def stop(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeText) and not event.partial:
            await session.interrupt()

    followed = await follow(session, on=stop)
    await session.close()
    assert followed.last.stop_reason == "interrupted"


async def test_an_interrupt_that_can_not_be_delivered_says_so(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Say("working"), s.Sleep(30)))
    session = await runtime(service, tmp_path).start(brief())
    service.fault("POST", "/events", status=503, headers={"retry-after": "30"}, times=None)
    with pytest.raises(Unreachable):
        await session.interrupt()
    await session.close()


async def test_a_session_that_was_interrupted_elsewhere_says_so(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Say("working"), s.Sleep(30)))
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    await session.interrupt()
    await session.close()
    again = await made.start(brief(remote_id=session.remote_id))
    followed = await follow(again)
    await again.close()
    assert followed.last.stop_reason == "interrupted"


# --- messages


async def test_a_message_goes_on_with_a_session_that_stands_still(service: Rehearsal, tmp_path: Path) -> None:
    service.script((*HELLO, s.WaitFor("user.message"), s.Say("and again"), s.Idle()))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.send("Look once more.")
    await follow(session, followed)
    await session.close()
    assert followed.texts == ["hello", "and again"]
    assert [event.status.value for event in followed.of(RuntimeStatus)].count("idle") == 2


async def test_a_message_while_it_runs_is_waited_for(service: Rehearsal, tmp_path: Path) -> None:
    first, second = s.Say("first", pieces=0), s.Say("second", pieces=0)
    service.script((first, s.WaitFor("user.message"), s.Sleep(0.05), second, s.Idle()))
    session = await runtime(service, tmp_path).start(brief())

    async def ask(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeText) and event.text == "first":
            await session.send("And the database?")

    followed = await follow(session, on=ask)
    await session.close()
    assert followed.texts == ["first", "second"]


@pytest.mark.parametrize(
    "fault", [{"lose_response": True}, {"cut": True}, {"status": 503}, {"status": 429}, {"html": True}]
)
@pytest.mark.parametrize("is_followed", [True, False])
async def test_a_message_is_delivered_once_whatever_becomes_of_the_answer(
    service: Rehearsal, tmp_path: Path, fault: dict[str, object], is_followed: bool
) -> None:
    service.script((*HELLO, s.WaitFor("user.message", 2), s.Say("both"), s.Idle()))
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    followed = await follow(session)
    if not is_followed:
        await session.close()
        session = await made.start(brief(remote_id=session.remote_id))
    # The same words twice are two messages.
    await session.send("Once more.")
    service.fault("POST", "/events", **fault)
    await session.send("Once more.")
    await follow(session, followed)
    await session.close()
    heard = [event["content"][0]["text"] for event in over_there(service).events if event["type"] == "user.message"]
    assert heard == ["Summarise the ticket.", "Once more.", "Once more."]


async def test_a_message_that_can_not_be_delivered_is_not_half_sent(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    session = await runtime(service, tmp_path).start(brief())
    await follow(session)
    service.fault("*", "/events", status=503, headers={"retry-after": "20"}, times=None)
    with pytest.raises(Unreachable):
        await session.send("Hello?")
    await session.close()
    assert len(sent(service, "user.message")) == 1


# --- money


SPENT = (s.Think(input=100_000, output=10_000, within=(s.Say("dear"),), seconds=1),)


async def test_at_its_budget_it_stands_takes_no_message_and_goes_on_once_that_is_raised(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script((*SPENT, *SPENT, s.Idle()))
    session = await runtime(service, tmp_path).start(brief(budget_micros=100_000))
    followed = await follow(session)
    assert (followed.last.status, followed.last.stop_reason) == (SessionStatus.IDLE, "budget_reached")
    with pytest.raises(Refused, match="raise the budget"):
        await session.send("Go on.")
    with pytest.raises(Refused, match="not more than"):
        await session.raise_budget(200_000)
    await session.raise_budget(5_000_000)
    await follow(session, followed)
    await session.close()
    assert followed.last.stop_reason == "end_turn"
    assert followed.texts == ["dear", "dear"]
    assert followed.total == figures(over_there(service))


async def test_a_raised_budget_works_for_who_took_it_up_again(service: Rehearsal, tmp_path: Path) -> None:
    service.script((*SPENT, *SPENT, s.Idle()))
    made = runtime(service, tmp_path)
    session = await made.start(brief(budget_micros=100_000))
    await follow(session)
    await session.close()
    again = await made.start(brief(remote_id=session.remote_id))
    await again.raise_budget(5_000_000)
    followed = await follow(again)
    await again.close()
    assert followed.last.stop_reason == "end_turn"


async def test_a_message_at_the_budget_is_refused_by_the_service_for_who_does_not_know(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script((*SPENT, *SPENT, s.Idle()))
    made = runtime(service, tmp_path)
    session = await made.start(brief(budget_micros=100_000))
    await follow(session)
    await session.close()
    again = await made.start(brief(remote_id=session.remote_id))
    with pytest.raises(Refused, match="budget"):
        await again.send("Go on.")
    await again.close()


# --- how a turn can end


REFUSAL = {"type": "refusal", "category": "cyber", "explanation": "No."}
EXHAUSTED = (s.Fail(), s.Fail("model_overloaded_error", "exhausted", "Gave up."), s.Idle("retries_exhausted"))


@pytest.mark.parametrize(
    ("steps", "status", "word", "detail"),
    [
        ((s.Idle("end_turn"),), "idle", "end_turn", ""),
        ((s.Idle("moon_phase"),), "idle", "moon_phase", ""),
        ((s.Idle({"type": "\x1b[2J"}),), "idle", "␛[2J", ""),
        (
            (s.Idle("refusal", {"type": "refusal", "category": "cyber", "explanation": "No."}),),
            "failed",
            "refused",
            "No.",
        ),
        (
            (
                s.Fail(),
                s.Fail(),
                s.Fail("model_overloaded_error", "exhausted", "Gave up."),
                s.Idle("retries_exhausted"),
            ),
            "failed",
            "retries_exhausted",
            "Gave up.",
        ),
        ((s.Fail("new_error", "whatever", "Odd."), s.Idle()), "idle", "end_turn", ""),
    ],
)
async def test_every_way_to_end_has_its_word(
    service: Rehearsal, tmp_path: Path, steps: tuple[s.Step, ...], status: str, word: str, detail: str
) -> None:
    service.script((s.Running(), *steps))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    last = followed.last
    assert (last.status.value, last.stop_reason, last.detail) == (status, word, detail)


async def test_twenty_megabytes_of_message_are_survived(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Say("x" * 20_000_000, pieces=0), *HELLO))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert len(followed.texts[0]) <= 2_000_000
    assert followed.texts[1] == "hello"


async def test_previews_hold_all_text_so_far_and_are_replaced_or_taken_back(service: Rehearsal, tmp_path: Path) -> None:
    words = "word " * 200
    service.script(
        (
            s.WaitFor("list"),
            s.Say(words, pieces=100, pause=0.005),
            s.Say("the whole differs", preview="the part", pieces=3, pause=0.05),
            s.Think(is_error=True, within=(s.Say("never finished", final=False, pieces=3, pause=0.05),)),
            s.Say("x", start=False),
            s.Say("y", gap=True),
            s.Idle(),
        )
    )
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == [words, "the whole differs", "x", "y"]
    assert 2 <= len([one for one in followed.partials if one.text and words.startswith(one.text)]) <= 20
    unfinished = [one for one in followed.partials if one.text.startswith("never")]
    assert unfinished
    taken_back = [one for one in followed.partials if one.remote_id == unfinished[0].remote_id]
    assert taken_back[-1].text == ""


async def test_nothing_that_is_sent_or_asked_holds_the_key_but_its_header(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    session = await runtime(service, tmp_path).start(brief())
    await follow(session)
    await session.close()
    for one in service.requests:
        assert b"rehearsal" not in one.body
        assert json.loads(one.body or b"{}") is not None


# --- what it cost


async def test_a_service_that_lets_it_stand_without_telling_what_it_cost_is_asked(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script((s.Think(input=90_000, output=4_000, searches=2, seconds=30), s.Idle(usage=False)))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.reported == over_there(service).list_cost * 10_000 > 0
    assert followed.total == figures(over_there(service))
    assert followed.last.stop_reason == "end_turn"


async def test_one_that_told_what_it_cost_is_not_asked_again(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    session = await runtime(service, tmp_path).start(brief())
    await follow(session)
    await session.close()
    assert requests(service, "GET", r"/v1/sessions/[^/]+$") == []
