"""PagerDuty's incidents, log entries and notes as tickets.

Shapes are those of its REST description (github.com/PagerDuty/api-schema); what is not in there is said where it is
read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from opstui.adapters.tickets.markers import unmarked
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import body, line, line_or_none, moment, names, record, records, shown
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

STATUSES = ("triggered", "acknowledged", "resolved")
OPEN = ("triggered", "acknowledged")
URGENCY, POLICY = "urgency", "escalation policy"
"""Names, among the custom fields, of two settings that every incident has."""

_CATEGORIES = {
    "triggered": StatusCategory.NEW,
    "acknowledged": StatusCategory.OPEN,
    "resolved": StatusCategory.RESOLVED,
}
_KINDS = {
    "trigger": EntryKind.ALERT,
    "annotate": EntryKind.COMMENT,
    "acknowledge": EntryKind.STATUS,
    "unacknowledge": EntryKind.STATUS,
    "resolve": EntryKind.STATUS,
    "reopen": EntryKind.STATUS,
    "snooze": EntryKind.STATUS,
    "assign": EntryKind.ASSIGN,
    "delegate": EntryKind.ASSIGN,
    "escalate": EntryKind.ASSIGN,
    "urgency_change": EntryKind.FIELD,
    "priority_change": EntryKind.FIELD,
    "field_value_change": EntryKind.FIELD,
    "custom_field_value_change": EntryKind.FIELD,
    "merge": EntryKind.LINK,
    "link": EntryKind.LINK,
    "unlink": EntryKind.LINK,
}
"""Log entry type without ``_log_entry`` → kind. The rest (notifications, limits) is the system's own."""
_SAME_NOTE = timedelta(seconds=5)
"""How far apart a note and the log entry about it may be."""
_DETAILS_LIMIT = 100
"""Lines of an alert's details in a body."""


def read_incident(incident: Mapping[str, Any], system: str, severities: Severities) -> Ticket:
    """What a list holds of an incident: no timeline, no body."""
    status = line(incident.get("status"))
    created = moment(incident.get("created_at"))
    # Incidents of before 2023 may lack ``updated_at``.
    updated = moment(incident.get("updated_at"), incident.get("last_status_change_at"), incident.get("created_at"))
    priority = line_or_none(record(incident.get("priority")).get("summary"))
    urgency = line_or_none(incident.get("urgency"))
    teams = names(team.get("summary") for team in records(incident.get("teams")))
    return Ticket(
        ref=TicketRef(system, line(incident.get("id"))),
        title=line(incident.get("title")) or line(incident.get("summary")),
        status=Status(status, _CATEGORIES.get(status, StatusCategory.OPEN)),
        severity=severities.of(priority or urgency),
        priority=priority or urgency,
        assignees=names(record(item.get("assignee")).get("summary") for item in records(incident.get("assignments"))),
        team=teams[0] if teams else None,
        services=names([record(incident.get("service")).get("summary")]),
        created_at=created,
        updated_at=max(created, updated),
        version=updated.isoformat(),
        body=SafeText(""),
        fields=_fields(incident),
        url=line_or_none(incident.get("html_url")),
        complete=False,
    )


def complete(
    listed: Ticket, log: Sequence[Mapping[str, Any]], notes: Sequence[Mapping[str, Any]], alert: Mapping[str, Any]
) -> Ticket:
    """The whole ticket. ``log`` is oldest first, ``alert`` the incident's first one or empty."""
    newest = line(log[-1].get("id")) if log else ""
    edited = max((moment(note.get("updated_at"), note.get("created_at")) for note in notes), default=None)
    version = "/".join((listed.version, newest, edited.isoformat() if edited is not None else ""))
    return replace(
        listed,
        body=_body(log, alert),
        timeline=read_timeline(listed.ref.key, log, notes),
        version=version,
        complete=True,
    )


