"""The stream of events breaks, ends, falls silent or carries rubbish: nothing is lost and nothing comes twice."""

from __future__ import annotations

from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import (
    Cut,
    DataOnly,
    Drip,
    Emit,
    Eof,
    ErrorFrame,
    Ping,
    Raw,
    Say,
    Silence,
    Sleep,
    Step,
    WaitFor,
)
from tests.behaviours.checks import whole
from tests.behaviours.program import PACE, Program
from tests.behaviours.scripts import SECOND, THIRD, job, message

Document = dict[str, Any]
BAD_BYTES = b'event: agent.message\ndata: {"type":"agent.message","content":[{"type":"text","text":"\xff\xfe"}]}\n\n'


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(Cut(message(SECOND)), id="cut in the middle of an event"),
        pytest.param(Cut(message(SECOND), reset=True), id="reset in the middle of an event"),
        pytest.param(Eof(), id="a clean end that is none"),
        pytest.param(Eof(message(SECOND)), id="an end before a frame's blank line"),
        pytest.param(Raw(BAD_BYTES), id="bytes that are no UTF-8"),
        pytest.param(Raw(b"event: agent.message\ndata: {'not': json\n\n"), id="data that is no JSON"),
        pytest.param(ErrorFrame(), id="an error frame in mid-stream"),
    ],
)
def test_a_stream_that_breaks_is_opened_again_and_nothing_is_lost(
    program: Program, service: Rehearsal, document: Document, breaks: Step
) -> None:
    service.script(job(document, breaks, Emit(message(THIRD)), WaitFor("stream", 2)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert session.streams_opened == 2


def test_what_was_said_while_nobody_was_connected_is_there_and_said_once(
    program: Program, service: Rehearsal, document: Document
) -> None:
    away: list[Step] = []
    for number in range(4):
        lost = Say(f"while away {number}", pieces=0)
        away += [Say(f"before drop {number}"), Cut(), lost, WaitFor("stream", number + 2)]
    service.script(job(document, *away))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_silent_link_is_noticed_and_opened_again(program: Program, service: Rehearsal, document: Document) -> None:
    program.constants[PACE] = {"quiet": 1.0}
    service.script(job(document, Say(SECOND), Silence(), Emit(message(THIRD)), WaitFor("stream", 2)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_session_that_thinks_for_long_is_left_alone_as_long_as_the_link_lives(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Ping(), Ping(comment=True), Sleep(2.5), Say(SECOND)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert session.streams_opened == 1
    assert done.silence < 3.5, "a wait of more than two seconds is said"


def test_a_frame_that_the_sdk_drops_is_found_in_the_history(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, DataOnly(message(SECOND)), Say(THIRD)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_an_event_that_comes_byte_by_byte_is_one_event(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Drip(message(SECOND), size=1)))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert session.streams_opened == 1
