"""Processes are killed, the operator interrupts, the network goes away: the same remote session is finished, once."""

from __future__ import annotations

import os
import signal
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Call, Idle, Say, Sleep, Step, Think, WaitFor
from tests.behaviours.checks import heard, of, the_session, whole
from tests.behaviours.network import Network
from tests.behaviours.program import CLIENT, KEY, Done, Program
from tests.behaviours.scripts import FIRST, SECOND, THIRD, hand_in, job, use
from tests.pty.terminal import OPSTUI, Terminal, workers_of

Document = dict[str, Any]
SOON_SAID = {f"{place}:SAID_FROM": 0.5 for place in (CLIENT, "opstui.adapters.runtimes.managed_stream")}
"""A wait is said from half a second on."""


def the_ledger_counts_it_once(program: Program, session: Any) -> None:
    """The shift's sum is the session's own, and that is the service's."""
    cost = program.ask("cost")
    [run] = cost["sessions"]
    assert cost["total"]["sessions"] == 1
    assert Decimal(cost["total"]["reported"]) == Decimal(session.list_cost) / 100
    assert Decimal(cost["total"]["estimate"]) == Decimal(run["cost"]["estimate"])
    assert abs(Decimal(run["cost"]["estimate"]) - Decimal(str(float(session.cost)))) < Decimal("0.01")


def resumed(program: Program, session_id: str) -> Done:
    """``session resume`` to the end."""
    again = program.do("session", "resume", session_id, "--events")
    assert again.code == 0, again.said
    return again


def kill(program: Program, running: Any) -> Done:
    """``kill -9``, and what was said until then."""
    running.signal(signal.SIGKILL)
    return program.end(running)


def session_of(running: Any) -> str:
    """The id that the first line tells."""
    return str(running.wait_event("session.started")["session"]["id"])


MOMENTS: list[tuple[str, tuple[Step, ...], str]] = [
    ("while it listens", (Think(input=3_000, output=300, within=(Say(SECOND),)), WaitFor("stream", 2)), SECOND),
    ("while a tool is called", (Say(SECOND), Call((use("get_ticket"),) * 3), WaitFor("stream", 2)), SECOND),
    ("after the document was accepted", (), "document"),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment[0])
def test_a_run_that_is_killed_in_mid_session_is_finished_by_resume(
    program: Program, service: Rehearsal, document: Document, moment: tuple[str, tuple[Step, ...], str]
) -> None:
    _, middle, sign = moment
    late = (hand_in(document), Say(SECOND), WaitFor("stream", 2), Idle()) if sign == "document" else ()
    service.script((*job(document, *middle)[:-3], *late) if late else job(document, *middle))
    running = program.start_run()
    session_id = session_of(running)
    running.wait_event("text", text=SECOND)
    killed = kill(program, running)
    assert killed.code == -signal.SIGKILL
    assert program.ask("session", "show", session_id)["status"] in ("running", "waiting")
    again = resumed(program, session_id)
    session = whole(program, service, again, printed=False)
    assert again.session["draft"]
    the_ledger_counts_it_once(program, session)
    assert len(program.ask("draft", "list")) == 1


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions$", "/events$"])
def test_a_run_that_is_killed_while_it_starts_is_finished_by_resume_and_there_is_one_session(
    program: Program, service: Rehearsal, document: Document, path: str
) -> None:
    """The request arrives and is carried out; who sent it is gone before the answer comes."""
    service.script(job(document), times=3)
    fault = service.fault("POST", path, delay=0.3)
    running = program.start_run()
    session_id = session_of(running)
    service.wait_until(lambda: fault.hits)
    killed = kill(program, running)
    assert killed.code == -signal.SIGKILL
    time.sleep(0.4)
    again = resumed(program, session_id)
    session = whole(program, service, again, printed=False)
    the_ledger_counts_it_once(program, session)
    assert service.count("POST", "/v1/agents") - len([r for r in service.requests if r.status == 404]) <= 2


def test_a_session_whose_runner_stopped_is_finished_once_by_whoever_comes_first(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Say(SECOND), WaitFor("stream", 2)))
    running = program.start_run()
    session_id = session_of(running)
    running.wait_event("text", text=SECOND)
    kill(program, running)
    both = [program.start("session", "resume", session_id, "--events") for _ in range(2)]
    ended = [program.end(one) for one in both]
    assert [done.code for done in ended] == [0, 0], ended[0].said + ended[1].said
    the_ledger_counts_it_once(program, whole(program, service, ended[0], printed=False))


def test_a_model_that_is_talked_to_from_here_is_asked_again_after_a_kill(program: Program, service: Rehearsal) -> None:
    slow = service.fault("POST", "/v1/messages", delay=30.0, after=2)
    running = program.start_run(runtime="desk")
    session_id = session_of(running)
    service.wait_until(lambda: slow.hits)
    kill(program, running)
    slow.remove()
    again = resumed(program, session_id)
    assert again.session["draft"]
    texts = [event["text"] for event in program.transcript(session_id) if event["type"] == "text"]
    assert len(set(texts)) == len(texts), texts
    cost = program.ask("cost")
    assert cost["total"]["sessions"] == 1
    assert Decimal(cost["total"]["estimate"]) == Decimal(again.session["cost"]["estimate"]) > 0
    assert len(program.ask("draft", "list")) == 1