def oldest_first(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Log entries in the order in which they happened, each once.

    PagerDuty tells the newest first. Entries of one second keep its order, so that one that comes later never pushes
    itself before those that have a number already; ids are random and no help.
    """
    once = list({line(entry.get("id")): entry for entry in entries}.values())
    if once and moment(once[0].get("created_at")) >= moment(once[-1].get("created_at")):
        once.reverse()
    return sorted(once, key=lambda entry: moment(entry.get("created_at")))


def read_timeline(
    key: str, log: Sequence[Mapping[str, Any]], notes: Sequence[Mapping[str, Any]]
) -> tuple[TimelineEntry, ...]:
    """The log, numbered; ``log`` is oldest first.

    A note's log entry is its place in the timeline. Its text is taken from the list of notes, which has it whole and as
    it was edited; log entries and notes do not name each other, so they are matched by words and time.
    """
    left = sorted(notes, key=lambda note: moment(note.get("created_at")))
    found = []
    for number, entry in enumerate(log, 1):
        kind = _kind(entry)
        op_id = None
        if kind is EntryKind.COMMENT:
            told = _note_text(entry)
            note = _matching(entry, told, left)
            if note is not None:
                left.remove(note)
                told = str(note.get("content") or told)
            plain, op_id = unmarked(told)
            text = clean(plain)
        else:
            text = _words(entry)
        found.append(
            TimelineEntry(
                id=f"{key}#{number}",
                at=moment(entry.get("created_at")),
                author=line(record(entry.get("agent")).get("summary")) or SafeText("PagerDuty"),
                kind=kind,
                visibility=Visibility.INTERNAL,
                text=text,
                op_id=op_id,
            )
        )
    return tuple(found)


def marked_note(notes: Iterable[Mapping[str, Any]], op_id: str) -> Mapping[str, Any] | None:
    """The note that carries the op id."""
    return next((note for note in notes if unmarked(str(note.get("content") or ""))[1] == op_id), None)


def _kind(entry: Mapping[str, Any]) -> EntryKind:
    return _KINDS.get(str(entry.get("type", "")).removesuffix("_log_entry"), EntryKind.SYSTEM)


def _note_text(entry: Mapping[str, Any]) -> str:
    """What a log entry says of its note: in its channel, which the description leaves open."""
    channel = record(entry.get("channel"))
    told = (channel.get("content"), channel.get("summary"), entry.get("note"), entry.get("summary"))
    return next((text for text in told if isinstance(text, str) and text), "")


def _matching(entry: Mapping[str, Any], told: str, notes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    at = moment(entry.get("created_at"))
    near = [note for note in notes if abs(moment(note.get("created_at")) - at) <= _SAME_NOTE]
    start = told.removesuffix("…").removesuffix("...").rstrip()
    alike = [note for note in near if start and str(note.get("content", "")).startswith(start)]
    return next(iter(alike or near), None)


def _words(entry: Mapping[str, Any]) -> SafeText:
    """What a log entry says happened."""
    summary = body(entry.get("summary"))
    changes = record(entry.get("changeset")) or record(record(entry.get("channel")).get("changeset"))
    told = [
        f"{line(item.get('name'))}: {shown(item.get('old_value')) or 'empty'} → {shown(item.get('value')) or 'empty'}"
        for member in ("application_fields", "customer_fields")
        for item in records(changes.get(member))
    ]
    description = body(record(entry.get("event_details")).get("description"))
    if description and description not in summary:
        told.append(description)
    return clean("\n".join(text for text in (summary, *told) if text))


def _fields(incident: Mapping[str, Any]) -> dict[str, SafeText]:
    found = {
        clean_line(line(item.get("display_name")) or line(item.get("name"))): shown(item.get("value"))
        for item in records(incident.get("custom_fields"))
    }
    found[clean_line(URGENCY)] = line(incident.get("urgency"))
    found[clean_line(POLICY)] = line(record(incident.get("escalation_policy")).get("summary"))
    return {name: value for name, value in found.items() if name and value}


def _body(log: Sequence[Mapping[str, Any]], alert: Mapping[str, Any]) -> SafeText:
    """What was reported: the details of the entry that triggered it, or else of its first alert."""
    trigger = next((entry for entry in log if _kind(entry) is EntryKind.ALERT), {})
    channel = record(trigger.get("channel"))
    details = (channel.get("details"), channel.get("body"), record(alert.get("body")).get("details"))
    told = next((text for text in map(_details, details) if text), "")
    reported = body(record(trigger.get("event_details")).get("description")) or body(channel.get("description"))
    return clean("\n\n".join(text for text in (reported if reported not in told else "", told) if text))


def _details(value: Any) -> str:
    if isinstance(value, dict):
        lines = [f"{name}: {item if isinstance(item, str) else json.dumps(item)}" for name, item in value.items()]
        return "\n".join(lines[:_DETAILS_LIMIT])
    return value if isinstance(value, str) else ""
