"""Drafts: proposed updates of a ticket, on the version they were made from.

The states and who moves them::

    proposed → edited → approved → pushing → pushed
                     ↖ expired or edited      ├→ conflict     → edited
                                              └→ needs_human  → edited | pushed
    any state before pushing → discarded (undo brings it back)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from opstui.core.frozen import dataclass
from opstui.core.tickets import TicketRef, Visibility

COMMENT_PATH = "/comment"
ATTACH_PATH = "/attachments"


class DraftState(StrEnum):
    """Where a draft stands."""

    PROPOSED = "proposed"
    EDITED = "edited"
    APPROVED = "approved"
    PUSHING = "pushing"
    PUSHED = "pushed"
    CONFLICT = "conflict"
    NEEDS_HUMAN = "needs_human"
    DISCARDED = "discarded"

    @property
    def is_open(self) -> bool:
        """A person can still do something with it."""
        return self not in (DraftState.PUSHED, DraftState.DISCARDED)


class OpKind(StrEnum):
    """What an operation does to its path."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    COMMENT = "comment"
    ATTACH = "attach"


class Origin(StrEnum):
    """Whose words an operation holds."""

    AGENT = "agent"
    OPERATOR = "operator"
    AGENT_EDITED = "agent_edited"


@dataclass(frozen=True, slots=True)
class FileRef:
    """An attached file by name and hash; the bytes lie in the record store under ``sha256``."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOp:
    """One operation. ``to`` is a string or None for a field, a list of names for ``/assignee``."""

    op: OpKind
    path: str
    before: Any = None
    """The field's value on the version the draft is based on; ``from`` in JSON."""
    to: Any = None
    file: FileRef | None = None
    """Of an ``attach``."""
    visibility: Visibility | None = None
    """Of a ``comment``."""
    origin: Origin = Origin.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposed update."""

    id: str
    ticket: TicketRef
    state: DraftState
    rev: int
    """Raised by every save; every save is compare-and-set on it."""
    base_version: str
    base: Mapping[str, Any]
    """Value of every field the draft may touch (path → value), and ``#entries``, on the base version."""
    ops: tuple[DraftOp, ...] = ()
    op_id: str
    """What is looked for on the ticket to know whether this update arrived."""
    operator: str
    session: str | None = None
    workflow: str | None = None
    workflow_version: str | None = None
    engine: str | None = None
    document: Mapping[str, Any] | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check id → reason code."""
    conflicts: tuple[str, ...] = ()
    """Paths that a person must settle."""
    note: str | None = None
    """Why it stands where it stands: ``needs confirming again``, ``not pushed: wrong key``, an error."""
    fingerprint: str | None = None
    """Of the approval, while approved or pushing."""
    approved_at: datetime | None = None
    approved_by: str | None = None
    created_at: datetime
    updated_at: datetime
    edit_distance: int = 0
    """Characters that differ between the agent's comment and the operator's."""

    def comment(self) -> DraftOp | None:
        """The comment op, if there is one."""
        return next((op for op in self.ops if op.op is OpKind.COMMENT), None)


class OverrideReason(StrEnum):
    """Why a person pushes in spite of a check."""

    WRONG_FACT = "wrong_fact"
    MISSING_FACT = "missing_fact"
    WRONG_ACTION = "wrong_action"
    TONE = "tone"
    STALE = "stale"
    POLICY = "policy"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChanges:
    """What somebody wants different in a draft. Everything is optional; what is absent stays."""

    set: Mapping[str, str | None] = field(default_factory=dict)
    """Path → new value as typed; ``""`` or None clears; ``/assignee`` and ``/tags`` take comma-separated names."""
    unset: tuple[str, ...] = ()
    """Paths whose operation is dropped from the draft again (``/comment`` too)."""
    comment: str | None = None
    public: bool | None = None
    attach: tuple[tuple[str, bytes], ...] = ()
    """Name and content."""
    attach_again: tuple[DraftOp, ...] = ()
    """Attachments that were dropped, and come back as they were: the store has their content still."""
    detach: tuple[str, ...] = ()
    """SHA-256 of attachments to drop."""
    theirs: tuple[str, ...] = ()
    mine: tuple[str, ...] = ()
    """Conflicting paths, settled."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check id → reason code; ``""`` takes the override back."""


class StepState(StrEnum):
    """A step of the outbox."""

    PLANNED = "planned"
    SENDING = "sending"
    VERIFIED = "verified"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushStep:
    """What one request of an update carries. Its state is :meth:`PushRecord.state_of`."""

    ops: tuple[int, ...]
    """Indices of its operations in the approved bytes."""
    op_id: str
    """What is looked for on the ticket to know whether this step arrived."""
    attempts: int = 0
    remote_id: str | None = None
    after: int = 0
    """The ticket's highest entry number before it was first sent."""
    files: tuple[tuple[int, int], ...] = ()
    """Of each of its files: how many of that name and size, and of that name or size, were there before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRecord:
    """One approved update on its way: an outbox row. Its steps are sent one after the other."""

    id: str
    """The op id."""
    draft: str
    system: str
    ticket: TicketRef
    payload: bytes
    """The canonical bytes that were approved, and that are sent."""
    fingerprint: str
    step: StepState
    """Of the step that it is ``at``: the ones before are verified, the ones behind planned."""
    steps: tuple[PushStep, ...] = ()
    """In the order they are sent; empty until the publisher first looks."""
    at: int = 0
    """Index of the step that is next, or on its way; the number of steps once all are verified."""
    started: bool = False
    """Something of it is on the ticket, so that the rest goes on though the approval lapses."""
    attempts: int = 0
    """Requests that were sent, of all steps."""
    approved_at: datetime
    expires_at: datetime
    """No first byte after this."""
    sent_at: datetime | None = None
    """When the step last became ``sending``; settling counts from here."""
    accepted: bool = False
    """The system said yes to the step, which was not read back yet."""
    failures: int = 0
    """Requests in a row that came to nothing."""
    not_before: datetime | None = None
    """A pause the system asked for."""
    remote_id: str | None = None
    overlaps: tuple[Mapping[str, Any], ...] = ()
    already: tuple[str, ...] = ()
    """Paths that somebody else had set to the same value, so that they were not sent."""
    notes: tuple[str, ...] = ()
    """What else a reader should know of the steps that are verified."""
    error: str | None = None
    credentials: bool = False
    """The last thing that went wrong is that the system did not take the credentials."""
    done: bool = False
    audit_head: str = ""
    """The audit chain's head hash when it was enqueued, so that truncation shows."""
    finished_at: datetime | None = None

    @property
    def current(self) -> PushStep:
        """The step that it is at; the last one once all are verified."""
        return self.steps[min(self.at, len(self.steps) - 1)]

    def state_of(self, index: int) -> StepState:
        """The state of one of its steps."""
        if index != self.at:
            return StepState.VERIFIED if index < self.at else StepState.PLANNED
        return self.step
