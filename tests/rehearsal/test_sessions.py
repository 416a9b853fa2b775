from __future__ import annotations

import asyncio

import pytest
from anthropic import APIStatusError, BadRequestError, ConflictError, NotFoundError

from opstui.rehearsal.scripts import summary_script
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import (
    AnswerElsewhere,
    Await,
    Call,
    Delete,
    Do,
    Emit,
    Evaluate,
    Fail,
    Idle,
    Pass,
    Reschedule,
    Running,
    Say,
    Sleep,
    Terminate,
    Think,
    Use,
    WaitFor,
)
from tests.rehearsal.talking import Client, message, result, types

IDLE = ["session.thread_status_idle", "session.usage", "session.status_idle"]


async def test_a_turn_is_told_in_the_documented_order(client: Client) -> None:
    client.service.script([Think(input=10, output=20, within=(Say("Hello.", pieces=2),)), Idle()])
    seen = await client.follow(await client.open())
    assert types(seen) == [
        "user.message", "user.message", "session.status_running", "session.thread_status_running",
        "span.model_request_start", "event_start", "agent.thinking", "event_start", "event_delta", "event_delta",
        "agent.message", "span.model_request_end", *IDLE,
    ]  # fmt: skip
    first, again = seen[:2]
    assert first.id == again.id
    assert first.processed_at is None
    assert again.processed_at is not None
    end = next(event for event in seen if event.type == "span.model_request_end")
    assert (end.model_usage.input_tokens, end.model_usage.output_tokens, end.is_error) == (10, 20, False)


async def test_the_history_holds_everything_but_previews_each_id_once(client: Client) -> None:
    client.service.script([Think(within=(Say("Hello."),)), Idle()])
    session = await client.open()
    seen = await client.follow(session)
    history = await client.history(session)
    assert not [event for event in history if event.type.startswith("event_")]
    assert [event.id for event in history] == list(
        dict.fromkeys(event.id for event in seen[1:] if hasattr(event, "id") and event.id)
    )
    assert all(event.processed_at for event in history)


async def test_history_is_filtered_and_paged_in_both_orders(client: Client) -> None:
    client.service.script([Say("one"), Pass(60), Say("two"), Pass(60), Say("three"), Idle()])
    session = await client.open()
    await client.follow(session)
    texts = await client.history(session, types=["agent.message"])
    assert [event.content[0].text for event in texts] == ["one", "two", "three"]
    assert [e.content[0].text for e in await client.history(session, types=["agent.message"], order="desc")] == [
        "three",
        "two",
        "one",
    ]
    later = await client.history(session, types=["agent.message"], created_at_gt=texts[0].processed_at)
    assert [event.id for event in later] == [texts[1].id, texts[2].id]
    assert await client.history(session, types=["agent.message"], created_at_lt=texts[0].processed_at) == []
    paged = await client.history(session, limit=2)
    assert [event.id for event in paged] == [event.id for event in await client.history(session)]
    assert client.service.count("GET", "/v1/sessions/[^/]+/events") > 6


async def test_a_stream_begins_where_it_is_opened_and_all_hear_the_same(client: Client) -> None:
    client.service.script([Say("before"), WaitFor("stream", 2), Say("after"), Idle()])
    session = await client.open(start=True)
    client.service.wait_until(
        lambda: any(e["type"] == "agent.message" for e in client.service.sessions[session].events)
    )

    async def listen(kinds: list[str]) -> list[str]:
        async with await client.beta.sessions.events.stream(session, event_deltas=kinds) as stream:  # type: ignore[arg-type]
            seen = []
            async for event in stream:
                seen.append(event.type)
                if event.type == "session.status_idle":
                    return seen
        raise AssertionError

    with_previews, without = await asyncio.gather(listen(["agent.message"]), listen([]))
    assert without == ["agent.message", *IDLE]
    assert [kind for kind in with_previews if not kind.startswith("event_")] == without
    assert with_previews[0] == "event_start"


async def test_a_preview_of_an_unknown_kind_is_refused(client: Client) -> None:
    session = await client.open()
    with pytest.raises(BadRequestError):
        await client.beta.sessions.events.stream(session, event_deltas=["agent.tool_use"])  # type: ignore[list-item]


async def test_partial_answers_tell_the_rest_and_the_last_one_lets_it_run(client: Client) -> None:
    calls = (Use("get_ticket"), Use("get_ticket"), Use("nobody_knows"))
    client.service.script([Think(within=(Call(calls, wait=False),)), Await(), Say("Thanks."), Idle()])
    session = await client.open()
    waited: list[list[str]] = []
    seen = []
    async with await client.beta.sessions.events.stream(session) as stream:
        await client.send(session, message("Go on."))
        async for event in stream:
            seen.append(event.type)
            if event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    break
                waited.append(list(event.stop_reason.event_ids))
                await client.send(session, result(event.stop_reason.event_ids[0]))
    assert [len(ids) for ids in waited] == [3, 2, 1]
    assert waited[0][1:] == waited[1]
    assert seen.count("session.status_running") == 2


