"""The lane of the worst open severity-1 ticket: above everything, never scrolled away."""

from __future__ import annotations

from datetime import datetime

from opstui.core.desk import Status
from opstui.tui.draw import Piece, cells, fit
from opstui.tui.themes import Palette
from opstui.tui.widgets.lines import OneLine
from opstui.tui.words import age, called, due


def lane_pieces(status: Status, now: datetime, palette: Palette, width: int) -> tuple[list[Piece], list[Piece]]:
    """Left and right part of the lane; empty where no severity 1 is open."""
    row = status.sev_one
    if row is None:
        return [], []
    ticket = row.ticket
    right: list[Piece] = []
    if width >= 100:
        right.append((f"{age(ticket.created_at, now):>5}   ", palette.dim))
    if ticket.due_at is not None:
        late = ticket.due_at < now
        word = "update overdue " if late else "update due in " if width >= 100 else "due "
        if late and width < 100:
            word = "late "
        right.append((word + due(ticket.due_at, now).lstrip("-") + "  ", palette.bad if late else palette.warn))
    if status.sev_one_note and width >= 60:
        right.append((f" ! {status.sev_one_note} ", palette.accent))
    room = width - sum(cells(text) for text, _ in right)
    key = called(ticket.ref)
    left: list[Piece] = [("  ▲ ", palette.severity1), (key + "  ", palette.severity1)]
    used = sum(cells(text) for text, _ in left)
    left.append((fit(ticket.title, max(0, room - used - 1)), palette.text))
    return left, right


class SevLane(OneLine):
    """One line, there only while a severity 1 is open."""

    DEFAULT_CSS = "SevLane { display: none; } SevLane.-there { display: block; }"

    def tell(self, status: Status, now: datetime) -> None:
        """Show the worst open severity 1, or nothing."""
        width = self.size.width or self.app.size.width
        left, right = lane_pieces(status, now, self.palette, width)
        there = status.sev_one is not None
        if there != self.has_class("-there"):
            # The only layout that a ticket can cause: when the first severity 1 comes and when the last one goes.
            self.set_class(there, "-there")
        self.show(left, right)
