"""The incident summary as a sheet: the whole of it, where the comment has room for 220 words."""

from __future__ import annotations

from opstui.core.documents import IncidentSummary
from opstui.core.render.sheet_parts import (
    claimed,
    guess_items,
    impact_items,
    left_out,
    made_by,
    plan_items,
    question_section,
    runbook_section,
    sla_field,
    state_field,
    step_items,
    timeline_items,
)
from opstui.core.render.sheets import Section, Sheet


def summary_sheet(summary: IncidentSummary) -> Sheet:
    """The whole summary."""
    head = summary.head
    return Sheet(
        title=f"Incident summary {head.ticket_id}",
        lead=claimed(summary.headline),
        fields=(
            (
                "State",
                state_field(
                    summary.status.value, summary.severity, summary.sla, head.generated_at, summary.status_citation
                ),
            ),
            ("SLA clock", sla_field(summary.sla, head.generated_at)),
        ),
        sections=(
            Section(title="Impact", items=impact_items(summary.impact), empty="The ticket does not say."),
            Section(title="Next", items=plan_items(summary.next_steps), empty="The sources name no next step."),
            Section(title="What happened", items=tuple(claimed(claim) for claim in summary.what_happened)),
            Section(
                title="Checked and done",
                items=step_items(summary.actions_taken),
                empty="The ticket records no step that was checked or done.",
            ),
            Section(title="Suspected, not confirmed", items=guess_items(summary.current_hypotheses)),
            Section(title="Timeline", items=timeline_items(summary.timeline)),
            runbook_section(summary.runbooks, summary.no_runbook_reason),
            question_section(summary.open_questions),
            left_out(summary.not_included),
        ),
        made=made_by(head),
    )
