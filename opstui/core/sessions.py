"""Sessions: one run of a workflow on a ticket, and what happens while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from opstui.core.frozen import dataclass
from opstui.core.tickets import TicketRef


class SessionStatus(StrEnum):
    """``queued → starting → running ⇄ waiting → idle → ended | failed``."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    IDLE = "idle"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self in (SessionStatus.ENDED, SessionStatus.FAILED)

    @property
    def is_live(self) -> bool:
        """Somebody (a worker) must be working on it."""
        return self in (SessionStatus.QUEUED, SessionStatus.STARTING, SessionStatus.RUNNING, SessionStatus.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used, cumulative or as a step: tokens, seconds of running, searches."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """All that was written to the cache, the hour-long writes among them."""
    running_ms: int = 0
    """Milliseconds in ``running`` only; idle and waiting are free."""
    searches: int = 0
    cache_write_long_tokens: int = 0
    """How many of ``cache_write_tokens`` were written to last an hour, which costs more than five minutes."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens, output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            running_ms=self.running_ms + other.running_ms, searches=self.searches + other.searches,
            cache_write_long_tokens=self.cache_write_long_tokens + other.cache_write_long_tokens,
        )  # fmt: skip

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens - other.input_tokens, output_tokens=self.output_tokens - other.output_tokens,
            cache_read_tokens=self.cache_read_tokens - other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens - other.cache_write_tokens,
            running_ms=self.running_ms - other.running_ms, searches=self.searches - other.searches,
            cache_write_long_tokens=self.cache_write_long_tokens - other.cache_write_long_tokens,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a session costs so far. Money in micro-dollars."""

    estimate: int = 0
    """Computed here from tokens, running time and searches; never touched by what the runtime reports."""
    reported: int | None = None
    """The runtime's own list cost, once it says so."""
    usage: Usage = field(default_factory=Usage)
    budget: int | None = None
    at_report: int = 0
    """``estimate`` at the moment of ``reported``."""
    running_since: datetime | None = None
    """Set while the session is ``running``: the stretch since then is not in ``usage`` and ``estimate`` yet."""
    hour: int = 0
    """Micro-dollars per hour of running."""
    unknown_model: bool = False
    """The rate card has no price for the model, so the tokens are not in ``estimate``: to be said, not guessed."""

    @property
    def shown(self) -> int:
        """What carries ``≈`` on screen: the runtime's own figure plus what was estimated since it came."""
        return self.estimate if self.reported is None else max(0, self.reported + self.estimate - self.at_report)

    @property
    def is_exact(self) -> bool:
        """Whether ``shown`` is the runtime's own figure, with nothing estimated on top."""
        return self.reported is not None and self.estimate == self.at_report and self.running_since is None


ROUNDING = 5_000
"""Micro-dollars: a runtime reports whole cents, so a difference of half a cent says nothing."""


def beyond_rounding(estimate: int, reported: int) -> int:
    """How far an estimate is off what was reported, in micro-dollars, as far as rounding does not explain it."""
    off = estimate - reported
    return 0 if abs(off) <= ROUNDING else off - ROUNDING if off > 0 else off + ROUNDING


def live(cost: Cost, now: datetime) -> Cost:
    """``cost`` with the stretch of running that is still open; the same where nothing runs."""
    if cost.running_since is None:
        return cost
    elapsed = max(0, round((now - cost.running_since).total_seconds() * 1000))
    return replace(
        cost,
        estimate=cost.estimate + round(elapsed * cost.hour / 3_600_000),
        usage=replace(cost.usage, running_ms=cost.usage.running_ms + elapsed),
        running_since=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of a workflow."""

    id: str
    workflow: str
    workflow_version: str
    ticket: TicketRef
    ticket_version: str
    """The version of the ticket it was started on."""
    runtime: str
    """The runtime's name in the config; ``offline`` is always there."""
    runtime_kind: str
    """``extractive``, ``managed-agents``, ``messages``."""
    model: str | None = None
    status: SessionStatus = SessionStatus.QUEUED
    stop_reason: str | None = None
    operator: str
    shift: str
    """The shift's id: its start, RFC 3339."""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost: Cost = field(default_factory=Cost)
    document: Mapping[str, Any] | None = None
    """The accepted document as JSON."""
    draft: str | None = None
    remote_id: str | None = None
    page: str = ""
    """The page that the operator wants changed, for a workflow about pages; empty: whatever the search finds."""
    rev: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One thing that happened in a session, in the shape that ``run --events`` prints.

    ``type`` is one of ``session.started``, ``session.ended``, ``text``, ``tool.call``, ``tool.result``, ``usage``,
    ``status``, ``notice``, ``error``, ``document``, ``draft``; ``data`` holds the other keys of the line.
    """

    session: str
    seq: int
    """Per session, from 1. 0 while it is not stored yet."""
    remote_id: str
    """Unique in its session; a second event with the same one replaces the first."""
    at: datetime
    type: str
    data: Mapping[str, Any]


# What a runtime yields while a session runs. Translated, never a vendor's own words.


@dataclass(frozen=True, slots=True)
class RuntimeText:
    """A finished piece of the agent's text, or with ``partial`` a preview of one that will follow whole."""

    remote_id: str
    text: str
    """Of a preview all that is known of it so far, not the newest piece; empty: the preview came to nothing."""
    partial: bool = False
    at: datetime | None = None
    """When it happened over there, where that is known: history is told again after a drop."""


@dataclass(frozen=True, slots=True)
class RuntimeToolCall:
    """The agent asks for a tool; the session answers with ``AgentSession.answer``. Several may be open at once."""

    id: str
    name: str
    input: Mapping[str, Any]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuntimeUsage:
    """Usage of one step (one model request, one stretch of running), and the list cost so far where it is told.

    A second one with the same ``remote_id`` counts for nothing, so history may be told again.
    """

    remote_id: str
    usage: Usage
    reported_micros: int | None = None
    at: datetime | None = None
    correction: bool = False
    """Not one request but what earlier steps missed or told twice (parts may be negative): lowest tier."""
    multipliers: tuple[str, ...] = ()
    """What makes the tokens dearer, in the rate card's words: ``us`` (inference kept there), ``fast`` (the speed)."""


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """The session's state over there."""

    remote_id: str
    status: SessionStatus
    stop_reason: str | None = None
    """One of ``core.stops``."""
    at: datetime | None = None
    detail: str = ""
    """What the runtime said about it, cleaned: a refusal's explanation, an error's message."""


@dataclass(frozen=True, slots=True)
class RuntimeNotice:
    """Something a person should read: a wait, a retry, an error that is survived."""

    remote_id: str
    text: str
    error: bool = False
    at: datetime | None = None
    until: datetime | None = None
    """The wait ends then, so a screen can count down; an interrupt ends it at once."""


RuntimeEvent = RuntimeText | RuntimeToolCall | RuntimeUsage | RuntimeStatus | RuntimeNotice


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a runtime announces it: ``input_schema`` is JSON Schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """How a workflow's agent stands over there, for ``opstui agents``."""

    runtime: str
    workflow: str
    version: str
    """The workflow's content hash."""
    state: str
    """``current``, ``created``, ``updated``, ``outdated``, ``missing`` or ``archived``."""
    remote_id: str | None = None
    remote_version: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered: ``text`` is what a model reads, ``value`` the same for a runtime in this process."""

    text: str
    value: Any = None
    is_error: bool = False
