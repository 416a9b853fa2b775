"""The app as a whole: keys counted, state kept and taken up, idle silence, crashes, remaps, themes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.core import desk as d
from opstui.core.errors import StoreFull
from opstui.core.tickets import TicketRef
from opstui.tui import themes
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.queues import QueuesScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.ticket import TicketScreen
from tests.tui.drive import colourless, lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk

COUNTING = {"OPSTUI_DEBUG_KEYS": "1"}


async def test_every_handled_key_raises_the_counter_also_while_typing() -> None:
    async with shown(ScriptedDesk(), environ=COUNTING) as (app, pilot):
        assert "K#00000" in lines(app)[0]
        await pilot.press("j", "j")
        await until(pilot, lambda: "K#00002" in lines(app)[0])
        await pilot.press("slash", "d", "n")
        await until(pilot, lambda: "K#00005" in lines(app)[0])
        await pilot.press("escape", "enter")
        await until(pilot, lambda: "K#00007" in lines(app)[0] and isinstance(app.screen, TicketScreen))
        await pilot.press("f12")
        await until(pilot, lambda: "K#00008" in lines(app)[0])


async def test_without_the_debug_flag_there_is_no_counter() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("j")
        assert "K#" not in text(app)


async def test_the_next_start_stands_where_the_last_one_stopped() -> None:
    desk = ScriptedDesk()
    session = desk.add_session("NET-87")
    async with shown(desk) as (app, pilot):
        await pilot.press("1", "comma", "j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, TicketScreen))
        await pilot.press("j", "j", "j")
        app.open("session", id=session.id)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        app.last_words()
    async with shown(desk) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TicketScreen))
        assert isinstance(app.screen, TicketScreen)
        assert app.screen.text.cursor == 3
        ticket = app.screen.ref
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen))
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.table.current_ref() == ticket
        assert "oldest first" in text(app)


async def test_what_was_kept_and_is_gone_or_nonsense_is_let_go() -> None:
    desk = ScriptedDesk()
    desk.kept["app"] = {
        "stack": [
            {"kind": "queues", "view": "?", "at": "not a ref", "sort": "by colour", "search": 7},
            {"kind": "ticket", "ref": "local:GONE-1"},
            {"kind": "session", "id": "S9"},
        ]
    }
    async with shown(desk) as (app, _):
        assert isinstance(app.screen, QueuesScreen)
        assert "PAY-1042" in text(app)


async def test_the_view_state_is_written_after_keys_and_not_without() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (_, pilot):
        await pilot.pause(0.6)
        assert not [command for command in desk.commands if isinstance(command, d.KeepViewState)]
        await pilot.press("j")
        await until(pilot, lambda: [command for command in desk.commands if isinstance(command, d.KeepViewState)])
        await pilot.pause(0.6)
        assert len([command for command in desk.commands if isinstance(command, d.KeepViewState)]) <= 2


async def test_idle_means_that_nothing_is_drawn() -> None:
    desk = ScriptedDesk()
    desk.add_session("NET-87")
    async with shown(desk, (160, 45)) as (app, pilot):
        await pilot.pause(0.8)
        drawn: list[object] = []
        display = app._display
        app._display = lambda *arguments: (drawn.append(arguments), display(*arguments))[1]  # type: ignore[assignment]
        await pilot.pause(1.2)
        assert [renderable for _, renderable in drawn if renderable is not None] == []


async def test_a_remapped_key_works_and_the_old_one_does_not() -> None:
    desk = ScriptedDesk()
    desk.facts = replace(desk.facts, keys={"ticket.summary": "S", "nonsense": "x"})
    async with shown(desk) as (app, pilot):
        assert "there is no 'nonsense'" in lines(app)[-1]
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, QueuesScreen)
        assert "S summary" in lines(app)[-1]
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))


async def test_q_at_home_and_ctrl_q_anywhere_end_with_0() -> None:
    for keys in (["q"], ["enter", "ctrl+q"], ["slash", "x", "ctrl+q"]):
        async with shown(ScriptedDesk()) as (app, pilot):
            await pilot.press(*keys)
            await pilot.pause(0.1)
        assert app.return_code == 0


async def test_ctrl_z_and_ctrl_c_at_home_do_nothing() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        before = lines(app)
        await pilot.press("ctrl+z", "ctrl+c")
        assert lines(app) == before


async def broken(app: OpstuiApp) -> None:
    """Run until something that the app was told to do breaks it."""
    async with app.run_test(size=(80, 24)) as pilot:
        app.call_later(lambda: 1 // 0)
        await pilot.pause(0.2)


def test_what_breaks_ends_with_70_and_a_file(tmp_path: Path) -> None:
    crash_folder = tmp_path / "crash"
    desk = ScriptedDesk()
    desk.facts = replace(desk.facts, crash_folder=str(crash_folder))
    app = OpstuiApp(desk, now=lambda: desk.clock, environ={})
    with pytest.raises(ZeroDivisionError):
        asyncio.run(broken(app))
    assert app.return_code == 70
    assert app.crashed is not None
    assert len(list(crash_folder.iterdir())) == 1


@pytest.mark.parametrize("theme", ["opstui-dark", "opstui-light", "opstui-high-contrast", "opstui-ansi", "opstui-mono"])
async def test_every_theme_draws_every_line(theme: str) -> None:
    async with shown(ScriptedDesk(), (120, 40), theme=theme) as (app, pilot):
        await pilot.press("j")
        await until(pilot, lambda: "first look" in text(app))


async def test_a_theme_can_be_changed_while_it_runs() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        app.wear("opstui-light")
        await pilot.pause()
        assert app.look.name == "opstui-light"
        strips = app.screen._compositor.render_strips()
        grounds = {
            segment.style.bgcolor.name
            for strip in strips
            for segment in strip
            if segment.style and segment.style.bgcolor
        }
        assert themes.load("opstui-dark").colours["background"] not in grounds
        app.wear("nothing")
        assert "there is no theme" in lines(app)[-1] or app.notice_shown


async def test_without_colours_the_theme_stays() -> None:
    async with shown(ScriptedDesk(), theme="opstui-mono", terminal=colourless()) as (app, pilot):
        app.wear("opstui-light")
        await pilot.pause()
        assert app.look.name == "opstui-mono"
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                colour = segment.style.color if segment.style else None
                assert colour is None or colour.is_default


async def test_ascii_terminals_get_no_other_characters_of_ours() -> None:
    desk = ScriptedDesk()
    desk.tickets = {ref: ticket for ref, ticket in desk.tickets.items() if ticket.title.isascii()}
    terminal = replace(colourless(256), ascii=True)
    async with shown(desk, (120, 40), terminal=terminal) as (app, pilot):
        await pilot.press("j")
        await until(pilot, lambda: "first look" in text(app))
        assert text(app).isascii(), sorted({char for char in text(app) if not char.isascii()})
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {120}


async def test_a_long_wait_says_what_for_and_keys_go_on() -> None:
    desk = ScriptedDesk()
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    do = desk.do

    def slow(command: d.Command[object]) -> d.Outcome[object]:
        if isinstance(command, d.RefreshTickets):
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
        return do(command)

    desk.do = slow  # type: ignore[method-assign]
    async with shown(desk) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "waiting: asking the ticket systems" in lines(app)[-1])
        await pilot.press("j")
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.table.current_ref() == TicketRef("local", "DB-311")
        release.set()
        await until(pilot, lambda: "asked:" in lines(app)[-1])


async def test_a_ticket_that_is_gone_when_a_key_asks_for_it_is_a_notice() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        desk.tickets.pop(TicketRef("local", "PAY-1042"))
        await pilot.press("e")
        await until(pilot, lambda: "there is no local:PAY-1042" in lines(app)[-1])
        await pilot.press("j")
        assert app.is_running


async def test_a_store_that_cannot_be_read_for_a_moment_is_a_notice() -> None:
    desk = ScriptedDesk()
    changes = desk.changes
    async with shown(desk) as (app, pilot):

        def broken_changes(after: d.Mark | None) -> tuple[tuple[d.Event, ...], d.Mark]:
            raise StoreFull("the disk is full; what was typed is kept in memory")

        desk.changes = broken_changes  # type: ignore[method-assign]
        await until(pilot, lambda: "the disk is full" in lines(app)[-1])
        desk.changes = changes  # type: ignore[method-assign]
        desk.change("NET-87", severity="1")
        await pilot.press("j")
        await until(pilot, lambda: "▲ NET-87" in text(app))


async def test_the_first_paint_asks_for_queues_and_rows_once() -> None:
    asked: list[str] = []

    class Counting(ScriptedDesk):
        def ask(self, question: d.Question[Any]) -> Any:
            asked.append(type(question).__name__)
            return super().ask(question)

    async with shown(Counting()) as (app, pilot):
        assert asked.count("Queues") == 1
        assert asked.count("TicketsWindow") == 1
        await pilot.press("question_mark")
        await pilot.press("escape")
        await until(pilot, lambda: asked.count("Queues") == 2)
        assert app.screen.label() == "Queues"


async def test_events_are_shown_within_a_tenth_of_a_second_while_a_session_runs() -> None:
    desk = ScriptedDesk()
    looks: list[float] = []
    ask = desk.changes

    def changes(after: d.Mark | None) -> tuple[tuple[d.Event, ...], d.Mark]:
        looks.append(time.monotonic())
        return ask(after)

    desk.changes = changes  # type: ignore[method-assign]
    async with shown(desk) as (app, pilot):
        await pilot.pause(0.6)
        idle = len(looks)
        assert idle <= 5
        assert isinstance(app.screen, QueuesScreen)
        app.screen.streams = True
        await pilot.pause(0.3)
        looks.clear()
        await pilot.pause(0.5)
        assert len(looks) >= 5
