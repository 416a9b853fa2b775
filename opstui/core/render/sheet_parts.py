"""What the sheets of several kinds of documents are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from opstui.core.documents import (
    CheckedStep,
    Citation,
    Claim,
    DocumentHead,
    Hypothesis,
    Impact,
    NextStep,
    RelatedTicket,
    RunbookRef,
    SeverityNote,
    Sla,
    SlaState,
    TimelineRow,
)
from opstui.core.render.plain import RESULT_WORDS, span_text, state_line
from opstui.core.render.sheets import Item, Marks, Section, Strong


def moment(at: datetime) -> str:
    """``2026-11-20 09:14 UTC``."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def cited(text: str, *citations: Citation | None) -> Item:
    """A text with the numbers of its sources."""
    return (text, Marks(tuple(citation for citation in citations if citation is not None)))


def claimed(claim: Claim, *before: str) -> Item:
    """A claim with its numbers, after a few words."""
    return (*before, claim.text, Marks(claim.citations))


def state_field(status: str, severity: SeverityNote, sla: Sla, at: datetime, citation: Citation | None = None) -> Item:
    """``investigating · severity 2 since 09:20 UTC by dana · due 10:08 UTC, in 38 min``."""
    return cited(state_line(status, severity, sla, at).removeprefix("State: "), citation)


def sla_field(sla: Sla, at: datetime) -> Item:
    """The clock as it stood when the document was written, and the deadline with its date."""
    if sla.deadline is None or sla.state is SlaState.NONE:
        return ("no due time is set",)
    left = ""
    if sla.remaining_s is not None:
        over = sla.remaining_s < 0
        left = f", {span_text(abs(sla.remaining_s))} {'over' if over else 'left'}"
    words = {SlaState.AT_RISK: "at risk", SlaState.BREACHED: "breached", SlaState.PAUSED: "paused"}
    state = words.get(sla.state, "kept" if sla.remaining_s is None else "on time")
    paused = f" ({sla.paused_reason})" if sla.paused_reason else ""
    return (f"due {moment(sla.deadline)}{left} at {moment(at)}: {state}{paused}",)


def impact_items(impact: Impact) -> tuple[Item, ...]:
    """Who is hurt and how."""
    where: tuple[Item, ...] = ((f"Regions: {', '.join(impact.regions)}",),) if impact.regions else ()
    return (*(claimed(claim) for claim in impact.claims), *where)


def step_items(steps: Iterable[CheckedStep]) -> tuple[Item, ...]:
    """The ledger of what was checked and done: when, who, what, how, what came of it. Negative results count."""
    found: list[Item] = []
    for step in steps:
        result = RESULT_WORDS[step.result] or "the ticket does not say what came of it"
        how = f" ({step.method})" if step.method not in ("observation", "action") else ""
        sources = tuple(dict.fromkeys((*step.detail.citations, *step.evidence)))
        begin = f"{moment(step.at)} {step.by.id}: "
        found.append((begin, step.detail.text, how, " → ", Strong(result), Marks(sources)))
    return tuple(found)


def guess_items(guesses: Iterable[Hypothesis]) -> tuple[Item, ...]:
    """Suspicions, with what speaks for and against them."""
    found: list[Item] = []
    for guess in guesses:
        item: list[str | Strong | Marks] = [guess.claim.text, Marks(guess.claim.citations)]
        if guess.evidence_for:
            item += ["; for it", Marks(guess.evidence_for)]
        if guess.evidence_against:
            item += ["; against it", Marks(guess.evidence_against)]
        if guess.next_test:
            item += ["; next test: ", guess.next_test]
        found.append(tuple(item))
    return tuple(found)


def plan_items(steps: Iterable[NextStep]) -> tuple[Item, ...]:
    """What is to be done, by whom and until when."""
    found: list[Item] = []
    for step in steps:
        more = (f" ({step.owner})" if step.owner else "") + (f", by {moment(step.due)}" if step.due else "")
        found.append((step.text, more, Marks((step.citation,) if step.citation else ())))
    return tuple(found)


def timeline_items(rows: Iterable[TimelineRow]) -> tuple[Item, ...]:
    """What happened when."""
    return tuple(claimed(row.claim, f"{moment(row.when)} {row.kind.value}: ") for row in rows)


def runbook_section(runbooks: Sequence[RunbookRef], reason: str | None) -> Section:
    """Pages that may help, or why there is none."""
    items: list[Item] = []
    for guide in runbooks:
        changed = f", last changed {guide.last_changed:%Y-%m-%d}" if guide.last_changed else ""
        items.append((guide.title, f" ({guide.doc_id}): ", guide.why, changed, Marks((guide.span,))))
    return Section(title="Runbooks", items=tuple(items), empty=reason or "")


def related_items(related: Iterable[RelatedTicket]) -> tuple[Item, ...]:
    """Other tickets, with what they share."""
    return tuple(
        (f"{other.ticket_id} ", other.title, f": {other.relation}, shares ", ", ".join(other.shared_atoms))
        for other in related
    )


def question_section(questions: Iterable[str], empty: str = "None.") -> Section:
    """What nobody has said yet."""
    return Section(title="Open questions", items=tuple((text,) for text in questions), empty=empty)


def left_out(parts: Iterable[str]) -> Section:
    """Sources that were skipped, and why."""
    return Section(title="Not included", items=tuple((text,) for text in parts))


def made_by(head: DocumentHead) -> str:
    """Which engine wrote it, from which version of what, by which version of the workflow."""
    return (
        f"Written by the {head.engine.value} engine from {head.ticket_id}, version {head.base_revision}, at "
        f"{moment(head.generated_at)}; workflow {head.workflow_version or 'unknown'}."
    )
