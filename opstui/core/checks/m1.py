"""M1: every citation exists and holds, and every claim that is not ``unknown`` has one. Blocks; weak support warns."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from opstui.core.checks.atoms import AtomKind, claimed_atoms
from opstui.core.checks.spans import Spans, verbatim
from opstui.core.documents import CITATION_LINES, QUOTE_LIMIT, Citation, Claim, ClaimStatus, Finding
from opstui.core.sources import SourceSet, sha12
from opstui.core.text import clean_line

CITATIONS_LIMIT = 3
WEAK_SUPPORT = 0.35
"""Below it, a claim shares too few telling words with what it cites."""

_WORD = re.compile(r"[^\W_]{3,}")
_STOP = frozenset(
    "the and for are was were has have had with from that this there their they them then than been being but"
    " not nor its it's into onto over under about after before since until while when where which who whom"
    " whose what why how all any some each other such only also very more most just now still can could may"
    " might must shall should will would our your his her"
    # By whom a claim is told is M2's business, and no part of what it tells.
    " according ticket report reports reported reporter states stated says said log logs shows entry".split()
)
_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ies", "ed", "es", "ly", "s")


def citation_fault(citation: Citation, sources: SourceSet) -> str | None:
    """What is wrong with a citation; None if it holds."""
    source = sources.find(citation.ref)
    name = clean_line(citation.ref, limit=80)
    if source is None:
        return f"{name} is not among the sources"
    if source.kind is not citation.kind:
        return f"{name} is a {source.kind.value}, not a {citation.kind.value}"
    if not 1 <= citation.line_start <= citation.line_end <= len(source.lines):
        return f"{name} has no lines {citation.line_start}-{citation.line_end}; it has {len(source.lines)}"
    if citation.line_end - citation.line_start + 1 > CITATION_LINES:
        return f"{name} {citation.line_start}-{citation.line_end} is longer than {CITATION_LINES} lines"
    text = sources.span(citation)
    if len(citation.quote) > QUOTE_LIMIT:
        return f"the quote from {name} is longer than {QUOTE_LIMIT} characters"
    if citation.quote and citation.quote not in text:
        return f"the quote is not in {name} {citation.line_start}-{citation.line_end}"
    if citation.sha256_12 and citation.sha256_12 != sha12(text):
        return f"{name} {citation.line_start}-{citation.line_end} has changed since it was read"
    return None


def check(claims: Sequence[Claim], others: Mapping[Citation, str], spans: Spans) -> Iterator[Finding]:
    """Findings of M1 over claims, and over the citations that stand outside of claims, each with the field it is in."""
    weights = word_weights(claims, spans)
    for claim in claims:
        if claim.status is not ClaimStatus.UNKNOWN and not claim.citations:
            yield Finding(id=f"M1:{claim.id}", level="block", text="it has no citation", claim=claim.id)
            continue
        if len(claim.citations) > CITATIONS_LIMIT:
            text = f"it has more than {CITATIONS_LIMIT} citations"
            yield Finding(id=f"M1:{claim.id}", level="block", text=text, claim=claim.id)
        fault = None
        for citation in claim.citations:
            fault = citation_fault(citation, spans.sources)
            if fault is not None:
                yield Finding(id=f"M1:{claim.id}", level="block", text=fault, claim=claim.id, citation=citation)
                break
        told = fault is None and claim.citations and claim.status is not ClaimStatus.UNKNOWN
        if told and support(claim, spans, weights) < WEAK_SUPPORT:
            yield Finding(
                id=f"M1-support:{claim.id}",
                level="warn",
                text="its words hardly stand in what it cites",
                claim=claim.id,
                citation=claim.citations[0],
            )
    for index, (citation, field) in enumerate(others.items(), start=1):
        fault = citation_fault(citation, spans.sources)
        if fault is not None:
            yield Finding(id=f"M1:citation-{index}", level="block", text=f"{field}: {fault}", citation=citation)


def support(claim: Claim, spans: Spans, weights: Counter[str] | None = None) -> float:
    """Share of the claim's words and figures, weighted by rarity, that stand in what it cites; 0 to 1.

    A quotation has 1.
    """
    cited = spans.of(claim)
    if verbatim(claim.text, cited):
        return 1.0
    words = stems(claim.text)
    if not words:
        return 1.0 if claim.citations else 0.0
    there = stems(cited.text) | stems(" ".join(cited.names))
    weights = weights if weights is not None else Counter()
    total = len(weights) or 1

    def rarity(word: str) -> float:
        return math.log(1 + total / (1 + weights[word]))

    # Times, identifiers and numbers tell as much as a word that stands nowhere else.
    found = [atom for atom in claimed_atoms(claim.text) if atom.kind is not AtomKind.NAME]
    rare = math.log(1 + total)
    whole = sum(rarity(word) for word in words) + rare * len(found)
    held = sum(rarity(word) for word in words & there)
    return (held + rare * sum(cited.evidence.holds(atom) for atom in found)) / whole


def word_weights(claims: Sequence[Claim], spans: Spans) -> Counter[str]:
    """In how many cited spans each word stands."""
    counts: Counter[str] = Counter()
    for citations in {
        claim.citations for claim in claims if claim.citations and not verbatim(claim.text, spans.of(claim))
    }:
        counts.update(stems(spans.of_citations(citations).text))
    return counts


@lru_cache(maxsize=2048)
def stems(text: str) -> frozenset[str]:
    """The telling words of a text without their endings."""
    return frozenset(stem(word) for word in _WORD.findall(text.casefold()) if word not in _STOP)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its ending, as far as a short list of endings goes."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > 3 and (word.endswith("e") or word[-1] == word[-2]) else word
