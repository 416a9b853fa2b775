"""M4: the state word matches the ticket, nothing is claimed resolved that is not, polarity and hedges agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from opstui.core.checks.m1 import stem
from opstui.core.checks.spans import Cited, Spans, verbatim
from opstui.core.documents import Citation, Claim, ClaimStatus, Document, Finding, SummaryStatus, kind_of
from opstui.core.extract.clock import IMPLIED, SAYS_IDENTIFIED, SAYS_MITIGATING
from opstui.core.extract.words import HEDGE
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
_CAUSE = re.compile(
    r"\b(?:root cause|caused by|was caused|because(?: of)?|due to|triggered by|as a result of|the cause (?:is"
    r"|was)|responsible for|stems from)\b",
    re.IGNORECASE,
)
_CAUSE_WORDS = re.compile(
    r"\b(?:cause[ds]?|causing|because|due to|trigger(?:s|ed)?|result(?:s|ed|ing)?|responsible|reason|since|led to"
    r"|leads to|after|stems|blame[ds]?|from)\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"(?:not|no|never|without|cannot|none|neither|nor|nobody|nothing)\Z|.*n't\Z|.*n’t\Z", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:['’][a-z]+)?(?:[-_./:][^\W_]+)*")
_REACH = 3
"""Words after a negation that it covers."""
_LIGHT = frozenset(
    "the a an any is are was were be been being do does did has have had can could will would should may"
    " might must to of in on at for by and or but it its this that there with from as more further longer yet"
    " only very so if then than".split()
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
    if claim.status is ClaimStatus.UNKNOWN or verbatim(text, cited):
        return None
    for name, pattern in _STATES.items():
        if pattern.search(text) and not _says_state(name, cited.text):
            return f"the source does not say {name}"
    if _CAUSE.search(text) and not _CAUSE_WORDS.search(cited.text) and claim.status is not ClaimStatus.INFERRED:
        return "it names a cause that the source does not give"
    word = polarity_fault(text, cited.text)
    return f"the source says the opposite about {word!r}" if word is not None else None


def _says_state(name: str, text: str) -> bool:
    if _STATES[name].search(text):
        return True
    # A system's own words for the end of an incident may stand for each other; "closed" and "no data loss" may not.
    return any(name in group and any(_STATES[other].search(text) for other in group) for group in _SAME)


def polarity_fault(claim: str, span: str) -> str | None:
    """A word that the claim denies and the span affirms, or the other way round; None where they agree.

    A negation covers the next three telling words. A word that stands both ways in the span is no ground.
    """
    denied, affirmed = _polarity(claim)
    span_denied, span_affirmed = _polarity(span)
    for word, shown in denied.items():
        if word in span_affirmed and word not in span_denied:
            return shown
    for word, shown in affirmed.items():
        if word in span_denied and word not in span_affirmed and word not in denied:
            return shown
    return None


@lru_cache(maxsize=2048)
def _polarity(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Stem → word, for what a text denies and what it affirms."""
    denied: dict[str, str] = {}
    affirmed: dict[str, str] = {}
    for sentence in re.split(r"[.!?;\n](?:\s|\Z)|\bbut\b|, ", text):
        reach = 0
        for token in _TOKEN.findall(sentence.casefold()):
            if _NOT.match(token):
                reach = _REACH
                continue
            if token in _LIGHT:
                continue
            (denied if reach else affirmed).setdefault(stem(token), token)
            reach = max(0, reach - 1)
    return denied, affirmed
