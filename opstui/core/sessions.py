"""Sessions: one run of a workflow on a ticket, and what happens while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
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
    running_ms: int = 0
    """Milliseconds in ``running`` only; idle and waiting are free."""
    searches: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens, output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            running_ms=self.running_ms + other.running_ms, searches=self.searches + other.searches,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a session costs so far. Money in micro-dollars."""

    estimate: int = 0
    """Computed here; carries ``≈`` on screen."""
    reported: int | None = None
    """The runtime's own list cost, once it says so."""
    usage: Usage = field(default_factory=Usage)
    budget: int | None = None


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
    partial: bool = False


@dataclass(frozen=True, slots=True)
class RuntimeToolCall:
    """The agent asks for a tool; the session answers with ``AgentSession.answer``."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuntimeUsage:
    """Usage since the last one, and the list cost so far where the runtime tells it."""

    remote_id: str
    usage: Usage
    reported_micros: int | None = None


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """The session's state over there."""

    remote_id: str
    status: SessionStatus
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class RuntimeNotice:
    """Something a person should read: a wait, a retry, an error that is survived."""

    remote_id: str
    text: str
    error: bool = False


RuntimeEvent = RuntimeText | RuntimeToolCall | RuntimeUsage | RuntimeStatus | RuntimeNotice


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered: ``text`` is what a model reads, ``value`` the same for a runtime in this process."""

    text: str
    value: Any = None
    is_error: bool = False
