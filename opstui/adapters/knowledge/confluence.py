"""Confluence by its REST API: Cloud (v2, with an e-mail address and an API token) and Data Center (v1, with a personal
access token and no user).

Built to what Atlassian publishes and proven against a stand-in only. Pages are listed with their version numbers and
read one by one, four at a time. Labels don't count as a change of a page: Data Center lists them with it; for Cloud a
search asks for the pages that have one of the labels that say a state.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from opstui.adapters.http import HttpClient, Scalar, secret_of
from opstui.adapters.knowledge.answers import moment, record, records, text
from opstui.adapters.knowledge.facts import STATE_WORDS
from opstui.adapters.knowledge.storageformat import read_storage
from opstui.adapters.knowledge.wiki import Article, Listed
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, NotFound, Refused, Unreachable
from opstui.core.text import clean_line

CLOUD_LIST = 250
"""The most that v2 lists at once."""
CENTER_LIST = 200
SEARCHES = 20
"""Requests for labelled pages in one comparison."""
NAMES = 20
"""People in one part whose names are asked for; others are told without one until they are known."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_STATE_LABELS = tuple(sorted({word.replace(" ", sign) for word in STATE_WORDS for sign in "-_"}))

R = TypeVar("R")
Ask = Callable[[str, Mapping[str, Scalar]], Awaitable[Mapping[str, Any]]]


class Confluence:
    """A :class:`~opstui.adapters.knowledge.wiki.Wiki`: one space."""

    lists_are_whole = False

    def __init__(self, connection: Connection, *, space: str) -> None:
        """Asks no network. Raises ConfigError."""
        if not connection.url:
            key = f"knowledge.{connection.name}.url"
            raise ConfigError(f"{key}: say where it is, for example https://example.atlassian.net/wiki", key=key)
        base = connection.url.rstrip("/")
        if (urlsplit(base).hostname or "").endswith(".atlassian.net") and not urlsplit(base).path:
            base += "/wiki"
        self._name = connection.name
        self._http = HttpClient(connection, base, lambda: _credentials(connection))
        self.where = f"{self._http.place} ({space})"
        kind: type[_Cloud] | type[_Center] = _Cloud if connection.user else _Center
        self._space: _Space = kind(self._ask, connection.name, space, self._http.place)

    def alone(self, work: Callable[[], Awaitable[R]]) -> R:
        """See ``Wiki``."""
        return self._http.alone(work)

    async def begin(self) -> str:
        """Find the space. Raises Refused for one that is not there."""
        return await self._space.begin()

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]:
        """See ``Wiki``."""
        return await self._space.listing(cursor)

    async def read(self, wanted: Sequence[Listed]) -> list[Article]:
        """See ``Wiki``."""
        found = await asyncio.gather(*(self._one(row.id) for row in wanted))
        return [article for article in found if article is not None]

    async def still_there(self, ids: Sequence[str]) -> frozenset[str]:
        """Asked page by page: a list by numbers misses one where another is deleted while it is read."""
        found = await asyncio.gather(*(self._one(number) for number in ids if _ID.match(number)))
        return frozenset(article.id for article in found if article is not None)

    async def _one(self, number: str) -> Article | None:
        try:
            return await self._space.page(number)
        except NotFound:
            return None

    async def _ask(self, path: str, params: Mapping[str, Scalar]) -> Mapping[str, Any]:
        answer = record((await self._http.request("GET", path, params=params)).json())
        if not answer:
            raise Unreachable(f"{self._name}: no answer of a Confluence ({self._http.host}). What was indexed stays")
        return answer


def _credentials(connection: Connection) -> Mapping[str, str]:
    token = secret_of(connection)
    if connection.user:
        pair = base64.b64encode(f"{connection.user}:{token}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {token}"}


class _Space(Protocol):
    """One space, in one of the two dialects."""

    async def begin(self) -> str: ...

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]: ...

    async def page(self, number: str) -> Article | None:
        """None for one that is deleted, a draft, or in another space. Raises NotFound."""


