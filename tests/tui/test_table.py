"""The ticket table: the cursor belongs to a ticket, and nothing that happens elsewhere moves it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from opstui.core.desk import TicketsWindow
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.queues import QueuesScreen
from opstui.tui.widgets.table import BLOCK, TicketTable
from tests.tui.drive import SIZES, lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk, build_ticket


def table(app: OpstuiApp) -> TicketTable:
    assert isinstance(app.screen, QueuesScreen)
    return app.screen.table


def many(count: int) -> ScriptedDesk:
    tickets = [build_ticket(f"T-{n}", f"Ticket number {n}", severity="3", minutes=count - n + 5) for n in range(count)]
    return ScriptedDesk({ticket.ref: ticket for ticket in tickets})


def line_of(app: OpstuiApp, key: str) -> str:
    return next(line for line in lines(app)[3:] if f" {key} " in line)


def long_ago(app: OpstuiApp) -> None:
    app.last_key = time.monotonic() - 10


@pytest.mark.parametrize("size", SIZES)
async def test_every_line_is_exactly_as_wide_as_the_screen(size: tuple[int, int]) -> None:
    async with shown(ScriptedDesk(), size) as (app, pilot):
        await pilot.press("j", "j", "G", "g")
        strips = app.screen._compositor.render_strips()
        assert len(strips) == size[1]
        assert {strip.cell_length for strip in strips} == {size[0]}


async def test_the_first_paint_has_rows_in_it() -> None:
    async with shown(ScriptedDesk()) as (app, _):
        assert "PAY-1042" in lines(app)[4]


async def test_only_blocks_that_are_looked_at_are_asked_for() -> None:
    desk = many(10_000)
    async with shown(desk) as (app, pilot):
        asked = [question for question in desk.questions if isinstance(question, TicketsWindow)]
        assert {question.first for question in asked} == {0}
        assert all(question.count <= BLOCK for question in asked)
        await pilot.press("G")
        assert "T-9999" in text(app)
        assert table(app).current_ref() == TicketRef("local", "T-9999")
        asked = [question for question in desk.questions if isinstance(question, TicketsWindow)]
        assert {question.first for question in asked} <= {0, 9984, 9856}


async def test_what_comes_in_at_the_top_of_the_list_is_seen_and_the_cursor_stays_on_its_ticket() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j")
        long_ago(app)
        new = build_ticket("NEW-1", "Everything is on fire", severity="1", minutes=1, due=1)
        desk.tickets[new.ref] = new
        desk.ring("ticket", str(new.ref))
        await until(pilot, lambda: "NEW-1" in lines(app)[4])
        assert lines(app)[6].startswith("▌ ◆ DB-311")


async def test_a_ticket_that_comes_in_above_does_not_move_the_cursor_on_screen() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("G", "k", "k")
        ref, where = table(app).current_ref(), table(app).cursor - table(app).top
        long_ago(app)
        new = build_ticket("NEW-1", "Everything is on fire", severity="1", minutes=1, due=1)
        desk.tickets[new.ref] = new
        desk.ring("ticket", str(new.ref))
        await until(pilot, lambda: table(app).total() == 38)
        assert table(app).current_ref() == ref
        assert table(app).cursor - table(app).top == where
        assert "1 new ↑" in text(app)
        await pilot.press("g")
        assert "1 new" not in text(app)


async def test_nothing_is_sorted_under_the_cursor_within_two_seconds_of_a_key() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j")
        before = [line.split()[1:3] for line in lines(app)[4:10]]
        desk.change("DESK-2231", severity="1")
        desk.change("NET-87", title=SafeText("DNS timeouts everywhere"))
        await until(pilot, lambda: "DNS timeouts everywhere" in text(app), "the row changed in place")
        assert [line.split()[1:3] for line in lines(app)[4:6]] == before[:2]
        assert "DESK-2231" not in lines(app)[5]
        long_ago(app)
        await until(pilot, lambda: "DESK-2231" in lines(app)[5], "sorted when it was quiet")


async def test_a_ticket_that_left_stays_dim_until_the_cursor_moves() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", "j")
        long_ago(app)
        desk.remove("NET-87")
        await until(pilot, lambda: table(app).is_gone())
        assert "NET-87" in lines(app)[6]
        assert lines(app)[6].startswith("▌")
        assert lines(app)[6].rstrip().endswith("left")
        await pilot.press("k")
        assert "NET-87" not in text(app)
        assert table(app).current_ref() == TicketRef("local", "DB-311")


async def test_a_key_on_a_ticket_that_left_asks_naming_it() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", "j")
        long_ago(app)
        desk.remove("NET-87")
        await until(pilot, lambda: table(app).is_gone())
        desk.commands.clear()
        await pilot.press("s")
        assert "NET-87 has left this list" in lines(app)[-1]
        await pilot.press("enter")
        await pilot.pause()
        assert not [command for command in desk.commands if type(command).__name__ == "StartSession"]


async def test_moving_down_from_a_ticket_that_left_skips_none() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", "j")
        long_ago(app)
        desk.remove("NET-87")
        await until(pilot, lambda: table(app).is_gone())
        await pilot.press("j")
        assert table(app).current_ref() == TicketRef("local", "SEC-12")


async def test_a_held_key_draws_two_lines_and_lays_out_nothing() -> None:
    desk = many(500)
    async with shown(desk, (80, 24)) as (app, pilot):
        await pilot.pause(0.4)
        layouts: list[object] = []
        kept = app.screen._refresh_layout
        app.screen._refresh_layout = lambda *a, **k: (layouts.append(a), kept(*a, **k))[1]  # type: ignore[assignment]
        drawn: list[int] = []
        draw_new = TicketTable._draw_new
        TicketTable._draw_new = lambda self, row, y, cursor: (drawn.append(y), draw_new(self, row, y, cursor))[1]  # type: ignore[method-assign]
        try:
            await pilot.press("j", "j", "j")
        finally:
            TicketTable._draw_new = draw_new  # type: ignore[method-assign]
        assert layouts == []
        assert len(drawn) <= 3 * 3


async def test_marks_are_kept_by_ticket() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("space", "space")
        assert table(app).marks == {TicketRef("local", "PAY-1042"), TicketRef("local", "DB-311")}
        assert "2 marked" in text(app)
        long_ago(app)
        desk.change("DESK-2231", severity="1")
        await until(pilot, lambda: "DESK-2231" in lines(app)[5])
        assert "•" in line_of(app, "DB-311")
        await pilot.press("V")
        assert len(table(app).marks) == 37
        await pilot.press("escape")
        assert table(app).marks == set()


async def test_wide_characters_keep_the_columns_straight() -> None:
    async with shown(ScriptedDesk(), (120, 40)) as (app, pilot):
        await pilot.press("G")
        from rich.cells import cell_len

        line = next(line for line in lines(app) if "DESK-2230" in line)
        other = next(line for line in lines(app) if "DESK-2231" in line)
        assert cell_len(line[: line.index(" new ")]) == cell_len(other[: other.index(" new ")])


async def test_ages_change_with_the_minute_and_only_their_rows_are_drawn() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        assert " 9m " in line_of(app, "NET-87")
        desk.clock += timedelta(minutes=1)
        await until(pilot, lambda: " 10m " in line_of(app, "NET-87"))


async def test_a_changed_total_below_is_counted_as_new_below() -> None:
    desk = many(60)
    async with shown(desk) as (app, pilot):
        long_ago(app)
        new = replace(build_ticket("Z-1", "The newest", minutes=1))
        desk.tickets[new.ref] = new
        desk.ring("ticket", str(new.ref))
        await until(pilot, lambda: "1 new ↓" in text(app))
