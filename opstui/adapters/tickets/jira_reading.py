"""Jira's JSON to tickets and timelines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from opstui.adapters.tickets.adf import to_text
from opstui.adapters.tickets.jira_fields import breach_of, shown
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import line, line_or_none, moment, moment_or_none, names, raw, record, records
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

PROPERTY = "opstui.push"
"""The comment property that keeps the op id, as ``{"op": "01J…"}``."""
INTERNAL = "sd.public.comment"
"""The comment property by which service projects tell internal comments, as ``{"internal": true}``."""
LISTED = (
    "summary", "status", "priority", "assignee", "labels", "components", "created", "updated", "duedate", "project",
)  # fmt: skip
"""Fields that a row is made from."""

_OP_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\Z")
_ELSEWHERE = frozenset(LISTED) | {"description", "attachment", "comment", "worklog"}
"""Fields that a ticket has in places of their own."""
_BESIDE = {"issuetype": "Issue type", "reporter": "Reporter", "resolution": "Resolution"}
"""System fields that are shown among the custom ones. Others of Jira's own are counters, links and sums of time."""


@dataclass(frozen=True, slots=True)
class Known:
    """Fields of this site that a row needs besides Jira's own, by id."""

    team: str | None = None
    severity: str = "priority"
    goals: tuple[str, ...] = ()
    """Those of service desks."""
    noise: frozenset[str] = frozenset()
    """What people would make nothing of."""

    def listed(self) -> list[str]:
        """Fields that a row is made from."""
        return list(dict.fromkeys((*LISTED, self.severity, *filter(None, [self.team]), *self.goals)))


@dataclass(frozen=True, slots=True)
class Site:
    """What stays the same from answer to answer."""

    name: str
    url: str
    severities: Severities
    known: Known


def read_issue(issue: Mapping[str, Any], site: Site, *, key: str = "") -> Ticket:
    """An issue as a list has it: everything but body, fields, files and timeline.

    ``key``: what it was asked by; one that moved to another project answers to its old key.
    """
    fields = record(issue.get("fields"))
    key = key or raw(issue.get("key"))
    severity = fields.get(site.known.severity)
    return Ticket(
        ref=TicketRef(site.name, key),
        title=line(fields.get("summary")),
        status=read_status(fields.get("status")),
        severity=site.severities.of(shown(severity)),
        priority=line_or_none(record(fields.get("priority")).get("name")),
        assignees=names([person(fields.get("assignee"))]),
        team=clean_line(shown(fields.get(site.known.team))) or None if site.known.team else None,
        services=names(one.get("name") for one in records(fields.get("components"))),
        tags=names(labels if isinstance(labels := fields.get("labels"), list) else ()),
        created_at=moment(fields.get("created")),
        updated_at=moment(fields.get("updated"), fields.get("created")),
        due_at=_end_of_day(fields.get("duedate")) or _first_goal(fields, site.known),
        version=line(fields.get("updated")),
        body=SafeText(""),
        url=clean_line(f"{site.url}/browse/{raw(issue.get('key')) or key}"),
        complete=False,
    )


def read_whole(
    issue: Mapping[str, Any],
    histories: Sequence[Mapping[str, Any]],
    comments: Sequence[Mapping[str, Any]],
    site: Site,
    *,
    key: str,
) -> Ticket:
    """The issue with all that belongs to it. Its version is of the newest change and entry of the three answers."""
    from dataclasses import replace

    fields = record(issue.get("fields"))
    row = read_issue(issue, site, key=key)
    desk = record(fields.get("project")).get("projectTypeKey") == "service_desk"
    ends = [line(several[-1].get("id")) if several else "" for several in (histories, comments)]
    return replace(
        row,
        version="/".join((row.version, *ends)),
        body=clean(to_text(fields.get("description"))),
        fields=_custom(fields, record(issue.get("names")), site.known),
        timeline=_timeline(key, histories, comments, desk=desk),
        attachments=tuple(
            TicketAttachment(name=line(one.get("filename")), size=_size(one.get("size")))
            for one in sorted(records(fields.get("attachment")), key=lambda one: _by_id(one.get("id")))
        ),
        complete=True,
    )


def read_status(value: Any) -> Status:
    """A status with what it means: Jira has three categories, of which each holds two of ours."""
    raw_word = line(record(value).get("name"))
    category = record(record(value).get("statusCategory")).get("key")
    word = raw_word.casefold()
    if category == "done":
        closed = word.startswith(("clos", "cancel", "declin", "withdrawn"))
        return Status(raw_word, StatusCategory.CLOSED if closed else StatusCategory.RESOLVED)
    # Service projects say "Waiting for support" of what waits for us.
    if ("wait" in word or "pending" in word or "on hold" in word) and "for support" not in word:
        return Status(raw_word, StatusCategory.WAITING)
    return Status(raw_word, StatusCategory.NEW if category == "new" else StatusCategory.OPEN)


def person(value: Any) -> str:
    """What a user is called: people may hide everything else of themselves."""
    user = record(value)
    return raw(user.get("displayName")) or raw(user.get("accountId"))


def op_id_of(comment: Mapping[str, Any]) -> str | None:
    """The op id that a comment carries."""
    found = record(_property(comment, PROPERTY)).get("op")
    return found if isinstance(found, str) and _OP_ID.match(found) else None


