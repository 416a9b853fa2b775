"""Queues, views, and the windows that screens show of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from opstui.core.frozen import dataclass
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRow


class Health(StrEnum):
    """How far what is shown can be believed."""

    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of a ticket system, by that system's own query."""

    name: str
    system: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A filter of opstui's own over one queue, or over everything."""

    name: str
    filter: str = ""
    queue: str | None = None
    """The name of a queue, or None for all systems."""


class SortBy(StrEnum):
    """Orders of the ticket table. ``urgency`` is severity, then due, then age, the worst and oldest first."""

    URGENCY = "urgency"
    AGE = "age"
    UPDATED = "updated"
    DUE = "due"
    STATUS = "status"
    OWNER = "owner"
    REF = "ref"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """A queue with its counts, and what is known of its health."""

    name: str
    system: str
    state: Health
    open: int
    """New, open and waiting tickets."""
    unseen: int = 0
    """Tickets that came or changed since the operator looked at them."""
    fetched_at: datetime | None = None
    """The last good answer."""
    error: SafeText | None = None
    asking_since: datetime | None = None
    """Since when it is being asked now; None while it is not."""
    again_at: datetime | None = None
    """When it is asked again, where the system asked for a pause (``Retry-After``, a used-up rate); else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A ticket's row in the table."""

    ticket: TicketRow
    unseen: bool = False
    """It came or changed since the operator looked at it."""
    changed: bool = False
    """Of an unseen one: the operator had looked at it, or it was there before, so it is changed and not new."""
    sessions_running: int = 0
    drafts_open: int = 0
    needs_you: bool = False
    """A session or draft of it waits for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWindow:
    """Rows ``first … first+len(rows)`` of ``total``."""

    total: int
    first: int
    rows: tuple[TableRow, ...]
    stamp: str
    """Differs whenever order or membership may differ."""
