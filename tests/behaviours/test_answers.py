"""Several tool calls at once, answered by us, by others, too late, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import AnswerElsewhere, Await, Call, Cut, Do, Emit, Idle, Say, WaitFor
from tests.behaviours.checks import of, whole
from tests.behaviours.program import PACE, Program
from tests.behaviours.scripts import SECOND, THIRD, job, use

Document = dict[str, Any]


def test_several_calls_at_once_are_each_answered_once(program: Program, service: Rehearsal, document: Document) -> None:
    calls = Call((use("get_ticket"), use("search_knowledge", {"query": "payments"}), use("get_ticket")))
    service.script(job(document, calls, Say(SECOND)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert len(of(session, "user.custom_tool_result")) == 5
    assert len(done.of("tool.call")) == len(done.of("tool.result")) == 5


def test_calls_that_are_not_ours_are_left_alone(program: Program, service: Rehearsal, document: Document) -> None:
    foreign = {"type": "agent.tool_use", "id": "sevt_0bash", "name": "bash", "input": {"command": "rm -rf /"}}
    service.script(job(document, Emit(foreign), Call((use("get_ticket"),)), Say(SECOND)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert not [event for event in session.received if "tool_confirmation" in event["type"]]


def test_a_call_is_answered_while_the_session_goes_on_running(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Call((use("get_ticket"),), wait=False), Say(SECOND, pause=0.05), Await()))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_calls_that_were_made_while_nobody_listened_are_answered(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Cut(), Call((use("get_ticket"), use("get_ticket"))), Say(SECOND)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


@pytest.mark.parametrize("late", ["ignored", "refused"])
def test_a_call_that_another_client_answered_does_no_harm(
    program: Program, service: Rehearsal, document: Document, late: str
) -> None:
    service.state.late_answers = late
    call = Call((use("search_knowledge", {"query": "payments"}),), wait=False)
    service.script(job(document, call, AnswerElsewhere(), Say(SECOND)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


@pytest.mark.parametrize("late", ["ignored", "refused"])
def test_an_answer_after_an_interrupt_does_no_harm(program: Program, service: Rehearsal, late: str) -> None:
    service.state.late_answers = late
    service.fault("POST", "/events$", containing=b"custom_tool_result", delay=1.0)
    service.script((WaitFor("stream", 1), Say(SECOND), Call((use("get_ticket"),)), Say(THIRD), Idle()))
    running = program.start_run()
    running.wait_event("tool.call")
    running.signal()
    done = program.end(running)
    assert done.code == 130, done.said
    whole(program, service, done)


def test_an_answer_that_is_refused_once_is_not_the_end(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.fault("POST", "/events$", status=400, containing=b"custom_tool_result")
    service.script(job(document, Say(SECOND)))
    running = program.start_run()
    running.wait_event("tool.result")
    done = program.end(running)
    whole(program, service, done)
    assert done.code == 0, done.said
    assert len([event for event in done.of("tool.call") if event["name"] == "get_ticket"]) == 1


def test_answers_that_are_always_refused_do_not_hang_in_silence(
    program: Program, service: Rehearsal, document: Document
) -> None:
    program.constants[PACE] = {"once_more": 1.0}
    service.fault("POST", "/events$", status=400, containing=b"custom_tool_result", times=None)
    service.script(job(document))
    running = program.start_run()
    done = program.end(running, 30)
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "rejected"


def test_a_result_that_holds_much_is_cut_and_still_arrives(
    program: Program, service: Rehearsal, document: Document
) -> None:
    long = {"query": "payments " * 50_000}
    service.script(job(document, Call((use("search_tickets", long),)), Do(lambda: None)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert max(len(str(event)) for event in of(session, "user.custom_tool_result")) < 40_000
