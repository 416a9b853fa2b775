"""Fields of raw events of the managed service, each of which may be missing, null or of another kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """A field that holds an object; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def kind_of(raw: Mapping[str, Any]) -> str:
    """The event's type; empty where that is no word."""
    kind = raw.get("type")
    return kind if type(kind) is str else ""


def event_id(raw: Mapping[str, Any]) -> str:
    """The event's id as ours: harmless, and made from the event itself where it has none."""
    given = raw.get("id")
    if isinstance(given, str) and given:
        return safe_id(given)
    whole = json.dumps(raw, sort_keys=True, default=str)
    return f"nameless-{hash_of(whole)[:16]}"


def safe_id(given: str) -> str:
    """An id from outside that may stand in a row and on a screen."""
    if len(given) <= 120 and given.isascii() and given.isprintable():
        return given
    return f"odd-{hash_of(given)[:16]}"


def hash_of(text: str) -> str:
    """What a text is recognised by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def text_of(content: Any) -> str:
    """The text of an event's content blocks, as it came."""
    if isinstance(content, str):
        return content
    parts = []
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Mapping):
            text = block.get("text")
            if isinstance(text, str):
                parts.append(text)
            elif block.get("type") == "redacted":
                parts.append("[removed by the service]")
    return "".join(parts)


def stop_of(raw: Mapping[str, Any]) -> str:
    """The word of an idle event's stop reason; empty where it has none."""
    given = raw.get("stop_reason")
    word = given.get("type") if isinstance(given, Mapping) else given
    return word if isinstance(word, str) else ""


def time_of(raw: Mapping[str, Any]) -> datetime | None:
    """When the service processed it, aware and in UTC; None where that is no time."""
    given = raw.get("processed_at")
    if not isinstance(given, str):
        return None
    try:
        moment = datetime.fromisoformat(given)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
