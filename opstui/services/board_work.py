"""What a shift's board says of the shift's own work: drafts and sessions that go on, results, figures and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from opstui.core import boards
from opstui.core.boards import Observation, moment_text
from opstui.core.drafts import DraftState
from opstui.core.extract.units import actor_type
from opstui.core.frozen import dataclass
from opstui.core.money import cents
from opstui.core.sessions import Session, SessionStatus
from opstui.core.shifts import Shift
from opstui.core.tickets import BOARD_SYSTEM, EntryKind, Ticket, TicketRef, TicketRow

if TYPE_CHECKING:
    from opstui.services.setup import Setup

AUDITED = 5_000
"""Audit rows that are looked through for overrides, the newest."""
_ANSWERS = (EntryKind.COMMENT, EntryKind.REPLY, EntryKind.ASSIGN, EntryKind.STATUS)
_DRAFTS = {
    DraftState.PROPOSED: "a draft waits to be reviewed",
    DraftState.EDITED: "a draft waits, edited",
    DraftState.APPROVED: "an update is approved and not sent yet",
    DraftState.PUSHING: "an update is being sent",
    DraftState.CONFLICT: "a draft is in conflict with the ticket",
    DraftState.NEEDS_HUMAN: "nobody knows whether an update arrived",
}
_URGENT = (DraftState.NEEDS_HUMAN, DraftState.CONFLICT, DraftState.APPROVED, DraftState.PUSHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The shift, counted. Money in micro-dollars."""

    operators: str
    open: int
    opened: int
    closed: int
    breached: int
    first_response_s: int | None
    sessions: int
    accepted: int
    edited: int
    rejected: int
    overrides: int
    estimate: int
    reported: int | None

    def facts(self) -> dict[str, str]:
        """As fields of the board; what is not known is left out."""
        known = {
            "open": self.open,
            "opened": self.opened,
            "closed": self.closed,
            "breached": self.breached,
            "first_response_s": self.first_response_s,
            "sessions": self.sessions,
            "accepted": self.accepted,
            "edited": self.edited,
            "rejected": self.rejected,
            "overrides": self.overrides,
            "estimate": self.estimate,
            "reported": self.reported,
        }
        return {name: str(value) for name, value in known.items() if value is not None}


def figures(
    setup: Setup,
    shift: Shift,
    open_rows: Sequence[TicketRow],
    touched: Sequence[TicketRow],
    recent: Sequence[Ticket],
    now: datetime,
) -> Figures:
    """Counted from rows, from the shift's books and from the audit chain."""
    from opstui.core.desk import ShiftTotals
    from opstui.services.ledger import Ledger
    from opstui.services.spending import running_shift

    until = min(now, shift.end)
    whole = {ticket.ref: ticket for ticket in recent}
    books = Ledger(setup).totals(ShiftTotals(back=0 if shift == running_shift(setup) else 1))
    mine = {session.id: _is_handover(setup, session) for session in books.sessions}
    # What writes the handover is not part of it: the board it is written from would change with every try.
    spent = [row for row in setup.record.ledger_sums(shift.start, shift.end) if not mine.get(row.session, False)]
    reported = [row.reported for row in spent if row.reported is not None]
    answered = [
        seconds
        for ticket in recent
        if shift.start <= ticket.created_at < until and (seconds := _first_response(ticket)) is not None
    ]
    return Figures(
        operators=", ".join(books.operators),
        open=len(open_rows),
        opened=sum(1 for row in touched if shift.start <= row.created_at < until),
        closed=sum(1 for row in touched if _was_closed(row, whole.get(row.ref), shift)),
        breached=sum(
            1 for row in {row.ref: row for row in (*open_rows, *touched)}.values() if _breached(row, shift, until)
        ),
        first_response_s=round(median(answered)) if answered else None,
        sessions=list(mine.values()).count(False),
        accepted=books.accepted,
        edited=books.edited,
        rejected=books.rejected,
        overrides=sum(
            1
            for row in setup.record.audit(limit=AUDITED, newest_first=True)
            if row.override_reason and shift.start <= row.at < shift.end
        ),
        estimate=sum(row.estimate for row in spent),
        reported=sum(reported) if reported else None,
    )


