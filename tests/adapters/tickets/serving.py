"""HTTP on 127.0.0.1 for stand-ins: requests as values, answers as values, connections that can be cut."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived."""

    method: str
    path: str
    """Without the query, decoded."""
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    raw_path: str = ""
    """As sent, with the query."""

    @property
    def json(self) -> Any:
        """The body, decoded; None where there is none."""
        return json.loads(self.body) if self.body else None

    def param(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return dict(self.query).get(name, default)

    def params(self, name: str) -> list[str]:
        """Every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def basic(self) -> tuple[str, str]:
        """User and password of basic authentication; two empty strings where there is none."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, password

    def files(self) -> list[tuple[str, str, bytes]]:
        """Field name, file name and content of each part of a multipart body."""
        boundary = re.search(r'boundary="?([^";]+)', self.headers.get("content-type", ""))
        if boundary is None:
            return []
        found = []
        for part in self.body.split(b"--" + boundary.group(1).encode())[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            words = head.decode("utf-8", "replace")
            name = re.search(r'\bname="([^"]*)"', words)
            file = re.search(r'filename="([^"]*)"', words)
            found.append((name[1] if name else "", file[1] if file else "", content.removesuffix(b"\r\n")))
        return found


@dataclass(frozen=True)
class Reply:
    """What a route answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """JSON."""
        kind = {"Content-Type": "application/json"}
        return cls(status, json.dumps(value).encode(), kind | dict(headers or {}))

    @classmethod
    def html(cls, text: str = "<!doctype html><title>Log in</title><form>…</form>", status: int = 200) -> Self:
        """A page for people, as proxies and lapsed logins send it."""
        return cls(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


class Service(Protocol):
    """What answers."""

    def handle(self, request: Recorded) -> Reply | None:
        """The answer; None where the connection is to be cut."""

    def wrong(self, words: str) -> None:
        """Something is the matter with a request, or with this service."""


class Server:
    """A listening socket, a thread that accepts, a thread for each connection; all gone after ``stop``."""

    def __init__(self, service: Service, port: int = 0) -> None:
        self._service = service
        self.port = port
        self._http: _Listening | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, on the port it had before if it had one."""
        self._http = _Listening(("127.0.0.1", self.port), _Handling)
        self._http.service = self._service
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, drop every connection, and wait until all that was begun is over."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        self._thread.join(30)
        self._http.drop_all()
        self._http.server_close()
        self._http = self._thread = None


class _Listening(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for the handlers
    request_queue_size = 64
    service: Service

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().close_request(request)

    def drop_all(self) -> None:
        """End connections that clients keep alive, or the handlers would wait for them for ever."""
        with self._guard:
            for one in self._open:
                _hang_up(one)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handler that raised fails the test, unless it was the client that went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.service.wrong(f"the stand-in broke: {error!r}")


class _Handling(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer: a header that waits for the client's delayed acknowledgement costs 40 ms a request.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listening

    def _handle(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        request = Recorded(
            method=self.command,
            path=unquote(parts.path),
            query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            raw_path=self.path,
        )
        reply = self.server.service.handle(request)
        if reply is None:
            self.close_connection = True
            _hang_up(self.connection)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD" and reply.status != 204:
            self.wfile.write(reply.body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            found = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - so the library calls them

    def log_message(self, *args: Any) -> None:
        """Requests are in ``StandIn.requests``."""


def _hang_up(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was faster