# --- the operator interrupts


def test_ctrl_c_interrupts_the_session_over_there(program: Program, service: Rehearsal) -> None:
    service.script((WaitFor("stream", 1), Say(SECOND), Sleep(20), Say(THIRD), Idle()))
    running = program.start_cold("run", "incident-summary", "local:INC-1", "--runtime", "managed", "--events")
    running.wait_event("text", text=SECOND)
    running.signal(signal.SIGINT)
    done = program.end(running)
    assert done.code == 130, done.said
    session = whole(program, service, done)
    assert len(of(session, "user.interrupt")) == 1
    assert session.status == "idle"
    assert done.session["stop_reason"] == "interrupted"
    assert THIRD not in done.texts


def test_ctrl_c_that_does_not_arrive_says_that_the_session_goes_on(
    program: Program, service: Rehearsal, document: Document
) -> None:
    service.script(job(document, Say(SECOND), WaitFor("stream", 2), Say(THIRD)))
    with Network(service.url) as network:
        program.configure(network.url)
        running = program.start_run()
        session_id = session_of(running)
        running.wait_event("text", text=SECOND)
        network.freeze()
        asked = time.monotonic()
        running.signal(signal.SIGINT)
        done = program.end(running)
        assert time.monotonic() - asked < 20
        assert done.code == 130, done.said
        assert f"session {session_id} goes on" in done.err
        network.mend()
        again = program.do("session", "resume", session_id, "--events")
        assert again.session["id"] == session_id
        session = the_session(service)
        assert len(heard(session)) == 1


def test_an_interrupt_by_another_process_is_delivered(program: Program, service: Rehearsal) -> None:
    service.script((WaitFor("stream", 1), Say(SECOND), Sleep(20), Say(THIRD), Idle()))
    running = program.start_run()
    session_id = session_of(running)
    running.wait_event("text", text=SECOND)
    assert program.do("session", "interrupt", session_id).code == 0
    done = program.end(running)
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "interrupted"
    assert len(of(the_session(service), "user.interrupt")) == 1


# --- the network


def test_a_network_that_is_away_for_a_while_is_waited_for(
    program: Program, service: Rehearsal, document: Document
) -> None:
    program.constants |= SOON_SAID
    service.script(job(document, Say(SECOND), Sleep(0.5), Say(THIRD)))
    with Network(service.url) as network:
        program.configure(network.url)
        running = program.start_run()
        running.wait_event("text", text=SECOND)
        network.cut()
        mending = threading.Timer(1.5, network.mend)
        mending.start()
        done = program.end(running)
        mending.join()
    whole(program, service, done)
    assert done.code == 0, done.said
    assert done.took > 1.5
    assert "trying again" in done.said or "not reachable" in done.said


def test_a_network_that_freezes_is_waited_for(program: Program, service: Rehearsal, document: Document) -> None:
    service.script(job(document, Say(SECOND), Sleep(0.5), Say(THIRD)))
    with Network(service.url) as network:
        program.configure(network.url)
        running = program.start_run()
        running.wait_event("text", text=SECOND)
        network.freeze()
        mending = threading.Timer(1.5, network.mend)
        mending.start()
        done = program.end(running)
        mending.join()
    whole(program, service, done)
    assert done.code == 0, done.said


# --- the worker


def test_a_worker_that_is_killed_is_replaced_when_the_app_is_started_again(
    program: Program, service: Rehearsal, document: Document
) -> None:
    program.configure(service.url, '[workflows.incident-summary]\nruntime = "managed"\n')
    service.script(job(document, Say(SECOND), WaitFor("stream", 2), Say(THIRD)))
    env = program.env
    with Terminal([*OPSTUI, "open", "local:INC-1"], env=env, cwd=program.home, columns=120, rows=36) as terminal:
        terminal.wait_text("INC-1")
        terminal.wait_quiet(0.5)
        terminal.press("s")
        service.wait_until(lambda: [s for s in service.sessions.values() if SECOND in str(s.events)], 30)
        [worker] = workers_of(program.home)
        for place in ("environ", "cmdline"):
            assert KEY.encode() not in Path(f"/proc/{worker}/{place}").read_bytes()
        os.kill(worker, signal.SIGKILL)
        terminal.press("ctrl+q")
        terminal.wait_end()
    with Terminal([*OPSTUI], env=env, cwd=program.home, columns=120, rows=36) as terminal:
        terminal.wait_text(r"draft ready|its draft is ready", seconds=40)
        assert "never answered" not in terminal.text()
        terminal.press("ctrl+q")
        terminal.wait_end()
    [run] = program.ask("session", "list")
    done = program.do("session", "show", run["id"], "--json")
    assert done.json["status"] == "idle"
    assert done.json["draft"]
    kept = [event["text"] for event in program.transcript(run["id"]) if event["type"] == "text"]
    assert kept[:3] == [FIRST, SECOND, THIRD]
    session = the_session(service)
    assert len(heard(session)) == 1
    the_ledger_counts_it_once(program, session)
