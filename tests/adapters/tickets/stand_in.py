"""Stand-ins for vendors' services: real HTTP on 127.0.0.1, state that outlives a request, faults on demand.

A vendor's stand-in is a subclass with routes in a file of its own (``fake_jira.py``). It is used as a context manager::

    with FakeJira() as jira:
        system = connect(connection_to(jira, name="jira", kind="jira", user="ana@example.com"))
        jira.limit("POST *", retry_after="7")

Every request is recorded and checked against the vendor's description (``vendor.py``) when it comes in. One that does
not fit is answered with 400 and **fails the test when the block ends**: nothing has to be remembered. The only way
round it is ``mistakes()``, for tests of the harness itself.
"""

from __future__ import annotations

import fnmatch
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

from opstui.core.connections import Connection
from tests.adapters.tickets.serving import Recorded as Recorded, Reply as Reply, Server
from tests.adapters.tickets.vendor import NotDescribed, Spec

PATIENCE = 30.0
"""Seconds that a held request waits for the test, at most."""
SECRET = "canary-5f1d-token"
"""What every connection to a stand-in has as its token: to be looked for where it must not be."""


class Answered(Exception):
    """Raised in a route to answer at once."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


Handler = Callable[..., "Reply | Any"]
H = TypeVar("H", bound=Handler)


def route(method: str, template: str) -> Callable[[H], H]:
    """Marks a method of a stand-in: ``@route("GET", "/issue/{key}") def issue(self, request, key)``.

    It answers a ``Reply``, or anything else as JSON with 200, or None as 204. A ``{name}`` is one path segment,
    decoded; ``{name:path}`` is the rest. Of several that fit, the one written first counts.
    """

    def mark(handler: H) -> H:
        handler.__dict__.setdefault("routes", []).append((method, template))
        return handler

    return mark


@dataclass
class _Fault:
    on: str
    times: int
    act: Callable[[Recorded, Callable[[], Reply]], Reply | None]
    """Answers None where the connection is to be cut."""
    skip: int = 0

    def fits(self, request: Recorded) -> bool:
        return self.times > 0 and fnmatch.fnmatchcase(f"{request.method} {request.path}", self.on)


class StandIn:
    """A service on 127.0.0.1. Subclasses set ``specs`` and write routes; state lies in their attributes.

    Requests are applied one at a time (``lock``), so a route is a transaction.
    """

    specs: tuple[str, ...] = ()
    """Descriptions in which requests must stand, by name of ``vendor.Spec.load``; the test is skipped where one is
    absent. Empty: only the routes decide."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        """Every one, also those that a fault was done to."""
        self.applied: list[Recorded] = []
        """Those that reached a route and were answered with less than 400."""
        self.next_link: str | None = None
        """Told as the address of the next page, instead of the right one."""
        self.lock = threading.RLock()
        self.at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self._faults: list[_Fault] = []
        self._mistakes: list[str] = []
        self._specs = tuple(Spec.load(name) for name in self.specs)
        self._routes = [
            (method, _pattern(template), handler)
            for name in _declared(type(self))
            for handler in [getattr(self, name)]
            for method, template in getattr(handler, "routes", ())
        ]
        self._server: Server | None = None

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = Server(self)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._mistakes and error is None:
            raise AssertionError("\n".join(("requests that the service would not take:", *self._mistakes)))

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        assert self._server is not None, "use it in a with block"
        return f"http://127.0.0.1:{self._server.port}"

    def go_away(self) -> None:
        """Stop listening and drop every connection; ``come_back`` listens on the same port again."""
        assert self._server is not None
        port = self._server.port
        self._server.stop()
        self._server = Server(self, port)

    def come_back(self) -> None:
        """Listen again."""
        assert self._server is not None
        self._server.start()

    # --- what tests ask -----------------------------------------------------------------------------------------------

    def mistakes(self) -> list[str]:
        """What was wrong with requests so far; taken out, so that they do not fail the test."""
        with self.lock:
            taken, self._mistakes = self._mistakes, []
        return taken

    def sent(self, on: str) -> list[Recorded]:
        """Requests so far that fit ``POST /path/*``."""
        return [one for one in self.requests if fnmatch.fnmatchcase(f"{one.method} {one.path}", on)]

    def now(self) -> datetime:
        """The service's clock: stands still but for ``tick``."""
        return self.at

    def tick(self, seconds: float = 1.0) -> datetime:
        """Move the service's clock on; its new time."""
        with self.lock:
            self.at += timedelta(seconds=seconds)
            return self.at

    # --- faults -------------------------------------------------------------------------------------------------------

    def answer(self, on: str, reply: Reply, *, times: int = 1, skip: int = 0, applied: bool = False) -> None:
        """Answer the next ``times`` requests that fit ``on`` (``PUT /incidents/*``) with ``reply``.

        ``skip`` lets that many through before; ``applied``: the route runs first and its answer is thrown away.
        """

        def act(request: Recorded, go_on: Callable[[], Reply]) -> Reply:
            if applied:
                go_on()
            return reply

        self._faults.append(_Fault(on, times, act, skip))

    def limit(
        self, on: str = "* *", *, retry_after: str | None = "1", times: int = 1, skip: int = 0, **headers: str
    ) -> None:
        """429, not applied; ``RateLimit_Reason="x"`` gives a header of that name with hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if retry_after is not None:
            given["Retry-After"] = retry_after
        reply = Reply(429, b'{"error": "rate limit exceeded"}', {"Content-Type": "application/json"} | given)
        self.answer(on, reply, times=times, skip=skip)

    def cut(self, on: str, *, applied: bool, times: int = 1, skip: int = 0) -> None:
        """Drop the connection without an answer, before or after the request was applied."""

        def act(request: Recorded, go_on: Callable[[], Reply]) -> None:
            if applied:
                go_on()

        self._faults.append(_Fault(on, times, act, skip))

    def hold(self, on: str, *, times: int = 1, skip: int = 0) -> Hold:
        """Keep requests waiting until the test says ``go_on()``; ``arrived()`` waits for one."""
        held = Hold()

        def act(request: Recorded, go_on: Callable[[], Reply]) -> Reply:
            held.reached.set()
            held.opened.wait(PATIENCE)
            return go_on()

        self._faults.append(_Fault(on, times, act, skip))
        return held

    def before(self, on: str, action: Callable[[], object], *, times: int = 1, skip: int = 0) -> None:
        """Do ``action`` right before a request is applied: somebody else is faster."""

        def act(request: Recorded, go_on: Callable[[], Reply]) -> Reply:
            with self.lock:
                action()
            return go_on()

        self._faults.append(_Fault(on, times, act, skip))

    # --- what routes use ----------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        """An answer that refuses the request before its route is asked, such as 401; None lets it in."""
        return None

    def next(self, address: str) -> str:
        """``address``, or the one that a test put in its place."""
        return self.next_link or address

    def wrong(self, words: str) -> None:
        """Note that a request is not one that the service would take; fails the test at the end of its block."""
        self._mistakes.append(words)

    # --- inside -------------------------------------------------------------------------------------------------------

    def handle(self, request: Recorded) -> Reply | None:
        """The answer; None where the connection is to be cut."""
        with self.lock:
            self.requests.append(request)
            refusal = self._refusal_by_description(request)
            if refusal is not None:
                return refusal
            fault = next((one for one in self._faults if one.fits(request)), None)
            if fault is not None and fault.skip:
                fault.skip -= 1
                fault = None
            elif fault is not None:
                fault.times -= 1
        if fault is not None:
            return fault.act(request, lambda: self._apply_request(request))
        return self._apply_request(request)

    def _refusal_by_description(self, request: Recorded) -> Reply | None:
        found = []
        for spec in self._specs:
            try:
                spec.check(request)
                return None
            except NotDescribed as error:
                found.append(error)
        if not found:
            return None
        # The description that knows the path says best what is wrong.
        told = next((error for error in found if error.known), found[0])
        self.wrong(f"{request.method} {request.raw_path}: {told}")
        return Reply.of({"message": str(told)}, 400)

    def _apply_request(self, request: Recorded) -> Reply:
        with self.lock:
            refused = self.allowed(request)
            if refused is not None:
                return refused
            for method, pattern, handler in self._routes:
                match = pattern.fullmatch(request.raw_path.partition("?")[0])
                if match and method in (request.method, "*"):
                    try:
                        answer = handler(request, **{name: unquote(part) for name, part in match.groupdict().items()})
                    except Answered as early:
                        answer = early.reply
                    reply = _reply(answer)
                    if reply.status < 400:
                        self.applied.append(request)
                    return reply
            self.wrong(f"{request.method} {request.raw_path}: the stand-in has no such route")
            return Reply.of({"message": "no such route"}, 404)


class Hold:
    """A request that waits for the test."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def arrived(self) -> None:
        """Wait until a request is held."""
        assert self.reached.wait(PATIENCE), "no request came"

    def go_on(self) -> None:
        """Let it, and all that come after, through."""
        self.opened.set()


class Elsewhere(StandIn):
    """Another host, to which no token may ever go: it answers anything and keeps all that it was told."""

    @route("*", "{path:path}")
    def anything(self, request: Recorded, path: str) -> Reply:
        """Whatever somebody hopes to find."""
        return Reply.of({})


class FixedClock:
    """Wall time that stands still and monotonic time that passes with it."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self._start = self.at

    def now(self) -> datetime:
        """Where it stands."""
        return self.at

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return (self.at - self._start).total_seconds()

    def forward(self, seconds: float) -> None:
        """Move it on."""
        self.at += timedelta(seconds=seconds)


class CountedRandomness:
    """The same bytes in the same order, every time."""

    def __init__(self) -> None:
        self._count = 0

    def bytes(self, count: int) -> bytes:
        """Never twice the same."""
        self._count += 1
        return self._count.to_bytes(count, "big")

    def choice(self, letters: str) -> str:
        """The first one."""
        return letters[0]


def connection_to(
    place: StandIn | str,
    *,
    name: str,
    kind: str,
    user: str = "ana@example.com",
    secret: Callable[[], str | None] | str | None = SECRET,
    clock: FixedClock | None = None,
    path: str = "",
    **parts: Any,
) -> Connection:
    """A connection with ``SECRET`` as its token to a stand-in (or an address), as ``wiring`` would make it."""
    url = place if isinstance(place, str) else place.url
    return Connection(
        name=name,
        kind=kind,
        url=url + path,
        user=user,
        secret=secret if callable(secret) else lambda: secret,
        clock=clock or FixedClock(),
        randomness=CountedRandomness(),
        **parts,
    )


def _declared(kind: type) -> Iterable[str]:
    """Names of the attributes of a class, the base's last, each in the order it was written."""
    found: dict[str, None] = {}
    for one in kind.__mro__:
        found.update(dict.fromkeys(vars(one)))
    return [name for name in found if not name.startswith("__") and callable(getattr(kind, name, None))]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:path)?\}", template)
    out = [re.escape(parts[0])]
    for name, rest, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        out.append(f"(?P<{name}>{'.*' if rest else '[^/]+'})" + re.escape(after))
    return re.compile("".join(out))


def _reply(answer: Any) -> Reply:
    if isinstance(answer, Reply):
        return answer
    return Reply(204) if answer is None else Reply.of(answer)
