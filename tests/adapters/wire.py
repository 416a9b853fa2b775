"""Servers that answer byte for byte what a test says, on 127.0.0.1, and clients of them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.machine import SystemClock
from opstui.core.connections import Connection
from opstui.core.errors import OpstuiError, Unreachable
from opstui.core.ids import Clock
from opstui.testing.builders import OwnRandomness

TOKEN = "canary-77aa-secret"
"""What must be told to nobody else."""


@dataclass
class Asked:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


Answering = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Wire:
    """A server. ``requests`` are those that came in whole."""

    port: int = 0
    scheme: str = "http"
    connections: int = 0
    requests: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


def answer(status: int = 200, body: bytes | str = b"{}", *headers: str, kind: str = "application/json") -> bytes:
    """A whole answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(content)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def saying(*answers: bytes, close: bool = False) -> Answering:
    """Answer these one after the other, the last one for ever."""
    left = list(answers)

    async def tell(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        if close:
            writer.close()

    return tell


@asynccontextmanager
async def serving(answering: Answering, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A server while the block runs."""
    wire = Wire(scheme="https" if tls else "http")

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with contextlib.suppress(OSError):
                while not writer.is_closing() and (asked := await _read(reader)) is not None:
                    wire.requests.append(asked)
                    await answering(asked, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            talks.discard(task)

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, limit=2**22)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        open_ones = list(talks)
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await asyncio.sleep(0)  # a transport that was aborted closes its socket in the next round of the loop


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(line, headers, body)


def connection(url: str, **given: Any) -> Connection:
    """A system at ``url``."""
    made: dict[str, Any] = {"name": "rt", "kind": "rt", "secret": lambda: TOKEN, "clock": SystemClock()}
    return Connection(url=url, randomness=OwnRandomness(), **made | given)


def client(url: str, *, clock: Clock | None = None, give: dict[str, Any] | None = None, **options: Any) -> HttpClient:
    """A client that has the token. ``give``: what its connection is made with."""
    there = connection(url, **({"clock": clock} if clock is not None else {}), **(give or {}))
    return HttpClient(there, url, lambda: {"Authorization": f"token {secret_of(there)}"}, **options)


@asynccontextmanager
async def asking(answering: Answering, path: str = "", **options: Any) -> AsyncIterator[tuple[HttpClient, Wire]]:
    """A server and its client while the block runs."""
    async with serving(answering) as wire:
        http = client(wire.url + path, **options)
        try:
            yield http, wire
        finally:
            await http.disconnect()


async def problem(http: HttpClient, method: str = "GET", path: str = "x", **options: Any) -> OpstuiError:
    """What a request that goes wrong raises: one harmless line that begins with the system and has no token in it."""
    with pytest.raises(OpstuiError) as caught:
        await http.request(method, path, **options)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(caught.value)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith("rt: ")
    return caught.value


def was_sent(error: OpstuiError) -> bool:
    """Whether a write may have been applied, by an error that can tell."""
    assert isinstance(error, Unreachable), repr(error)
    return error.was_anything_sent
