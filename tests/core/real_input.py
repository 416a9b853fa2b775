"""Real tickets and incidents as the program would hold them, for tests and for ``tests/bench/documents.py``."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opstui.core.knowledge import Page
from opstui.core.ports import ExtractInput
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

CATEGORIES = {
    "Open": StatusCategory.OPEN,
    "In Progress": StatusCategory.OPEN,
    "Reopened": StatusCategory.OPEN,
    "Patch Available": StatusCategory.WAITING,
    "Resolved": StatusCategory.RESOLVED,
}
SEVERITIES = {"Blocker": "1", "Critical": "2", "Major": "3", "Minor": "4", "Trivial": "4"}


def given(ticket: Ticket, **more: Any) -> ExtractInput:
    """What a document of this ticket is made from, without runbooks unless they are given."""
    parts: dict[str, Any] = {
        "hits": (),
        "pages": {},
        "related": (),
        "operator": "alex",
        "operator_team": None,
        "now": NOW,
        "session_id": "01TEST",
        "workflow_version": "0123456789abcdef",
    }
    return ExtractInput(ticket=ticket, **(parts | more))


def build(
    title: str,
    body: str = "",
    entries: tuple[tuple[str, str, str], ...] = (),
    *,
    status: str = "open",
    category: StatusCategory = StatusCategory.OPEN,
    key: str = "INC-1042",
    **fields: Any,
) -> Ticket:
    """A ticket; entries are (author, kind, text), five minutes apart from ten past nine."""
    start = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    timeline = tuple(
        TimelineEntry(
            f"{key}#{number}",
            start + timedelta(minutes=5 + 5 * number),
            clean_line(author),
            EntryKind(kind),
            Visibility.PUBLIC if kind == "reply" else Visibility.INTERNAL,
            clean(text),
        )
        for number, (author, kind, text) in enumerate(entries, start=1)
    )
    whole: dict[str, Any] = {
        "ref": TicketRef("local", key),
        "title": clean_line(title),
        "body": clean(body),
        "status": Status(SafeText(status), category),
        "created_at": start,
        "updated_at": timeline[-1].at if timeline else start,
        "version": "7",
        "timeline": timeline,
    }
    return Ticket(**(whole | fields))


def duplicates(folder: Path) -> Iterator[Ticket]:
    """The 2,503 real tickets."""
    with (folder / "duplicates" / "tickets.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            created = datetime.strptime(item["created"], "%d/%b/%y %H:%M").replace(tzinfo=UTC)
            yield Ticket(
                ref=TicketRef("local", item["id"]),
                title=clean_line(item["title"]),
                body=clean(item["body"]),
                status=Status(SafeText(item["status"]), CATEGORIES[item["status"]]),
                severity=SEVERITIES[item["priority"]],
                priority=SafeText(item["priority"]),
                created_at=created,
                updated_at=created,
                version="1",
            )


@dataclass(frozen=True, slots=True)
class RealIncident:
    """An incident with what its authors say about it."""

    name: str
    ticket: Ticket
    gold: dict[str, Any]

    @property
    def healthy(self) -> bool:
        """Nothing is wrong (any more): no cause may be claimed."""
        return self.gold["root_cause_category"] == "healthy"


WAYS = ("entries", "one line a file", "comments", "raw alert", "alert entry", "all in the body", "alert alone")
"""How a ticket can be made of an alert and its evidence."""


def incidents(folder: Path, *, compact: bool = False, way: str = "entries") -> Iterator[RealIncident]:
    """Incidents as tickets: by default the alert as body, each evidence file as a system entry of the timeline."""
    if compact:
        way = "one line a file"
    for place in sorted((folder / "incidents").iterdir()):
        alert = json.loads((place / "alert.json").read_text(encoding="utf-8"))
        notes = {**alert["commonLabels"], **alert["commonAnnotations"]}
        body = "\n".join(f"{key}: {value}" for key, value in notes.items() if value)
        if way == "raw alert":
            body = json.dumps(alert, indent=1, ensure_ascii=False)
        files = []
        for file in sorted(place.glob("*.json")):
            if file.name in ("alert.json", "gold.json"):
                continue
            value = json.loads(file.read_text(encoding="utf-8"))
            shape = {} if way == "one line a file" else {"indent": 1, "ensure_ascii": False}
            files.append((file.stem, json.dumps(value, **shape)))
        author, kind = ("alex", "comment") if way == "comments" else (alert["alert_source"], "system")
        entries = [(author, kind, f"{name}\n{text}" if way == "comments" else text) for name, text in files]
        if way == "alert entry":
            body, entries = "", [(alert["alert_source"], "alert", body), *entries]
        elif way == "all in the body":
            body, entries = "\n\n".join([body, *(text for _, text in files)]), []
        elif way == "alert alone":
            entries = []
        ticket = build(
            alert["title"],
            body,
            tuple(entries),
            key=place.name.partition("__")[2].upper()[:3] or "INC-1",
            services=(SafeText(alert["commonLabels"]["service"]),),
        )
        yield RealIncident(place.name, ticket, json.loads((place / "gold.json").read_text(encoding="utf-8")))


def hostile(folder: Path) -> Iterator[tuple[str, str]]:
    """Id and text of every hostile string."""
    with gzip.open(folder / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "text" in record:
                text = record["text"]
            elif "b64" in record:
                text = base64.b64decode(record["b64"]).decode("utf-8", "replace")
            else:
                made = record["gen"]
                text = made["prefix"] + made["unit"] * made["count"] + made["suffix"]
            yield record["id"], text


def first_screen(text: str) -> str:
    """Headline, state, impact and next of a rendered summary: what a reader sees before the rest."""
    return re.split(
        r"\n\n(?:What happened\n|Done and checked\n|Suspected|Open\n|Runbooks\n|Sources\n|Written by)", text
    )[0]


def page(doc: str, text: str, title: str = "") -> Page:
    """A runbook page."""
    return Page(doc, clean_line(title or doc.rpartition("/")[2]), clean(text), "0" * 64)
