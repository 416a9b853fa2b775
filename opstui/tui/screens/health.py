"""Health: how far each queue can be believed, since when, why not in its system's own words, and what comes next."""

from __future__ import annotations

from datetime import datetime

from opstui.core.desk import Queues, RefreshTickets
from opstui.core.queues import Health, QueueState
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, line, pad, wrap
from opstui.tui.screens.base import ViewState
from opstui.tui.screens.listing import ListScreen
from opstui.tui.state import Topic
from opstui.tui.widgets.tabs import LIVE, health_bits
from opstui.tui.words import age, clock

NAME = 16
"""Cells of a queue's name."""
LONG = 2.0
"""Seconds of waiting after which it is said."""


class HealthScreen(ListScreen):
    """Every queue with its state."""

    LABEL = "Health"
    KIND = "health"
    BINDINGS = only("list.open", "list.refresh", "list.copy")

    def __init__(self) -> None:
        super().__init__()
        self.states: tuple[QueueState, ...] = ()

    def hints(self) -> list[tuple[str, str]]:
        """What enter and ``r`` do here."""
        shown = self.desk_app.keymap.shown
        own = [(shown("list.refresh"), "ask all now"), (shown("list.open"), "ask this one")]
        return [*own, (shown("app.back"), "back"), (shown("app.help"), "help")]

    def look(self) -> None:
        """As the desk knows it; nothing is asked over a network."""
        self.states = self.desk.ask(Queues())

    def ask_again(self, state: ViewState) -> None:
        """A queue answered, or did not."""
        if Topic.QUEUES in state.stale:
            self.again()

    def minute_passed(self) -> None:
        """Ages."""
        self.again()

    def head(self, width: int) -> list[Line]:
        """How many are live."""
        live = sum(1 for state in self.states if state.state is Health.LIVE)
        every = live == len(self.states)
        right = line((f"{live} of {len(self.states)} live ", "good" if every else "warn"))
        return [between(line(" ", ("HEALTH", "strong")), right, width), line(("─" * width, "rule"))]

    def rows(self, width: int) -> list[Row]:
        """What can't be believed first."""
        order = {Health.ERROR: 0, Health.OFFLINE: 1, Health.STALE: 2, Health.LIVE: 3}
        states = sorted(self.states, key=lambda state: order[state.state])
        return [Row(f"{state.system}:{state.name}", tuple(self._lines(state, width))) for state in states]

    def _lines(self, state: QueueState, width: int) -> list[Line]:
        now, timezone = self.desk_app.now(), self.facts.timezone
        word, role = health_bits(state, now, timezone)
        answered = (
            f"answered {clock(state.fetched_at, timezone, now)}, {spoken(state.fetched_at, now)}"
            if state.fetched_at is not None
            else "no answer yet"
        )
        found = [
            between(
                line(" ", (pad(state.name, NAME), "strong"), " ", (pad(word, 20), role), (state.system, "dim")),
                line((f"{answered} ", "dim")),
                width,
            )
        ]
        if width < 70:
            found = [
                between(line(" ", (pad(state.name, NAME), "strong")), line((f"{word} ", role)), width),
                line(" " * 3, (answered, "dim")),
            ]
        for text, style in self._says(state):
            found += [line(" " * 3, (part, style)) for part in wrap(text, width - 5)]
        return found

    def _says(self, state: QueueState) -> list[tuple[str, str]]:
        now, timezone = self.desk_app.now(), self.facts.timezone
        said: list[tuple[str, str]] = []
        if state.error:
            said.append((str(state.error), ""))
        again = state.again_at if state.again_at is not None and state.again_at > now else None
        asked = state.asking_since
        if asked is not None and (now - asked).total_seconds() >= LONG:
            said.append((f"being asked for {int((now - asked).total_seconds())} s", "dim"))
        elif again is not None:
            said.append((f"it wants a pause; asked again at {clock(again, timezone)}", "dim"))
        if state.state is Health.ERROR:
            said.append(("Doctor (in the palette) says what is configured and how to mend it", "dim"))
        elif again is None and health_bits(state, now, timezone)[0] != LIVE and state.fetched_at is not None:
            said.append(("what is shown is from then; it is asked again by itself", "dim"))
        return said

    def open_row(self, key: str) -> None:
        """``enter``: ask its system now."""
        self._refresh(key.partition(":")[0])

    def action_list_refresh(self) -> None:
        """``r``: ask all of them now."""
        self._refresh(None)

    def _refresh(self, system: str | None) -> None:
        self.desk_app.do(
            RefreshTickets(system=system),
            lambda count: self.desk_app.say(f"asked: {count or 'nothing'} changed", "dim"),
            saying=f"asking {system or 'the ticket systems'}",
        )


def spoken(moment: datetime, now: datetime) -> str:
    """``just now``, ``4m ago``."""
    short = age(moment, now)
    return "just now" if short == "0m" else f"{short} ago"
