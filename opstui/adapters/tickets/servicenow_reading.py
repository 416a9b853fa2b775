"""ServiceNow's records to tickets and timelines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from opstui.adapters.tickets.markers import unmarked
from opstui.adapters.tickets.severities import WORDS, Severities
from opstui.adapters.tickets.wire import EPOCH, moment, moment_or_none, raw
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketAttachment,
    TicketRef,
    TimelineEntry,
    Visibility,
)

LISTED = (
    "number", "sys_id", "short_description", "state", "active", "priority", "assigned_to", "assignment_group",
    "cmdb_ci", "business_service", "sys_created_on", "sys_updated_on", "sys_mod_count", "due_date",
    "sla_due",
)  # fmt: skip
"""Columns that a row is made from."""
SHOWN = (
    "caller_id", "category", "subcategory", "contact_type", "impact", "urgency", "severity", "hold_reason",
    "close_code", "close_notes", "correlation_id", "problem_id", "location",
)  # fmt: skip
"""Columns that are shown among the custom ones, which begin with ``u_``."""
STATES = {
    "1": (StatusCategory.NEW, "New"), "2": (StatusCategory.OPEN, "In Progress"),
    "3": (StatusCategory.WAITING, "On Hold"), "6": (StatusCategory.RESOLVED, "Resolved"),
    "7": (StatusCategory.CLOSED, "Closed"),
    "8": (StatusCategory.CLOSED, "Canceled"),
}  # fmt: skip
"""An incident's states as delivered: value → what it means, and its label for who may not read the choices."""
PRIORITIES = {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"}
SEVERITY_WORDS: Mapping[str, str] = {
    **WORDS, "5 - planning": "4", "5": "4", "1 - high": "1", "2 - medium": "2", "3 - low": "3",
}  # fmt: skip
"""The last three are those of the column ``severity``."""
JOURNALS = {
    "comments": (EntryKind.REPLY, Visibility.PUBLIC),
    "work_notes": (EntryKind.COMMENT, Visibility.INTERNAL),
}
"""Column of a journal → what its entries are: the caller reads comments, work notes are for who works on it."""

_OP_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_HEAD = re.compile(r"(?P<at>\S.{7,38}?) - (?P<who>.{1,120}?) \([^()\n]{1,60}\)\Z")
_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p",
    "%m-%d-%Y %I:%M:%S %p", "%d-%m-%Y %I:%M:%S %p",
)  # fmt: skip
"""Forms of a time that accounts can choose."""

People = Callable[[str], str]
"""User name → what the user is called."""
Entry = tuple[datetime, str, TimelineEntry]
"""When, what orders entries of the same second, and the entry without its number."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record read with ``sysparm_display_value=all``: each column as the database has it, and as people see it."""

    columns: Mapping[str, Any]

    def value(self, name: str) -> str:
        """As the database has it: ids of references, numbers of choices, times in UTC."""
        found = self.columns.get(name)
        return raw(found.get("value") if isinstance(found, dict) else found)

    def shown(self, name: str) -> str:
        """As people see it."""
        found = self.columns.get(name)
        return raw(found.get("display_value")) or raw(found.get("value")) if isinstance(found, dict) else raw(found)

    def line(self, name: str) -> SafeText:
        """:meth:`shown`, on one clean line."""
        return clean_line(self.shown(name))


@dataclass(frozen=True, slots=True)
class Place:
    """What stays the same from answer to answer."""

    name: str
    url: str
    severities: Severities
    severity_field: str = "priority"
    op_field: str = ""


def read_row(row: Row, place: Place) -> Ticket:
    """An incident as a list has it."""
    number = row.line("number")
    return Ticket(
        ref=TicketRef(place.name, number),
        title=row.line("short_description"),
        status=read_status(row),
        # Labels are in the language of the account; the numbers behind them are not.
        severity=place.severities.of(row.shown(place.severity_field))
        or place.severities.of(row.value(place.severity_field)),
        priority=row.line("priority") or None,
        assignees=tuple(name for name in (row.line("assigned_to"),) if name),
        team=row.line("assignment_group") or None,
        services=tuple(dict.fromkeys(name for name in (row.line("cmdb_ci"), row.line("business_service")) if name)),
        created_at=moment(row.value("sys_created_on")),
        updated_at=moment(row.value("sys_updated_on"), row.value("sys_created_on")),
        due_at=moment_or_none(row.value("due_date")) or moment_or_none(row.value("sla_due")),
        version=clean_line(f"{row.value('sys_mod_count')}/{row.value('sys_updated_on')}"),
        body=SafeText(""),
        url=clean_line(f"{place.url}/nav_to.do?uri={quote(f'incident.do?sysparm_query=number={number}', safe='')}"),
        complete=False,
    )


def read_whole(row: Row, entries: Iterable[Entry], files: Sequence[Mapping[str, Any]], place: Place) -> Ticket:
    """The incident with all that belongs to it. Its version is of the record, its newest entry and its files."""
    listed = read_row(row, place)
    entries = sorted(entries, key=lambda one: one[:2])
    last = entries[-1][1] if entries else ""
    names = [name for name in row.columns if name in SHOWN or name.startswith("u_")]
    return replace(
        listed,
        version=f"{listed.version}/{clean_line(last)}/{len(files)}",
        body=clean(row.shown("description")),
        fields={str(clean_line(name)): text for name in names if (text := clean(row.shown(name)))},
        timeline=tuple(
            replace(entry, id=f"{listed.ref.key}#{number}") for number, (_, _, entry) in enumerate(entries, 1)
        ),
        attachments=tuple(
            TicketAttachment(name=clean_line(raw(one.get("file_name"))), size=_size(one.get("size_bytes")))
            for one in sorted(files, key=lambda one: (raw(one.get("sys_created_on")), raw(one.get("sys_id"))))
        ),
        complete=True,
    )


