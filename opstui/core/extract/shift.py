"""A shift handover made of its board's own lines: what goes on, what was promised, what is silenced, what to watch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from opstui.core import boards
from opstui.core.boards import OpenWork, Seen, board_among, figure_in, number_in, open_work, seen_on
from opstui.core.claims import Citation, Claim, ClaimStatus
from opstui.core.document_kinds.handover import (
    HEADLINE_LIMIT,
    KIND,
    HandedShift,
    OpenTicket,
    Promise,
    ShiftHandover,
    ShiftStats,
    Silence,
)
from opstui.core.document_kinds.kind import LINE_LIMIT
from opstui.core.document_kinds.parts import SlaState
from opstui.core.errors import UsageError
from opstui.core.extract.claims import cut
from opstui.core.extract.summary import head_of
from opstui.core.ports import ExtractInput
from opstui.core.sources import SourceSet
from opstui.core.submissions import Submission
from opstui.core.tickets import Ticket

T = TypeVar("T")


def shift_handover(given: ExtractInput) -> ShiftHandover:
    """The handover of a board. Pure: the same board gives the same bytes. Raises UsageError where there is none."""
    board = _board(given.ticket, given.boards)
    sources = SourceSet(given.ticket, tickets=given.boards)
    maker = _Maker(sources)
    seen = _by_label(board, own=board is given.ticket)
    opened = tuple(maker.ticket(one) for one in seen[boards.OPEN])
    return ShiftHandover(
        head=head_of(given, "ShiftHandover"),
        shift=shift_of(board),
        headline=maker.headline(seen[boards.ALL]),
        open=opened,
        others=_others(board, len(opened)),
        watch=tuple(maker.line(one) for one in seen[boards.WATCH]),
        silenced=tuple(maker.silence(one) for one in seen[boards.SILENCED]),
        changes_planned=tuple(maker.line(one) for one in seen[boards.PLANNED]),
        false_alerts=tuple(maker.line(one) for one in seen[boards.FALSE_ALERT]),
        promises=tuple(maker.promise(one) for one in seen[boards.PROMISED]),
        under_way=tuple(maker.line(one) for one in seen[boards.UNDER_WAY]),
        lessons=tuple(maker.line(one) for one in seen[boards.LESSON]),
        stats=stats_of(board),
        open_questions=questions(opened),
        not_included=(),
    )


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a handover that an agent wrote."""
    board = _board(given.ticket, given.boards)
    return {"shift": shift_of(board), "others": 0, "stats": stats_of(board), "read_back": None}


def finished(handover: ShiftHandover, given: Submission) -> ShiftHandover:
    """The handover with the board's own fields of each open ticket, in the board's order, and nothing left out.

    An agent words what is handed on; whether a ticket, a promise or a silence is handed on at all is not its to say.
    What it left out is added in the board's words, and so is a whole section that it left empty: an empty one tells the
    receiver that there is nothing. Tickets that the board does not have stay, and the checks find them.
    """
    board = _board(given.ticket, given.boards)
    ruled = shift_handover(
        ExtractInput(
            ticket=given.ticket,
            hits=(),
            pages={},
            related=(),
            operator=given.operator,
            operator_team=given.team,
            now=given.now,
            session_id=given.session_id,
            workflow_version=given.workflow.version,
            boards=given.boards,
        )
    )
    fresh = _Fresh(handover)
    written: dict[str, OpenTicket] = {}
    for ticket in handover.open:
        written.setdefault(ticket.ticket_id, ticket)
    opened = [_as_on_board(written.pop(rule.ticket_id, None), rule, fresh) for rule in ruled.open]
    opened += written.values()
    own_promises = [
        replace(one, due=rule.due, ticket_id=rule.ticket_id) if (rule := _same(one, ruled.promises)) else one
        for one in handover.promises
    ]
    own_silences = [
        replace(one, until=seen.until) if (seen := _same(one, ruled.silenced)) else one for one in handover.silenced
    ]
    promises = (*own_promises, *fresh.left_out(handover.promises, ruled.promises, _of_promise))
    silenced = (*own_silences, *fresh.left_out(handover.silenced, ruled.silenced, _of_silence))
    on_board = len(ruled.open)
    empty: dict[str, Any] = {
        name: tuple(map(fresh.claim, getattr(ruled, name))) for name in _LISTS if not getattr(handover, name)
    }
    return replace(
        handover,
        **empty,
        open=tuple(opened),
        others=_others(board, on_board),
        promises=tuple(sorted(promises[: KIND.limits["promises"]], key=_due)),
        silenced=silenced[: KIND.limits["silenced"]],
    )