async def test_an_answer_before_the_idle_is_good_and_a_second_one_changes_nothing(client: Client) -> None:
    client.service.script([Call((Use("get_ticket"),), wait=False), WaitFor("user.custom_tool_result"), Await(), Idle()])
    session = await client.open()
    seen = await client.follow(session, tools=lambda _: "first")
    assert "requires_action" not in [event.stop_reason.type for event in seen if event.type == "session.status_idle"]
    call = next(event for event in seen if event.type == "agent.custom_tool_use")
    (again,) = await client.send(session, result(call.id, "second"))
    stored = [e for e in await client.history(session) if e.type == "user.custom_tool_result"]
    assert [event.content[0].text for event in stored] == ["first"]
    assert again.id == stored[0].id


async def test_a_result_for_an_unknown_call_is_refused(client: Client) -> None:
    session = await client.open()
    with pytest.raises(BadRequestError, match="does not match any"):
        await client.send(session, result("toolu_123"))


@pytest.mark.parametrize("late", ["ignored", "refused"])
async def test_an_interrupt_ends_the_turn_and_what_it_waited_for(client: Client, late: str) -> None:
    client.service.state.late_answers = late
    client.service.script([Call((Use("get_ticket"),)), Say("never said"), Idle()])
    session = await client.open(start=True)
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.pending and state.status == "idle")
    call = next(iter(state.pending))
    await client.send(session, {"type": "user.interrupt"})
    client.service.wait_until(lambda: not state.pending and state.events[-1]["type"] == "session.status_idle")
    assert state.events[-1]["stop_reason"] == {"type": "end_turn"}
    if late == "ignored":
        await client.send(session, result(call))
        assert "user.custom_tool_result" not in [event["type"] for event in state.events]
    else:
        with pytest.raises(BadRequestError):
            await client.send(session, result(call))


async def test_an_interrupt_inside_a_model_request_closes_it_as_failed_and_a_message_with_it_is_heard(
    client: Client,
) -> None:
    client.service.script([Think(input=100, output=50, within=(Say("a", pieces=1, final=False), Sleep(30)))])
    session = await client.open(start=True)
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.events and state.events[-1]["type"] == "agent.thinking")
    await client.send(session, {"type": "user.interrupt"}, message("Rather tell me this."))
    client.service.wait_until(lambda: [e["type"] for e in state.events].count("session.status_idle") == 2)
    kinds = [event["type"] for event in state.events]
    end = state.events[kinds.index("span.model_request_end")]
    assert end["is_error"] is True
    assert state.tokens.input >= 100
    said = next(event for event in state.events if event["type"] == "agent.message")
    assert said["content"][0]["text"].startswith("Noted.")


async def test_a_script_may_wait_for_the_interrupt_itself(client: Client) -> None:
    client.service.script([Running(), WaitFor("user.interrupt"), Say("I stop."), Idle()])
    session = await client.open(start=True)
    await client.send(session, {"type": "user.interrupt"})
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.status == "idle" and len(state.events) > 5)
    assert "agent.message" in [event["type"] for event in state.events]


async def test_running_sessions_are_neither_archived_nor_deleted(client: Client) -> None:
    client.service.script([Running(), WaitFor("user.interrupt"), Idle()])
    session = await client.open(start=True)
    client.service.wait_until(lambda: client.service.sessions[session].status == "running")
    for refuse in (client.beta.sessions.archive, client.beta.sessions.delete):
        with pytest.raises(ConflictError):
            await refuse(session)


async def test_the_rest_view_follows_the_stream_with_a_lag(client: Client) -> None:
    client.service.script([Say("x"), Idle(lag=0.3)])
    session = await client.open()
    await client.follow(session)
    assert (await client.beta.sessions.retrieve(session)).status == "running"
    with pytest.raises(ConflictError):
        await client.beta.sessions.archive(session)
    await asyncio.sleep(0.35)
    assert (await client.beta.sessions.archive(session)).status == "terminated"


async def test_the_stream_ends_after_the_word_of_a_deletion_and_the_session_is_gone(client: Client) -> None:
    client.service.script([Say("x"), Delete()])
    session = await client.open()
    async with await client.beta.sessions.events.stream(session) as stream:
        await client.send(session, message("Go on."))
        seen = [event.type async for event in stream]
    assert seen[-1] == "session.deleted"
    with pytest.raises(NotFoundError):
        await client.beta.sessions.retrieve(session)


