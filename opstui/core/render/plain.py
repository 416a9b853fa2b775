"""Documents as plain text, as they go into a comment: short, the worst first, every sentence with its source.

Words are counted as a reader counts them, between spaces. The summary holds at most 220 with its sources, and its
first screen (headline, state, impact, next) at most 80.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from opstui.core.documents import (
    CheckedStep,
    Citation,
    Document,
    EscalationPackage,
    IncidentSummary,
    SeverityNote,
    Sla,
    SlaState,
    StepResult,
)
from opstui.core.frozen import dataclass
from opstui.core.render.numbering import Numbering
from opstui.core.text import SafeText, clean

SUMMARY_WORDS = 220
FIRST_SCREEN_WORDS = 80

RESULT_WORDS = {
    StepResult.FOUND: "found",
    StepResult.RULED_OUT: "ruled out",
    StepResult.NO_FINDING: "no finding",
    StepResult.COULD_NOT_CHECK: "could not check",
    StepResult.MADE_WORSE: "made it worse",
    StepResult.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line that may go in, with what it cites. ``rank`` 0 must be there; higher ones are dropped first."""

    section: str
    text: str
    citations: tuple[Citation, ...] = ()
    rank: float = 1


def summary_comment(summary: IncidentSummary) -> SafeText:
    """The incident summary, at most 220 words: headline, state, impact and next first, then what led there."""
    now = summary.head.generated_at
    first = _first_screen(summary)
    rest: list[Line] = []
    shown = {summary.headline.id, *(claim.id for claim in summary.impact.claims)}
    happened = [claim for claim in summary.what_happened if claim.id not in shown]
    for index, claim in enumerate(happened):
        # The first says how it began, the last where it stands; what lies between gives way first.
        rank = 1 if index == 0 else 1.3 + 0.6 * (len(happened) - 1 - index)
        rest.append(Line("What happened", words_cut(claim.text, 24), claim.citations, rank))
        shown.add(claim.id)
    steps = [step for step in summary.actions_taken if step.detail.id not in shown]
    order = sorted(steps, key=lambda step: (step.result is StepResult.UNKNOWN, -step.at.timestamp()))
    for step in steps:
        rest.append(
            Line("Done and checked", step_line(step, 14, now), step.detail.citations, 1.5 + 0.3 * order.index(step))
        )
    for rank, guess in enumerate(summary.current_hypotheses):
        against = "; against it" if guess.evidence_against else ""
        cited = (*guess.claim.citations, *guess.evidence_against)
        rest.append(Line("Suspected, not confirmed", words_cut(guess.claim.text, 28) + against, cited, 1.4 + rank))
    for rank, question in enumerate(summary.open_questions[:3]):
        rest.append(Line("Open", question, (), 3 + rank))
    for rank, guide in enumerate(summary.runbooks):
        rest.append(Line("Runbooks", guide.title, (guide.span,), 1.45 + 3 * rank))
    if summary.no_runbook_reason:
        rest.append(Line("Runbooks", summary.no_runbook_reason, (), 3))
    last = last_line(summary)
    kept: list[Line] = []
    text = lay_out([*first, *kept], last)
    for line in sorted(rest, key=lambda line: line.rank):
        tried = [*first, *(item for item in rest if item in kept or item is line)]
        candidate = lay_out(tried, last)
        if word_count(candidate) <= SUMMARY_WORDS:
            kept.append(line)
            text = candidate
    return clean(text)


def escalation_comment(package: EscalationPackage) -> SafeText:
    """A few lines that say what is escalated, what is asked and that the package is attached."""
    to = f" to {package.to_team}" if package.to_team else ""
    lines = [
        Line("", f"Escalation{to}: {words_cut(package.bottom_line.text, 40)}", package.bottom_line.citations, 0),
        Line("", state_line(package.status.value, package.severity, package.sla, package.head.generated_at), (), 0),
    ]
    lines += [Line("Asked", ask_line(ask.verb, ask.text, ask.deadline), (), 0) for ask in package.ask]
    lines += [Line("Impact", words_cut(claim.text, 30), claim.citations, 0) for claim in package.impact.claims[:2]]
    tried = [step for step in package.checked if step.result is not StepResult.UNKNOWN]
    if package.checked:
        lines.append(
            Line(
                "Checked so far",
                f"{_steps(len(package.checked))}, {len(tried)} with a result; all in the package.",
                (),
                0,
            )
        )
    elif package.nothing_checked_reason:
        lines.append(Line("Checked so far", package.nothing_checked_reason, (), 0))
    missing = len(package.preflight.missing)
    last = last_line(
        package,
        f"The whole package is attached. Preflight {package.preflight.score} of 100, {missing} questions open. ",
    )
    return clean(lay_out(lines, last))


def state_line(state: str, severity: SeverityNote, sla: Sla, now: datetime) -> str:
    """``State: investigating · severity 2 since 09:20 UTC by dana · due 10:08 UTC, in 38 min``."""
    parts = [f"State: {state}"]
    if severity.value is not None:
        note = f"severity {severity.value}"
        if severity.since is not None:
            note += f" since {clock_text(severity.since, now)}"
        if severity.set_by:
            note += f" by {severity.set_by}"
        parts.append(note)
    else:
        parts.append("no severity set")
    parts.append(sla_text(sla, now))
    return " · ".join(part for part in parts if part)


