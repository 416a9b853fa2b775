"""The status line: shift, sessions, what waits, cost, health, and the name of the screen. Always there."""

from __future__ import annotations

from datetime import datetime

from opstui.core.desk import Facts, Status
from opstui.tui.draw import Piece, cells
from opstui.tui.themes import Palette
from opstui.tui.widgets.lines import OneLine
from opstui.tui.words import left, money


def status_pieces(
    status: Status, facts: Facts, now: datetime, palette: Palette, width: int
) -> tuple[list[Piece], list[Piece]]:
    """The line's left and right part, as much of it as ``width`` holds; what matters most comes first."""
    narrow = width < 100
    gap: Piece = (" │ ", palette.rule)
    shift = left(status.shift.end, now)
    name = "" if narrow or not status.shift.name else status.shift.name + " "
    parts: list[list[Piece]] = [[(f"{name}{shift}", palette.dim)]]
    run: Piece = (
        f"◐{status.running}" if narrow else f"◐ {status.running} run",
        palette.accent if status.running else palette.faint,
    )
    waits: Piece = (
        (f"!{status.waiting}" if narrow else f"! {status.waiting} {'waits' if status.waiting == 1 else 'wait'}"),
        palette.warn if status.waiting else palette.faint,
    )
    parts.append([run, (" " if narrow else "  ", palette.dim), waits])
    share = 0 if not status.limit else status.estimate * 100 // status.limit
    near = palette.bad if share >= 100 else palette.warn if share >= 80 else palette.text
    limit = "" if status.limit is None else f"/{money(status.limit)[1:]}" if narrow else f" of {money(status.limit)}"
    cost: list[Piece] = [(f"≈ {money(status.estimate)}", near), (limit, palette.dim)]
    parts.append([*cost, (f" {min(share, 999)}%", near)] if share >= 80 else cost)
    health = {"live": palette.good, "stale": palette.warn}.get(status.health, palette.bad)
    parts.append([("● ", health), (status.health, palette.dim)])
    marks = [
        *(["read-only"] if status.read_only else []),
        *([status.worker] if status.worker else []),
        *([status.store] if status.store else []),
        *(["demo"] if facts.demo and not narrow else []),
        *(["rehearsal"] if facts.rehearsal else []),
    ]
    for mark in marks:
        parts.append([(mark, palette.warn if mark != "demo" else palette.dim)])
    if not narrow:
        parts.append([(facts.operator, palette.dim)])
    pieces: list[Piece] = [(" ", palette.dim)]
    used = 1
    for index, part in enumerate(parts):
        size = sum(cells(text) for text, _ in part) + (3 if index else 0)
        if used + size > width:
            break
        pieces += ([gap] if index else []) + part
        used += size
    return pieces, []


class StatusLine(OneLine):
    """Shows the newest :class:`Status`; repaints only when its text changes."""

    def tell(self, status: Status, facts: Facts, now: datetime, name: str, keys: str = "") -> None:
        """``name`` is the screen's; ``keys`` the counter of handled keys, when asked for."""
        palette = self.palette
        right: list[Piece] = [(f" {keys}", palette.accent)] if keys else []
        right += [(f" {name} ", palette.strong)]
        room = self.size.width or self.app.size.width
        taken = sum(cells(text) for text, _ in right)
        self.show(status_pieces(status, facts, now, palette, room - taken)[0], right)
