"""The one HTTP client of ticket systems and wikis: pinned to its origin, without retries, errors in our words.

Every error says whether anything was sent, as the publisher's next step depends on nothing else.
"""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from opstui.adapters.http_errors import Asked, Words, failed, refused_by
from opstui.adapters.pacing import Breaker, Gate
from opstui.adapters.transport import CONNECT_SECONDS as CONNECT_SECONDS, is_address
from opstui.core.errors import ConfigError, CredentialsRefused, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.frozen import dataclass
from opstui.core.hosts import leads_here
from opstui.core.secrets import unfit
from opstui.core.text import SafeText, clean, clean_line

if TYPE_CHECKING:
    import asyncio

    import httpx2

    from opstui.core.connections import Connection

R = TypeVar("R")
Scalar = str | int | float | bool | None
Params = Mapping[str, Scalar | Sequence[Scalar]] | list[tuple[str, Scalar]]
Files = Sequence[tuple[str, tuple[str | None, bytes | str, str]]]
"""Part name → (file name, content, MIME type)."""

BODY_LIMIT = 20 * 1024 * 1024
"""Bytes of one answer, unpacked."""
ERROR_BODY_LIMIT = 64 * 1024
"""Of an answer that says no, which is only quoted."""
WHOLE_SECONDS = 60.0
"""The longest that one request takes from its first to the answer's last byte, however lively the server is."""
FILES_WHOLE_SECONDS = 180.0
"""The same of a request that carries files."""
AT_ONCE = 4
"""Requests to one system at the same time."""
PATIENCE = 2.0
"""Seconds that a request waits for a rate limit; a longer pause is told to whoever asks."""

