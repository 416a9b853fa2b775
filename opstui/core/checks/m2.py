"""M2: every time and identifier of a claim stands in what it cites (blocks); names and numbers too (warns)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opstui.core.checks.atoms import AtomKind, claimed_atoms
from opstui.core.checks.spans import Spans, verbatim
from opstui.core.documents import Claim, ClaimStatus, Finding

_BLOCKS = (AtomKind.TIME, AtomKind.IDENTIFIER)


def check(claims: Sequence[Claim], spans: Spans) -> Iterator[Finding]:
    """Findings of M2: at most one of a level for each claim, naming what was not found."""
    for claim in claims:
        if claim.status is ClaimStatus.UNKNOWN and not claim.citations:
            continue
        cited = spans.of(claim)
        if verbatim(claim.text, cited):
            continue
        absent = [atom for atom in claimed_atoms(claim.text) if not cited.evidence.holds(atom)]
        citation = claim.citations[0] if claim.citations else None
        for level, found in (
            ("block", [atom for atom in absent if atom.kind in _BLOCKS]),
            ("warn", [atom for atom in absent if atom.kind not in _BLOCKS]),
        ):
            if found:
                words = ", ".join(f"{atom.text!r}" for atom in found[:4])
                name = "M2" if level == "block" else "M2-number"
                yield Finding(
                    id=f"{name}:{claim.id}",
                    level=level,
                    text=f"the source does not say {words}",
                    claim=claim.id,
                    citation=citation,
                )
