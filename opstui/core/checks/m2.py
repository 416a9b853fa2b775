"""M2: every time and identifier of a claim stands in what it cites (blocks); names and numbers too (warns)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opstui.core.checks.atoms import Atom, AtomKind, claimed_atoms
from opstui.core.checks.spans import Cited, Spans, verbatim
from opstui.core.documents import (
    Citation,
    Claim,
    ClaimStatus,
    Document,
    EscalationPackage,
    Finding,
    IncidentSummary,
    citations_of,
)

_BLOCKS = (AtomKind.TIME, AtomKind.IDENTIFIER)


def check(claims: Sequence[Claim], spans: Spans) -> Iterator[Finding]:
    """Findings of M2: at most one of a level for each claim, naming what was not found."""
    for claim in claims:
        if claim.status is ClaimStatus.UNKNOWN and not claim.citations:
            continue
        absent = _absent(claim.text, spans.of(claim))
        citation = claim.citations[0] if claim.citations else None
        for level, found in (
            ("block", [atom for atom in absent if atom.kind in _BLOCKS]),
            ("warn", [atom for atom in absent if atom.kind not in _BLOCKS]),
        ):
            if found:
                name = "M2" if level == "block" else "M2-number"
                yield Finding(
                    id=f"{name}:{claim.id}", level=level, text=_not_said(found), claim=claim.id, citation=citation
                )


def check_said(document: Document, spans: Spans) -> Iterator[Finding]:
    """The same for the short texts beside claims: steps, next steps, contingencies, what is asked.

    What has citations of its own is held against those (blocks); the rest against everything that the document cites
    (warns).
    """
    everything: Cited | None = None
    for name, text, citations, claim in _said(document):
        if citations:
            cited = spans.of_citations(citations)
        else:
            everything = everything or _everything(document, spans)
            cited = everything
        found = [atom for atom in _absent(text, cited) if atom.kind in _BLOCKS]
        if found:
            yield Finding(
                id=f"M2:{name}",
                level="block" if citations else "warn",
                text=_not_said(found),
                claim=claim,
                citation=citations[0] if citations else None,
            )


def _everything(document: Document, spans: Spans) -> Cited:
    cited = Cited(spans.sources, dict.fromkeys(citations_of(document)))
    cited.names += [spans.sources.ticket.ref.key, str(spans.sources.ticket.ref)]
    return cited


def _said(document: Document) -> Iterator[tuple[str, str, tuple[Citation, ...], str | None]]:
    """Name, text, citations, and the claim it belongs to."""
    steps = document.actions_taken if isinstance(document, IncidentSummary) else document.checked
    for number, step in enumerate(steps, start=1):
        yield f"step-{number}", step.what, (*step.detail.citations, *step.evidence), step.detail.id
    if isinstance(document, IncidentSummary):
        for number, plan in enumerate(document.next_steps, start=1):
            yield f"next-{number}", plan.text, (plan.citation,) if plan.citation else (), None
    if isinstance(document, EscalationPackage):
        for number, case in enumerate(document.contingency, start=1):
            yield f"if-{number}", f"{case.when}, {case.then}", (case.citation,) if case.citation else (), None
        for number, ask in enumerate(document.ask, start=1):
            yield f"ask-{number}", ask.text, (), None


def _absent(text: str, cited: Cited) -> list[Atom]:
    if verbatim(text, cited):
        return []
    return [atom for atom in claimed_atoms(text) if not cited.evidence.holds(atom)]


def _not_said(found: Sequence[Atom]) -> str:
    return f"the source does not say {', '.join(repr(atom.text.strip()) for atom in found[:4])}"
