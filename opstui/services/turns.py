"""Updates that take turns: while one settles, or pauses as its system asks, the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from opstui.core.drafts import PushRecord
from opstui.core.errors import Busy
from opstui.core.pushing import Nothing, Step, Wait, WaitFor
from opstui.services.setup import Setup

LOCK_WAIT = 30.0
"""Seconds that ``push`` waits for another publisher."""
POLITE_WAIT = 60.0
"""A pause that a system asks for is waited out up to this long; beyond it the update stays approved."""
BLIND_WAIT = 300.0
"""Seconds for which ``push`` asks a system that does not answer what became of an update."""
TURN_SECONDS = 0.05
"""How often it is looked whether the update before is through."""
LONGEST_REST = 10.0
"""Seconds."""
ASKED = "asked to wait"
"""How the reason of a wait begins that the system itself asked for."""


@dataclass
class _Going:
    """An update that is being seen through."""

    push: str
    system: str
    until: datetime | None = None
    """When it is looked at again."""
    patient_since: float | None = None
    """When a system began to make us wait for what has no end of its own."""


class Turns:
    """Sees updates through until nothing of them is unknown. ``advance`` takes one as far as it goes without waiting.

    ``advance`` is given a row's id and how many seconds to wait for the lock, and may raise Busy.
    """

    def __init__(self, setup: Setup, advance: Callable[[str, float], Step]) -> None:
        self._setup = setup
        self._advance = advance
        self._going: list[_Going] = []

    def take(self, pushes: Sequence[PushRecord]) -> dict[str, str]:
        """See ``pushes`` through, which are in the order of their approvals.

        Answers who holds the systems that were not to be had, each of which is waited for once.
        """
        held_by: dict[str, str] = {}
        going = self._going = [_Going(push.id, push.system) for push in pushes]
        rested = 0.0
        while going:
            for one in tuple(going):
                if one.until is not None and one.until > self._setup.clock.now() and rested < LONGEST_REST:
                    continue
                try:
                    step = self._advance(one.push, 0.0 if one.system in held_by else LOCK_WAIT)
                except Busy as error:
                    held_by[one.system] = str(error)
                    step = Nothing()
                if not self._stays(one, step):
                    going.remove(one)
            if going:
                rested = self._rest()
        return held_by

    def _stays(self, one: _Going, step: Step) -> bool:
        """Whether it is worth staying with an update after this step; notes until when it rests."""
        if not isinstance(step, Wait):
            return False
        clock, push = self._setup.clock, self._setup.record.push(one.push)
        one.until = step.until
        if push is None or step.why is WaitFor.CREDENTIALS:
            return False  # only a person can mend that; what is unknown stays unknown until then
        if step.why is WaitFor.TURN:
            return any(other.push == step.reason for other in self._going)
        if step.why is WaitFor.SETTLE:
            # Settling ends. What can end it is the system's answer, and one that is away may be away for long.
            limit = BLIND_WAIT if push.failures else None
        elif step.reason.startswith(ASKED) or push.started:
            limit = POLITE_WAIT
        else:
            return False  # not reachable: it stays approved, and whoever called says so
        if limit is None:
            one.patient_since = None
            return True
        one.patient_since = clock.monotonic() if one.patient_since is None else one.patient_since
        pause = (step.until - clock.now()).total_seconds()
        return clock.monotonic() + pause <= one.patient_since + limit

    def _rest(self) -> float:
        """Sleep until the first of them can go on; how long. A clock that is turned back makes it no longer."""
        now = self._setup.clock.now()
        pause = min((one.until - now).total_seconds() for one in self._going if one.until is not None)
        pause = max(0.01, min(pause, LONGEST_REST))
        time.sleep(pause)
        return pause