def sla_text(sla: Sla, now: datetime) -> str:
    """The clock in words."""
    if sla.deadline is None or sla.state is SlaState.NONE:
        return "no due time"
    due = f"due {clock_text(sla.deadline, now)}"
    if sla.state is SlaState.PAUSED:
        return f"{due}, paused"
    if sla.remaining_s is None:
        return f"{due}, {'kept' if sla.state is SlaState.OK else 'missed'}"
    if sla.state is SlaState.BREACHED:
        return f"{due}, {span_text(-sla.remaining_s)} over"
    risk = ", at risk" if sla.state is SlaState.AT_RISK else ""
    return f"{due}, in {span_text(sla.remaining_s)}{risk}"


def clock_text(moment: datetime, now: datetime) -> str:
    """``09:20 UTC`` on the same day, with its date otherwise."""
    return moment.strftime("%H:%M UTC" if moment.date() == now.date() else "%Y-%m-%d %H:%M UTC")


def span_text(seconds: int) -> str:
    """``38 min``, ``3 h 12 min``, ``4 days``."""
    minutes = int(timedelta(seconds=max(0, seconds)).total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} days"


def step_line(step: CheckedStep, limit: int, now: datetime) -> str:
    """``09:14 dana: restarted the cache, no change (no finding)``; with its date where that is another day."""
    result = RESULT_WORDS[step.result]
    at = step.at.strftime("%H:%M" if step.at.date() == now.date() else "%Y-%m-%d %H:%M")
    return f"{at} {step.by.id}: {words_cut(step.what, limit)}" + (f" ({result})" if result else "")


def ask_line(verb: str, text: str, deadline: datetime | None) -> str:
    """``fix: …, by 2026-11-20 10:08 UTC``."""
    return f"{verb}: {text}" + (f", by {deadline:%Y-%m-%d %H:%M} UTC" if deadline is not None else "")


def word_count(text: str) -> int:
    """Words between white space."""
    return len(text.split())


def words_cut(text: str, limit: int) -> str:
    """At most ``limit`` words and 240 characters, ended with ``…`` where something was left out."""
    words = text.split()
    kept = " ".join(words[:limit])
    if len(kept) > 240:
        kept = kept[:239].rsplit(" ", 1)[0] if " " in kept[100:239] else kept[:239]
        return kept.rstrip("…") + "…"
    return kept if len(words) <= limit else kept.rstrip("….,;:") + "…"


def _first_screen(summary: IncidentSummary) -> list[Line]:
    now = summary.head.generated_at
    lines = [
        Line("", words_cut(summary.headline.text, 20), summary.headline.citations, 0),
        Line(
            "", state_line(summary.status.value, summary.severity, summary.sla, now), _maybe(summary.status_citation), 0
        ),
    ]
    extra = [
        Line("Impact", words_cut(claim.text, 24), claim.citations)
        for claim in summary.impact.claims[:2]
        if claim.id != summary.headline.id
    ]
    plans = [Line("Next", words_cut(step.text, 20), _maybe(step.citation)) for step in summary.next_steps[:3]]
    ranked = [*extra[:1], *plans[:1], *extra[1:], *plans[1:]]
    kept: list[Line] = []
    for line in ranked:
        tried = [*lines, *(item for item in (*extra, *plans) if item in kept or item is line)]
        if word_count("\n".join(_body(tried, Numbering()))) <= FIRST_SCREEN_WORDS:
            kept.append(line)
    return [*lines, *(item for item in (*extra, *plans) if item in kept)]


def last_line(document: Document, before: str = "") -> str:
    """Which engine wrote it, from what and when, after a few words."""
    head = document.head
    at = head.generated_at.strftime("%Y-%m-%d %H:%M")
    return f"{before}Written by the {head.engine.value} engine from {head.ticket_id} at {at} UTC."


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def lay_out(lines: Sequence[Line], last: str) -> str:
    """The lines under their headings, numbered, with the sources and ``last`` at the end."""
    numbering = Numbering()
    body = _body(lines, numbering)
    sources = numbering.sources()
    tail = [last] if not sources else ["Sources", *_packed(sources), last]
    return "\n".join([*body, "", *tail])


def _body(lines: Sequence[Line], numbering: Numbering) -> list[str]:
    out: list[str] = []
    section = ""
    for line in lines:
        marks = numbering.marks(line.citations)
        if line.section and line.section != section:
            out.extend(["", line.section])
        section = line.section
        out.append(f"{'- ' if line.section else ''}{line.text}{marks}")
    return out


def _packed(sources: Sequence[str], width: int = 100) -> list[str]:
    """Sources side by side, as many as fit a line."""
    lines: list[str] = []
    for source in sources:
        if lines and len(lines[-1]) + len(source) + 3 <= width:
            lines[-1] += f"   {source}"
        else:
            lines.append(source)
    return lines


def _maybe(citation: Citation | None) -> tuple[Citation, ...]:
    return (citation,) if citation is not None else ()