def newest(*several: Sequence[Mapping[str, Any]]) -> datetime | None:
    """The time of the newest of some entries."""
    return max((moment(one.get("created")) for entries in several for one in entries), default=None)


def updated(issue: Mapping[str, Any]) -> datetime:
    """When the issue changed last."""
    fields = record(issue.get("fields"))
    return moment(fields.get("updated"), fields.get("created"))


def of_kind(fields: Sequence[Mapping[str, Any]], *ends: str) -> tuple[str, ...]:
    """Ids of the site's fields whose kind ends like one of these."""
    return tuple(raw(one.get("id")) for one in fields if raw(record(one.get("schema")).get("custom")).endswith(ends))


def _property(comment: Mapping[str, Any], key: str) -> Any:
    return next((one.get("value") for one in records(comment.get("properties")) if one.get("key") == key), None)


def _custom(fields: Mapping[str, Any], called: Mapping[str, Any], known: Known) -> dict[str, SafeText]:
    found: dict[str, SafeText] = {}
    for name, value in fields.items():
        if name in _ELSEWHERE or name in known.noise or name == known.team:
            continue
        if not (name in _BESIDE or name.startswith("customfield_")):
            continue
        text = shown(value)
        label = line(called.get(name)) or clean_line(_BESIDE.get(name, name))
        if text:
            # A site may have many fields of one name.
            found[f"{label} ({clean_line(name, limit=40)})" if label in found else label] = text
    return found


def _timeline(
    key: str, histories: Sequence[Mapping[str, Any]], comments: Sequence[Mapping[str, Any]], *, desk: bool
) -> tuple[TimelineEntry, ...]:
    entries = [
        *((moment(one.get("created")), 0, _by_id(one.get("id")), one) for one in histories),
        *((moment(one.get("created")), 1, _by_id(one.get("id")), one) for one in comments),
    ]
    entries.sort(key=lambda entry: entry[:3])
    return tuple(
        _comment(f"{key}#{number}", one, desk) if is_comment else _change(f"{key}#{number}", one, desk)
        for number, (_, is_comment, _, one) in enumerate(entries, 1)
    )


def _comment(entry_id: str, comment: Mapping[str, Any], desk: bool) -> TimelineEntry:
    visibility = _visibility(comment, desk)
    return TimelineEntry(
        id=entry_id,
        at=moment(comment.get("created")),
        author=clean_line(person(comment.get("author"))),
        kind=EntryKind.REPLY if visibility is Visibility.PUBLIC else EntryKind.COMMENT,
        visibility=visibility,
        text=clean(to_text(comment.get("body"))),
        op_id=op_id_of(comment),
    )


def _visibility(comment: Mapping[str, Any], desk: bool) -> Visibility:
    """Customers exist in service projects only; elsewhere everybody who sees the issue reads it, whoever that is."""
    if record(comment.get("visibility")):
        return Visibility.INTERNAL  # to members of a group or role
    if not desk:
        return Visibility.UNKNOWN
    told = comment.get("jsdPublic")
    if told is False or record(_property(comment, INTERNAL)).get("internal") is True:
        return Visibility.INTERNAL
    return Visibility.PUBLIC if told is True else Visibility.UNKNOWN


_KINDS = {
    "status": EntryKind.STATUS, "assignee": EntryKind.ASSIGN, "attachment": EntryKind.ATTACH, "link": EntryKind.LINK,
    "remoteissuelink": EntryKind.LINK,
}  # fmt: skip


def _change(entry_id: str, history: Mapping[str, Any], desk: bool) -> TimelineEntry:
    items = records(history.get("items"))
    found = [kind for one in items if (kind := _KINDS.get(raw(one.get("field")).casefold()))]
    return TimelineEntry(
        id=entry_id,
        at=moment(history.get("created")),
        author=clean_line(person(history.get("author"))),
        kind=next((kind for kind in _KINDS.values() if kind in found), EntryKind.FIELD),
        visibility=Visibility.INTERNAL if desk else Visibility.UNKNOWN,
        text=clean("\n".join(_item(one) for one in items)),
    )


def _item(item: Mapping[str, Any]) -> str:
    """``status: To Do → Done``; of a person the name, of whatever has no words the id."""
    before, after = (
        clean_line(raw(item.get(f"{end}String")) or raw(item.get(end)), limit=300) or "–" for end in ("from", "to")
    )
    return f"{clean_line(raw(item.get('field')), limit=80)}: {before} → {after}"


def _end_of_day(value: Any) -> datetime | None:
    """A day is over at its end; Jira does not say in whose zone, so UTC."""
    day = moment_or_none(value)
    return datetime.combine(day.date(), time(23, 59, 59), UTC) if day else None


def _first_goal(fields: Mapping[str, Any], known: Known) -> datetime | None:
    return min((at for name in known.goals if (at := breach_of(fields.get(name))) is not None), default=None)


def _size(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _by_id(value: Any) -> tuple[int, str]:
    """Ids are numbers in strings."""
    text = raw(value)
    return (int(text), "") if text.isascii() and text.isdigit() and len(text) < 19 else (1 << 62, text)


def transitions_of(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Those that can be taken now."""
    return (one for one in records(record(answer).get("transitions")) if one.get("isAvailable") is not False)