_PLAIN_PATH = re.compile(r"[!-\[\]-~]*\Z")
"""Printable ASCII without blanks and backslashes, which some parsers take for slashes."""
_DOTS = re.compile(r"(?:^|/|%2f|%5c)(?:\.|%2e){1,2}(?:/|%2f|%5c|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: 2xx, or a status that the caller had said to be among what it expects."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes
    name: str = ""
    """The system's name, which begins every message."""
    host: str = field(default="")
    wrote: bool = False
    """Whether it answers a write, of which something was sent whatever the answer looks like."""

    def json(self) -> Any:
        """The value in it. Raises Unreachable for what is no JSON: it did not come from the ticket system."""
        import json

        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            pass
        if "html" in self.headers.get("content-type", "").lower() or self.content.lstrip()[:1] == b"<":
            what = "a web page answered, perhaps a login page or a wrong address"
        else:
            what = "the answer can't be read" if self.content.strip() else "the answer is empty"
        raise Unreachable(
            f"{self.name}: {what} ({self.host}). What was cached stays; see its url in the config, or the network",
            system=self.name, was_anything_sent=self.wrote,
        )  # fmt: skip

    @property
    def text(self) -> SafeText:
        """The body as text, cleaned."""
        return clean(self.content)


def secret_of(connection: Connection) -> str:
    """The connection's token, as it can stand in a header. Raises CredentialsRefused, without quoting it."""
    where = f"set {connection.table}.{connection.name}.token in the config"
    given = connection.secret()
    if given is None:
        raise CredentialsRefused(f"{connection.name}: there is no token; nothing was sent. {where.capitalize()}")
    token = given.strip()
    if why := unfit(token):
        raise CredentialsRefused(f"{connection.name}: the token {why}; nothing was sent. {where.capitalize()}")
    return token


class HttpClient:
    """Requests to one system, at ``base_url`` and nowhere else.

    ``authorize`` is asked for the headers that open it at each request, in a thread, after the address was checked.
    There is a set of connections for each event loop; ``disconnect`` closes those of the running one.
    """

    def __init__(
        self,
        connection: Connection,
        base_url: str,
        authorize: Callable[[], Mapping[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        body_limit: int = BODY_LIMIT,
        min_write_gap: float = 0.0,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        """Asks no network. Raises ConfigError for an address that is none, or http to another machine."""
        self.name = connection.name
        key = f"{connection.table}.{connection.name}.url"
        if not is_address(base_url) or not _PLAIN_PATH.match(base_url):
            raise ConfigError(f"{key} must be an address like https://tickets.example, no password in it", key=key)
        parts = urlsplit(base_url)
        if parts.scheme == "http" and not leads_here(base_url):
            raise ConfigError(f"{key}: http only to this machine, https to others", key=key)
        if parts.query or parts.fragment:
            raise ConfigError(f"{key}: an address without a query", key=key)
        self._base = base_url.rstrip("/")
        self._base_path = parts.path.rstrip("/")
        self._scheme, self._host, self._port = _place(base_url)
        self._connection = connection
        self._authorize = authorize
        self._headers = {"Accept": "application/json", "User-Agent": "opstui", **(headers or {})}
        self._body_limit = body_limit
        self._whole_seconds = whole_seconds
        self._gate = Gate(connection.clock, min_write_gap=min_write_gap)
        self._breaker = Breaker(connection.clock)
        self._guard = threading.Lock()
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane] = WeakKeyDictionary()

    @property
    def origin(self) -> str:
        """``https://host`` or ``https://host:port``, the usual port left out."""
        usual = {"http": 80, "https": 443}[self._scheme]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}" + ("" if self._port == usual else f":{self._port}")

    @property
    def place(self) -> str:
        """``origin`` and the path of ``base_url``: what tells this system from others at the same host."""
        return self.origin + self._base_path

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return self.origin.partition("://")[2]

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
        writes: bool | None = None,
        also: Collection[int] = (),
    ) -> Answer:
        """Ask once. ``path`` is below ``base_url``, or a whole address (a ``next`` link), which has to be below it too.

        ``writes`` None: every method but GET and HEAD does. ``also``: statuses that are answers to the caller. Raises
        what ``http_errors`` makes of everything else.
        """
        import asyncio

        asked = Asked(
            self.name, self.host, method not in ("GET", "HEAD") if writes is None else writes,
            table=self._connection.table,
        )  # fmt: skip
        url = self._address(path)
        left = self._breaker.enter()
        if left is not None:
            raise Unreachable(
                f"{self.name}: did not answer the last times, so it is left alone for {left:.0f} s. {asked.unsent}",
                system=self.name, retry_after=left,
            )  # fmt: skip
        went_wrong: bool | None = None
        try:
            async with self._lane(asyncio.get_running_loop()) as lane:
                await self._turn(asked)
                opened = await asyncio.to_thread(self._opened)
                request = self._made(lane, asked, method, url, params, json, content, files, headers, opened)
                words = Words.without(opened)
                try:
                    large = bool(files or content)
                    status, told, body, cut = await self._asked(lane, asked, request, words, also, large)
                except Unreachable:
                    went_wrong = True
                    raise
            went_wrong = status >= 500 or isinstance(cut, Unreachable)
        finally:
            self._breaker.leave(failed=went_wrong)
        pause = self._gate.heard(status, told)
        if 200 <= status < 300 or status in also:
            if cut is not None:
                raise cut
            return Answer(status, told, body, self.name, self.host, asked.writes)
        raise refused_by(asked, status, told, body, pause, words)

    async def disconnect(self) -> None:
        """Close the running loop's connections."""
        import asyncio

        with self._guard:
            lane = self._lanes.pop(asyncio.get_running_loop(), None)
        if lane is not None:
            await lane.close()

    def alone(self, work: Callable[[], Awaitable[R]]) -> R:
        """``work()`` in a loop and a thread of its own, disconnected afterwards: for ``probe``, called from anywhere.

        Raises what it raises.
        """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        async def run() -> R:
            try:
                return await work()
            finally:
                await self.disconnect()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(run())).result()

    # --- where to

    def _address(self, path: str) -> str:
        """The whole address of ``path``. Raises Refused for every other origin, before a token is asked for."""
        if not _PLAIN_PATH.match(path) or path.startswith("//"):
            raise Refused(
                f"{self.name}: {clean_line(path, limit=120)!r} is no address of {self.host}; nothing was sent"
            )
        whole = path if "://" in path.partition("?")[0] else f"{self._base}/{path.removeprefix('/')}"
        try:
            parts, place = urlsplit(whole), _place(whole)
        except ValueError:
            raise Refused(f"{self.name}: {clean_line(path, limit=120)!r} is no address; nothing was sent") from None
        if place != (self._scheme, self._host, self._port) or "@" in parts.netloc:
            other = clean_line(parts.netloc.rpartition("@")[2] or "?", limit=120)
            raise Refused(f"{self.name}: the server points to {parts.scheme}://{other}, where nothing was sent")
        below = parts.path == self._base_path or parts.path.startswith(f"{self._base_path}/")
        if not below or _DOTS.search(parts.path):
            raise Refused(
                f"{self.name}: {clean_line(parts.path, limit=120)!r} is outside of {self._base}; nothing was sent"
            )
        return whole

    def _made(
        self, lane: _Lane, asked: Asked, method: str, url: str, params: Params | None, json: Any, content: bytes | None,
        files: Files | None, headers: Mapping[str, str] | None, opened: Mapping[str, str],
    ) -> httpx2.Request:  # fmt: skip
        import httpx2

        client = lane.writer if asked.writes else lane.reader
        everything = {**self._headers, "Accept-Encoding": "gzip", **(headers or {})}
        try:
            request = client.build_request(
                method, url, params=params, json=json, content=content, files=list(files) if files else None,
                headers=everything, extensions={"trace": asked.trace},
            )  # fmt: skip
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise failed(asked, error, Words()) from None  # a ``next`` link without end, half of a letter
        # What will really be asked, by the library's own reading of the address.
        target = request.url
        host = target.raw_host.decode("ascii").lower().strip("[]")
        if (target.scheme, host, target.port or _PORTS.get(target.scheme)) != (self._scheme, self._host, self._port):
            raise Refused(f"{self.name}: the address leads to another place than {self.host}; nothing was sent")
        for name, value in opened.items():
            request.headers[name] = value
        return request

    def _opened(self) -> Mapping[str, str]:
        """The headers that open the system. Raises CredentialsRefused."""
        opened = self._authorize()
        for value in opened.values():
            # The HTTP library would quote a broken one in its complaint.
            if not value.isascii() or not value.isprintable():
                raise CredentialsRefused(f"{self.name}: the token holds characters that no token has; nothing was sent")
        return opened

    # --- when

    async def _turn(self, asked: Asked) -> None:
        """Wait for what the server's rate limits ask for, if that is short. Raises RateLimited."""
        import asyncio

        left = self._gate.wait(writes=asked.writes)
        if left > PATIENCE:
            raise RateLimited(
                f"{self.name}: wants fewer requests, asking again in {left:.0f} s. {asked.unsent}",
                system=self.name, retry_after=left,
            )  # fmt: skip
        left = max(left, self._gate.turn() if asked.writes else 0.0)
        if left > 0:
            await asyncio.sleep(left)

    @asynccontextmanager
    async def _lane(self, loop: asyncio.AbstractEventLoop) -> AsyncIterator[_Lane]:
        """The running loop's connections, one of whose places is taken."""
        with self._guard:
            lane = self._lanes.get(loop)
            if lane is None:
                lane = self._lanes[loop] = _Lane(self._connection, self._base)
        async with lane.places:
            yield lane

    # --- asking

    async def _asked(
        self, lane: _Lane, asked: Asked, request: httpx2.Request, words: Words, also: Collection[int], large: bool
    ) -> tuple[int, Mapping[str, str], bytes, OpstuiError | None]:
        """Status, headers, body, and why that is not whole. Raises Unreachable, Refused where there is no status."""
        import asyncio

        import httpx2

        client = lane.writer if asked.writes else lane.reader
        whole = max(self._whole_seconds, FILES_WHOLE_SECONDS) if large else self._whole_seconds
        response = None
        body = bytearray()
        try:
            async with asyncio.timeout(whole):
                response = await client.send(request, stream=True)
                good = response.is_success or response.status_code in also
                limit = self._body_limit if good else ERROR_BODY_LIMIT
                if "," in response.headers.get("content-encoding", ""):
                    raise httpx2.DecodingError("packed more than once")
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > limit:
                        return self._told(response, body[:limit], asked.too_large(limit))
                return self._told(response, body, None)
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError, OSError) as error:
            problem = failed(asked, error, words)
            if response is None:
                raise problem from None
            return self._told(response, body, problem)
        finally:
            if response is not None:
                await response.aclose()

    @staticmethod
    def _told(
        response: httpx2.Response, body: bytearray, cut: OpstuiError | None
    ) -> tuple[int, Mapping[str, str], bytes, OpstuiError | None]:
        return response.status_code, response.headers, bytes(body), cut


_PORTS = {"http": 80, "https": 443}


def _place(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


class _Lane:
    """The connections of one event loop."""

    def __init__(self, connection: Connection, base_url: str) -> None:
        import asyncio
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        from opstui.adapters.transport import limits, open_transport, trusted, trusted_by_nobody

        plain = base_url.startswith("http:")
        trust = trusted_by_nobody() if plain else trusted(connection.name, connection.ca_file)

        # A session that a cookie leads back to may be another account's than the token's.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))

        def client(*, keep: bool) -> httpx2.AsyncClient:
            transport = open_transport(connection.name, base_url, trust=trust, proxy=connection.proxy, keep=keep)
            return httpx2.AsyncClient(
                transport=transport, timeout=limits(), follow_redirects=False, trust_env=False, cookies=no_cookies
            )

        self.reader = client(keep=True)
        self.writer = client(keep=False)
        """Never on a used connection: one that the server closes at that moment would leave it unknown whether the
        write arrived."""
        self.places = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        await self.reader.aclose()
        await self.writer.aclose()
