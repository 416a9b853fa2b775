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
from opstui.tui.words import age

SORTS = {
    SortBy.URGENCY: "severity, due, age",
    SortBy.AGE: "oldest first",
    SortBy.UPDATED: "newest change",
    SortBy.DUE: "due",
    SortBy.STATUS: "status",
    SortBy.OWNER: "owner",
    SortBy.REF: "ref",
}


def state_of(view: View, states: Sequence[QueueState]) -> QueueState | None:
    """The counts of a view that is a whole queue."""
    return next((state for state in states if view.queue == state.name and not view.filter), None)


def health_word(state: QueueState, now: datetime) -> str:
    """How far a queue can be believed, with its age where it is not live."""
    if state.state is Health.LIVE:
        return ""
    since = f" {age(state.fetched_at, now)}" if state.fetched_at is not None else ""
    return f"{state.state.value}{since}"


def _tab(view: View, state: QueueState | None, active: bool, palette: Palette) -> list[Piece]:
    pieces: list[Piece] = [(view.name, palette.strong if active else palette.dim)]
    if state is not None:
        pieces.append((f" {state.open}", palette.text if active else palette.faint))
        if state.unseen:
            pieces.append((f" ●{state.unseen}", palette.good))
        if state.state is not Health.LIVE:
            pieces.append((f" {state.state.value}", palette.warn))
    return pieces


def tab_pieces(
    views: Sequence[View], states: Sequence[QueueState], active: int, note: str, palette: Palette, width: int
) -> tuple[list[Piece], list[Piece]]:
    """As many tabs as fit, the active one always among them; at the right how it is sorted, or what is new."""
    right: list[Piece] = [(f" {note} ", palette.faint)] if note and width >= 60 else []
    room = width - sum(cells(text) for text, _ in right)
    tabs = [_tab(view, state_of(view, states), index == active, palette) for index, view in enumerate(views)]
    sizes = [sum(cells(text) for text, _ in tab) + 3 for tab in tabs]
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
        self, views: Sequence[View], states: Sequence[QueueState], active: int, note: str, *, alone: bool = False
    ) -> None:
        """Show them, or the active one ``alone``; repaints only what differs."""
        if alone:
            views, active = views[active : active + 1], 0
        left, right = tab_pieces(views, states, active, note, self.palette, self.size.width or self.app.size.width)
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
        if (views, states, shown) != (self._views, self._states, self._shown) or self._now is None:
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
        right: list[Piece] = []
        if state is not None:
            if state.unseen:
                right.append((f"●{state.unseen} ", palette.good))
            word = health_word(state, self._now) if self._now is not None else ""
            right.append((f"{word} " if word else "", palette.warn))
            right.append((f"{state.open:>3} ", palette.text if shown else palette.dim))
        used = sum(cells(text) for text, _ in right)
        left: list[Piece] = [
            ("▌" if under_cursor and (self.active or shown) else " ", palette.accent if self.active else palette.faint),
            (f"{y + 1} " if y < 9 else "  ", palette.faint),
            (fit(view.name, max(0, self.size.width - used - 4)), palette.strong if shown else palette.dim),
        ]
        return spread(left, right, self.size.width, palette.cursor if under_cursor and self.active else None)
