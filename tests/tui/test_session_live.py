"""A session that runs elsewhere: its text as it is written, its waits, its money, and what stands still."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.codec import timestamp
from opstui.core.sessions import Cost, Session, SessionEvent, SessionStatus, Usage
from opstui.tui import session_figures, session_stands, session_text
from opstui.tui.app import OpstuiApp
from opstui.tui.following import Following
from opstui.tui.screens.session import SessionScreen
from tests.tui.drive import lines, shown, text, until
from tests.tui.scripted_desk import NOW, ScriptedDesk

EMAIL = "⟦S:EMAIL:3f2a9c01⟧"


async def opened(app: OpstuiApp, pilot: Pilot[int], session: Session) -> SessionScreen:
    app.open("session", id=session.id)
    await until(pilot, lambda: isinstance(app.screen, SessionScreen) and app.screen.is_there)
    assert isinstance(app.screen, SessionScreen)
    return app.screen


def stand(desk: ScriptedDesk, session: Session, status: SessionStatus, reason: str) -> None:
    desk.add_event(session.id, "status", status=status.value, stop_reason=reason)
    desk.add_event(session.id, "session.ended")
    desk.change_session(session.id, status=status, stop_reason=reason)


# --- text as it is written --------------------------------------------------------------------------------------------


async def test_text_appears_as_it_is_written_and_gives_way_to_the_whole_one() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        desk.previews[session.id] = {"r0": "Lookups from the bu"}
        await until(pilot, lambda: "Lookups from the bu▏" in text(app))
        desk.previews[session.id] = {"r0": "Lookups from the build agents"}
        await until(pilot, lambda: "build agents▏" in text(app))
        desk.add_event(session.id, "text", text="Lookups from the build agents fail.")
        await until(pilot, lambda: "agents fail." in text(app))
        assert text(app).count("Lookups from") == 1
        assert "▏" not in text(app)


async def test_a_preview_that_comes_to_nothing_disappears() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        desk.previews[session.id] = {"r7": "I was about to say"}
        await until(pilot, lambda: "about to say" in text(app))
        desk.previews[session.id] = {}
        await pilot.pause(0.3)
        assert "about to say" in text(app)
        desk.clock += timedelta(seconds=2)
        await until(pilot, lambda: "about to say" not in text(app))


def test_a_preview_stays_while_its_whole_text_is_on_its_way() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    following = Following(desk, session.id, str)
    following.look()
    desk.previews[session.id] = {"r0": "Look"}
    following.listen(NOW)
    desk.previews[session.id] = {}
    following.listen(NOW + timedelta(milliseconds=300))
    assert [block.text for block in following.blocks(NOW)[0]] == ["Look"]
    desk.add_event(session.id, "text", text="Lookups fail.")
    following.read(NOW)
    following.listen(NOW + timedelta(milliseconds=400))
    assert [(block.text, block.open) for block in following.blocks(NOW)[0]] == [("Lookups fail.", False)]


async def test_only_the_lines_that_differ_are_drawn_again() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    for number in range(4):
        desk.add_event(session.id, "text", text=f"Paragraph {number}.")
    async with shown(desk) as (app, pilot):
        screen = await opened(app, pilot, session)
        desk.previews[session.id] = {"t": "one"}
        await until(pilot, lambda: "one▏" in text(app))
        drawn: list[int] = []
        repaint = screen.transcript.repaint
        screen.transcript.repaint = lambda y, count=1: (drawn.extend(range(y, y + count)), repaint(y, count))[1]  # type: ignore[method-assign,func-returns-value]
        desk.previews[session.id] = {"t": "one two"}
        await until(pilot, lambda: "one two▏" in text(app))
        assert len(drawn) == 1


async def test_twenty_megabytes_of_text_leave_keys_as_fast_as_they_were() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    for number in range(3000):
        desk.add_event(session.id, "text", text=f"Note {number}.")
    desk.add_event(session.id, "text", text="A line that comes again and again. " * 30_000 + "\n" + "x" * 19_000_000)
    async with shown(desk) as (app, pilot):
        screen = await opened(app, pilot, session)
        await until(pilot, lambda: "xxxxxxxx" in text(app))
        desk.previews[session.id] = {"t": "and on it goes"}
        await until(pilot, lambda: "and on it goes▏" in text(app))
        wrapped = sum(part.lines is not None for part in screen.transcript._parts)
        await pilot.press("k", "k")
        assert not screen.transcript.follow
        assert wrapped < 200


# --- tool calls -------------------------------------------------------------------------------------------------------


async def test_each_of_several_open_tool_calls_says_how_long_it_takes() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    for call, name in (("c1", "search_knowledge"), ("c2", "search_tickets")):
        desk.add_event(session.id, "tool.call", id=call, name=name, input={"query": "dns"})
    desk.clock += timedelta(seconds=1)
    desk.add_event(session.id, "tool.result", id="c1", is_error=False)
    desk.clock += timedelta(seconds=4)
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "search_tickets" in text(app))
        rows = {line.split()[1]: line for line in lines(app) if line.startswith(" ▸")}
        assert rows["search_knowledge"].endswith("1.0s")
        assert rows["search_tickets"].endswith("5 s …")
        desk.clock += timedelta(seconds=2)
        await until(pilot, lambda: "7 s …" in text(app))
        stand(desk, session, SessionStatus.IDLE, "interrupted")
        await until(pilot, lambda: "never answered" in text(app))


async def test_several_calls_stay_open_while_text_comes_in() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    for call in ("c1", "c2"):
        desk.add_event(session.id, "tool.call", id=call, name="read_document", input={"doc": call, "line_start": 1})
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: text(app).count("▸ read_document") == 2)
        await pilot.press("g", "enter", "G", "k", "k", "k")
        assert '"line_start": 1' in text(app)
        desk.add_event(session.id, "tool.result", id="c1", is_error=True)
        desk.add_event(session.id, "text", text="On it goes.")
        await until(pilot, lambda: "refused" in text(app))
        assert "▾ read_document" in text(app)


# --- waits ------------------------------------------------------------------------------------------------------------


async def test_a_wait_is_counted_down_and_gone_when_it_is_over() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    desk.add_event(session.id, "notice", text="overloaded", until=timestamp(NOW + timedelta(seconds=7)))
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "overloaded: next try in 7 s" in text(app))
        assert "i stops it" in text(app)
        desk.clock += timedelta(seconds=4)
        await until(pilot, lambda: "next try in 3 s" in text(app))
        desk.clock += timedelta(seconds=3)
        await until(pilot, lambda: "overloaded" not in text(app))


async def test_what_a_notice_says_of_the_next_try_is_counted_down_instead() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    said = "managed: not reachable, 127.0.0.1:9: connection refused; trying again in 6 s"
    desk.add_event(session.id, "notice", text=said, until=timestamp(NOW + timedelta(seconds=5)))
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "connection refused: next try in 5 s" in text(app))
        assert "trying again" not in text(app)


async def test_a_wait_that_goes_on_is_told_anew_under_the_number_it_has() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    desk.add_event(session.id, "notice", text="overloaded", until=timestamp(NOW + timedelta(seconds=9)))
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "next try in 9 s" in text(app))
        log = desk.events[session.id]
        log[0] = replace(log[0], data={"text": "overloaded", "until": timestamp(NOW + timedelta(seconds=60))})
        desk.ring("events", session.id, 1)
        await until(pilot, lambda: "next try in 60 s" in text(app))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (SessionStatus.QUEUED, "queued: starts when a worker"),
        (SessionStatus.STARTING, "opening the session on managed  3 s"),
        (SessionStatus.RUNNING, "the model is at work, nothing to read yet  3 s"),
    ],
)
async def test_a_wait_of_more_than_two_seconds_says_what_for(status: SessionStatus, words: str) -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87", status=status)
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        desk.clock += timedelta(seconds=3)
        await until(pilot, lambda: words in text(app))


async def test_an_interrupt_of_a_session_that_stands_still_is_not_told_as_one() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87", status=SessionStatus.IDLE)
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await pilot.press("i")
        await until(pilot, lambda: "it stands still already" in text(app))
        assert "told to stop" not in text(app)


async def test_an_interrupt_says_that_it_waits_until_the_session_stands_still() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await pilot.press("i")
        await until(pilot, lambda: "told to stop: waits for managed" in text(app))
        stand(desk, session, SessionStatus.IDLE, "interrupted")
        await until(pilot, lambda: "interrupted; what it had said is kept" in text(app))
        assert "waits for managed" not in text(app)


# --- money ------------------------------------------------------------------------------------------------------------


async def test_clock_and_cost_go_on_while_it_runs() -> None:
    desk = ScriptedDesk()
    cost = Cost(estimate=31_200, budget=500_000, hour=80_000, running_since=NOW, usage=Usage(running_ms=42_000))
    session = desk.add_managed("NET-87", cost=cost)
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        assert "0:42  ≈ $0.0312 of $0.50" in text(app)
        desk.clock += timedelta(minutes=9)
        await until(pilot, lambda: "9:42  ≈ $0.0432 of $0.50" in text(app))


def drawn(cost: Cost, width: int = 80) -> str:
    session = ScriptedDesk().add_managed("NET-87", cost=cost)
    given = session_figures.Drawn(session, NOW, width)
    parts = [*session_figures.headline(given)[1], *session_figures.subline(given)[1]]
    parts += [bit for _, bits in session_figures.figures(given) for bit in bits]
    return "".join(part for part, _ in parts)


def test_what_the_runtime_reports_goes_without_the_mark_of_an_estimate() -> None:
    said = drawn(Cost(estimate=31_200, reported=30_000, at_report=31_200, budget=500_000))
    assert "  $0.0300 of $0.50" in said
    assert "reported $0.03" in said
    since_then = drawn(Cost(estimate=41_200, reported=30_000, at_report=31_200, budget=500_000))
    assert "≈ $0.0400" in since_then


def test_a_model_without_a_price_is_named() -> None:
    assert "no price known" in drawn(Cost(unknown_model=True))


@pytest.mark.parametrize(
    ("spent", "words"),
    [(1, "▓░░░░░░░░░   0%"), (399_999, "▓▓▓▓▓▓▓▓░░  79%"), (400_000, "!"), (500_001, "▓▓▓▓▓▓▓▓▓▓!100%")],
)
def test_the_bar_is_marked_from_80_percent_and_full_at_100(spent: int, words: str) -> None:
    said = "".join(part for part, _ in session_figures.bar(spent, 500_000, 10))
    assert words in said
    assert len(said) == 15


def test_a_cost_keeps_its_width_while_it_ticks() -> None:
    widths = {
        len("".join(bit for bit, _ in session_figures.cost_bits(Cost(estimate=n)))) for n in range(0, 999_999, 997)
    }
    assert len(widths) == 1


# --- when it stands still ---------------------------------------------------------------------------------------------


async def test_at_its_budget_it_says_so_with_the_keys_there_are() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        stand(desk, session, SessionStatus.IDLE, "budget_reached")
        await until(pilot, lambda: "! the budget is used up" in text(app))
        assert "+  raise the budget, to $0.51 at least" in text(app)
        assert "F  finish with offline instead, which costs nothing" in text(app)
        assert lines(app)[-1].startswith(" + raise budget  F offline")


async def test_a_budget_is_raised_by_an_amount_and_a_reason() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    stand(desk, session, SessionStatus.IDLE, "budget_reached")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await pilot.press("plus")
        await until(pilot, lambda: "at least $0.51" in text(app))
        await pilot.press("ctrl+u", *"0.50", "enter")
        await until(pilot, lambda: "not raised: it wants at least $0.51" in text(app))
        await pilot.press("plus", "enter")
        await until(pilot, lambda: "Why $0.75?" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "it wants a reason" in text(app))
        assert not [command for command in desk.commands if isinstance(command, d.RaiseBudget)]
        await pilot.press("plus", "enter")
        await until(pilot, lambda: "Why $0.75?" in text(app))
        await pilot.press(*"sev1", "enter")
        wanted = d.RaiseBudget(id=session.id, budget_micros=750_000, reason="sev1")
        await until(pilot, lambda: wanted in desk.commands)


async def test_the_fallback_opens_the_new_session_in_its_place() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    stand(desk, session, SessionStatus.FAILED, "unreachable")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen) and app.screen.session_id == "S2")
        assert d.FallBack(session.id) in desk.commands
        await pilot.press("b")
        await until(pilot, lambda: not isinstance(app.screen, SessionScreen))


async def test_again_and_resume_are_refused_while_it_runs_and_done_when_offered() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await pilot.press("A", "F", "R")
        assert "it runs: i stops it first" in text(app)
        assert not [command for command in desk.commands if isinstance(command, (d.FallBack, d.ResumeSession))]
        desk.choices[session.id] = d.Choices(text="the service could not be reached", choices=("again", "resume"))
        stand(desk, session, SessionStatus.FAILED, "unreachable")
        await until(pilot, lambda: "take it up again where it stands" in text(app))
        await pilot.press("R")
        await until(pilot, lambda: d.ResumeSession(session.id) in desk.commands)
        await pilot.press("A")
        again = d.StartSession(ticket=session.ticket, workflow=session.workflow, runtime="managed", again=True)
        await until(pilot, lambda: again in desk.commands)


async def test_a_message_goes_to_an_idle_session_too() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    stand(desk, session, SessionStatus.IDLE, "end_turn")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "m  message the agent" in text(app))
        await pilot.press("m", *"and", "enter")
        await until(pilot, lambda: d.MessageSession(session.id, "and") in desk.commands)
        desk.add_event(session.id, "notice", text="you: and")
        await until(pilot, lambda: "› and" in text(app))


@pytest.mark.parametrize("reason", ["refused", "retries_exhausted", "terminated", "deleted", "credentials_refused"])
def test_every_failure_is_explained_with_what_can_be_done(reason: str) -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87", status=SessionStatus.FAILED, stop_reason=reason)
    choices = desk.ask(d.SessionChoices(session.id))
    (block,) = session_stands.stands(session_stands.Now(session, NOW, session_text.Transcript(), choices=choices))
    assert block.text
    assert len(block.choices) == len(choices.choices) >= 2


# --- what was kept from the model -------------------------------------------------------------------------------------


async def test_hidden_values_show_on_demand_and_only_while_the_screen_is_looked_at() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87")
    desk.hidden[session.id] = {EMAIL: "dana@larkfield.example"}
    desk.add_event(session.id, "text", text=f"The reporter is {EMAIL}.")
    async with shown(desk) as (app, pilot):
        await opened(app, pilot, session)
        await until(pilot, lambda: "The reporter is ⟦email·3f2a⟧." in text(app))
        await pilot.press("v")
        await until(pilot, lambda: "The reporter is dana@larkfield.example." in text(app))
        await pilot.press("v")
        await until(pilot, lambda: "⟦email·3f2a⟧" in text(app))
        await pilot.press("v")
        await until(pilot, lambda: "dana@" in text(app))
        app.open("help")
        await until(pilot, lambda: not isinstance(app.screen, SessionScreen))
        await pilot.press("escape")
        await until(pilot, lambda: "⟦email·3f2a⟧" in text(app))
        assert "dana@" not in text(app)


def test_an_event_that_is_told_again_makes_no_second_block() -> None:
    def event(seq: int, kind: str, remote: str, **data: object) -> SessionEvent:
        return SessionEvent(session="S", seq=seq, remote_id=remote, at=NOW, type=kind, data=data)

    events = [
        event(1, "tool.call", "c", id="c", name="get_ticket", input={}),
        event(2, "tool.result", "r", id="c", is_error=False),
        event(3, "notice", "n", text="read twice"),
        event(4, "draft", "d", draft="D1"),
    ]
    once, _ = session_text.take(session_text.Transcript(), events)
    twice, _ = session_text.take(once, events)
    assert twice.blocks == once.blocks
    assert len(once.blocks) == 3
