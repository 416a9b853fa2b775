"""Starting sessions: what is said and offered where it can't be, and runtimes and budgets chosen for once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from opstui.core import desk as d
from opstui.core.errors import BudgetReached, CredentialsRefused, OpstuiError, RateLimited, Unreachable, UsageError
from opstui.core.sessions import SessionStatus
from opstui.core.tickets import TicketRef
from opstui.tui import stopping
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.sessions import SessionsScreen
from tests.tui.drive import lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk

WORST = TicketRef("local", "PAY-1042")
LONG = "managed: https://api.example could not be reached (connection refused). Nothing was started and nothing spent"


def managed() -> ScriptedDesk:
    desk = ScriptedDesk()
    plan = d.Plan(runtime="managed", budget_micros=250_000, fallback="offline")
    desk.facts = replace(
        desk.facts, runtimes=("offline", "managed"), plans={"incident-summary": plan, "escalation-package": plan}
    )
    return desk


def started(desk: ScriptedDesk) -> list[d.StartSession]:
    return [command for command in desk.commands if isinstance(command, d.StartSession)]


@pytest.mark.parametrize(
    "error",
    [BudgetReached(LONG, spent=1, limit=1), Unreachable(LONG), RateLimited(LONG), CredentialsRefused(LONG)],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", ["queues", "ticket", "sessions"])
async def test_a_start_that_fails_is_explained_and_offered_on_the_fallback(error: OpstuiError, place: str) -> None:
    desk = managed()
    desk.add_session("PAY-1042", status=SessionStatus.ENDED)
    desk.fail = error
    async with shown(desk) as (app, pilot):
        if place == "ticket":
            app.open("ticket", ref=str(WORST))
        elif place == "sessions":
            app.open("sessions")
            await until(pilot, lambda: isinstance(app.screen, SessionsScreen) and app.screen.acting_on() is not None)
        await pilot.pause(0.1)
        await pilot.press("s")
        await until(pilot, lambda: "Start it on offline instead?  y yes" in lines(app)[-1])
        assert "nothing spent" in text(app)
        desk.fail = None
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
    assert [command.runtime for command in started(desk)] == [None, "offline"]


async def test_any_other_key_leaves_it_and_takes_the_reason_away() -> None:
    desk = managed()
    desk.fail = Unreachable(LONG)
    async with shown(desk) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: "instead?" in lines(app)[-1])
        await pilot.press("j")
        await until(pilot, lambda: "nothing spent" not in text(app))
        assert len(started(desk)) == 1


async def test_what_no_other_runtime_can_mend_is_only_said() -> None:
    desk = managed()
    desk.fail = UsageError("there is no such workflow")
    async with shown(desk) as (app, pilot):
        await pilot.press("s")
        await until(pilot, lambda: "there is no such workflow" in lines(app)[-1])
        assert "instead" not in text(app)


async def test_marked_tickets_that_could_not_be_started_are_offered_together() -> None:
    desk = managed()
    desk.fail = BudgetReached("the shift's budget is used up", spent=1, limit=1)
    async with shown(desk) as (app, pilot):
        await pilot.press("space", "j", "space", "s", "y")
        await until(pilot, lambda: "0 of 2 started. Start the others on offline instead?" in lines(app)[-1])
        desk.fail = None
        await pilot.press("y")
        await until(pilot, lambda: len(started(desk)) == 4)
    assert [command.runtime for command in started(desk)[2:]] == ["offline", "offline"]


async def test_w_names_runtime_and_budget_of_each_workflow_and_takes_others_for_once() -> None:
    desk = managed()
    async with shown(desk) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "managed · up to $0.25" in text(app))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "which workflow" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Incident summary of PAY-1042 on" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "on managed, for at most" in text(app))
        await pilot.press("ctrl+u", *"2", "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
    wanted = d.StartSession(ticket=WORST, workflow="incident-summary", runtime="managed", budget_micros=2_000_000)
    assert started(desk) == [wanted]


async def test_without_a_second_runtime_w_offers_none() -> None:
    async with shown(ScriptedDesk()) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "offline · free" in text(app))
        assert "another runtime" not in text(app)


# --- stopping ---------------------------------------------------------------------------------------------------------


async def test_stopping_all_names_those_that_have_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "PATIENCE", 2)
    desk = managed()
    first, second = desk.add_managed("NET-87"), desk.add_managed("DB-311")
    async with shown(desk) as (app, pilot):
        await pilot.pause(0.3)
        await pilot.press("f12", "y")
        await until(pilot, lambda: "2 sessions told to stop" in lines(app)[-1])
        desk.change_session(first.id, status=SessionStatus.IDLE, stop_reason="interrupted")
        await until(pilot, lambda: "not yet" in lines(app)[-1])
        assert "1 of 2 sessions stopped; not yet: DB-311 (managed)" in lines(app)[-1]
        assert desk.sessions[second.id].status.is_live


# --- what waits, and the status line ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["budget", "failed"])
async def test_the_key_for_what_waits_goes_to_sessions_that_stand_still(kind: str) -> None:
    desk = managed()
    session = desk.add_managed("NET-87", status=SessionStatus.IDLE, stop_reason="budget_reached")
    desk.waiting_items = (
        d.Waiting(kind=kind, ticket=session.ticket, subject=session.id, text="at its budget", at=desk.clock),
    )
    async with shown(desk) as (app, pilot):
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        assert "at its budget" in lines(app)[-1]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_status_line_says_that_it_is_a_rehearsal_and_how_near_the_limit_is(size: tuple[int, int]) -> None:
    desk = managed()
    desk.facts = replace(desk.facts, rehearsal=True, demo=True)
    desk.estimate = 21_000_000
    async with shown(desk, size) as (app, _):
        assert "rehearsal" in lines(app)[0]
        assert "84%" in lines(app)[0]


async def test_the_list_of_sessions_goes_on_by_itself() -> None:
    desk = managed()
    session = desk.add_managed("NET-87")
    cost = replace(session.cost, running_since=desk.clock, hour=80_000)
    desk.change_session(session.id, cost=cost)
    async with shown(desk) as (app, pilot):
        app.open("sessions")
        await until(pilot, lambda: "0:42" in text(app))
        desk.clock += timedelta(seconds=60)
        await until(pilot, lambda: "1:42" in text(app))
        desk.change_session(session.id, status=SessionStatus.IDLE, stop_reason="budget_reached", cost=session.cost)
        await until(pilot, lambda: "budget reached" in text(app))
