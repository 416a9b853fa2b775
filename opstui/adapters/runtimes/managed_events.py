"""What a managed session tells, in the core's words: events as they come, or the whole history once more.

Events are told apart by the string in ``type``, never by the SDK's classes: to SDK 2.10.0 an unknown event is a
``UserMessage`` and an unknown stop reason an ``EndTurn``. Any field may be missing, null or of another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.adapters.runtimes.managed_fields import event_id, hash_of, kind_of, safe_id, stop_of, text_of, time_of
from opstui.adapters.runtimes.managed_previews import Previews
from opstui.adapters.runtimes.managed_tally import Tally
from opstui.core import stops
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    SessionStatus,
    Usage,
)
from opstui.core.text import clean, clean_line

STATUSES = frozenset(
    (
        "session.status_running",
        "session.status_idle",
        "session.status_rescheduled",
        "session.status_terminated",
        "session.deleted",
    )
)
_ENDS = frozenset(("session.status_terminated", "session.deleted"))
_RESULTS = frozenset(("user.custom_tool_result", "user.tool_confirmation"))
_TOLD_AGAIN = frozenset(("agent.message", "user.message"))
"""These come twice under one id: the second time with a time, or with another text (managed-agents.md 0.6)."""
_NOTHING: list[RuntimeEvent] = []


class Telling:
    """One session's state over there, as far as its events told it. Makes no request and knows no connection."""

    def __init__(self, counted: Mapping[str, Usage] | None = None) -> None:
        self.previews = Previews()
        self.tally = Tally(counted)
        self.state = ""
        """``running``, ``rescheduling``, ``waiting`` (for tools), ``idle``, ``over``; empty: nothing was told yet."""
        self.end: RuntimeStatus | None = None
        """The status in which the session stands or is over; None while it works or waits for tools."""
        self.open: dict[str, str] = {}
        """Tool calls without a result: our id → the service's."""
        self.unseen: set[str] = set()
        """Calls that the session says it waits for and that were not told yet."""
        self.queued: set[str] = set()
        """Messages that no turn took up yet."""
        self.messages: dict[str, str] = {}
        """Every user message: id → hash of its text."""
        self.forbidden: list[str] = []
        """Calls of tools that the agent should not have and that wait to be allowed."""
        self.reason = stops.INTERRUPTED
        """The stop reason of a turn that was interrupted."""
        self.was_interrupted = False
        self._known: set[str] = set()
        self._answered: set[str] = set()
        self._texts: dict[str, int] = {}
        self._failure = ""
        self._dead = False
        self._end_told = False

    @property
    def known(self) -> int:
        """How many events were told of."""
        return len(self._known)

    # --- taking events

    def take(self, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        """What one event of the stream means. Previews are gathered aside, in :attr:`previews`."""
        kind = kind_of(raw)
        if kind == "event_delta":
            self.previews.delta(raw)
            return _NOTHING
        if kind == "event_start":
            self.previews.start(raw.get("event"))
            self.tally.works()
            return _NOTHING
        return self._one(kind, event_id(raw), raw)

    def history(self, events: Sequence[Mapping[str, Any]]) -> list[RuntimeEvent]:
        """What the whole history means that was not told yet.

        Twice over it: first what was answered and where things ended, then what to tell. What stands before something
        that is known came too late to be the session's state; a call before the end of its turn needs no answer.
        """
        names = [event_id(raw) for raw in events]
        last_status = last_report = last_end = -1
        for index, raw in enumerate(events):
            kind = kind_of(raw)
            if kind in _RESULTS:
                self._answer_seen(raw)
            elif kind in STATUSES:
                if names[index] in self._known:
                    last_status = index
                if kind in _ENDS or (kind == "session.status_idle" and stop_of(raw) not in ("", "requires_action")):
                    last_end = index
            elif kind == "session.usage" and self.tally.knows(names[index]):
                last_report = index
        told: list[RuntimeEvent] = []
        for index, raw in enumerate(events):
            kind = kind_of(raw)
            if kind in STATUSES and index < last_status:
                self._known.add(names[index])
                continue
            self.tally.late = index < last_report
            self._dead = index < last_end
            told += self._one(kind, names[index], raw)
        self.tally.late = self._dead = False
        return told

    def gone(self, reason: str = stops.DELETED) -> list[RuntimeEvent]:
        """The service does not know the session any more."""
        if self.state == "over":
            return []
        return self._over(RuntimeStatus(f"gone:{reason}", SessionStatus.FAILED, reason), None)

    def sent(self, raw: Mapping[str, Any]) -> None:
        """The service took a message; until a turn takes it up the session does not stand still."""
        name = event_id(raw)
        if name not in self.messages:
            self._one("user.message", name, raw)

    def answered(self, call: str) -> None:
        """The service took our answer to a call."""
        self._answered.add(call)
        self.open.pop(call, None)

    def stand_by(self) -> list[RuntimeEvent]:
        """The session stands, but something is on its way to it: tell that it waits."""
        if self.end is None or self._end_told or self.state == "over":
            return []
        self._end_told = True
        return [replace(self.end, status=SessionStatus.WAITING)]

    def _one(self, kind: str, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        teller = _TELLERS.get(kind)
        if teller is None:
            return _NOTHING
        if name in self._known and kind not in _TOLD_AGAIN:
            return _NOTHING
        self._known.add(name)
        return teller(self, name, raw)

    # --- what the agent does

    def _message(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        text = text_of(raw.get("content"))
        previewed = self.previews.settle(name)
        mark = hash(text)
        if self._texts.get(name) == mark or (not text and not previewed):
            return _NOTHING
        self._texts[name] = mark
        self.tally.works()
        return [RuntimeText(name, clean(text), at=time_of(raw))]

    def _tool_call(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.tally.works()
        self.unseen.discard(name)
        if name in self._answered or self._dead:
            return _NOTHING
        self.open[name] = str(raw.get("id"))
        given = raw.get("input")
        tool = clean_line(str(raw.get("name") or "?"), limit=128)
        return [RuntimeToolCall(name, tool, given if isinstance(given, Mapping) else {}, time_of(raw))]

    def _own_tool(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        """The agents here have no tools of the service's; one that somebody gave them is not allowed to act."""
        self.tally.works()
        if raw.get("evaluated_permission") != "ask" or self._dead or name in self._answered:
            return _NOTHING
        self.forbidden.append(str(raw.get("id")))
        tool = clean_line(str(raw.get("name") or "?"), limit=80)
        return [RuntimeNotice(name, f"the agent asked for {tool}, which is not one of its tools: not allowed")]

    def _request_end(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        # An error or an interrupt ends a request without its message; this closes the preview (managed-agents.md 2.3).
        return [*self.previews.clear(), *self.tally.request(name, raw, time_of(raw))]

    def _works(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.tally.works()
        return _NOTHING

    def _shortened(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.tally.works()
        return [RuntimeNotice(name, "the agent's memory of this session was shortened", at=time_of(raw))]

    def _graded(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.tally.works()
        result = clean_line(str(raw.get("result") or "?"), limit=40).replace("_", " ")
        why = clean_line(str(raw.get("explanation") or ""), limit=400)
        return [
            RuntimeNotice(name, f"checked against the rubric: {result}" + (f". {why}" if why else ""), at=time_of(raw))
        ]

    # --- what was sent to it

    def _user_message(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        processed = raw.get("processed_at") is not None
        if name not in self.messages:
            self.messages[name] = hash_of(text_of(raw.get("content")))
            # One that comes already taken up while a turn runs belongs to that turn.
            if not (processed and self.state == "running"):
                self.queued.add(name)
        elif processed and self.state == "running":
            self.queued.discard(name)
        return _NOTHING

    def _answer_seen(self, raw: Mapping[str, Any]) -> None:
        given = raw.get("custom_tool_use_id") or raw.get("tool_use_id")
        if isinstance(given, str):
            name = safe_id(given)
            self._answered.add(name)
            self.open.pop(name, None)
            self.unseen.discard(name)

    def _tool_result(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self._answer_seen(raw)
        return _NOTHING

    def _interrupt(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.was_interrupted = True
        return _NOTHING

    # --- what it used

    def _usage(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        return list(self.tally.report(name, raw, time_of(raw)))

    # --- how it stands

    def _running(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        told = self.stand_by()
        at = time_of(raw)
        if self.end is not None:
            self.was_interrupted = False
            self._failure = ""
        self.end, self._end_told = None, False
        self.state = "running"
        self.queued.clear()
        self.tally.running(name, at)
        return [*told, RuntimeStatus(name, SessionStatus.RUNNING, at=at)]

    def _rescheduled(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        self.state = "rescheduling"
        at = time_of(raw)
        detail = "the service moves the session to another machine; meanwhile it costs nothing"
        return [*self.tally.stopped(at), RuntimeStatus(name, SessionStatus.WAITING, at=at, detail=detail)]

    def _idle(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        at = time_of(raw)
        told: list[RuntimeEvent] = [*self.previews.clear(), *self.tally.stopped(at)]
        stop = stop_of(raw)
        if stop == "requires_action" or (not stop and self.open):
            self.state = "waiting"
            self._wanted(raw)
            return [*told, RuntimeStatus(name, SessionStatus.WAITING, at=at)]
        told += self.stand_by()
        self.state = "idle"
        self.open.clear()
        self.unseen.clear()
        self.end, self._end_told = self._end(name, stop or stops.END_TURN, raw, at), False
        if stop == "retries_exhausted":
            # What was queued is flushed with the turn (managed-agents.md 2.2).
            self.queued.clear()
        return told

    def _wanted(self, raw: Mapping[str, Any]) -> None:
        """Calls that the session says it waits for; those that are not told yet come later."""
        given = raw.get("stop_reason")
        ids = given.get("event_ids") if isinstance(given, Mapping) else None
        self.unseen.clear()
        for one in ids if isinstance(ids, list) else ():
            if isinstance(one, str):
                name = safe_id(one)
                if name not in self._answered and name not in self.open and name not in self._known:
                    self.unseen.add(name)

    def _end(self, name: str, stop: str, raw: Mapping[str, Any], at: datetime | None) -> RuntimeStatus:
        details = raw.get("stop_details")
        said = details if isinstance(details, Mapping) else {}
        if stop in ("end_turn", stops.INTERRUPTED):
            word = self.reason if self.was_interrupted else stops.END_TURN
            return RuntimeStatus(name, SessionStatus.IDLE, word, at)
        if stop in ("refusal", stops.REFUSED):
            why = clean_line(str(said.get("explanation") or said.get("category") or ""))
            return RuntimeStatus(name, SessionStatus.FAILED, stops.REFUSED, at, why)
        if stop == stops.RETRIES_EXHAUSTED:
            return RuntimeStatus(name, SessionStatus.FAILED, stops.RETRIES_EXHAUSTED, at, self._failure)
        word = str(clean_line(stop, limit=60))
        if word in stops.STOPS and word != stops.BUDGET_REACHED:
            # Another's word that is ours by chance: what we say there would not be true.
            word = f"service: {word}"
        return RuntimeStatus(name, SessionStatus.IDLE, word, at)

    def _terminated(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        at = time_of(raw)
        return self._over(RuntimeStatus(name, SessionStatus.FAILED, stops.TERMINATED, at, self._failure), at)

    def _deleted(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        at = time_of(raw)
        return self._over(RuntimeStatus(name, SessionStatus.FAILED, stops.DELETED, at), at)

    def _over(self, end: RuntimeStatus, at: datetime | None) -> list[RuntimeEvent]:
        told: list[RuntimeEvent] = [*self.previews.clear(), *self.tally.stopped(at)]
        self.state = "over"
        self.end = end
        self.open.clear()
        self.unseen.clear()
        self.queued.clear()
        return told

    def _error(self, name: str, raw: Mapping[str, Any]) -> list[RuntimeEvent]:
        given = raw.get("error")
        error = given if isinstance(given, Mapping) else {}
        retry = error.get("retry_status")
        status = retry.get("type") if isinstance(retry, Mapping) else retry
        kind = clean_line(str(error.get("type") or "error"), limit=60).removesuffix("_error").replace("_", " ")
        text = clean_line(str(error.get("message") or kind))
        at = time_of(raw)
        if status == "exhausted" or status == "terminal":
            self._failure = text
            return [RuntimeNotice(name, f"the service gave up: {text}", error=True, at=at)]
        again = "; the service tries again by itself" if status == "retrying" else ""
        return [RuntimeNotice(name, f"{text}{again}", at=at)]


_TELLERS: Mapping[str, Callable[[Telling, str, Mapping[str, Any]], list[RuntimeEvent]]] = {
    "agent.message": Telling._message,
    "agent.thinking": Telling._works,
    "agent.custom_tool_use": Telling._tool_call,
    "agent.tool_use": Telling._own_tool,
    "agent.mcp_tool_use": Telling._own_tool,
    "agent.thread_context_compacted": Telling._shortened,
    "user.message": Telling._user_message,
    "user.custom_tool_result": Telling._tool_result,
    "user.tool_confirmation": Telling._tool_result,
    "user.interrupt": Telling._interrupt,
    "session.status_running": Telling._running,
    "session.status_rescheduled": Telling._rescheduled,
    "session.status_idle": Telling._idle,
    "session.status_terminated": Telling._terminated,
    "session.deleted": Telling._deleted,
    "session.error": Telling._error,
    "session.usage": Telling._usage,
    "span.model_request_start": Telling._works,
    "span.model_request_end": Telling._request_end,
    "span.outcome_evaluation_start": Telling._works,
    "span.outcome_evaluation_end": Telling._graded,
}
"""What is told of; every other type is survived in silence."""
TOLD_OF = frozenset(_TELLERS)
