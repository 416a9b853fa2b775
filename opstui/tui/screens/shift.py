"""Shift: this and past shifts' sessions, what they cost, by what, and whether they helped."""

from __future__ import annotations

from typing import ClassVar

from opstui.core.desk import SessionDetail, ShiftTotals, ShiftView
from opstui.core.errors import OpstuiError
from opstui.tui.keymap import bindings, only
from opstui.tui.lines import Line, Row, between, line
from opstui.tui.screens.base import Topic, ViewState
from opstui.tui.screens.listing import ListScreen
from opstui.tui.shift_rows import shift_head, shift_rows, week_rows
from opstui.tui.words import zone

WEEK = 14
"""Shifts of a week, at two a day."""


class ShiftScreen(ListScreen):
    """One shift, or the week."""

    LABEL = "Shift"
    KIND = "shift"
    HINTS = ("list.open", "shift.earlier", "shift.later", "shift.week")
    BINDINGS: ClassVar = [*only("list.open", "list.refresh", "list.copy"), *bindings("shift")]

    def __init__(self, back: int = 0) -> None:
        super().__init__()
        self.back = back
        self.view: ShiftView | None = None
        self.week: tuple[ShiftView, ...] = ()

    def look(self) -> None:
        """One shift; in the week's list all of them."""
        self.view = self.desk.ask(ShiftTotals(back=self.back))
        if self.week:
            self.week = tuple(self.desk.ask(ShiftTotals(back=back)) for back in range(WEEK))

    def head(self, width: int) -> list[Line]:
        """When, who and how much."""
        if self.week:
            total = sum(view.total.estimate for view in self.week)
            from opstui.tui.words import money

            return [
                between(line(" ", (f"THE LAST {WEEK} SHIFTS", "strong")), line(("W back ", "dim")), width),
                line(" ", (f"≈ {money(total)}", "strong"), ("  enter opens a shift", "dim")),
            ]
        return shift_head(self.view, zone(self.facts.timezone), width) if self.view is not None else []

    def rows(self, width: int) -> list[Row]:
        """Sessions and sums."""
        if self.week:
            return week_rows(self.week, zone(self.facts.timezone), width)
        return shift_rows(self.view, zone(self.facts.timezone), width) if self.view is not None else []

    def open_row(self, key: str) -> None:
        """A session; in the week's list a shift."""
        kind, _, subject = key.partition(":")
        if kind == "shift":
            self.back, self.week = int(subject), ()
            self.again()
        elif kind == "session":
            try:
                self.desk.ask(SessionDetail(subject))
            except OpstuiError as error:
                self.desk_app.say(error.message, "warn")
                return
            self.desk_app.open("session", id=subject)

    def action_shift_earlier(self) -> None:
        """``[``."""
        self._go(self.back + 1)

    def action_shift_later(self) -> None:
        """``]``."""
        if self.back == 0:
            self.desk_app.say("this is the shift that runs", "dim")
        else:
            self._go(self.back - 1)

    def _go(self, back: int) -> None:
        self.back, self.week = back, ()
        self.row_list.to_top()
        self.again()

    def action_shift_week(self) -> None:
        """``W``."""
        self.row_list.to_top()
        self.week = () if self.week else tuple(self.desk.ask(ShiftTotals(back=back)) for back in range(WEEK))
        self.draw()

    def ask_again(self, state: ViewState) -> None:
        """Something was spent or decided."""
        if state.stale & {Topic.LEDGER, Topic.SESSIONS, Topic.DRAFT}:
            self.again()
