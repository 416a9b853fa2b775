"""M4: the state word matches the ticket, nothing is claimed resolved that is not, polarity and hedges agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opstui.core.checks.opposites import alike, doubtful, opposite
from opstui.core.checks.spans import Cited, Spans, lead_in, verbatim
from opstui.core.documents import (
    Citation,
    Claim,
    ClaimStatus,
    Document,
    Finding,
    StepResult,
    SummaryStatus,
    Tristate,
    kind_of,
)
from opstui.core.extract.clock import IMPLIED, SAYS_IDENTIFIED, SAYS_MITIGATING
from opstui.core.extract.words import HEDGE, LOSS, LOSS_OPEN, NO_LOSS, step_result
from opstui.core.tickets import StatusCategory, Ticket

HEDGED_START = re.compile(
    r"(?:possibl[ey]|suspected|probabl[ey]|likely|perhaps|maybe|presumably|apparently|might|may)\b", re.IGNORECASE
)

_STATES: dict[str, re.Pattern[str]] = {
    name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for name, words in {
        "resolved": r"resolved|resolves|solved",
        "fixed": r"fixed|repaired|cured",
        "recovered": r"recovered|recovers|back to normal|healthy again|works? again|working again",
        "restored": r"restored",
        "mitigated": r"mitigated",
        "closed": r"closed",
        "reopened": r"re-?opened",
        "rolled back": r"rolled back|reverted",
        "no data loss": r"no (?:customer )?data (?:loss|(?:was|is|were|has been) lost)|(?:no|without) loss of data",
        "data loss": r"data loss|lost data|data (?:was|were|has been) lost",
        "acknowledged": r"acknowledged",
        "waiting": r"waiting",
        "degraded": r"degraded",
        "unaffected": r"unaffected|not affected",
    }.items()
}
_SAME = ({"resolved", "fixed", "recovered", "restored", "mitigated"},)
_ENDS = ("resolved", "fixed", "recovered", "restored", "no data loss")
_TO_COME = re.compile(
    r"\b(?:to be|until|once|when|after|should|must|will|please|can|could|by whom|who)\b", re.IGNORECASE
)
_CAUSE = re.compile(
    r"\b(?:root cause|caused by|was caused|because(?: of)?|due to|triggered by|as a result of|the cause (?:is"
    r"|was)|responsible for|stems from|(?:is|was|are|were) (?:the|our) (?:root )?(?:cause|culprit|reason)|to blame for"
    r"|(?:is|was|are|were) to blame|caused|causes|causing|led to|leads to|resulted in|results in)\b",
    re.IGNORECASE,
)
_CAUSE_WORDS = re.compile(
    r"\b(?:cause[ds]?|causing|because|due to|trigger(?:s|ed)?|result(?:s|ed|ing)?|responsible|reason|since|led to"
    r"|leads to|after|stems|blame[ds]?|from|culprit|why|broke|breaks|took|takes|made|makes|brought|holds|held)\b",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"[.!?;\n](?:\s|\Z)|\n")
_DENIAL = re.compile(
    r"\b(?:not|no|never|without|cannot|none|neither|nor|nobody|nothing|if|unless|whether|in case)\b|n['’]t\b",
    re.IGNORECASE,
)
_SUSPECTED = 0.4
"""Share of a claim's telling words that a suspicion has which it may be made of."""
_NEAR = 4
"""Words before a quotation in which a negation or a hedge still speaks of it."""
_NOT_KNOWN = re.compile(
    r"\bunknown|\bunclear|\bno (?:one|source|entry|page|record|word|information|data|sign|mention|title|cause|answer)\b"
    r"|\bnobody|\bnot\b|n['’]t\b|\bno\b|\bnothing|\bnone\b|\bopen\b|\bmissing|\?|\bwithout\b|\bpending\b|\buncertain"
    r"|\bundetermined|\bunconfirmed|\bunstated|\bunspecified|\babsent|\bfinding out|\bstill being"
    r"|\btbd\b|\bto be (?:found|seen|told|determined)|\binvestigat|\bawait|\bwaiting\b"
    r"|\bwe are (?:still )?(?:looking|checking|investigating)|\bremains?\b",
    re.IGNORECASE,
)


