"""Documents as texts, whatever their kind: the comment that goes to the ticket, and the whole of it as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opstui.core.documents import Document
from opstui.core.render import closure, handover_comment, plain, reply
from opstui.core.render.markdown import markdown
from opstui.core.render.plaintext import plain_text
from opstui.core.render.sheet_escalation import escalation_sheet
from opstui.core.render.sheet_handover import handover_sheet
from opstui.core.render.sheet_knowledge import proposal_sheet
from opstui.core.render.sheet_summary import summary_sheet
from opstui.core.render.sheet_triage import triage_sheet
from opstui.core.render.sheets import Sheet
from opstui.core.text import SafeText

COMMENTS: Mapping[str, Callable[[Any], SafeText]] = {
    "IncidentSummary": plain.summary_comment,
    "EscalationPackage": plain.escalation_comment,
    "Reply": reply.reply_text,
    "Triage": lambda triage: plain_text(triage_sheet(triage)),
    "ResolutionNotes": closure.closure_comment,
    "ShiftHandover": handover_comment.handover_comment,
}
"""Document schema, by class name → its comment."""
SHEETS: Mapping[str, Callable[[Any], Sheet]] = {
    "IncidentSummary": summary_sheet,
    "EscalationPackage": escalation_sheet,
    "Triage": triage_sheet,
    "Reply": reply.reply_sheet,
    "ResolutionNotes": closure.closure_sheet,
    "KBProposal": proposal_sheet,
    "ShiftHandover": handover_sheet,
}
"""Document schema → the whole document laid out, from which every format of a file is made."""


def as_comment(document: Document) -> SafeText:
    """The plain text of a comment: short, the worst first, every sentence with its source."""
    return COMMENTS[type(document).__name__](document)


def sheet_of(document: Document) -> Sheet:
    """The whole document, laid out."""
    return SHEETS[type(document).__name__](document)


def as_markdown(document: Document) -> SafeText:
    """The whole document as a Markdown file."""
    return markdown(sheet_of(document))


def as_plain(document: Document) -> SafeText:
    """The whole document as plain text."""
    return plain_text(sheet_of(document))
