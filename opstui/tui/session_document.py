"""A session's document as text to unfold in its transcript. Loads every kind of document: from a thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opstui.core.codec import decode
from opstui.core.documents import DOCUMENTS
from opstui.core.render.registry import as_plain


def document_text(body: Mapping[str, Any]) -> str:
    """The whole document in plain text; empty for one that this version of the program does not know."""
    head = body.get("head")
    kind = DOCUMENTS.get(str(head.get("document", ""))) if isinstance(head, Mapping) else None
    if kind is None:
        return ""
    try:
        return str(as_plain(decode(kind, body)))
    except (KeyError, TypeError, ValueError):
        return ""
