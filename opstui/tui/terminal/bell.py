"""Calling for attention: one bell or one notification, only when nobody is looking, and never often."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.tui.terminal.environment import Terminal
from opstui.tui.terminal.guard import harmless

PAUSE = 60.0
"""Seconds between two calls."""
AWAY = 60.0
"""Seconds without a key after which nobody is thought to look, on terminals that never reported focus."""
_OSC9 = ("iterm.app", "ghostty", "wezterm")


class Attention:
    """Decides whether and how to call."""

    def __init__(self, terminal: Terminal, environ: Mapping[str, str]) -> None:
        program = environ.get("TERM_PROGRAM", "").lower()
        term = environ.get("TERM", "").lower()
        # tmux swallows OSC 9 but passes the bell on as its own alert.
        if terminal.tmux:
            self.kind = "bell"
        elif program in _OSC9 or "ghostty" in term or environ.get("WT_SESSION"):
            self.kind = "osc9"
        elif "urxvt" in term or "foot" in term:
            self.kind = "osc777"
        else:
            self.kind = "bell"
        self._reports_focus = False
        self._called = -PAUSE

    def focus(self) -> None:
        """The terminal reported focus, one way or the other: from now on that is believed."""
        self._reports_focus = True

    def key(self) -> None:
        """A key came: whoever typed it looks, so the next call may come as soon as they are away again."""

    def call(self, text: str, moment: float, *, focused: bool, last_key: float) -> str:
        """The bytes to write now, or nothing. ``moment`` and ``last_key`` are monotonic seconds."""
        looking = focused if self._reports_focus else moment - last_key < AWAY
        if looking or moment - self._called < PAUSE:
            return ""
        self._called = moment
        said = harmless(text).replace(";", ",")[:80]
        if self.kind == "osc9":
            return f"\x1b]9;opstui: {said}\x07"
        if self.kind == "osc777":
            return f"\x1b]777;notify;opstui;{said}\x07"
        return "\x07"
