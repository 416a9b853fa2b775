"""What an agent with the five tools does next, from the conversation alone: the extractive rules, played as a model.

Stateless, so that the same plan serves sessions and the Messages API. Every word of what it says about a ticket is the
ticket's or a page's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from opstui.core.boards import board_among
from opstui.core.codec import encode
from opstui.core.documents import DOCUMENTS
from opstui.core.extract.query import knowledge_query, similar_query
from opstui.core.extract.registry import RULES
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.ports import ExtractInput
from opstui.core.taxonomy import KINDS, Taxonomy, from_json
from opstui.core.tickets import Ticket
from opstui.rehearsal.heeding import heeded
from opstui.rehearsal.mending import fitted, mended
from opstui.rehearsal.reading import read_boards, read_hits, read_page, read_related, read_ticket
from opstui.rehearsal.steps import Use
from opstui.rehearsal.talk import Move, Said, Talk

PAGES_READ = 3
TRIES = 3
_WORD = re.compile(r"\w{4,}")
_TAXONOMY = re.compile(r"^taxonomy: (\{.*\})$", re.MULTILINE)
_PAGE = re.compile(r"^Page to (change|write, a new one): (\S.*)$", re.MULTILINE)
_QUESTION_LIMIT = 200
_ABOUT = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), key)
    for words, key in (
        ("impact|affected|customers?|hurt", "impact"),
        ("cause|causes|caused|why|suspect|suspected|hypothes[ie]s", "current_hypotheses"),
        ("cause|causes|caused|why|suspect|suspected|hypothes[ie]s", "hypotheses"),
        ("next|now what|to do", "next_steps"),
        ("ask|asked|wanted|next|to do", "ask"),
        ("done|tried|checked|so far", "actions_taken"),
        ("done|tried|checked|so far", "checked"),
        ("happened|timeline|when", "what_happened"),
        ("open|missing|unknown", "open_questions"),
    )
)
"""Words of a short question, and the part of a document that answers it."""
_SURE = 0.75
"""The coverage that a strong hit is taken to have: results do not say it."""


def next_move(talk: Talk, now: datetime) -> Move:
    """The next step. Looks only at ``talk``, so it is the same for the same conversation."""
    if "submit_document" not in talk.tools:
        return Move(answer_to(talk, None))
    submitted = talk.calls("submit_document")
    if any(not call.is_error for call in submitted):
        return _after_accepted(talk)
    if len(submitted) >= TRIES:
        return Move(
            "The document was refused three times, so I stop here without one. The last refusal says what is wrong."
        )
    heard = _heard(talk)
    if "get_ticket" in talk.tools and not talk.answered("get_ticket"):
        return Move(f"{heard}I read the ticket first.", (Use("get_ticket"),))
    ticket = ticket_of(talk)
    if ticket is None:
        return Move(f"{heard}The ticket could not be read, so there is nothing that I could write about.")
    searches = _searches(talk, ticket)
    if searches:
        count = len(ticket.timeline)
        entries = f"{count} timeline {'entry' if count == 1 else 'entries'}"
        text = f"{ticket.ref.key}: {entries}, status {ticket.status.raw}. I look for runbooks and similar tickets."
        return Move(heard + text, searches)
    reads = _reads(talk)
    if reads:
        names = ", ".join(str(use.input["doc"]) for use in reads)
        return Move(f"{heard}I read {names}.", reads)
    if submitted:
        last = _document_in(submitted[-1].input)
        better = mended(last, submitted[-1].result or "")
        if better == last:
            return Move(
                "The document was refused, and I can't mend what the refusal names without inventing something."
            )
        return Move(
            f"{heard}I mend what was refused and hand it in again.", (Use("submit_document", {"document": better}),)
        )
    document = document_of(talk, ticket, now)
    return Move(heard + _told(document), (Use("submit_document", {"document": document}),))


def answer_to(talk: Talk, ticket: Ticket | None) -> str:
    """An answer to what the user said last.

    What the document says of it, or the line of the ticket or a page that has most of its words; never anything else.
    """
    asked = " ".join(talk.fresh())
    submitted = talk.calls("submit_document")
    if submitted:
        said = _said_about(asked, _document_in(submitted[-1].input))
        if said:
            return said
    words = {word.casefold() for word in _WORD.findall(asked)}
    best, where, most = "", "", 1
    if ticket is not None:
        texts = [(ticket.entry_id(0), f"{ticket.title}\n{ticket.body}")]
        texts += [(entry.id, str(entry.text)) for entry in ticket.timeline]
        texts += [(page.doc, str(page.text)) for page in _pages(talk).values()]
        for name, text in texts:
            for line in text.split("\n"):
                found = len(words & {word.casefold() for word in _WORD.findall(line)})
                if found > most:
                    best, where, most = line.strip(), name, found
    if best:
        return f"{where} says: {best}"
    return "Noted. Neither the ticket nor the pages that I read say anything about that."


def _said_about(asked: str, document: Mapping[str, Any]) -> str:
    """The sentences of a document that a short question is about; empty for any other."""
    if "?" not in asked or len(asked) > _QUESTION_LIMIT:
        return ""
    for about, key in _ABOUT:
        if about.search(asked):
            found = list(_sentences(document.get(key)))
            if found:
                return "\n".join(dict.fromkeys(found))
    return ""


def _sentences(part: Any) -> Iterator[str]:
    """Every sentence in a part of a document; what is only quoted as evidence is left out."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for item in part:
            yield from _sentences(item)
    elif isinstance(part, Mapping):
        if isinstance(part.get("text"), str):
            yield part["text"]
        for key in ("claim", "claims", "detail"):
            yield from _sentences(part.get(key))


