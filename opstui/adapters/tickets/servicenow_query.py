"""Encoded queries of ServiceNow: a queue's own with what opstui adds to it, and values that stay values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from opstui.core.errors import Refused

OPEN = "active=true"
"""Everything open: what a queue without a query is."""

_CARET = re.compile(r"(?<!\^)\^(?!\^)")
_ORDERS = ("ORDERBY", "GROUPBY", "TREND")


def listing(query: str, since: datetime | None) -> str:
    """The query for a queue, the oldest update first, of what was updated since.

    ``^NQ`` begins a query of its own, so each of them gets the condition; an order of the queue's own is left out.
    """
    groups = list(_groups(query)) or [OPEN]
    if since is not None:
        groups = [f"{group}^sys_updated_on>={stamp(since)}" for group in groups]
    return "^NQ".join(groups) + "^ORDERBYsys_updated_on^ORDERBYsys_id"


def stamp(moment: datetime) -> str:
    """As the instance keeps times. Text is taken as UTC, only what ``gs.dateGenerate`` makes is in the account's zone.

    https://www.servicenow.com/community/united-kingdom-snug/soap-web-service-and-time-zones-examples/ba-p/2270667
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def equals(name: str, column: str, value: str) -> str:
    """``column=value`` for a value that a person gave. Raises Refused for one that would be more than a value.

    A caret begins another condition, and ``javascript:`` is run by the instance.
    """
    if "^" in value or "\n" in value or "javascript:" in value.casefold():
        from opstui.core.text import clean_line

        raise Refused(f"{name}: {clean_line(value, limit=60)!r} can't be looked for there. Nothing was sent")
    return f"{column}={value}"


def _groups(query: str) -> Iterator[str]:
    group: list[str] = []
    for condition in [*_CARET.split(query.strip()), "NQ"]:
        if condition.startswith("NQ"):
            if group:
                yield "^".join(group)
            group = [condition[2:]] if condition[2:] else []
        elif condition and condition != "EQ" and not condition.startswith(_ORDERS):
            group.append(condition)
