"""How a session ends, or comes to stand still: its document, its draft and its last events, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opstui.core import stops
from opstui.core.audit import AuditEntry
from opstui.core.canonical import canonical, fingerprint
from opstui.core.codec import decode, encode
from opstui.core.documents import DOCUMENTS, Document
from opstui.core.drafts import DraftState
from opstui.core.errors import (
    CredentialsRefused,
    NotFound,
    NotRedacted,
    OpstuiError,
    RateLimited,
    Refused,
    StoreFull,
    Unreachable,
)
from opstui.core.ports import RecordWriter
from opstui.core.proposals import proposes
from opstui.core.sessions import Session, SessionStatus
from opstui.services.papers import keep, nothing_to_decide, paper_of
from opstui.services.recording import Pending, session_event

if TYPE_CHECKING:
    from opstui.core.drafts import Draft
    from opstui.core.tickets import Ticket
    from opstui.core.workflows import Workflow
    from opstui.services.drafting import Drafting
    from opstui.services.setup import Setup
    from opstui.services.tooldesk import ToolDesk

Audit = Callable[[Session, str, str, str | None], AuditEntry]
"""Session, action, actor and detail → the row."""
_WELL = (None, stops.END_TURN, stops.DONE)


class Ending:
    """Writes the end of a stretch of a session."""

    def __init__(self, setup: Setup, drafting: Drafting, workflow: Workflow, audit: Audit) -> None:
        self._setup = setup
        self._drafting = drafting
        self._workflow = workflow
        self._audit = audit

    def end(self, session: Session, status: SessionStatus, reason: str | None, pending: Pending) -> Session:
        """The session as it ends without a new document."""
        now = self._setup.clock.now()
        return self._setup.record.write(
            lambda record: put_end(record, session, status, reason, pending, now, self._audit)
        )

    def finish(self, session: Session, ticket: Ticket, tools: ToolDesk, pending: Pending) -> Session:
        """The session as its runtime left it, with the draft of a document that was handed in."""
        setup = self._setup
        status = session.status if _stands(session) else SessionStatus.ENDED
        settled = session.draft is not None or not proposes(self._workflow, ticket)
        if tools.accepted is None and (session.document is None or settled):
            reason = session.stop_reason
            if session.document is None and status is SessionStatus.ENDED and reason in _WELL:
                reason = stops.NO_DOCUMENT
            return self.end(session, status, reason, pending)
        document, body = self._plain(session, tools, ticket)
        draft: Draft | None = None
        files: list[bytes] = []
        unchanged = ""
        if proposes(self._workflow, ticket):
            made, files = self._drafting.proposed(session, self._workflow, document, body, ticket)
            # What could not be proposed is for the operator to see; what need not be is no draft.
            draft = made if made.ops or made.note else None
            unchanged = "" if draft is not None else "the ticket has every value already, so nothing is proposed"
        paper = paper_of(session, self._workflow, document, setup)
        now = setup.clock.now()
        # A session that goes on may hand in a better one later; one that starts over replaces its own.
        stamp = "" if session.runtime_kind == "extractive" else f"-{draft.id if draft else session.rev}"
        events = [
            *pending.events,
            session_event(session.id, "document", f"document{stamp}", now, {"document": body}),
        ]
        if unchanged:
            events.append(session_event(session.id, "notice", f"unchanged{stamp}", now, {"text": unchanged}))
        said = nothing_to_decide(paper, document)
        if said:
            events.append(session_event(session.id, "notice", f"paper{stamp}", now, {"text": said}))
        if draft is not None:
            events.append(session_event(session.id, "draft", f"draft{stamp}", now, {"draft": draft.id}))

        def save(record: RecordWriter) -> Session:
            for content in files:
                record.put_file(content)
            older = record.draft(session.draft) if session.draft else None
            if draft is not None and older is not None and older.state is DraftState.PROPOSED:
                # Nobody touched what the agent has now replaced itself.
                note = f"replaced by {draft.id}"
                record.put_draft(replace(older, state=DraftState.DISCARDED, note=note), expected_rev=older.rev)
            if draft is not None:
                record.put_draft(draft, expected_rev=None)
            if paper is not None:
                keep(record, paper)
            record.add_audit(
                replace(
                    self._audit(session, "session.document", "agent", None),
                    draft=draft.id if draft is not None else None,
                    documents=tuple(tools.retrieved),
                    content_hash=fingerprint(canonical(_without_floats(body))),
                    confidence=tools.confidence,
                )
            )
            found = replace(session, document=body, draft=draft.id if draft is not None else session.draft)
            last = Pending(events, pending.rows)
            return put_end(record, found, status, session.stop_reason, last, now, self._audit)

        return setup.record.write(save)

    def _plain(self, session: Session, tools: ToolDesk, ticket: Ticket) -> tuple[Document, Mapping[str, Any]]:
        """The document with its true words, for the draft; and what is stored of it, which hides what was hidden."""
        if tools.accepted is not None and tools.accepted_plain is not None:
            return tools.accepted_plain, encode(tools.accepted)
        body = session.document or {}
        stored = decode(DOCUMENTS[self._workflow.document], body)
        if session.runtime_kind == "extractive":
            return stored, body
        from opstui.services.redaction import plain_document

        return plain_document(self._setup, session, stored, ticket), body


def put_end(
    record: RecordWriter,
    session: Session,
    status: SessionStatus,
    reason: str | None,
    pending: Pending,
    now: datetime,
    audit: Audit,
) -> Session:
    """Write the last events and the session as it ends, or stands still. Each stretch has an end of its own."""
    stretch = "" if session.runtime_kind == "extractive" else f"-{session.rev}"
    data = {"status": status.value, "stop_reason": reason}
    last = [
        session_event(session.id, "status", f"ended:status{stretch}", now, data),
        session_event(session.id, "session.ended", f"ended{stretch}", now, {}),
    ]
    pending.put(record, None)
    record.add_events(last)
    record.add_audit(audit(session, "session.end", "program", f"{status.value}: {reason or 'done'}"))
    cost = replace(session.cost, running_since=None)
    ended_at = now if status.is_over else None
    return record.put_session(replace(session, status=status, stop_reason=reason, ended_at=ended_at, cost=cost))


def _stands(session: Session) -> bool:
    return session.status.is_over or session.status is SessionStatus.IDLE


def reason_of(error: OpstuiError) -> str:
    """The stop reason that an error comes to."""
    kinds: tuple[tuple[type[OpstuiError], str], ...] = (
        (CredentialsRefused, stops.CREDENTIALS),
        (NotRedacted, stops.NOT_REDACTED),
        (RateLimited, stops.RATE_LIMITED),
        (Unreachable, stops.UNREACHABLE),
        (NotFound, stops.REJECTED),
        (Refused, stops.REJECTED),
        (StoreFull, stops.STORE_FULL),
    )
    return next((reason for kind, reason in kinds if isinstance(error, kind)), type(error).__name__)


def _without_floats(value: Any) -> Any:
    """Scores become strings: canonical JSON knows no floats."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_floats(item) for item in value]
    return value
