"""The service asks for patience, refuses, or is not the service at all: the right exit code, never in silence."""

from __future__ import annotations

import time
from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Burst, Cut, Do, Emit, Idle, Say, Sleep, WaitFor
from tests.behaviours.checks import heard, the_session, whole
from tests.behaviours.program import CLIENT, PACE, Program
from tests.behaviours.scripts import FIRST, SECOND, THIRD, job, message, turn

Document = dict[str, Any]
CREATE = r"^/v1/sessions$"
EVENTS = r"/events$"


@pytest.fixture
def hurried(program: Program) -> Program:
    """The program, which gives up soon."""
    program.constants[PACE] = {"start": 1.0, "looks": (0.1, 0.2, 0.3)}
    program.constants["opstui.services.desk:PATIENCE"] = 1.0
    return program


def test_a_short_pause_that_the_service_asks_for_is_waited_out(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document))
    service.fault("POST", CREATE, status=429, headers={"retry-after": "1"})
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    assert service.count("POST", "/v1/sessions") == 2


def test_a_longer_pause_is_counted_down(program: Program, service: Rehearsal, document: Document) -> None:
    program.constants |= {f"{CLIENT}:SAID_FROM": 1.0, f"{CLIENT}:SAID_EVERY": 1.0}
    service.script(job(document))
    service.fault("POST", CREATE, status=429, headers={"retry-after": "2"})
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    left = [event["text"].rpartition(" in ")[2] for event in done.of("notice") if event.get("until")]
    assert left == ["2 s", "1 s"], done.said
    assert done.took >= 2


def test_an_interrupt_ends_a_pause_at_once(program: Program, service: Rehearsal) -> None:
    service.fault("POST", CREATE, status=429, headers={"retry-after": "25"})
    running = program.start_run()
    running.wait_line("25 s", 20)
    running.signal()
    asked = time.monotonic()
    done = program.end(running)
    assert done.code == 130, done.said
    assert time.monotonic() - asked < 15
    assert done.session["stop_reason"] == "interrupted"
    assert not service.sessions


def test_a_pause_of_an_hour_ends_it_at_once(program: Program, service: Rehearsal) -> None:
    service.fault("POST", CREATE, status=429, headers={"retry-after": "3600"}, times=None)
    done = program.run()
    assert done.code == 3, done.said
    assert done.took < 40
    assert "session fallback" in done.said
    assert not service.sessions
    again = program.do("session", "fallback", done.session["id"], "--events")
    assert again.code == 0, again.said
    assert again.session["runtime"] == "offline"
    assert again.session["document"]["head"]["engine"] == "extractive"


def test_a_pause_of_an_hour_in_mid_session_leaves_it_running_and_says_so(
    program: Program, service: Rehearsal, document: Document
) -> None:
    hour = Do(lambda: service.fault("GET", "/events", status=429, headers={"retry-after": "3600"}, times=2))
    service.script(job(document, hour, Cut(), Say(SECOND, pieces=0), WaitFor("stream", 2)))
    done = program.run()
    session = the_session(service)
    assert done.code == 3, done.said
    assert done.took < 300
    assert f"session resume {done.session['id']}" in done.said
    for fault in service.faults:
        fault.remove()
    again = program.do("session", "resume", done.session["id"], "--events")
    assert again.code == 0, again.said
    whole(program, service, again, printed=False)
    assert the_session(service) is session


def test_an_overloaded_service_is_asked_again(program: Program, service: Rehearsal, document: Document) -> None:
    service.script(job(document))
    service.fault("POST", CREATE, status=529, times=2)
    service.fault("GET", EVENTS, status=503)
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_service_that_stays_overloaded_is_given_up(hurried: Program, service: Rehearsal) -> None:
    service.fault("*", "/v1/", status=529, times=None)
    done = hurried.run()
    assert done.code == 3, done.said
    assert done.took < 30
    assert "overloaded" in done.said
    assert not service.sessions


def test_a_service_that_says_not_to_try_again_is_not_asked_again(program: Program, service: Rehearsal) -> None:
    service.fault("POST", CREATE, status=503, headers={"x-should-retry": "false"}, times=None)
    done = program.run()
    assert done.code == 3, done.said
    assert "session fallback" in done.said
    assert service.count("POST", "/v1/sessions") == 1


def test_a_conflict_is_not_tried_again(program: Program, service: Rehearsal) -> None:
    service.fault("POST", CREATE, status=409, times=None)
    done = program.run()
    assert done.code == 1, done.said
    assert service.count("POST", "/v1/sessions") == 1


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_a_spend_limit_is_not_tried_again(program: Program, service: Rehearsal, code: str) -> None:
    service.fault("POST", CREATE, status=429, code=code, times=None)
    done = program.run()
    assert done.code == 1, done.said
    assert "spend limit" in done.said
    assert service.count("POST", "/v1/sessions") == 1


# --- answers that are lost