def check(document: Document, claims: Sequence[Claim], spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    """Findings of M4."""
    kind = kind_of(document)
    state = kind.state(document)
    if state is not None:
        yield from _state(*state, spans, ticket)
    guesses = {guess.claim.id for guess in kind.guesses(document)}
    for claim in claims:
        fault = _claim_fault(claim, spans.of(claim), guess=claim.id in guesses)
        if fault is not None:
            citation = claim.citations[0] if claim.citations else None
            yield Finding(id=f"M4:{claim.id}", level="block", text=fault, claim=claim.id, citation=citation)
        elif claim.citations and not verbatim(claim.text, spans.of(claim)):
            word = doubtful(claim.text, spans.of(claim).text)
            fault = f"the source has the opposite of {word!r}" if word is not None else None
            if fault is None and _only_suspected(claim, spans.of(claim)):
                fault = "the source only suspects it"
            if fault is not None:
                name = f"M4-word:{claim.id}"
                yield Finding(id=name, level="warn", text=fault, claim=claim.id, citation=claim.citations[0])
    for said in kind.said(document):
        cited = spans.of_citations(said.citations)
        fault = _text_fault(said.text, cited, inferred=True) if cited.lines and not verbatim(said.text, cited) else None
        if fault is not None:
            name, first = f"M4:{said.name}", said.citations[0]
            yield Finding(id=name, level="block", text=fault, claim=said.claim, citation=first)
    yield from _beside(document, spans)
    yield from _losses(document, spans)
    yield from _results(document, spans)


def _beside(document: Document, spans: Spans) -> Iterator[Finding]:
    """An end that is told beside the claims, where nothing has to be cited, and nowhere in the ticket."""
    kind = kind_of(document)
    texts = [*kind.lines(document), *((said.name, said.text) for said in kind.said(document) if not said.citations)]
    texts += [
        (name, text)
        for name in ("no_runbook_reason", "nothing_checked_reason")
        if isinstance(text := getattr(document, name, None), str)
    ]
    told = ""
    for place, text in dict.fromkeys(texts):
        for name in _ENDS:
            found = _STATES[name].search(text)
            if found is None or _DENIAL.search(text) or "?" in text or _TO_COME.search(text):
                continue
            told = told or "\n".join(line for ref in spans.sources.refs() for line in spans.sources.lines(ref)[:400])
            if not _says_state(name, told):
                fault = f"{place}: no source says {found.group().casefold()}"
                yield Finding(id=f"M4-beside:{place}", level="warn", text=fault)
                break


def _losses(document: Document, spans: Spans) -> Iterator[Finding]:
    """Whether data was lost is unknown until somebody says yes or no."""
    for holder in (document, getattr(document, "impact", None)):
        said = getattr(holder, "data_loss", None)
        if not isinstance(said, Tristate) or said is Tristate.UNKNOWN:
            continue
        citation = holder.data_loss_citation  # type: ignore[union-attr]
        text = spans.sources.span(citation) if citation is not None else ""
        told = [part for part in _SENTENCES.split(text) if not LOSS_OPEN.search(part)]
        none = any(NO_LOSS.search(part) for part in told)
        holds = none if said is Tristate.NO else any(LOSS.search(part) for part in told) and not none
        if not holds:
            fault = f"data loss is {said.value}, but no line is cited that says so"
            yield Finding(id="M4:data-loss", level="block", text=fault, citation=citation)


def _results(document: Document, spans: Spans) -> Iterator[Finding]:
    """What came of a step, where its own words and those it cites all say another thing."""
    steps = next((getattr(document, name) for name in ("actions_taken", "checked") if hasattr(document, name)), ())
    for number, step in enumerate(steps, start=1):
        if step.result is StepResult.UNKNOWN:
            continue
        cited = spans.of_citations((*step.detail.citations, *step.evidence))
        texts = (step.what, step.detail.text, *_SENTENCES.split(cited.text))
        said = {step_result(text[:400]) for text in texts} - {StepResult.UNKNOWN}
        if said and step.result not in said:
            words = ", ".join(sorted(result.value.replace("_", " ") for result in said))
            fault = f"the result is {step.result.value.replace('_', ' ')}, but the source says {words}"
            yield Finding(id=f"M4-result:step-{number}", level="warn", text=fault, claim=step.detail.id)


def _state(status: SummaryStatus, citation: Citation | None, spans: Spans, ticket: Ticket) -> Iterator[Finding]:
    implied = IMPLIED.get(ticket.status.category, SummaryStatus.UNKNOWN)
    if status in (implied, SummaryStatus.UNKNOWN):
        return
    open_now = ticket.status.category in (StatusCategory.NEW, StatusCategory.OPEN)
    says = {SummaryStatus.IDENTIFIED: SAYS_IDENTIFIED, SummaryStatus.MITIGATING: SAYS_MITIGATING}.get(status)
    if open_now and says is not None and citation is not None:
        source = spans.sources.find(citation.ref)
        own = citation.ref.startswith(f"{ticket.ref.key}#")
        if source is not None and own and says.search(spans.sources.span(citation)):
            return
    yield Finding(
        id="M4:status",
        level="block",
        citation=citation,
        text=f"the state is {status.value}, but the ticket is {ticket.status.raw}, which means {implied.value}",
    )


def _claim_fault(claim: Claim, cited: Cited, *, guess: bool) -> str | None:
    text = claim.text
    if claim.status is ClaimStatus.INFERRED and not HEDGED_START.match(text.lstrip("\"'(")):
        return "it is inferred but does not begin with a hedge (Possibly, Suspected)"
    if guess and not HEDGE.search(text):
        return "it is a hypothesis but carries no hedge"
    if claim.status is ClaimStatus.UNKNOWN:
        end = next((name for name in _ENDS if _STATES[name].search(text) and not verbatim(text, cited)), None)
        if end is not None and not _TO_COME.search(text) and not re.search(rf"\b(?:not|no|if)\b[^,;]*{end}", text):
            return f"it is marked unknown, but says {end}"
        return None if _NOT_KNOWN.search(text) else "it is marked unknown, but says something"
    return _text_fault(text, cited, inferred=claim.status is ClaimStatus.INFERRED)


def _text_fault(text: str, cited: Cited, *, inferred: bool = False) -> str | None:
    """What a sentence says of states, causes and the like that its source does not, or says the other way round."""
    if verbatim(text, cited):
        before = " ".join(lead_in(text, cited).split()[-_NEAR:])
        word = _DENIAL.search(before) or (HEDGE.search(before) if not inferred else None)
        return f"the source says {word.group()!r} before it" if word is not None else None
    for name, pattern in _STATES.items():
        if pattern.search(text) and not _says_state(name, cited.text):
            return f"the source does not say {name}"
    if _names_cause(text) and not inferred and not HEDGE.search(text):
        given = [part for part in _SENTENCES.split(cited.text) if _CAUSE_WORDS.search(part)]
        if not given:
            return "it names a cause that the source does not give"
        if all(HEDGE.search(part) for part in given):
            return "it names a cause that the source only suspects"
    contrary = opposite(text, cited.text)
    return f"the source says the opposite about {contrary!r}" if contrary is not None else None


def _names_cause(text: str) -> bool:
    """Whether it says that something is the cause; not where it says that it is none, or whether it is one."""
    return any(
        _DENIAL.search(re.split(r"[,;:.]\s", text[: match.start()])[-1]) is None for match in _CAUSE.finditer(text)
    )


def _only_suspected(claim: Claim, cited: Cited) -> bool:
    """Whether each sentence of the source that says most of the claim is a suspicion, and the claim is none."""
    if claim.status in (ClaimStatus.INFERRED, ClaimStatus.UNKNOWN) or HEDGE.search(claim.text):
        return False
    # ``I suspect the pool: its size is 8`` suspects the pool and states its size.
    near = alike(claim.text, cited.text.replace(": ", ". "), _SUSPECTED)
    return bool(near) and all(HEDGE.search(part) for part in near.split("\n"))


def _says_state(name: str, text: str) -> bool:
    if _STATES[name].search(text):
        return True
    # A system's own words for the end of an incident may stand for each other; "closed" and "no data loss" may not.
    return any(name in group and any(_STATES[other].search(text) for other in group) for group in _SAME)
