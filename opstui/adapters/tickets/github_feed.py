"""Polling a queue of issues: the repository's list in the order of updates, or the search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.tickets import polling, sweeping
from opstui.adapters.tickets.github_queries import Query
from opstui.adapters.tickets.github_reading import read_issue
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.sweeping import News, Part
from opstui.adapters.tickets.wire import list_of, moment_or_none, number, records, stamp
from opstui.core.errors import Refused, Unreachable
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket

PAGE = 100
LIST_LAG = timedelta(seconds=10)
"""How long a change may take to be in a list."""
SEARCH_LAG = timedelta(minutes=2)
"""How long it may take to be found by the search."""
SEARCH_LIMIT = 1000
"""The last hit that can be reached."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    value: Any
    more: bool
    """Whether a ``Link`` names a next page. Its address is not used: pages are counted."""


Ask = Callable[[str, Sequence[tuple[str, str]]], Awaitable[Told]]
"""(path, parameters) → the answer."""


class Feed:
    """What changed, queue by queue."""

    def __init__(self, name: str, origin: str, ask: Ask, severities: Severities, clock: Clock) -> None:
        self._name = name
        self._origin = origin
        self._ask = ask
        self._severities = severities
        self._clock = clock

    async def changes(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """One page of what changed in ``queue`` after ``cursor``. Raises Refused, Unreachable."""
        query = Query.read(queue)
        if query.params is None:
            source = _Search(self, query)
            return await sweeping.poll(source, queue, cursor, self._clock, scope=self._origin)
        return await polling.poll(self._list, queue, cursor, self._clock, overlap=LIST_LAG, scope=self._origin)

    async def _list(self, queue: Queue, since: datetime | None, position: str | None) -> polling.Page:
        query = Query.read(queue)
        params = [
            *(query.params or ()), *([("since", stamp(since))] if since is not None else []), ("sort", "updated"),
            ("direction", "asc"), ("per_page", str(PAGE)), ("page", position or "1"),
        ]  # fmt: skip
        told = await self._ask(f"/repos/{query.repo}/issues", params)
        if not isinstance(told.value, list):
            raise Refused(f"{self._name}: the answer holds no issues. What was cached stays; see its url in the config")
        after = str(int(position or "1") + 1) if told.more else None
        return polling.Page(tickets=self.rows(told.value, query), next=after)

    async def search(self, text: str, order: str, page: int) -> tuple[Told, list[Mapping[str, Any]], int]:
        """A page of hits, how many there are in all. Raises Unreachable where GitHub gave up in the middle."""
        params = [("q", text), ("sort", order), ("order", "asc"), ("per_page", str(PAGE)), ("page", str(page))]
        told = await self._ask("/search/issues", params)
        found = list_of(self._name, told.value, "items")
        if told.value.get("incomplete_results") is True:
            raise Unreachable(f"{self._name}: its search took too long. What was cached stays", system=self._name)
        total = told.value.get("total_count")
        return told, found, total if isinstance(total, int) else len(found)

    def rows(self, issues: Any, query: Query) -> tuple[Ticket, ...]:
        """The issues among what was answered; pull requests are issues to GitHub."""
        return tuple(
            read_issue(one, query.repo, self._name, self._severities)
            for one in records(issues)
            if one.get("pull_request") is None and number(one.get("number"))
        )

    def too_many(self, queue: Queue, total: int) -> Refused:
        """The search can't reach them all."""
        return Refused(
            f"{self._name}: {total} issues fit the query of {queue.name}, and GitHub's search finds no more than "
            f"{SEARCH_LIMIT}; narrow it. What was cached stays"
        )


class _Search:
    """The two questions of ``sweeping.poll``. A mark is the newest ``updated_at`` that was seen."""

    def __init__(self, feed: Feed, query: Query) -> None:
        self._feed = feed
        self._query = query

    async def news(self, queue: Queue, mark: Any) -> News:
        """What the search finds updated since then, those before by as long as it may lag included."""
        since = moment_or_none(mark)
        if since is None:
            return News(mark=None, whole=False)
        text = f"{self._query.search} updated:>={stamp(since - SEARCH_LAG)}"
        told, found, _ = await self._feed.search(text, "updated", 1)
        rows = self._feed.rows(found, self._query)
        return News(mark=_newest(rows, mark), tickets=rows, whole=not told.more)

    async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
        """A page of all hits, oldest issue first; a position is the page and how many hits there were."""
        at, _, before = (position or "1").partition("/")
        page = int(at)
        told, found, total = await self._feed.search(self._query.search, "created", page)
        if total > SEARCH_LIMIT:
            raise self._feed.too_many(queue, total)
        rows = self._feed.rows(found, self._query)
        after = None
        if before and total < int(before):
            # Some are gone, so others slipped to the page before.
            after = f"{max(1, page - 1)}/{total}"
        elif told.more:
            after = f"{page + 1}/{total}"
        first = mark if moment_or_none(mark) is not None else _newest(rows, None)
        return Part(tickets=rows, mark=first, next=after)


def _newest(rows: Sequence[Ticket], mark: Any) -> Any:
    newest = max((ticket.updated_at for ticket in rows), default=None)
    before = moment_or_none(mark)
    return mark if newest is None or (before is not None and before >= newest) else stamp(newest)
