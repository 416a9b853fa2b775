"""How a session looks on stdout, and what each end of it means, with a desk that does what a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from opstui.cli import streaming
from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.core.desk import Desk, InterruptSession, Outcome, RunSession, SessionDetail, SessionEvents
from opstui.core.errors import Busy, CredentialsRefused, OpstuiError, Unreachable
from opstui.core.sessions import Cost, Session, SessionEvent, SessionStatus
from opstui.core.tickets import TicketRef

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ScriptedDesk:
    """One session whose events come as ``play`` says."""

    def __init__(self, play: Callable[[ScriptedDesk], OpstuiError | None]) -> None:
        self._play = play
        self.session = Session(
            id="S1",
            workflow="incident-summary",
            workflow_version="v",
            ticket=TicketRef("local", "A-1"),
            ticket_version="1",
            runtime="slow",
            runtime_kind="messages",
            operator="alex",
            shift="x",
            created_at=NOON,
            cost=Cost(budget=500_000),
        )
        self.events: list[SessionEvent] = []
        self.interrupted = threading.Event()

    def add(self, kind: str, **data: Any) -> None:
        number = len(self.events) + 1
        event = SessionEvent(session="S1", seq=number, remote_id=str(number), at=NOON, type=kind, data=data)
        self.events.append(event)

    def end(
        self, status: SessionStatus = SessionStatus.ENDED, document: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        self.session = replace(self.session, status=status, document=document, ended_at=NOON, **more)
        self.add("session.ended")

    def ask(self, question: object) -> Any:
        if isinstance(question, SessionEvents):
            return tuple(event for event in self.events if event.seq > question.after)
        assert isinstance(question, SessionDetail)
        return self.session

    def do(self, command: object) -> Outcome[Any]:
        if isinstance(command, InterruptSession):
            self.interrupted.set()
            return Outcome(self.session)
        assert isinstance(command, RunSession)
        error = self._play(self)
        return Outcome(error=error) if error else Outcome(self.session)


def run(
    play: Callable[[ScriptedDesk], OpstuiError | None], *, events: bool = True, as_json: bool = False
) -> tuple[int, ScriptedDesk]:
    desk = ScriptedDesk(play)
    invocation = Invocation(Globals(), {}, cast(Desk, desk))
    return streaming.run_here(invocation, desk.session, events=events, as_json=as_json), desk


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def good(desk: ScriptedDesk) -> None:
    desk.add("session.started")
    desk.add("text", text="Lookups fail.")
    desk.add("usage", cost={"estimate": 86_600, "reported": None, "usage": {"input_tokens": 5}, "budget": 500_000})
    desk.end(document={"head": {}}, draft="D1", stop_reason="done")


def test_the_last_line_is_the_end_with_the_session_as_it_is_then(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(good)
    printed = lines(capsys)
    assert code == 0
    assert [line["type"] for line in printed] == ["session.started", "text", "usage", "session.ended"]
    assert printed[2]["cost"]["estimate"] == "0.0866"
    assert printed[-1]["session"]["draft"] == "D1"


def test_json_prints_one_session_and_no_event(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(good, events=False, as_json=True)
    [session] = lines(capsys)
    assert (code, session["id"], session["document"]) == (0, "S1", {"head": {}})


def test_a_person_reads_the_text_on_stdout_and_the_rest_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    run(good, events=False)
    captured = capsys.readouterr()
    assert captured.out == "Lookups fail.\n"
    assert "D1" in captured.err


def fails(error: OpstuiError) -> Callable[[ScriptedDesk], OpstuiError]:
    def play(desk: ScriptedDesk) -> OpstuiError:
        desk.add("error", text=str(error))
        desk.end(SessionStatus.FAILED)
        return error

    return play


def ends(status: SessionStatus, reason: str | None) -> Callable[[ScriptedDesk], None]:
    return lambda desk: desk.end(status, stop_reason=reason)


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (fails(Unreachable("rt: not reachable")), 3),
        (fails(CredentialsRefused("the key was refused")), 4),
        (ends(SessionStatus.IDLE, "budget_reached"), 6),
        (ends(SessionStatus.FAILED, "refusal"), 1),
        (ends(SessionStatus.ENDED, "no_document"), 1),
    ],
)
def test_each_end_has_its_exit_code_and_prints_what_there_is(
    capsys: pytest.CaptureFixture[str], play: Callable[[ScriptedDesk], OpstuiError | None], code: int
) -> None:
    assert run(play)[0] == code
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["type"] == "session.ended"
    assert captured.err.startswith("opstui: ")


def test_ctrl_c_interrupts_the_session_and_exits_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    sleep = time.sleep

    def pressed(seconds: float) -> None:
        nonlocal looks
        looks += 1
        sleep(0.001)
        if looks == 3:
            raise KeyboardInterrupt

    def play(desk: ScriptedDesk) -> None:
        desk.add("session.started")
        desk.interrupted.wait(10)
        desk.end(stop_reason="interrupted")

    monkeypatch.setattr(streaming.time, "sleep", pressed)
    code, desk = run(play)
    assert code == 130
    assert desk.interrupted.is_set()
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["type"] == "session.ended"
    assert "interrupted" in captured.err


def test_an_interrupt_that_nobody_answers_says_that_the_session_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    calls = 0
    sleep = time.sleep

    def pressed(seconds: float) -> None:
        nonlocal calls
        calls += 1
        sleep(0.001)
        if calls == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(streaming.time, "sleep", pressed)
    monkeypatch.setattr(streaming, "GRACE", 0.05)

    def play(desk: ScriptedDesk) -> None:
        release.wait(10)

    code, _ = run(play)
    release.set()
    assert code == 130
    err = capsys.readouterr().err
    assert "goes on" in err
    assert "S1" in err


def test_a_session_that_another_process_runs_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    def play(desk: ScriptedDesk) -> OpstuiError:
        desk.add("session.started")
        threading.Timer(0.1, lambda: desk.end(document={"head": {}})).start()
        return Busy("session S1 is run by worker 12")

    code, _ = run(play)
    assert code == 0
    assert lines(capsys)[-1]["type"] == "session.ended"


def test_a_session_whose_runner_died_is_taken_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "TAKE_OVER", 0.05)
    tries: list[OpstuiError | None] = [Busy("session S1 is run by worker 12"), Busy("session S1 is run by worker 12")]

    def play(desk: ScriptedDesk) -> OpstuiError | None:
        if tries:
            return tries.pop()
        desk.end(document={"head": {}})
        return None

    code, _ = run(play)
    captured = capsys.readouterr()
    assert code == 0
    assert captured.err.count("worker 12") == 1
    assert json.loads(captured.out.splitlines()[-1])["type"] == "session.ended"


def test_a_long_silence_is_said_once_on_both_ways(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.05)

    def play(desk: ScriptedDesk) -> None:
        time.sleep(0.4)
        desk.end(document={"head": {}})

    run(play)
    captured = capsys.readouterr()
    assert captured.err.count("waiting for slow") == 1
    assert [json.loads(line)["type"] for line in captured.out.splitlines()] == ["notice", "session.ended"]
