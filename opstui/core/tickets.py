"""Tickets and their timelines: the one model that every ticket system is translated into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText


class StatusCategory(StrEnum):
    """What a status means, whatever the system calls it."""

    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """New, open and waiting tickets still need somebody."""
        return self in (StatusCategory.NEW, StatusCategory.OPEN, StatusCategory.WAITING)


class EntryKind(StrEnum):
    """What a timeline entry is."""

    COMMENT = "comment"
    REPLY = "reply"
    STATUS = "status"
    FIELD = "field"
    ASSIGN = "assign"
    ATTACH = "attach"
    LINK = "link"
    ALERT = "alert"
    SYSTEM = "system"


class Visibility(StrEnum):
    """Who can read an entry. ``unknown`` is treated as public wherever that is the careful choice."""

    PUBLIC = "public"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


BOARD_SYSTEM = "shift"
"""The prefix of tickets that code puts together; no ticket system may have the name."""
_SYSTEM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z")
_KEY = re.compile(r"[^\s:\x00-\x1f\x7f-\x9f][^\s\x00-\x1f\x7f-\x9f]{0,127}\Z")


@dataclass(frozen=True, slots=True, order=True)
class TicketRef:
    """``SYSTEM:KEY``: the name of a system in the config, and what that system shows people."""

    system: str
    key: str

    def __str__(self) -> str:
        return f"{self.system}:{self.key}"

    @property
    def called(self) -> str:
        """What people call it: its key, and where that is but a number with the system's name, ``rt:12``."""
        return self.key if any(char.isalpha() for char in self.key) else str(self)

    @classmethod
    def parse(cls, text: str) -> TicketRef:
        """Read ``local:INC-1042``. Raises UsageError for anything else, before any request is made."""
        system, colon, key = text.strip().partition(":")
        if not colon or not _SYSTEM_NAME.match(system) or not _KEY.match(key):
            from opstui.core.text import clean_line

            given = clean_line(text, limit=80)
            raise UsageError(f"{given!r} is not a ticket: write SYSTEM:KEY, for example local:INC-1042")
        return cls(system, key)


@dataclass(frozen=True, slots=True)
class Status:
    """A status as the system words it, and what it means."""

    raw: SafeText
    category: StatusCategory


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened on a ticket. Entry ``KEY#0`` is the ticket itself and never in a timeline."""

    id: str
    """``KEY#n`` with n from 1; entries keep their number for ever."""
    at: datetime
    """Aware, UTC."""
    author: SafeText
    kind: EntryKind
    visibility: Visibility
    text: SafeText
    op_id: str | None = None
    """The op id of the update that made it, where the system can tell."""

    @property
    def number(self) -> int:
        """n of ``KEY#n``."""
        return int(self.id.rpartition("#")[2])


@dataclass(frozen=True, slots=True)
class TicketAttachment:
    """A file on a ticket, by name and hash; its bytes stay where they are."""

    name: SafeText
    size: int
    """Bytes."""
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """What a list shows of a ticket. Cheap: no body, no timeline."""

    ref: TicketRef
    title: SafeText
    status: Status
    severity: str | None = None
    """``"1"`` (worst) to ``"4"``, or None."""
    priority: SafeText | None = None
    """The system's own word for it."""
    assignees: tuple[SafeText, ...] = ()
    team: SafeText | None = None
    services: tuple[SafeText, ...] = ()
    tags: tuple[SafeText, ...] = ()
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    version: str
    """What the system calls this state of the ticket; differs whenever the ticket differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(TicketRow):
    """A whole ticket."""

    body: SafeText
    fields: Mapping[str, SafeText] = field(default_factory=dict)
    """Custom fields by name."""
    url: SafeText | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    """In the system's order, oldest first."""
    attachments: tuple[TicketAttachment, ...] = ()
    complete: bool = True
    """Off: as a list has it, without timeline and files, perhaps without body; ``version`` may then be a coarser one,
    and is not to be compared with that of a complete one."""

    def row(self) -> TicketRow:
        """The part that lists show."""
        return TicketRow(
            ref=self.ref, title=self.title, status=self.status, severity=self.severity, priority=self.priority,
            assignees=self.assignees, team=self.team, services=self.services, tags=self.tags,
            created_at=self.created_at, updated_at=self.updated_at, due_at=self.due_at, version=self.version,
        )  # fmt: skip

    def entry_id(self, number: int) -> str:
        """``KEY#number``."""
        return f"{self.ref.key}#{number}"


def field_value(ticket: Ticket, path: str) -> str | list[str] | None:
    """The value at an op's path: ``/status``, ``/severity``, ``/assignee``, ``/team``, ``/tags``, ``/fields/<name>``.

    Status is the raw word, assignee a list of names, tags a sorted list; an empty field is None (or an empty list).
    Raises UsageError for a path that no update may touch.
    """
    if path == "/status":
        return str(ticket.status.raw)
    if path == "/severity":
        return ticket.severity
    if path == "/assignee":
        return [str(name) for name in ticket.assignees]
    if path == "/team":
        return str(ticket.team) if ticket.team is not None else None
    if path == "/tags":
        return sorted(str(tag) for tag in ticket.tags)
    if path.startswith("/fields/") and len(path) > len("/fields/"):
        value = ticket.fields.get(path[len("/fields/") :])
        return str(value) if value is not None else None
    raise UsageError(f"{path} is not a field that an update can set")