_LISTS = ("under_way", "watch", "changes_planned", "false_alerts", "lessons")
"""Sections that are nothing but claims."""


def shift_of(board: Ticket) -> HandedShift:
    """Which shift it is, as the board says."""
    return HandedShift(
        id=str(board.ref.key),
        team=_text(board, "team"),
        start=boards.moment_of(_text(board, "start"), board.created_at),
        end=boards.moment_of(_text(board, "end"), board.created_at),
        timezone=_text(board, "timezone") or "UTC",
        outgoing=_text(board, "outgoing") or "",
        incoming=None,
    )


def stats_of(board: Ticket) -> ShiftStats:
    """The figures that code counted."""
    counted = {
        name: number_in(board, name)
        for name in (
            "opened", "closed", "breached", "sessions", "accepted", "edited", "rejected", "overrides", "estimate"
        )
    }  # fmt: skip
    return ShiftStats(
        **counted, first_response_s=figure_in(board, "first_response_s"), reported=figure_in(board, "reported")
    )


def questions(opened: Sequence[OpenTicket]) -> tuple[str, ...]:
    """What the receiver would have to ask, the most urgent first; at most five."""
    asked = [f"Who takes {ticket.ticket_id}? Nobody owns it." for ticket in opened if ticket.owner is None]
    asked += [
        f"What happens next on {ticket.ticket_id}? It is overdue and no next step is written down."
        for ticket in opened
        if ticket.sla is SlaState.BREACHED and ticket.next_action is None
    ]
    urgent = [ticket for ticket in opened if ticket.severity in ("1", "2") and ticket.next_action is None]
    asked += [
        f"What happens next on {ticket.ticket_id}? Severity {ticket.severity}, and no next step is written down."
        for ticket in urgent
        if ticket.sla is not SlaState.BREACHED
    ]
    return tuple(text[:LINE_LIMIT] for text in asked[: KIND.limits["open_questions"]])


class _Maker:
    """Claims of a board's lines, each with an id of its own."""

    def __init__(self, sources: SourceSet) -> None:
        self._sources = sources
        self._count = 0

    def headline(self, seen: Sequence[Seen]) -> Claim:
        if not seen:
            self._count += 1
            return Claim(f"c{self._count}", "The board does not say how much goes on.", ClaimStatus.UNKNOWN)
        return self.line(seen[0], limit=HEADLINE_LIMIT)

    def line(self, seen: Seen, limit: int = boards.LINE) -> Claim:
        """Its first line as a claim: a quotation where the ticket is quoted, else what code counted."""
        text = cut(seen.text, limit)
        return self._claim(text, _status(seen), self._cite(seen, 1, 1, seen.text))

    def silence(self, seen: Seen) -> Silence:
        return Silence(claim=self.line(seen), until=boards.until_of(seen.text))

    def promise(self, seen: Seen) -> Promise:
        ticket = seen.text.partition(": ")[0]
        return Promise(claim=self.line(seen), ticket_id=ticket, due=boards.until_of(seen.text))

    def ticket(self, seen: Seen) -> OpenTicket:
        work: OpenWork = open_work(seen)
        said = work.last or work.title or work.ticket
        status = ClaimStatus.REPORTED if work.last else ClaimStatus.FACT
        one_line = self._claim(cut(said, LINE_LIMIT), status, self._cite(seen, 1, min(3, len(seen.lines)), said))
        ahead = [line for line in (work.next_line, work.watch_line) if line]
        quote = work.next_action or work.watch or ""
        plan = self._cite(seen, min(ahead), max(ahead), quote) if ahead else None
        return OpenTicket(
            ticket_id=work.ticket,
            title=work.title,
            severity=work.severity,
            sla=SlaState(work.sla),
            due=work.due,
            owner=work.owner,
            one_line=one_line,
            next_action=cut(work.next_action, LINE_LIMIT) if work.next_action else None,
            next_citation=plan,
            watch=cut(work.watch, LINE_LIMIT) if work.watch else None,
        )

    def _claim(self, text: str, status: ClaimStatus, citation: Citation) -> Claim:
        self._count += 1
        return Claim(f"c{self._count}", text, status, citations=(citation,))

    def _cite(self, seen: Seen, start: int, end: int, quote: str) -> Citation:
        return self._sources.cite(seen.ref, start, end, quote)