def sums(found: Figures, shift: Shift) -> Iterator[Observation]:
    """Cost and figures as sentences. Their time is not the clock's: the same figures are the same board."""
    when = shift.start
    reported = f", ${cents(found.reported)} reported" if found.reported is not None else ""
    sessions = f"{found.sessions} session{'' if found.sessions == 1 else 's'}"
    yield Observation(boards.COST, (f"≈ ${cents(found.estimate)} for {sessions}{reported}",), when)
    first = found.first_response_s
    answer = (
        "no ticket of the shift was answered yet" if first is None else f"first response {_span(first)} in the median"
    )
    yield Observation(
        boards.STATS,
        (
            f"{found.opened} opened, {found.closed} closed, {found.breached} past their due time; {answer}",
            (
                f"proposals {found.accepted} accepted, {found.edited} edited, {found.rejected} rejected, "
                f"{found.overrides} checks overridden"
            ),
        ),
        when,
    )


def waiting_on(setup: Setup, ref: TicketRef) -> list[str]:
    """What of a ticket is not finished here, in a few words each."""
    live = tuple(status for status in SessionStatus if status.is_live)
    found = [
        f"{session.workflow} session {session.status.value}"
        for session in setup.record.sessions(ticket=ref, statuses=live, limit=5)
    ]
    drafts = setup.record.drafts(ticket=ref, states=tuple(_DRAFTS), limit=5)
    return found + [f"draft {draft.state.value.replace('_', ' ')}" for draft in drafts]


def under_way(setup: Setup, shift: Shift) -> Iterator[Observation]:
    """Drafts and sessions that the next shift takes on, what can't wait first."""
    drafts = setup.record.drafts(states=tuple(_DRAFTS), limit=200)
    order = list(_URGENT)
    drafts.sort(key=lambda one: (order.index(one.state) if one.state in order else len(order), one.created_at, one.id))
    for draft in drafts:
        by = f", by {draft.operator}" if draft.operator else ""
        text = f"{draft.ticket}: {_DRAFTS[draft.state]}, made {moment_text(draft.created_at)}{by}"
        yield Observation(boards.UNDER_WAY, (text,), draft.updated_at)
    live = tuple(status for status in SessionStatus if status.is_live)
    for session in sorted(setup.record.sessions(statuses=live, limit=200), key=lambda one: (one.created_at, one.id)):
        if not _is_handover(setup, session):
            text = f"{session.ticket}: {session.workflow} on {session.runtime} is {session.status.value}"
            text += f", since {moment_text(session.started_at or session.created_at)}"
            yield Observation(boards.UNDER_WAY, (text,), session.created_at)


def results(setup: Setup, shift: Shift) -> Iterator[Observation]:
    """What the shift's sessions came to, a line a workflow; a session that writes the handover is not one of them."""
    found = [one for one in setup.record.sessions(shift=shift.id, limit=1000) if not _is_handover(setup, one)]
    for workflow, count in sorted(Counter(session.workflow for session in found).items()):
        own = [session for session in found if session.workflow == workflow]
        parts = [f"{count} session{'' if count == 1 else 's'}"]
        for word, number in (
            ("with a document", sum(1 for session in own if session.document is not None)),
            ("running", sum(1 for session in own if session.status.is_live)),
            ("failed", sum(1 for session in own if session.status is SessionStatus.FAILED)),
        ):
            if number:
                parts.append(f"{number} {word}")
        yield Observation(boards.SESSIONS, (f"{workflow}: {', '.join(parts)}",), max(one.created_at for one in own))


def _is_handover(setup: Setup, session: Session) -> bool:
    if session.ticket.system == BOARD_SYSTEM:
        return True
    workflow = setup.workflows.get(session.workflow)
    return workflow is not None and workflow.is_about_the_shift


def _was_closed(row: TicketRow, whole: Ticket | None, shift: Shift) -> bool:
    """Closed in the shift: by its timeline where that was read, else by when it changed last."""
    if row.status.category.is_open or row.updated_at >= shift.end:
        return False
    if whole is None or not whole.timeline:
        return True
    changes = [entry for entry in whole.timeline if entry.kind is EntryKind.STATUS]
    return not changes or shift.start <= changes[-1].at < shift.end


def _breached(row: TicketRow, shift: Shift, until: datetime) -> bool:
    due = row.due_at
    if due is None or not shift.start <= due < until:
        return False
    return row.status.category.is_open or row.updated_at > due


def _first_response(ticket: Ticket) -> int | None:
    for entry in ticket.timeline:
        if entry.kind in _ANSWERS and actor_type(entry.author, entry.kind).value == "human":
            return max(0, round((entry.at - ticket.created_at).total_seconds()))
    return None


def _span(seconds: int) -> str:
    minutes = seconds // 60
    return f"{seconds} s" if minutes < 1 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
