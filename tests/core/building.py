"""Tickets, drafts and entries for tests of the core, each with as few words as the test needs."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from opstui.core.drafts import Draft, DraftOp, DraftState, FileRef, OpKind
from opstui.core.merge import snapshot
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

NOW = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)
REF = TicketRef("local", "INC-1042")


def ticket(
    *,
    ref: TicketRef = REF,
    title: str = "Card declined in checkout",
    status: str = "open",
    category: StatusCategory = StatusCategory.OPEN,
    severity: str | None = "2",
    assignees: Sequence[str] = (),
    team: str | None = None,
    services: Sequence[str] = (),
    tags: Sequence[str] = (),
    fields: Mapping[str, str] | None = None,
    timeline: Sequence[TimelineEntry] = (),
    version: str = "1",
    created_at: datetime = NOW - timedelta(hours=1),
    updated_at: datetime = NOW - timedelta(minutes=10),
    due_at: datetime | None = None,
) -> Ticket:
    """A ticket."""
    return Ticket(
        ref=ref,
        title=SafeText(title),
        body=SafeText("Since three."),
        status=Status(SafeText(status), category),
        severity=severity,
        assignees=tuple(map(SafeText, assignees)),
        team=SafeText(team) if team else None,
        services=tuple(map(SafeText, services)),
        tags=tuple(map(SafeText, tags)),
        fields={name: SafeText(value) for name, value in (fields or {}).items()},
        timeline=tuple(timeline),
        version=version,
        created_at=created_at,
        updated_at=updated_at,
        due_at=due_at,
    )


def entry(
    number: int,
    text: str = "",
    *,
    author: str = "miguel",
    kind: EntryKind = EntryKind.COMMENT,
    op_id: str | None = None,
) -> TimelineEntry:
    """An entry of :data:`REF`'s timeline."""
    return TimelineEntry(
        id=f"{REF.key}#{number}",
        at=NOW,
        author=SafeText(author),
        kind=kind,
        visibility=Visibility.INTERNAL,
        text=SafeText(text),
        op_id=op_id,
    )


def set_op(path: str, before: object, to: object) -> DraftOp:
    """An operation that sets a field."""
    return DraftOp(op=OpKind.SET, path=path, before=before, to=to)


def comment(text: str = "Looking into it.", visibility: Visibility = Visibility.INTERNAL) -> DraftOp:
    """A comment."""
    return DraftOp(op=OpKind.COMMENT, path="/comment", to=text, visibility=visibility)


def attachment(name: str, content: bytes) -> DraftOp:
    """An attached file."""
    file = FileRef(name, len(content), hashlib.sha256(content).hexdigest())
    return DraftOp(op=OpKind.ATTACH, path="/attachments", file=file)


def draft(*ops: DraftOp, on: Ticket | None = None, **more: object) -> Draft:
    """A draft on a ticket."""
    base = on or ticket()
    given: dict[str, object] = {
        "id": "D1",
        "ticket": base.ref,
        "state": DraftState.EDITED,
        "rev": 1,
        "base_version": base.version,
        "base": snapshot(base),
        "ops": ops,
        "op_id": "01JOPID",
        "operator": "alex",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Draft(**{**given, **more})  # type: ignore[arg-type]


class Dice:
    """Randomness that a seed decides."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        """So many."""
        return self._random.randbytes(count)

    def choice(self, letters: str) -> str:
        """One of them."""
        return self._random.choice(letters)
