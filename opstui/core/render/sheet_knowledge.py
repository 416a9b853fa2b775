"""A proposal for a page as a sheet: what it rests on, the page as it would be, and the difference."""

from __future__ import annotations

from opstui.core.documents import KBProposal
from opstui.core.render.sheet_parts import cited, claimed, left_out, made_by, question_section
from opstui.core.render.sheets import Item, Section, Sheet


def proposal_sheet(proposal: KBProposal) -> Sheet:
    """The whole proposal."""
    steps: list[Item] = []
    for number, step in enumerate(proposal.resolution, start=1):
        more = [
            f"; {name}: {text}"
            for name, text in (("command", step.command), ("verify", step.verify), ("rollback", step.rollback))
            if text
        ]
        steps.append(cited(f"{number}. {step.text}{''.join(more)}", step.citation, step.outcome))
    nearest = proposal.nearest
    near = f"{nearest.doc}: {nearest.title}, {nearest.score:.0%} of its words" if nearest is not None else "none"
    found = ", ".join(f"{span.kind} in line {span.line}" for span in proposal.private)
    return Sheet(
        title=f"Page proposal: {proposal.title}",
        lead=(f"{proposal.kind.value.capitalize()}: {proposal.target or 'no page yet'}",),
        fields=(
            ("Confidence", (proposal.confidence.value.replace("_", " "),)),
            ("Reviewer", (proposal.reviewer or "not known",)),
            ("Review by", (f"{proposal.review_by:%Y-%m-%d}" if proposal.review_by else "",)),
            ("Rests on", (", ".join(proposal.evidence),)),
            ("Nearest page", (near,)),
            ("Personal data and secrets", (found or "none found",)),
        ),
        sections=(
            Section(title="Issue", items=tuple(claimed(claim) for claim in proposal.issue)),
            Section(title="Environment", items=tuple(claimed(claim) for claim in proposal.environment)),
            Section(
                title="Cause",
                items=(claimed(proposal.cause),) if proposal.cause is not None else (),
                empty="The sources name none.",
            ),
            Section(title="Resolution", items=tuple(steps)),
            Section(title="Difference", block=proposal.diff),
            Section(title="The page as it would be", block=proposal.page),
            question_section(proposal.open_questions),
            left_out(proposal.not_included),
        ),
        made=made_by(proposal.head),
    )
