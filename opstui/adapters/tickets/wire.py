"""Reading a vendor's JSON without trusting it: what is missing or of another type is empty, and all text is clean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opstui.core.errors import Refused, Unreachable
from opstui.core.text import SafeText, clean, clean_line

if TYPE_CHECKING:
    from opstui.adapters.http import Answer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what has none."""
LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""No time is this or later."""


def record(value: Any) -> Mapping[str, Any]:
    """``value`` as an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def written(answer: Answer) -> Mapping[str, Any]:
    """What was answered to a write; empty where it is nothing that can be read.

    Not an error there, as that would say that nothing was applied, which only the read-back knows.
    """
    try:
        return record(answer.json())
    except Unreachable:
        return {}


def texts(value: Any) -> list[str]:
    """The strings of a list; none of anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def answer_of(name: str, value: Any, member: str) -> Mapping[str, Any]:
    """The object ``member`` of an answer. Raises Refused where it has none: that is no answer of such a system."""
    found = record(value).get(member)
    if not isinstance(found, dict):
        raise Refused(f"{name}: the answer holds no {member}. What was cached stays; see its url in the config")
    return found


def list_of(name: str, value: Any, member: str) -> list[Mapping[str, Any]]:
    """The objects in the list ``member`` of an answer. Raises Refused where it has none."""
    found = record(value).get(member)
    if not isinstance(found, list):
        raise Refused(f"{name}: the answer holds no {member}. What was cached stays; see its url in the config")
    return records(found)


def raw(value: Any) -> str:
    """A string or a number as a string, as it came; empty for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number(value: Any) -> int:
    """A whole number, or digits; 0 for anything else."""
    text = raw(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else 0


def line(value: Any) -> SafeText:
    """A clean line; empty for what is no text."""
    return clean_line(raw(value))


def line_or_none(value: Any) -> SafeText | None:
    """A clean line; None for an empty one."""
    return line(value) or None


def body(value: Any) -> SafeText:
    """Clean text of any length."""
    return clean(raw(value))


def names(values: Iterable[Any]) -> tuple[SafeText, ...]:
    """Clean names, each once, in order, without empty ones."""
    return tuple(dict.fromkeys(name for name in (line(value) for value in values) if name))


def shown(value: Any) -> SafeText:
    """A field's value for people: lists with commas, truths as yes and no, objects by their name or as JSON."""
    if value is None:
        return SafeText("")
    if isinstance(value, bool):
        return SafeText("yes" if value else "no")
    if isinstance(value, list):
        return clean(", ".join(shown(item) for item in value))
    if isinstance(value, dict):
        for member in ("name", "summary", "value"):
            if isinstance(value.get(member), str):
                return body(value[member])
        import json

        return clean(json.dumps(value, ensure_ascii=False))
    return body(value)


def moment_or_none(value: Any) -> datetime | None:
    """An ISO 8601 time as aware UTC; None for what is none, and for one that no ticket is from.

    A time without a zone is taken for UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        found = (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Others can't be counted on from: a minute before the year 1 is an error.
    return found if EPOCH <= found < LAST else None


def moment(value: Any, *others: Any) -> datetime:
    """The first of these that is a time; 1970 where none is."""
    return next((found for one in (value, *others) if (found := moment_or_none(one)) is not None), EPOCH)


def stamp(value: datetime) -> str:
    """``2026-11-20T09:00:00Z``, the only form that every vendor takes."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def date_of(answer: Answer) -> datetime | None:
    """When the server answered, by its own clock; None where it does not say."""
    from email.utils import parsedate_to_datetime  # takes 10 ms

    try:
        found = parsedate_to_datetime(answer.headers.get("date", ""))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
