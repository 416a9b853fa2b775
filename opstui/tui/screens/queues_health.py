"""What Queues says of its queues: counts, age and health, why one can't be believed, what a first answer waits for."""

from __future__ import annotations

from datetime import datetime

from textual.timer import Timer

from opstui.core.desk import Queues
from opstui.core.queues import Health, QueueState, View
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.lines import OneLine
from opstui.tui.widgets.table import TicketTable
from opstui.tui.widgets.tabs import empty_words, state_of, trouble


class ShowsHealth(DeskScreen):
    """The part of Queues that says how far the rows can be believed."""

    _search = ""

    def __init__(self) -> None:
        super().__init__()
        self._states: tuple[QueueState, ...] = ()
        self._asked: dict[str, datetime] = {}
        """Queue → since when its first answer is waited for."""
        self._waiting: Timer | None = None

    @property
    def table(self) -> TicketTable:
        """The ticket table."""
        return self.query_one("#table", TicketTable)

    @property
    def view(self) -> View:
        """The view whose tickets are shown."""
        return View("All")

    def _ask_queues(self) -> None:
        """Counts and health; and since when a queue that never answered is waited for."""
        self._states = self.desk.ask(Queues())
        now, known = self.desk_app.now(), self._asked
        self._asked = {
            state.name: known.get(state.name) or state.asking_since or now
            for state in self._states
            if state.fetched_at is None and state.error is None
        }
        if self._asked and self._waiting is None:
            self._waiting = self.set_interval(1.0, self._still_waiting)
        elif not self._asked and self._waiting is not None:
            self._waiting.stop()
            self._waiting = None

    def _still_waiting(self) -> None:
        if self.is_there and self.is_current:
            self._show_trouble(self.desk_app.now())

    def _show_trouble(self, now: datetime) -> None:
        """Why what is shown can't be believed, and in an empty table why it is empty."""
        timezone, states = self.facts.timezone, self._states
        shown = state_of(self.view, states)
        if shown is None:
            # A view over everything is as true as the worst of its queues.
            of_view = [state for state in states if self.view.queue in (None, state.name)]
            shown = max(
                (state for state in of_view if state.error), key=lambda state: state.state is Health.ERROR, default=None
            )
        text, role = trouble(shown, now, timezone)
        line, palette = self.query_one("#trouble", OneLine), self.desk_app.look.palette
        if line.has_class("-there") != bool(text):
            line.set_class(bool(text), "-there")
        if text:
            why = f" {self.desk_app.keymap.shown('app.health')} why "
            line.show([(" ! ", palette.role(role)), (text, palette.role(role))], [(why, palette.faint)])
        if self._search:
            self.table.say_empty("no ticket matches; escape shows all")
        else:
            waits = next((state for state in states if state.fetched_at is None and state.name in self._asked), None)
            asked = shown or (waits if self.view.queue is None else None)
            self.table.say_empty(*empty_words(asked, self._asked.get(asked.name) if asked else None, now, timezone))
