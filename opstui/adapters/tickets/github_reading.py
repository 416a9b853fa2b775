"""GitHub's issues and timeline events as tickets, by its REST description (github/rest-api-description)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.adapters.tickets.severities import SEVERITIES, WORDS, Severities
from opstui.adapters.tickets.wire import body, line, line_or_none, moment, moment_or_none, names, raw, record, records
from opstui.core.frozen import dataclass
from opstui.core.ids import CROCKFORD
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

MILESTONE = "milestone"
OPEN, COMPLETED, NOT_PLANNED = "open", "closed (completed)", "closed (not planned)"
UNTOLD = ("mentioned", "subscribed", "unsubscribed")
"""Events that only say who gets mail."""

_KEY = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}))/([A-Za-z0-9._-]{1,100})#([1-9][0-9]{0,9})\Z")
_MARKER = re.compile(rf"(?:\r?\n){{0,2}}<!-- opstui:([{CROCKFORD}]{{26}}) -->\s*\Z")
_LABEL = re.compile(r"(?:severity|sev|priority|prio|[sp](?=[-_:/ ]*\d))[-_:/ ]*(\w+)\Z", re.IGNORECASE)
_KINDS = {
    "closed": EntryKind.STATUS,
    "reopened": EntryKind.STATUS,
    "assigned": EntryKind.ASSIGN,
    "unassigned": EntryKind.ASSIGN,
    "labeled": EntryKind.FIELD,
    "unlabeled": EntryKind.FIELD,
    "milestoned": EntryKind.FIELD,
    "demilestoned": EntryKind.FIELD,
    "renamed": EntryKind.FIELD,
    "cross-referenced": EntryKind.LINK,
    "referenced": EntryKind.LINK,
    "connected": EntryKind.LINK,
    "marked_as_duplicate": EntryKind.LINK,
    "transferred": EntryKind.LINK,
}


@dataclass(frozen=True, slots=True)
class IssueKey:
    """``acme/ops#12``."""

    owner: str
    repo: str
    number: int

    @classmethod
    def parse(cls, key: str) -> IssueKey | None:
        """The parts of a key; None for what is none."""
        found = _KEY.match(key)
        if found is None or found[2] in (".", ".."):
            return None
        return cls(found[1], found[2], int(found[3]))

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/repos/{self.owner}/{self.repo}/issues/{self.number}"

    def __str__(self) -> str:
        return f"{self.owner}/{self.repo}#{self.number}"


def marked(text: str, op_id: str) -> str:
    """``text`` with the op id as an HTML comment in its last line, which readers of the page do not see."""
    return f"{text}\n\n<!-- opstui:{op_id} -->"


def unmarked(text: str) -> tuple[str, str | None]:
    """What :func:`marked` was given; None where there is no such last line."""
    found = _MARKER.search(text)
    return (text, None) if found is None else (text[: found.start()], found[1])


def severity_of(label: str, severities: Severities) -> str | None:
    """What a label says of severity: one that the config names, or ``sev1``, ``P2``, ``severity: high``, ``prio/3``.

    Other labels (``error``, ``high``) may mean anything.
    """
    own = severities.of(label)
    if own is not None:
        return own
    found = _LABEL.match(label.strip())
    return None if found is None else WORDS.get(f"p{found[1]}".casefold()) or WORDS.get(found[1].casefold())


def read_issue(issue: Mapping[str, Any], repo: str, system: str, severities: Severities) -> Ticket:
    """What lists and ``GET /repos/…/issues/12`` hold: everything but the timeline. ``repo`` is ``owner/name``."""
    labels = names(item if isinstance(item, str) else record(item).get("name") for item in _list(issue.get("labels")))
    meanings = {label: severity_of(label, severities) for label in labels}
    worst = min((meaning for meaning in meanings.values() if meaning in SEVERITIES), default=None)
    milestone = record(issue.get("milestone"))
    created, updated = moment(issue.get("created_at")), moment(issue.get("updated_at"))
    fields = {
        clean_line(MILESTONE): line(milestone.get("title")),
        clean_line("type"): line(record(issue.get("type")).get("name")),
    }
    return Ticket(
        ref=TicketRef(system, f"{repo}#{raw(issue.get('number'))}"),
        title=line(issue.get("title")),
        status=read_status(issue),
        severity=worst,
        priority=next((label for label, meaning in meanings.items() if worst and meaning == worst), None),
        assignees=names(item.get("login") for item in records(issue.get("assignees"))),
        tags=labels,
        created_at=created,
        updated_at=max(created, updated),
        due_at=moment_or_none(milestone.get("due_on")),
        version=line(issue.get("updated_at")),
        body=body(issue.get("body")),
        fields={name: value for name, value in fields.items() if value},
        url=line_or_none(issue.get("html_url")),
        complete=False,
    )


