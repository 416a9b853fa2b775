"""Log: what the program did, newest at the end."""

from __future__ import annotations

from opstui.core.desk import LogTail
from opstui.core.text import SafeText
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, fit, line, wrap
from opstui.tui.screens.listing import ListScreen

LOOK = 2.0
"""Seconds between looks at the file; nothing is drawn when nothing came."""


class LogScreen(ListScreen):
    """The newest lines of the log file."""

    LABEL = "Log"
    KIND = "log"
    HINTS = ("log.follow", "list.copy")
    BINDINGS = only("list.open", "list.refresh", "list.copy", "log.follow")
    FOLLOWS = True

    def __init__(self) -> None:
        super().__init__()
        self.tail: tuple[SafeText, ...] = ()
        self.opened: set[str] = set()

    def on_mount(self) -> None:
        """Look again now and then: a log rings no bell."""
        self.set_interval(LOOK, self._look_again)
        self.call_after_refresh(self.row_list.action_move_last)

    def look(self) -> None:
        """The newest lines."""
        self.tail = self.desk.ask(LogTail())

    def _look_again(self) -> None:
        before = self.tail
        if self.is_current:
            self.look()
            if self.tail != before:
                self.draw()
                if self.row_list.follow:
                    self.row_list.action_move_last()
                self.query_one("#list-head").refresh()

    def head(self, width: int) -> list[Line]:
        """Where it lies, and whether the end is followed."""
        follows = line(
            (
                "following " if self.row_list.follow else "f follows the end ",
                "accent" if self.row_list.follow else "dim",
            )
        )
        return [
            between(line(" ", ("LOG", "strong"), (f"  {len(self.tail)} lines", "dim")), follows, width),
            fit(line(" ", (self.facts.log_file or "no file", "dim")), width),
        ]

    def rows(self, width: int) -> list[Row]:
        """A line each; a line that is too long is whole after ``enter``."""
        rows = [Row("rule", (line(("─" * width, "rule")),), stops=False)]
        seen: dict[str, int] = {}
        for text in self.tail:
            seen[text] = seen.get(text, 0) + 1
            key = f"{seen[text]}:{text}"
            role = "bad" if " error" in text[:60].lower() else "warn" if " warn" in text[:60].lower() else ""
            if key in self.opened:
                rows.append(Row(key, tuple(line(" ", " ", (part, role)) for part in wrap(text, width - 3))))
            else:
                rows.append(Row(key, (fit(line(" ", " ", (text.replace("\n", " "), role)), width),)))
        if not self.tail:
            rows.append(Row("none", (line("   ", ("nothing was logged yet", "dim")),), stops=False))
        return rows

    def open_row(self, key: str) -> None:
        """The whole line."""
        self.opened ^= {key}
        self.draw()

    def action_log_follow(self) -> None:
        """``f``."""
        self.row_list.follow = not self.row_list.follow
        if self.row_list.follow:
            self.row_list.action_move_last()
        self.draw()
