"""An incident summary made of the ticket's own sentences: no model, nothing invented, the same for the same ticket."""

from __future__ import annotations

from collections.abc import Sequence

from opstui.core.documents import Claim, DocumentHead, Engine, IncidentSummary, SlaState
from opstui.core.extract import clock, guidance, steps, story
from opstui.core.extract.claims import ClaimMaker
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.units import Unit, all_units
from opstui.core.ports import ExtractInput
from opstui.core.sources import SourceSet
from opstui.core.submissions import Submission

SCHEMA_VERSION = "1"


def sources_of(given: ExtractInput) -> SourceSet:
    """Everything that an extracted document may cite."""
    return SourceSet(given.ticket, tickets=(ticket for ticket, _ in given.related), pages=given.pages.values())


def head_of(given: ExtractInput, document: str) -> DocumentHead:
    """What a document of this input begins with."""
    return DocumentHead(
        schema_version=SCHEMA_VERSION,
        document=document,
        ticket_id=str(given.ticket.ref),
        base_revision=given.ticket.version,
        engine=Engine.EXTRACTIVE,
        generated_at=given.now,
        request_id=given.session_id,
        workflow_version=given.workflow_version,
    )


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a summary that an agent wrote."""
    return {"sla": clock.sla(given.ticket, given.now), "severity": clock.severity(given.ticket, given.sources)}


def incident_summary(given: ExtractInput) -> IncidentSummary:
    """The summary of a ticket. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    sources = sources_of(given)
    maker = ClaimMaker(sources)
    everything = all_units(ticket)
    units = steps.standing(everything)
    headline = story.headline(ticket, maker)
    state, said_by = clock.state(ticket, units, sources)
    guides, no_guide = guidance.runbooks(given, maker, knowledge_query(ticket))
    impact = story.impact(units, ticket, maker)
    happened = story.what_happened(units, maker)
    actions = steps.checked_steps(units, maker)
    suspected = steps.hypotheses(units, maker)
    plan = guidance.next_steps(given, units, maker, guides)
    return IncidentSummary(
        head=head_of(given, "IncidentSummary"),
        headline=headline,
        status=state,
        status_citation=said_by,
        severity=clock.severity(ticket, sources),
        sla=clock.sla(ticket, given.now),
        impact=impact,
        what_happened=happened,
        actions_taken=actions,
        current_hypotheses=suspected,
        next_steps=plan,
        timeline=story.timeline(everything, ticket, maker, headline),
        runbooks=guides,
        no_runbook_reason=no_guide,
        open_questions=open_questions(
            given, units, has_impact=bool(impact.claims), has_steps=bool(actions), has_plan=bool(plan)
        ),
        not_included=(),
    )


def open_questions(
    given: ExtractInput, units: Sequence[Unit], *, has_impact: bool, has_steps: bool, has_plan: bool
) -> tuple[str, ...]:
    """What the ticket does not say, as questions, the most urgent first; at most five."""
    ticket = given.ticket
    asked: list[str] = []
    if not any(unit.entry < 0 for unit in units) and not any(unit.by_person or unit.kind for unit in units):
        asked.append("What was seen, where and since when? The ticket has no description.")
    if not ticket.status.category.is_open:
        if not any(steps.states_cause(unit) for unit in units):
            asked.append("What was the cause? The ticket does not state one.")
        return tuple(asked)
    if not has_impact:
        asked.append("Who is affected, and how? The ticket does not say.")
    if not any(steps.states_cause(unit) for unit in units):
        asked.append("What is the cause? The ticket does not state one.")
    if not has_steps:
        asked.append("What has been checked so far? The ticket records nothing.")
    if not ticket.assignees:
        asked.append("Who owns this? Nobody is assigned.")
    if not has_plan:
        asked.append("What happens next? The ticket records no next step.")
    if ticket.severity is None:
        asked.append("How severe is it? No severity is set.")
    if clock.sla(ticket, given.now).state is SlaState.NONE:
        asked.append("Until when is it due? No due time is set.")
    return tuple(asked[:5])


def first_look(summary: IncidentSummary, limit: int = 4) -> tuple[Claim, ...]:
    """The few claims that the Ticket screen shows at once: impact, what happened, the last steps."""
    claims = [*summary.impact.claims[:1], *summary.what_happened, *(step.detail for step in summary.actions_taken[-2:])]
    chosen = {claim.id: claim for claim in claims if claim.id != summary.headline.id}
    return tuple(chosen.values())[:limit]
