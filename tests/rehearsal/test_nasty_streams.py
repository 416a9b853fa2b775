"""What goes wrong on a stream, as the real SDK sees it."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest
from anthropic import APIStatusError

from opstui.rehearsal.steps import (
    Again,
    Burst,
    Cut,
    DataOnly,
    Drip,
    Emit,
    Eof,
    ErrorFrame,
    Flood,
    Idle,
    Ping,
    Raw,
    Say,
    Silence,
    Skew,
    Sleep,
    Step,
    Swapped,
    Think,
    WaitFor,
)
from tests.rehearsal.talking import Client, message, types

NOTE = {"type": "agent.message", "content": [{"type": "text", "text": "noted"}]}


async def heard(client: Client, *steps: Step, previews: bool = False, session: str = "", **timeout: Any) -> list[Any]:
    """Everything that one stream tells of a session that plays these steps, up to its idle or its end."""
    client.service.script(steps)
    session = session or await client.open()
    seen: list[Any] = []
    kinds: Any = ["agent.message"] if previews else []
    async with await client.beta.sessions.events.stream(session, event_deltas=kinds, **timeout) as stream:
        await client.send(session, message("Go on."))
        async for event in stream:
            seen.append(event)
            if event.type == "session.status_idle":
                break
    return [event for event in seen if not event.type.startswith(("user.", "session.status_run", "session.thread"))]


def history(client: Client) -> list[str]:
    (session,) = client.service.sessions.values()
    return [event["type"] for event in session.events]


@pytest.mark.parametrize("event", [None, NOTE])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_breaks_the_stream_and_the_history_is_whole(client: Client, event: Any, reset: bool) -> None:
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        await heard(client, Say("first"), Cut(event, reset=reset), Say("unheard"), Idle())
    client.service.wait_until(lambda: history(client)[-1] == "session.status_idle")
    assert history(client).count("agent.message") == 2 + (event is not None)


async def test_a_clean_end_says_nothing(client: Client) -> None:
    assert types(await heard(client, Say("first"), Eof(), Idle())) == ["agent.message"]


async def test_a_frame_without_its_blank_line_is_lost_to_the_stream_only(client: Client) -> None:
    assert types(await heard(client, Say("first"), Eof(NOTE), Idle())) == ["agent.message"]
    assert history(client).count("agent.message") == 2


async def test_a_silent_link_times_out_and_a_new_stream_hears_the_rest(client: Client) -> None:
    client.service.script([Say("first"), Silence(), WaitFor("stream", 2), Say("second"), Idle()])
    session = await client.open()
    seen: list[str] = []

    async def listen(*first: Any, **timeout: Any) -> None:
        async with await client.beta.sessions.events.stream(session, **timeout) as stream:
            for event in first:
                await client.send(session, event)
            async for event in stream:
                seen.append(event.type)
                if event.type == "session.status_idle":
                    return

    with pytest.raises(httpx2.ReadTimeout):
        await listen(message("Go on."), timeout=httpx2.Timeout(5, read=0.2))
    assert seen[-1] == "agent.message"
    await listen()
    assert seen.count("agent.message") == 2


async def test_events_are_told_twice_under_one_id(client: Client) -> None:
    seen = await heard(client, Say("once"), Again(), Idle())
    ids = [event.id for event in seen if event.type == "agent.message"]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert history(client).count("agent.message") == 1


async def test_events_come_out_of_order_with_times_that_run_backwards(client: Client) -> None:
    answered = {"type": "agent.tool_result", "tool_use_id": "sevt_1", "content": []}
    used = {"type": "agent.tool_use", "id": "sevt_1", "name": "bash", "input": {}}
    seen = await heard(client, Swapped((answered, used)), Idle())
    assert types(seen)[:2] == ["agent.tool_result", "agent.tool_use"]
    assert seen[0].processed_at > seen[1].processed_at


async def test_previews_may_lack_their_start_skip_an_index_differ_stop_early_or_come_to_nothing(client: Client) -> None:
    no_start = await heard(client, Say("abc", pieces=1, start=False), Idle(), previews=True)
    assert types(no_start)[:2] == ["event_delta", "agent.message"]
    gap = await heard(client, Say("abc", pieces=1, gap=True), Idle(), previews=True)
    assert gap[1].delta.index == 3
    shed = await heard(client, Say("abcdef", pieces=3, shed=2, preview="uvwxyz"), Idle(), previews=True)
    assert [event.delta.content.text for event in shed if event.type == "event_delta"] == ["uv"]
    never = await heard(client, Think(is_error=True, within=(Say("abc", final=False),)), Idle(), previews=True)
    assert "agent.message" not in types(never)
    assert [event.is_error for event in never if event.type == "span.model_request_end"] == [True]


async def test_unknown_types_reasons_and_missing_fields_go_through_as_they_are(client: Client) -> None:
    seen = await heard(
        client,
        Emit({"type": "agent.telepathy", "thought": "?"}),
        Emit({"type": "session.error", "error": {"type": "weather_error"}}),
        Emit({"type": "agent.message", "id": "", "processed_at": "yesterday", "content": None}),
        Emit({"type": "agent.message"}, without=("id", "processed_at")),
        Emit({"type": "agent.message", "id": None}),
        Idle({"type": "fell_asleep"}),
    )
    assert types(seen)[0] == "agent.telepathy"
    odd, bare, null = (event for event in seen if event.type == "agent.message")
    assert (odd.id, odd.processed_at, bare.id, null.id) == ("", "yesterday", None, None)
    assert seen[-1].stop_reason.type == "fell_asleep"
    assert history(client).count("agent.message") == 3


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'event: agent.message\ndata: {"type":"agent.message","x":"\xff\xfe"}\n\n', UnicodeDecodeError),
        (b'event: agent.message\ndata: {"type":\n\n', json.JSONDecodeError),
    ],
)
async def test_bad_bytes_break_the_reader(client: Client, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await heard(client, Raw(data), Say("unheard"), Idle())


async def test_an_error_frame_is_a_status_error_with_status_200(client: Client) -> None:
    with pytest.raises(APIStatusError) as failed:
        await heard(client, ErrorFrame(), Idle())
    assert (failed.value.status_code, failed.value.type) == (200, "overloaded_error")


async def test_frames_without_an_event_line_are_dropped_and_pings_are_skipped(client: Client) -> None:
    seen = await heard(client, DataOnly(NOTE), Ping(), Ping(comment=True), Say("heard", pieces=0), Idle())
    assert types(seen).count("agent.message") == 1
    assert history(client).count("agent.message") == 2


async def test_a_frame_may_drip_byte_by_byte(client: Client) -> None:
    assert types(await heard(client, Drip(NOTE), Idle()))[0] == "agent.message"


async def test_twenty_megabytes_are_one_message(client: Client) -> None:
    big = {"type": "agent.message", "content": [{"type": "text", "text": "x" * 20_000_000}]}
    seen = await heard(client, Emit(big), Idle())
    assert len(seen[0].content[0].text) == 20_000_000


async def test_hostile_text_and_huge_inputs_arrive_as_they_were_written(client: Client) -> None:
    text = "\x1b[31mred\x1b[0m [bold]x[/] \u202eabc\u2028 \ud800"
    use = {"type": "agent.custom_tool_use", "name": "get_ticket", "input": {"q": "y" * 1_000_000, "t": text}}
    seen = await heard(client, Emit(use), Idle())
    assert seen[0].input["t"] == text
    assert len(seen[0].input["q"]) == 1_000_000


async def test_it_sends_five_thousand_events_a_second_and_more(client: Client) -> None:
    client.service.script([Flood(20_000, 0), Burst(2_000), Idle()])
    session = await client.open()
    async with client.sdk.with_streaming_response.beta.sessions.events.stream(
        session, event_deltas=["agent.message"]
    ) as raw:
        started = time.perf_counter()
        await client.send(session, message("Go on."))
        count = 0
        async for chunk in raw.iter_bytes():
            count += chunk.count(b"event: ")
            if b"session.status_idle" in chunk:
                break
        took = time.perf_counter() - started
    assert count > 22_000
    assert count / took > 5_000, f"{count / took:.0f} events a second"


async def test_the_services_clock_may_be_off(client: Client) -> None:
    seen = await heard(client, Say("now"), Skew(-3_600), Say("an hour ago"), Sleep(0.01), Idle())
    now, before = (event.processed_at for event in seen if event.type == "agent.message")
    assert 3_590 < (now - before).total_seconds() < 3_601
