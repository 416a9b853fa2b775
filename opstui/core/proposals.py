"""What a document turns into: the changes that a session proposes for its ticket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from opstui.core.documents import Document, EscalationPackage
from opstui.core.drafts import DraftChanges
from opstui.core.frozen import dataclass
from opstui.core.render.registry import as_comment, as_markdown
from opstui.core.tickets import BOARD_SYSTEM as BOARD_SYSTEM, Ticket
from opstui.core.workflows import Workflow

_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def proposes(workflow: Workflow, ticket: Ticket) -> bool:
    """Whether a session of the workflow on this ticket ends in a draft: a board is nobody's ticket, so none there."""
    return bool(workflow.fields) and ticket.ref.system != BOARD_SYSTEM


def proposal(workflow: Workflow, document: Document, ticket: Ticket) -> DraftChanges:
    """An internal comment; for an escalation the whole package attached, and the fields that the document knows.

    Nothing outside the workflow's own fields, and no field that already has the value.
    """
    more = _MORE.get(type(document).__name__)
    wanted = more(document, ticket) if more is not None else Wanted()
    allowed = {path: value for path, value in wanted.fields.items() if is_allowed(path, workflow.fields)}
    return DraftChanges(
        set=allowed,
        comment=str(as_comment(document)) if "/comment" in workflow.fields else None,
        public=wanted.public and workflow.public_comment,
        attach=wanted.files if "/attachments" in workflow.fields else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a kind of document wants of its ticket beside the comment."""

    fields: Mapping[str, str | None] = field(default_factory=dict)
    """Path → value, as an operator would type it."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Name and content."""
    public: bool = False
    """The comment is for customers."""


def _escalation(package: EscalationPackage, ticket: Ticket) -> Wanted:
    files = ((package_name(ticket), as_markdown(package).encode("utf-8")),)
    is_new = package.to_team is not None and package.to_team != ticket.team
    return Wanted(fields={"/team": package.to_team} if is_new else {}, files=files)


_MORE: Mapping[str, Callable[[Any, Ticket], Wanted]] = {
    "EscalationPackage": _escalation,
}
"""Document schema, by class name → what it wants; a kind without an entry wants its comment alone."""


def is_allowed(path: str, fields: Sequence[str]) -> bool:
    """Whether a workflow's fields name the path, ``/fields/*`` all of its kind."""
    return path in fields or (path.startswith("/fields/") and "/fields/*" in fields)


def package_name(ticket: Ticket) -> str:
    """``escalation-INC-1042.md``; what can't be in a file name becomes a dash."""
    key = _UNSAFE_IN_NAMES.sub("-", ticket.ref.key).strip("-.")[:80]
    return f"escalation-{key or 'ticket'}.md"