class _Cloud:
    """REST v2; its searches are still v1."""

    def __init__(self, ask: Ask, name: str, key: str, place: str) -> None:
        self._ask, self._name, self._key, self._place = ask, name, key, place
        self._id = ""
        self._marks: dict[str, str] = {}
        """Page → its labels that say a state."""
        self._people: dict[str, str] = {}
        self._asked = 0

    async def begin(self) -> str:
        told = await self._ask("api/v2/spaces", {"keys": self._key, "limit": 10})
        found = next((one for one in _results(self._name, told) if text(one.get("key")) == self._key), None)
        if found is None or not _ID.match(text(found.get("id"))):
            raise _no_space(self._name, self._key)
        self._id = text(found.get("id"))
        self._asked = 0
        return f"Confluence Cloud, space {clean_line(text(found.get('name')) or self._key, limit=60)}"

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]:
        if cursor is None:
            self._marks = await self._marked()
        params: dict[str, Scalar] = {"limit": CLOUD_LIST, "status": "current", "sort": "id"}
        if cursor is not None:
            params["cursor"] = cursor
        told = await self._ask(f"api/v2/spaces/{self._id}/pages", params)
        rows = [row for one in _results(self._name, told) if (row := self._row(one)) is not None]
        return rows, _next(self._name, told, "cursor")

    def _row(self, page: Mapping[str, Any]) -> Listed | None:
        number, title = text(page.get("id")), text(page.get("title"))
        if not _ID.match(number) or not title or page.get("status", "current") != "current":
            return None
        version = text(record(page.get("version")).get("number"))
        return Listed(number, title, f"{version}.{self._marks.get(number, '')}")

    async def _marked(self) -> dict[str, str]:
        """Pages with a label that says a state; none where the account may not search."""
        found: dict[str, str] = {}
        labels = ", ".join(f'"{label}"' for label in _STATE_LABELS)
        params: dict[str, Scalar] = {
            "cql": f'space = "{self._key}" and type = page and label in ({labels})',
            "limit": 100,
            "expand": "metadata.labels",
        }
        for _ in range(SEARCHES):
            try:
                told = await self._ask("rest/api/content/search", params)
            except (Refused, NotFound):
                return {}
            for page in _results(self._name, told):
                found[text(page.get("id"))] = _spelled(_labels(record(page.get("metadata")).get("labels")))
            cursor = _next(self._name, told, "cursor")
            if cursor is None:
                break
            params["cursor"] = cursor
        return found

    async def page(self, number: str) -> Article | None:
        told = await self._ask(f"api/v2/pages/{number}", {"body-format": "storage", "include-labels": True})
        row = self._row(told)
        if row is None or row.id != number or text(told.get("spaceId")) != self._id:
            return None
        version, (body, problem) = record(told.get("version")), _body(told)
        labels = _labels(told.get("labels"))
        author = text(version.get("authorId")) or text(told.get("authorId"))
        return Article(
            id=number,
            title=row.title,
            version=f"{text(version.get('number'))}.{_spelled(labels)}",
            changed_at=moment(version.get("createdAt")),
            author=await self._person(author),
            revision=text(version.get("number")),
            url=_address(self._place, told),
            labels=labels,
            text=body,
            problem=problem,
        )

    async def _person(self, account: str) -> str:
        if not account or account in self._people or self._asked >= NAMES:
            return self._people.get(account, "")
        self._asked += 1
        try:
            told = await self._ask("rest/api/user", {"accountId": account})
        except (Refused, NotFound):
            told = {}
        self._people[account] = text(told.get("publicName")) or text(told.get("displayName"))
        return self._people[account]


