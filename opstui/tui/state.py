"""What a screen shows, by id, and which of it an event puts out of date. Pure: no terminal, no desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from opstui.core.desk import Event
from opstui.core.frozen import dataclass


class Topic(StrEnum):
    """A piece of a screen that is asked for as a whole."""

    STATUS = "status"
    QUEUES = "queues"
    TABLE = "table"
    TICKET = "ticket"
    SESSIONS = "sessions"
    EVENTS = "events"
    DRAFT = "draft"
    AUDIT = "audit"
    LEDGER = "ledger"
    KNOWLEDGE = "knowledge"
    SIMILAR = "similar"
    PAPERS = "papers"
    """What people decide about beside drafts."""


EVERYTHING = frozenset(Topic)

_TOPICS: dict[str, frozenset[Topic]] = {
    "ticket": frozenset({Topic.STATUS, Topic.QUEUES, Topic.TABLE}),
    "queue": frozenset({Topic.STATUS, Topic.QUEUES, Topic.TABLE}),
    "session": frozenset({Topic.STATUS, Topic.SESSIONS, Topic.TABLE, Topic.LEDGER}),
    "events": frozenset(),
    "draft": frozenset({Topic.STATUS, Topic.TABLE}),
    "push": frozenset({Topic.STATUS}),
    "audit": frozenset({Topic.AUDIT}),
    "ledger": frozenset({Topic.STATUS, Topic.LEDGER}),
    "request": frozenset({Topic.STATUS}),
    "editing": frozenset(),
    "knowledge": frozenset({Topic.KNOWLEDGE}),
    "similar": frozenset({Topic.SIMILAR}),
    "proposal": frozenset({Topic.STATUS, Topic.KNOWLEDGE, Topic.PAPERS}),
    "handover": frozenset({Topic.STATUS, Topic.PAPERS}),
    "case": frozenset(),
    "evaluation": frozenset({Topic.PAPERS}),
}


@dataclass(frozen=True, slots=True)
class ViewState:
    """What a screen stands on, and what of it must be asked for again."""

    ticket: str | None = None
    """``SYSTEM:KEY`` of the ticket that is shown or under the cursor."""
    sessions: frozenset[str] = frozenset()
    """Ids of sessions whose events are shown."""
    drafts: frozenset[str] = frozenset()
    """Ids of drafts that are shown."""
    stale: frozenset[Topic] = frozenset()
    changed: frozenset[str] = frozenset()
    """Refs of tickets whose rows may differ."""
    reordered: bool = False
    """Order or membership of lists may differ, not only single rows."""


def reduce(state: ViewState, event: Event) -> ViewState:
    """``state`` after ``event``: what it shows stays, what is out of date grows."""
    if event.kind == "reset" or event.kind not in _TOPICS:
        return replace(state, stale=EVERYTHING, reordered=True)
    stale = set(_TOPICS[event.kind])
    changed, reordered = state.changed, state.reordered
    if event.kind == "ticket":
        changed = changed | {event.subject}
        reordered = True
        if event.subject == state.ticket:
            stale |= {Topic.TICKET, Topic.SIMILAR}
        if state.drafts:
            # A draft that is open may now be in conflict; Review's question finds out.
            stale |= {Topic.DRAFT}
    elif event.kind == "queue":
        reordered = True
    elif event.kind == "session":
        stale |= {Topic.TICKET}
        if event.subject in state.sessions:
            stale |= {Topic.EVENTS}
    elif event.kind == "events":
        if event.subject in state.sessions:
            stale |= {Topic.EVENTS}
    elif event.kind in ("draft", "editing", "push"):
        stale |= {Topic.TICKET}
        # A push names its own id, not the draft's, so any open draft looks again.
        if event.subject in state.drafts or (event.kind == "push" and state.drafts):
            stale |= {Topic.DRAFT}
    return replace(state, stale=state.stale | stale, changed=changed, reordered=reordered)


def reduce_all(state: ViewState, events: Iterable[Event]) -> ViewState:
    """:func:`reduce` over several events, in order."""
    for event in events:
        state = reduce(state, event)
    return state
