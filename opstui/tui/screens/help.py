"""Help: the keys that work on the screen below, searchable, and runnable with ``enter``."""

from __future__ import annotations

from textual.screen import Screen

from opstui.tui.finding import best
from opstui.tui.lines import Line, Row, between, fit, line, pad
from opstui.tui.live_keys import LiveKey, live_keys
from opstui.tui.screens.base import DeskScreen
from opstui.tui.screens.find import FindScreen


class HelpScreen(FindScreen):
    """What can be done where it was opened."""

    LABEL = "Help"
    KIND = "help"
    PLACEHOLDER = "what would you like to do?"

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[LiveKey] = []
        self._about = ""

    def begin(self) -> None:
        """The keys of the screen below."""
        below: Screen[object] | None = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if below is not None:
            self.keys = live_keys(below, self.desk_app.keymap)
            self._about = below.LABEL if isinstance(below, DeskScreen) else ""

    def head(self, width: int) -> list[Line]:
        """Which screen's."""
        problems = len(self.desk_app.keymap.problems)
        right = line(
            (
                f"{problems} of your keys not taken: opstui keys " if problems else "enter runs it ",
                "warn" if problems else "dim",
            )
        )
        return [between(line(" ", ("HELP", "strong"), f"  {self._about}"), right, width)]

    def rows(self, width: int) -> list[Row]:
        """Grouped while nothing is typed, best first otherwise."""
        found = best(self.typed, [(f"{key.text} {key.id} {key.keys}", key) for key in self.keys])
        rows: list[Row] = []
        group = ""
        for key in found:
            if not self.typed.strip() and key.group != group:
                group = key.group
                rows.append(Row(f"group:{group}", (fit(line(" ", (group, "dim")), width),), stops=False))
            left = line("   ", (pad(key.keys, 16), "accent"), " ", key.text)
            right = line((key.id + " ", "faint")) if width >= 72 else ()
            rows.append(Row(key.id, (between(left, right, width),)))
        if not found:
            rows.append(Row("none", (line("   ", ("no key does that here", "dim")),), stops=False))
        return rows

    def open_row(self, key: str) -> None:
        """Back to the screen, and do it there."""
        chosen = next((live for live in self.keys if live.id == key), None)
        if chosen is None:
            return
        app = self.desk_app
        app.pop_screen()

        async def run() -> None:
            await app.run_action(chosen.action, chosen.node)

        app.call_later(run)