async def test_failures_are_told_and_a_terminal_one_ends_the_stream(client: Client) -> None:
    client.service.script(
        [
            Running(),
            *[Fail("model_overloaded_error", "retrying")] * 3,
            Reschedule(),
            Running(),
            Fail("mcp_connection_failed_error", "terminal", "gone", {"mcp_server_name": "x"}),
            Terminate(),
        ]
    )
    session = await client.open()
    async with await client.beta.sessions.events.stream(session) as stream:
        await client.send(session, message("Go on."))
        seen = [event async for event in stream]
    errors = [event.error for event in seen if event.type == "session.error"]
    assert [error.retry_status.type for error in errors] == ["retrying"] * 3 + ["terminal"]
    assert "session.status_rescheduled" in types(seen)
    assert seen[-1].type == "session.status_terminated"
    with pytest.raises(ConflictError):
        await client.send(session, message("Hello?"))


async def test_exhausted_retries_flush_what_was_queued(client: Client) -> None:
    script = [Running(), WaitFor("user.interrupt"), Fail(status="exhausted"), Idle("retries_exhausted")]
    client.service.script(script)
    session = await client.open(start=True)
    await client.send(session, message("lost"), {"type": "user.interrupt"})
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.events[-1]["type"] == "session.status_idle")
    await asyncio.sleep(0.05)
    assert state.events[-1]["stop_reason"] == {"type": "retries_exhausted"}
    assert not state.inbox


async def test_a_refusal_carries_its_details(client: Client) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    client.service.script([Running(), Idle("refusal", details)])
    seen = await client.follow(await client.open(), until="refusal")
    assert seen[-1].stop_details.category == "cyber"


async def test_an_outcome_is_graded_at_the_end_of_a_turn(client: Client) -> None:
    client.service.script([Think(input=10), Evaluate("needs_revision"), Evaluate(input=100), Idle()])
    session = await client.open()
    outcome = {
        "type": "user.define_outcome",
        "description": "A summary.",
        "rubric": {"type": "text", "content": "Short."},
    }
    (told,) = await client.send(session, outcome)
    assert told.outcome_id.startswith("outc_")
    assert told.processed_at is not None
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.events[-1]["type"] == "session.status_idle")
    ends = [event for event in state.events if event["type"] == "span.outcome_evaluation_end"]
    assert [(end["result"], end["iteration"]) for end in ends] == [("needs_revision", 0), ("satisfied", 1)]
    (graded,) = (await client.beta.sessions.retrieve(session)).outcome_evaluations
    assert (graded.result, graded.outcome_id) == ("satisfied", told.outcome_id)


async def test_another_client_may_answer_first(client: Client) -> None:
    client.service.script([Call((Use("get_ticket"),), wait=False), AnswerElsewhere(), Await(), Idle()])
    seen = await client.follow(await client.open())
    assert "user.custom_tool_result" in types(seen)


async def test_a_whole_script_plays_and_the_next_message_is_answered(client: Client) -> None:
    client.service.script(summary_script({"headline": "x"}, pages=("runbooks/a",)), times=2)
    for _ in range(2):
        session = await client.open()
        seen = await client.follow(session, tools=lambda event: event.name)
        names = [event.name for event in seen if event.type == "agent.custom_tool_use"]
        assert names == ["get_ticket", "search_knowledge", "search_tickets", "read_document", "submit_document"]
        assert types(seen).count("span.model_request_end") == 5
    seen = await client.follow(session)
    assert types(seen).count("agent.message") == 1


async def test_steps_can_be_played_from_outside(client: Client) -> None:
    session = await client.open()
    done: list[int] = []
    await asyncio.to_thread(
        client.service.play, session, [Emit({"type": "agent.telepathy"}), Do(lambda: done.append(1))]
    )
    assert types(await client.history(session)) == ["agent.telepathy"]
    assert done == [1]


def test_two_services_live_beside_each_other() -> None:
    with Rehearsal() as one, Rehearsal() as other:
        assert one.url != other.url
        assert one.state.new_id("x") != other.state.new_id("x")
    one.stop()


async def test_conflicts_name_what_stands_in_the_way(client: Client) -> None:
    session = await client.open()
    await client.beta.sessions.archive(session)
    with pytest.raises(APIStatusError) as refused:
        await client.send(session, message("x"))
    assert (refused.value.status_code, refused.value.type) == (409, "invalid_request_error")


async def test_a_script_that_breaks_ends_its_session_instead_of_hanging(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.service.script([Running(), Do(lambda: 1 / 0), Idle()])
    session = await client.open()
    async with await client.beta.sessions.events.stream(session) as stream:
        await client.send(session, message("Go on."))
        seen = [event async for event in stream]
    assert seen[-1].type == "session.status_terminated"
    assert next(event.error.retry_status.type for event in seen if event.type == "session.error") == "terminal"
    assert "ZeroDivisionError" in caplog.text
