"""A clock and chance that a test owns, and tickets, drafts and sessions with one word changed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.ports import LedgerRow, SessionBrief
from opstui.core.sessions import Session, SessionEvent, Usage
from opstui.core.text import SafeText
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
    TimelineEntry,
    Visibility,
)
from opstui.core.workflows import Workflow

START = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)


class OwnClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._passed = 0.0

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds passed since it was made."""
        return self._passed

    def advance(self, **span: float) -> datetime:
        """Move on by ``timedelta(**span)``; the new time."""
        length = timedelta(**span)
        self._now += length
        self._passed += length.total_seconds()
        return self._now


class OwnRandomness:
    """Chance that comes out the same each time."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._asked = 0

    def bytes(self, count: int) -> bytes:
        """``count`` bytes, other ones at each call."""
        self._asked += 1
        return hashlib.shake_128(f"{self._seed}:{self._asked}".encode()).digest(count)

    def choice(self, letters: str) -> str:
        """One of ``letters``."""
        return letters[int.from_bytes(self.bytes(4), "big") % len(letters)]


def ref(key: str = "INC-1", system: str = "local") -> TicketRef:
    """A ticket's name."""
    return TicketRef(system, key)


def entry(number: int = 1, text: str = "restarted the pod", *, key: str = "INC-1", **changes: Any) -> TimelineEntry:
    """Entry ``KEY#number``, a comment by ana."""
    given: dict[str, Any] = {
        "id": f"{key}#{number}",
        "at": START + timedelta(minutes=number),
        "author": SafeText("ana"),
        "kind": EntryKind.COMMENT,
        "visibility": Visibility.INTERNAL,
        "text": SafeText(text),
    }
    return TimelineEntry(**given | changes)


def ticket(key: str = "INC-1", title: str = "checkout is slow", *, status: str = "open", **changes: Any) -> Ticket:
    """An open ticket; ``status`` is a category's word."""
    given: dict[str, Any] = {
        "ref": ref(key),
        "title": SafeText(title),
        "body": SafeText("p99 is above two seconds since the rollout"),
        "status": Status(SafeText(status), StatusCategory(status)),
        "created_at": START,
        "updated_at": START,
        "version": "1",
    }
    return Ticket(**given | changes)


def draft(draft_id: str = "d1", **changes: Any) -> Draft:
    """An edited draft of ``local:INC-1`` that was never saved."""
    given: dict[str, Any] = {
        "id": draft_id,
        "ticket": ref(),
        "state": DraftState.EDITED,
        "rev": 0,
        "base_version": "1",
        "base": {"/status": "open"},
        "op_id": f"op-{draft_id}",
        "operator": "ana",
        "created_at": START,
        "updated_at": START,
    }
    return Draft(**given | changes)


def push(push_id: str = "op-d1", **changes: Any) -> PushRecord:
    """A planned outbox row of draft ``d1``."""
    given: dict[str, Any] = {
        "id": push_id,
        "draft": "d1",
        "system": "local",
        "ticket": ref(),
        "payload": b'{"op":"x"}',
        "fingerprint": "f" * 64,
        "step": StepState.PLANNED,
        "approved_at": START,
        "expires_at": START + timedelta(minutes=15),
    }
    return PushRecord(**given | changes)


def session(session_id: str = "s1", **changes: Any) -> Session:
    """A queued session on ``local:INC-1``."""
    given: dict[str, Any] = {
        "id": session_id,
        "workflow": "incident-summary",
        "workflow_version": "0" * 16,
        "ticket": ref(),
        "ticket_version": "1",
        "runtime": "offline",
        "runtime_kind": "extractive",
        "operator": "ana",
        "shift": "2026-03-13T20:00:00Z",
        "created_at": START,
    }
    return Session(**given | changes)


def event(remote_id: str, text: str = "hello", *, session_id: str = "s1", **changes: Any) -> SessionEvent:
    """A text event that is not stored yet."""
    given: dict[str, Any] = {
        "session": session_id,
        "seq": 0,
        "remote_id": remote_id,
        "at": START,
        "type": "text",
        "data": {"text": text},
    }
    return SessionEvent(**given | changes)


def usage(key: str, *, at: datetime = START, tokens: int = 100, **changes: Any) -> LedgerRow:
    """A ledger row of ten micro-dollars a token."""
    given: dict[str, Any] = {
        "key": key,
        "session": "s1",
        "at": at,
        "operator": "ana",
        "workflow": "incident-summary",
        "ticket": ref(),
        "runtime": "offline",
        "model": None,
        "usage": Usage(input_tokens=tokens),
        "estimate": tokens * 10,
    }
    return LedgerRow(**given | changes)


def workflow(workflow_id: str = "incident-summary", **changes: Any) -> Workflow:
    """The incident summary, as far as a runtime looks at it."""
    given: dict[str, Any] = {
        "id": workflow_id,
        "title": "Incident summary",
        "version": "0" * 16,
        "note": "",
        "document": "IncidentSummary",
        "tools": ("get_ticket", "search_knowledge", "read_document", "search_tickets", "submit_document"),
        "fields": ("/comment",),
        "public_comment": False,
        "second_person": False,
        "budget_micros": 1_000_000,
        "review_by": None,
        "system": "Summarise the ticket.",
        "rubric": None,
    }
    return Workflow(**given | changes)


def briefed() -> Ticket:
    """The ticket that :func:`brief` is about: two entries."""
    entries = (entry(1, "disk is full on db-1"), entry(2, "deleted old logs, 40 GB free again"))
    return ticket("INC-1", "disk full on db-1", timeline=entries, severity="2")


def brief(session_id: str = "s1", **changes: Any) -> SessionBrief:
    """A session of the incident summary on :func:`briefed`."""
    given: dict[str, Any] = {
        "session_id": session_id,
        "workflow": workflow(),
        "ticket": briefed().ref,
        "operator": "ana",
        "shift": "2026-03-13T20:00:00Z",
        "budget_micros": 1_000_000,
        "started_at": START,
    }
    return SessionBrief(**given | changes)
