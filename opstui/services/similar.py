"""Tickets that may be about the same, and what a person said to that. Nothing is ever linked or closed by it.

What was said holds for both tickets: who looks at the other one finds the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opstui.core.audit import AuditEntry
from opstui.core.checks.atoms import ticket_identifiers
from opstui.core.codec import timestamp
from opstui.core.desk import JudgeSimilar, Outcome, SimilarTicket, SimilarTickets
from opstui.core.errors import NotFound, UsageError
from opstui.core.stores import Paper, RecordWriter, TicketCache
from opstui.core.tickets import BOARD_SYSTEM, Ticket, TicketRef
from opstui.services.setup import Setup

KIND = "similar"
YES, NO, OPEN = "yes", "no", "open"
"""States of a paper; ``open``: an answer that was taken back."""
ASKED = 12
"""Candidates that are looked at beyond those that are wanted: some were said not to be the same, some are weak."""
ALIKE = 0.35
"""Score from which a ticket is told that shares no identifier: of what comes among the first three, 75 % of such
duplicates and 38 % of the rest. No score is good enough to link or close by: at 0.45 it is 47 % and 14 %."""
SHARE = 0.02
"""An identifier on more than this share of all tickets (and on more than three) says nothing about two of them."""
SHOWN = 5
"""Identifiers that are told."""
NAME_LENGTH = 3
"""Identifiers of no more than so many characters are in everything."""
_WORD = re.compile(r"[^\W_]+")


def similar_tickets(setup: Setup, question: SimilarTickets) -> tuple[SimilarTicket, ...]:
    """See ``SimilarTickets``."""
    if question.ref.system == BOARD_SYSTEM:
        return ()
    found = setup.cache.ticket(question.ref)
    if found is None:
        raise NotFound(f"{question.ref}: no such ticket here; `opstui ticket list` shows those that are known")
    told = [one for _, one in alike(setup, found[0], question.limit, weak=question.weak)]
    return tuple(told)


def alike(setup: Setup, ticket: Ticket, limit: int, *, weak: bool = False) -> list[tuple[Ticket, SimilarTicket]]:
    """Whole tickets with what is told of them, in the order of ``SimilarTickets``."""
    candidates = [(row.ref, score) for row, score in setup.cache.similar(ticket, limit + ASKED)]
    answers = {ref: _answer(setup, ticket.ref, ref) for ref, _ in candidates}
    for paper in setup.record.papers(KIND, subject=str(ticket.ref), states=(YES, NO)):
        ref = TicketRef.parse(paper.content["other"])
        if ref not in answers:
            candidates.append((ref, 0.0))
            answers[ref] = paper
    # Who was said to be the same is told whatever its words say; who was said not to be, only where nothing else is.
    order = {YES: 0, None: 1, NO: 2}
    candidates.sort(key=lambda item: order[_verdict(answers[item[0]])])
    names = ticket_identifiers(ticket)
    told: list[tuple[Ticket, SimilarTicket]] = []
    for ref, score in candidates:
        if len(told) >= limit:
            break
        other = setup.cache.ticket(ref)
        if other is None:
            continue
        one = _similar(setup, names, other[0], score, answers[ref])
        if one.strong or one.verdict is not None or weak:
            told.append((other[0], one))
    return told


def judge(setup: Setup, command: JudgeSimilar) -> Outcome[None]:
    """See ``JudgeSimilar``."""
    ref, other, now = command.ref, command.other, setup.clock.now()
    if ref == other:
        raise UsageError(f"{ref} is the ticket itself")
    for one in (ref, other):
        if setup.cache.id_of(one) is None:
            raise NotFound(f"{one}: no such ticket here; `opstui ticket list` shows those that are known")
    state = OPEN if command.same is None else YES if command.same else NO
    if state == OPEN and _verdict(_answer(setup, ref, other)) is None:
        return Outcome(notice=f"nobody said anything of {other} and {ref}")

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


def is_apart(setup: Setup, one: TicketRef, other: TicketRef) -> bool:
    """Whether a person said that the two are not about the same."""
    return _verdict(_answer(setup, one, other)) == NO


def _similar(setup: Setup, names: Sequence[str], other: Ticket, score: float, answer: Paper | None) -> SimilarTicket:
    shared = telling(setup.cache, names, other)
    verdict = _verdict(answer)
    reason = "words in common" if score else "said by a person"
    if shared:
        reason = f"both name {', '.join(shared)}"
    elif score >= ALIKE:
        reason = "says nearly the same"
    return SimilarTicket(
        ref=other.ref,
        title=other.title,
        status=other.status,
        score=round(score, 4),
        shared=shared,
        strong=bool(shared) or score >= ALIKE,
        reason=reason,
        verdict=verdict,
        by=answer.content["by"] if answer is not None and verdict else None,
        at=answer.created_at if answer is not None and verdict else None,
    )


def telling(cache: TicketCache, names: Sequence[str], other: Ticket) -> tuple[str, ...]:
    """Those of a ticket's identifiers ``names`` that the other one names too and few others do, the rarest first."""
    theirs = {name.casefold() for name in ticket_identifiers(other)}
    shared = [name for name in names if len(name) > NAME_LENGTH and name.casefold() in theirs]
    if not shared:
        return ()
    parts = {name: _WORD.findall(name.lower()) for name in shared}
    counts, total = cache.tickets_with(sorted({part for found in parts.values() for part in found}))
    # At most as many tickets name it as have the rarest of its parts.
    common = {name: min((counts.get(part, 0) for part in found), default=0) for name, found in parts.items()}
    most = max(3, int(total * SHARE))
    return tuple(sorted((name for name in shared if common[name] <= most), key=lambda name: common[name])[:SHOWN])


def _answer(setup: Setup, one: TicketRef, other: TicketRef) -> Paper | None:
    return setup.record.paper(KIND, _id(one, other))


def _verdict(answer: Paper | None) -> str | None:
    return answer.state if answer is not None and answer.state != OPEN else None


def _id(one: TicketRef, other: TicketRef) -> str:
    """The same from either side. No ref holds a blank."""
    return " ".join(sorted((str(one), str(other))))
