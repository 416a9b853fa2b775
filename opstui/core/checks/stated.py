"""The values that stand beside claims (when, who, which version), each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from opstui.core.documents import (
    Ask,
    Change,
    CheckedStep,
    Citation,
    Claim,
    Communications,
    Document,
    Environment,
    EscalationImpact,
    Impact,
    Link,
    NextStep,
    OpenTicket,
    Promise,
    RunbookRef,
    Silence,
    TimelineRow,
    kind_of,
)
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Stated:
    """One value."""

    name: str
    """Where it stands: ``timeline 3``."""
    what: str
    """``time``, ``who``, ``text``, or ``words``: each of them stands there, in any order."""
    text: str
    """As M2 compares it."""
    citations: tuple[Citation, ...]
    """Without any, it is held against everything that the document cites."""
    claim: str | None = None
    blocks: bool = False
    """Off where it may have been worked out of what is cited: ``the next update comes in 20 minutes``."""
    whole: bool = False
    """It may stand anywhere in the sources that are cited, not in the cited lines alone."""


def stated(document: Document) -> Iterator[Stated]:
    """Every such value that an agent can set, in order."""
    by_code = {"head", "not_included", *kind_of(document).by_code}
    ours = _by_code(document)
    for item in fields(document):
        if item.name == "evidence":
            for number, ref in enumerate(getattr(document, item.name), start=1):
                yield Stated(f"evidence {number}", "text", ref, ())
        elif item.name not in by_code:
            walked = _walk(getattr(document, item.name), item.name.replace("_", " "))
            yield from (value for value in walked if value.citations or value.text not in ours)


def _by_code(document: Document) -> frozenset[str]:
    """Values that code computed or took from the taxonomy, and that may stand elsewhere in the document again."""
    deadline = getattr(getattr(document, "sla", None), "deadline", None)
    team = getattr(document, "to_team", None)
    return frozenset(value for value in (shown_time(deadline) if deadline else None, team) if value)


def _walk(value: Any, name: str) -> Iterator[Stated]:
    if isinstance(value, tuple):
        for number, part in enumerate(value, start=1):
            yield from _walk(part, f"{name} {number}")
    elif is_dataclass(value) and not isinstance(value, type):
        tells = _TELLS.get(type(value))
        if tells is not None:
            yield from tells(value, name)
        elif not isinstance(value, Claim | Citation):
            for item in fields(value):
                yield from _walk(getattr(value, item.name), name)


def shown_time(moment: datetime) -> str:
    """A moment as a text that is compared to the minute, or to the second where it has one."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def _time(name: str, moment: datetime | None, claim: Claim | None, *more: Citation | None) -> Iterator[Stated]:
    if moment is not None:
        cited = (*(claim.citations if claim is not None else ()), *(item for item in more if item is not None))
        claimed = claim.id if claim is not None else None
        yield Stated(name, "time", shown_time(moment), cited, claimed, whole=True)


def _row(row: TimelineRow, name: str) -> Iterator[Stated]:
    yield Stated(name, "time", shown_time(row.when), row.claim.citations, row.claim.id, blocks=True)


def _step(step: CheckedStep, name: str) -> Iterator[Stated]:
    cited = (*step.detail.citations, *step.evidence)
    yield Stated(name, "time", shown_time(step.at), cited, step.detail.id, blocks=True)
    yield Stated(name, "who", step.by.id, cited, step.detail.id)
    if step.method.casefold() not in METHODS:
        more = (step.runbook_step,) if step.runbook_step is not None else ()
        yield Stated(f"{name} method", "words", step.method, (*cited, *more), step.detail.id)


def _next(step: NextStep, name: str) -> Iterator[Stated]:
    if step.citation is not None:
        yield from _time(name, step.due, None, step.citation)
    if step.owner:
        yield Stated(name, "who", step.owner, (step.citation,) if step.citation else ())


def _ask(ask: Ask, name: str) -> Iterator[Stated]:
    if ask.deadline is not None:
        yield Stated(f"{name} deadline", "time", shown_time(ask.deadline), (), whole=True)
    if ask.owner:
        yield Stated(f"{name} owner", "who", ask.owner, ())


def _change(change: Change, name: str) -> Iterator[Stated]:
    cited = change.claim.citations
    yield Stated(name, "time", shown_time(change.when), cited, change.claim.id, blocks=True)
    yield Stated(name, "who", change.who, change.claim.citations, change.claim.id)


def _impact(impact: Impact, name: str) -> Iterator[Stated]:
    cited = tuple(citation for claim in impact.claims for citation in claim.citations)
    for moment in (impact.since, impact.until):
        if moment is not None:
            yield Stated(name, "time", shown_time(moment), cited)
    for region in impact.regions:
        yield Stated(name, "text", region, ())


def _escalation_impact(impact: EscalationImpact, name: str) -> Iterator[Stated]:
    if impact.customers_count is not None:
        cited = tuple(citation for claim in impact.claims for citation in claim.citations)
        yield Stated(name, "text", str(impact.customers_count), cited)


def _environment(place: Environment, name: str) -> Iterator[Stated]:
    if place.product:
        yield Stated(f"{name} product", "text", place.product, ())
    for value in (place.version, place.platform, place.region, *place.config_ids):
        if value:
            yield Stated(name, "text", value, place.citations)


def _link(link: Link, name: str) -> Iterator[Stated]:
    if link.citation is not None:
        yield Stated(name, "text", link.url, (link.citation,))


def _comms(comms: Communications, name: str) -> Iterator[Stated]:
    for moment in (comms.at, comms.promised_next_update):
        yield from _time(name, moment, comms.last_customer_message)


def _runbook(runbook: RunbookRef, name: str) -> Iterator[Stated]:
    yield Stated(name, "text", runbook.doc_id, (runbook.span,))


def _open_ticket(ticket: OpenTicket, name: str) -> Iterator[Stated]:
    claim = ticket.one_line
    yield from _time(name, ticket.due, claim, ticket.next_citation)
    if ticket.owner:
        yield Stated(name, "who", ticket.owner, claim.citations, claim.id)
    yield Stated(name, "text", ticket.ticket_id, claim.citations, claim.id)


def _promise(promise: Promise, name: str) -> Iterator[Stated]:
    yield from _time(name, promise.due, promise.claim)
    yield Stated(name, "text", promise.ticket_id, promise.claim.citations, promise.claim.id)


def _silence(silence: Silence, name: str) -> Iterator[Stated]:
    yield from _time(name, silence.until, silence.claim)


METHODS = frozenset(
    ("action", "observation", "command", "runbook", "runbook step", "check", "checked", "manual", "query", "test")
)
"""Kinds of methods, which no source has to name."""
_TELLS: Mapping[type, Callable[[Any, str], Iterator[Stated]]] = {
    Ask: _ask,
    TimelineRow: _row,
    CheckedStep: _step,
    NextStep: _next,
    Change: _change,
    Impact: _impact,
    EscalationImpact: _escalation_impact,
    Environment: _environment,
    Link: _link,
    Communications: _comms,
    RunbookRef: _runbook,
    OpenTicket: _open_ticket,
    Promise: _promise,
    Silence: _silence,
}
"""Part of a document → the values in it. What is not here is walked through."""
