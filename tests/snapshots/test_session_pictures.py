"""Pictures and texts of sessions that run elsewhere, in the states that are rarely seen.

``OPSTUI_WRITE_PICTURES=1`` writes them anew: look at them before you keep them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from opstui.core import desk as d
from opstui.core.codec import timestamp
from opstui.core.errors import BudgetReached
from opstui.core.sessions import Cost, Session, SessionStatus, Usage
from tests.snapshots.test_pictures import picture_of, settle
from tests.tui.draft_desk import DraftDesk
from tests.tui.drive import lines, shown
from tests.tui.scripted_desk import NOW, ScriptedDesk

PICTURES = Path(__file__).parent / "pictures"
SIZES = [(80, 24), (160, 45)]
REPORTER = "⟦S:EMAIL:3f2a9c01⟧"


def desk_of_a_rehearsal(made: ScriptedDesk) -> None:
    plan = d.Plan(runtime="managed")
    plans = {"incident-summary": plan, "escalation-package": plan}
    made.facts = replace(made.facts, demo=True, rehearsal=True, runtimes=("offline", "managed"), plans=plans)


def begun(desk: ScriptedDesk) -> Session:
    """A session that has read the ticket and searched for two things at once."""
    usage = Usage(input_tokens=8100, output_tokens=612, cache_read_tokens=5200, running_ms=22_000)
    cost = Cost(estimate=31_200, budget=500_000, hour=80_000, running_since=NOW - timedelta(seconds=20), usage=usage)
    session = desk.add_managed("NET-87", created_at=NOW - timedelta(seconds=44), cost=cost)
    desk.clock = NOW - timedelta(seconds=12)
    desk.add_event(session.id, "text", text=f"I read the ticket first. The reporter is {REPORTER}.")
    desk.add_event(session.id, "tool.call", id="c1", name="get_ticket", input={"ref": "NET-87"})
    desk.add_event(session.id, "tool.call", id="c2", name="search_knowledge", input={"query": "CoreDNS forward errors"})
    desk.clock += timedelta(milliseconds=140)
    desk.add_event(session.id, "tool.result", id="c1", is_error=False)
    return session


def answered(desk: ScriptedDesk, session: Session) -> None:
    desk.clock += timedelta(seconds=1)
    desk.add_event(session.id, "tool.result", id="c2", is_error=False)
    desk.clock = NOW


def stood(desk: ScriptedDesk, session: Session, status: SessionStatus, reason: str, cost: Cost) -> None:
    desk.clock = NOW
    desk.add_event(session.id, "status", status=status.value, stop_reason=reason)
    desk.add_event(session.id, "session.ended")
    desk.change_session(session.id, status=status, stop_reason=reason, cost=cost)


def streaming(desk: ScriptedDesk) -> None:
    session = begun(desk)
    desk.clock = NOW
    desk.previews[session.id] = {
        "t": "DNS lookups from the build agents have failed intermittently since 03:08 [1].\n\nA restart of "
        "`node-local-dns` on agents-3 **did not help** [2]. The runbook's next step, upstream resolver"
    }


def at_its_budget(desk: ScriptedDesk) -> None:
    session = begun(desk)
    answered(desk, session)
    desk.add_event(session.id, "text", text="DNS lookups from the build agents have failed since 03:08 [1].")
    usage = Usage(input_tokens=181_000, output_tokens=6120, cache_read_tokens=52_000, running_ms=122_000)
    cost = Cost(estimate=502_000, budget=500_000, reported=500_000, at_report=502_000, usage=usage)
    stood(desk, session, SessionStatus.IDLE, "budget_reached", cost)


def failed(desk: ScriptedDesk) -> None:
    session = desk.add_managed("NET-87", remote_id=None, cost=Cost(budget=500_000))
    said = "managed: api.example could not be reached (connection refused). Nothing was started and nothing is spent."
    desk.add_event(session.id, "error", text=said)
    stood(desk, session, SessionStatus.FAILED, "unreachable", session.cost)


def waiting(desk: ScriptedDesk) -> None:
    session = begun(desk)
    answered(desk, session)
    desk.add_event(session.id, "notice", text="managed is overloaded", until=timestamp(NOW + timedelta(seconds=7)))


STATES: dict[str, Callable[[ScriptedDesk], None]] = {
    "streaming": streaming,
    "at-its-budget": at_its_budget,
    "failed": failed,
    "waiting": waiting,
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_a_session_looks_as_agreed(state: str, size: tuple[int, int]) -> None:
    desk = ScriptedDesk()
    desk_of_a_rehearsal(desk)
    STATES[state](desk)
    async with shown(desk, size) as (app, pilot):
        app.open("session", id="S1")
        await settle(app, pilot)
        kept(f"session-{state}-{size[0]}x{size[1]}", "\n".join(lines(app)) + "\n", picture_of(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("place", ["shift", "sessions", "start-refused"])
async def test_what_lies_around_a_session_looks_as_agreed(place: str, size: tuple[int, int]) -> None:
    desk = DraftDesk()
    desk_of_a_rehearsal(desk)
    at_its_budget(desk)
    begun(desk)
    desk.clock = NOW
    desk.add_managed("SEC-12", status=SessionStatus.FAILED, stop_reason="credentials_refused")
    desk.add_managed(
        "K8S-540", status=SessionStatus.ENDED, cost=Cost(estimate=64_000, reported=60_000, at_report=64_000)
    )
    async with shown(desk, size) as (app, pilot):
        if place == "start-refused":
            desk.fail = refused()
            await pilot.press("s")
        else:
            app.open(place)
        await settle(app, pilot)
        kept(f"{place}-{size[0]}x{size[1]}", "\n".join(lines(app)) + "\n", picture_of(app))


def refused() -> BudgetReached:
    return BudgetReached(
        "$0.50 do not fit into this shift's $25.00: $24.10 are spent and $0.70 reserved for sessions that are not "
        "finished, so $0.20 are left. Nothing was started.",
        spent=24_800_000,
        limit=25_000_000,
    )


def kept(name: str, said: str, svg: str) -> None:
    """The text decides; the picture is for the eye, and follows it."""
    text, picture = PICTURES / f"{name}.txt", PICTURES / f"{name}.svg"
    if os.environ.get("OPSTUI_WRITE_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        text.write_text(said, encoding="utf-8")
        picture.write_text(svg, encoding="utf-8")
    assert said == text.read_text(encoding="utf-8")
    assert svg == picture.read_text(encoding="utf-8")
