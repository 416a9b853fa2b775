"""Zendesk's tickets and audits as tickets and timelines.

The description at hand has stubs for nearly every answer, so the shapes here are those of Zendesk's public reference
(developer.zendesk.com/api-reference/ticketing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import (
    body,
    line,
    line_or_none,
    moment,
    moment_or_none,
    names,
    number,
    raw,
    record,
    records,
    texts,
)
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

MARKER = "opstui"
"""Name of the op id in an update's metadata, which Zendesk keeps in the audit where only the API shows it."""

CATEGORIES = {
    "new": StatusCategory.NEW,
    "open": StatusCategory.OPEN,
    "pending": StatusCategory.WAITING,
    "hold": StatusCategory.WAITING,
    "solved": StatusCategory.RESOLVED,
    "closed": StatusCategory.CLOSED,
}
_SYSTEM_AUTHOR = "-1"
"""What triggers and automations are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """A custom field of the account's tickets."""

    id: str
    title: SafeText
    kind: str
    """``text``, ``tagger`` (a list to choose from), ``multiselect``, ``checkbox``, ``integer``, ``date``, …"""
    options: Mapping[str, SafeText] = field(default_factory=dict)
    """Of a list: the value that is stored → what people see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the account has made of its tickets."""

    fields: tuple[CustomField, ...] = ()
    custom_statuses: Mapping[str, tuple[SafeText, str]] = field(default_factory=dict)
    """Id → what agents see, and which of Zendesk's own statuses it belongs to; empty where the account has none."""
    statuses: tuple[str, ...] = ("new", "open", "pending", "solved", "closed")
    """Zendesk's own that the account uses."""

    def titled(self, title: str) -> CustomField | None:
        """The custom field of that name."""
        return next((one for one in self.fields if one.title == title), None)


def read_settings(ticket_fields: Sequence[Mapping[str, Any]]) -> Settings:
    """What ``GET /api/v2/ticket_fields`` says; inactive fields are left out."""
    fields, custom = [], {}
    own = list(Settings().statuses)
    for one in ticket_fields:
        kind = raw(one.get("type"))
        if kind == "custom_status":
            custom = {
                raw(item.get("id")): (line(item.get("agent_label")), raw(item.get("status_category")))
                for item in records(one.get("custom_statuses"))
                if item.get("active") is not False and line(item.get("agent_label"))
            }
        elif kind == "status":
            told = [raw(item.get("value")) for item in records(one.get("system_field_options"))]
            own = [status for status in CATEGORIES if status in own or status in told]
        elif one.get("removable") is not False and one.get("active") is not False and kind not in _OWN_KINDS:
            options = {
                raw(item.get("value")): line(item.get("name")) for item in records(one.get("custom_field_options"))
            }
            fields.append(CustomField(id=raw(one.get("id")), title=line(one.get("title")), kind=kind, options=options))
    return Settings(fields=tuple(fields), custom_statuses=custom, statuses=tuple(own))


_OWN_KINDS = ("subject", "description", "tickettype", "priority", "group", "assignee")


class Names:
    """People and groups by id, as far as answers told them beside the tickets."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], SafeText] = {}

    def learn(self, answer: Any) -> None:
        """Take in what was loaded beside an answer (``include=users,groups``)."""
        for kind in ("users", "groups"):
            for one in records(record(answer).get(kind)):
                if name := line(one.get("name")):
                    self._known[kind, raw(one.get("id"))] = name

    def of(self, kind: str, value: Any) -> SafeText:
        """The name; ``user 123`` for one that nobody told, empty for none."""
        number = raw(value)
        if not number:
            return SafeText("")
        return self._known.get((kind, number)) or clean_line(f"{kind.removesuffix('s')} {number}")


def read_ticket(
    ticket: Mapping[str, Any], system: str, *, settings: Settings, names_of: Names, severities: Severities, site: str,
    service_field: str,
) -> Ticket:  # fmt: skip
    """What lists and ``GET /tickets/{id}`` hold: everything but the timeline and the files."""
    key = raw(ticket.get("id"))
    updated = moment(ticket.get("updated_at"))
    created = moment(ticket.get("created_at"))
    fields = dict(_fields(ticket, settings))
    group = names_of.of("groups", ticket.get("group_id"))
    priority = line_or_none(ticket.get("priority"))
    return Ticket(
        ref=TicketRef(system, key),
        title=line(ticket.get("subject")) or line(ticket.get("raw_subject")),
        status=read_status(ticket, settings),
        severity=severities.of(priority),
        priority=priority,
        assignees=names([names_of.of("users", ticket.get("assignee_id"))]),
        team=group or None,
        services=names([fields.get(clean_line(service_field), "")]),
        tags=names(texts(ticket.get("tags"))),
        created_at=created,
        updated_at=max(created, updated),
        due_at=moment_or_none(ticket.get("due_at")),
        version=line(ticket.get("updated_at")),
        body=body(ticket.get("description")),
        fields=fields,
        url=clean_line(f"{site}/agent/tickets/{key}"),
        complete=False,
    )


def read_status(ticket: Mapping[str, Any], settings: Settings) -> Status:
    """The account's own word for it where it has one, and Zendesk's category."""
    word = line(ticket.get("status"))
    label, category = settings.custom_statuses.get(raw(ticket.get("custom_status_id")), (word, str(word)))
    return Status(label, CATEGORIES.get(category, CATEGORIES.get(str(word), StatusCategory.OPEN)))


def complete(listed: Ticket, audits: Sequence[Mapping[str, Any]], settings: Settings, names_of: Names) -> Ticket:
    """The whole ticket; ``audits`` are oldest first."""
    last = line(audits[-1].get("id")) if audits else ""
    files = [
        TicketAttachment(line(file.get("file_name")), _size(file.get("size")))
        for audit in audits
        for event in records(audit.get("events"))
        for file in records(event.get("attachments"))
    ]
    return replace(
        listed,
        version=f"{listed.version}/{last}",
        timeline=read_timeline(listed.ref.key, audits, settings, names_of),
        attachments=tuple(files),
        complete=True,
    )


def oldest_first(audits: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each audit once, in the order in which Zendesk made them: ids only grow."""
    once = {raw(audit.get("id")): audit for audit in audits}
    return sorted(once.values(), key=lambda audit: (moment(audit.get("created_at")), number(audit.get("id"))))


