"""A ticket's row in the table: which columns fit a width, and what stands in them. Pure."""

from __future__ import annotations

from datetime import datetime

from opstui.core.frozen import dataclass
from opstui.core.queues import TableRow
from opstui.tui.draw import Piece, cells, fit
from opstui.tui.themes import Palette
from opstui.tui.words import age, due, shape


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells; 0: not shown. The title takes what is left."""

    ref: int
    status: int
    owner: int
    age: int
    due: int
    badges: int


WIDE = 84
"""Cells from which a row has its status, and the columns their names: the table of three panes at 160 has 86."""


def columns(width: int, ref: int) -> Columns:
    """What fits ``width``. ``ref`` is the widest ref of the view."""
    if width < 60:
        return Columns(min(ref, 9), 0, 0, 4, 0, 3)
    if width < WIDE:
        return Columns(min(ref, 12), 0, 9 if width >= 72 else 0, 5, 6, 8 if width >= 72 else 4)
    if width < 100:
        return Columns(min(ref, 12), 14, 9, 5, 6, 8)
    return Columns(min(ref, 18), 14, 11, 6, 7, 9)


def fit_ref(ref: str, width: int) -> str:
    """``ref`` in ``width`` cells; one that is too long keeps its end, where the number is: ``…e/ops#12``."""
    if cells(ref) <= width:
        return fit(ref, width)
    tail = ref[-(width - 1) :]
    while cells(tail) > width - 1:
        tail = tail[1:]
    return fit("…" + tail, width)


def badges(row: TableRow, palette: Palette, wide: bool) -> list[Piece]:
    """What goes on with a ticket: ``!`` needs you, ``✎`` a draft, ``◐`` a session, ``new`` or ``chg``."""
    pieces: list[Piece] = [
        ("!" if row.needs_you else " ", palette.warn),
        ("✎" if row.drafts_open else " ", palette.accent),
        ("◐" if row.sessions_running else " ", palette.accent),
    ]
    news = "    " if not row.unseen else " chg" if row.changed else " new"
    return [*pieces, (news, palette.good)] if wide else pieces


def row_pieces(
    row: TableRow,
    *,
    width: int,
    ref_width: int,
    palette: Palette,
    now: datetime,
    me: str,
    with_system: bool,
    gone: bool = False,
) -> list[Piece]:
    """A ticket's row without its two margin cells. A ticket that left the list is dim all over."""
    ticket = row.ticket
    cols = columns(width, ref_width)
    dim = palette.faint if gone else palette.dim
    done = not ticket.status.category.is_open
    title = palette.faint if gone or done else palette.strong if ticket.severity == "1" or row.unseen else palette.text
    ref = str(ticket.ref) if with_system else ticket.ref.key
    pieces: list[Piece] = [
        (shape(ticket.severity), palette.faint if gone else palette.severity(ticket.severity)),
        ("  " if width >= WIDE else " ", dim),
        (
            fit_ref(ref, cols.ref) + "  ",
            palette.faint if gone else palette.severity1 if ticket.severity == "1" else dim,
        ),
    ]
    used = sum(cells(text) for text, _ in pieces)
    room = width - 2 - used - cols.status - cols.owner - cols.age - cols.due - cols.badges
    pieces.append((fit(ticket.title, room - 1) + " ", title))
    if cols.status:
        pieces.append((fit(ticket.status.raw, cols.status - 1) + " ", dim))
    if cols.owner:
        mine = bool(me) and me in ticket.assignees
        who = "you" if mine else ticket.assignees[0] if ticket.assignees else "–"
        more = f" +{len(ticket.assignees) - 1}" if len(ticket.assignees) > 1 else ""
        style = palette.faint if gone or not ticket.assignees else palette.accent if mine else dim
        pieces.append((fit(fit(who, cols.owner - 1 - len(more)).rstrip() + more, cols.owner - 1) + " ", style))
    pieces.append((fit(age(ticket.created_at, now), cols.age - 1, right=True) + " ", dim))
    if cols.due:
        minutes = (ticket.due_at - now).total_seconds() / 60 if ticket.due_at is not None and not done else None
        style = dim if gone or minutes is None or minutes > 15 else palette.bad if minutes < 0 else palette.warn
        said = due(ticket.due_at, now) if not done else "–"
        pieces.append((fit(said, cols.due - 1, right=True) + " ", palette.faint if said == "–" else style))
    if gone:
        pieces.append((fit("left", cols.badges), palette.faint))
    else:
        pieces += badges(row, palette, cols.badges >= 7)
    return pieces


def heading_pieces(width: int, ref_width: int, palette: Palette) -> list[Piece]:
    """The names of the columns, from 100 cells on."""
    cols = columns(width, ref_width)
    lead = " sev " + fit("ref", cols.ref) + "  "
    room = width - cells(lead) - cols.status - cols.owner - cols.age - cols.due - cols.badges
    text = (
        lead
        + fit("title", room)
        + fit("status", cols.status)
        + fit("owner", cols.owner)
        + fit("age", cols.age - 1, right=True)
        + " "
        + fit("due", cols.due - 1, right=True)
    )
    return [(text, palette.faint)]
