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
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, EntryKind, Ticket, TicketRef, TicketRow

if TYPE_CHECKING:
    from opstui.services.setup import Setup

PARTS = 2
"""Sorts of work that a line about a ticket names; a line has room for no more."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Something that is not finished, as far as a line about its ticket names it."""

    ticket: str
    what: str
    """``draft``, ``session`` or ``page proposal``."""
    says: str
    name: str | None
    """Its workflow, or its page."""
    rank: int
    since: datetime
    by: str = ""


def under_way(setup: Setup, shift: Shift) -> Iterator[Observation]:
    """Drafts, sessions and proposals for pages that the next shift takes on: a line a ticket, what can't wait first.

    What there is no line for is counted in the last one.
    """
    works = sorted(_works(setup), key=lambda one: (one.rank, one.since, one.ticket))
    by_ticket: dict[str, list[_Work]] = {}
    for work in works:
        by_ticket.setdefault(work.ticket, []).append(work)
    tickets = list(by_ticket)
    most = boards.MOST[boards.UNDER_WAY]
    shown = tickets if len(tickets) <= most else tickets[: most - 1]
    for ticket in shown:
        own = by_ticket[ticket]
        yield Observation(boards.UNDER_WAY, (f"{ticket}: {_in_a_line(own)}",), max(one.since for one in own))
    rest = [work for ticket in tickets[len(shown) :] for work in by_ticket[ticket]]
    if rest:
        text = f"{len(tickets) - len(shown)} more tickets: {_counted(rest)}"
        yield Observation(boards.UNDER_WAY, (text,), max(one.since for one in rest))


def _works(setup: Setup) -> Iterator[_Work]:
    order = list(_URGENT)
    for draft in setup.record.drafts(states=tuple(_DRAFTS), limit=200):
        rank = order.index(draft.state) if draft.state in order else len(order)
        yield _Work(
            ticket=str(draft.ticket), what="draft", says=_DRAFTS[draft.state], name=draft.workflow, rank=rank,
            since=draft.created_at, by=draft.operator or "",
        )  # fmt: skip
    live = tuple(status for status in SessionStatus if status.is_live)
    for session in setup.record.sessions(statuses=live, limit=200):
        if not _is_handover(setup, session):
            says = f"a session on {session.runtime} is {session.status.value}"
            yield _Work(
                ticket=str(session.ticket), what="session", says=says, name=session.workflow, rank=len(order) + 1,
                since=session.started_at or session.created_at,
            )  # fmt: skip
    for paper in setup.record.papers("proposal", states=("open",), limit=50):
        title = clean_line(str(paper.content.get("title") or ""), limit=60)
        yield _Work(
            ticket=str(paper.content.get("ticket") or "no ticket"), what="page proposal",
            says="a proposal for a page waits", name=title or None,
            rank=len(order) + 2, since=paper.created_at,
        )  # fmt: skip


def _in_a_line(works: Sequence[_Work]) -> str:
    """What goes on with one ticket: what is alike together, the rest as a count."""
    alike: dict[str, list[_Work]] = {}
    for work in works:
        alike.setdefault(work.says, []).append(work)
    parts = []
    for says, own in list(alike.items())[:PARTS]:
        names = list(dict.fromkeys(one.name for one in own if one.name))
        named = f" ({', '.join(names[:4])})" if names else ""
        people = {one.by for one in own}
        by = f", by {own[0].by}" if len(people) == 1 and own[0].by else ""
        since = "since" if own[0].what == "session" else "made"
        parts.append(f"{says}{named}, {since} {moment_text(min(one.since for one in own))}{by}")
    rest = [one for own in list(alike.values())[PARTS:] for one in own]
    return "; ".join([*parts, *([f"and {_counted(rest)}"] if rest else [])])


def _counted(works: Sequence[_Work]) -> str:
    """``3 drafts, 1 session``."""
    counts = Counter(one.what for one in works)
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items())


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