def ticket_of(talk: Talk) -> Ticket | None:
    """The session's ticket: as the tool gave it, or as the first message did where there is no such tool."""
    for call in reversed(talk.calls("get_ticket")):
        ticket = None if call.is_error else read_ticket(call.result or "")
        if ticket is not None:
            return ticket
    for item in talk.items:
        text = getattr(item, "text", "")
        if text and "\nref: " in f"\n{text}":
            ticket = read_ticket(text)
            if ticket is not None:
                return ticket
    return None


def _boards(talk: Talk) -> tuple[Ticket, ...]:
    answers = [call.result or "" for call in talk.calls("get_ticket") if not call.is_error]
    found = [read_boards(text) for text in (*answers, *(getattr(item, "text", "") for item in talk.items))]
    return next((boards for boards in found if boards), ())


def document_name(talk: Talk) -> str:
    """The kind of document that the tool takes, as its schema says or, where that has no title, its fields do."""
    schema = _document_schema(talk)
    if schema.get("title") in RULES:
        return str(schema["title"])
    known = {*schema.get("properties", ()), *schema.get("required", ())}
    if not known:
        return "EscalationPackage" if "escalation" in talk.system.casefold() else "IncidentSummary"
    return max(RULES, key=lambda name: len(known & {item.name for item in fields(DOCUMENTS[name])}))


