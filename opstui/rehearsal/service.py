"""The stand-in service: a real HTTP server on this machine, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from opstui.core.ids import Clock
from opstui.rehearsal import routes
from opstui.rehearsal.clock import MachineClock
from opstui.rehearsal.faults import Fault, Received
from opstui.rehearsal.http import (
    HEAD_LIMIT,
    Answer,
    BadRequest,
    EventStream,
    Request,
    answer_bytes,
    frame,
    read_request,
    to_json,
)
from opstui.rehearsal.messages import Reply, message_of, send_message, talk_of, thought, usage_of
from opstui.rehearsal.mind import Mind
from opstui.rehearsal.process import HEALTH
from opstui.rehearsal.refusals import KINDS, Refusal, envelope
from opstui.rehearsal.session import Session
from opstui.rehearsal.state import State
from opstui.rehearsal.steps import Step

BETA = "managed-agents-2026-04-01"
PREVIEWED = ("agent.message", "agent.thinking")
PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please sign in to the network.</body></html>"
LARGEST = 32 * 1024 * 1024
"""Bytes of a request's body."""
_LOST = -1
log = logging.getLogger("opstui.rehearsal")


class Rehearsal:
    """One stand-in. ``with Rehearsal() as service:`` starts and stops it; ``service.url`` is where it answers.

    ``pace``: how long the mind takes for what it does, times the believable pace; 0 is at once. What a test may set
    while it runs: ``key``, and on ``state``: ``paging`` (``cycle``, ``empty``), ``events_page`` (its default limit),
    ``late_answers`` (``ignored``, ``refused``), ``status_lag`` (seconds, for sessions made from then on).
    """

    def __init__(
        self,
        *,
        port: int = 0,
        key: str | None = "rehearsal",
        clock: Clock | None = None,
        pace: float = 0.0,
        ping_every: float = 15.0,
        keep_requests: bool = True,
    ) -> None:
        self.key = key
        """What requests have to carry, looked at anew each time; None: anything."""
        self.clock: Clock = clock or MachineClock()
        self.state = State(self.clock, lambda: Mind(self.clock, pace=pace).turn)
        self.requests: list[Received] = []
        """Everything received, in order."""
        self.faults: list[Fault] = []
        self.replies: deque[Reply] = deque()
        self.pace = pace
        self.ping_every = ping_every
        self._keep_requests = keep_requests
        self.last_contact = time.monotonic()
        self._wanted_port = port
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failed: OSError | None = None

    # --- for whoever tests against it ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def sessions(self) -> Mapping[str, Session]:
        """Every session ever made here, by id."""
        return self.state.sessions

    def script(self, steps: Sequence[Step], times: int = 1) -> None:
        """The next ``times`` sessions play these steps; without a script the mind plays."""
        self.state.scripts.append((tuple(steps), times))

    def reply(self, *replies: Reply) -> None:
        """What the next requests to ``/v1/messages`` are answered with; without one the mind answers."""
        self.replies.extend(replies)

    def play(self, session_id: str, steps: Sequence[Step], timeout: float = 30.0) -> None:
        """Play steps in a session now, beside whatever is under way; returns when they are done."""
        performance = self.state.sessions[session_id].performance
        if self._loop is not None and performance is not None:
            asyncio.run_coroutine_threadsafe(performance.play(steps), self._loop).result(timeout)

    def fault(self, method: str, path: str, **what: Any) -> Fault:
        """Let the next requests go wrong whose method (``*``: any) and path with query (a regex) match.

        ``what`` is as in :class:`Fault`: status, headers, body, times, after, delay, lose_response, cut, html, …
        """
        made = Fault(method, re.compile(path), **what)
        self.faults.append(made)
        return made

    def count(self, method: str, path: str) -> int:
        """How many requests there were to a path (a regex over the whole of it)."""
        return sum(one.method == method and re.fullmatch(path, one.path) is not None for one in self.requests)

    def wait_until(self, holds: Callable[[], object], timeout: float = 10.0) -> None:
        """Return as soon as ``holds``. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError("it did not come to hold in time")
            time.sleep(0.005)

    def is_busy(self) -> bool:
        """Whether a session runs or a client listens."""
        return any(session.status == "running" or session.streams for session in self.state.sessions.values())

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Rehearsal:
        """Listen. Returns when it does. Raises OSError if the port is taken."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="rehearsal", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failed is not None:
            raise self._failed
        return self

    def stop(self) -> None:
        """Drop every connection and end. More than once too."""
        if self._loop is not None and self._stopping is not None and self._thread is not None:
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Rehearsal:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._listen(ready))
        except OSError as error:
            self._failed = error
        finally:
            ready.set()

    async def _listen(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._wanted_port, limit=HEAD_LIMIT)
        self._port = server.sockets[0].getsockname()[1]
        pings = asyncio.create_task(self._ping())
        ready.set()
        await self._stopping.wait()
        server.close()
        tasks = [pings, *self._connections]
        for session in self.state.sessions.values():
            if session.performance is not None:
                session.performance.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self.ping_every)
            for session in self.state.sessions.values():
                session.send(frame("ping", {"type": "ping"}))

    # --- connections --------------------------------------------------------------------------------------------------

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._talked)

    def _talked(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        broken = None if task.cancelled() else task.exception()
        if broken is not None:
            log.error("a request broke the rehearsal", exc_info=broken)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        except BadRequest:
            writer.write(answer_bytes(Answer(400, b"", {"connection": "close"})))
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection may carry another."""
        request = await read_request(reader)
        if request is None:
            return False
        self.last_contact = time.monotonic()
        path = request.target.partition("?")[0]
        record = Received(self.clock.now(), request.method, path, request.query, request.headers, request.body)
        if self._keep_requests:
            self.requests.append(record)
        fault = next((one for one in self.faults if one.takes(request)), None)
        if fault is not None:
            if fault.delay:
                await asyncio.sleep(fault.delay)
            wrong = self._wrong(fault)
            if wrong is not None:
                record.status = wrong.status
                writer.write(answer_bytes(wrong))
                await writer.drain()
                return True
        request_id = self.state.new_id("req")
        headers = {"request-id": request_id}
        if request.target == HEALTH:
            writer.write(answer_bytes(Answer(200, to_json({"rehearsal": os.getpid()}), headers)))
            return True
        try:
            self._check(request)
            if self._is_stream(request) and not (fault and (fault.cut or fault.lose_response)):
                session = self.state.session(request.parts[2])
                previews = self._previews(request)
                record.status = 200
                await self._stream(session, previews, headers, reader, writer)
                return False
            if request.method == "POST" and request.parts[:2] == ("v1", "messages"):
                made = await self._message(request, headers, record, fault, reader, writer)
                if made is None:
                    return False
            else:
                made = routes.answer(self.state, request)
            answer = Answer(200, to_json(made), {"content-type": "application/json", **headers})
        except Refusal as refusal:
            body = envelope(refusal.kind, refusal.message, request_id, code=refusal.code)
            answer = Answer(refusal.status, body, {"content-type": "application/json", **headers})
        return await self._send(answer, fault, record, writer)

    async def _send(
        self, answer: Answer, fault: Fault | None, record: Received, writer: asyncio.StreamWriter
    ) -> bool:  # fmt: skip
        if fault is not None and fault.lose_response:
            record.status = _LOST
            return False
        data = answer_bytes(answer)
        record.status = answer.status
        if fault is not None and fault.cut:
            record.status = _LOST
            data = data[: len(data) - max(1, len(answer.body) // 2)]
        writer.write(data)
        await writer.drain()
        return not (fault is not None and fault.cut)

    def _wrong(self, fault: Fault) -> Answer | None:
        """The answer that a fault puts in place of the real one."""
        request_id = self.state.new_id("req")
        headers = {"content-type": "application/json", "request-id": request_id, **fault.headers}
        if fault.html:
            return Answer(fault.status or 200, PAGE, {"content-type": "text/html; charset=utf-8", **fault.headers})
        if fault.body is not None:
            body = fault.body if isinstance(fault.body, bytes) else to_json(fault.body)
            return Answer(fault.status or 200, body, headers)
        if fault.status is None:
            return None
        kind = KINDS.get(fault.status, "api_error")
        return Answer(fault.status, envelope(kind, f"It is a {fault.status}.", request_id, code=fault.code), headers)

    def _check(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers.get("x-api-key", "")
        if not given or (self.key is not None and given != self.key):
            raise Refusal(401, "invalid x-api-key")
        if len(request.body) > LARGEST:
            raise Refusal(413, "Request exceeds the maximum size")
        needs_beta = request.parts[:1] == ("v1",) and request.parts[1:2] in (
            ("agents",),
            ("environments",),
            ("sessions",),
        )
        if needs_beta and BETA not in request.headers.get("anthropic-beta", ""):
            raise Refusal(404, "Not found.")

    async def _message(
        self,
        request: Request,
        headers: Mapping[str, str],
        record: Received,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> dict[str, Any] | None:
        """A whole answer of the Messages API, or None if it was streamed. Raises Refusal."""
        body = routes.body_of(request)
        talk = talk_of(body)
        if request.parts[2:] == ("count_tokens",):
            return {"input_tokens": usage_of(body, talk, Reply())["input_tokens"]}
        if request.parts[2:]:
            raise Refusal(404, "Not found.")
        reply = self.replies.popleft() if self.replies else await thought(talk, self.clock.now())
        message = message_of(reply, usage_of(body, talk, reply), body["model"], self.state.new_id)
        if not body.get("stream") or (fault and (fault.cut or fault.lose_response)):
            await asyncio.sleep(self.pace)
            return message
        record.status = 200
        await self._stream_message(message, reply, headers, reader, writer)
        return None

    async def _stream_message(
        self,
        message: dict[str, Any],
        reply: Reply,
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        stream = EventStream(writer)
        stream.open(headers)
        sending = asyncio.ensure_future(send_message(stream, message, reply, pace=self.pace))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    @staticmethod
    def _is_stream(request: Request) -> bool:
        return request.method == "GET" and request.parts[:2] == ("v1", "sessions") and (
            request.parts[3:] == ("events", "stream")
            or (request.parts[3:4] == ("threads",) and request.parts[5:] == ("stream",))
        )  # fmt: skip

    @staticmethod
    def _previews(request: Request) -> list[str]:
        wanted = request.many("event_deltas")
        for kind in wanted:
            if kind not in PREVIEWED:
                raise Refusal(400, f"event_deltas: {kind!r} is not one of {', '.join(PREVIEWED)}")
        return wanted

    async def _stream(
        self,
        session: Session,
        previews: Sequence[str],
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Send a session's events until either side ends it."""
        stream = EventStream(writer, previews)
        stream.open(headers)
        if session.status == "terminated":
            stream.finish()
            await writer.drain()
            return
        session.listen(stream)
        gone = asyncio.ensure_future(reader.read(1))
        over = asyncio.ensure_future(stream.over.wait())
        try:
            await asyncio.wait((gone, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            session.leave([stream])
            stream.silent = True
            for task in (gone, over):
                task.cancel()
            await asyncio.gather(gone, over, return_exceptions=True)
