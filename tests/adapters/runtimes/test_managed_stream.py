from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from opstui.adapters.machine import SystemClock
from opstui.adapters.runtimes.managed_session import ManagedSession
from opstui.adapters.runtimes.managed_wire import Pace
from opstui.core.errors import CredentialsRefused, RateLimited, Unreachable
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    ToolResult,
    Usage,
)
from opstui.rehearsal import steps as s
from opstui.rehearsal.service import Rehearsal
from tests.adapters.runtimes.managed_world import HURRIED, brief, figures, follow, over_there, requests, runtime

MESSAGE = {"type": "agent.message", "content": [{"type": "text", "text": "told only to the history"}]}
TAIL = (s.Think(input=100, output=20, within=(s.Say("and on it goes"),), seconds=2), s.Idle())


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal(ping_every=0.2) as made:
        yield made


@pytest.mark.parametrize(
    "broken",
    [
        s.Cut(), s.Cut(MESSAGE), s.Cut(MESSAGE, reset=True), s.Eof(), s.Eof(MESSAGE), s.ErrorFrame(),
        s.DataOnly(MESSAGE), s.ErrorFrame("api_error", "Internal"), s.Raw(b"event: x\ndata: \xff\xfe\n\n"),
        s.Raw(b"event: x\ndata: {nope\n\n"), s.Raw(b"event: x\ndata: [1]\n\n"),
        s.Raw(b": note\n\nevent: ping\ndata: {}\n\n"),
        s.Raw(b"event: x\ndata: " + b"[" * 100_000 + b"\n\n"), s.Silence(),
    ],
    ids=lambda step: type(step).__name__,
)  # fmt: skip
async def test_nothing_is_lost_or_told_twice_whatever_becomes_of_the_stream(
    service: Rehearsal, tmp_path: Path, broken: s.Step
) -> None:
    service.script(
        (
            s.WaitFor("stream"),
            s.WaitFor("list"),
            s.Think(input=1000, output=50, within=(s.Say("before"),), seconds=4),
            broken,
            s.Sleep(0.05),
            s.Call((s.Use("get_ticket"), s.Use("get_ticket"))),
            *TAIL,
        )
    )
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    there = over_there(service)
    kept = [event for event in there.events if event["type"] == "agent.message"]
    assert followed.texts == [event["content"][0]["text"] for event in kept]
    assert len(followed.calls) == 2
    assert len(requests(service, "POST", ".*/events")) == 2
    assert followed.last.stop_reason == "end_turn"
    assert followed.total == figures(there)


async def test_a_stream_comes_before_the_history(service: Rehearsal, tmp_path: Path) -> None:
    service.script(TAIL)
    session = await runtime(service, tmp_path).start(brief())
    await follow(session)
    await session.close()
    asked = [one.path.rpartition("/")[2] for one in service.requests if one.method == "GET" and "events" in one.path]
    assert asked == ["stream", "events"]


async def test_a_failed_listing_is_thrown_away_and_made_again(service: Rehearsal, tmp_path: Path) -> None:
    service.state.events_page = 2
    service.script((s.Say("one", pieces=0), s.Say("two", pieces=0), *TAIL))
    service.fault("GET", r"/events\?.*page=", status=500)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == ["one", "two", "and on it goes"]


@pytest.mark.parametrize("paging", ["cycle", "empty"])
async def test_pages_that_lead_in_a_circle_or_are_empty_come_to_an_end(
    service: Rehearsal, tmp_path: Path, paging: str
) -> None:
    service.state.paging = paging
    service.state.events_page = 2
    service.script((s.Say("one", pieces=0), *TAIL))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.last.stop_reason == "end_turn"
    assert followed.texts == ["one", "and on it goes"]


@pytest.mark.parametrize("status", [500, 503, 529, 429, 408])
async def test_a_service_that_fails_for_a_while_is_waited_for(service: Rehearsal, tmp_path: Path, status: int) -> None:
    service.script(TAIL)
    service.fault("GET", "/events/stream", status=status, times=3)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == ["and on it goes"]


