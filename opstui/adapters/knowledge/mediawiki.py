"""MediaWiki by its ``api.php``, with what was measured on 1.39.

Pages are listed by namespace or category with their revision and categories, 500 to a request (5,000 for accounts with
``apihighlimits``), and read 50 to a request. A bot password opens a session, whose cookies are kept in memory; every
question then asserts that it is that account's, as an expired session would otherwise be asked as nobody. Owner-only
OAuth tokens go into a header.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.http_errors import Words
from opstui.adapters.knowledge.answers import moment, record, records, text
from opstui.adapters.knowledge.facts import state_of
from opstui.adapters.knowledge.wiki import Article, Listed
from opstui.adapters.knowledge.wikitext import Template, read_wikitext
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, CredentialsRefused, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.text import clean_line

ROUNDS = 100
"""Requests that one question may go on for where the wiki answers it in parts."""
TOP = 40
"""Lines in which a template says something of the page and not of a part of it."""
_COOKIE = re.compile(r"(?:\A|,\s*)([^\s;,=]{1,200})=([^;,\s]{0,4000})")
_READABLE = ("", "wikitext", "text", "markdown", "Markdown", "flow-board")
_REFUSED = ("readapidenied", "permissiondenied", "assertuserfailed", "assertbotfailed", "assertnameduserfailed")

R = TypeVar("R")


class MediaWiki:
    """A :class:`~opstui.adapters.knowledge.wiki.Wiki`."""

    lists_are_whole = True

    def __init__(
        self, connection: Connection, *, namespaces: Sequence[str] = (), categories: Sequence[str] = ()
    ) -> None:
        """Asks no network. Raises ConfigError."""
        if not connection.url:
            key = f"knowledge.{connection.name}.url"
            raise ConfigError(f"{key}: say where its api.php is, for example https://wiki.example.com/w", key=key)
        base = re.sub(r"/(?:api|index)\.php\Z", "", connection.url.rstrip("/"))
        self._name = connection.name
        self._connection = connection
        self._namespaces = tuple(namespaces)
        self._categories = tuple(categories)
        self._cookies: dict[str, str] = {}
        self._is_open = False
        self._words = Words()
        self._stages: list[dict[str, str]] = []
        self._wanted: frozenset[int] = frozenset()
        self._http = HttpClient(connection, base, self._authorize)
        self.where = self._http.place

    def alone(self, work: Callable[[], Awaitable[R]]) -> R:
        """See ``Wiki``."""
        return self._http.alone(work)

    # --- who asks

    def _authorize(self) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        if self._connection.user:
            if self._cookies:
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        elif self._connection.secret() is not None:
            headers["Authorization"] = f"Bearer {secret_of(self._connection)}"
        self._words = Words((*self._words.secrets, *Words.without(headers).secrets)[-20:])
        return headers

    async def _log_in(self) -> None:
        """A session for the bot password. Raises CredentialsRefused."""
        import asyncio

        password = await asyncio.to_thread(secret_of, self._connection)
        self._cookies.clear()
        self._words = Words((password,))
        answer = await self._once({"action": "query", "meta": "tokens", "type": "login"})
        token = text(record(record(record(answer).get("query")).get("tokens")).get("logintoken"))
        given = {
            "action": "login", "lgname": self._connection.user, "lgpassword": password, "lgtoken": token,
            "format": "json", "formatversion": "2",
        }  # fmt: skip
        told = await self._http.request(
            "POST", "api.php", content=urlencode(given).encode(), writes=False,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        self._take_cookies(told.headers)
        login = record(record(told.json()).get("login"))
        if login.get("result") != "Success":
            reason = login.get("reason")
            said = self._words(text(record(reason).get("text") if isinstance(reason, dict) else reason), 120)
            raise CredentialsRefused(
                f"{self._name}: does not take the bot password{f' ({said})' if said else ''}. What was indexed stays; "
                f"set knowledge.{self._name}.user and .token in the config"
            )
        self._is_open = True

    def _take_cookies(self, headers: Mapping[str, str]) -> None:
        for name, value in _COOKIE.findall(headers.get("set-cookie", "")):
            if name.casefold() in ("expires", "path", "domain", "max-age", "samesite"):
                continue
            if value in ("", "deleted"):
                self._cookies.pop(name, None)
            elif name.isascii() and value.isascii() and value.isprintable() and len(self._cookies) < 20:
                self._cookies[name] = value

    # --- asking

    async def _ask(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        """One answer; a session that ended is opened again, once."""
        if not self._connection.user:
            return await self._once(params)
        if not self._is_open:
            await self._log_in()
        try:
            return await self._once({**params, "assert": "user"})
        except CredentialsRefused:
            await self._log_in()
            return await self._once({**params, "assert": "user"})

    async def _once(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        asked = {**params, "format": "json", "formatversion": "2"}
        answer = await self._http.request("GET", "api.php", params=asked)
        self._take_cookies(answer.headers) if self._connection.user else None
        told = record(answer.json())
        error = record(told.get("error"))
        if error:
            raise self._error(text(error.get("code")), text(error.get("info")))
        if not told:
            raise Unreachable(f"{self._name}: no answer of a MediaWiki ({self._http.host}). What was indexed stays")
        return told

    def _error(self, code: str, info: str) -> OpstuiError:
        said = self._words(info or code, 160)
        if code in _REFUSED or code.startswith("mwoauth") or code == "badtoken":
            where = f"set knowledge.{self._name}.user and .token in the config"
            return CredentialsRefused(f"{self._name}: may not be read ({said}). What was indexed stays; {where}")
        if code in ("ratelimited", "maxlag", "readonly"):
            return RateLimited(
                f"{self._name}: asks for fewer requests ({said}). What was indexed stays",
                system=self._name, retry_after=30.0,
            )  # fmt: skip
        return Refused(f"{self._name}: refused by the wiki ({said}). What was indexed stays", reason=said)

    async def _query(self, params: Mapping[str, str], more: Mapping[str, str]) -> tuple[list[Any], Mapping[str, str]]:
        """Every page of one batch, put together from as many answers as it comes in, and how the next one begins."""
        pages: dict[str, dict[str, Any]] = {}
        for _ in range(ROUNDS):
            answer = await self._ask({"action": "query", **params, **more})
            for page in records(record(answer.get("query")).get("pages")):
                known = pages.setdefault(text(page.get("pageid")) or text(page.get("title")), {})
                for key, value in page.items():
                    if isinstance(value, list):
                        known[key] = [*known.get(key, ()), *value]
                    else:
                        known[key] = value
            more = {key: text(value) for key, value in record(answer.get("continue")).items()}
            if answer.get("batchcomplete") is True:
                return list(pages.values()), more
            if not more:
                break
        raise Refused(f"{self._name}: an answer of the wiki is not whole. What was indexed stays")

    # --- the wiki

    async def begin(self) -> str:
        """Read what namespaces there are; what the wiki calls itself. Raises Refused for one that is not there."""
        answer = await self._ask(
            {"action": "query", "meta": "siteinfo", "siprop": "general|namespaces|namespacealiases"}
        )
        query = record(answer.get("query"))
        general = record(query.get("general"))
        if not general:
            raise Unreachable(f"{self._name}: no MediaWiki answers at {self._http.host}. What was indexed stays")
        numbers = self._numbers(query)
        self._wanted = frozenset(numbers)
        if self._categories:
            within = "|".join(str(number) for number in numbers)
            self._stages = [
                {
                    "generator": "categorymembers", "gcmtitle": f"Category:{category}", "gcmtype": "page",
                    "gcmnamespace": within, "gcmlimit": "max",
                }
                for category in self._categories
            ]  # fmt: skip
        else:
            self._stages = [
                {
                    "generator": "allpages",
                    "gapnamespace": str(number),
                    "gapfilterredir": "nonredirects",
                    "gaplimit": "max",
                }
                for number in numbers
            ]
        return clean_line(text(general.get("generator")) or "MediaWiki", limit=60)

    def _numbers(self, query: Mapping[str, Any]) -> list[int]:
        known: dict[str, int] = {}
        content: list[int] = []
        for space in record(query.get("namespaces")).values():
            about = record(space)
            number = about.get("id")
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                continue
            names = (text(about.get("name")), text(about.get("canonical")), str(number))
            known |= {name.casefold().replace("_", " "): number for name in names if name}
            if about.get("content") is True:
                content.append(number)
        for alias in records(query.get("namespacealiases")):
            if isinstance(alias.get("id"), int):
                known.setdefault(text(alias.get("alias")).casefold(), int(alias["id"]))
        known["main"] = 0
        found = []
        for name in self._namespaces:
            wanted = known.get(name.strip().casefold().replace("_", " "))
            if wanted is None:
                raise Refused(
                    f"{self._name}: the wiki has no namespace {clean_line(name, limit=60)!r}. What was indexed stays; "
                    f"see knowledge.{self._name}.namespaces"
                )
            found.append(wanted)
        return sorted(set(found or content or [0]))

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]:
        """See ``Wiki``. The cursor: which namespace or category, and the wiki's own."""
        stage, more = cursor or (0, {})
        if stage >= len(self._stages):
            return [], None
        params = {
            **self._stages[stage], "prop": "info|categories", "cllimit": "max", "clprop": "hidden",
        }  # fmt: skip
        pages, more = await self._query(params, more)
        if not more:
            stage += 1
        following = (stage, dict(more)) if stage < len(self._stages) else None
        return [row for page in pages if (row := self._row(page)) is not None], following

    def _row(self, page: Mapping[str, Any]) -> Listed | None:
        number, title = text(page.get("pageid")), text(page.get("title"))
        odd = page.get("missing") or page.get("redirect") or page.get("invalid")
        if odd or not number or not title or text(page.get("contentmodel")) not in _READABLE:
            return None
        if page.get("ns") not in self._wanted:
            return None
        return Listed(number, title, _version(text(page.get("lastrevid")), page))

    async def read(self, wanted: Sequence[Listed]) -> list[Article]:
        """See ``Wiki``."""
        params = {
            "pageids": "|".join(row.id for row in wanted), "prop": "revisions|categories|info", "inprop": "url",
            "rvprop": "ids|timestamp|user|content", "rvslots": "main", "cllimit": "max", "clprop": "hidden",
        }  # fmt: skip
        found: list[Article] = []
        more: Mapping[str, str] = {}
        for _ in range(ROUNDS):
            pages, more = await self._query(params, more)
            found += [article for page in pages if (article := self._article(page)) is not None]
            if not more:
                return found
        return found

    def _article(self, page: Mapping[str, Any]) -> Article | None:
        row = self._row(page)
        if row is None:
            return None
        revision = next(iter(records(page.get("revisions"))), {})
        main = record(record(revision.get("slots")).get("main"))
        content = main.get("content")
        wiki = read_wikitext(content) if isinstance(content, str) else None
        labels = [
            text(one.get("title")).partition(":")[2] for one in records(page.get("categories")) if not one.get("hidden")
        ]
        hidden = [
            text(one.get("title")).partition(":")[2] for one in records(page.get("categories")) if one.get("hidden")
        ]
        return Article(
            id=row.id,
            title=row.title,
            version=_version(text(revision.get("revid")), page),
            text=wiki.text if wiki is not None else "",
            changed_at=moment(revision.get("timestamp")),
            author=text(revision.get("user")),
            revision=text(revision.get("revid")),
            url=text(page.get("fullurl")),
            # Maintenance categories are hidden; those that say a state count all the same.
            labels=(*labels, *(name for name in hidden if state_of(name) is not None)),
            stated=_stated(wiki.templates) if wiki is not None else {},
            problem="" if wiki is not None else "the wiki does not show its text",
        )

    async def still_there(self, ids: Sequence[str]) -> frozenset[str]:
        """Not asked: lists come in the order of titles or sort keys, so that one misses only what is renamed."""
        return frozenset()


def _version(revision: str, page: Mapping[str, Any]) -> str:
    """The revision, and the categories: a template may change those without one."""
    names = sorted(text(one.get("title")) for one in records(page.get("categories")))
    return f"{revision}.{hashlib.sha256('|'.join(names).encode('utf-8', 'replace')).hexdigest()[:12]}"


def _stated(templates: Sequence[Template]) -> Mapping[str, Sequence[str]]:
    """What templates at the top say: ``{{Superseded|New page}}``, ``{{Runbook|owner=payments}}``."""
    stated: dict[str, list[str]] = {}
    for template in templates:
        if not 0 <= template.line < TOP:
            continue
        state = state_of(template.name)
        if state is not None:
            stated.setdefault("state", []).append(template.name)
            by = next((value for value in template.values if value), "")
            by = next((template.named[key] for key in ("by", "1", "new", "page") if template.named.get(key)), by)
            if by and not state.is_guidance and state_of(by) is None:
                stated.setdefault("superseded_by" if state == "superseded" else "note", []).append(by)
        for key, value in template.named.items():
            if value and len(value) < 300:
                stated.setdefault(key, []).extend(part.strip() for part in value.split(","))
    return stated
