"""The board of a shift: what code observed of open work, put together as a ticket that documents can cite.

Each timeline entry is one observation of a few short lines; the first begins with its label and a colon. Who writes a
handover, a model or the rules, reads the same lines, and what code computes stands in the ticket's fields.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import (
    BOARD_SYSTEM as BOARD_SYSTEM,
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
    TimelineEntry,
    Visibility,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opstui.core.shifts import Shift

ALL, OPEN, WATCH, SILENCED, PROMISED = "all", "open", "watch", "silenced", "promised"
PLANNED, FALSE_ALERT, UNDER_WAY, LESSON = "planned", "false alert", "under way", "lesson"
SESSIONS, COST, STATS = "sessions", "cost", "stats"
LABELS = (
    ALL, OPEN, WATCH, SILENCED, PROMISED, PLANNED, FALSE_ALERT, UNDER_WAY, LESSON, SESSIONS, COST, STATS
)  # fmt: skip
"""In the order they stand on the board."""
MOST: Mapping[str, int] = {
    OPEN: 20,
    WATCH: 8,
    SILENCED: 20,
    PROMISED: 12,
    PLANNED: 8,
    FALSE_ALERT: 8,
    UNDER_WAY: 8,
    LESSON: 5,
    SESSIONS: 8,
}
"""Most observations of a label."""
LINE = 240
"""Characters of a line, its label left out."""
NOBODY, NO_DUE, NO_SEVERITY = "nobody owns it", "no due time", "no severity"
STATES = {
    "at_risk": "at risk",
    "breached": "overdue",
    "paused": "paused",
    "ok": "in time",
}
"""The SLA state of an open ticket with a due time → its word on the board."""

_AT = r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC"
_UNTIL = re.compile(rf"\b(?:until|for) {_AT}")
_DUE = re.compile(rf"due {_AT}, (.*)")
_LAST = re.compile(rf"last: {_AT} (.*)", re.DOTALL)
_WORDS = {word: state for state, word in STATES.items()}


@dataclass(frozen=True, slots=True)
class Observation:
    """One of them, before it has a number."""

    label: str
    lines: tuple[str, ...]
    """The first without its label."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """One of them as it stands on a board."""

    label: str
    ref: str
    """As it is cited."""
    lines: tuple[str, ...]
    """As they are cited, the first with its label."""

    @property
    def text(self) -> str:
        """The first line without its label."""
        return self.lines[0].partition(": ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """What an observation of an open ticket says."""

    ticket: str
    title: str
    severity: str | None
    owner: str | None
    due: datetime | None
    sla: str
    """A key of ``STATES``, or ``none``."""
    last: str | None
    """What its last entry says."""
    next_action: str | None
    next_line: int
    """0 where there is none, as for ``watch_line``."""
    watch: str | None
    watch_line: int


def moment_text(moment: datetime) -> str:
    """``2026-11-20 21:04 UTC``: date and clock on one line, so that both can be found."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def until_of(text: str) -> datetime | None:
    """The moment that a silence or a promise names."""
    found = _UNTIL.search(text)
    return _moment(found[1]) if found else None


def moment_of(text: str | None, instead: datetime) -> datetime:
    """What :func:`moment_text` wrote; ``instead`` where it is none."""
    try:
        return _moment(text.removesuffix(" UTC")) if text else instead
    except ValueError:
        return instead


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def shift_ref(shift_id: str) -> TicketRef:
    """The ref of a shift's board."""
    return TicketRef(BOARD_SYSTEM, shift_id)


def board_of(
    shift: Shift, title: str, observations: Sequence[Observation], facts: Mapping[str, str], *, version: str = ""
) -> Ticket:
    """The board as a ticket. Pure: the same observations give the same board, whatever the clock says."""
    key = shift.id
    ordered = sorted(observations, key=lambda one: LABELS.index(one.label))
    entries = tuple(
        TimelineEntry(
            id=f"{key}#{number}",
            at=one.at,
            author=SafeText("opstui"),
            kind=EntryKind.SYSTEM,
            visibility=Visibility.INTERNAL,
            text=SafeText("\n".join([f"{one.label}: {_line(one.lines[0])}", *(_line(line) for line in one.lines[1:])])),
        )
        for number, one in enumerate(ordered, start=1)
    )
    return Ticket(
        ref=TicketRef(BOARD_SYSTEM, key),
        title=clean_line(title, limit=LINE),
        body=SafeText("What code observed of this shift and hands to the next one."),
        status=Status(SafeText("open"), StatusCategory.OPEN),
        created_at=shift.start,
        updated_at=max((one.at for one in ordered), default=shift.start),
        version=version,
        fields={name: SafeText(clean_line(value, limit=200)) for name, value in facts.items()},
        timeline=entries,
    )


def _line(text: str) -> str:
    return shortened(clean_line(text, limit=8 * LINE), LINE)


def shortened(text: str, limit: int) -> str:
    """On one line and at most ``limit`` characters, never cut inside a word: a piece of a secret looks like none."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return text[: text.rfind(" ", 0, limit)].rstrip(" ,;:-–(") + "…" if " " in text[:limit] else "…"


def is_board(ticket: Ticket) -> bool:
    """Whether code put it together."""
    return ticket.ref.system == BOARD_SYSTEM


def board_among(ticket: Ticket, boards: Sequence[Ticket]) -> Ticket | None:
    """The board that a session on ``ticket`` is about: the ticket itself, or the one beside it."""
    return ticket if is_board(ticket) else next(iter(boards), None)


def seen_on(board: Ticket, *, own: bool) -> tuple[Seen, ...]:
    """The observations of a board in order. ``own``: it is the session's own ticket, so refs have no system."""
    prefix = "" if own else f"{BOARD_SYSTEM}:"
    found = []
    for entry in board.timeline:
        lines = tuple(entry.text.split("\n"))
        label = lines[0].partition(": ")[0]
        if label in LABELS:
            found.append(Seen(label, f"{prefix}{entry.id}", lines))
    return tuple(found)


def open_work(seen: Seen) -> OpenWork:
    """What an observation of an open ticket says; what its lines leave out is None."""
    ticket, _, title = seen.text.partition(" · ")
    severity = owner = last = next_action = watch = None
    due: datetime | None = None
    sla, next_line, watch_line = "none", 0, 0
    for number, line in enumerate(seen.lines[1:], start=2):
        name, _, rest = line.partition(": ")
        if name == "state":
            parts = rest.split(" · ")
            severity = parts[0].removeprefix("severity ") if parts[0].startswith("severity ") else None
            owner = next((part.removeprefix("owner ") for part in parts if part.startswith("owner ")), None)
            clock = _DUE.fullmatch(parts[-1])
            if clock:
                due, sla = _moment(clock[1]), _WORDS.get(clock[2], "ok")
        elif name == "last":
            found = _LAST.fullmatch(line)
            last = found[2].partition(": ")[2] or None if found else None
        elif name == "next":
            next_action, next_line = rest, number
        elif name == "if":
            watch, watch_line = rest, number
    return OpenWork(
        ticket=ticket,
        title=title,
        severity=severity,
        owner=owner,
        due=due,
        sla=sla,
        last=last,
        next_action=next_action,
        next_line=next_line,
        watch=watch,
        watch_line=watch_line,
    )


def number_in(board: Ticket, name: str) -> int:
    """A figure that code counted; 0 where the board has none of the name."""
    text = str(board.fields.get(name, "0"))
    return int(text) if text.lstrip("-").isdigit() else 0


def figure_in(board: Ticket, name: str) -> int | None:
    """The same for a figure that may be unknown."""
    return number_in(board, name) if name in board.fields else None