def read_status(row: Row) -> Status:
    """A state with what it means: as delivered by its number, one that an instance added by its words."""
    value, label = row.value("state"), row.line("state")
    if value in STATES:
        return Status(label or SafeText(STATES[value][1]), STATES[value][0])
    word = label.casefold()
    if row.value("active") == "false":
        return Status(label, StatusCategory.RESOLVED if "resolved" in word else StatusCategory.CLOSED)
    waits = any(part in word for part in ("hold", "pending", "wait"))
    return Status(label, StatusCategory.WAITING if waits else StatusCategory.OPEN)


def op_ids(value: str) -> list[str] | None:
    """The op ids that a column holds, the newest last; None where it holds something else."""
    found = value.split()
    return found if all(_OP_ID.fullmatch(one) for one in found) else None


# --- timelines --------------------------------------------------------------------------------------------------------


def journal_entry(item: Mapping[str, Any], people: People) -> Entry:
    """A record of ``sys_journal_field``."""
    at = moment(item.get("sys_created_on"))
    return (
        at,
        raw(item.get("sys_id")),
        _said(at, people(raw(item.get("sys_created_by"))), item.get("element"), item.get("value")),
    )


def audit_entry(item: Mapping[str, Any], place: Place, labels: Mapping[str, str], people: People) -> Entry:
    """A record of ``sys_audit``; ``labels`` are those of values of the incident's states."""
    column, at = raw(item.get("fieldname")), moment(item.get("sys_created_on"))
    before, after = (raw(item.get(end)) for end in ("oldvalue", "newvalue"))
    if column == "state":
        before, after = (labels.get(end, end) for end in (before, after))
    kind = {"state": EntryKind.STATUS, "assigned_to": EntryKind.ASSIGN, "assignment_group": EntryKind.ASSIGN}
    ids = op_ids(after) if column == place.op_field else None
    told = (clean_line(end, limit=300) or "–" for end in (before, after))
    entry = TimelineEntry(
        id="", at=at, author=clean_line(people(raw(item.get("user")))), kind=kind.get(column, EntryKind.FIELD),
        visibility=Visibility.INTERNAL, text=clean(f"{clean_line(column)}: {' → '.join(told)}"),
        op_id=ids[-1] if ids else None,
    )  # fmt: skip
    return at, raw(item.get("sys_id")), entry


def printed_entries(row: Row) -> list[Entry]:
    """The journals as the record itself prints them, for accounts that may not read ``sys_journal_field``.

    Newest first, each below a line ``2026-11-20 10:00:00 - Ana (Work notes)`` in the account's form and zone, both
    found out from a time that the record tells in both ways. What somebody writes can look like such a line; it then
    reads as an entry of the same journal: a comment never as a work note.
    """
    clock = _clock(row)
    found: list[Entry] = []
    for column in JOURNALS:
        shown = row.columns.get(column)
        printed = raw(shown.get("display_value")) if isinstance(shown, dict) else raw(shown)
        blocks: list[tuple[datetime, str, list[str]]] = []
        empty_before = True
        for line in printed.replace("\r\n", "\n").split("\n"):
            head = _HEAD.match(line) if empty_before else None
            at = clock(head["at"]) if head else None
            if head is not None and at is not None:
                blocks.append((at, head["who"], []))
            elif blocks:
                blocks[-1][2].append(line)
            empty_before = not line.strip()
        for place, (at, who, lines) in enumerate(reversed(blocks)):
            text = "\n".join(lines).rstrip("\n")
            found.append((at, f"{column}{place:06d}", _said(at, who, column, text)))
    return found


def _said(at: datetime, author: str, column: Any, value: Any) -> TimelineEntry:
    kind, visibility = JOURNALS.get(raw(column), (EntryKind.COMMENT, Visibility.UNKNOWN))
    text, op_id = unmarked(raw(value))
    return TimelineEntry(
        id="", at=at, author=clean_line(author), kind=kind, visibility=visibility, text=clean(text), op_id=op_id
    )


def _clock(row: Row) -> Callable[[str], datetime | None]:
    """Reads times as the account sees them."""
    for column in ("sys_updated_on", "sys_created_on"):
        known = moment_or_none(row.value(column))
        for form in _FORMATS:
            shown = _parsed(row.shown(column), form)
            if known is None or shown is None:
                continue
            ahead = shown - known
            if abs(ahead) <= timedelta(hours=15) and not ahead % timedelta(minutes=15):
                return lambda text, form=form, ahead=ahead: (  # type: ignore[misc]
                    None if (at := _parsed(text, form)) is None else at - ahead
                )
    return lambda text: moment_or_none(text)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    except ValueError:
        return None


def newest(entries: Iterable[Entry]) -> datetime:
    """The time of the newest entry; 1970 where there is none."""
    return max((at for at, _, _ in entries), default=EPOCH)


def _size(value: Any) -> int:
    text = raw(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
