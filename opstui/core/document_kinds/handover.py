"""The shift handover: what the next shift has to know, and their read-back of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import LINE_LIMIT, DocumentKind, Said
from opstui.core.document_kinds.parts import DocumentHead, ReadBack, SlaState
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedShift:
    """Which shift goes, and which one comes."""

    id: str
    team: str | None
    start: datetime
    end: datetime
    timezone: str
    outgoing: str
    incoming: str | None
    """None until somebody reads it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """A ticket that goes on."""

    ticket_id: str
    title: str
    severity: str | None
    sla: SlaState
    due: datetime | None
    """These, and the owner, are the board's: code sets them again whatever an agent wrote."""
    owner: str | None
    one_line: Claim
    """Where it stands; at most 160 characters."""
    next_action: str | None
    next_citation: Citation | None
    """Of the next action and of what to watch."""
    watch: str | None
    """If this, then that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What is silenced, until when, by whom and why."""

    claim: Claim
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What somebody was promised, and by when."""

    claim: Claim
    ticket_id: str
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftStats:
    """The shift in figures, counted by code. Money in micro-dollars; None: not known."""

    opened: int
    closed: int
    breached: int
    first_response_s: int | None
    """Median."""
    sessions: int
    accepted: int
    edited: int
    rejected: int
    overrides: int
    estimate: int
    reported: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftHandover:
    """Walked through section by section, and closed by the receiver's read-back."""

    head: DocumentHead
    shift: HandedShift
    headline: Claim
    open: tuple[OpenTicket, ...]
    """Those due first come first."""
    others: int
    """Open tickets that are only counted."""
    watch: tuple[Claim, ...]
    """What flaps or is likely to come again."""
    silenced: tuple[Silence, ...]
    changes_planned: tuple[Claim, ...]
    false_alerts: tuple[Claim, ...]
    promises: tuple[Promise, ...]
    under_way: tuple[Claim, ...]
    """Drafts and sessions that the next shift takes on."""
    lessons: tuple[Claim, ...]
    stats: ShiftStats
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]
    read_back: ReadBack | None = None


HEADLINE_LIMIT = 200
SECTIONS = (
    "open", "promises", "under_way", "silenced", "watch", "changes_planned", "false_alerts", "lessons",
    "open_questions", "stats",
)  # fmt: skip
"""In the order they are walked through: what can't wait first."""


def _told(handover: ShiftHandover) -> Iterator[str]:
    yield handover.headline.text
    yield from (f"{ticket.ticket_id}: {ticket.one_line.text}" for ticket in handover.open)
    yield from (f"Watch: {claim.text}" for claim in handover.watch)
    yield from (f"Silenced: {silence.claim.text}" for silence in handover.silenced)
    yield from (f"Promised: {promise.claim.text}" for promise in handover.promises)
    yield from (f"Planned: {claim.text}" for claim in handover.changes_planned)
    yield from (f"Goes on: {claim.text}" for claim in handover.under_way)


def _lines(handover: ShiftHandover) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in handover.open_questions)
    for ticket in handover.open:
        yield from (("open", text) for text in (ticket.next_action, ticket.watch) if text)


def _faults(handover: ShiftHandover) -> Iterator[tuple[str, str]]:
    if len(handover.headline.text) > HEADLINE_LIMIT:
        yield "headline", f"the headline is longer than {HEADLINE_LIMIT} characters"
    for ticket in handover.open:
        if len(ticket.one_line.text) > LINE_LIMIT:
            yield "open", f"{ticket.ticket_id}: one_line is longer than {LINE_LIMIT} characters"


def _said(handover: ShiftHandover) -> Iterator[Said]:
    for number, ticket in enumerate(handover.open, start=1):
        cited = (*ticket.one_line.citations, *((ticket.next_citation,) if ticket.next_citation else ()))
        # The ref with the rest, so that a ticket which the cited lines do not name is found out.
        text = ". ".join(filter(None, (ticket.ticket_id, ticket.next_action, ticket.watch)))
        yield Said(f"open-{number}", text, cited, ticket.one_line.id)
    for number, promise in enumerate(handover.promises, start=1):
        yield Said(f"promise-{number}", promise.ticket_id, promise.claim.citations, promise.claim.id)


KIND = DocumentKind(
    document=ShiftHandover,
    holders=frozenset((ShiftHandover, OpenTicket, Silence, Promise)),
    limits={
        "open": 20,
        "watch": 8,
        "silenced": 20,
        "changes_planned": 8,
        "false_alerts": 8,
        "promises": 12,
        "under_way": 8,
        "lessons": 5,
        "open_questions": 5,
    },
    by_code=("shift", "others", "stats", "read_back"),
    defaults={
        "watch": [],
        "silenced": [],
        "changes_planned": [],
        "false_alerts": [],
        "promises": [],
        "under_way": [],
        "lessons": [],
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    said=_said,
    faults=_faults,
    coverage=lambda handover: 1.0,
)
