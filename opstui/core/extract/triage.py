"""Where a ticket belongs, by the taxonomy's own words: what its fields say, what its text names, what speaks for it.

Every value is one of the taxonomy, with the sentence that leads to it. What the sources don't say stays unknown, and
what they say that the taxonomy does not know is told as that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opstui.core.checks.atoms import ticket_identifiers
from opstui.core.document_kinds.triage import unknown
from opstui.core.documents import Choice, Triage
from opstui.core.extract import clock, guidance, handover, steps, story
from opstui.core.extract.claims import ClaimMaker
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import head_of, sources_of
from opstui.core.extract.units import Unit, all_units, title_unit
from opstui.core.extract.words import HEDGE, QUESTION, SMALL_TALK
from opstui.core.frozen import dataclass
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.taxonomy import KINDS, Taxonomy, Term
from opstui.core.tickets import Ticket

DUPLICATES = 3
QUESTIONS = 5

_DENIED = re.compile(
    r"\b(?:no|not|never|without|none|nobody|isn't|aren't|wasn't|didn't|kein\w*|nicht)\b[^.;,]{0,24}\Z", re.IGNORECASE
)
_NOT_IT = re.compile(
    r"\b(?:not|isn't|wasn't|nor|neither|ruled out|nicht|kein\w*)\s+(?:(?:the|a|an|in|on|by|at|from)\s+)*\Z",
    re.IGNORECASE,
)
"""A name is denied only right before it: "nobody can use checkout" is about checkout all the same."""
_LABELLED = re.compile(
    r"\s*[\"']?(service|component|team|category)[\"']?\s*[:=]\s*[\"']?([A-Za-z][\w. /-]{1,60}?)[\"',;]?\s*\Z",
    re.IGNORECASE,
)
_SINCE = re.compile(
    r"\b(?:since|from|at|after|before|started|began|until)\b.{0,20}\d|\d\d:\d\d|\bsince\b", re.IGNORECASE
)
_PLACE = re.compile(
    r"\b(?:[a-z]{2}-(?:north|south|east|west|central)\w*|[a-z][a-z0-9-]{0,40}-\d+"
    r"|[a-z0-9-]{1,40}(?:\.[a-z0-9-]{1,40}){1,5}\.[a-z]{2,20})\b",
    re.IGNORECASE,
)
"""A region, a numbered machine, a host's full name."""
_PLACES = ("region", "environment", "site", "host", "cluster", "location", "namespace")
"""Custom fields that say where it is."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A sentence that speaks for a term, and how loudly."""

    term: Term
    unit: Unit
    word: str
    weight: float


def triage(given: ExtractInput) -> Triage:
    """The triage of a ticket. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    taxonomy = given.taxonomy or Taxonomy()
    sources = sources_of(given)
    maker = ClaimMaker(sources)
    units = steps.standing(all_units(ticket))
    title = title_unit(ticket)
    headline = story.headline(ticket, maker)
    reading = _Reading(ticket, taxonomy, [*([title] if title is not None else []), *units], maker)
    service = reading.service()
    choices = {
        "category": reading.category(),
        "service": service,
        "severity": reading.severity(),
        "team": reading.team(service),
        "request_type": reading.request_type(),
    }
    guides, no_guide = guidance.runbooks(given, maker, knowledge_query(ticket))
    strange = unknown_values(ticket, taxonomy)
    return Triage(
        head=head_of(given, "Triage"),
        headline=headline,
        **choices,
        now=clock.severity(ticket, sources),
        sla=clock.sla(ticket, given.now),
        duplicates=guidance.related(given)[:DUPLICATES],
        runbooks=guides,
        no_runbook_reason=no_guide,
        unknown_values=strange,
        missing=missing(ticket, units),
        open_questions=(*reading.questions, *_questions(choices, strange, reading.asked, taxonomy))[:QUESTIONS],
        not_included=(),
    )


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a triage that an agent wrote."""
    return {
        "now": clock.severity(given.ticket, given.sources),
        "sla": clock.sla(given.ticket, given.now),
        "unknown_values": unknown_values(given.ticket, given.taxonomy or Taxonomy()),
    }


def finished(document: Triage, given: Submission) -> Triage:
    """The triage with the taxonomy's ids for what it calls by another name; what it does not know is noted as that."""
    taxonomy = given.taxonomy or Taxonomy()
    strange = list(document.unknown_values)
    choices: dict[str, Choice] = {}
    for kind, choice in document.choices:
        term = taxonomy.resolve(kind, choice.value) if choice.value is not None else None
        if choice.value is not None and term is None:
            strange.append(unknown(kind, choice.value))
        choices[kind] = (
            replace(choice, value=term.id, is_named=_is_named(term, kind, choice, given, document))
            if term is not None
            else choice
        )
    return replace(
        document,
        category=choices["category"],
        service=choices["service"],
        severity=choices["severity"],
        team=choices["team"],
        request_type=choices["request_type"],
        duplicates=guidance.as_alike(document.duplicates, given),
        unknown_values=tuple(dict.fromkeys(strange)),
    )


