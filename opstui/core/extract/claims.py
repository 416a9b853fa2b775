"""From a sentence to a claim: cut to its limit, cited, and given one id wherever it is used."""

from __future__ import annotations

from opstui.core.documents import CLAIM_LIMIT, Citation, Claim, ClaimStatus
from opstui.core.extract.units import Unit
from opstui.core.sources import SourceSet
from opstui.core.tickets import EntryKind

_RECORDED = frozenset(
    (
        EntryKind.ALERT,
        EntryKind.SYSTEM,
        EntryKind.STATUS,
        EntryKind.FIELD,
        EntryKind.ASSIGN,
        EntryKind.ATTACH,
        EntryKind.LINK,
    )
)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, ended with ``…`` where something was left out, between words if there are any."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    space = kept.rfind(" ")
    if space >= limit // 2:
        kept = kept[:space]
    return kept.rstrip(" ,;:-–(") + "…"


class ClaimMaker:
    """Numbers the claims of one document. The same sentence is the same claim wherever it stands."""

    __slots__ = ("_made", "sources")

    def __init__(self, sources: SourceSet) -> None:
        self.sources = sources
        self._made: dict[tuple[str, int, str], Claim] = {}

    def claim(self, unit: Unit, limit: int = CLAIM_LIMIT) -> Claim:
        """The sentence as a claim: a fact where a system recorded it, reported where somebody wrote it."""
        text = cut(unit.text, limit)
        key = (unit.ref, unit.line_start, text)
        made = self._made.get(key)
        if made is None:
            status = ClaimStatus.FACT if unit.kind in _RECORDED else ClaimStatus.REPORTED
            made = Claim(f"c{len(self._made) + 1}", text, status, citations=(self.citation(unit),))
            self._made[key] = made
        return made

    def unknown(self, text: str) -> Claim:
        """A claim that says what is not known; it needs no source."""
        key = ("", 0, text)
        if key not in self._made:
            self._made[key] = Claim(f"c{len(self._made) + 1}", text, ClaimStatus.UNKNOWN)
        return self._made[key]

    def citation(self, unit: Unit) -> Citation:
        """Where the sentence stands."""
        return self.sources.cite(unit.ref, unit.line_start, unit.line_end, unit.quote)
