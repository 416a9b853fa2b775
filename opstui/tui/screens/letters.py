"""What asks for letters before anything leaves this desk: they are drawn, armed, drawn anew, and typed or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.geometry import Size

from opstui.core.desk import Draw
from opstui.tui.arming import Arming, Phase, at, idle, open_prompt, press, redraw
from opstui.tui.lines import Line, fit, line
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.sevlane import SevLane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.statusline import StatusLine

LOOK = 0.1
"""Seconds between looks at whether the prompt is armed or nobody answered it."""


class LettersScreen(DeskScreen):
    """A screen whose lowest line is a prompt, and whose list ``#what`` shows what the letters are about.

    A subclass composes ``#what`` and ``#prompt``, draws the prompt in ``prompt_lines``, and says in ``takes_letters``
    whether they still count. Every key but those that go back or scroll is an answer.
    """

    choice: ClassVar[Callable[[str], str] | None] = None
    """Instead of the desk's randomness, for tests."""
    monotonic: ClassVar[Callable[[], float]] = staticmethod(time.monotonic)
    """Seconds that never go back."""

    arming: Arming | None = None
    _left = False
    _drawn_armed = False
    _size_drawn: Size | None = None
    _covered = False

    # --- what a subclass says -----------------------------------------------------------------------------------------

    def takes_letters(self) -> bool:
        """Whether a letter still counts: nothing was approved yet, and nothing stands against it."""
        return True

    def suffix(self) -> str | None:
        """What is to be typed instead of two letters."""
        return None

    def prompt_lines(self, width: int) -> list[Line]:
        """The lines of the prompt."""
        return []

    def right_letters(self) -> None:
        """All of it was typed."""

    def wrong_letter(self) -> None:
        """Something else was typed."""

    def look_while_waiting(self) -> None:
        """Ten times a second while no letter is awaited."""

    # --- drawing ------------------------------------------------------------------------------------------------------

    def show_frame(self) -> None:
        """Status line and lane; there is no footer, since nothing may stand below the prompt."""
        app = self.desk_app
        if self.is_there:
            now = app.now()
            self.query_one("#status", StatusLine).tell(app.status, self.facts, now, self.label(), app.key_count())
            self.query_one("#lane", SevLane).tell(app.status, now)

    def more_line(self, width: int) -> Line:
        """The rule above the prompt, which says how much of the list is not in sight."""
        rows = self.query_one("#what", RowList)
        left = rows.max_scroll_y - rows.scroll_offset.y
        if left <= 0:
            return line(("─" * width, "rule"))
        text = f" ▼ {left} more line{'s' if left > 1 else ''}: down, pgdn "
        return fit(line(("──", "rule"), (text, "warn"), ("─" * max(0, width - 2 - len(text)), "rule")), width)

    def show_prompt(self) -> None:
        """Draw the prompt."""
        if self.is_there and not self._left:
            self.query_one("#prompt", Spans).show(self.prompt_lines)

    # --- the letters --------------------------------------------------------------------------------------------------

    def _drawn(self, letters: str) -> str:
        choice = type(self).choice
        return choice(letters) if choice is not None else self.desk.ask(Draw(letters))

    def draw_letters(self) -> None:
        """The first ones, or others in their place."""
        moment = type(self).monotonic()
        if self.arming is None:
            self.arming = open_prompt(self.suffix(), self._drawn, moment)
        else:
            self.arming = redraw(self.arming, self._drawn, moment)
        self._drawn_armed = False
        self.show_prompt()

    def new_letters(self) -> None:
        """Others, while they are still asked for."""
        if self.arming is not None and not self.arming.over and self.takes_letters():
            self.draw_letters()

    def watch_letters(self) -> None:
        """Look ten times a second at whether they are armed or nobody answered."""
        self.set_interval(LOOK, self._tick)

    def _tick(self) -> None:
        if self.arming is None or self.arming.over:
            self.look_while_waiting()
            return
        moment = type(self).monotonic()
        if idle(self.arming, moment):
            self.draw_letters()
            return
        self.arming = at(self.arming, moment)
        armed = self.arming.phase is Phase.ARMED
        if armed != self._drawn_armed:
            self._drawn_armed = armed
            self.show_prompt()

    def on_resize(self) -> None:
        """Another size, other letters. The first size is none."""
        if self._size_drawn not in (None, self.app.size):
            self.new_letters()
        self._size_drawn = self.app.size
        self.call_after_refresh(self.show_prompt)

    def on_screen_suspend(self) -> None:
        """Something stands over it."""
        self._covered = True

    def on_screen_resume(self) -> None:
        """What stood over it is gone."""
        if self._covered:
            self.new_letters()
        self._covered = False

    def focus_reported(self) -> None:
        """The terminal lost focus, came back to the front, or is another one."""
        self.new_letters()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is no key."""
        event.stop()
        event.prevent_default()

    def on_key(self, event: events.Key) -> None:
        """Every key but those that go back or scroll is an answer, and only the right ones count."""
        if event.key in self.desk_app.keymap.keys("confirm.back"):
            return
        event.stop()
        event.prevent_default()
        if event.key in _SCROLLS:
            getattr(self.query_one("#what", RowList), _SCROLLS[event.key])()
            self.call_after_refresh(self.show_prompt)
            return
        arming = self.arming
        if arming is None or arming.over or not self.takes_letters():
            if event.key == "q":
                self.go_back()
            return
        if event.key == "q" and arming.rest[:1].casefold() != "q":
            self.go_back()
            return
        # A modifier makes it another key, whatever character the terminal says it gives.
        character = event.character if event.is_printable and "+" not in event.key else None
        # When it was typed, not when its turn came: what waited in a buffer while the loop was busy is type-ahead.
        lag = max(0.0, time.monotonic() - event.time)
        self.arming = press(arming, character, type(self).monotonic() - lag)
        if self.arming.phase is Phase.WRONG:
            self.wrong_letter()
        elif self.arming.phase is Phase.DONE:
            self.right_letters()
        elif self.arming != arming:
            self.show_prompt()

    def go_back(self) -> None:
        """Nothing was typed, so nothing leaves; what was approved goes on."""
        self._left = True
        super().go_back()

    def action_confirm_back(self) -> None:
        """``escape`` and ``ctrl+g``."""
        self.go_back()


_SCROLLS = {
    "down": "action_move_down",
    "up": "action_move_up",
    "pagedown": "action_move_page_down",
    "pageup": "action_move_page_up",
    "home": "action_move_first",
    "end": "action_move_last",
}
