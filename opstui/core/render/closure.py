"""Resolution notes as the comment that closes a ticket, and as a sheet."""

from __future__ import annotations

from opstui.core.documents import ResolutionCode, ResolutionNotes, Tristate
from opstui.core.render.plain import Line, last_line, lay_out, state_line, step_line, words_cut
from opstui.core.render.sheet_parts import (
    cited,
    claimed,
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
from opstui.core.text import SafeText, clean

CODES = {
    ResolutionCode.FIXED: "fixed",
    ResolutionCode.WORKAROUND: "a workaround is in place",
    ResolutionCode.RECOVERED: "recovered by itself",
    ResolutionCode.NO_FAULT: "no fault, a false alarm",
    ResolutionCode.DUPLICATE: "duplicate",
    ResolutionCode.DECLINED: "declined",
    ResolutionCode.UNKNOWN: "not known",
}


def closure_comment(notes: ResolutionNotes) -> SafeText:
    """The internal comment: how it ended, why as far as anybody knows, who confirmed it, what is left to do."""
    now = notes.head.generated_at
    ended = CODES[notes.code] + (f" of {notes.duplicate_of.ticket_id}" if notes.duplicate_of is not None else "")
    code = (notes.code_citation,) if notes.code_citation else ()
    loss = (notes.data_loss_citation,) if notes.data_loss_citation else ()
    lines = [
        Line("", f"Resolution: {words_cut(notes.headline.text, 20)}", notes.headline.citations, 0),
        Line("", state_line(notes.status.value, notes.severity, notes.sla, now), (), 0),
        Line("How it ended", f"Code: {ended}", code, 0),
    ]
    lines += [Line("How it ended", words_cut(claim.text, 40), claim.citations) for claim in notes.resolution]
    if notes.verified is not None:
        lines.append(Line("How it ended", f"Verified: {words_cut(notes.verified.text, 30)}", notes.verified.citations))
    lines.append(Line("Cause", words_cut(notes.cause.text, 40), notes.cause.citations, 0))
    lines += [Line("Impact", words_cut(claim.text, 30), claim.citations) for claim in notes.impact.claims[:2]]
    if notes.data_loss is not Tristate.UNKNOWN:
        lines.append(Line("Impact", f"Data loss: {notes.data_loss.value}", loss))
    lines += [
        Line("Done and checked", step_line(step, 16, now), step.detail.citations) for step in notes.actions_taken[-4:]
    ]
    for step in notes.follow_ups:
        owner = f" ({step.owner})" if step.owner else ""
        lines.append(Line("Left to do", words_cut(step.text, 30) + owner, (step.citation,) if step.citation else ()))
    lines += [Line("Open", question) for question in notes.open_questions[:3]]
    return clean(lay_out(lines, last_line(notes)))


def closure_sheet(notes: ResolutionNotes) -> Sheet:
    """The whole of the notes."""
    head = notes.head
    other = notes.duplicate_of
    return Sheet(
        title=f"Resolution notes {head.ticket_id}",
        lead=claimed(notes.headline),
        fields=(
            (
                "State",
                state_field(notes.status.value, notes.severity, notes.sla, head.generated_at, notes.status_citation),
            ),
            ("SLA clock", sla_field(notes.sla, head.generated_at)),
            ("Code", cited(CODES[notes.code], notes.code_citation)),
            ("Duplicate of", (f"{other.ticket_id} {other.title}" if other is not None else "",)),
            ("Data loss", cited(notes.data_loss.value, notes.data_loss_citation)),
        ),
        sections=(
            Section(title="Cause", items=(claimed(notes.cause),)),
            Section(
                title="What ended it",
                items=tuple(claimed(claim) for claim in notes.resolution),
                empty="The ticket does not say.",
            ),
            Section(
                title="Verified",
                items=(claimed(notes.verified),) if notes.verified is not None else (),
                empty="The ticket does not say who or what confirmed that it is over.",
            ),
            Section(title="Impact", items=impact_items(notes.impact), empty="The ticket does not say."),
            Section(
                title="Checked and done", items=step_items(notes.actions_taken), empty="The ticket records no step."
            ),
            Section(title="Timeline", items=timeline_items(notes.timeline)),
            Section(title="Left to do", items=plan_items(notes.follow_ups), empty="Nothing is recorded."),
            runbook_section(notes.runbooks, notes.no_runbook_reason),
            question_section(notes.open_questions),
            left_out(notes.not_included),
        ),
        made=made_by(head),
    )