def op_id_of(audit: Mapping[str, Any]) -> str | None:
    """The op id of the update that the audit is about."""
    return raw(record(record(audit.get("metadata")).get("custom")).get(MARKER)) or None


def read_timeline(
    key: str, audits: Sequence[Mapping[str, Any]], settings: Settings, names_of: Names
) -> tuple[TimelineEntry, ...]:
    """What happened, numbered: of each audit its comments, then its changes as one entry. Audits never change.

    Notifications are left out: every update has some, and each holds a whole mail.
    """
    found: list[TimelineEntry] = []
    for audit in audits:
        by_rule = raw(audit.get("author_id")) in (_SYSTEM_AUTHOR, "")
        author = SafeText("Zendesk") if by_rule else names_of.of("users", audit.get("author_id"))
        entries = list(_entries(audit, settings, names_of))
        if not entries and op_id_of(audit):
            entries = [(EntryKind.SYSTEM, Visibility.INTERNAL, SafeText("updated"))]
        for kind, visibility, text in entries:
            found.append(
                TimelineEntry(
                    id=f"{key}#{len(found) + 1}",
                    at=moment(audit.get("created_at")),
                    author=author,
                    kind=EntryKind.SYSTEM if by_rule and kind is EntryKind.FIELD else kind,
                    visibility=visibility,
                    text=text,
                    op_id=op_id_of(audit),
                )
            )
    return tuple(found)


def _entries(
    audit: Mapping[str, Any], settings: Settings, names_of: Names
) -> Iterator[tuple[EntryKind, Visibility, SafeText]]:
    changes, kinds = [], set()
    for event in records(audit.get("events")):
        kind = event.get("type")
        if kind in ("Comment", "VoiceComment"):
            public = event.get("public") is not False
            told = event.get("body") or record(event.get("data")).get("transcription_text") or ""
            files = ", ".join(line(file.get("file_name")) for file in records(event.get("attachments")))
            yield (
                EntryKind.REPLY if public else EntryKind.COMMENT,
                Visibility.PUBLIC if public else Visibility.INTERNAL,
                body(told) or clean_line(files),
            )
        elif kind in ("Change", "Create"):
            name = raw(event.get("field_name"))
            kinds.add(_CHANGES.get(name, EntryKind.FIELD) if kind == "Change" else EntryKind.SYSTEM)
            before = _value(name, event.get("previous_value"), settings, names_of) or "empty"
            after = _value(name, event.get("value"), settings, names_of) or "empty"
            title = _title(name, settings)
            changes.append(f"{title}: {before} → {after}" if kind == "Change" else f"{title}: {after}")
    if changes:
        worst = next((kind for kind in (EntryKind.STATUS, EntryKind.ASSIGN, EntryKind.SYSTEM) if kind in kinds), None)
        yield worst or EntryKind.FIELD, Visibility.INTERNAL, clean("\n".join(changes))


_CHANGES = {
    "status": EntryKind.STATUS,
    "custom_status_id": EntryKind.STATUS,
    "assignee_id": EntryKind.ASSIGN,
    "group_id": EntryKind.ASSIGN,
}


def _title(name: str, settings: Settings) -> str:
    known = next((one.title for one in settings.fields if one.id == name), None)
    return known or line(name.removesuffix("_id").replace("_", " "))


def _value(name: str, value: Any, settings: Settings, names_of: Names) -> str:
    if name in ("assignee_id", "requester_id", "submitter_id"):
        return names_of.of("users", value)
    if name == "group_id":
        return names_of.of("groups", value)
    if name == "custom_status_id":
        return settings.custom_statuses.get(raw(value), (line(value), ""))[0]
    known = next((one for one in settings.fields if one.id == name), None)
    return _shown(value, known.options if known is not None else {})


def _fields(ticket: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, SafeText]]:
    values = {raw(item.get("id")): item.get("value") for item in records(ticket.get("custom_fields"))}
    for one in settings.fields:
        value = _shown(values.get(one.id), one.options)
        if one.title and value:
            yield one.title, value


def _shown(value: Any, options: Mapping[str, SafeText]) -> SafeText:
    """A field's value as people see it."""
    if isinstance(value, bool):
        return SafeText("yes" if value else "no")
    if isinstance(value, list):
        return clean(", ".join(_shown(item, options) for item in value))
    return options.get(raw(value)) or body(value)


def _size(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
