"""What a document says beside its comment, as rows of Review: values, steps, clocks, and what is still open. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from opstui.core.claims import Citation, Claim
from opstui.core.documents import (
    CheckedStep,
    Document,
    EscalationPackage,
    IncidentSummary,
    Reply,
    ResolutionNotes,
    StepResult,
    Triage,
    Tristate,
)
from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.render.plain import RESULT_WORDS, sla_text
from opstui.core.tickets import TicketRef
from opstui.tui.lines import Line, Row, Span, line, pad, wrap
from opstui.tui.words import called

NARROW = 64
LABEL = 10
RESULT_MARKS: Mapping[StepResult, tuple[str, str]] = {
    StepResult.FOUND: ("+", "good"),
    StepResult.RULED_OUT: ("–", ""),
    StepResult.NO_FINDING: ("○", "dim"),
    StepResult.COULD_NOT_CHECK: ("?", "warn"),
    StepResult.MADE_WORSE: ("!", "bad"),
    StepResult.UNKNOWN: ("·", "dim"),
}
"""What came of a step → a shape; the word stands behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that a document says."""

    key: str
    label: str
    text: str
    strong: str = ""
    """Said before the text, to be seen first."""
    mark: tuple[str, str] = (" ", "")
    """Shape and role."""
    more: str = ""
    """Said after it, dim."""
    role: str = ""
    citations: tuple[Citation, ...] = ()
    ticket: TicketRef | None = None
    """What ``enter`` opens in place of a source."""


def parts_of(
    document: Document | None, claims: Sequence[Claim], titles: Mapping[str, str], tz: tzinfo = UTC
) -> tuple[Part, ...]:
    """What there is to say, in the order of its weight.

    ``claims`` are the document's with their true words; ``titles`` are those of the taxonomy, ``team:net-core``; ``tz``
    is the operator's.
    """
    if document is None:
        return ()
    say = _SAY.get(type(document).__name__)
    words = {claim.id: claim.text for claim in claims}
    told = Told(words, titles, tz)
    made = list(say(document, told)) if say is not None else []
    return (*made, *_open_ends(document))


def part_rows(
    parts: Sequence[Part], numbers: Mapping[tuple[str, int, int], int], told: Callable[..., str], width: int
) -> list[Row]:
    """A row each; the label stands before the first of its kind. ``told`` writes a citation with its number."""
    rows: list[Row] = []
    before = ""
    for part in parts:
        rows.append(Row(part.key, tuple(_part_lines(part, part.label != before, numbers, told, width))))
        before = part.label
    return rows


def _part_lines(
    part: Part, is_first: bool, numbers: Mapping[tuple[str, int, int], int], told: Callable[..., str], width: int
) -> Iterator[Line]:
    label = pad(part.label if is_first else "", LABEL)
    indent = 3 + LABEL
    lead = f"{part.strong}  " if part.strong and part.text else part.strong
    cited = "  ".join(told(citation, numbers) for citation in part.citations)
    texts = wrap(lead + part.text, max(16, width - indent - 1))
    for at, text in enumerate(texts):
        head = line(" ", part.mark, " ", (label, "dim")) if at == 0 else line(" " * indent)
        strong = text[: len(lead)] if at == 0 else ""
        yield (*head, Span(strong, "strong"), Span(text[len(strong) :], part.role))
    tail = "  ".join(filter(None, (part.more, cited)))
    if tail:
        for text in wrap(tail, max(16, width - indent - 1)):
            yield line(" " * indent, (text, "dim"))


@dataclass(frozen=True, slots=True)
class Told:
    """How things are called here."""

    claims: Mapping[str, str]
    titles: Mapping[str, str]
    tz: tzinfo

    def words(self, claim: Claim) -> str:
        """A claim's true words."""
        return self.claims.get(claim.id, claim.text)


def _triage(triage: Triage, told: Told) -> Iterator[Part]:
    for name, choice in triage.choices:
        label = name.partition("_")[0]
        title = told.titles.get(f"{name}:{choice.value}", "")
        is_more = bool(title) and title.casefold() != str(choice.value).casefold()
        value = f"{choice.value} ({title})" if is_more else choice.value
        yield Part(
            key=f"part:{name}",
            label=label,
            strong=value or "not said",
            mark=(" ", "") if choice.value else ("?", "warn"),
            text=choice.because,
            more=told.words(choice.why) if choice.why is not None else "",
            role="dim",
            citations=choice.why.citations if choice.why is not None else (),
        )
    for at, text in enumerate(triage.unknown_values):
        yield Part(key=f"part:unknown:{at}", label="unknown", text=f"{text} is not in the taxonomy", mark=("!", "warn"))
    for at, other in enumerate(triage.duplicates):
        ref = _ref(other.ticket_id)
        yield Part(
            key=f"part:similar:{at}",
            label="similar",
            strong=called(ref) if ref is not None else other.ticket_id,
            text=other.title,
            more=f"shares {', '.join(other.shared_atoms)}" if other.shared_atoms else "",
            mark=("?", "accent"),
            ticket=ref,
        )
    yield from _texts("missing", triage.missing, ("?", "warn"))