def test_a_session_whose_creation_was_not_answered_is_found_and_not_made_twice(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document), times=2)
    service.fault("POST", CREATE, lose_response=True)
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_session_whose_creation_never_arrived_is_made_once(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document), times=2)
    service.fault("POST", CREATE, status=502)
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_message_whose_answer_is_lost_is_not_sent_twice(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document))
    service.fault("POST", EVENTS, lose_response=True, containing=b"user.message")
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_message_that_never_arrived_is_sent(program: Program, service: Rehearsal, document: Document) -> None:
    service.script(job(document))
    service.fault("POST", EVENTS, status=502, containing=b"user.message")
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


@pytest.mark.parametrize("fault", [{"lose_response": True}, {"status": 503}, {"cut": True}])
def test_a_tools_answer_that_is_lost_is_given_again(
    program: Program, service: Rehearsal, document: Document, fault: dict[str, Any]
) -> None:
    service.script(job(document))
    service.fault("POST", EVENTS, containing=b"custom_tool_result", **fault)
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


# --- lists that are odd


@pytest.mark.parametrize("oddity", ["cycle", "empty"])
def test_lists_that_never_end_or_begin_empty_are_read_once(
    program: Program, service: Rehearsal, document: Document, oddity: str
) -> None:
    service.state.paging = oddity
    service.state.events_page = 5
    service.script(job(document, Say(SECOND), Cut(), Emit(message(THIRD)), WaitFor("stream", 2)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    assert len(service.requests) < 150


def test_a_list_that_fails_halfway_is_read_again(program: Program, service: Rehearsal, document: Document) -> None:
    fails = Do(lambda: service.fault("GET", r"/events\?.*page=", status=500, times=2))
    service.script(job(document, Burst(1_100), fails, Cut(), Emit(message(THIRD)), WaitFor("stream", 4)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


# --- keys, portals, addresses


def test_a_key_that_is_refused_at_the_start_is_4(program: Program, service: Rehearsal) -> None:
    service.key = "another"
    done = program.run()
    assert done.code == 4, done.said
    assert "doctor" in done.said
    assert not service.sessions


def test_a_key_that_is_revoked_in_mid_session_is_4(program: Program, service: Rehearsal, document: Document) -> None:
    def revoke() -> None:
        service.key = "another"

    service.script(job(document, Say(SECOND), Do(revoke), Cut(), Say(THIRD, pieces=0)))
    done = program.run()
    assert done.code == 4, done.said
    assert done.session["stop_reason"] == "credentials_refused"
    assert done.texts[:2] == [FIRST, SECOND]
    assert done.silence < 20


def test_a_session_whose_key_came_back_is_taken_up_again(
    program: Program, service: Rehearsal, document: Document
) -> None:
    from tests.behaviours.program import KEY

    def revoke() -> None:
        service.key = "another"

    service.script(job(document, Do(revoke), Cut(), Say(THIRD, pieces=0), WaitFor("stream", 2)))
    done = program.run()
    assert done.code == 4, done.said
    service.key = KEY
    again = program.do("session", "resume", done.session["id"], "--events")
    assert again.code == 0, again.said
    whole(program, service, again, printed=False)


def test_a_captive_portal_is_3(hurried: Program, service: Rehearsal) -> None:
    service.fault("*", "/", html=True, times=None)
    done = hurried.run()
    assert done.code == 3, done.said
    assert "login page" in done.said
    assert not service.sessions


def test_a_captive_portal_in_mid_session_is_3_and_the_session_goes_on(
    hurried: Program, service: Rehearsal, document: Document
) -> None:
    portal = Do(lambda: service.fault("*", "/", html=True, times=None))
    service.script(job(document, Say(SECOND), portal, Cut(), Say(THIRD, pieces=0), WaitFor("stream", 2)))
    done = hurried.run()
    assert done.code == 3, done.said
    assert f"session resume {done.session['id']}" in done.said
    for fault in service.faults:
        fault.remove()
    again = hurried.do("session", "resume", done.session["id"], "--events")
    assert again.code == 0, again.said
    whole(hurried, service, again, printed=False)


def test_an_address_where_nobody_answers_is_3(hurried: Program) -> None:
    hurried.configure("http://127.0.0.1:9")
    done = hurried.do("run", "incident-summary", "local:INC-1", "--runtime", "managed")
    assert done.code == 3, done.err
    assert done.took < 30
    assert "session fallback" in done.err


def test_a_redirect_to_another_place_gets_nothing(hurried: Program, service: Rehearsal) -> None:
    with Rehearsal(key=None) as other:
        service.fault("*", "/", status=307, headers={"location": f"{other.url}/v1/agents"}, times=None)
        done = hurried.run()
        assert done.code == 3, done.said
        assert not other.requests


def test_what_the_service_says_is_shown_without_its_tricks(program: Program, service: Rehearsal) -> None:
    words = {"type": "error", "error": {"type": "invalid_request_error", "message": "\x1b[31mno\u202e [bold]way[/]"}}
    service.fault("POST", CREATE, status=400, body=words, times=None)
    done = program.run()
    assert done.code == 1, done.said
    assert "[bold]way[/]" in done.said
    assert not [char for char in "\x1b\u202e" if char in done.said]


def test_silence_is_said(program: Program, service: Rehearsal) -> None:
    service.script(turn(Sleep(2.2), Say(SECOND), Idle()))
    done = program.run()
    assert done.code == 1, done.said
    assert "waiting for managed" in done.said
    assert len(heard(the_session(service))) == 1
