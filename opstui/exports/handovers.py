"""The JSON of shift handovers."""

from __future__ import annotations

from typing import Any

from opstui.core.codec import encode, timestamp
from opstui.core.desk import HandoverRow, HandoverSection, HandoverView


def row(found: HandoverRow) -> dict[str, Any]:
    """A handover in a list."""
    return {
        "id": found.id,
        "shift": found.shift,
        "ticket": str(found.ticket),
        "state": found.state,
        "rev": found.rev,
        "created_at": timestamp(found.created_at),
        "outgoing": found.outgoing,
        "incoming": found.incoming,
        "settled": found.settled,
        "of": found.sections,
        "misunderstandings": found.misunderstandings,
        "contact_until": timestamp(found.contact_until) if found.contact_until is not None else None,
    }


def view(found: HandoverView) -> dict[str, Any]:
    """A handover whole: its sections as they stand now, its document as it was written, and the read-back."""
    return {
        **row(found.row),
        "headline": found.headline,
        "sections": [_section(section) for section in found.sections],
        "read_back": encode(found.read_back),
        "document": encode(found.document),
    }


def _section(section: HandoverSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "text": section.text,
        "items": [
            {"id": item.id, "text": item.text, "state": item.mark or "open", "sources": [c.ref for c in item.citations]}
            for item in section.items
        ],
        "settled": encode(section.settled),
    }
