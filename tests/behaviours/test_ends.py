"""How a session comes to its end or to a stand: each a state of its own, with what can be done about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import (
    Cut,
    Delete,
    Fail,
    Idle,
    Reschedule,
    Running,
    Say,
    Sleep,
    Terminate,
    Think,
    WaitFor,
)
from tests.behaviours.checks import heard, whole
from tests.behaviours.program import Done, Program
from tests.behaviours.scripts import FIRST, SECOND, THIRD, hand_in, job, turn

Document = dict[str, Any]
DEAR = Think(input=100_000, output=20_000, within=(Say(SECOND),))
"""40 cents."""


def ledger_counts_it_once(program: Program, done: Done) -> None:
    """The shift's ledger has exactly the session's cost."""
    cost = program.ask("cost")
    assert Decimal(cost["total"]["estimate"]) == Decimal(done.session["cost"]["estimate"])
    assert cost["total"]["sessions"] == 1


def test_the_budget_is_reached_raised_and_the_turn_goes_on(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, DEAR, Think(input=100, within=(Say(THIRD),))))
    done = program.run("local:INC-1", "incident-summary", "managed", "--budget", "0.30")
    session = whole(program, service, done)
    assert done.code == 6, done.said
    assert done.session["stop_reason"] == "budget_reached"
    assert done.session["status"] == "idle"
    assert session.budget == 30
    assert Decimal(done.session["cost"]["reported"]) > Decimal("0.30"), "what it overshot is told"
    assert f"session raise {done.session['id']} --budget" in done.said
    said = program.do("session", "message", done.session["id"], "hurry up")
    assert said.code == 1, said.err
    assert len(heard(session)) == 1
    low = program.do("session", "raise", done.session["id"], "--budget", "0.31", "--reason", "sev 2")
    assert low.code == 2, low.err
    raised = program.do("session", "raise", done.session["id"], "--budget", "1.00", "--reason", "sev 2")
    assert raised.code == 0, raised.err
    again = program.do("session", "resume", done.session["id"], "--events")
    assert again.code == 0, again.said
    whole(program, service, again, printed=False)
    assert session.budget == 100
    assert Decimal(again.session["cost"]["reported"]) == Decimal(session.list_cost) / 100
    ledger_counts_it_once(program, again)


def test_a_session_at_its_budget_can_be_done_by_the_fallback(program: Program, service: Rehearsal) -> None:
    service.script(turn(DEAR, Think(input=100)))
    done = program.run("local:INC-1", "incident-summary", "managed", "--budget", "0.30")
    assert done.code == 6, done.said
    again = program.do("session", "fallback", done.session["id"], "--events")
    assert again.code == 0, again.said
    assert again.session["runtime"] == "offline"
    assert len(service.sessions) == 1


def test_a_refusal_says_why(program: Program, service: Rehearsal) -> None:
    why = {"type": "refusal", "category": "cyber", "explanation": "This looks like an attack in preparation."}
    service.script(turn(Idle("refusal", details=why)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 1, done.said
    assert done.session["status"] == "failed"
    assert done.session["stop_reason"] == "refused"
    assert "attack in preparation" in done.said
    assert "session fallback" in done.said


def test_retries_are_notices_until_they_are_exhausted(program: Program, service: Rehearsal) -> None:
    tries = tuple(Fail(message=f"The model is overloaded, try {number}.") for number in (1, 2, 3))
    gone = Fail(status="exhausted", message="The model stays overloaded.")
    service.script(turn(*tries, Say(SECOND), gone, Idle("retries_exhausted")))
    done = program.run()
    whole(program, service, done)
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "retries_exhausted"
    assert done.session["status"] == "failed"
    for number in (1, 2, 3):
        assert f"try {number}." in done.said


def test_errors_that_the_service_survives_are_survived_here(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Fail(), Fail(), Reschedule(), Sleep(0.2), Running(), Say(SECOND)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_session_that_is_terminated_has_failed(program: Program, service: Rehearsal) -> None:
    service.script(turn(Fail(status="terminal", message="The sandbox is gone."), Terminate()))
    done = program.run()
    whole(program, service, done)
    assert done.code == 1, done.said
    assert done.session["status"] == "failed"
    assert done.session["stop_reason"] == "terminated"
    assert "The sandbox is gone." in done.said


def test_a_session_that_was_terminated_while_nobody_listened_has_failed(program: Program, service: Rehearsal) -> None:
    service.script(turn(Cut(), Say(SECOND, pieces=0), Terminate()))
    done = program.run()
    whole(program, service, done)
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "terminated"


def test_a_session_that_somebody_deletes_has_failed(program: Program, service: Rehearsal) -> None:
    service.script(turn(Say(SECOND), Sleep(0.5), Delete()))
    done = program.run()
    assert done.code == 1, done.said
    assert done.session["status"] == "failed"
    assert done.session["stop_reason"] == "deleted"
    assert done.texts == [FIRST, SECOND]
    assert "deleted" in done.said


def test_what_was_heard_before_a_session_was_deleted_is_kept(program: Program, service: Rehearsal) -> None:
    """It is gone before its history could be asked for; the stream had told of it."""
    service.fault("GET", r"/events\?", delay=0.5)
    service.script(turn(Say(SECOND), Delete()))
    done = program.run()
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "deleted"
    assert done.texts == [FIRST, SECOND]


def test_a_session_that_was_deleted_while_nobody_listened_has_failed(program: Program, service: Rehearsal) -> None:
    service.script(turn(Say(SECOND), Sleep(0.3), Cut(), Delete()))
    done = program.run()
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "deleted"
    assert done.texts == [FIRST, SECOND]


def test_a_status_that_lags_behind_does_not_matter(program: Program, service: Rehearsal, document: Document) -> None:
    service.script((*job(document)[:-1], Idle(lag=2.0)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


@pytest.mark.parametrize("lost", [False, True], ids=["at once", "though its answer is lost"])
def test_a_session_without_a_document_waits_for_a_message_and_goes_on(
    program: Program, service: Rehearsal, document: Document, lost: bool
) -> None:
    service.script(turn(Idle(), WaitFor("user.message"), Say(SECOND), hand_in(document), Say(THIRD), Idle()))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 1, done.said
    assert done.session["status"] == "idle"
    assert done.session["document"] is None
    assert f"session message {done.session['id']}" in done.said
    fault = service.fault("POST", "/events$", containing=b"user.message", lose_response=True, times=int(lost))
    told = program.do("session", "message", done.session["id"], "Hand it in, please.")
    assert told.code == 0, told.err
    again = program.do("session", "resume", done.session["id"], "--events")
    assert again.code == 0, again.said
    whole(program, service, again, messages=2, printed=False)
    assert heard(session)[1] == "Hand it in, please."
    assert fault.hits == int(lost)
    assert again.session["document"]
    assert again.session["draft"]