async def test_a_login_page_is_not_the_service(service: Rehearsal, tmp_path: Path) -> None:
    service.script(TAIL)
    service.fault("GET", "/events", html=True, times=2)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == ["and on it goes"]


async def test_a_pause_the_service_asks_for_is_said_with_its_end(service: Rehearsal, tmp_path: Path) -> None:
    service.script(TAIL)
    service.fault("GET", "/events/stream", status=429, headers={"retry-after": "3"})
    session = await runtime(service, tmp_path).start(brief())
    started = SystemClock().now()

    async def impatient(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeNotice) and event.until is not None:
            assert timedelta(seconds=2) < event.until - started < timedelta(seconds=5)
            # An interrupt ends a wait at once.
            await session.interrupt()

    followed = await follow(session, on=impatient)
    await session.close()
    assert "trying again in 3 s" in followed.notices[0].text
    assert SystemClock().now() - started < timedelta(seconds=2.5)


async def test_a_pause_of_an_hour_is_somebody_elses_decision(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.WaitFor("user.interrupt"),))
    service.fault("GET", "/events/stream", status=429, headers={"retry-after": "3600"})
    session = await runtime(service, tmp_path).start(brief())
    with pytest.raises(RateLimited) as caught:
        await follow(session)
    assert caught.value.retry_after == 3600
    await session.close()


async def test_whoever_is_not_reached_for_long_enough_gives_up_though_the_session_goes_on(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script((s.WaitFor("stream"), s.Say("hello"), s.Sleep(0.1), s.Cut(), s.WaitFor("user.interrupt")))
    session = await runtime(service, tmp_path).start(brief(patience=0.5))
    followed: list[RuntimeEvent] = []

    async def watch(event: RuntimeEvent) -> None:
        followed.append(event)
        if isinstance(event, RuntimeText) and not event.partial:
            service.fault("*", "/sessions", status=503, times=None)

    with pytest.raises(Unreachable, match=session.remote_id):
        await follow(session, on=watch)
    await session.close()


async def test_a_key_that_is_taken_back_ends_it_with_that_word(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.WaitFor("list"), s.Do(lambda: setattr(service, "key", "another")), s.Cut(), s.Sleep(30)))
    session = await runtime(service, tmp_path).start(brief())
    with pytest.raises(CredentialsRefused, match="doctor"):
        await follow(session)
    await session.close()


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ((s.WaitFor("list"), s.Delete()), "deleted"),
        ((s.WaitFor("list"), s.Cut(), s.Delete()), "deleted"),
        ((s.Terminate(),), "terminated"),
        ((s.Fail("model_request_failed_error", "terminal", "No such model."), s.Terminate()), "terminated"),
    ],
)  # fmt: skip
async def test_a_session_that_is_gone_has_failed(
    service: Rehearsal, tmp_path: Path, steps: tuple[s.Step, ...], word: str
) -> None:
    service.script(steps)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert (followed.last.status, followed.last.stop_reason) == (SessionStatus.FAILED, word)


async def test_silence_is_looked_into_and_said(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.WaitFor("list"), s.Running(), s.Sleep(1.2), *TAIL))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert any("the service says that it is at work" in notice.text for notice in followed.notices)
    assert len({notice.remote_id for notice in followed.notices}) == 1


async def test_an_end_that_the_stream_kept_to_itself_is_found(service: Rehearsal, tmp_path: Path) -> None:
    idle = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}
    service.script((s.WaitFor("list"), s.Say("hello"), s.Emit(idle, live=False), s.Sleep(30)))
    session = await runtime(service, tmp_path).start(brief())
    there = over_there(service)

    async def stand_still(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeText):
            there.rest_status = "idle"

    followed = await follow(session, on=stand_still)
    await session.close()
    assert (followed.last.status, followed.last.stop_reason) == (SessionStatus.IDLE, "end_turn")


