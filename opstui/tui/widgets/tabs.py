"""Queues and views: a line of tabs, or a pane of its own where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.strip import Strip

from opstui.core.queues import Health, QueueState, SortBy, View
from opstui.tui.draw import Piece, cells, fit, spread
from opstui.tui.themes import Palette
from opstui.tui.widgets.lines import OneLine
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.words import age, clock

SORTS = {
    SortBy.URGENCY: "severity, due, age",
    SortBy.AGE: "oldest first",
    SortBy.UPDATED: "newest change",
    SortBy.DUE: "due",
    SortBy.STATUS: "status",
    SortBy.OWNER: "owner",
    SortBy.REF: "ref",
}


LIVE = "● live"
NAME = 13
"""Cells that a view's name keeps in the pane, its key included."""


def state_of(view: View, states: Sequence[QueueState]) -> QueueState | None:
    """The counts of a view that is a whole queue."""
    return next((state for state in states if view.queue == state.name and not view.filter), None)


def health_bits(state: QueueState, now: datetime, timezone: str) -> tuple[str, str]:
    """How far a queue can be believed, in a word or two, and the role it is drawn in.

    ``● live``, ``stale 4m``, ``offline 4m``, ``error``, ``paused till 03:20``, ``asking`` before the first answer.
    """
    down = state.state in (Health.OFFLINE, Health.ERROR)
    if state.again_at is not None and state.again_at > now and not down:
        return f"paused till {clock(state.again_at, timezone)}", "warn"
    if state.fetched_at is None:
        if state.error is None:
            return "asking", "dim"
        return state.state.value, "bad" if state.state is Health.ERROR else "warn"
    if state.state is Health.LIVE:
        return LIVE, "good"
    old = age(state.fetched_at, now)
    word = state.state.value if old == "0m" else f"{state.state.value} {old}"
    return word, "bad" if state.state is Health.ERROR else "warn"


def trouble(state: QueueState | None, now: datetime, timezone: str) -> tuple[str, str]:
    """A line for a queue that can't be believed: since when, and why in its system's words; empty for any other."""
    if state is None or (state.error is None and (state.again_at is None or state.again_at <= now)):
        return "", ""
    word, role = health_bits(state, now, timezone)
    shown = f"as of {clock(state.fetched_at, timezone, now)}" if state.fetched_at is not None else "nothing read yet"
    said = word if word.startswith("paused") else state.state.value
    parts = [said, shown, *([str(state.error)] if state.error else [])]
    return " · ".join(parts), role


def empty_words(state: QueueState | None, since: datetime | None, now: datetime, timezone: str) -> tuple[str, ...]:
    """What stands in a view without a ticket; ``since`` is when a queue was asked for the first time."""
    if state is None or state.fetched_at is not None:
        return ("no ticket here",)
    again = state.again_at if state.again_at is not None and state.again_at > now else None
    if state.error is not None:
        return (
            str(state.error),
            f"asked again at {clock(again, timezone)}" if again is not None else "",
            "nothing of this queue is cached; it is asked again by itself, r asks now, H says more",
        )
    if again is not None:
        return (f"{state.system} asked for a pause: asked again at {clock(again, timezone)}",)
    waited = int((now - since).total_seconds()) if since is not None else 0
    return (f"asking {state.system} …" + (f" ({waited} s)" if waited > 0 else ""),)


def _tab(
    view: View, state: QueueState | None, active: bool, palette: Palette, now: datetime, timezone: str
) -> list[Piece]:
    pieces: list[Piece] = [(view.name, palette.strong if active else palette.dim)]
    if state is not None:
        if state.fetched_at is not None:
            pieces.append((f" {state.open}", palette.text if active else palette.faint))
        if state.unseen:
            pieces.append((f" ●{state.unseen}", palette.good))
        word, role = health_bits(state, now, timezone)
        if word != LIVE:
            pieces.append((f" {word}", palette.role(role)))
    return pieces