def _escalation(package: EscalationPackage, told: Told) -> Iterator[Part]:
    score, missing = package.preflight.score, package.preflight.missing
    full = round(score / 10)
    left = f"{len(missing)} question{'s' * (len(missing) > 1)} open" if missing else "nothing that tier 2 asks is open"
    yield Part(
        key="part:preflight",
        label="preflight",
        strong=f"{score} of 100  {'▓' * full}{'░' * (10 - full)}",
        text=left,
        mark=("✓", "good") if not missing else ("~", "warn"),
    )
    for at, question in enumerate(missing):
        yield Part(key=f"part:asked:{at}", label="preflight", text=question, mark=("?", "warn"))
    yield Part(key="part:clock", label="clock", text=sla_text(package.sla, package.head.generated_at))
    yield from _steps(package.checked, told)
    if not package.checked:
        reason = package.nothing_checked_reason or "the ticket does not say what was checked"
        yield Part(key="part:step:none", label="checked", text=f"nothing: {reason}", mark=("?", "warn"))
    for at, guess in enumerate(package.hypotheses):
        against = "against it: yes" if guess.evidence_against else ""
        yield Part(
            key=f"part:guess:{at}", label="suspected", text=told.words(guess.claim), more=against,
            citations=(*guess.claim.citations, *guess.evidence_against),
        )  # fmt: skip


def _steps(steps: Iterable[CheckedStep], told: Told) -> Iterator[Part]:
    for at, step in enumerate(steps):
        result = RESULT_WORDS[step.result] or "result not said"
        yield Part(
            key=f"part:step:{at}",
            label="checked",
            strong=f"{step.at.astimezone(told.tz):%H:%M}",
            text=f"{step.by.id}: {told.words(step.detail)}",
            more=result,
            mark=RESULT_MARKS[step.result],
            citations=tuple(dict.fromkeys((*step.detail.citations, *step.evidence))),
        )


def _reply(reply: Reply, told: Told) -> Iterator[Part]:
    yield Part(key="part:state", label="state", text=reply.status.value, citations=_maybe(reply.status_citation))
    when = f"{reply.next_update:%Y-%m-%d %H:%M} UTC" if reply.next_update is not None else "none promised"
    yield Part(key="part:next", label="next word", text=when)
    yield _data_loss(reply.data_loss, reply.data_loss_citation)
    if reply.answered is not None:
        yield Part(key="part:answered", label="answers", text=reply.answered.quote or reply.answered.ref,
                   citations=(reply.answered,))  # fmt: skip


def _closure(notes: ResolutionNotes, told: Told) -> Iterator[Part]:
    yield Part(key="part:code", label="ended as", strong=notes.code.value.replace("_", " "), text="",
               citations=_maybe(notes.code_citation))  # fmt: skip
    unknown = notes.cause.status.value == "unknown"
    yield Part(
        key="part:cause", label="cause", text=told.words(notes.cause), mark=("?", "warn") if unknown else (" ", ""),
        more="" if unknown else notes.cause.status.value, citations=notes.cause.citations,
    )  # fmt: skip
    if notes.verified is not None:
        yield Part(key="part:verified", label="verified", text=told.words(notes.verified), mark=("✓", "good"),
                   citations=notes.verified.citations)  # fmt: skip
    else:
        yield Part(key="part:verified", label="verified", text="nobody wrote that it is over", mark=("?", "warn"))
    yield _data_loss(notes.data_loss, notes.data_loss_citation)
    yield from _steps(notes.actions_taken, told)
    for at, plan in enumerate(notes.follow_ups):
        more = "  ".join(filter(None, (plan.owner, f"by {plan.due:%Y-%m-%d %H:%M} UTC" if plan.due else "")))
        yield Part(key=f"part:left:{at}", label="left to do", text=plan.text, more=more,
                   citations=_maybe(plan.citation))  # fmt: skip


def _summary(summary: IncidentSummary, told: Told) -> Iterator[Part]:
    clock = sla_text(summary.sla, summary.head.generated_at)
    yield Part(key="part:state", label="state", strong=summary.status.value, text=clock,
               citations=_maybe(summary.status_citation))  # fmt: skip


def _data_loss(value: Tristate, citation: Citation | None) -> Part:
    unknown = value is Tristate.UNKNOWN
    return Part(key="part:loss", label="data loss", text="nobody has said" if unknown else value.value,
                mark=("?", "warn") if unknown else (" ", ""), citations=_maybe(citation))  # fmt: skip


def _open_ends(document: Any) -> Iterator[Part]:
    """What every kind ends with: no runbook, open questions, what was left out."""
    if getattr(document, "no_runbook_reason", None):
        yield Part(key="part:runbook", label="runbook", text=document.no_runbook_reason, role="dim")
    asked = document.preflight.missing if isinstance(document, EscalationPackage) else ()
    yield from _texts("open", [text for text in document.open_questions if text not in asked], ("?", "accent"))
    yield from _texts("left out", document.not_included, ("·", "dim"))


def _texts(label: str, texts: Iterable[str], mark: tuple[str, str]) -> Iterator[Part]:
    for at, text in enumerate(texts):
        yield Part(key=f"part:{label}:{at}", label=label, text=text, mark=mark)


def _ref(ticket_id: str) -> TicketRef | None:
    try:
        return TicketRef.parse(ticket_id)
    except UsageError:
        return None


def _maybe(citation: Citation | None) -> tuple[Citation, ...]:
    return (citation,) if citation is not None else ()


_SAY: Mapping[str, Callable[[Any, Told], Iterator[Part]]] = {
    "IncidentSummary": _summary,
    "EscalationPackage": _escalation,
    "Triage": _triage,
    "Reply": _reply,
    "ResolutionNotes": _closure,
}
"""Document schema, by class name → what it says beside its comment; the rest have screens of their own."""
