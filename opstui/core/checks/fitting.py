"""What a kind of document asks of its sources beyond M1, M2 and M4: who may read them, and what they have to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opstui.core.checks.spans import Spans
from opstui.core.documents import (
    Citation,
    CitationKind,
    Claim,
    Document,
    Finding,
    Reply,
    ResolutionCode,
    ResolutionNotes,
    Triage,
)
from opstui.core.tickets import EntryKind, Ticket, TimelineEntry, Visibility


def check(document: Document, spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    """Findings that belong to the document's kind; none for most kinds."""
    own = _OWN.get(type(document).__name__)
    if own is not None:
        yield from own(document, spans, ticket)


def is_message(entry: TimelineEntry) -> bool:
    """Whether customers have read an entry, or wrote it. Of what nobody says who reads it, only a reply is one."""
    if entry.kind not in (EntryKind.COMMENT, EntryKind.REPLY) or entry.visibility is Visibility.INTERNAL:
        return False
    return entry.kind is EntryKind.REPLY or entry.visibility is Visibility.PUBLIC


def _reply(reply: Reply, spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    """A sentence for customers rests on what they may read: public messages, the ticket's own text, pages."""
    public = {ticket.entry_id(0), *(entry.id for entry in ticket.timeline if is_message(entry))}
    claims: list[Claim] = [*reply.impact, *reply.sentences, *reply.steps]
    if reply.workaround is not None:
        claims.append(reply.workaround)
    for claim in dict.fromkeys(claims):
        for citation in claim.citations:
            if citation.kind is CitationKind.DOC or citation.ref in public or spans.sources.find(citation.ref) is None:
                continue
            text = f"customers may not read what it rests on: {citation.ref} is not public"
            yield Finding(id=f"internal:{claim.id}", level="block", text=text, claim=claim.id, citation=citation)
            break


def _closure(notes: ResolutionNotes, spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    """The line of the code says it, of the timeline where something was done; the duplicate is named in it."""
    citation = notes.code_citation
    if notes.code is ResolutionCode.UNKNOWN or citation is None or not spans.sources.span_lines(citation):
        return
    if not _says(notes.code, citation, spans, ticket):
        text = f"the line does not say that it ended as {notes.code.value}; unknown needs no line"
        yield Finding(id="code", level="block", text=text, citation=citation)
    other = notes.duplicate_of
    if other is not None:
        key = other.ticket_id.rpartition(":")[2].casefold()
        if not key or key not in spans.sources.span(citation).casefold():
            text = f"nobody wrote {other.ticket_id} down where it is called a duplicate"
            yield Finding(id="duplicate_of", level="block", text=text[:200], citation=citation)


def _says(code: ResolutionCode, citation: Citation, spans: Spans, ticket: Ticket) -> bool:
    from opstui.core.extract.closure import says  # whose words they are

    done = code in (ResolutionCode.FIXED, ResolutionCode.WORKAROUND, ResolutionCode.DECLINED)
    if done and citation.ref == ticket.entry_id(0):
        return False  # a description is older than the end
    return says(code, spans.sources.span(citation))


def _triage(document: Triage, spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    """A value has something to do with the lines that are cited for it, or with what the ticket has."""
    for kind, choice in document.choices:
        if choice.value is not None and not choice.is_named:
            name = kind.replace("_", " ")
            text = f"{name}: neither the cited lines nor the ticket's title and fields speak of {choice.value!r}"
            yield Finding(
                id=f"value:{kind}",
                level="warn",
                text=text[:200],
                claim=choice.why.id if choice.why is not None else None,
                citation=next(iter(choice.why.citations), None) if choice.why is not None else None,
            )


_OWN: Mapping[str, Callable[[Any, Spans, Ticket], Iterator[Finding]]] = {
    "Reply": _reply,
    "Triage": _triage,
    "ResolutionNotes": _closure,
}
