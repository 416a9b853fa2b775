"""A Messages endpoint that answers what a test says, byte for byte, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

Body = dict[str, Any]
Answer = bytes | Callable[[Body], bytes]


def frame(event: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def text_block(index: int, text: str, pieces: int = 3) -> bytes:
    """A text, in pieces."""
    size = max(1, -(-len(text) // pieces))
    out = frame(
        "content_block_start",
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
    )
    for at in range(0, len(text), size):
        delta = {"type": "text_delta", "text": text[at : at + size]}
        out += frame("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    return out + frame("content_block_stop", {"type": "content_block_stop", "index": index})


def tool_block(index: int, use_id: str, name: str, given: Any, *, raw: str | None = None) -> bytes:
    """A tool call; ``raw`` is its input as it stands on the wire."""
    block = {"type": "tool_use", "id": use_id, "name": name, "input": {}}
    out = frame("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    delta = {"type": "input_json_delta", "partial_json": json.dumps(given) if raw is None else raw}
    out += frame("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    return out + frame("content_block_stop", {"type": "content_block_stop", "index": index})


def start(usage: Body | None = None) -> bytes:
    """The beginning of a response."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": usage or {"input_tokens": 100, "output_tokens": 1},
    }  # fmt: skip
    return frame("message_start", {"type": "message_start", "message": message})


def finish(stop: str | None, *, output: int = 20, details: Body | None = None) -> bytes:
    """The end of a response."""
    delta = {"stop_reason": stop, "stop_sequence": None, "stop_details": details}
    return frame(
        "message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": output}}
    ) + frame("message_stop", {"type": "message_stop"})


def stream(*parts: bytes, headers: str = "") -> bytes:
    """A whole answer."""
    return cut(*parts, headers=headers) + b"0\r\n\r\n"


def cut(*parts: bytes, headers: str = "") -> bytes:
    """An answer whose end is missing."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode()
    return head + b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)


def says(text: str, stop: str = "end_turn", **more: Any) -> bytes:
    """A response of one text."""
    return stream(start(), text_block(0, text), finish(stop, **more))


def calls(*uses: tuple[str, str, Any], text: str = "", stop: str = "tool_use") -> bytes:
    """A response of tool calls: id, name, input of each."""
    parts = [text_block(0, text)] if text else []
    parts += [tool_block(len(parts) + at, *use) for at, use in enumerate(uses)]
    return stream(start(), *parts, finish(stop))


def refused(status: int, kind: str, message: str = "no", **headers: str) -> bytes:
    """An error."""
    raw = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class Server:
    """Answers each request with the next of ``answers``; when they are used up it hangs up without a word."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.bodies: list[Body] = []
        self.heads: list[bytes] = []
        self.url = ""
        self.hold = asyncio.Event()
        """An answer that ends in :data:`HOLD` stays open until this is set."""
        self._tasks: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
                body = await reader.readexactly(length)
                self.heads.append(head)
                self.bodies.append(json.loads(body) if body else {})
                if not self.answers:
                    return
                given = self.answers.pop(0)
                data = given(self.bodies[-1]) if callable(given) else given
                writer.write(data.removesuffix(HOLD))
                await writer.drain()
                if data.endswith(HOLD):
                    gone = asyncio.ensure_future(reader.read(1))
                    held = asyncio.ensure_future(self.hold.wait())
                    await asyncio.wait((gone, held), return_when=asyncio.FIRST_COMPLETED)
                    gone.cancel()
                    held.cancel()
                    return
                if not data.endswith((b"0\r\n\r\n", b"}")):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


HOLD = b"<hold>"


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[Server]:
    """A server for the time of a test."""
    made = Server(answers)
    listening = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        listening.close()
        await made.stop()
        await listening.wait_closed()
