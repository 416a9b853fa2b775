"""A bad connection to a real server: an HTTP proxy on this machine that does to each request what one seed says.

It cuts before or after a request was applied, delays, lets a request arrive long after its sender was cut off, answers
429 with any ``Retry-After``, 503 before anything was applied and 500, 502, 504 whether it was or not.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

FAULTS = (
    "cut before", "cut before", "cut after applied", "cut after applied", "cut in the answer", "delay", "delay", "late",
    "late", "429", "503", "5xx before", "5xx after applied",
)  # fmt: skip
RETRY_AFTER = ("0", "1", "1", "soon", "-1", "", None, "Fri, 20 Nov 2020 03:00:00 GMT")
"""What a 429 and a 503 may ask for."""
_HOP = (
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "content-length",
    "host",
    "accept-encoding",
)


class FaultyProxy:
    """A proxy before ``upstream``, at ``url`` while it is entered."""

    def __init__(
        self, upstream: str, seed: int, *, writes: float = 0.5, reads: float = 0.1, longest: float = 1.0
    ) -> None:
        """``writes`` and ``reads``: how many of them something happens to. ``longest``: seconds of a delay at most."""
        parts = urlsplit(upstream)
        assert parts.hostname is not None
        self.upstream = (parts.hostname, parts.port or 80)
        self.writes, self.reads, self.longest = writes, reads, longest
        self.calm = False
        """Whether everything goes through as it is."""
        self.seen: Counter[str] = Counter()
        """What was done to how many requests."""
        self.slowest = 0.0
        """Seconds from the arrival of a request here to the server's answer, at most so far."""
        self._dice = random.Random(seed)
        self._guard = threading.Lock()
        self._news = threading.Condition(self._guard)
        self._open = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fault(self, method: str) -> tuple[str, float, str | None]:
        """What happens to a request: a fault or nothing, a delay, and what to say of a pause."""
        with self._guard:
            dice = self._dice
            often = self.reads if method in ("GET", "HEAD") else self.writes
            fault = dice.choice(FAULTS) if dice.random() < often and not self.calm else ""
            delay, pause = dice.uniform(0, self.longest), dice.choice(RETRY_AFTER)
            self.seen[fault or "none"] += 1
            return fault, delay, pause

    def forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> _Answer:
        """Let the request through to the server."""
        with self._guard:
            self._open += 1
        try:
            connection = http.client.HTTPConnection(*self.upstream, timeout=120)
            try:
                connection.putrequest(method, path, skip_accept_encoding=True)
                for name, value in headers:
                    connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                answer = connection.getresponse()
                return _Answer(answer.status, answer.reason, answer.getheaders(), answer.read())
            finally:
                connection.close()
        finally:
            with self._news:
                self._open -= 1
                self._news.notify_all()

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Wait until no request is at the server any more."""
        with self._news:
            assert self._news.wait_for(lambda: not self._open, seconds), "a request does not end"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.close()
        self._thread.join(10)

    def close(self) -> None:
        """Let go of the port."""
        self._server.server_close()


class _Answer:
    """What the server said."""

    def __init__(self, status: int, reason: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.reason, self.headers, self.body = status, reason, headers, body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultyProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed leaves its connection behind; that is what this is for."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _any(self) -> None:
        proxy = self.server.proxy
        came = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP]
        fault, delay, pause = proxy.fault(self.command)
        if fault == "cut before":
            self._cut()
            return
        if fault in ("429", "503", "5xx before"):
            status = {"429": 429, "503": 503}.get(fault, 502)
            self._say(_Answer(status, "", [] if pause is None else [("Retry-After", pause)], b'{"message":"no"}'))
            return
        if fault == "late":
            # Nobody waits for it any more, and it arrives all the same.
            self._cut()
        if fault in ("delay", "late"):
            time.sleep(delay)
        answer = proxy.forward(self.command, self.path, headers, body)
        proxy.slowest = max(proxy.slowest, time.monotonic() - came)
        if fault == "cut after applied":
            self._cut()
        elif fault == "5xx after applied":
            self._say(_Answer(504, "", [], b"gateway time-out"))
        elif fault == "cut in the answer":
            self._say(answer, part=0.5)
        elif fault != "late":
            self._say(answer)

    def _say(self, answer: _Answer, part: float = 1.0) -> None:
        try:
            self.send_response_only(answer.status, answer.reason or None)
            for name, value in answer.headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: int(len(answer.body) * part)])
            if part < 1.0:
                self._cut()
        except OSError:
            self.close_connection = True  # whoever asked was killed

    def _cut(self) -> None:
        """End the connection with a reset, in the middle of whatever there was."""
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def __getattr__(self, name: str) -> Any:
        """Every method is treated alike."""
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: what was done to whom is counted."""
