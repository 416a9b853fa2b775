"""What a document turns into: the changes that a session proposes for its ticket."""

from __future__ import annotations

import re

from opstui.core.documents import Document, EscalationPackage
from opstui.core.drafts import DraftChanges
from opstui.core.render.markdown import escalation_markdown
from opstui.core.render.plain import render
from opstui.core.tickets import Ticket
from opstui.core.workflows import Workflow

_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def proposal(workflow: Workflow, document: Document, ticket: Ticket) -> DraftChanges:
    """An internal comment; for an escalation the whole package attached, and the fields that the document knows.

    Nothing outside the workflow's own fields, and no field that already has the value.
    """
    fields: dict[str, str | None] = {}
    files: tuple[tuple[str, bytes], ...] = ()
    if isinstance(document, EscalationPackage):
        files = ((package_name(ticket), escalation_markdown(document).encode("utf-8")),)
        if document.to_team is not None and document.to_team != ticket.team:
            fields["/team"] = document.to_team
    allowed = {path: value for path, value in fields.items() if path in workflow.fields}
    return DraftChanges(
        set=allowed,
        comment=str(render(document)) if "/comment" in workflow.fields else None,
        public=False,
        attach=files if "/attachments" in workflow.fields else (),
    )


def package_name(ticket: Ticket) -> str:
    """``escalation-INC-1042.md``; what can't be in a file name becomes a dash."""
    key = _UNSAFE_IN_NAMES.sub("-", ticket.ref.key).strip("-.")[:80]
    return f"escalation-{key or 'ticket'}.md"