class _Fresh:
    """New ids for claims that are added to a document."""

    def __init__(self, handover: ShiftHandover) -> None:
        from opstui.core.documents import claims_of

        self._taken = {claim.id for claim in claims_of(handover)}
        self._count = 0

    def claim(self, claim: Claim) -> Claim:
        while f"b{self._count}" in self._taken or self._count == 0:
            self._count += 1
        self._taken.add(f"b{self._count}")
        return replace(claim, id=f"b{self._count}")

    def left_out(self, own: Sequence[T], ruled: Iterable[T], claim: Callable[[T], Claim]) -> list[T]:
        """Items of the rules whose observation none of the agent's own items cites."""
        cited = {citation.ref for item in own for citation in claim(item).citations}
        found = [item for item in ruled if not {citation.ref for citation in claim(item).citations} & cited]
        return [replace(item, claim=self.claim(claim(item))) for item in found]  # type: ignore[type-var]


def _same(own: T, ruled: Iterable[T]) -> T | None:
    """The item of the rules that rests on an observation which ``own`` cites; its times are the board's."""
    cited = {citation.ref for citation in own.claim.citations}  # type: ignore[attr-defined]
    return next((one for one in ruled if {cite.ref for cite in one.claim.citations} & cited), None)  # type: ignore[attr-defined]


def _as_on_board(own: OpenTicket | None, rule: OpenTicket, fresh: _Fresh) -> OpenTicket:
    if own is None:
        return replace(rule, one_line=fresh.claim(rule.one_line))
    return replace(own, title=rule.title, severity=rule.severity, sla=rule.sla, due=rule.due, owner=rule.owner)


def _of_promise(promise: Promise) -> Claim:
    return promise.claim


def _of_silence(silence: Silence) -> Claim:
    return silence.claim


def _due(promise: Promise) -> tuple[bool, float]:
    return (promise.due is None, promise.due.timestamp() if promise.due else 0.0)


def _status(seen: Seen) -> ClaimStatus:
    quoted = seen.label in (boards.PLANNED, boards.FALSE_ALERT, boards.LESSON)
    return ClaimStatus.REPORTED if quoted else ClaimStatus.FACT


def _by_label(board: Ticket, *, own: bool) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {label: [] for label in boards.LABELS}
    for one in seen_on(board, own=own):
        if len(found[one.label]) < boards.MOST.get(one.label, 1):
            found[one.label].append(one)
    return found


def _others(board: Ticket, listed: int) -> int:
    return max(0, number_in(board, "open") - listed)


def _text(board: Ticket, name: str) -> str | None:
    return str(board.fields[name]) if name in board.fields else None


def _board(ticket: Ticket, others: Sequence[Ticket]) -> Ticket:
    board = board_among(ticket, others)
    if board is None:
        raise UsageError(f"{ticket.ref}: a shift handover is written from the shift's board, and there is none here")
    return board
