"""The demo as it stands at one moment, with a clock that stands still and letters that anybody could know."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from opstui.config.paths import Paths
from opstui.config.settings import Budget, OperatorSettings, Settings, ShiftSettings, Zone
from opstui.core.desk import (
    ApproveDraft,
    Command,
    Confirm,
    Desk,
    DraftReview,
    Event,
    IndexKnowledge,
    Mark,
    Outcome,
    PushApproved,
    Question,
    RefreshTickets,
    RunSession,
    StartSession,
)
from opstui.core.sessions import Session
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.wiring import open_setup

A = TypeVar("A")

MOMENT = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)


class StandingClock:
    """It is always the same time, until somebody moves it on."""

    def __init__(self) -> None:
        self.moment = MOMENT

    def pass_by(self, **time: float) -> None:
        """``pass_by(minutes=3)``."""
        self.moment += timedelta(**time)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


class KnownChance:
    """The same bytes and letters every time."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def choice(self, letters: str) -> str:
        return self._random.choice(letters)


class Still:
    """A desk on which nothing happens by itself: no player, no polling, no worker."""

    def __init__(self, desk: Desk, clock: StandingClock) -> None:
        self._desk = desk
        self.clock = clock

    def ask(self, question: Question[A]) -> A:
        return self._desk.ask(question)

    def do(self, command: Command[A]) -> Outcome[A]:
        return self._desk.do(command)

    def changes(self, after: Mark | None) -> tuple[tuple[Event, ...], Mark]:
        return self._desk.changes(after)

    def live(self) -> None:
        """Nothing."""

    def close(self) -> None:
        self._desk.close()


def demo_desk(home: Path) -> Still:
    """The demo's desk in ``home``, freshly made, its tickets fetched."""
    paths = Paths.find({"OPSTUI_HOME": str(home)}).demo()
    settings = Settings(
        operator=OperatorSettings(name="alex"),
        shift=ShiftSettings(timezone=Zone("Europe/Berlin"), budget=Budget(25_000_000)),
    )
    clock = StandingClock()
    desk = Still(DeskService(open_setup(settings, paths, demo=True, clock=clock, randomness=KnownChance())), clock)
    desk.do(RefreshTickets()).unwrap()
    desk.do(IndexKnowledge()).unwrap()
    return desk


def summarised(desk: Still, ref: TicketRef, workflow: str = "incident-summary") -> Session:
    """A session of ``workflow`` on ``ref``, run to its end in this process."""
    session = desk.do(StartSession(ticket=ref, workflow=workflow, here=True)).unwrap()
    return desk.do(RunSession(session.id)).unwrap()


def pushed(desk: Still, draft: str) -> None:
    """Approve ``draft`` as it is, and send it."""
    assert desk.ask(DraftReview(draft)).fingerprint is not None
    fingerprint = desk.ask(Confirm(draft)).fingerprint
    desk.do(ApproveDraft(id=draft, fingerprint=fingerprint, here=True)).unwrap()
    desk.do(PushApproved(draft=draft)).unwrap()