def tab_pieces(
    views: Sequence[View],
    states: Sequence[QueueState],
    active: int,
    note: str,
    palette: Palette,
    width: int,
    now: datetime,
    timezone: str,
) -> tuple[list[Piece], list[Piece]]:
    """As many tabs as fit, the active one always among them; at the right how it is sorted, or what is new."""
    right: list[Piece] = [(f" {note} ", palette.faint)] if note and width >= 60 else []
    here = state_of(views[active], states) if active < len(views) else None
    if here is not None and right and health_bits(here, now, timezone)[0] == LIVE:
        right = [(" ●", palette.good), (f" live · {note} ", palette.faint)]
    tabs = [
        _tab(view, state_of(view, states), index == active, palette, now, timezone) for index, view in enumerate(views)
    ]
    sizes = [sum(cells(text) for text, _ in tab) + 3 for tab in tabs]
    taken = sum(cells(text) for text, _ in right)
    if note in SORTS.values() and sum(sizes) - 2 <= width < sum(sizes) - 2 + taken:
        # How they are sorted is worth less than a queue that can't be seen.
        right, taken = [], 0
    room = width - taken
    first = 0
    while first < active and sum(sizes[first : active + 1]) > room:
        first += 1
    pieces: list[Piece] = [(" " if first == 0 else "‹", palette.faint)]
    used = 1
    for index in range(first, len(tabs)):
        if used + sizes[index] > room and index != active:
            pieces.append(("›", palette.faint))
            break
        if index > first:
            pieces.append((" │ ", palette.rule))
        pieces += tabs[index]
        used += sizes[index]
    return pieces, right


class Tabs(OneLine):
    """The views as a line."""

    def tell(
        self,
        views: Sequence[View],
        states: Sequence[QueueState],
        active: int,
        note: str,
        now: datetime,
        *,
        alone: bool = False,
    ) -> None:
        """Show them, or the active one ``alone``; repaints only what differs."""
        if alone:
            views, active = views[active : active + 1], 0
        width, timezone = self.size.width or self.app.size.width, self.desk_app.facts.timezone
        left, right = tab_pieces(views, states, active, note, self.palette, width, now, timezone)
        self.show(left, right)


class QueueList(Scroller):
    """The views as a pane: the third one, from 160 columns."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self._views: Sequence[View] = ()
        self._states: Sequence[QueueState] = ()
        self._now: datetime | None = None
        self._shown = 0
        self.active = False

    def tell(self, views: Sequence[View], states: Sequence[QueueState], shown: int, now: datetime) -> None:
        """Show them; ``shown`` is the one whose tickets are in the table."""
        minute = self._now is None or now.replace(second=0, microsecond=0) > self._now
        if (views, states, shown) != (self._views, self._states, self._shown) or minute:
            self._views, self._states, self._shown, self._now = views, states, shown, now
            if not self.active:
                self.cursor = shown
            self.refresh()
        self._now = now

    def total(self) -> int:
        """One line a view."""
        return len(self._views)

    def draw(self, y: int, under_cursor: bool) -> Strip:
        """A view: its key, name, how many are open, how many are new."""
        palette, view = self.palette, self._views[y]
        state = state_of(view, self._states)
        shown = y == self._shown
        right = self._counts(state, shown)
        used = sum(cells(text) for text, _ in right)
        left: list[Piece] = [
            ("▌" if under_cursor and (self.active or shown) else " ", palette.accent if self.active else palette.faint),
            (f"{y + 1} " if y < 9 else "  ", palette.faint),
            (fit(view.name, max(0, self.size.width - used - 4)), palette.strong if shown else palette.dim),
        ]
        return spread(left, right, self.size.width, palette.cursor if under_cursor and self.active else None)

    def _counts(self, state: QueueState | None, shown: bool) -> list[Piece]:
        """New ones, health and open ones, as much of it as leaves the name room."""
        if state is None or self._now is None:
            return []
        palette = self.palette
        word, role = health_bits(state, self._now, self.desk_app.facts.timezone)
        health: list[Piece] = [] if word == LIVE else [(f"{word} ", palette.role(role))]
        open_: list[Piece] = []
        if state.fetched_at is not None:
            open_ = [(f"{state.open:>3} ", palette.text if shown else palette.dim)]
        new: list[Piece] = [(f"●{state.unseen} ", palette.good)] if state.unseen else []
        short: list[Piece] = [(f"{word.partition(' ')[0]} ", style) for _, style in health]
        for pieces in ([*new, *health, *open_], [*new, *short, *open_], [*short, *open_], [*(short or open_)]):
            if sum(cells(text) for text, _ in pieces) <= self.size.width - NAME:
                break
        return pieces
