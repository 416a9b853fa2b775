"""Sessions of the extractive runtime, from launch to draft."""

from __future__ import annotations

from opstui.core.desk import (
    DiscardDraft,
    InterruptSession,
    MessageSession,
    RunSession,
    SessionEvents,
    ShiftTotals,
    StartSession,
    StatusLine,
    WaitingForYou,
)
from opstui.core.drafts import DraftState
from opstui.core.errors import Refused, UsageError
from opstui.core.sessions import Session, SessionStatus
from opstui.core.tickets import TicketRef
from tests.services.building import Place


def summary(place: Place, ref: TicketRef, **options: object) -> Session:
    started = place.desk.do(StartSession(ticket=ref, workflow="incident-summary", here=True, **options)).unwrap()  # type: ignore[arg-type]
    return place.desk.do(RunSession(started.id)).unwrap()


def test_a_summary_ends_with_a_document_and_a_proposed_draft(place: Place) -> None:
    ref = place.ticket(body="Since 03:02 UTC checkout answers 502 in eu-west.")
    session = summary(place, ref)
    assert session.status is SessionStatus.ENDED
    assert session.document is not None
    draft = place.setup.record.draft(session.draft or "")
    assert draft is not None
    assert draft.state is DraftState.PROPOSED
    assert draft.comment() is not None


def test_events_begin_with_started_and_end_with_ended(place: Place) -> None:
    session = summary(place, place.ticket())
    kinds = [event.type for event in place.desk.ask(SessionEvents(id=session.id))]
    assert kinds[0] == "session.started"
    assert kinds[-1] == "session.ended"
    assert {"tool.call", "tool.result", "text", "document", "draft", "usage"} <= set(kinds)


def test_the_same_workflow_on_the_same_version_is_opened_instead(place: Place) -> None:
    ref = place.ticket()
    first = summary(place, ref)
    again = place.desk.do(StartSession(ticket=ref, workflow="incident-summary"))
    assert again.unwrap().id == first.id
    place.desk.do(DiscardDraft(first.draft or "")).unwrap()
    assert place.desk.do(StartSession(ticket=ref, workflow="incident-summary")).unwrap().id != first.id


def test_a_changed_ticket_gets_a_session_of_its_own(place: Place) -> None:
    ref = place.ticket()
    first = summary(place, ref)
    place.local.comment(ref.key, "dana", "new facts")
    assert place.desk.do(StartSession(ticket=ref, workflow="incident-summary")).unwrap().id != first.id


def test_a_session_that_is_started_again_after_a_crash_has_each_event_once(place: Place) -> None:
    ref = place.ticket(body="The disk of orders-db-2 is 91 % full.")
    session = summary(place, ref)
    before = place.desk.ask(SessionEvents(id=session.id))
    from dataclasses import replace

    crashed = replace(session, status=SessionStatus.RUNNING, document=None, draft=None, ended_at=None)
    place.setup.record.write(lambda record: record.put_session(crashed))
    place.desk.do(DiscardDraft(session.draft or ""))
    again = place.desk.do(RunSession(session.id)).unwrap()
    after = place.desk.ask(SessionEvents(id=session.id))
    assert [event.remote_id for event in after] == [event.remote_id for event in before]
    assert again.cost.estimate == session.cost.estimate
    assert place.desk.ask(ShiftTotals()).total.sessions == 1


def test_a_queued_session_can_be_interrupted_before_anybody_runs_it(place: Place) -> None:
    started = place.desk.do(StartSession(ticket=place.ticket(), workflow="incident-summary")).unwrap()
    assert place.spawned == 1
    assert place.desk.do(InterruptSession(started.id)).unwrap().stop_reason == "interrupted"
    assert place.desk.ask(StatusLine()).running == 0


def test_the_extractive_runtime_takes_no_messages(place: Place) -> None:
    session = place.desk.do(StartSession(ticket=place.ticket(), workflow="incident-summary")).unwrap()
    assert isinstance(place.desk.do(MessageSession(session.id, "hello")).error, Refused)


def test_unknown_workflows_and_runtimes_are_named(place: Place) -> None:
    ref = place.ticket()
    assert isinstance(place.desk.do(StartSession(ticket=ref, workflow="nonsense")).error, UsageError)
    outcome = place.desk.do(StartSession(ticket=ref, workflow="incident-summary", runtime="nonsense"))
    assert isinstance(outcome.error, UsageError)


def test_a_ready_draft_waits_for_the_operator(place: Place) -> None:
    session = summary(place, place.ticket())
    assert [item.subject for item in place.desk.ask(WaitingForYou()) if item.kind == "draft"] == [session.draft]


def test_an_escalation_attaches_its_package(place: Place) -> None:
    ref = place.ticket(body="Nobody can pay since 03:02 UTC.", severity="1")
    started = place.desk.do(StartSession(ticket=ref, workflow="escalation-package", here=True)).unwrap()
    session = place.desk.do(RunSession(started.id)).unwrap()
    draft = place.setup.record.draft(session.draft or "")
    assert draft is not None
    names = [op.file.name for op in draft.ops if op.file is not None]
    assert names == [f"escalation-{ref.key}.md"]