class _Center:
    """REST v1 of Data Center and Server."""

    def __init__(self, ask: Ask, name: str, key: str, place: str) -> None:
        self._ask, self._name, self._key, self._place = ask, name, key, place

    async def begin(self) -> str:
        try:
            told = await self._ask(f"rest/api/space/{self._key}", {})
        except NotFound:
            raise _no_space(self._name, self._key) from None
        return f"Confluence, space {clean_line(text(told.get('name')) or self._key, limit=60)}"

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]:
        start = int(cursor or 0)
        params: dict[str, Scalar] = {
            "spaceKey": self._key, "type": "page", "status": "current", "expand": "version,metadata.labels",
            "limit": CENTER_LIST, "start": start,
        }  # fmt: skip
        told = await self._ask("rest/api/content", params)
        found = _results(self._name, told)
        rows = [row for one in found if (row := self._row(one)) is not None]
        following = _next(self._name, told, "start")
        if following is None:
            return rows, None
        if not following.isdigit() or int(following) <= start:
            raise Refused(f"{self._name}: its list of pages leads in a circle. What was indexed stays")
        return rows, following

    def _row(self, page: Mapping[str, Any]) -> Listed | None:
        number, title = text(page.get("id")), text(page.get("title"))
        if not _ID.match(number) or not title or page.get("status", "current") != "current":
            return None
        labels = _labels(record(page.get("metadata")).get("labels"))
        seal = hashlib.sha256("|".join(sorted(labels)).encode("utf-8", "replace")).hexdigest()[:12]
        return Listed(number, title, f"{text(record(page.get('version')).get('number'))}.{seal}")

    async def page(self, number: str) -> Article | None:
        expand = "body.storage,version,metadata.labels,space"
        told = await self._ask(f"rest/api/content/{number}", {"expand": expand})
        row = self._row(told)
        if row is None or row.id != number or text(record(told.get("space")).get("key")) != self._key:
            return None
        version, (body, problem) = record(told.get("version")), _body(told)
        return Article(
            id=number,
            title=row.title,
            version=row.version,
            changed_at=moment(version.get("when")),
            author=text(record(version.get("by")).get("displayName")),
            revision=text(version.get("number")),
            url=_address(self._place, told),
            labels=_labels(record(told.get("metadata")).get("labels")),
            text=body,
            problem=problem,
        )


def _no_space(name: str, key: str) -> Refused:
    return Refused(
        f"{name}: there is no space {clean_line(key, limit=60)!r}, or its account may not see it. What was indexed "
        f"stays; see knowledge.{name}.space"
    )


def _results(name: str, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The list in an answer. Raises Refused where it has none: nothing may be gone for it."""
    if not isinstance(answer.get("results"), list):
        raise Refused(f"{name}: the answer holds no list of pages. What was indexed stays; see knowledge.{name}.url")
    return records(answer["results"])


def _next(name: str, answer: Mapping[str, Any], key: str) -> str | None:
    """Where the list goes on. The link itself is not followed: its parameter goes into an address of ours."""
    link = text(record(answer.get("_links")).get("next"))
    if not link:
        return None
    try:
        value = parse_qs(urlsplit(link).query).get(key, [""])[0]
    except ValueError:
        value = ""
    if not value or len(value) > 2000:
        raise Refused(f"{name}: how its list of pages goes on can't be read. What was indexed stays")
    return value


def _labels(value: Any) -> tuple[str, ...]:
    """Names of labels, as both dialects put them."""
    found = value.get("results") if isinstance(value, dict) else value
    return tuple(name for one in records(found) if (name := text(one.get("name"))))


def _spelled(labels: Sequence[str]) -> str:
    return ",".join(sorted(label for label in labels if label in _STATE_LABELS))


def _body(page: Mapping[str, Any]) -> tuple[str, str]:
    """The text, and what is wrong with it."""
    storage = record(record(page.get("body")).get("storage")).get("value")
    return (read_storage(storage), "") if isinstance(storage, str) else ("", "the wiki does not show its text")


def _address(place: str, page: Mapping[str, Any]) -> str:
    path = text(record(page.get("_links")).get("webui"))
    return f"{place}{path}" if path.startswith("/") and not path.startswith("//") else ""