async def test_an_end_that_nobody_ever_told_is_believed_the_second_time(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.WaitFor("list"), s.Say("hello"), s.Sleep(30)))
    session = await runtime(service, tmp_path).start(brief())
    there = over_there(service)

    async def stand_still(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeText):
            there.rest_status = "idle"

    followed = await follow(session, on=stand_still)
    await session.close()
    assert followed.last.status is SessionStatus.IDLE


class Laptop(SystemClock):
    """A machine that can sleep."""

    slept = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.slept)


async def test_a_machine_that_slept_connects_anew_at_once(service: Rehearsal, tmp_path: Path) -> None:
    before = (s.WaitFor("list"), s.Running(), s.Say("hello", pieces=0), s.Silence(), s.WaitFor("stream", 2))
    service.script((*before, *TAIL))
    clock = Laptop()
    pace = Pace(quiet=75, watch=20, tick=0.05)
    session = await runtime(service, tmp_path, clock=clock, pace=pace).start(brief())

    async def sleep(event: RuntimeEvent) -> None:
        if isinstance(event, RuntimeText) and event.text == "hello":
            clock.slept = 3600

    followed = await follow(session, on=sleep, seconds=5)
    await session.close()
    assert followed.texts == ["hello", "and on it goes"]


async def until_call(session: ManagedSession, tool: str) -> list[RuntimeEvent]:
    """Answer calls until one of ``tool`` comes, then walk away without a word, as a killed process does."""
    told = []
    events = session.events()
    async with asyncio.timeout(10):
        async for event in events:
            told.append(event)
            if isinstance(event, RuntimeToolCall):
                if event.name == tool:
                    break
                await session.answer(event.id, ToolResult("here"))
    await events.aclose()  # type: ignore[attr-defined]
    await session.close()
    return told


@pytest.mark.parametrize("is_known", [True, False])
async def test_taken_up_again_everything_is_told_under_the_same_ids_and_counted_once(
    service: Rehearsal, tmp_path: Path, is_known: bool
) -> None:
    service.script(
        (
            s.Think(input=1000, output=50, within=(s.Say("first"),), seconds=4),
            s.Call((s.Use("get_ticket"),)),
            s.Think(input=500, output=50, within=(s.Say("second"),), seconds=4),
            s.Call((s.Use("search_knowledge"), s.Use("get_ticket"))),
            *TAIL,
        )
    )
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    first = await until_call(session, "search_knowledge")
    counted = {event.remote_id: event.usage for event in first if isinstance(event, RuntimeUsage)}

    known = counted if is_known else {}
    again = await made.start(brief(remote_id=session.remote_id, counted=known))
    followed = await follow(again)
    await again.close()

    kept = [event for event in first if not (isinstance(event, RuntimeText) and event.partial)]
    names = {event.remote_id for event in kept if not isinstance(event, RuntimeToolCall)}
    assert names <= {event.remote_id for event in followed.events if not isinstance(event, RuntimeToolCall)}
    assert [call.name for call in followed.calls] == ["search_knowledge", "get_ticket"]
    assert followed.texts == ["first", "second", "and on it goes"]
    assert sum({**followed.kept, **counted}.values(), Usage()) == figures(over_there(service))


async def test_taking_up_asks_nobody_yet(service: Rehearsal, tmp_path: Path) -> None:
    session = await runtime(service, tmp_path).start(brief(remote_id="sesn_somewhere"))
    assert service.requests == []
    followed = await follow(session)
    assert followed.last.stop_reason == "deleted"
    await session.close()


def test_the_real_pace_leaves_nobody_without_a_word_for_longer_than_twenty_seconds() -> None:
    assert Pace().watch <= 20
    assert HURRIED.watch < 1


async def test_status_events_are_told_in_order(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Think(seconds=1), s.Reschedule(), s.Running(), s.Call((s.Use("get_ticket"),)), *TAIL))
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    told = [event.status.value for event in followed.of(RuntimeStatus)]
    assert told == ["running", "waiting", "running", "waiting", "running", "idle"]
