"""Shift: this and past shifts' sessions, what they cost, by what, and whether they helped."""

from __future__ import annotations

from typing import ClassVar

from opstui.core.desk import Handovers, RaiseShiftBudget, SessionDetail, ShiftTotals, ShiftView
from opstui.core.errors import OpstuiError
from opstui.tui.keymap import bindings, only
from opstui.tui.lines import Line, Row, between, line
from opstui.tui.screens.base import Topic, ViewState
from opstui.tui.screens.listing import ListScreen
from opstui.tui.shift_rows import shift_head, shift_rows, week_rows
from opstui.tui.words import money, zone

WEEK = 14
"""Shifts of a week, at two a day."""


class ShiftScreen(ListScreen):
    """One shift, or the week."""

    LABEL = "Shift"
    KIND = "shift"
    HINTS = ("list.open", "shift.earlier", "shift.later", "shift.week", "shift.handover", "shift.raise")
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
            return [
                between(line(" ", (f"THE LAST {WEEK} SHIFTS", "strong")), line(("W back ", "dim")), width),
                line(" ", (f"≈ {money(total)}", "strong"), ("  enter opens a shift", "dim")),
            ]
        return shift_head(self.view, zone(self.facts.timezone), width) if self.view is not None else []

    def rows(self, width: int) -> list[Row]:
        """Sessions and sums."""
        if self.week:
            return week_rows(self.week, zone(self.facts.timezone), width)
        if self.view is None:
            return []
        raises = "" if self.facts.read_only else self.desk_app.keymap.shown("shift.raise")
        return shift_rows(self.view, zone(self.facts.timezone), width, raises)

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

    def hints(self) -> list[tuple[str, str]]:
        """Raising the limit only where there is one, and more to be had."""
        found, view = super().hints(), self.view
        more = view is not None and view.current and view.limit is not None and (view.ceiling or 0) > view.limit
        raises = self.desk_app.keymap.shown("shift.raise")
        return found if more or self.asks else [hint for hint in found if hint[0] != raises]

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

    def action_shift_handover(self) -> None:
        """``O``: the handover of the shift that is shown, where one was written; else it is written now."""
        from opstui.core.boards import shift_ref
        from opstui.tui.screens.starting import start

        if self.view is None:
            return
        shift = self.view.shift.id
        there = self.desk.ask(Handovers(shift=shift, limit=1))
        if there:
            self.desk_app.open("handover", id=there[0].id)
        elif self.back > 1:
            self.desk_app.say("no handover of that shift was written", "dim")
        else:
            start(self, shift_ref(shift), "shift-handover")

    def action_shift_raise(self) -> None:
        """``+``: an amount up to the ceiling, then a reason."""
        from opstui.tui.screens.raising import ask_raise

        app, view = self.desk_app, self.view
        if self.back or self.week or view is None:
            app.say("only the shift that runs can be given more", "dim")
            return
        limit, ceiling = view.limit, view.ceiling
        if limit is None or ceiling is None:
            app.say("shifts have no limit here: [shift] budget in the config sets one", "dim")
            return
        if ceiling <= limit:
            app.say(f"{money(limit)} is as much as it can be: [shift] ceiling in the config", "dim")
            return

        def wanted(amount: int) -> str:
            fits = limit < amount <= ceiling
            return "" if fits else f"more than {money(limit)}, and {money(ceiling)} at most"

        def raised(amount: int, reason: str) -> None:
            app.do(
                RaiseShiftBudget(limit_micros=amount, reason=reason),
                lambda now: self.again(),
                saying="raising the shift's limit",
            )

        ask_raise(
            self,
            "Limit of this shift",
            raised,
            value=min(ceiling, limit * 3 // 2),
            note=f"dollars; now {money(limit)}, at most {money(ceiling)}",
            kept="kept with the shift and in the audit log",
            wanted=wanted,
        )

    def ask_again(self, state: ViewState) -> None:
        """Something was spent or decided."""
        if state.stale & {Topic.LEDGER, Topic.SESSIONS, Topic.DRAFT}:
            self.again()
