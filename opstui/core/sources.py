"""What can be cited: a ticket's entries, other tickets, pages and tool results, as numbered lines.

Lines are text split at newline after cleaning, counted from 1. In ``KEY#0`` line 1 is the ticket's title and the body
starts at line 2. The time and the author of an entry count for every span of it, but have no line number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime

from opstui.core.documents import CITATION_LINES, QUOTE_LIMIT, Citation, CitationKind
from opstui.core.errors import NotFound
from opstui.core.frozen import dataclass
from opstui.core.knowledge import Page
from opstui.core.text import SafeText, clean, clean_line, lines as split_lines
from opstui.core.tickets import EntryKind, Ticket, TicketRef


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that can be cited."""

    ref: str
    kind: CitationKind
    title: SafeText
    lines: tuple[str, ...]
    moments: tuple[datetime, ...] = ()
    """Times that belong to the whole of it: when an entry was written, a ticket made and due. Aware, UTC."""
    names: tuple[str, ...] = ()
    """Names that belong to the whole of it: an entry's author, a ticket's own key."""
    entry_kind: EntryKind | None = None
    """Of a timeline entry; None for ``KEY#0`` and everything that is no entry."""


class SourceSet:
    """Everything a document may cite, by ref. Lines are split when first asked for: a body may have megabytes."""

    __slots__ = ("_makers", "_sources", "pages", "ticket", "tickets")

    def __init__(self, ticket: Ticket, *, tickets: Iterable[Ticket] = (), pages: Iterable[Page] = ()) -> None:
        self.ticket = ticket
        self.tickets: list[TicketRef] = []
        """Other tickets that were added, in order."""
        self.pages: list[str] = []
        """Pages that were added, in order."""
        self._sources: dict[str, Source] = {}
        self._makers: dict[str, tuple[Ticket, int, str]] = {}
        self._hold(ticket, "")
        for other in tickets:
            self.add_ticket(other)
        for page in pages:
            self.add_page(page)

    def add_ticket(self, ticket: Ticket) -> None:
        """Make another ticket citable, as ``SYSTEM:KEY#n``."""
        if ticket.ref != self.ticket.ref and ticket.ref not in self.tickets:
            self.tickets.append(ticket.ref)
            self._hold(ticket, f"{ticket.ref.system}:")

    def add_page(self, page: Page) -> None:
        """Make a page citable by its id."""
        if page.doc not in self._sources:
            self.pages.append(page.doc)
        self._sources[page.doc] = Source(
            page.doc, CitationKind.DOC, page.title, tuple(split_lines(page.text)), names=(page.doc,)
        )

    def refs(self) -> list[str]:
        """Every ref that can be cited."""
        return list(dict.fromkeys([*self._makers, *self._sources]))

    def own_refs(self) -> list[str]:
        """Those of the session's own ticket."""
        return [f"{self.ticket.ref.key}#0", *(str(entry.id) for entry in self.ticket.timeline)]

    def find(self, ref: str) -> Source | None:
        """The source behind ``ref``; None if it can't be cited here."""
        source = self._sources.get(ref)
        if source is None and ref in self._makers:
            source = self._sources[ref] = _entry_source(ref, *self._makers[ref])
        return source

    def source(self, ref: str) -> Source:
        """The source behind ``ref``. Raises NotFound."""
        source = self.find(ref)
        if source is None:
            raise NotFound(f"{clean_line(ref, limit=80)} is not among this session's sources")
        return source

    def lines(self, ref: str) -> list[str]:
        """All lines of a source. Raises NotFound."""
        return list(self.source(ref).lines)

    def span_lines(self, citation: Citation) -> tuple[str, ...]:
        """The cited lines; empty where ref or lines do not exist."""
        source = self.find(citation.ref)
        if source is None or not 1 <= citation.line_start <= citation.line_end <= len(source.lines):
            return ()
        return source.lines[citation.line_start - 1 : citation.line_end]

    def span(self, citation: Citation) -> str:
        """The cited lines as one text; empty where ref or lines do not exist."""
        return "\n".join(self.span_lines(citation))

    def span_sha(self, ref: str, start: int, end: int) -> str:
        """First 12 hex digits of the SHA-256 over the UTF-8 bytes of lines ``start`` to ``end``. Raises NotFound."""
        return sha12("\n".join(self.source(ref).lines[start - 1 : end]))

    def cite(self, ref: str, start: int, end: int, quote: str = "") -> Citation:
        """A citation that holds: at most 12 lines inside the source, the quote a part of them, at most 200 characters.

        A quote that is not in the lines is replaced by their first words. Raises NotFound for an unknown ref.
        """
        source = self.source(ref)
        last = max(1, len(source.lines))
        start = min(max(1, start), last)
        end = min(max(start, end), last, start + CITATION_LINES - 1)
        span = source.lines[start - 1 : end]
        text = "\n".join(span)
        quote = quote[:QUOTE_LIMIT].strip()
        if not quote or quote not in text:
            quote = next((line.strip() for line in span if line.strip()), "")[:QUOTE_LIMIT].strip()
        return Citation(source.kind, ref, start, end, quote, sha12(text))

    def _hold(self, ticket: Ticket, prefix: str) -> None:
        self._makers[f"{prefix}{ticket.ref.key}#0"] = (ticket, -1, prefix)
        for index, entry in enumerate(ticket.timeline):
            self._makers[f"{prefix}{entry.id}"] = (ticket, index, prefix)


def unescaped(raw: str) -> list[str]:
    """The lines that a text quoted in JSON or a log stands for: ``\\n`` parts lines, ``\\u2014`` is one character."""
    return [SafeText(clean(_ESCAPE.sub(_char, part))) for part in _NEWLINE.split(raw)]


def _char(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return {"t": " ", "r": " "}.get(match[2], match[2])


_NEWLINE = re.compile(r"(?<!\\)(?:\\\\)*\\n")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")


def sha12(text: str) -> str:
    """First 12 hex digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _entry_source(ref: str, ticket: Ticket, index: int, prefix: str) -> Source:
    if index < 0:
        moments = tuple(moment for moment in (ticket.created_at, ticket.due_at) if moment is not None)
        title = ticket.title.replace("\n", " ")
        body = tuple(split_lines(ticket.body)) if ticket.body else ()
        return Source(ref, CitationKind.ENTRY, ticket.title, (title, *body), moments, (ticket.ref.key, str(ticket.ref)))
    entry = ticket.timeline[index]
    return Source(
        ref,
        CitationKind.ENTRY,
        ticket.title,
        tuple(split_lines(entry.text)),
        (entry.at,),
        (str(entry.author), ticket.ref.key, str(ticket.ref)),
        entry.kind,
    )