def read_status(issue: Mapping[str, Any]) -> Status:
    """``open``, or ``closed`` with the reason that it was closed for."""
    state, reason = line(issue.get("state")), line(issue.get("state_reason")).replace("_", " ")
    if state != "closed":
        return Status(state, StatusCategory.OPEN)
    word = f"closed ({reason})" if reason and reason != "reopened" else "closed"
    return Status(clean_line(word), StatusCategory.RESOLVED if word == COMPLETED else StatusCategory.CLOSED)


def complete(listed: Ticket, events: Sequence[Mapping[str, Any]]) -> Ticket:
    """The whole ticket; ``events`` is its timeline as GitHub tells it."""
    changed = [moment(event.get("updated_at"), event.get("created_at")) for event in events]
    newest = max(changed).isoformat() if changed else ""
    return replace(
        listed,
        timeline=read_timeline(listed.ref.key, events),
        version=f"{listed.version}/{len(events)}/{newest}",
        complete=True,
    )


def read_timeline(key: str, events: Iterable[Mapping[str, Any]]) -> tuple[TimelineEntry, ...]:
    """What happened, numbered. All of it is public, as far as the repository is.

    A comment that is deleted takes its number with it: GitHub leaves nothing in its place.
    """
    told = [event for event in events if event.get("event") not in UNTOLD]
    told.sort(key=_at)  # stable: what GitHub tells of one second stays in its order
    found = []
    for number, event in enumerate(told, 1):
        kind = _KINDS.get(raw(event.get("event")), EntryKind.SYSTEM)
        text, op_id = _words(event), None
        if event.get("event") == "commented":
            plain, op_id = unmarked(raw(event.get("body")))
            kind, text = EntryKind.REPLY, clean(plain)
        found.append(
            TimelineEntry(
                id=f"{key}#{number}",
                at=_at(event),
                author=_author(event),
                kind=kind,
                visibility=Visibility.PUBLIC,
                text=text,
                op_id=op_id,
            )
        )
    return tuple(found)


def _at(event: Mapping[str, Any]) -> datetime:
    commit = record(event.get("committer")).get("date")
    return moment(event.get("created_at"), event.get("submitted_at"), commit)


def _author(event: Mapping[str, Any]) -> SafeText:
    for member in ("actor", "user"):
        if login := line(record(event.get(member)).get("login")):
            return login
    return line(record(event.get("author")).get("name")) or SafeText("ghost")


def _words(event: Mapping[str, Any]) -> SafeText:
    """What an event says, in a line."""
    name = line(event.get("event")).replace("_", " ").replace("-", " ") or "something"
    about = ""
    match event.get("event"):
        case "labeled" | "unlabeled":
            about = line(record(event.get("label")).get("name"))
        case "assigned" | "unassigned":
            about = line(record(event.get("assignee")).get("login"))
        case "milestoned" | "demilestoned":
            about = line(record(event.get("milestone")).get("title"))
        case "renamed":
            rename = record(event.get("rename"))
            about = f"{line(rename.get('from'))} → {line(rename.get('to'))}"
        case "closed":
            about = line(event.get("state_reason")).replace("_", " ")
        case "cross-referenced":
            source = record(record(event.get("source")).get("issue"))
            about = f"{line(source.get('html_url'))} {line(source.get('title'))}"
        case "referenced":
            about = line(event.get("commit_id"))[:12]
        case "committed":
            about = line(event.get("message"))
    return clean_line(f"{name}: {about}" if about.strip() else name)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
