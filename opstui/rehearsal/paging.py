"""Pages of a list: opaque cursors that carry the order, and lists that never end on purpose."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from opstui.rehearsal.http import Request
from opstui.rehearsal.refusals import Refusal

RANGES: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "gt": lambda at, bound: at > bound,
    "gte": lambda at, bound: at >= bound,
    "lt": lambda at, bound: at < bound,
    "lte": lambda at, bound: at <= bound,
}


def page_of(
    items: Sequence[Mapping[str, Any]], request: Request, *, default: int, most: int, order: str, oddity: str = ""
) -> dict[str, Any]:
    """One page of ``items`` (oldest first) as the request wants it, with its cursors.

    ``oddity``: ``cycle`` (the last page leads to the first one) or ``empty`` (an empty page comes before each).
    Raises Refusal.
    """
    limit = whole(request.one("limit"), "limit", default)
    if not 1 <= limit <= most:
        raise Refusal(400, f"limit: must be between 1 and {most}")
    order = request.one("order") or order
    if order not in ("asc", "desc"):
        raise Refusal(400, "order: must be asc or desc")
    start, seen_empty = 0, False
    cursor = request.one("page")
    if cursor is not None:
        start, order, seen_empty = _read(cursor)
    if oddity == "empty" and not seen_empty:
        return {"data": [], "next_page": _cursor(start, order, seen_empty=True), "prev_page": None}
    rows = list(items) if order == "asc" else list(reversed(items))
    rest = start + limit < len(rows)
    following = _cursor(start + limit, order) if rest else None
    if not rest and oddity == "cycle":
        following = _cursor(0, order)
    before = _cursor(max(0, start - limit), order) if start else None
    return {"data": rows[start : start + limit], "next_page": following, "prev_page": before}


def whole(text: str | None, name: str, default: int) -> int:
    """A whole number of a query. Raises Refusal."""
    if text is None:
        return default
    if not text.isdigit():
        raise Refusal(400, f"{name}: must be a whole number")
    return int(text)


def within(moment: str | None, request: Request) -> bool:
    """Whether a time lies in ``created_at[gt|gte|lt|lte]``. What has no time yet is later than everything.

    Raises Refusal.
    """
    for name, holds in RANGES.items():
        bound = request.one(f"created_at[{name}]")
        if bound is None:
            continue
        limit = _moment(bound)
        if limit is None or limit.tzinfo is None:
            raise Refusal(400, f"created_at[{name}]: must be an RFC 3339 time")
        at = _moment(moment) if isinstance(moment, str) else None
        if at is None:
            if name in ("lt", "lte"):
                return False
        elif not holds(at if at.tzinfo else at.replace(tzinfo=limit.tzinfo), limit):
            return False
    return True


def _moment(text: str) -> datetime | None:
    try:
        # A plus that nobody escaped arrives as a space.
        return datetime.fromisoformat(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
    except ValueError:
        return None


def _cursor(start: int, order: str, *, seen_empty: bool = False) -> str:
    made = json.dumps([start, order, seen_empty], separators=(",", ":")).encode()
    return "page_" + base64.urlsafe_b64encode(made).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str, bool]:
    try:
        raw = cursor.removeprefix("page_")
        start, order, seen_empty = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    except ValueError:
        raise Refusal(400, "page: not a cursor of this list") from None
    if not isinstance(start, int) or order not in ("asc", "desc"):
        raise Refusal(400, "page: not a cursor of this list")
    return start, order, bool(seen_empty)
