"""Session and Sessions: what runs, what it costs, and how to stop it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from opstui.core import desk as d
from opstui.core.sessions import Cost, SessionEvent, SessionStatus, Usage
from opstui.core.tickets import TicketRef
from opstui.tui import session_figures, session_text
from opstui.tui.app import OpstuiApp
from opstui.tui.prose import prose
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.sessions import SessionsScreen
from opstui.tui.widgets.session_pane import SessionPane
from opstui.tui.widgets.transcript import TranscriptView
from tests.tui.drive import SIZES, lines, shown, text, until
from tests.tui.scripted_desk import NOW, ScriptedDesk


def running(desk: ScriptedDesk) -> str:
    session = desk.add_session("NET-87")
    desk.add_event(session.id, "tool.call", id="c1", name="search_knowledge", input={"query": "CoreDNS", "limit": 8})
    desk.clock += timedelta(milliseconds=300)
    desk.add_event(session.id, "tool.result", id="c1", is_error=False)
    desk.add_event(session.id, "text", text="Lookups fail since 03:08 [1].")
    return session.id


def view(app: OpstuiApp) -> TranscriptView:
    assert isinstance(app.screen, SessionScreen)
    return app.screen.transcript


@pytest.mark.parametrize("size", SIZES)
async def test_transcript_status_and_cost_are_there_at_any_size(size: tuple[int, int]) -> None:
    desk = ScriptedDesk()
    session = running(desk)
    async with shown(desk, size) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: "Lookups fail since 03:08 [1]." in text(app))
        assert "Session NET-87" in lines(app)[0]
        assert "≈ $0.0312" in text(app)
        assert "▸ search_knowledge  “CoreDNS”" in text(app)
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {size[0]}


async def test_text_that_comes_in_is_followed_until_the_reader_goes_up() -> None:
    desk = ScriptedDesk()
    session = running(desk)
    async with shown(desk) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        for number in range(60):
            desk.add_event(session, "text", text=f"Sentence {number}.")
        await until(pilot, lambda: "Sentence 59." in text(app))
        await pilot.press("k", "k", "k")
        assert not view(app).follow
        place = (view(app).top, view(app).here())
        desk.add_event(session, "text", text="The newest.")
        await pilot.pause(0.5)
        assert (view(app).top, view(app).here()) == place
        assert "The newest." not in text(app)
        await pilot.press("f")
        await until(pilot, lambda: "The newest." in text(app))


async def test_going_up_through_blocks_that_were_never_drawn_skips_no_line() -> None:
    desk = ScriptedDesk()
    session = desk.add_session("NET-87")
    for number in range(40):
        desk.add_event(
            session.id,
            "text",
            text="\n".join(f"- block {number} line {line} " + "and more words " * 9 for line in range(6)),
        )
    async with shown(desk) as (app, pilot):
        app.open("session", id=session.id)
        await until(pilot, lambda: "block 39 line 5" in text(app))
        seen: list[str] = []
        for _ in range(110):
            seen.append(view(app).here())
            await pilot.press("k")
        marks = [line.split(" and")[0] for line in seen if line.startswith("· block")]
        assert marks == [f"· block {39 - n // 6} line {5 - n % 6}" for n in range(len(marks))]
        assert len(marks) > 40


async def test_a_tool_call_opens_and_folds() -> None:
    desk = ScriptedDesk()
    session = running(desk)
    async with shown(desk) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: "Lookups fail" in text(app))
        await pilot.press("g", "enter")
        assert '"limit": 8' in text(app)
        assert "▾ search_knowledge" in text(app)
        await pilot.press("enter")
        assert '"limit": 8' not in text(app)


@pytest.mark.parametrize("key", ["i", "ctrl+c"])
async def test_i_and_ctrl_c_interrupt(key: str) -> None:
    desk = ScriptedDesk()
    session = running(desk)
    async with shown(desk) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press(key)
        await until(pilot, lambda: d.InterruptSession(session) in desk.commands)
        assert app.is_running


async def test_b_goes_back_while_it_runs_on() -> None:
    desk = ScriptedDesk()
    session = running(desk)
    async with shown(desk) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: "keeps running" in text(app))
        await pilot.press("b")
        await until(pilot, lambda: not isinstance(app.screen, SessionScreen))
        assert not [command for command in desk.commands if isinstance(command, d.InterruptSession)]


async def test_a_message_is_typed_and_sent() -> None:
    desk = ScriptedDesk()
    session = desk.add_managed("NET-87").id
    async with shown(desk) as (app, pilot):
        app.open("session", id=session)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("m", *"and", "enter")
        await until(pilot, lambda: d.MessageSession(session, "and") in desk.commands)


async def test_f12_stops_all_sessions_and_asks_when_there_are_several() -> None:
    desk = ScriptedDesk()
    running(desk)
    async with shown(desk) as (app, pilot):
        await pilot.press("f12")
        await until(pilot, lambda: d.StopAllSessions() in desk.commands)
        desk.commands.clear()
        running(desk)
        await pilot.pause(0.4)
        await pilot.press("f12")
        assert "Stop all 2 sessions?" in lines(app)[-1]
        await pilot.press("enter")
        await pilot.pause()
        assert d.StopAllSessions() not in desk.commands
        await pilot.press("f12", "y")
        await until(pilot, lambda: d.StopAllSessions() in desk.commands)


async def test_events_are_drawn_at_most_twelve_times_a_second() -> None:
    transcript = TranscriptView()
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await app.screen.mount(transcript)
        for number in range(100):
            transcript.show([session_text.Block("t", "text", "word " * number, open=True)])
            await pilot.pause(0.005)
        assert transcript.draws <= 2 + 12 * 3


async def test_a_huge_transcript_opens_at_its_end_and_only_draws_what_is_seen() -> None:
    desk = ScriptedDesk()
    session = desk.add_session("NET-87")
    for number in range(2500):
        desk.add_event(session.id, "text", text=f"Paragraph {number}: " + "words and more words " * 20)
    async with shown(desk) as (app, pilot):
        app.open("session", id=session.id)
        await until(pilot, lambda: "Paragraph 2499" in text(app))
        wrapped = sum(part.lines is not None for part in view(app)._parts)
        assert wrapped < 100
        await pilot.press("g")
        assert "Paragraph 0:" in text(app)
        await pilot.press("G")
        assert "Paragraph 2499" in text(app)


async def test_a_resize_wraps_again_and_stays_at_the_end() -> None:
    desk = ScriptedDesk()
    session = desk.add_session("NET-87")
    for number in range(30):
        desk.add_event(session.id, "text", text=f"Paragraph {number}: " + "words and more words " * 10)
    async with shown(desk, (120, 40)) as (app, pilot):
        app.open("session", id=session.id)
        await until(pilot, lambda: "Paragraph 29" in text(app))
        await pilot.resize_terminal(50, 20)
        await until(pilot, lambda: {strip.cell_length for strip in app.screen._compositor.render_strips()} == {50})
        assert lines(app)[-2].strip() or lines(app)[-3].strip()
        assert view(app).follow


async def test_sessions_names_the_ticket_of_each_and_enter_opens_it() -> None:
    desk = ScriptedDesk()
    desk.add_session("DB-311", status=SessionStatus.ENDED, created_at=NOW - timedelta(hours=20))
    running(desk)
    async with shown(desk) as (app, pilot):
        app.open("sessions")
        await until(pilot, lambda: "NET-87" in text(app) and "DB-311" in text(app))
        assert text(app).index("this shift") < text(app).index("before")
        assert "Sessions" in lines(app)[0]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))


async def test_the_cursor_stays_on_its_session_when_another_begins() -> None:
    desk = ScriptedDesk()
    running(desk)
    async with shown(desk) as (app, pilot):
        app.open("sessions")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen) and app.screen.acting_on() is not None)
        screen = app.screen
        assert isinstance(screen, SessionsScreen)
        desk.clock += timedelta(minutes=1)
        desk.add_session("DB-311")
        await until(pilot, lambda: "DB-311" in text(app))
        assert screen.acting_on() == (TicketRef("local", "NET-87"), False)


def event(seq: int, kind: str, remote: str, **data: object) -> SessionEvent:
    return SessionEvent(session="S", seq=seq, remote_id=remote, at=NOW, type=kind, data=data)


def test_a_whole_text_replaces_its_preview() -> None:
    first, _ = session_text.take(session_text.Transcript(), [event(1, "text", "t", text="Look", partial=True)])
    then, changed = session_text.take(first, [event(2, "text", "t", text="Lookups fail.")])
    assert [(block.text, block.open) for block in then.blocks] == [("Lookups fail.", False)]
    assert changed == 0


def test_a_failed_tool_call_is_marked_and_an_unknown_event_is_let_pass() -> None:
    found, _ = session_text.take(
        session_text.Transcript(),
        [
            event(1, "tool.call", "c", id="c", name="read_document", input={"doc": "x"}),
            event(2, "tool.result", "r", id="c", is_error=True),
            event(3, "news", "n"),
        ],
    )
    assert [block.failed for block in found.blocks] == [True]
    assert found.last == 3


@pytest.mark.parametrize(("spent", "role"), [(100, "accent"), (400_000, "warn"), (500_000, "bad")])
def test_the_budget_bar_warns_from_80_percent(spent: int, role: str) -> None:
    assert session_figures.bar(spent, 500_000, 10)[0][1] == role


def test_a_session_says_what_it_waits_for() -> None:
    desk = ScriptedDesk()
    session = desk.add_session("NET-87", status=SessionStatus.QUEUED)
    assert session_figures.status_words(session) == "queued: waits for the worker"
    over = replace(session, status=SessionStatus.FAILED, stop_reason="retries_exhausted", cost=Cost(usage=Usage()))
    assert session_figures.status_words(over) == "failed (retries exhausted)"


async def test_several_sessions_stand_side_by_side_and_stream() -> None:
    desk = ScriptedDesk()
    desk.add_session("NET-87")
    desk.add_session("DB-311", workflow="escalation-package")
    desk.add_session("K8S-540", status=SessionStatus.ENDED)
    async with shown(desk, (160, 45)) as (app, pilot):
        app.open("sessions")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen) and app.screen.streams)
        desk.add_event("S1", "text", text="The first says this.")
        desk.add_event("S2", "text", text="The second says that.")
        await until(pilot, lambda: "The first says this." in text(app) and "The second says that." in text(app))
        beside = [pane.session.id for pane in app.screen.query(SessionPane) if pane.session is not None]
        await pilot.press("G")
        await until(
            pilot, lambda: [p.session.id for p in app.screen.query(SessionPane) if p.session is not None] != beside
        )
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "The first says this." not in text(app)
        assert not [pane for pane in app.screen.query(SessionPane) if pane.display]


async def test_a_session_screen_looks_at_the_desk_often_only_while_its_session_runs() -> None:
    desk = ScriptedDesk()
    desk.add_session("NET-87")
    async with shown(desk) as (app, pilot):
        app.open("session", id="S1")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen) and app.screen.streams)
        desk.sessions["S1"] = replace(desk.sessions["S1"], status=SessionStatus.ENDED)
        desk.ring("session", "S1")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen) and not app.screen.streams)


@pytest.mark.parametrize("width", range(20, 60))
def test_wrapping_keeps_every_word_and_every_blank_between_words(width: int) -> None:
    text = "12 % of the lookups time out (threshold 3 %) for 5 minutes [1]. Restarted `local-dns` on agents-3 [2], no."
    lines = ["".join(piece for piece, _ in line) for line in prose(text, width)]
    assert " ".join(" ".join(lines).split()) == text.replace("`", "")
