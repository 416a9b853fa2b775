"""An escalation package made of the ticket's own sentences: what tier 2 needs, and what is still missing."""

from __future__ import annotations

from dataclasses import replace

from opstui.core.checks.preflight import preflight
from opstui.core.documents import Contacts, EscalationPackage, Preflight
from opstui.core.extract import clock, guidance, handover, steps, story
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import head_of, sources_of
from opstui.core.extract.units import all_units, title_unit
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.taxonomy import Taxonomy

TIMELINE_LIMIT = 25
BOTTOM_LINE_LIMIT = 200
HYPOTHESES_LIMIT = 4
QUESTIONS = 5


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a package that an agent wrote."""
    return {
        "sla": clock.sla(given.ticket, given.now),
        "severity": clock.severity(given.ticket, given.sources),
        "preflight": Preflight(score=0),
        "contacts": Contacts(escalating_operator=given.operator),
        "from_team": given.team,
        "read_back": None,
    }


def finished(package: EscalationPackage, given: Submission) -> EscalationPackage:
    """The package with its preflight score, and with a team that the taxonomy knows or none."""
    to_team, asked = routed(package.to_team, given.taxonomy)
    questions = tuple(dict.fromkeys((*asked, *package.open_questions)))[:QUESTIONS]
    related = guidance.as_alike(package.related, given)
    package = replace(package, to_team=to_team, open_questions=questions, related=related)
    return replace(package, preflight=preflight(package))


def routed(name: str | None, taxonomy: Taxonomy | None) -> tuple[str | None, tuple[str, ...]]:
    """The taxonomy's id of a team, and what is to be asked where it knows none of that name."""
    if name is None or taxonomy is None or not taxonomy.teams:
        return name, ()
    term = taxonomy.resolve("team", name)
    return (
        (term.id, ())
        if term is not None
        else (None, (cut(f"Who is meant by {name!r}? The taxonomy has no such team.", 160),))
    )


def escalation_package(given: ExtractInput) -> EscalationPackage:
    """The package of a ticket. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    sources = sources_of(given)
    maker = ClaimMaker(sources)
    everything = all_units(ticket)
    units = steps.standing(everything)
    title = title_unit(ticket)
    bottom = maker.claim(title, BOTTOM_LINE_LIMIT) if title is not None else maker.unknown("The ticket has no title.")
    state, said_by = clock.state(ticket, units, sources)
    sla = clock.sla(ticket, given.now)
    guides, no_guide = guidance.runbooks(given, maker, knowledge_query(ticket))
    checked = steps.checked_steps(units, maker)
    impact = handover.escalation_impact(units, ticket, maker)
    team = handover.named_team(units, sources)
    to_team, strange = routed(team.name if team else None, given.taxonomy)
    code = handover.reason(units, checked, sla, ticket, has_runbook=bool(guides))
    package = EscalationPackage(
        head=head_of(given, "EscalationPackage"),
        from_team=given.operator_team,
        to_team=to_team,
        escalation_type=handover.escalation_type(code, units),
        reason_code=code,
        bottom_line=bottom,
        ask=handover.asks(units, ticket, sla, to_team),
        status=state,
        status_citation=said_by,
        severity=clock.severity(ticket, sources),
        sla=sla,
        impact=impact,
        environment=handover.environment(units, ticket, maker),
        checked=checked,
        nothing_checked_reason=None if checked else "The ticket records no step that was checked or done.",
        hypotheses=steps.hypotheses(units, maker, HYPOTHESES_LIMIT),
        timeline=story.timeline(everything, ticket, maker, bottom, TIMELINE_LIMIT),
        reproduction=handover.reproduction(units, maker),
        changes=handover.changes(units, ticket, given.now, maker),
        related=guidance.related(given),
        links=handover.links(units, ticket, maker),
        comms=handover.communications(ticket, units, maker),
        contingency=handover.contingencies(units, maker),
        contacts=Contacts(escalating_operator=given.operator, backup=_backup(given)),
        runbooks=guides,
        no_runbook_reason=no_guide,
        open_questions=(),
        not_included=(),
        preflight=Preflight(score=0),
    )
    score = preflight(package)
    # Tier 2's own questions first; those of a summary that ask the same in other words are left out.
    asked = [*strange, *score.missing]
    if ticket.status.category.is_open and not any(steps.states_cause(unit) for unit in units):
        asked.append("What is the cause? The ticket does not state one.")
    return replace(package, preflight=score, open_questions=tuple(asked[:QUESTIONS]))


def _backup(given: ExtractInput) -> str | None:
    """Another person who is assigned and is not the escalating operator."""
    return next((str(name) for name in given.ticket.assignees if str(name) != given.operator), None)