def document_of(talk: Talk, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """The document by the extractive rules, as the tool takes it."""
    hits, pages = _hits(talk), _pages(talk)
    related = [
        pair for call in talk.calls("search_tickets") if not call.is_error for pair in read_related(call.result or "")
    ]
    given = ExtractInput(
        ticket=ticket,
        hits=hits,
        pages=pages,
        related=tuple(pair for pair in related if pair[0].ref != ticket.ref),
        operator=talk.operator,
        operator_team=None,
        now=now,
        session_id="",
        workflow_version="",
        taxonomy=_taxonomy(talk),
        page=_named_page(talk)[1],
        boards=_boards(talk),
    )
    write = RULES[document_name(talk)].extract
    document: dict[str, Any] = heeded(fitted(encode(write(given)), _document_schema(talk)), talk.system)
    return document


def _taxonomy(talk: Talk) -> Taxonomy | None:
    """The values that the ticket's first line tells; None where it tells none."""
    texts = [call.result or "" for call in talk.calls("get_ticket") if not call.is_error]
    texts += [getattr(item, "text", "") for item in talk.items]
    for text in texts:
        found = _TAXONOMY.search(text)
        if found:
            try:
                told = json.loads(found[1])
            except ValueError:
                continue
            return from_json(told) if isinstance(told, dict) else None
    return None


def _after_accepted(talk: Talk) -> Move:
    if talk.fresh() and talk.messages() > 1:
        return Move(answer_to(talk, ticket_of(talk)))
    warned = "warning" in (talk.calls("submit_document")[-1].result or "")
    return Move("The document is accepted" + (", with warnings for the reviewer." if warned else "."))


def _heard(talk: Talk) -> str:
    """A word on what the user said meanwhile; nothing on the task itself."""
    fresh = talk.fresh()
    if not fresh or talk.messages() <= len(fresh):
        return ""
    return f"{answer_to(talk, ticket_of(talk))}\n\n"


def _searches(talk: Talk, ticket: Ticket) -> tuple[Use, ...]:
    if board_among(ticket, _boards(talk)) is not None:
        return ()  # a board is about many tickets: what one would search for, the others would not
    found = []
    query = knowledge_query(ticket).strip()
    if query and "search_knowledge" in talk.tools and not talk.answered("search_knowledge"):
        found.append(Use("search_knowledge", {"query": query, "limit": 8}))
    query = similar_query(ticket).strip()
    if query and "search_tickets" in talk.tools and not talk.answered("search_tickets"):
        found.append(Use("search_tickets", {"query": query, "limit": 5}))
    return tuple(found)


def _reads(talk: Talk) -> tuple[Use, ...]:
    if "read_document" not in talk.tools or talk.answered("read_document"):
        return ()
    strong = [hit.doc for hit in _hits(talk) if hit.strength is Strength.STRONG][:PAGES_READ]
    what, named = _named_page(talk)
    docs = dict.fromkeys([named, *strong] if what == "change" else strong)
    return tuple(Use("read_document", {"doc": doc, "line_start": 1, "line_end": 200}) for doc in docs)


def _named_page(talk: Talk) -> tuple[str, str]:
    """What is to be done with the page that the task names, and its id; empty where it names none."""
    task = next((item.text for item in talk.items if isinstance(item, Said) and item.by_user), "")
    # The ticket stands before it and may hold such a line too; the task's own is the last.
    found = _PAGE.findall(task)
    return found[-1] if found else ("", "")


def _hits(talk: Talk) -> tuple[Hit, ...]:
    from dataclasses import replace

    found = [
        hit for call in talk.calls("search_knowledge") if not call.is_error for hit in read_hits(call.result or "")
    ]
    return tuple(replace(hit, coverage=_SURE if hit.strength is Strength.STRONG else 0.25) for hit in found)


def _pages(talk: Talk) -> dict[str, Page]:
    read = [read_page(call.result or "") for call in talk.calls("read_document") if not call.is_error]
    return {page.doc: page for page in read if page is not None}


def _document_schema(talk: Talk) -> Mapping[str, Any]:
    schema = talk.tools["submit_document"]
    inner = schema.get("properties", {}).get("document", {})
    if not isinstance(inner, Mapping):
        return {}
    # Definitions may stand in the document's schema or, moved there by whoever made the tool, in the tool's.
    definitions = {**schema.get("$defs", {}), **inner.get("$defs", {})}
    ref = inner.get("$ref")
    named = definitions.get(ref.rpartition("/")[2], {}) if isinstance(ref, str) else inner
    return {**named, "$defs": definitions}


def _document_in(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    document = arguments.get("document")
    return document if isinstance(document, Mapping) else {}


def _told(document: Mapping[str, Any]) -> str:
    """The document's own sentences, as far as they are claims."""
    found: list[str] = []
    for key in ("headline", "bottom_line", "impact", "what_happened", "sentences", "steps", "resolution", "cause"):
        found += _sentences(document.get(key))
    found += [f"Next: {step['text']}" for step in document.get("next_steps", ())]
    found += [f"Asked: {ask['text']}" for ask in document.get("ask", ())]
    for kind in KINDS:
        choice = document.get(kind)
        if isinstance(choice, Mapping) and choice.get("value"):
            found.append(f"{kind.replace('_', ' ').capitalize()}: {choice['value']}")
    found += [f"Open: {question}" for question in document.get("open_questions", ())]
    return "\n".join(dict.fromkeys(found)) or "I hand the document in."
