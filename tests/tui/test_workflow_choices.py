"""The workflows as they can be chosen: in the order of a ticket's life, marked, and with the reason why one can't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.core import desk as d
from opstui.core.ports import Capabilities
from opstui.core.sessions import Cost, SessionStatus
from opstui.core.tickets import TicketRef
from opstui.core.workflows import Workflow
from opstui.tui.screens.session import SessionScreen
from opstui.tui.words import called
from opstui.tui.workflow_choices import workflow_choices
from tests.tui.draft_desk import NET
from tests.tui.drive import shown, text, until
from tests.tui.scripted_desk import WORKFLOWS, ScriptedDesk

SEVEN = (
    ("closure", "Resolution notes", "ResolutionNotes"),
    ("knowledge-update", "Knowledge update", "KBProposal"),
    ("own", "My own", "MyDocument"),
    ("reply", "Reply to the customer", "Reply"),
    ("shift-handover", "Shift handover", "ShiftHandover"),
    ("triage", "Triage", "Triage"),
    ("escalation-package", "Escalation package", "EscalationPackage"),
    ("incident-summary", "Incident summary", "IncidentSummary"),
)


def flow(name: str, title: str, document: str) -> Workflow:
    public = document == "Reply"
    return replace(
        WORKFLOWS[0], id=name, title=title, document=document, note=f"{title}, in short.", public_comment=public,
        evaluated=document == "Triage",
    )  # fmt: skip


@pytest.fixture
def desk() -> ScriptedDesk:
    made = ScriptedDesk()
    made.facts = replace(made.facts, workflows=tuple(flow(*one) for one in SEVEN))
    return made


def test_they_stand_in_the_order_of_a_tickets_life_each_with_what_is_to_be_known(desk: ScriptedDesk) -> None:
    found = workflow_choices(desk.facts, desk.ask(d.TicketDetail(NET)))
    assert [words.removeprefix("~ ") for _, words, _ in found.choices] == [
        "Incident summary", "Escalation package", "Triage", "Reply to the customer", "Resolution notes",
        "Knowledge update", "My own", "Shift handover",
    ]  # fmt: skip
    marked = [words for _, words, _ in found.choices if not words.startswith("~ ")]
    assert marked == ["Triage"]
    assert found.details is not None
    assert "PUBLIC: customers read it" in found.details["run reply"]
    assert "of the shift that runs, not of NET-87" in found.details["run shift-handover"]
    assert "this ticket is still open" in found.details["run knowledge-update"]
    assert "never evaluated" in found.details["run closure"]
    assert "never evaluated" not in found.details["run triage"]


def test_what_cannot_run_here_says_why(desk: ScriptedDesk) -> None:
    view = replace(desk.ask(d.TicketDetail(NET)), capabilities=Capabilities(public_comments=False))
    facts = replace(desk.facts, plans={"triage": d.Plan(runtime="managed")})
    unable = dict(workflow_choices(facts, view).unable)
    assert unable["Triage"] == "the config wants it on managed, and there is no such runtime"
    assert "takes no public comments" in unable["Reply to the customer"]
    assert dict(workflow_choices(facts, None).unable)["Incident summary"].startswith("it is about a ticket")
    assert workflow_choices(replace(facts, read_only=True), view).choices == ()


async def test_what_a_session_usually_costs_stands_beside_what_it_may_cost(desk: ScriptedDesk) -> None:
    desk.facts = replace(desk.facts, runtimes=("offline", "managed"), plans={"triage": d.Plan(runtime="managed")})
    for micros in (30_000, 40_000, 900_000):
        cost = Cost(estimate=micros, reported=micros, at_report=micros)
        desk.add_managed("NET-87", workflow="triage", status=SessionStatus.ENDED, cost=cost)
    async with shown(desk, open_ref=NET) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "managed · ≈ $0.04, up to $0.50" in text(app))


async def test_a_handover_starts_on_the_shift_from_the_menu_and_what_is_said_follows_the_cursor(
    desk: ScriptedDesk,
) -> None:
    board = TicketRef("shift", desk.ask(d.StatusLine()).shift.id)
    async with shown(desk, open_ref=NET) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "Incident summary, in short" in text(app))
        await pilot.press(*"jjj")
        await until(pilot, lambda: "Reply to the customer, in short" in text(app))
        assert "PUBLIC: customers read it" in text(app)
        await pilot.press(*"jjjj", "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        started = next(one for one in desk.commands if isinstance(one, d.StartSession))
        assert (started.ticket, started.workflow) == (board, "shift-handover")
    assert called(board) == "shift 11-19 20:00Z"


async def test_the_palette_starts_the_handover_wherever_one_stands_and_says_what_was_never_evaluated(
    desk: ScriptedDesk,
) -> None:
    async with shown(desk) as (app, pilot):
        app.open("knowledge")
        await pilot.press("ctrl+p", *"handover of this")
        await until(pilot, lambda: "Shift handover of this shift" in text(app))
        assert "workflow, not evaluated" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: any(isinstance(one, d.StartSession) for one in desk.commands))


@pytest.mark.parametrize(("document", "place"), [("KBProposal", "proposal"), ("ShiftHandover", "handover")])
async def test_d_and_the_next_thing_that_waits_lead_to_what_a_session_made(
    desk: ScriptedDesk, document: str, place: str
) -> None:
    body = {"head": {"document": document}, "headline": {"id": "c1", "text": "x", "status": "fact", "citations": []}}
    session = desk.add_session("NET-87", document=body)
    desk.add_event(session.id, "document", document=body)
    desk.waiting_items = (d.Waiting(kind=place, ticket=NET, subject=session.id, text="it waits", at=desk.clock),)
    went: list[tuple[str, str]] = []
    async with shown(desk) as (app, pilot):
        app.open("session", id=session.id)
        await until(pilot, lambda: f"d {place}" in text(app))
        assert "accepted: its checks ran · 1 claim, 0 sources" in text(app)
        assert f"{place} ready" in text(app)
        app.open = lambda kind, **given: went.append((kind, given["id"]))  # type: ignore[method-assign]
        await pilot.press("d")
        await until(pilot, lambda: went == [(place, session.id)])
