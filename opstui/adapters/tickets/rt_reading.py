"""Request Tracker's JSON as tickets. What is said of RT here was seen on a real 5.0.3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import EPOCH, line, line_or_none, moment, moment_or_none, names, raw, record, records
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import (
    Status,
    StatusCategory,
    Ticket,
    TicketAttachment,
    TicketRef,
    TimelineEntry,
)

FIELDS = "Subject,Status,Priority,Owner,Queue,Created,LastUpdated,Due,Requestor,CustomFields"
"""What a list is asked for; it has nothing of its own accord but the number."""
NAMED = {"fields[Owner]": "Name", "fields[Queue]": "Name"}
NOBODY = "Nobody"

SEVERITY = ("severity",)
SERVICES = ("service", "services", "component", "components")
TAGS = ("tags", "tag", "labels")

_CATEGORIES = {
    "new": StatusCategory.NEW,
    "open": StatusCategory.OPEN,
    "stalled": StatusCategory.WAITING,
    "resolved": StatusCategory.RESOLVED,
    "rejected": StatusCategory.CLOSED,
    "deleted": StatusCategory.CLOSED,
}
"""Of the lifecycle that RT comes with. What other ones call their statuses is shown as it is and counts as open."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of a ticket and its values there."""

    id: str
    name: SafeText
    values: tuple[str, ...]

    @property
    def text(self) -> SafeText:
        """All values in one."""
        return clean(", ".join(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the config says of how tickets are read."""

    system: str
    web: str
    """Where people read tickets: the address without ``/REST/2.0``."""
    op_field: str
    own: Mapping[str, str] = field(default_factory=dict)
    """The config's words for severities."""


def custom_fields(data: Mapping[str, Any]) -> tuple[CustomField, ...]:
    """A ticket's custom fields by name; RT tells them in another order each time."""
    found = []
    for item in records(data.get("CustomFields")):
        values = item.get("values")
        told = [_value(one) for one in values] if isinstance(values, list) else []
        found.append(CustomField(raw(item.get("id")), line(item.get("name")), tuple(told)))
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id)))


def named(fields: Iterable[CustomField], *wanted: str) -> CustomField | None:
    """The first field with one of these names, whatever its capitals: RT itself does not tell those apart."""
    return next((one for one in fields if one.name.casefold() in wanted), None)


def statuses(data: Mapping[str, Any], lifecycle: str = "") -> tuple[str, ...]:
    """What the lifecycle lets the ticket become.

    The links of its answer name only changes that have a button in RT. Where it is the lifecycle that RT comes with,
    the rest is known: every status but ``deleted``, which takes a right of its own, can become every other one.
    """
    now = raw(data.get("Status"))
    links = [one for one in records(data.get("_hyperlinks")) if one.get("ref") == "lifecycle"]
    found = [str(name) for name in names(one.get("to") for one in links)]
    if lifecycle == "default" and now in _CATEGORIES:
        found += [name for name in _CATEGORIES if name != "deleted"]
    return tuple(name for name in dict.fromkeys(found) if name != now)


def ticket_of(
    data: Mapping[str, Any],
    reading: Reading,
    *,
    version: str = "",
    body: SafeText | None = None,
    timeline: Sequence[TimelineEntry] = (),
    attachments: Sequence[TicketAttachment] = (),
) -> Ticket:
    """A ticket from its own answer or from a list's row. Without ``body`` it is as a list has it."""
    key = raw(data.get("id"))
    fields = custom_fields(data)
    severity, priority = severity_of(data, fields, reading.own)
    services, tags = named(fields, *SERVICES), named(fields, *TAGS)
    updated = moment(data.get("LastUpdated"), data.get("Created"))
    return Ticket(
        ref=TicketRef(reading.system, key),
        title=line(data.get("Subject")) or SafeText("(no subject)"),
        status=status_of(raw(data.get("Status"))),
        severity=severity,
        priority=priority,
        assignees=tuple(name for name in names([_name(data.get("Owner"))]) if name != NOBODY),
        team=line_or_none(_name(data.get("Queue"))),
        services=names(services.values if services else ()),
        tags=tuple(sorted(names(tags.values if tags else ()))),
        created_at=moment(data.get("Created")),
        updated_at=updated,
        due_at=_due(data.get("Due")),
        version=version or line(data.get("LastUpdated")),
        body=body if body is not None else SafeText(""),
        fields=_shown_fields(data, fields, reading.op_field),
        url=clean_line(f"{reading.web}/Ticket/Display.html?id={key}"),
        timeline=tuple(timeline),
        attachments=tuple(attachments),
        complete=body is not None,
    )


def status_of(word: str) -> Status:
    """A status and what it means."""
    return Status(clean_line(word), _CATEGORIES.get(word.casefold(), StatusCategory.OPEN))


def severity_of(
    data: Mapping[str, Any], fields: Iterable[CustomField], own: Mapping[str, str]
) -> tuple[str | None, SafeText | None]:
    """Severity and RT's own word for it: of a field called Severity, else of the priority by the config's numbers."""
    kept = named(fields, *SEVERITY)
    if kept is not None:
        word = kept.values[0] if kept.values else None
        return Severities(own).of(word), clean_line(word) if word else None
    number = raw(data.get("Priority"))
    if not number.lstrip("-").isdigit():
        return Severities(own).of(number), clean_line(number) if number else None
    reached = {limit: severity for limit, severity in thresholds(own).items() if limit <= int(number)}
    return reached[max(reached)] if reached else None, clean_line(number)


def thresholds(own: Mapping[str, str]) -> dict[int, str]:
    """Priorities that the config names: from each on its severity holds."""
    return {int(word): severity for word, severity in own.items() if word.isascii() and word.isdigit()}


def _shown_fields(
    data: Mapping[str, Any], fields: Iterable[CustomField], op_field: str
) -> dict[str, SafeText]:  # fmt: skip
    hidden = {*SEVERITY, *TAGS, op_field.casefold()}
    shown = {str(one.name): one.text for one in fields if one.values and one.name.casefold() not in hidden}
    asking = names(_name(one) for one in records(data.get("Requestor")))
    if asking:
        shown.setdefault("Requestor", clean(", ".join(asking)))
    return shown


def _due(value: Any) -> datetime | None:
    """RT says 1970 for a time that was never set."""
    found = moment_or_none(value)
    return found if found is not None and found > EPOCH else None


def _name(value: Any) -> str:
    """Who or what an object is called. Users have their name as id."""
    given = record(value)
    return raw(given.get("Name")) or raw(given.get("id"))


def _value(value: Any) -> str:
    """Images and files are fields as well, with the file's name in them."""
    return raw(record(value).get("filename")) if isinstance(value, dict) else raw(value)
