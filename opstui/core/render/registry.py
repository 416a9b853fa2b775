"""Documents as texts, whatever their kind: the comment that goes to the ticket, and the whole of it as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opstui.core.documents import Document
from opstui.core.render import markdown, plain
from opstui.core.text import SafeText

COMMENTS: Mapping[str, Callable[[Any], SafeText]] = {
    "IncidentSummary": plain.summary_comment,
    "EscalationPackage": plain.escalation_comment,
}
"""Document schema, by class name → its comment."""
FILES: Mapping[str, Callable[[Any], SafeText]] = {
    "EscalationPackage": markdown.escalation_markdown,
}
"""Document schema → the whole document as Markdown."""


def as_comment(document: Document) -> SafeText:
    """The plain text of a comment: short, the worst first, every sentence with its source."""
    return COMMENTS[type(document).__name__](document)


def as_markdown(document: Document) -> SafeText:
    """The whole document as a Markdown file. Raises KeyError for a kind that has none in ``FILES``."""
    return FILES[type(document).__name__](document)
