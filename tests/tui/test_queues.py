"""Queues: views, filter, order, preview, and the keys on a ticket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.core import desk as d
from opstui.core.drafts import DraftChanges
from opstui.core.errors import Refused
from opstui.core.queues import SortBy
from opstui.core.tickets import TicketRef
from opstui.tui.offers import acknowledging, pick
from opstui.tui.screens.queues import QueuesScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.ticket import TicketScreen
from tests.tui.draft_desk import DraftDesk
from tests.tui.drive import SIZES, lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk


def commands(desk: ScriptedDesk, kind: type[d.Command[object]]) -> list[d.Command[object]]:
    return [command for command in desk.commands if isinstance(command, kind)]


@pytest.mark.parametrize("size", SIZES)
async def test_status_lane_rows_and_the_way_to_help_are_there_at_any_size(size: tuple[int, int]) -> None:
    async with shown(ScriptedDesk(), size) as (app, pilot):
        await pilot.pause(0.1)
        shown_lines = lines(app)
        assert "Queues" in shown_lines[0]
        assert "≈ $1.84" in shown_lines[0]
        assert "▲ PAY-1042" in shown_lines[1]
        assert "? help" in shown_lines[-1]
        assert any(line.startswith("▌ ▲") or "▌ ▲" in line for line in shown_lines)


@pytest.mark.parametrize(("size", "panes"), [((80, 24), 1), ((120, 40), 2), ((160, 45), 3)])
async def test_the_panes_go_by_the_width(size: tuple[int, int], panes: int) -> None:
    async with shown(ScriptedDesk(), size) as (app, _):
        assert isinstance(app.screen, QueuesScreen)
        assert len(app.screen._panes()) == panes


async def test_a_resize_changes_the_panes_and_keeps_the_ticket() -> None:
    async with shown(ScriptedDesk(), (160, 45)) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, QueuesScreen)
        await pilot.press("j", "j")
        await pilot.resize_terminal(40, 20)
        await until(pilot, lambda: len(screen._panes()) == 1)
        assert screen.table.current_ref() == TicketRef("local", "NET-87")
        assert "NET-87" in text(app)


async def test_numbers_choose_views_and_tabs_say_which() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("2")
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.view.name == "Pager"
        assert "K8S-540" not in text(app)
        await pilot.press("9")
        assert app.screen.view.name == "Pager"


async def test_the_filter_works_at_each_key_and_enter_keeps_it() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("slash", "d", "n", "s")
        await until(pilot, lambda: "1 found" in text(app))
        assert "PAY-1042" not in "\n".join(lines(app)[2:])
        await pilot.press("enter")
        await until(pilot, lambda: not app.screen.query("FilterBox"))
        await pilot.press("j")
        assert "1 found" in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "K8S-540" in text(app))


async def test_a_filter_that_cannot_be_read_is_pointed_at_and_the_list_stays() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("slash", *"age", "greater_than_sign", "x")
        await until(pilot, lambda: "age wants a span" in text(app))
        caret = next(line for line in lines(app) if "^" in line)
        typed = next(line for line in lines(app) if "age>x" in line)
        assert caret.index("^") == typed.index(">") + 1
        await pilot.press("escape")
        await until(pilot, lambda: "K8S-540" in text(app))


async def test_the_cursor_moves_while_the_filter_is_typed() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("slash", "r", "down")
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.table.cursor == 1


async def test_a_comma_sorts_otherwise_and_keeps_the_ticket() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, QueuesScreen)
        await pilot.press("j", "comma")
        assert screen.table.sort is SortBy.AGE
        assert screen.table.current_ref() == TicketRef("local", "DB-311")
        assert "oldest first" in text(app)


async def test_the_preview_shows_the_first_look_and_the_timeline() -> None:
    async with shown(ScriptedDesk(), (120, 40)) as (app, pilot):
        await pilot.press("j", "j")
        await until(pilot, lambda: "did not help" in text(app))
        assert "DNS timeouts from build agents" in text(app)
        assert "first look" in text(app)


async def test_enter_opens_the_ticket_and_escape_comes_back_to_it() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, TicketScreen))
        assert "Ticket DB-311" in lines(app)[0]
        assert commands(desk, d.MarkSeen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen))
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.table.current_ref() == TicketRef("local", "DB-311")


@pytest.mark.parametrize(("key", "workflow"), [("s", "incident-summary"), ("x", "escalation-package")])
async def test_s_and_x_start_at_once_and_open_the_session(key: str, workflow: str) -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", key)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        assert commands(desk, d.StartSession) == [
            d.StartSession(ticket=TicketRef("local", "DB-311"), workflow=workflow)
        ]


async def test_read_only_starts_nothing_and_says_so() -> None:
    desk = ScriptedDesk()
    desk.facts = replace(desk.facts, read_only=True)
    async with shown(desk) as (app, pilot):
        await pilot.press("s")
        assert "read-only: no session is started" in lines(app)[-1]
        await pilot.press("a")
        await until(pilot, lambda: "read-only: no draft is kept" in lines(app)[-1])
        assert not commands(desk, d.StartSession)
        assert not commands(desk, d.NewDraft)


async def test_an_error_becomes_a_notice_and_markup_in_it_is_only_text() -> None:
    desk = ScriptedDesk()
    desk.fail = Refused("rt says [/] no [@click=app.quit]here[/]")
    async with shown(desk) as (app, pilot):
        await pilot.press("s")
        await until(pilot, lambda: "rt says [/] no [@click=app.quit]here[/]" in lines(app)[-1])
        await pilot.press("j")
        assert "? help" in lines(app)[-1]


async def test_a_acknowledges_in_a_draft_of_its_own() -> None:
    desk = DraftDesk()
    async with shown(desk) as (_, pilot):
        await pilot.press("j", "a")
        await until(pilot, lambda: commands(desk, d.NewDraft))
        made = commands(desk, d.NewDraft)[0]
        assert isinstance(made, d.NewDraft)
        assert made.changes.set["/assignee"] == "me"
        assert "/status" not in made.changes.set


def test_acknowledging_a_new_ticket_takes_it_out_of_new() -> None:
    desk = ScriptedDesk()
    new = desk.ask(d.TicketDetail(TicketRef("local", "DESK-2231")))
    assert acknowledging(new, ("open", "closed"), "alex") == (
        DraftChanges(set={"/assignee": "me", "/status": "open"}),
        "",
    )
    assert acknowledging(new, ("closed",), "alex") == (DraftChanges(set={"/assignee": "me"}), "")
    assert pick(("Open", "Stalled"), ("stalled",)) == "Stalled"


async def test_w_offers_workflows_and_the_rarer_updates() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("j", "w")
        await until(pilot, lambda: "Reassign" in text(app))
        for words in ("Incident summary", "Take it", "Snooze: status waiting", "Resolve: status resolved"):
            assert words in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "Reassign" not in text(app))


async def test_without_a_config_one_line_names_the_demo_and_config_init() -> None:
    desk = ScriptedDesk({})
    desk.facts = replace(desk.facts, configured=False)
    async with shown(desk) as (app, _):
        assert "opstui demo" in text(app)
        assert "opstui config init" in text(app)


async def test_a_severity_one_that_comes_in_gets_its_lane() -> None:
    desk = ScriptedDesk()
    severity_one = desk.tickets.pop(TicketRef("local", "PAY-1042"))
    async with shown(desk) as (app, pilot):
        assert "▲" not in text(app)
        desk.tickets[severity_one.ref] = severity_one
        desk.ring("ticket", str(severity_one.ref))
        await until(pilot, lambda: "▲ PAY-1042" in lines(app)[1])


async def test_y_sends_the_marked_refs_to_the_terminal() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("space", "space", "y")
        assert "2 refs: sent to terminal" in lines(app)[-1]


async def test_the_bang_goes_to_what_waits() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("exclamation_mark")
        assert "nothing waits for you" in lines(app)[-1]
        ref = TicketRef("local", "PAY-1042")
        desk.waiting_items = (
            d.Waiting(kind="sev1", ticket=ref, subject=str(ref), text="sev 1 is open", at=desk.clock),
        )
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, TicketScreen))


async def test_s_on_marked_tickets_asks_once_naming_the_count_and_starts_them() -> None:
    desk = ScriptedDesk()
    async with shown(desk) as (app, pilot):
        await pilot.press("space", "j", "space", "s")
        assert "Incident summary for 2 marked tickets?" in text(app)
        await pilot.press("n")
        assert not commands(desk, d.StartSession)
        await pilot.press("s", "y")
        await until(pilot, lambda: len(commands(desk, d.StartSession)) == 2)
        await until(pilot, lambda: "2 started" in text(app))
        assert "marked" not in lines(app)[3]
        assert app.screen.label() == "Queues"


async def test_while_a_question_waits_the_footer_names_its_keys() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        assert "s summary" in lines(app)[-1]
        await pilot.press("w")
        await until(pilot, lambda: "enter take it  escape cancel" in lines(app)[-1])
        await pilot.press("escape")
        await until(pilot, lambda: "s summary" in lines(app)[-1])
