"""What is asked of Request Tracker to know a ticket: its answer, its transactions, their texts, and who is who."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from opstui.adapters.http import Answer, HttpClient, secret_of
from opstui.adapters.tickets.rt_history import (
    PART_FIELDS,
    SPOKEN,
    TRANSACTION_FIELDS,
    Known,
    Part,
    in_order,
    numbers_of,
    part_of,
    wanted_texts,
)
from opstui.adapters.tickets.rt_reading import NAMED, CustomField, custom_fields
from opstui.adapters.tickets.wire import date_of, list_of, raw, record, records
from opstui.core.connections import Connection
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, Refused, Unreachable
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

R = TypeVar("R")
Row = Mapping[str, Any]

PAGE = 100
"""Rows of one answer; RT gives no more."""
PAGES = 500
"""Pages after which a list counts as endless."""
EMPTY = 20
"""Pages in a row that have nothing although there must be more."""
TEXTS_AT_ONCE = 3_000_000
"""Bytes of texts in one answer."""
TEXT_LIMIT = 6_000_000
"""Bytes of a text that is read at all."""
KEPT = 8_000_000
"""Letters of texts that are remembered: RT never changes one."""

_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")
_TOKEN = re.compile(r"\d+-(\d+)-")
"""RT's tokens name the user that they are of by number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket's own answer."""

    data: Row
    version: str
    """The ETag: the number of the newest transaction that we may see."""


class Asking:
    """Questions to one RT, and what they taught that stays true."""

    def __init__(self, connection: Connection, http: HttpClient) -> None:
        self.name = connection.name
        self._connection = connection
        self._http = http
        self._people: dict[str, str] = {}
        self._queues: dict[str, str] = {}
        self._lifecycles: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._letters = 0
        self._words: dict[str, tuple[str, ...]] = {}
        self.me = ""
        self._asked_me = False
        self._ahead: timedelta | None = None

    async def get(self, path: str, params: Any = None) -> Answer:
        """One question; the server's clock is read on the way."""
        return self._heard(await self._http.request("GET", path, params=params))

    # --- a ticket

    async def found(self, key: str) -> Found:
        """The ticket itself. Raises NotFound, also where it was merged into another."""
        number = self.number(key)
        try:
            answer = await self.get(f"ticket/{number}", NAMED)
        except NotFound:
            raise self._none(key) from None
        data = record(answer.json())
        if raw(data.get("id")) != number:
            into = clean_line(raw(data.get("id")), limit=20)
            raise NotFound(f"{self.name}:{number} was merged into {self.name}:{into}")
        etag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        return Found(data, etag or raw(data.get("LastUpdated")))

    def number(self, key: str) -> str:
        """``key`` as RT counts tickets. Raises NotFound for what can be none, before anything is asked."""
        if not _KEY.match(key):
            raise self._none(key)
        return key

    def _none(self, key: str) -> NotFound:
        return NotFound(f"there is no ticket {self.name}:{clean_line(key, limit=80)}")

    async def whole(self, key: str) -> tuple[Found, list[Row], list[Part]]:
        """A ticket with its transactions and their parts. Raises as :meth:`found`."""
        number = self.number(key)
        found, rows, parts = await together(
            self.found(key), self._page(self._history(number), 1), self._page(self._attachments(number), 1)
        )
        transactions = await self._transactions(number, rows, found.version)
        # What a ticket was made with is on the first page, if anything was said at all.
        spoken = [int(raw(one.get("id"))) for one in transactions if one.get("Type") in SPOKEN[1:]]
        parts = await self._rest(
            self._attachments(number), parts, lambda all_of: _last(all_of, "TransactionId") >= max(spoken, default=0)
        )
        return found, transactions, [part_of(one) for one in in_order(parts)]

    async def transactions(self, key: str) -> list[Row]:
        """All that may be seen of its history by now. Raises as :meth:`found`."""
        number = self.number(key)
        found, rows = await together(self.found(key), self._page(self._history(number), 1))
        return await self._transactions(number, rows, found.version)

    async def _transactions(self, number: str, first: list[Row], version: str) -> list[Row]:
        """The history up to the one that the version names.

        Rows that we may not see are missing from their pages, so that neither a short nor an empty page is the last
        one for sure. What the version names is.
        """
        newest = int(version) if version.isdecimal() else 0

        def enough(rows: list[Row]) -> bool:
            return newest > 0 and _last(rows, "id") >= newest

        rows = await self._rest(self._history(number), first, enough, patience=EMPTY if newest else 2)
        if newest and not enough(rows):
            # The last page was read before the newest was written.
            rows = await self._rest(self._history(number), [], enough, page=0)
        return in_order(rows)

    async def _rest(
        self,
        question: tuple[str, dict[str, Any]],
        rows: list[Row],
        enough: Callable[[list[Row]], bool],
        *,
        page: int = 1,
        patience: int = 2,
    ) -> list[Row]:
        """``rows`` and what the pages after ``page`` have, until it is enough or so many in a row have nothing."""
        found, empty = list(rows), 0
        while not enough(found) and empty < patience and page < PAGES:
            page += 1
            more = await self._page(question, page)
            found += more
            empty = 0 if more else empty + 1
        return found

    async def _page(self, question: tuple[str, dict[str, Any]], page: int) -> list[Row]:
        path, params = question
        try:
            answer = await self.get(path, {**params, "per_page": PAGE, "page": page, "orderby": "id", "order": "ASC"})
        except NotFound:
            return []
        return list_of(self.name, answer.json(), "items")

    @staticmethod
    def _history(number: str) -> tuple[str, dict[str, Any]]:
        return f"ticket/{number}/history", {"fields": TRANSACTION_FIELDS}

    @staticmethod
    def _attachments(number: str) -> tuple[str, dict[str, Any]]:
        return f"ticket/{number}/attachments", {"fields": PART_FIELDS}

    # --- what is told by number only

    async def texts(self, transactions: Sequence[Row], parts: Sequence[Part]) -> dict[str, str]:
        """Part → its text, for those that are shown."""
        wanted = wanted_texts(transactions, parts)
        found = {part.id: self._texts[part.id] for part in wanted if part.id in self._texts}
        for part in wanted:
            if part.size > TEXT_LIMIT:
                found[part.id] = f"({part.size:,} bytes of text, too long to be shown here)"
        for some in _bundles([part for part in wanted if part.id not in found]):
            asked = [{"field": "id", "operator": "=", "value": part.id} for part in some]
            answer = await self._http.request(
                "POST", "attachments", params={"fields": "Content", "per_page": PAGE}, json=asked, writes=False
            )
            for one in list_of(self.name, answer.json(), "items"):
                found[raw(one.get("id"))] = self._kept(raw(one.get("id")), raw(one.get("Content")))
        return found

    def _kept(self, part: str, text: str) -> str:
        if self._letters + len(text) > KEPT:
            self._texts.clear()
            self._letters = 0
        if len(text) <= KEPT and part not in self._texts:
            self._texts[part] = text
            self._letters += len(text)
        return text

    async def known(self, data: Row, transactions: Sequence[Row]) -> Known:
        """Names of everything that the transactions number."""
        people, queues = numbers_of(transactions)
        await together(
            *(self._learn(self._people, "user", one) for one in sorted(people - set(self._people))[:PAGE]),
            *(self._learn(self._queues, "queue", one) for one in sorted(queues - set(self._queues))[:PAGE]),
        )
        fields = {one.id: str(one.name) for one in custom_fields(data)}
        return Known(people=self._people, queues=self._queues, fields=fields)

    async def _learn(self, names: dict[str, str], what: str, number: str) -> None:
        """What a user or queue is called; its number where we may not know."""
        try:
            name = raw(record((await self.get(f"{what}/{number}")).json()).get("Name"))
        except (NotFound, Refused):
            name = ""
        names[number] = name or f"{what} {number}"

    async def lifecycle(self, queue: str) -> str:
        """The name of a queue's lifecycle; empty where we may not know."""
        if queue not in self._lifecycles:
            try:
                name = raw(record((await self.get(f"queue/{queue}")).json()).get("Lifecycle"))
            except (NotFound, Refused):
                name = ""
            self._lifecycles[queue] = name
        return self._lifecycles[queue]

    async def know_me(self) -> None:
        """Find out once whose the token is."""
        if self._asked_me:
            return
        import asyncio

        found = _TOKEN.match(await asyncio.to_thread(secret_of, self._connection))
        if found is not None:
            try:
                self.me = clean_line(raw(record((await self.get(f"user/{found.group(1)}")).json()).get("Name")))
            except CredentialsRefused:
                raise
            except (NotFound, Refused):
                pass
            except Unreachable:
                return  # the ticket or the list that is asked for at the same time says so, if it matters
        self.me = self.me or clean_line(self._connection.user)
        self._asked_me = True

    async def words_of(self, field: CustomField) -> tuple[str, ...]:
        """Words that a field takes: its choices where we may see them, else those that tickets have in it."""
        if field.id not in self._words:
            self._words[field.id] = await self._choices(field) or await self._used(field)
        return self._words[field.id]

    async def _choices(self, field: CustomField) -> tuple[str, ...]:
        try:
            data = record((await self.get(f"customfield/{field.id}")).json())
        except (NotFound, Refused):
            return ()  # seeing a field's definition is an administrator's right
        return tuple(raw(one.get("name")) for one in records(data.get("Values")))

    async def _used(self, field: CustomField) -> tuple[str, ...]:
        query = f"CF.{{{int(field.id)}}} IS NOT NULL" if field.id.isdecimal() else "id > 0"
        params = {
            "query": query, "fields": "CustomFields", "per_page": PAGE, "orderby": "LastUpdated", "order": "DESC",
        }  # fmt: skip
        answer = await self.get("tickets", params)
        used = [
            word
            for one in list_of(self.name, answer.json(), "items")
            for other in custom_fields(one)
            if other.id == field.id
            for word in other.values
        ]
        return tuple(dict.fromkeys(used))

    # --- the server's clock

    def _heard(self, answer: Answer) -> Answer:
        theirs = date_of(answer)
        if theirs is not None:
            self._ahead = theirs - self._connection.clock.now()
        return answer

    async def ago(self, moment: datetime) -> timedelta:
        """How long ago a moment was by the server's clock."""
        if self._ahead is None:
            await self.get("rt")
        return self._connection.clock.now() + (self._ahead or timedelta()) - moment


async def together(*asked: Awaitable[Any]) -> tuple[Any, ...]:
    """The answers, all asked at once; if any failed, the first failure, once nothing is on its way any more."""
    import asyncio

    answers = await asyncio.gather(*asked, return_exceptions=True)
    for one in answers:
        if isinstance(one, OpstuiError):
            raise one
    for one in answers:
        if isinstance(one, BaseException):
            raise one
    return tuple(answers)


def _last(rows: Iterable[Row], name: str) -> int:
    return max((int(number) for one in rows if (number := raw(one.get(name))).isdecimal()), default=0)


def _bundles(parts: Iterable[Part]) -> list[list[Part]]:
    """Parts whose texts fit into one answer together."""
    found: list[list[Part]] = []
    size = 0
    for part in parts:
        if not found or len(found[-1]) == PAGE or size + part.size > TEXTS_AT_ONCE:
            found.append([])
            size = 0
        found[-1].append(part)
        size += part.size
    return found
