"""Questions about tickets: windows of views, one ticket with all that belongs to it, what waits for the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.core.claims import Citation, CitationKind
from opstui.core.desk import (
    Queues,
    SortedTickets,
    Source,
    SourceView,
    TicketDetail,
    TicketPosition,
    TicketsWindow,
    TicketView,
    Waiting,
    WaitingForYou,
)
from opstui.core.drafts import Draft, DraftState
from opstui.core.errors import NotFound
from opstui.core.filters import parse
from opstui.core.frozen import dataclass
from opstui.core.queues import Health, Queue, QueueState, SortBy, TableRow, TicketWindow, View
from opstui.core.sessions import Session, SessionStatus
from opstui.core.text import SafeText, clean_line, lines
from opstui.core.tickets import BOARD_SYSTEM, Ticket, TicketRef, TicketRow, TimelineEntry
from opstui.services.refresh import Refresher, feed_of, health_of
from opstui.services.setup import Setup
from opstui.services.spending import running_shift
from opstui.services.waiting_papers import WaitingPapers

OPEN_DRAFTS = tuple(state for state in DraftState if state.is_open)
LIVE_SESSIONS = tuple(status for status in SessionStatus if status.is_live)


class TicketQuestions:
    """Reads cache and record; asks no network."""

    def __init__(self, setup: Setup, refresher: Refresher) -> None:
        self._setup = setup
        self._refresher = refresher
        self._papers = WaitingPapers(setup)
        self._unfinished = _Unfinished(-1, (), (), {})
        self._stood: tuple[int, str, tuple[Session, ...]] = (-1, "", ())
        self._counted: tuple[tuple[int, int], dict[str, tuple[int, int]]] = ((-1, 0), {})

    def queues(self, question: Queues) -> tuple[QueueState, ...]:
        """See ``Queues``."""
        return tuple(self._queue_state(queue) for queue in self._setup.queues)

    def window(self, question: TicketsWindow) -> TicketWindow:
        """See ``TicketsWindow``."""
        ids = self._order(question.view, question.search, question.sort)
        first = max(0, min(question.first, len(ids)))
        wanted = ids[first : first + max(0, question.count)]
        badges = self.unfinished().badges
        rows = tuple(_table_row(*found, badges) for found in self._setup.cache.window(wanted))
        stamp = f"{self._setup.cache.bell.last()}:{self._setup.record.bell.last()}"
        return TicketWindow(total=len(ids), first=first, rows=rows, stamp=stamp)

    def position(self, question: TicketPosition) -> int | None:
        """See ``TicketPosition``."""
        wanted = self._setup.cache.id_of(question.ref)
        if wanted is None:
            return None
        ids = self._order(question.view, question.search, question.sort)
        try:
            return ids.index(wanted)
        except ValueError:
            return None

    def rows(self, question: SortedTickets) -> tuple[TableRow, ...]:
        """See ``SortedTickets``."""
        badges, cache = self.unfinished().badges, self._setup.cache
        ids = [number for ref in question.refs if (number := cache.id_of(ref)) is not None]
        return tuple(_table_row(*found, badges) for found in cache.window(ids))

    def detail(self, question: TicketDetail) -> TicketView:
        """See ``TicketDetail``."""
        setup, ref = self._setup, question.ref
        if ref.system == BOARD_SYSTEM:
            from opstui.services.board import board_view

            return board_view(setup, ref)
        found = setup.cache.ticket(ref)
        if found is None or ref.system not in setup.systems:
            raise NotFound(f"{ref}: no such ticket here; `opstui ticket list` shows those that are known")
        ticket, fetched_at = found
        health, error, answered = self.health(ref.system)
        drafts = setup.record.drafts(ticket=ref)
        seen, me = setup.cache.seen_entries(ref), self._refresher.account(ref.system)
        return TicketView(
            ticket=ticket,
            state=health.value,
            error=error,
            fetched_at=max(fetched_at, answered)
            if answered and health is Health.LIVE and ticket.complete
            else fetched_at,
            sessions=tuple(setup.record.sessions(ticket=ref)),
            drafts=tuple(sorted(drafts, key=lambda draft: not draft.state.is_open)),
            capabilities=setup.systems[ref.system].capabilities,
            changed_since_seen=tuple(
                entry.id for entry in ticket.timeline if entry.number > seen and (entry.author != me or not me)
            ),
            changed_fields=self._changed_fields(ticket),
        )

    def _changed_fields(self, ticket: Ticket) -> Mapping[str, tuple[Any, Any]]:
        seen = self._setup.cache.seen_fields(ticket.ref)
        if seen is None:
            return {}
        from opstui.core.merge import changed

        # A ticket that had not been read whole: what its list did not tell is not known to have been different.
        is_whole = any(path.startswith("/fields/") for path in seen)
        found = changed(seen, ticket)
        return {path: values for path, values in found.items() if is_whole or not path.startswith("/fields/")}

    def health(self, system: str) -> tuple[Health, SafeText | None, datetime | None]:
        """The worst health of a system's feeds, its error, and its last good answer."""
        states = [self._feed_state(queue) for queue in self._setup.queues if queue.system == system]
        if not states:
            states = [self._feed_state(Queue(name="*", system=system))]
        worst = max(states, key=lambda state: list(Health).index(state.state))
        return worst.state, worst.error, worst.fetched_at

    def waiting(self, question: WaitingForYou) -> tuple[Waiting, ...]:
        """See ``WaitingForYou``."""
        setup = self._setup
        found: list[Waiting] = []
        worst = setup.cache.worst()
        if worst is not None:
            found.append(
                Waiting(
                    kind="sev1", ticket=worst.ref, subject=str(worst.ref), text=str(worst.title), at=worst.updated_at
                )
            )
        for session in self._standing():
            kind, text = _standing_words(session)
            found.append(self._waiting(kind, session.ticket, session.id, text, session.ended_at or session.created_at))
        order: dict[DraftState, tuple[str, str]] = {
            DraftState.NEEDS_HUMAN: ("needs_human", "unknown whether it arrived"),
            DraftState.CONFLICT: ("conflict", "the ticket changed"),
            DraftState.PROPOSED: ("draft", "draft ready"),
            DraftState.EDITED: ("draft", "draft waits"),
        }
        drafts = [draft for draft in self.unfinished().drafts if draft.state in order]
        drafts.sort(key=lambda draft: (list(order).index(draft.state), draft.created_at))
        for draft in drafts:
            kind, text = order[draft.state]
            found.append(self._waiting(kind, draft.ticket, draft.id, draft.note or text, draft.updated_at))
        return (*found, *self._papers.waiting())

    def source(self, question: Source) -> SourceView:
        """See ``Source``."""
        setup, citation = self._setup, question.citation
        if citation.kind is CitationKind.DOC:
            page = setup.knowledge.page(citation.ref)
            if page is None:
                raise NotFound(f"{clean_line(citation.ref)}: this page is no longer among the approved sources")
            changed = f" · changed {page.changed_at:%Y-%m-%d}" if page.changed_at else ""
            return self._source(citation.ref, page.title, f"{page.doc}{changed}", page.text, citation)
        head, _, number = citation.ref.rpartition("#")
        own = head == question.ticket.key or ":" not in head  # a key may hold a colon itself
        ref = TicketRef(question.ticket.system, head) if own else TicketRef.parse(head)
        if ref.system == BOARD_SYSTEM:
            return self._board_source(ref, citation)
        found = setup.cache.ticket(ref)
        if found is None:
            raise NotFound(f"{clean_line(citation.ref)}: this ticket is not cached any more")
        ticket = found[0]
        return self._entry_source(ticket, number, citation)

    def _board_source(self, ref: TicketRef, citation: Citation) -> SourceView:
        from opstui.services.board import cited_as

        return self._entry_source(cited_as(self._setup, ref, citation), citation.ref.rpartition("#")[2], citation)

    def _entry_source(self, ticket: Ticket, number: str, citation: Citation) -> SourceView:
        if number == "0":
            return self._source(
                citation.ref, ticket.title, "the ticket itself", f"{ticket.title}\n{ticket.body}", citation
            )
        entry = entry_of(ticket, citation.ref)
        if entry is None:
            raise NotFound(f"{clean_line(citation.ref)}: no such entry on {ticket.ref}")
        note = f"{entry.author} · {entry.at:%Y-%m-%d %H:%M} UTC · {entry.kind.value}"
        return self._source(citation.ref, ticket.title, note, entry.text, citation)

    def worst_row(self) -> TableRow | None:
        """The row of the sev-1 lane."""
        worst = self._setup.cache.worst()
        return None if worst is None else _table_row(worst, False, False, self.unfinished().badges)

    def _source(self, ref: str, title: str, note: str, text: str, citation: Citation) -> SourceView:
        return SourceView(
            ref=ref,
            title=SafeText(title),
            note=note,
            lines=tuple(SafeText(line) for line in lines(text)),
            line_start=citation.line_start,
            line_end=citation.line_end,
        )

    def _waiting(self, kind: str, ticket: TicketRef, subject: str, text: str, at: datetime) -> Waiting:
        return Waiting(kind=kind, ticket=ticket, subject=subject, text=text, at=at)

    def _order(self, view: View, search: str, sort: SortBy) -> Sequence[int]:
        parse(search)  # an error points into what was typed, not into what it is joined with
        queue: Queue | None
        queue, filters = None, [view.filter, search]
        if view.queue is not None:
            queue = self.queue_named(view.queue)
            if self._setup.systems[queue.system].capabilities.native_filters:
                # A queue of a native system is a filter over everything that system has.
                filters = [f"system:{queue.system}", queue.query, *filters]
                queue = None
        text = " ".join(part for part in filters if part.strip())
        return self._setup.cache.order(
            queue=queue, filter_text=text, sort=sort, me=self.accounts(), now=self._setup.clock.now()
        )

    def accounts(self) -> Mapping[str, str]:
        """System → the account that ``me`` means there."""
        return {name: self._refresher.account(name) for name in self._setup.systems}

    def queue_named(self, name: str) -> Queue:
        """Raises NotFound."""
        for queue in self._setup.queues:
            if queue.name == name:
                return queue
        known = ", ".join(queue.name for queue in self._setup.queues) or "none"
        raise NotFound(f"{clean_line(name)}: no such queue; there are: {known}")

    def _feed_state(self, queue: Queue, *, counted: bool = False) -> QueueState:
        setup = self._setup
        feed = feed_of(setup, queue)
        now = setup.clock.now()
        state = setup.cache.queue_state(feed, me=self.accounts(), now=now, counted=counted)
        answered = max(
            (moment for moment in (state.fetched_at, self._refresher.answered(feed)) if moment), default=None
        )
        poll = setup.poll_seconds.get(queue.system, 15.0)
        health = health_of(state.state, answered, now, poll, self._refresher.pause(feed))
        return replace(
            state,
            state=health,
            fetched_at=answered,
            error=state.error if health is not Health.LIVE else None,
            asking_since=self._refresher.asking_since(feed),
            again_at=self._refresher.again_at(feed),
        )

    def _queue_state(self, queue: Queue) -> QueueState:
        native = self._setup.systems[queue.system].capabilities.native_filters
        state = self._feed_state(queue, counted=not native)
        if native:
            count, unseen = self._counts(f"system:{queue.system} {queue.query} status:new,open,waiting")
            state = replace(state, open=count, unseen=unseen)
        return replace(state, name=queue.name)

    def _counts(self, filter_text: str) -> tuple[int, int]:
        """Tickets of a filter and how many of them are unseen; counted again when a ticket or the minute changed."""
        now = self._setup.clock.now()
        stamp = (self._setup.cache.bell.last(), int(now.timestamp()) // 60)
        if self._counted[0] != stamp:
            self._counted = (stamp, {})
        known = self._counted[1].get(filter_text)
        if known is None:
            known = self._setup.cache.counts(queue=None, filter_text=filter_text, me=self.accounts(), now=now)
            self._counted[1][filter_text] = known
        return known

    def _standing(self) -> tuple[Session, ...]:
        """Sessions of this shift that stand still for want of a person, and that nobody has followed up yet.

        Looked up when a session changed: what streams rings twenty times a second, and idle sessions hold documents.
        """
        setup = self._setup
        stamp, shift = setup.record.bell.last(), running_shift(setup).id
        known, known_shift, found = self._stood
        if known == stamp and known_shift == shift:
            return found
        rang = {ring.kind for ring in setup.record.bell.rings(known)} if known >= 0 else {"reset"}
        if known_shift == shift and not rang & {"session", "reset"}:
            self._stood = (stamp, shift, found)
            return found
        statuses = (SessionStatus.IDLE, SessionStatus.FAILED)
        stands = [
            session
            for session in setup.record.sessions(statuses=statuses, shift=shift, limit=500)
            if session.draft is None
            and session.runtime_kind != "extractive"
            and (session.document is None or session.status is SessionStatus.FAILED)
        ]
        found = tuple(session for session in stands if self._is_newest(session))
        self._stood = (stamp, shift, found)
        return found

    def _is_newest(self, session: Session) -> bool:
        newest = next((one for one in self._setup.record.sessions(ticket=session.ticket, limit=20)
                       if one.workflow == session.workflow), session)  # fmt: skip
        return newest.id == session.id

    def unfinished(self) -> _Unfinished:
        """What is running or open; read anew only when the record rang: each draft holds a whole document."""
        stamp = self._setup.record.bell.last()
        if self._unfinished.stamp != stamp:
            sessions = tuple(self._setup.record.sessions(statuses=LIVE_SESSIONS, limit=500))
            drafts = tuple(self._setup.record.drafts(states=OPEN_DRAFTS))
            badges: dict[TicketRef, tuple[int, int, bool]] = {}
            for session in sessions:
                running, open_, needs = badges.get(session.ticket, (0, 0, False))
                badges[session.ticket] = (running + 1, open_, needs)
            for draft in drafts:
                running, open_, needs = badges.get(draft.ticket, (0, 0, False))
                badges[draft.ticket] = (running, open_ + 1, needs or draft.state is not DraftState.APPROVED)
            self._unfinished = _Unfinished(stamp, sessions, drafts, badges)
        return self._unfinished


@dataclass(frozen=True, slots=True)
class _Unfinished:
    stamp: int
    sessions: tuple[Session, ...]
    drafts: tuple[Draft, ...]
    badges: Mapping[TicketRef, tuple[int, int, bool]]
    """Running sessions, open drafts, and whether one of them waits for the operator."""


def _standing_words(session: Session) -> tuple[str, str]:
    from opstui.core import stops

    if session.stop_reason == stops.BUDGET_REACHED:
        return "budget", "at its budget: raise it, or go on without a model"
    if session.status is SessionStatus.FAILED:
        return "failed", stops.stop(session.stop_reason).text
    return "question", "the agent stopped without a document: it may ask for something"


def _table_row(
    row: TicketRow, unseen: bool, changed: bool, badges: Mapping[TicketRef, tuple[int, int, bool]]
) -> TableRow:
    running, drafts, needs = badges.get(row.ref, (0, 0, False))
    return TableRow(
        ticket=row,
        unseen=unseen,
        changed=changed,
        sessions_running=running,
        drafts_open=drafts,
        needs_you=needs,
    )


def entry_of(ticket: Ticket, ref: str) -> TimelineEntry | None:
    """The entry a citation's ref names on this ticket."""
    number = ref.rpartition("#")[2]
    return next((entry for entry in ticket.timeline if entry.id.rpartition("#")[2] == number), None)
