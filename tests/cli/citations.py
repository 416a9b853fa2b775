"""Whether what a session's document cites is there: a reader of the published JSON that knows nothing of the program.

It takes a Session as ``run --json`` prints it, Tickets as ``ticket show --json`` prints them, and the runbooks as they
lie in their folders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

STATUSES = ("fact", "reported", "inferred", "unknown")
CONFIDENCES = ("high", "medium", "low")
KINDS = ("entry", "doc", "tool")
LINES = 12
QUOTE = 200
CITED = 3
MOST_CITED = "at most three"

_STAMP = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?|\b\d\d:\d\d(?::\d\d)?\b")
_IDENTIFIER = re.compile(r"\b(?:[A-Z][A-Z0-9]+-\d+|[0-9a-f]{12,}|\d{1,3}(?:\.\d{1,3}){3})\b")


@dataclass
class Report:
    """What was looked at in a document, and what is wrong with it."""

    claims: int = 0
    citations: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shelf:
    """Where sources are found: tickets by ``SYSTEM:KEY``, folders of runbooks by their name in the config."""

    ticket: Callable[[str], Json | None]
    folders: Mapping[str, Path]

    def lines(self, own: str, citation: Json) -> list[str] | None:
        """The lines that a citation counts from 1; None if there is no such source."""
        ref, kind = citation["ref"], citation["kind"]
        if kind == "entry":
            key, _, number = ref.rpartition("#")
            if key == own.partition(":")[2]:
                return _entry(self.ticket(own), number)
            return _entry(self.ticket(key), number) if ":" in key and key != own else None
        if kind == "doc":
            source, _, path = ref.partition("/")
            page = self.folders[source] / f"{path}.md" if source in self.folders else None
            return _page(page) if page is not None and page.is_file() else None
        return None


def examine(session: Json, shelf: Shelf) -> Report:
    """Look at every claim and every citation of a session's document."""
    report = Report()
    document, own = session["document"], session["ticket"]
    known: dict[str, Json] = {}
    for claim in found(document, ("text", "status", "citations")):
        report.claims += 1
        if known.setdefault(claim.get("id", ""), claim) != claim:
            report.faults.append(f"two claims are called {claim.get('id')}")
        report.faults += _claim(claim)
        spans = [_span(shelf, own, citation) for citation in claim["citations"]]
        report.faults += _invented(claim, spans, shelf.ticket(own) or {})
    for citation in found(document, ("ref", "line_start", "line_end")):
        report.citations += 1
        report.faults += _citation(shelf, own, citation)
    return report


def found(value: Any, keys: tuple[str, ...]) -> Iterator[Json]:
    """Every object inside ``value`` that has all of ``keys``."""
    if isinstance(value, dict):
        if all(key in value for key in keys):
            yield value
        for part in value.values():
            yield from found(part, keys)
    elif isinstance(value, list):
        for part in value:
            yield from found(part, keys)


def _claim(claim: Json) -> Iterator[str]:
    about = f"claim {claim.get('id')!r}"
    if not {"id", "text", "status", "confidence", "citations"} <= set(claim):
        yield f"{about} lacks a key: {sorted(claim)}"
        return
    if claim["status"] not in STATUSES or claim["confidence"] not in CONFIDENCES:
        yield f"{about}: {claim['status']}, {claim['confidence']}"
    if not claim["text"].strip() or "\n" in claim["text"]:
        yield f"{about} is not one sentence: {claim['text'][:60]!r}"
    if not claim["citations"] and claim["status"] != "unknown":
        yield f"{about} cites nothing: {claim['text'][:60]!r}"
    if len(claim["citations"]) > CITED:
        yield f"{about} cites {len(claim['citations'])} spans, {MOST_CITED}"


def _citation(shelf: Shelf, own: str, citation: Json) -> Iterator[str]:
    about = f"citation of {citation['ref']}"
    if not {"kind", "ref", "line_start", "line_end", "quote"} <= set(citation) or citation["kind"] not in KINDS:
        yield f"{about} is no citation: {citation}"
        return
    start, end, quote = citation["line_start"], citation["line_end"], citation["quote"]
    lines = shelf.lines(own, citation)
    if lines is None:
        yield f"{about}: there is no such source"
    elif not (type(start) is type(end) is int and 1 <= start <= end <= len(lines)):
        yield f"{about}: lines {start} to {end} of {len(lines)}"
    elif end - start >= LINES:
        yield f"{about}: {end - start + 1} lines"
    elif quote not in "\n".join(lines[start - 1 : end]):
        yield f"{about}: {quote[:60]!r} is not in lines {start} to {end}"
    if not quote.strip() and lines and "".join(lines[start - 1 : end]).strip():
        yield f"{about} quotes nothing"
    if len(quote) > QUOTE:
        yield f"{about} quotes {len(quote)} characters"


def _span(shelf: Shelf, own: str, citation: Json) -> str:
    lines = shelf.lines(own, citation) or []
    return "\n".join(lines[citation["line_start"] - 1 : citation["line_end"]])


def _invented(claim: Json, spans: list[str], ticket: Json) -> Iterator[str]:
    """Times and identifiers that stand in none of the cited spans; those of the entry or ticket itself count."""
    if claim["status"] == "unknown":
        return
    given = "\n".join([*spans, ticket.get("ref", ""), *_moments(ticket)])
    for pattern in (_STAMP, _IDENTIFIER):
        for match in pattern.finditer(claim["text"]):
            if match.group().rstrip("Z").replace("T", " ") not in given.replace("T", " "):
                yield f"claim {claim['id']!r} says {match.group()!r}, its sources do not: {claim['text'][:80]!r}"


def _moments(ticket: Json) -> list[str]:
    return [str(ticket.get(name)) for name in ("created_at", "due_at")] + [
        text for entry in ticket.get("timeline", ()) for text in (entry["at"], entry["author"])
    ]


def _entry(ticket: Json | None, number: str) -> list[str] | None:
    if ticket is None:
        return None
    if number == "0":
        return [ticket["title"], *(ticket["body"].split("\n") if ticket["body"] else [])]
    key = ticket["ref"].partition(":")[2]
    texts = [entry["text"] for entry in ticket["timeline"] if entry["id"] == f"{key}#{number}"]
    return texts[0].split("\n") if texts else None


def _page(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
