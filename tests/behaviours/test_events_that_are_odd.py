"""Events that come twice, in a wrong order, half, too big or that nobody knows: each is said once or left out."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from typing import Any

import pytest

from opstui.core.text import clean
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import (
    Again,
    Burst,
    Call,
    Cut,
    Emit,
    Fail,
    Flood,
    Idle,
    Pass,
    ReportUsage,
    Say,
    Skew,
    Sleep,
    Step,
    Swapped,
    Think,
    WaitFor,
)
from tests.behaviours.checks import of, the_session, whole
from tests.behaviours.program import Program
from tests.behaviours.scripts import FIRST, SECOND, THIRD, hand_in, job, message, turn, use

Document = dict[str, Any]


def test_events_that_are_told_live_and_in_the_history_are_said_once(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Say(SECOND), Again(6), Cut(), Emit(message(THIRD)), WaitFor("list", 2), Again(12)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_an_event_that_is_told_again_with_its_time_is_the_same_event(
    program: Program, service: Rehearsal, document: Document
) -> None:
    early = message(SECOND, id="sevt_0same", processed_at=None)
    late = {**early, "processed_at": "2026-11-20T10:30:00Z"}
    service.script(job(document, Emit(early), Say(THIRD), Emit(late)))
    done = program.run()
    session = the_session(service)
    assert done.code == 0, done.said
    assert sorted(done.texts) == sorted(event["content"][0]["text"] for event in of(session, "agent.message"))


def test_events_out_of_order_lose_nothing_and_no_answer_is_given_twice(
    program: Program, service: Rehearsal, document: Document
) -> None:
    result = {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_0late", "content": []}
    called = {"type": "agent.custom_tool_use", "id": "sevt_0late", "name": "get_ticket", "input": {}}
    waits = {"type": "requires_action", "event_ids": ["sevt_0early"]}
    service.script(
        job(
            document,
            Swapped((message(SECOND), result, called, message(THIRD))),
            Idle(waits),
            Call((use("get_ticket", call_id="sevt_0early"),)),
        )
    )
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Say(SECOND, start=False), id="pieces without a beginning"),
        pytest.param(Say(SECOND, gap=True), id="pieces of a block that never began"),
        pytest.param(Say(SECOND, shed=3), id="the last pieces are missing"),
        pytest.param(Say(SECOND, preview="Something quite different", shed=1), id="the message is not its preview"),
    ],
)
def test_a_preview_that_is_wrong_gives_way_to_the_message(
    program: Program, service: Rehearsal, document: Document, said: Say
) -> None:
    service.script(job(document, said, Say(THIRD)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said


def test_a_preview_that_comes_to_nothing_is_taken_back(
    program: Program, service: Rehearsal, document: Document
) -> None:
    lost = Say("This is never finished", pause=0.1, final=False)
    service.script(job(document, Think(input=500, output=9, within=(lost,), is_error=True), Say(SECOND)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    assert not [event for event in done.of("text") if not event.get("partial") and "never" in event["text"]]


def test_what_nobody_knows_yet_is_survived(program: Program, service: Rehearsal, document: Document) -> None:
    strange = {"type": "agent.telepathy", "content": [{"type": "text", "text": "not a message of yours"}]}
    service.script(
        (
            *job(document, Emit(strange), Fail("cosmic_ray_error", "retrying", "A bit flipped."), Say(SECOND))[:-1],
            Idle("phase_of_the_moon"),
        )
    )
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert done.session["stop_reason"] == "phase_of_the_moon"
    assert "A bit flipped." in done.said
    assert len(of(session, "user.message")) == 1


def test_events_with_holes_are_survived(program: Program, service: Rehearsal, document: Document) -> None:
    holes: list[Step] = [
        Emit({"type": "agent.message", "content": None}),
        Emit({"type": "agent.message", "content": [None, {"type": "text"}, {"type": "hologram"}, 7]}),
        Emit(message("no date", processed_at="yesterday")),
        Emit(message("a date that is none", processed_at=12)),
        Emit(message("no id", id="")),
        Emit(message("null id", id=None)),
        Emit({"type": "agent.custom_tool_use", "name": None, "input": None}),
        Emit({"type": "span.model_request_end", "model_usage": None}),
        Emit({"type": "span.model_request_end"}),
        Emit({"type": "session.usage", "usage": None}),
        Emit({"type": "session.usage", "usage": {"list_cost": {"amount": "many", "currency": None}}}),
        Emit({"type": "session.error", "error": None}),
        Emit({"type": "session.error"}),
        Emit({"type": None}),
        Emit({}),
    ]
    service.script((*job(document, *holes)[:-1], Idle({"type": None})))
    done = program.run()
    session = the_session(service)
    assert done.code in (0, 1), done.said
    for text in ("no date", "a date that is none", "no id", "null id"):
        assert done.texts.count(text) == 1, done.texts
    assert done.session["document"], done.said
    assert session.streams_opened < 4
    assert done.took < 60


def test_a_message_of_twenty_megabytes_does_not_stop_it(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Say("A long story. " * 1_500_000, pieces=0), Say(SECOND)))
    done = program.run()
    the_session(service)
    assert done.code == 0, done.said
    assert SECOND in done.texts
    assert [text for text in done.texts if text.startswith("A long story. A long story.")]
    assert done.silence < 20


def test_a_flood_of_pieces_is_one_message(program: Program, service: Rehearsal, document: Document) -> None:
    service.script(job(document, Flood(deltas=5_000, per_second=5_000)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    assert done.took < 60


def test_tools_are_called_in_every_wrong_way_and_each_is_told_why(
    program: Program, service: Rehearsal, document: Document
) -> None:
    calls = (
        use("send_money", {"to": "somebody"}),
        use("search_knowledge", {"query": 5}),
        use("search_knowledge", {"query": "x" * 1_000_000}),
        use("search_tickets", {"query": "\x1b]0;owned\x07[bold]\u202eevil[/bold]"}),
        use("read_document", {"doc": "../../etc/passwd"}),
        use("get_ticket", []),
        use("get_ticket", "a text"),
        use("get_ticket"),
        use("get_ticket"),
        use("submit_document", {"document": "{" * 5000}),
        use("\x1b[31mred[/]", {"\x1b[2J": "\u202e"}),
    )
    service.script(job(document, Call(calls), Say("\x1b[31mred\u202e [bold]text[/bold]\x07")))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    raw = "\n".join(line.text for line in done.lines)
    assert not [char for char in "\x1b\x07\u202e" if char in raw or json.dumps(char)[1:-1] in raw]
    results = of(session, "user.custom_tool_result")
    assert len(results) == len(calls) + 2
    assert sum(bool(event.get("is_error")) for event in results) >= 5
    said = json.dumps(results)
    assert "Error(" not in said
    assert "Exception" not in said
    assert str(program.home) not in said


def test_a_burst_while_the_program_is_suspended_is_all_there_afterwards(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Say(SECOND), Sleep(1.0), Say(THIRD)))
    running = program.start_run()
    running.wait_event("text", text=SECOND)
    running.signal(signal.SIGSTOP)
    service.play(the_session(service).id, (Burst(1_000),))
    running.signal(signal.SIGCONT)
    done = program.end(running)
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert len(done.texts) > 1_000
    assert session.streams_opened == 1


@pytest.mark.parametrize("skew", [7200.0, -7200.0])
def test_a_clock_that_is_off_over_there_does_not_change_what_it_costs(
    program: Program, service: Rehearsal, document: Document, skew: float
) -> None:
    service.script(
        (
            WaitFor("stream", 1),
            Skew(skew),
            *job(document, Think(input=20_000, output=2_000), Pass(90.0), Say(SECOND))[1:],
        )
    )
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    cost = done.session["cost"]
    assert Decimal(cost["reported"]) == Decimal(session.list_cost) / 100
    assert abs(Decimal(cost["estimate"]) - Decimal(str(float(session.cost)))) < Decimal("0.0052"), cost


def test_a_cost_that_is_never_told_is_estimated(program: Program, service: Rehearsal, document: Document) -> None:
    service.script((WaitFor("stream", 1), ReportUsage(absent=True), *job(document, Think(input=100_000, output=3_000))))
    done = program.run()
    session = whole(program, service, done)
    assert done.code == 0, done.said
    assert done.session["cost"]["reported"] is None
    assert abs(Decimal(done.session["cost"]["estimate"]) - Decimal(str(float(session.cost)))) < Decimal("0.01")


def test_the_text_on_a_terminalless_output_is_said_without_doubles(program: Program, service: Rehearsal) -> None:
    service.script(turn(Say(SECOND, pause=0.05), Sleep(0.3), Say(THIRD), Idle()))
    done = program.do("run", "incident-summary", "local:INC-1", "--runtime", "managed")
    assert done.code == 1, done.err
    for text in (FIRST, SECOND, THIRD):
        assert done.out.count(str(clean(text))) == 1, done.out


def test_a_document_that_is_wrong_may_be_mended_three_times(
    program: Program, service: Rehearsal, document: Document
) -> None:
    wrong = {**document, "headline": {**document["headline"], "text": "Everything is fixed since 23:59 UTC."}}
    service.script(job(document, hand_in(wrong), hand_in({"headline": "nonsense"})))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
    program.configure(service.url)
    service.script((WaitFor("stream", 1), *(hand_in(wrong),) * 3, hand_in(document), Idle()))
    again = program.run("local:INC-1")
    assert again.code == 1, again.said
    assert again.session["document"] is None
