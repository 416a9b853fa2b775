"""One session of the stand-in: its events, who listens, what it used, and what it waits for.

Everything here happens on the service's loop; only reading is safe from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from opstui.core.ids import Clock
from opstui.rehearsal.clock import stamp
from opstui.rehearsal.http import EventStream, frame
from opstui.rehearsal.prices import Tokens, cents, running_cost, token_cost

if TYPE_CHECKING:
    from opstui.rehearsal.play import Performance

PREVIEWS = ("event_start", "event_delta")


class Session:
    """A session's whole state."""

    def __init__(
        self,
        session_id: str,
        *,
        agent: Mapping[str, Any],
        environment_id: str,
        clock: Clock,
        new_id: Callable[[str], str],
        title: str | None,
        metadata: Mapping[str, str],
        budget: int | None,
    ) -> None:
        self.id = session_id
        self.agent = dict(agent)
        self.environment_id = environment_id
        self.title = title
        self.metadata = dict(metadata)
        self.budget = budget
        """Cents; None without one."""
        self.status = "idle"
        self.rest_status = "idle"
        """What ``GET`` says, which follows ``status`` with a lag where one is set."""
        self.status_lag = 0.0
        self.archived_at: datetime | None = None
        self.deleted = False
        self.thread_id = new_id("sthr")
        self.outcomes: list[dict[str, Any]] = []
        self.tokens = Tokens()
        self.spent = Fraction(0)
        """Dollars for tokens and searches; running time comes on top."""
        self.cost_told = True
        """False: the service says no list cost."""
        self.pending: dict[str, dict[str, Any]] = {}
        """Tool calls without an answer, by id."""
        self.answers: dict[str, dict[str, Any]] = {}
        self.inbox: deque[dict[str, Any]] = deque()
        """Messages and outcomes that no turn has taken up."""
        self.received: list[dict[str, Any]] = []
        """Everything that was sent to it, in order."""
        self.streams: list[EventStream] = []
        self.streams_opened = 0
        self.listings = 0
        self.ahead = timedelta()
        """How far its time has been moved on; running while it moved counts."""
        self.skew = timedelta()
        """What is added to every ``processed_at`` and to nothing else."""
        self.performance: Performance | None = None
        self._clock = clock
        self._new_id = new_id
        self._events: dict[str, dict[str, Any]] = {}
        self._nameless = 0
        self._running_since: datetime | None = None
        self._ran = timedelta()
        self._waiting: list[asyncio.Future[None]] = []
        self.created_at = self.now()
        self.updated_at = self.created_at

    # --- time and money -----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """This session's time."""
        return self._clock.now() + self.ahead

    @property
    def active_ms(self) -> int:
        """Milliseconds in ``running`` so far."""
        ran = self._ran
        if self._running_since is not None:
            ran += max(timedelta(), self.now() - self._running_since)
        return ran // timedelta(milliseconds=1)

    @property
    def cost(self) -> Fraction:
        """Dollars so far, unrounded."""
        return self.spent + running_cost(self.active_ms)

    @property
    def list_cost(self) -> int:
        """Cents so far, as the service tells them."""
        return cents(self.cost)

    @property
    def at_budget(self) -> bool:
        """Whether no further model request is made."""
        return self.budget is not None and self.cost * 100 >= self.budget

    def charge(self, tokens: Tokens, *, model: str | None = None) -> None:
        """Count a model request."""
        at = self.agent["model"]
        self.tokens += tokens
        self.spent += token_cost(model or at["id"], tokens, self.now(), geo=at.get("inference_geo"))

    def usage(self) -> dict[str, Any]:
        """Cumulative usage, as sessions and ``session.usage`` tell it."""
        used = self.tokens
        found: dict[str, Any] = {
            "input_tokens": used.input,
            "output_tokens": used.output,
            "cache_read_input_tokens": used.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": used.write,
                "ephemeral_1h_input_tokens": used.write_long,
            },
            "active_seconds": self.active_ms / 1000,
            "server_tool_use": {"web_search_requests": used.searches, "web_fetch_requests": 0},
        }
        if self.cost_told:
            found["list_cost"] = {"amount": str(self.list_cost), "currency": "USD"}
        return found

    def told_budget(self) -> dict[str, Any] | None:
        """The budget as the service tells it."""
        if self.budget is None:
            return None
        return {"type": "limit", "max_list_cost": {"amount": str(self.budget), "currency": "USD"}}

    # --- events -------------------------------------------------------------------------------------------------------

    @property
    def events(self) -> list[dict[str, Any]]:
        """The history: everything but previews, each id once, in the order of its newest telling."""
        return list(self._events.values())

    def find(self, event_id: str) -> dict[str, Any] | None:
        """An event of the history."""
        return self._events.get(event_id)

    def new_id(self, prefix: str = "sevt") -> str:
        """A fresh id."""
        return self._new_id(prefix)

    def emit(
        self, event: Mapping[str, Any], *, keep: bool = True, live: bool = True, without: Collection[str] = ()
    ) -> dict[str, Any]:
        """Tell an event: to the history (``keep``) and to everybody who listens (``live``).

        An ``id`` and a ``processed_at`` are given to it unless it has these keys, be they null, or is to be told
        ``without`` them.
        """
        told = dict(event)
        if told.get("type") in PREVIEWS:
            self._preview(told)
            return told
        told.setdefault("id", self._new_id("sevt"))
        told.setdefault("processed_at", stamp(self.now() + self.skew))
        for name in without:
            told.pop(name, None)
        if keep:
            key = told.get("id")
            if not isinstance(key, str) or not key:
                self._nameless += 1
                key = f"#{self._nameless}"
            self._events.pop(key, None)
            self._events[key] = told
            self.updated_at = self.now()
        if live and self.streams:
            self.send(frame(str(told.get("type", "message")), told))
        self.stir()
        return told

    def send(self, data: bytes) -> None:
        """Bytes to everybody who listens."""
        for stream in self.streams:
            stream.send(data)

    def _preview(self, event: Mapping[str, Any]) -> None:
        inner = event.get("event")
        event_id = str(event.get("event_id") or (inner or {}).get("id"))
        kind = inner["type"] if isinstance(inner, Mapping) and "type" in inner else "agent.message"
        wanting = [stream for stream in self.streams if kind in stream.previews]
        if wanting:
            data = frame(str(event["type"]), event)
            for stream in wanting:
                stream.preview(event_id, data)

    # --- states -------------------------------------------------------------------------------------------------------

    def turn_to(self, status: str, *, lag: float | None = None) -> None:
        """Change the status; ``GET`` follows after the lag."""
        if status == "running" and self._running_since is None:
            self._running_since = self.now()
        if status != "running" and self._running_since is not None:
            self._ran += max(timedelta(), self.now() - self._running_since)
            self._running_since = None
        self.status = status
        wait = self.status_lag if lag is None else lag
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._show, status)
        else:
            self.rest_status = status

    def _show(self, status: str) -> None:
        if self.status == status:
            self.rest_status = status

    def running(self) -> None:
        """Start running and say so."""
        self.turn_to("running")
        self.emit({"type": "session.status_running"})
        self.emit({"type": "session.thread_status_running", **self._thread()})

    def report(self) -> None:
        """Tell the usage."""
        self.emit({"type": "session.usage", "usage": self.usage(), "budget": self.told_budget()})

    def idle(self, reason: Mapping[str, Any], *, details: Mapping[str, Any] | None = None, usage: bool = True) -> None:
        """Stop running and say why: the thread first, then the usage, then the session."""
        self.turn_to("idle")
        self.emit({"type": "session.thread_status_idle", "stop_reason": dict(reason), **self._thread()})
        if usage:
            self.report()
        event: dict[str, Any] = {"type": "session.status_idle", "stop_reason": dict(reason)}
        if details is not None:
            event["stop_details"] = dict(details)
        self.emit(event)

    def rescheduled(self) -> None:
        """The service moves it elsewhere; that is not running."""
        self.turn_to("rescheduling")
        self.emit({"type": "session.status_rescheduled"})
        self.emit({"type": "session.thread_status_rescheduled", **self._thread()})

    def terminate(self) -> None:
        """The end; streams are closed after it."""
        self.turn_to("terminated")
        self.emit({"type": "session.thread_status_terminated", **self._thread()})
        self.emit({"type": "session.status_terminated"})
        self.hang_up()

    def delete(self) -> None:
        """Gone; streams are closed after the word of it."""
        self.deleted = True
        self.emit({"type": "session.deleted"})
        self.hang_up()

    def hang_up(self) -> None:
        """End every stream cleanly."""
        for stream in self.streams:
            stream.finish()
        self.streams = []
        self.stir()

    def _thread(self) -> dict[str, str]:
        return {"session_thread_id": self.thread_id, "agent_name": str(self.agent.get("name"))}

    # --- what it waits for --------------------------------------------------------------------------------------------

    async def moved(self) -> None:
        """Return after the next change of anything here."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def stir(self) -> None:
        """Wake whoever waits for a change."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def take_messages(self) -> list[dict[str, Any]]:
        """What was queued for the next turn, told again with the time at which it was taken up."""
        found = []
        while self.inbox:
            event = self.inbox.popleft()
            if event.get("processed_at") is None:
                event = {key: value for key, value in event.items() if key != "processed_at"}
                event = self.emit(event)
            found.append(event)
        return found

    def resource(self) -> dict[str, Any]:
        """The session as ``GET`` tells it."""
        active = self.active_ms / 1000
        return {
            "id": self.id,
            "type": "session",
            "status": self.rest_status,
            "agent": self.agent,
            "environment_id": self.environment_id,
            "title": self.title,
            "metadata": dict(self.metadata),
            "budget": self.told_budget(),
            "usage": self.usage(),
            "stats": {
                "active_seconds": active,
                "duration_seconds": round((self.now() - self.created_at).total_seconds(), 3),
            },
            "outcome_evaluations": [dict(outcome) for outcome in self.outcomes],
            "resources": [],
            "vault_ids": [],
            "deployment_id": None,
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.updated_at),
            "archived_at": stamp(self.archived_at) if self.archived_at else None,
        }

    def thread(self) -> dict[str, Any]:
        """Its one thread."""
        return {
            "id": self.thread_id,
            "type": "session_thread",
            "session_id": self.id,
            "agent": self.agent,
            "status": self.rest_status,
            "parent_thread_id": None,
            "workflow_run_id": None,
            "stats": {"active_seconds": self.active_ms / 1000},
            "usage": None,
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.updated_at),
            "archived_at": stamp(self.archived_at) if self.archived_at else None,
        }

    def listen(self, stream: EventStream) -> None:
        """Let a connection hear everything from now on."""
        self.streams.append(stream)
        self.streams_opened += 1
        self.stir()

    def leave(self, streams: Iterable[EventStream]) -> None:
        """Connections that are gone."""
        gone = list(streams)
        self.streams = [stream for stream in self.streams if stream not in gone]
