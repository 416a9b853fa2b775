"""Tickets that may be about the same, and what a person said to that. Nothing is ever linked or closed by it.

What was said holds for both tickets: who looks at the other one finds the same answer.
"""

from __future__ import annotations

from opstui.core.audit import AuditEntry
from opstui.core.checks.atoms import shared_identifiers
from opstui.core.codec import timestamp
from opstui.core.desk import JudgeSimilar, Outcome, SimilarTicket, SimilarTickets
from opstui.core.errors import NotFound, UsageError
from opstui.core.stores import Paper, RecordWriter
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.setup import Setup

KIND = "similar"
YES, NO, OPEN = "yes", "no", "open"
"""States of a paper; ``open``: an answer that was taken back."""
ASKED = 12
"""Candidates that are looked at beyond those that are wanted: some were said not to be the same."""


def similar_tickets(setup: Setup, question: SimilarTickets) -> tuple[SimilarTicket, ...]:
    """See ``SimilarTickets``."""
    found = setup.cache.ticket(question.ref)
    if found is None:
        raise NotFound(f"{question.ref}: not cached")
    ticket = found[0]
    told = [
        _similar(setup, ticket, other[0], score)
        for row, score in setup.cache.similar(ticket, question.limit + ASKED)
        if (other := setup.cache.ticket(row.ref)) is not None
    ]
    told = [one for one in told if one.strong or one.verdict is not None or question.weak]
    return tuple(sorted(told, key=lambda one: (YES, None, NO).index(one.verdict))[: question.limit])


def judge(setup: Setup, command: JudgeSimilar) -> Outcome[None]:
    """See ``JudgeSimilar``."""
    ref, other, now = command.ref, command.other, setup.clock.now()
    if ref == other:
        raise UsageError(f"{ref} is the ticket itself")
    for one in (ref, other):
        if setup.cache.id_of(one) is None:
            raise NotFound(f"{one}: no such ticket here; `opstui ticket list` shows those that are known")
    state = OPEN if command.same is None else YES if command.same else NO

    def save(record: RecordWriter) -> None:
        before = record.paper(KIND, _id(ref, other))
        record.put_paper(
            Paper(
                kind=KIND,
                id=_id(ref, other),
                subject=str(ref),
                state=state,
                created_at=now,
                content={"other": str(other), "by": setup.operator, "at": timestamp(now)},
            ),
            expected_rev=None if before is None else before.rev,
        )
        record.add_audit(
            AuditEntry(
                at=now,
                operator=setup.operator,
                actor="operator",
                action="similar.judge",
                ticket=str(ref),
                documents=(str(other),),
                detail=state,
            )
        )

    setup.record.write(save)
    said = {YES: f"{other} is about the same", NO: f"{other} is about something else", OPEN: f"{other}: taken back"}
    return Outcome(notice=f"{said[state]}; neither ticket was changed")


def _similar(setup: Setup, ticket: Ticket, other: Ticket, score: float) -> SimilarTicket:
    shared = shared_identifiers(ticket, other)
    paper = setup.record.paper(KIND, _id(ticket.ref, other.ref))
    is_answered = paper is not None and paper.state != OPEN
    return SimilarTicket(
        ref=other.ref,
        title=other.title,
        status=other.status,
        score=score,
        shared=shared,
        strong=bool(shared),
        reason=f"both name {', '.join(shared)}" if shared else "words in common",
        verdict=paper.state if paper is not None and is_answered else None,
        by=paper.content["by"] if paper is not None and is_answered else None,
        at=paper.created_at if paper is not None and is_answered else None,
    )


def _id(one: TicketRef, other: TicketRef) -> str:
    """The same from either side. No ref holds a blank."""
    return " ".join(sorted((str(one), str(other))))
