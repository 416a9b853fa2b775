"""Polling Zendesk by its search.

Its exports of what was updated are for administrators and may be asked ten times a minute. The search lags by minutes,
so it gives ids only, and the tickets are then read as they are. That is also why the list is not read in the order of
updates: the moments that the search sorts by are older than those of the tickets it finds.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from opstui.adapters.tickets.sweeping import News, Part
from opstui.adapters.tickets.wire import list_of, moment_or_none, raw, record, stamp
from opstui.core.errors import Refused
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket

PAGE = 100
SEARCH_LIMIT = 1000
"""The last hit of a search that can be reached; an export of hits has no such limit."""
OVERLAP = timedelta(minutes=5)
"""How long a change may take to be found by the search."""
OPEN = "status<solved"

_TYPE = re.compile(r"(?<!\S)type:(\S+)", re.IGNORECASE)
_ORDER = re.compile(r"(?<!\S)(order_by|sort|sort_by):", re.IGNORECASE)

Ask = Callable[[str, Sequence[tuple[str, str]]], Awaitable[Mapping[str, Any]]]
"""(path, parameters) → the answer."""
Read = Callable[[Sequence[str]], Awaitable[list[Ticket]]]
"""Ids, at most a page of them → the tickets as they are now."""


def query_of(queue: Queue) -> str:
    """The queue's search, for tickets. Raises Refused for a search of something else, or in an order of its own."""
    kinds = {kind.casefold() for kind in _TYPE.findall(queue.query)}
    if kinds - {"ticket"}:
        raise Refused(
            f"{queue.system}: the query of {queue.name} looks for {', '.join(sorted(kinds))}, not for tickets"
        )
    if _ORDER.search(queue.query):
        raise Refused(f"{queue.system}: the query of {queue.name} sets an order, which opstui does itself")
    return " ".join(_TYPE.sub(" ", queue.query).split()) or OPEN


class Feed:
    """The two questions of ``sweeping.poll``. A mark is the newest ``updated_at`` that was seen."""

    def __init__(self, ask: Ask, read: Read) -> None:
        self._ask = ask
        self._read = read

    async def news(self, queue: Queue, mark: Any) -> News:
        """What the search finds updated since then, those before by as long as it may lag included."""
        query, since = query_of(queue), moment_or_none(mark)
        if since is None:
            return News(mark=None, whole=False)
        found: list[str] = []
        for page in range(1, SEARCH_LIMIT // PAGE + 1):
            params = [
                ("query", f"type:ticket {query} updated>={stamp(since - OVERLAP)}"),
                ("sort_by", "updated_at"), ("sort_order", "asc"), ("per_page", str(PAGE)), ("page", str(page)),
            ]  # fmt: skip
            answer = await self._ask("/api/v2/search", params)
            found += [raw(one.get("id")) for one in list_of(queue.system, answer, "results")]
            if answer.get("next_page") is None:
                break
        else:
            return News(mark=mark, whole=False)
        tickets = [ticket for at in range(0, len(found), PAGE) for ticket in await self._read(found[at : at + PAGE])]
        return News(mark=_newest(tickets, mark), tickets=tuple(tickets))

    async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
        """A page of all hits, oldest ticket first."""
        params = [("query", query_of(queue)), ("filter[type]", "ticket"), ("page[size]", str(PAGE))]
        if position is not None:
            params.append(("page[after]", position))
        answer = await self._ask("/api/v2/search/export", params)
        meta = record(answer.get("meta"))
        tickets = await self._read([raw(one.get("id")) for one in list_of(queue.system, answer, "results")])
        after = raw(meta.get("after_cursor")) if meta.get("has_more") is True else ""
        first = mark if moment_or_none(mark) is not None else _newest(tickets, None)
        return Part(tickets=tuple(tickets), mark=first, next=after or None)


def _newest(tickets: Sequence[Ticket], mark: Any) -> Any:
    newest = max((ticket.updated_at for ticket in tickets), default=None)
    before = moment_or_none(mark)
    if newest is None or (before is not None and before >= newest):
        return mark
    return stamp(newest)
