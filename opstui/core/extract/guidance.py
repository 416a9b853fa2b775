"""Runbooks that match, other tickets that share identifiers, and what to do next as the sources say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.core.checks.atoms import shared_identifiers
from opstui.core.checks.m1 import stem
from opstui.core.documents import ActorType, NextStep, RelatedTicket, RunbookRef
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.units import Unit, sentences
from opstui.core.extract.words import ASKING, NEXT, NO_PLAN, QUESTION, SMALL_TALK
from opstui.core.knowledge import Hit, Page, PageState, Strength, standing
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Alike, Submission
from opstui.core.tickets import EntryKind, Visibility

NEXT_LIMIT = 5
TEXT_LIMIT = 160
RUNBOOKS_LIMIT = 3
RELATED_LIMIT = 5
SURE_COVERAGE = 0.5
"""Below it, a page is offered only if its name has two words of the query: "Kubernetes" alone names too much."""

_SECTION = re.compile(
    r"#{1,6}\s+.*\b(?:mitigat|resol|remed|diagnos|fix|troubleshoot|what to do|steps|actions?|recover|procedure"
    r"|response|investigat|check)",
    re.IGNORECASE,
)
HEADING = re.compile(r"#{1,6}\s+\S")
ITEM = re.compile(r"\s*(?:[-*+]|\d{1,2}[.)])\s+\S")
_IMPERATIVE = re.compile(
    r"(?:check|verify|confirm|inspect|look|run|find|identify|compare|restart|roll|scale|drain|cordon|renew|rotate"
    r"|free|delete|remove|clear"
    r"|increase|extend|raise|reduce|add|ask|call|page|escalate|tell|open|read|list|make sure|ensure|review|see if"
    r"|stop|start|switch|fail|move|set"
    r"|disable|enable|wait|test|query|examine|determine|validate|investigate|use|try|get|describe|collect|silence"
    r"|block|isolate|revoke)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z0-9]{4,}")
_PART = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}(?![a-z])")


def runbooks(given: ExtractInput, maker: ClaimMaker, query: str) -> tuple[tuple[RunbookRef, ...], str | None]:
    """Strong hits as references, at most three, or why there is none. A weak match is never offered as guidance.

    A page that nobody has confirmed yet comes after those that are, and says so: the first is where steps come from.
    """
    found: list[RunbookRef] = []
    for hit in sorted(given.hits, key=lambda hit: hit.facts.state is PageState.UNVALIDATED):
        page = given.pages.get(hit.doc)
        if hit.strength is not Strength.STRONG or not hit.facts.state.is_guidance or page is None:
            continue
        if len(found) == RUNBOOKS_LIMIT:
            continue
        if hit.coverage < SURE_COVERAGE and len(_parts(query) & _parts(f"{page.title} {hit.doc}")) < 2:
            continue
        found.append(
            RunbookRef(
                doc_id=hit.doc,
                span=maker.sources.cite(hit.doc, hit.line_start, hit.line_end),
                **_said_of(hit, page.changed_at or hit.changed_at, query),
            )
        )
    if found:
        return tuple(found), None
    if given.hits:
        return (), "only weak matches, so none is offered as guidance"
    return (), "no approved page answers this"


def next_steps(
    given: ExtractInput, units: Sequence[Unit], maker: ClaimMaker, guides: Sequence[RunbookRef]
) -> tuple[NextStep, ...]:
    """What the ticket says is to be done (the newest first), then the first untried steps of the best runbook.

    Empty for a ticket that needs nobody any more.
    """
    ticket = given.ticket
    if not ticket.status.category.is_open:
        return ()
    found: list[NextStep] = []
    seen: set[str] = set()
    for unit in reversed(units):
        if len(found) >= NEXT_LIMIT - (1 if guides else 0):
            break
        if not is_plan(unit) or unit.text.casefold() in seen:
            continue
        seen.add(unit.text.casefold())
        owner = unit.author if re.match(r"(?:i|i'll|i will|i'm)\b", unit.text, re.IGNORECASE) else None
        found.append(NextStep(text=cut(unit.text, TEXT_LIMIT), citation=maker.citation(unit), owner=owner))
    done = " ".join(unit.text.casefold() for unit in units if unit.entry >= 0)
    for guide in guides[:1]:
        page = given.pages[guide.doc_id]
        for number, text in runbook_steps(page):
            if len(found) >= NEXT_LIMIT:
                break
            if text.casefold() in seen or _already(text, done):
                continue
            seen.add(text.casefold())
            citation = maker.sources.cite(page.doc, number, number, text[:TEXT_LIMIT])
            found.append(NextStep(text=cut(text, TEXT_LIMIT), citation=citation))
    return tuple(found)


def runbook_steps(page: Page) -> list[tuple[int, str]]:
    """Line number and text of what a page tells to do: imperative items of its sections on diagnosis and repair."""
    return list(_steps(page.text.split("\n", 800)[:800]))[:20]


def related(given: ExtractInput) -> tuple[RelatedTicket, ...]:
    """Other tickets with at least one identifier in common, as similar, never as more than that."""
    found = []
    for other, score in given.related:
        shared = shared_identifiers(given.ticket, other)
        if shared:
            found.append(
                RelatedTicket(
                    ticket_id=str(other.ref),
                    title=str(other.title),
                    relation="similar",
                    score=round(score, 3),
                    shared_atoms=shared,
                )
            )
    return tuple(found[:RELATED_LIMIT])


def strange_tickets(field: str, named: Sequence[RelatedTicket], given: Submission) -> list[str]:
    """What is wrong with the tickets that an agent named, as ``path: problem``: only those that a search returned."""
    return [
        f"{field}.{index}.ticket_id: {other.ticket_id!r} was not among this session's search results; name a ticket"
        " that search_tickets returned, as it is written there, or leave it out"
        for index, other in enumerate(named)
        if _alike(other.ticket_id, given) is None
    ]


def as_alike(named: Sequence[RelatedTicket], given: Submission) -> tuple[RelatedTicket, ...]:
    """The tickets that an agent named, each once, as the session's searches found them; never more than similar."""
    found = {alike.ticket.ref: alike for other in named if (alike := _alike(other.ticket_id, given)) is not None}
    return tuple(
        RelatedTicket(
            ticket_id=str(ref),
            title=str(alike.ticket.title),
            relation="similar",
            score=round(alike.score, 3),
            shared_atoms=alike.shared,
        )
        for ref, alike in found.items()
    )


