"""From Redmine's JSON to tickets and timelines.

A journal is one save by one person: a note, changes (its details), or both. Both make two entries, changes first, so
that an entry's text is what somebody wrote and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from opstui.adapters.tickets.markers import unmarked
from opstui.adapters.tickets.redmine_names import CustomField, Names
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import body, line, line_or_none, moment, names as clean_names, raw, record, records
from opstui.core.canonical import fingerprint
from opstui.core.frozen import dataclass
from opstui.core.ids import CROCKFORD
from opstui.core.text import SafeText, clean
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

SEVERITY = "severity"
SERVICES = ("service", "services", "component", "components")
"""Custom fields that name what is affected, beside the category."""

_OP_ID = re.compile(rf"[{CROCKFORD}]{{26}}")
_RESOLVED = re.compile(r"resol|fixed|solved|done|gelöst|behoben|erledigt|résolu|risolto", re.IGNORECASE)
_WAITING = re.compile(
    r"feedback|wait|pending|hold|block|stalled|suspend|deferred|wartet|warten|rückfrage|zurückgestellt|attente|commentaire",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What issues are read with."""

    system: str
    url: str
    """Without a slash at the end."""
    names: Names
    severities: Severities
    op_field: str = ""

    def op_field_of(self, issue: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The issue's own field for op ids."""
        return field_of(issue, self.op_field) if self.op_field else None


def field_of(issue: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A custom field of an issue by name: the exact one, else the one in another case."""
    there = records(issue.get("custom_fields"))
    exact = next((one for one in there if one.get("name") == name), None)
    return exact or next((one for one in there if raw(one.get("name")).casefold() == name.casefold()), None)


def key_of(issue: Mapping[str, Any]) -> str:
    """What people call the ticket."""
    return raw(issue.get("id"))


def version_of(issue: Mapping[str, Any]) -> str:
    """When it was updated, the newest journal, and a hash of all that is told of it: a note that was rewritten later
    changes neither of the first two (5.0.4), and ``lock_version`` is not told."""
    there = {name: value for name, value in issue.items() if name not in ("allowed_statuses", "watchers")}
    whole = json.dumps(there, sort_keys=True, ensure_ascii=True).encode()
    last = max((int(one["id"]) for one in records(issue.get("journals")) if isinstance(one.get("id"), int)), default=0)
    return f"{line(issue.get('updated_on'))}.{last}.{fingerprint(whole)[:12]}"


def read_issue(issue: Mapping[str, Any], reading: Reading, *, complete: bool) -> Ticket:
    """An issue as a list (``complete`` off) or ``GET /issues/ID.json`` with journals and attachments has it."""
    key = key_of(issue)
    updated = moment(issue.get("updated_on"), issue.get("created_on"))
    assignee = line_or_none(record(issue.get("assigned_to")).get("name"))
    return Ticket(
        ref=TicketRef(reading.system, key),
        title=line(issue.get("subject")),
        body=body(issue.get("description")),
        status=read_status(record(issue.get("status")), reading.names),
        severity=_severity(issue, reading),
        priority=line_or_none(record(issue.get("priority")).get("name")),
        assignees=() if assignee is None else (assignee,),
        team=line_or_none(record(issue.get("project")).get("name")),
        services=_services(issue),
        created_at=moment(issue.get("created_on")),
        updated_at=updated,
        due_at=_due(issue.get("due_date")),
        fields=_fields(issue, reading),
        url=SafeText(f"{reading.url}/issues/{key}"),
        timeline=read_journals(issue, reading) if complete else (),
        attachments=_attachments(issue) if complete else (),
        version=version_of(issue) if complete else str(line(issue.get("updated_on"))),
        complete=complete,
    )


def read_status(status: Mapping[str, Any], names: Names) -> Status:
    """The status and what it means: Redmine knows only which ones end a ticket and which one begins it; the rest is in
    the words, and a status without a telling word is open."""
    word, number = line(status.get("name")), raw(status.get("id"))
    closed = status.get("is_closed")
    if closed is True or (closed is None and names.is_closed(number)):
        category = StatusCategory.RESOLVED if _RESOLVED.search(word) else StatusCategory.CLOSED
    elif _RESOLVED.search(word):
        category = StatusCategory.RESOLVED
    elif _WAITING.search(word):
        category = StatusCategory.WAITING
    elif names.is_first(number):
        category = StatusCategory.NEW
    else:
        category = StatusCategory.OPEN
    return Status(word, category)


def _severity(issue: Mapping[str, Any], reading: Reading) -> str | None:
    given = field_of(issue, SEVERITY)
    if given is not None:
        return reading.severities.of(raw(given.get("value")))
    return reading.severities.of(raw(record(issue.get("priority")).get("name")))


def _services(issue: Mapping[str, Any]) -> tuple[SafeText, ...]:
    found: list[Any] = [record(issue.get("category")).get("name")]
    for name in SERVICES:
        value = (field_of(issue, name) or {}).get("value")
        found += value if isinstance(value, list) else [value]
    return clean_names(found)


def _fields(issue: Mapping[str, Any], reading: Reading) -> dict[str, SafeText]:
    found: dict[str, SafeText] = {}
    for name, member in (("Tracker", "tracker"), ("Target version", "fixed_version")):
        value = line(record(issue.get(member)).get("name"))
        if value:
            found[name] = value
    hidden = reading.op_field_of(issue)
    for one in records(issue.get("custom_fields")):
        if one is hidden:
            continue
        value = shown_value(one.get("value"), reading.names.field(raw(one.get("id"))))
        if value and raw(one.get("name")):
            found[line(one["name"])] = value
    return found


def shown_value(value: Any, kind: CustomField | None) -> SafeText:
    """A custom field's value for people; several ones with commas."""
    values = value if isinstance(value, list) else [value]
    words = [(kind.labels.get(raw(one)) if kind is not None else None) or raw(one) for one in values]
    return clean(", ".join(word for word in words if word))


def _due(value: Any) -> datetime | None:
    """The end of the day; Redmine knows no time of it."""
    try:
        return datetime.combine(datetime.fromisoformat(raw(value)).date(), time(23, 59, 59), UTC)
    except ValueError:
        return None


def _attachments(issue: Mapping[str, Any]) -> tuple[TicketAttachment, ...]:
    return tuple(
        TicketAttachment(line(one.get("filename")), size if isinstance(size := one.get("filesize"), int) else 0)
        for one in records(issue.get("attachments"))
    )


# --- journals ---------------------------------------------------------------------------------------------------------


def read_journals(issue: Mapping[str, Any], reading: Reading) -> tuple[TimelineEntry, ...]:
    """The timeline: each journal's changes, then its note."""
    key = key_of(issue)
    journals = in_order(issue)
    op_field = raw((reading.op_field_of(issue) or {}).get("id"))
    found: list[TimelineEntry] = []
    for journal, op_id in zip(journals, op_ids(journals, op_field), strict=True):
        details = records(journal.get("details"))
        note, marker = unmarked(body(journal.get("notes")))
        parts: list[tuple[EntryKind, str]] = []
        if details:
            # The op id is told where there is nothing else to tell.
            telling = [one for one in details if not _is_op(one, op_field)] or details
            parts.append((_kind(details, op_field), "\n".join(_told(one, reading.names) for one in telling)))
        if note or marker:
            parts.append((EntryKind.COMMENT, note))
        private = Visibility.INTERNAL if journal.get("private_notes") is True else Visibility.PUBLIC
        for kind, text in parts:
            found.append(
                TimelineEntry(
                    id=f"{key}#{len(found) + 1}",
                    at=moment(journal.get("created_on")),
                    author=line(record(journal.get("user")).get("name")),
                    kind=kind,
                    visibility=private,
                    text=clean(text),
                    op_id=op_id or marker,
                )
            )
    return tuple(found)


def in_order(issue: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The journals by time, then id."""

    def place(journal: Mapping[str, Any]) -> tuple[datetime, int]:
        number = journal.get("id")
        return moment(journal.get("created_on")), number if isinstance(number, int) else 0

    return sorted(records(issue.get("journals")), key=place)


def op_ids(journals: Sequence[Mapping[str, Any]], op_field: str) -> list[str | None]:
    """The op id that each journal came with.

    A private note that comes with changes is a journal of its own, right after the one that has them and so the op id
    (5.0.4: ``split_private_notes``).
    """
    found: list[str | None] = []
    before: Mapping[str, Any] = {}
    for journal in journals:
        op_id = _op_id(records(journal.get("details")), op_field)
        if op_id is None and found and found[-1] is not None and _is_split_off(journal, before):
            op_id = found[-1]
        found.append(op_id)
        before = journal
    return found


def _op_id(details: Iterable[Mapping[str, Any]], op_field: str) -> str | None:
    for one in details:
        if _is_op(one, op_field):
            value = raw(one.get("new_value"))
            return value if _OP_ID.fullmatch(value) else None
    return None


def _is_op(detail: Mapping[str, Any], op_field: str) -> bool:
    return op_field != "" and detail.get("property") == "cf" and raw(detail.get("name")) == op_field


def _is_split_off(journal: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    same_save = (
        record(journal.get("user")).get("id") == record(before.get("user")).get("id")
        and journal.get("created_on") == before.get("created_on")
        and not before.get("notes")
    )
    return same_save and journal.get("private_notes") is True and not records(journal.get("details"))


_LABELS = {
    "status_id": "status", "assigned_to_id": "assignee", "priority_id": "priority", "category_id": "category",
    "fixed_version_id": "target version", "tracker_id": "tracker", "project_id": "project", "parent_id": "parent",
    "subject": "title", "done_ratio": "% done", "due_date": "due", "start_date": "start", "is_private": "private",
    "estimated_hours": "estimated hours",
}  # fmt: skip


def _kind(details: Sequence[Mapping[str, Any]], op_field: str) -> EntryKind:
    seen = {(raw(one.get("property")), raw(one.get("name"))) for one in details}
    kinds = {name for kind, name in seen if kind == "attr"}
    if "status_id" in kinds:
        return EntryKind.STATUS
    if "assigned_to_id" in kinds:
        return EntryKind.ASSIGN
    if any(kind == "attachment" for kind, _ in seen):
        return EntryKind.ATTACH
    if "parent_id" in kinds or any(kind == "relation" for kind, _ in seen):
        return EntryKind.LINK
    # The op id alone: what was sent with it is the private note that follows.
    return EntryKind.SYSTEM if op_field and seen == {("cf", op_field)} else EntryKind.FIELD


def _told(detail: Mapping[str, Any], names: Names) -> str:
    kind, name = raw(detail.get("property")), raw(detail.get("name"))
    old, new = raw(detail.get("old_value")), raw(detail.get("new_value"))
    if kind == "attachment":
        return f"file {line(new)}" if new else f"file {line(old)} removed"
    if kind == "relation":
        return f"{line(name)} #{line(new)}" if new else f"{line(name)} #{line(old)} removed"
    if kind == "attr" and name == "description":
        return "description rewritten"
    if kind == "cf":
        field = names.field(name)
        label: str = field.name if field is not None else f"field {line(name)}"
        old, new = shown_value(old, field), shown_value(new, field)
    else:
        label = _LABELS.get(name, line(name))
        if name.endswith("_id"):
            old, new = (names.of(name, value) if value else "" for value in (old, new))
    return f"{label}: {line(old) or '–'} → {line(new) or '–'}"