def _is_named(term: Term, kind: str, choice: Choice, given: Submission, document: Triage) -> bool:
    """Whether cited lines, title or fields name a value or have a sign of it; a team may be that of the service."""
    taxonomy, ticket = given.taxonomy or Taxonomy(), given.ticket
    fields = (*ticket.services, *ticket.tags, ticket.team, ticket.severity, *map(str, ticket.fields.values()))
    if any(taxonomy.resolve(kind, str(value)) == term for value in fields if value):
        return True
    service = taxonomy.resolve("service", document.service.value) if kind == "team" else None
    if service is not None and service.team == term.id:
        return True
    cited = choice.why.citations if choice.why is not None else ()
    texts = (str(ticket.title), *(given.sources.span(citation) for citation in cited))
    return any(mention.term == term for text in texts for mention in taxonomy.mentions(kind, text))


def unknown_values(ticket: Ticket, taxonomy: Taxonomy) -> tuple[str, ...]:
    """What the ticket's fields and labelled lines call a service, team or category and the taxonomy does not know."""
    found: dict[str, None] = {}
    for kind, value in _said(ticket, taxonomy):
        if taxonomy.terms(kind) and taxonomy.resolve(kind, value) is None:
            found.setdefault(unknown(kind, value))
    return tuple(found)[:8]


def missing(ticket: Ticket, units: Sequence[Unit]) -> tuple[str, ...]:
    """What whoever takes the ticket will ask for and it does not say, as questions."""
    asked = []
    text = "\n".join([ticket.title, ticket.body[:20_000], *(entry.text[:4_000] for entry in ticket.timeline)])
    if not any(story.impact_score(unit) > 0 for unit in units):
        asked.append("Who is affected, and how many? The ticket does not say.")
    if not _SINCE.search(text):
        asked.append("Since when? The ticket names no time.")
    if not any(name.casefold() in _PLACES for name in ticket.fields) and not _PLACE.search(text):
        asked.append("Where: which region, site, host or environment? The ticket does not say.")
    if not ticket_identifiers(ticket):
        asked.append("What exactly was seen: an error text, a host or a version? The ticket has none.")
    return tuple(asked)


