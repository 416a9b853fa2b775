"""M2: every time and identifier of a claim stands in what it cites (blocks); names and numbers too (warns)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opstui.core.checks.atoms import Atom, AtomKind, claimed_atoms
from opstui.core.checks.spans import Cited, Spans, verbatim
from opstui.core.documents import Claim, ClaimStatus, Document, Finding, citations_of, kind_of

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
    for said in kind_of(document).said(document):
        if said.citations:
            cited = spans.of_citations(said.citations)
        else:
            everything = everything or _everything(document, spans)
            cited = everything
        found = [atom for atom in _absent(said.text, cited) if atom.kind in _BLOCKS]
        if found:
            yield Finding(
                id=f"M2:{said.name}",
                level="block" if said.citations else "warn",
                text=_not_said(found),
                claim=said.claim,
                citation=said.citations[0] if said.citations else None,
            )


def _everything(document: Document, spans: Spans) -> Cited:
    cited = Cited(spans.sources, dict.fromkeys(citations_of(document)))
    cited.names += [spans.sources.ticket.ref.key, str(spans.sources.ticket.ref)]
    return cited


def _absent(text: str, cited: Cited) -> list[Atom]:
    if verbatim(text, cited):
        return []
    return [atom for atom in claimed_atoms(text) if not cited.evidence.holds(atom)]


def _not_said(found: Sequence[Atom]) -> str:
    return f"the source does not say {', '.join(repr(atom.text.strip()) for atom in found[:4])}"