def _alike(name: str, given: Submission) -> Alike | None:
    """The ticket of that name, with or without its system, and with the entry that a search prints behind it."""
    wanted = name.partition("#")[0].strip().casefold()
    for alike in given.alike:
        ref = alike.ticket.ref
        if ref != given.ticket.ref and wanted in (str(ref).casefold(), ref.key.casefold()):
            return alike
    return None


def as_found(named: Sequence[RunbookRef], given: Submission) -> tuple[RunbookRef, ...]:
    """The pages that an agent named, as the session's newest search of each found them."""
    query = knowledge_query(given.ticket)
    hits = {hit.doc: hit for hit in given.hits}
    return tuple(
        replace(runbook, **_said_of(hit, hit.changed_at, query))
        if (hit := hits.get(runbook.doc_id)) is not None
        else replace(runbook, title="", score=0.0, coverage=0.0, why="", last_changed=None)
        for runbook in named
    )


def _said_of(hit: Hit, changed_at: datetime | None, query: str) -> dict[str, Any]:
    """Title, score, coverage, why and date of a page."""
    shared = _shared_words(query, f"{hit.title}\n{hit.text}")
    why = "shares " + ", ".join(shared) if shared else "matches the title"
    if hit.facts.state is PageState.UNVALIDATED:
        why = f"{standing(hit.facts)}; {why}"
    return {
        "title": str(hit.title),
        "score": round(hit.score, 3),
        "coverage": round(hit.coverage, 3),
        "why": cut(why, 120),
        "last_changed": changed_at,
    }


def _steps(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    inside = False
    fenced = False
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced:
            continue
        if HEADING.match(line):
            inside = bool(_SECTION.match(line))
            continue
        if not inside or not line.strip() or line.lstrip().startswith(("|", ">", "<", "![")):
            continue
        for piece in sentences([line], first_line=number):
            if (
                (ITEM.match(line) or _IMPERATIVE.match(piece.text))
                and _IMPERATIVE.match(piece.text)
                and len(piece.text) >= 12
            ):
                yield number, piece.text
                break


def is_plan(unit: Unit) -> bool:
    """Whether a sentence says what is to be done next, among those who work on the ticket."""
    text = unit.text
    if unit.dump or not unit.by_person or SMALL_TALK.match(text) or QUESTION.search(text) or NO_PLAN.search(text):
        return False
    if unit.kind is EntryKind.REPLY or unit.visibility is Visibility.PUBLIC or unit.author_type is ActorType.CUSTOMER:
        return False  # what customers are told, and what they ask for, is no step of ours
    if unit.entry < 0:
        return bool(
            re.match(r"(?:next(?: steps?)?|todo|action items?)\b|we (?:should|need to|must)\b", text, re.IGNORECASE)
        )
    return unit.kind in (EntryKind.COMMENT, EntryKind.REPLY) and bool(NEXT.search(text) or ASKING.match(text))


def _already(step: str, done: str) -> bool:
    """Whether the timeline already speaks of most of a step's words."""
    words = set(_WORD.findall(step.casefold()))
    return len(words) >= 2 and sum(word in done for word in words) >= 0.75 * len(words)


def _parts(text: str) -> set[str]:
    """Stems of the words of four letters and more; CamelCase and snake_case are several words."""
    return {stem(word.casefold()) for word in _PART.findall(text)}


def _shared_words(query: str, text: str) -> list[str]:
    there = set(re.findall(r"\w{4,}", text.casefold()))
    return [word for word in dict.fromkeys(re.findall(r"\w{4,}", query)) if word.casefold() in there][:6]
