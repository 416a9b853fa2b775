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

from opstui.cli import streaming, typist
from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.core.desk import (
    Choices,
    Desk,
    InterruptSession,
    Outcome,
    RunSession,
    SessionChoices,
    SessionDetail,
    SessionEvents,
    SessionPreview,
)
from opstui.core.errors import Busy, CredentialsRefused, OpstuiError, RateLimited, Refused, Unreachable
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
        self.previews: tuple[tuple[str, str], ...] = ()
        self.choices = Choices(text="")
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
        if isinstance(question, SessionPreview):
            return self.previews
        if isinstance(question, SessionChoices):
            return self.choices
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
    invocation = Invocation(Globals(), {"OPSTUI_HOME": "/nowhere/opstui"}, cast(Desk, desk))
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


ACCEPTED: dict[str, Any] = {"document": {"head": {}}, "draft": "D1"}


def ends(status: SessionStatus, reason: str | None, **more: Any) -> Callable[[ScriptedDesk], None]:
    return lambda desk: desk.end(status, stop_reason=reason, **more)


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (fails(Unreachable("managed: not reachable")), 3),
        (fails(RateLimited("managed: asks for a pause of 3,600 s", retry_after=3600)), 3),
        (fails(CredentialsRefused("the key was refused")), 4),
        (fails(Refused("the service refused the budget")), 1),
        (ends(SessionStatus.IDLE, "budget_reached"), 6),
        (ends(SessionStatus.IDLE, "budget_reached", **ACCEPTED), 6),
        (ends(SessionStatus.IDLE, "end_turn"), 1),
        (ends(SessionStatus.IDLE, "interrupted"), 1),
        (ends(SessionStatus.IDLE, "some_new_reason"), 1),
        (ends(SessionStatus.FAILED, "refused"), 1),
        (ends(SessionStatus.FAILED, "refused", **ACCEPTED), 1),
        (ends(SessionStatus.FAILED, "retries_exhausted"), 1),
        (ends(SessionStatus.FAILED, "terminated"), 1),
        (ends(SessionStatus.FAILED, "deleted", **ACCEPTED), 1),
        (ends(SessionStatus.FAILED, "credentials_refused"), 4),
        (ends(SessionStatus.FAILED, "unreachable"), 3),
        (ends(SessionStatus.FAILED, "internal_error"), 70),
        (ends(SessionStatus.ENDED, "no_document"), 1),
        (ends(SessionStatus.ENDED, None), 1),
    ],
)
def test_each_end_has_its_exit_code_and_says_why(
    capsys: pytest.CaptureFixture[str], play: Callable[[ScriptedDesk], OpstuiError | None], code: int
) -> None:
    assert run(play)[0] == code
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["type"] == "session.ended"
    assert captured.err.startswith("opstui: ")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(SessionStatus.ENDED, "done"), (SessionStatus.ENDED, None), (SessionStatus.IDLE, "end_turn"),
     (SessionStatus.IDLE, "interrupted")],
)  # fmt: skip
def test_with_an_accepted_document_it_is_done_also_where_the_session_stands_still(
    capsys: pytest.CaptureFixture[str], status: SessionStatus, reason: str | None
) -> None:
    code, _ = run(ends(status, reason, **ACCEPTED), events=False)
    assert code == 0
    assert "opstui draft show D1" in capsys.readouterr().err


def test_what_can_be_done_is_said_as_commands(capsys: pytest.CaptureFixture[str]) -> None:
    def play(desk: ScriptedDesk) -> None:
        desk.choices = Choices(
            text="",
            choices=("raise", "fallback", "message", "resume", "again"),
            fallback="offline",
            least_budget=310_000,
        )
        desk.end(SessionStatus.IDLE, stop_reason="budget_reached")

    run(play)
    err = capsys.readouterr().err
    assert "opstui session raise S1 --budget 0.31 --reason TEXT" in err
    assert "opstui session fallback S1 does it without a model" in err
    assert "opstui session message S1 TEXT" in err
    assert "opstui session resume S1" in err


def test_a_session_that_was_lost_sight_of_is_said_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def play(desk: ScriptedDesk) -> OpstuiError:
        desk.session = replace(desk.session, status=SessionStatus.RUNNING, remote_id="sesn_1")
        desk.choices = Choices(text="", fallback="offline")
        return Unreachable("managed: no contact for 60 s")

    code, _ = run(play)
    err = capsys.readouterr().err
    assert code == 3
    assert "session S1 goes on over there\n→ opstui session resume S1 follows it\n" in err
    assert "opstui session fallback S1 does it without a model" in err


def test_what_it_cost_is_said_as_an_estimate_and_as_reported(capsys: pytest.CaptureFixture[str]) -> None:
    def play(desk: ScriptedDesk) -> None:
        cost = Cost(budget=500_000, estimate=86_600, reported=90_000, at_report=80_000, unknown_model=True)
        desk.session = replace(desk.session, cost=cost, model="qwen3:32b")
        desk.end(**ACCEPTED)

    run(play)
    err = capsys.readouterr().err
    assert "≈ $0.0966, reported $0.09, estimated here ≈ $0.0866, budget $0.50" in err
    assert "the rate card has no price for qwen3:32b" in err


def saying(desk: ScriptedDesk) -> None:
    """Says a text in pieces before it is stored whole, and one that comes to nothing."""
    for said in ("Look", "Lookups fail", "Lookups fail."):
        desk.previews = (("text:e1", said), ("text:e2", "gone"))
        time.sleep(0.1)
    desk.add("text", text="Lookups fail.")
    desk.events[-1] = replace(desk.events[-1], remote_id="text:e1")
    time.sleep(0.1)
    desk.end(**ACCEPTED)


def test_previews_are_partial_lines_that_the_whole_text_follows(capsys: pytest.CaptureFixture[str]) -> None:
    run(saying)
    texts = [line for line in lines(capsys) if line["type"] == "text" and line["id"] == "e1"]
    assert [line["text"] for line in texts] == ["Look", "Lookups fail", "Lookups fail.", "Lookups fail."]
    assert [line.get("partial") for line in texts] == [True, True, True, None]


def test_nobody_types_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    run(saying, events=False)
    assert capsys.readouterr().out == "Lookups fail.\n"


def test_on_a_terminal_the_text_is_typed_as_it_comes_and_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "on_terminal", lambda: True)
    pieces: list[bytes] = []
    write = typist.write
    monkeypatch.setattr(typist, "write", lambda data: (pieces.append(data), write(data))[1])
    run(saying, events=False)
    assert capsys.readouterr().out == "Lookups fail.\n"
    assert pieces == [b"Look", b"ups fail", b"."]


def test_what_was_typed_and_then_came_otherwise_stands_whole_on_its_own_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    typing = typist.Typist()
    typing.type("a", "The disk")
    typing.type("a", "…tail of something long")
    typing.type("b", "another text waits")
    assert typing.end("a", "The disc is full.")
    assert not typing.end("b", "another text waits")
    typing.type("c", "half a wo")
    typing.stop()
    assert capsys.readouterr().out == "The disk\nThe disc is full.\nhalf a wo\n"


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


def test_a_long_silence_is_said_on_both_ways(
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


def test_a_silence_that_goes_on_is_said_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.05)
    monkeypatch.setattr(streaming, "SAID_AGAIN", 0.2)

    def play(desk: ScriptedDesk) -> None:
        time.sleep(0.6)
        desk.end(document={"head": {}})

    run(play)
    assert capsys.readouterr().err.count("waiting for slow") == 3
