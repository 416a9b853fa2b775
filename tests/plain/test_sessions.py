"""Sessions in the dialogue, over a desk that does what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from opstui.core.desk import (
    Choices,
    DeskFacts,
    FallBack,
    InterruptSession,
    MessageSession,
    Outcome,
    RaiseBudget,
    ResumeSession,
    SessionChoices,
    SessionDetail,
    SessionEvents,
    Sessions,
    StartSession,
)
from opstui.core.errors import NotFound, UsageError
from opstui.core.sessions import Cost, Session, SessionEvent, SessionStatus
from opstui.core.tickets import TicketRef
from opstui.plain.sessions import WAIT, SessionTalk

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REF = TicketRef("local", "INC-1")
AT_BUDGET = Choices(
    text="the budget is used up", choices=("raise", "fallback"), fallback="offline", least_budget=310_000
)


class Desk:
    """One session; each command plays what is laid down for it."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.events: list[SessionEvent] = []
        self.choices = Choices(text="")
        self.done: list[object] = []
        self.plays: dict[type, Callable[[], None]] = {}
        self.lived = 0

    def add(self, kind: str, **data: Any) -> None:
        number = len(self.events) + 1
        self.events.append(SessionEvent(session="S1", seq=number, remote_id=str(number), at=NOON, type=kind, data=data))

    def stand(self, status: SessionStatus, reason: str | None, **more: Any) -> None:
        assert self.session is not None
        self.session = replace(self.session, status=status, stop_reason=reason, **more)
        if not status.is_live:
            self.add("session.ended")

    def begin(self, **more: Any) -> None:
        given: dict[str, Any] = {
            "id": "S1", "workflow": "incident-summary", "workflow_version": "v", "ticket": REF, "ticket_version": "1",
            "runtime": "managed", "runtime_kind": "managed-agents", "model": "m", "operator": "sam", "shift": "x",
            "created_at": NOON, "status": SessionStatus.RUNNING, "cost": Cost(budget=300_000, estimate=300_000),
        }  # fmt: skip
        self.session = Session(**given | more)

    def ask(self, question: object) -> Any:
        if isinstance(question, DeskFacts):
            return type("Facts", (), {"runtimes": ("offline", "managed")})
        if isinstance(question, Sessions):
            return (self.session,) if self.session else ()
        if isinstance(question, SessionEvents):
            return tuple(event for event in self.events if event.seq > question.after)
        if isinstance(question, SessionChoices):
            return self.choices
        assert isinstance(question, SessionDetail)
        return self.session

    def do(self, command: object) -> Outcome[Any]:
        self.done.append(command)
        self.plays.get(type(command), lambda: None)()
        return Outcome(self.session)

    def live(self) -> None:
        self.lived += 1


class Room:
    """A talk over such a desk, with a clock that pauses move."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.said: list[str] = []
        self.now = 0.0
        self.paused: Callable[[], None] = lambda: None
        self.talk = SessionTalk(cast(Any, self.desk), self.said.append, seconds=lambda: self.now, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.paused()

    @property
    def heard(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def room() -> Room:
    return Room()


def at_budget(room: Room) -> None:
    room.desk.begin()
    room.desk.add("text", text="Lookups fail.")
    room.desk.stand(SessionStatus.IDLE, "budget_reached")
    room.desk.choices = AT_BUDGET


def test_a_session_at_its_budget_says_so_and_what_can_be_typed(room: Room) -> None:
    room.desk.plays[StartSession] = lambda: at_budget(room)
    room.talk.run(REF, "incident-summary", "managed")
    assert "Lookups fail." in room.said
    assert "the budget is used up and nothing more is spent" in room.heard
    assert "about 0.30 of 0.30 dollars" in room.heard
    assert "You can type raise 0.31 and a reason" in room.heard
    assert "You can type fallback, to do it with offline." in room.said
    assert room.desk.lived


def test_raised_it_goes_on_and_ends_with_its_draft(room: Room) -> None:
    at_budget(room)

    def go_on() -> None:
        room.desk.add("text", text="And the cause is the deploy.")
        room.desk.stand(SessionStatus.IDLE, "end_turn", draft="D1")

    room.desk.plays[RaiseBudget] = lambda: None
    room.paused = go_on
    session = room.talk.raise_budget("1.50 the customer waits")
    assert room.desk.done == [RaiseBudget(id="S1", budget_micros=1_500_000, reason="the customer waits")]
    assert session.draft == "D1"
    assert room.said.count("Lookups fail.") == 0
    assert "Its draft is ready: type draft." in room.heard


def test_a_message_waits_for_what_comes_of_it_though_the_session_stood_still(room: Room) -> None:
    room.desk.begin()
    room.desk.stand(SessionStatus.IDLE, "end_turn")
    pauses = 0

    def later() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            room.desk.add("text", text="It was the deploy.")
            room.desk.stand(SessionStatus.IDLE, "end_turn", draft="D1")

    room.paused = later
    room.talk.message("look at the deploy")
    assert room.desk.done == [MessageSession("S1", "look at the deploy")]
    assert "It was the deploy." in room.said


@pytest.mark.parametrize("command", [InterruptSession, ResumeSession])
def test_what_stands_still_is_told_and_not_waited_for(room: Room, command: type) -> None:
    at_budget(room)
    (room.talk.interrupt if command is InterruptSession else room.talk.resume)()
    assert room.now == 0
    assert "managed, model m: idle, budget reached" in room.heard
    assert "You can type fallback" in room.heard


def test_the_fallback_is_a_session_of_its_own(room: Room) -> None:
    at_budget(room)

    def other() -> None:
        room.desk.events.clear()
        room.desk.begin(id="S2", runtime="offline", runtime_kind="extractive", cost=Cost())
        room.desk.stand(SessionStatus.ENDED, "done", draft="D2")

    room.desk.plays[FallBack] = other
    assert room.talk.fall_back().draft == "D2"
    assert room.desk.done == [FallBack("S1")]


def test_ctrl_c_stops_the_reading_and_not_the_session(room: Room) -> None:
    room.desk.begin()

    def pressed() -> None:
        raise KeyboardInterrupt

    room.paused = pressed
    room.talk.followed("")
    assert room.desk.done == []
    assert "It goes on; type interrupt to stop it" in room.heard


def test_a_long_wait_is_said_and_ends(room: Room) -> None:
    room.desk.begin()
    room.talk.followed("S1")
    assert room.now > WAIT
    assert 4 < room.said.count("Still waiting for managed.") < 12
    assert "It goes on; type follow" in room.said[-1]


def test_how_a_session_stands_is_told_with_its_cost(room: Room) -> None:
    room.desk.begin(cost=Cost(budget=500_000, estimate=86_600, reported=90_000, at_report=86_600, unknown_model=True))
    room.desk.stand(SessionStatus.FAILED, "refused")
    room.talk.told("S1")
    room.talk.listed(REF)
    assert "failed, refused" in room.heard
    assert "0.09 of 0.50 dollars, without the tokens, whose price is not known" in room.heard
    assert "about" not in room.heard
    assert "1 in all." in room.said


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (lambda talk: talk.message(""), UsageError),
        (lambda talk: talk.raise_budget("1.50"), UsageError),
        (lambda talk: talk.run(REF, "triage", "nobody"), UsageError),
        (lambda talk: talk.told(""), NotFound),
    ],
)
def test_what_makes_no_sense_says_how_to_write_it(
    room: Room, talk: Callable[[SessionTalk], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        talk(room.talk)
