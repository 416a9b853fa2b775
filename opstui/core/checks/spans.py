"""What a claim cites, read once: the lines, what belongs to their sources, whether it stands there verbatim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from opstui.core.checks.atoms import Evidence
from opstui.core.documents import Citation, Claim
from opstui.core.sources import Source, SourceSet, unescaped

LONG_LINE = 4_000
"""Of a longer line, only this much around the quote is compared: checks take milliseconds, whatever was pasted."""

_SENTENCE = re.compile(r"[.!?…;:](?:\s|\Z)|[|\"]")
_BEGINNING = 24
"""Characters by which a quotation's line is found."""


class Cited:
    """The spans of one claim (or of one citation)."""

    __slots__ = ("_evidence", "_text", "_words", "lines", "moments", "names")

    def __init__(self, sources: SourceSet, citations: Iterable[Citation]) -> None:
        self.lines: list[str] = []
        self.moments: list[datetime] = []
        self.names: list[str] = []
        self._text: str | None = None
        self._words: str | None = None
        self._evidence: Evidence | None = None
        for citation in citations:
            source = sources.find(citation.ref)
            if source is not None:
                self._take((_near(line, citation.quote) for line in sources.span_lines(citation)), source)

    def add(self, lines: Iterable[str], source: Source) -> None:
        """More lines of a source, as if they were cited too."""
        self._take((line[:LONG_LINE] for line in lines), source)
        self._text = self._words = self._evidence = None

    def _take(self, lines: Iterable[str], source: Source) -> None:
        meant: list[str] = []
        for line in lines:
            self.lines.append(line)
            if "\\" in line:
                meant += unescaped(line)
        self.lines += meant  # behind them all: a sentence may go on from one line to the next
        self.moments += source.moments
        self.names += source.names

    @property
    def text(self) -> str:
        """The lines as one text."""
        if self._text is None:
            self._text = "\n".join(self.lines)
        return self._text

    @property
    def words(self) -> str:
        """The same, case-folded, with single spaces."""
        if self._words is None:
            self._words = " ".join(self.text.split()).casefold()
        return self._words

    @property
    def evidence(self) -> Evidence:
        """The lines, ready to be asked for atoms."""
        if self._evidence is None:
            self._evidence = Evidence(self.lines, self.moments, self.names)
        return self._evidence


def verbatim(text: str, cited: Cited) -> bool:
    """Whether the text stands in the cited lines as it is, white space and a cut end aside, and not inside a word."""
    return next(_places(text, cited), None) is not None


def lead_in(text: str, cited: Cited) -> str:
    """What stands before a quotation in its own sentence and line: of several places, where the least does."""
    begin = " ".join(text.split()).casefold().rstrip("… ")[:_BEGINNING]
    found: str | None = None
    for line in cited.lines:
        low = " ".join(line.split()).casefold()
        at = low.find(begin)
        if at >= 0:
            before = _SENTENCE.split(low[max(0, at - 160) : at])[-1].strip()
            if found is None or len(before) < len(found):
                found = before
    return found or ""


def _places(text: str, cited: Cited) -> Iterator[int]:
    wanted = " ".join(text.split()).casefold()
    cut = wanted.endswith("…")
    if cut:
        wanted = wanted.rstrip("… ") or wanted
    at = cited.words.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        before, after = cited.words[at - 1 : at], cited.words[end : end + 1]
        clean_start = not (before and _joins(before) and wanted[0].isalnum())
        clean_end = cut or not (after and _joins(after) and wanted[-1].isalnum())
        if clean_start and clean_end:
            yield at
        at = cited.words.find(wanted, at + 1)


class Spans:
    """The cited spans of a document's claims, each read once for all checks."""

    __slots__ = ("_cited", "sources")

    def __init__(self, sources: SourceSet) -> None:
        self.sources = sources
        self._cited: dict[tuple[Citation, ...], Cited] = {}

    def of(self, claim: Claim) -> Cited:
        """What the claim cites."""
        return self.of_citations(claim.citations)

    def of_citations(self, citations: tuple[Citation, ...]) -> Cited:
        """What these citations hold together."""
        cited = self._cited.get(citations)
        if cited is None:
            cited = self._cited[citations] = Cited(self.sources, citations)
        return cited


def _joins(char: str) -> bool:
    return char.isalnum() or char in "_-"


def _near(line: str, quote: str) -> str:
    if len(line) <= LONG_LINE:
        return line
    at = max(0, line.find(quote)) if quote else 0
    begin = max(0, at - LONG_LINE // 4)
    return line[begin : begin + LONG_LINE]
