"""HTTP/1.1 as far as an API needs it, on asyncio: keep-alive, JSON answers, chunked event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

from opstui.core.frozen import dataclass

HEAD_LIMIT = 128 * 1024
BODY_LIMIT = 64 * 1024 * 1024
SHED_ABOVE = 8 * 1024 * 1024
"""Bytes that wait for a slow reader; previews beyond it are dropped, as the service does."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    """Path and query, as sent."""
    parts: tuple[str, ...]
    """The path's segments, decoded one by one."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def one(self, name: str) -> str | None:
        """A query parameter's value."""
        found = self.query.get(name)
        return found[-1] if found else None

    def many(self, name: str) -> list[str]:
        """All values of ``name[]`` (or of a bare ``name``)."""
        return [*self.query.get(f"{name}[]", ()), *self.query.get(name, ())]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class BadRequest(Exception):
    """What came is not HTTP that this server speaks."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when it was closed. Raises BadRequest."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise BadRequest("the head ends early") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("the head is too long") from None
    first, *lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, _version = first.split(" ")
    except ValueError:
        raise BadRequest("no request line") from None
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await _read_body(reader, headers)
    path, _, query = target.partition("?")
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    return Request(method, target, parts, parse_qs(query, keep_blank_values=True), headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", ""):
        found = bytearray()
        while True:
            size = _size((await reader.readuntil(b"\r\n")).split(b";")[0])
            found += await reader.readexactly(size)
            await reader.readexactly(2)
            if size == 0:
                return bytes(found)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise BadRequest("no sensible length")
    return await reader.readexactly(int(length))


def _size(digits: bytes) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        raise BadRequest("no size of a chunk") from None


def head_bytes(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Overloaded" if status == 529 else "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def answer_bytes(answer: Answer) -> bytes:
    """The whole of an answer."""
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    return head_bytes(answer.status, headers) + answer.body


def to_json(value: Any) -> bytes:
    """One line of JSON in UTF-8; only what UTF-8 can't hold is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def frame(kind: str, value: Any) -> bytes:
    """One server-sent event."""
    return b"event: " + kind.encode("utf-8", "replace") + b"\ndata: " + to_json(value) + b"\n\n"


class EventStream:
    """One open connection that events are sent down. Belongs to the loop's thread."""

    def __init__(self, writer: asyncio.StreamWriter, previews: Iterable[str] = ()) -> None:
        self.previews = frozenset(previews)
        """Kinds of events that this connection wants previews of."""
        self.silent = False
        """Nothing is sent any more, though the connection stays open."""
        self.over = asyncio.Event()
        self._writer = writer
        self._shed: set[str] = set()

    def open(self, headers: Mapping[str, str]) -> None:
        """Send the head."""
        self._writer.write(
            head_bytes(
                200,
                {
                    "content-type": "text/event-stream; charset=utf-8",
                    "cache-control": "no-cache",
                    "transfer-encoding": "chunked",
                    # It ends with the stream; a client that is not told sends its next request into the closing line.
                    "connection": "close",
                    **headers,
                },
            )
        )

    def send(self, data: bytes) -> None:
        """One chunk."""
        if data and not self.silent and not self.over.is_set():
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def preview(self, event_id: str, data: bytes) -> None:
        """One chunk of a preview; once one had to be dropped, the rest of that preview is."""
        if event_id in self._shed:
            return
        if self._writer.transport.get_write_buffer_size() > SHED_ABOVE:
            self._shed.add(event_id)
            return
        self.send(data)

    def finish(self) -> None:
        """A clean end."""
        if not self.over.is_set():
            if not self.silent:
                self._writer.write(b"0\r\n\r\n")
            self.over.set()

    def cut(self, *, reset: bool = False) -> None:
        """An end that is none: the connection goes away in the middle of the body."""
        if not self.over.is_set():
            if reset:
                self._writer.transport.abort()
            self.over.set()