class _Reading:
    """One ticket read with the taxonomy."""

    def __init__(self, ticket: Ticket, taxonomy: Taxonomy, units: Sequence[Unit], maker: ClaimMaker) -> None:
        self._ticket = ticket
        self._taxonomy = taxonomy
        self._units = [unit for unit in units if not SMALL_TALK.match(unit.text)]
        self._maker = maker
        self.questions: list[str] = []
        self.asked: set[str] = set()
        """Kinds that a question was asked of already."""

    def service(self) -> Choice:
        """What the field says, the one that the text says most of; else what the text names."""
        named = [term for name in self._ticket.services if (term := self._taxonomy.resolve("service", name))]
        found = self._evidence("service")
        if named:
            most = max(named, key=lambda term: (_weight(found, term), -named.index(term)))
            return self._by_field(most, found, "the ticket's own field")
        return self._by_text("service", found)

    def category(self) -> Choice:
        """What the field says; else what tags and text speak for."""
        by_field = self._field("category")
        if by_field is not None:
            return by_field
        tagged = [term for tag in self._ticket.tags if (term := self._taxonomy.resolve("category", tag))]
        found = self._evidence("category")
        if tagged:
            most = max(tagged, key=lambda term: (_weight(found, term), -tagged.index(term)))
            return self._by_field(most, found, "a tag of the ticket")
        return self._by_text("category", found)

    def severity(self) -> Choice:
        """What the text names or has signs of, where that is worse than what the ticket has; else what it has."""
        own = self._taxonomy.resolve("severity", self._ticket.severity)
        found = self._evidence("severity")
        if found:
            worst = min(found, key=lambda item: (item.term.id, -item.weight))
            if own is None or worst.term.id < own.id:
                return self._choice(worst.term, worst.unit, f"it says {worst.word!r}")
        return self._by_field(own, found, "as the ticket has it") if own is not None else Choice(value=None)

    def team(self, service: Choice) -> Choice:
        """Who the ticket says has to take it; else who looks after the service; else who has it."""
        said = handover.named_team(self._units, self._maker.sources)
        term = self._taxonomy.resolve("team", said.name) if said is not None else None
        if said is not None and term is not None:
            named = [one for one in self._units if one.ref == said.citation.ref and said.name in one.text]
            unit = next((one for one in named if said.citation.quote in one.quote), None)
            if unit is not None:
                return self._choice(term, unit, "an entry asks for this team")
        own = self._taxonomy.resolve("team", self._ticket.team)
        owner = self._taxonomy.services[service.value].team if service.value is not None else None
        if owner is not None and owner in self._taxonomy.teams and service.why is not None:
            if own is not None and own.id != owner:
                text = f"Does it stay with {own.id}, which has it? {owner} looks after {service.value}."
                self.questions.append(text[:160])
            return Choice(value=owner, why=service.why, because=f"looks after {service.value}"[:160])
        return self._by_field(own, [], "the team that has it") if own is not None else Choice(value=None)

    def request_type(self) -> Choice:
        """What the field says; else what the text speaks for."""
        return self._field("request_type") or self._by_text("request_type", self._evidence("request_type"))

    def _field(self, kind: str) -> Choice | None:
        name = self._taxonomy.fields.get(kind)
        term = self._taxonomy.resolve(kind, self._ticket.fields.get(name)) if name else None
        return self._by_field(term, self._evidence(kind), f"the ticket's field {name}") if term is not None else None

    def _by_field(self, term: Term, found: Sequence[_Evidence], because: str) -> Choice:
        """A field has no lines of its own: the sentence that says the same is quoted, and else the title."""
        own = [item for item in found if item.term is term]
        if own:
            return self._choice(term, max(own, key=lambda item: item.weight).unit, because)
        title = next((unit for unit in self._units if unit.entry < 0), None)
        return self._choice(term, title, because) if title is not None else Choice(value=None)

    def _by_text(self, kind: str, found: Sequence[_Evidence]) -> Choice:
        """The term that the text says most of; of two that it says as much of neither."""
        if not found:
            return Choice(value=None)
        totals = {item.term.id: _weight(found, item.term) for item in found}
        ranked = sorted(totals, key=lambda name: -totals[name])
        if len(ranked) > 1 and totals[ranked[0]] == totals[ranked[1]]:
            self.asked.add(kind)
            both = f"{ranked[0]} or {ranked[1]}"
            self.questions.append(f"Which {_called(kind)}: {both}? The ticket speaks for both."[:160])
            return Choice(value=None)
        best = max((item for item in found if item.term.id == ranked[0]), key=lambda item: item.weight)
        return self._choice(best.term, best.unit, f"it says {best.word!r}"[:160])

    def _choice(self, term: Term, unit: Unit, because: str) -> Choice:
        return Choice(value=term.id, why=self._maker.claim(unit), because=because)

    def _evidence(self, kind: str) -> list[_Evidence]:
        """What the sentences say, once for each sentence and term; the title and the first lines say most."""
        found: dict[tuple[str, int, str], _Evidence] = {}
        for unit in self._units:
            if unit.by_person and (QUESTION.search(unit.text) or HEDGE.search(unit.text)) and unit.entry >= 0:
                continue
            for mention in self._taxonomy.mentions(kind, unit.text):
                if (_NOT_IT if mention.is_name else _DENIED).search(unit.text[: mention.at]):
                    continue
                weight = _place(unit) * (1.0 if mention.is_name else 0.6)
                key = (unit.ref, unit.line_start, mention.term.id)
                if key not in found or found[key].weight < weight:
                    found[key] = _Evidence(mention.term, unit, mention.word, weight)
        return list(found.values())


def _place(unit: Unit) -> float:
    if unit.entry < 0:
        return 3.0 if unit.line_start == 1 else 2.0 if unit.line_start <= 4 else 1.0
    return 0.5 if unit.dump else 1.0


def _weight(found: Sequence[_Evidence], term: Term) -> float:
    return round(sum(item.weight for item in found if item.term is term), 3)


def _said(ticket: Ticket, taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    """Kind and value, wherever the ticket says outright what it is."""
    yield from (("service", str(name)) for name in ticket.services)
    if ticket.team:
        yield "team", str(ticket.team)
    if ticket.severity:
        yield "severity", ticket.severity
    for kind, name in taxonomy.fields.items():
        if ticket.fields.get(name):
            yield kind, str(ticket.fields[name])
    for line in ticket.body[:4_000].split("\n")[:60]:
        match = _LABELLED.match(line[:200])
        if match:
            kind = match[1].casefold()
            yield "service" if kind == "component" else kind, match[2].strip()


def _questions(
    choices: dict[str, Choice], strange: Sequence[str], asked: set[str], taxonomy: Taxonomy
) -> Iterator[str]:
    for text in strange[:2]:
        yield f"What is {text!r}? The taxonomy does not know it."[:160]
    for kind in ("service", "severity", "category", "team", "request_type"):
        if choices[kind].value is None and kind not in asked and taxonomy.terms(kind):
            yield f"Which {_called(kind)} is it? The ticket names none that the taxonomy knows."
    if not any(taxonomy.terms(kind) for kind in KINDS):
        yield "There is no taxonomy to triage with: taxonomy.toml is missing or empty."


def _called(kind: str) -> str:
    return kind.replace("_", " ")
