"""A triage as a sheet: each value with what speaks for it."""

from __future__ import annotations

from opstui.core.documents import Triage
from opstui.core.render.sheet_parts import (
    claimed,
    left_out,
    made_by,
    question_section,
    related_items,
    runbook_section,
    sla_field,
)
from opstui.core.render.sheets import Item, Section, Sheet, Strong


def triage_sheet(triage: Triage) -> Sheet:
    """The whole of it."""
    head = triage.head
    choices: list[Item] = []
    for name, choice in triage.choices:
        reason = f", {choice.because}" if choice.because else ""
        begin = (f"{name.replace('_', ' ').capitalize()}: ", Strong(choice.value or "not said"), reason)
        choices.append((*begin, " – ", *claimed(choice.why)) if choice.why is not None else begin)
    return Sheet(
        title=f"Triage {head.ticket_id}",
        lead=claimed(triage.headline),
        fields=(
            ("Severity now", (triage.now.value or "none set",)),
            ("SLA clock", sla_field(triage.sla, head.generated_at)),
        ),
        sections=(
            Section(title="Where it belongs", items=tuple(choices)),
            Section(title="Names that the taxonomy does not know", items=tuple((t,) for t in triage.unknown_values)),
            Section(title="May be the same", items=related_items(triage.duplicates), empty="No ticket is like it."),
            Section(title="Missing", items=tuple((text,) for text in triage.missing)),
            runbook_section(triage.runbooks, triage.no_runbook_reason),
            question_section(triage.open_questions),
            left_out(triage.not_included),
        ),
        made=made_by(head),
    )
