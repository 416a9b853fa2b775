"""Listening: what changed on the desk, told to the screen that is on top; and where everything stands, kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from opstui.core.desk import Event, KeepViewState, Mark, Queues, Status, StatusLine
from opstui.core.errors import OpstuiError
from opstui.tui.screens.base import DeskScreen
from opstui.tui.state import reduce_all
from opstui.tui.talking import TalkingApp
from opstui.tui.terminal import bell

POLL = 0.25
"""Seconds between looks at the desk's bell; a look costs 15 µs."""
HURRY = 0.05
"""The same while something streams onto the screen."""
HEAL = 2.0
"""Seconds between looks at the queues' health while one of them is not live; a look costs a millisecond."""
KEEP = 1.0
"""Seconds between two writes of the view state."""


class ListeningApp(TalkingApp, inherit_bindings=False):
    """An app that looks at the desk's bell four times a second, and at nothing else while it is quiet."""

    status: Status
    last_key: float
    """Monotonic seconds of the last key."""
    _mark: Mark | None
    _heard: tuple[Event, ...]
    _healths: tuple[float, tuple[str, ...]]
    """When the queues' health was looked at last, and what it was."""
    _minute: int
    _last_kept: Mapping[str, Any]
    _kept_at: float
    _bell: bell.Attention

    def stack_state(self) -> Mapping[str, Any]:
        """What the next start needs to stand where this one stands."""
        return {}

    def _look_later(self) -> None:
        # Not a timer of the library's: one of those costs half a millisecond each time, which an idle shift pays
        # forty thousand times.
        hurry = isinstance(self.screen, DeskScreen) and self.screen.streams
        asyncio.get_running_loop().call_later(HURRY if hurry else POLL, self._look)

    def _look(self) -> None:
        if self._exit or self._closing or not self.screen_stack:
            return
        try:
            healed = self._healed()
            heard, self._mark = self.desk.changes(self._mark)
            heard += healed
        except OpstuiError as error:
            # A store that can't be read for a moment: what is shown stays, and the next look tries again.
            if not self.notice_shown or self.notice_shown[0] != error.message:
                self.call_later(self.say, error.message, "bad")
        else:
            self._heard += heard
            minute = int(self.now().timestamp() // 60)
            due = self.last_key > self._kept_at and time.monotonic() - self._kept_at >= KEEP
            if heard or due or minute != self._minute:
                self.call_later(self._tell)
        self._look_later()

    def _healed(self) -> tuple[Event, ...]:
        """While a queue is not live: whether one stands otherwise now. One that answers as before rings no bell."""
        moment = time.monotonic()
        if self.status.health == "live" or moment - self._healths[0] < HEAL:
            return ()
        asked = self.desk.ask(Queues())
        states = tuple(f"{state.state} {state.error} {state.again_at is None}" for state in asked)
        before, self._healths = self._healths[1], (moment, states)
        return (Event("queue", "", 0),) if states != before else ()

    def _tell(self) -> None:
        try:
            self._tell_screen()
        except OpstuiError as error:
            self.say(error.message, "bad")
        moment = time.monotonic()
        if self.last_key > self._kept_at and moment - self._kept_at >= KEEP:
            self._kept_at = moment
            state_now = self.stack_state()
            if state_now != self._last_kept:
                self._last_kept = state_now
                self._thread(lambda: self.desk.do(KeepViewState(name="app", state=state_now)))

    def _tell_screen(self) -> None:
        heard, self._heard = self._heard, ()
        screen = self.screen
        minute = int(self.now().timestamp() // 60)
        ticked, self._minute = minute != self._minute, minute
        if heard or ticked:
            self._look_at_status()
        if isinstance(screen, DeskScreen) and screen.is_there and (heard or ticked):
            # Screens below ask for everything again when they come back into view.
            if heard:
                screen.ask_again(reduce_all(screen.view_state(), heard))
            if ticked:
                screen.minute_passed()
            screen.show_frame()

    def _look_at_status(self) -> None:
        before, self.status = self.status, self.desk.ask(StatusLine())
        if self.status.waiting > before.waiting or (self.status.sev_one and not before.sev_one):
            sequence = self._bell.call(
                f"{self.status.waiting} wait for you", time.monotonic(), focused=self.app_focus, last_key=self.last_key
            )
            if sequence and self._driver is not None:
                self._driver.write(sequence)
