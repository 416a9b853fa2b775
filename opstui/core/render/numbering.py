"""Numbers for citations: the same span is one number, in the order of first use, with a list of sources at the end."""

from __future__ import annotations

from collections.abc import Iterable

from opstui.core.documents import Citation


class Numbering:
    """Hands out numbers while a document is rendered."""

    __slots__ = ("_first", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._first: list[Citation] = []

    def numbers(self, citations: Iterable[Citation]) -> list[int]:
        """The number of each span, each once."""
        found: list[int] = []
        for citation in citations:
            key = (citation.ref, citation.line_start, citation.line_end)
            if key not in self._numbers:
                self._numbers[key] = len(self._numbers) + 1
                self._first.append(citation)
            if self._numbers[key] not in found:
                found.append(self._numbers[key])
        return found

    def marks(self, citations: Iterable[Citation]) -> str:
        """`` [1][3]`` with a space before, or nothing."""
        numbers = self.numbers(citations)
        return " " + "".join(f"[{number}]" for number in numbers) if numbers else ""

    def cited(self) -> list[Citation]:
        """The first citation of each number, in order."""
        return list(self._first)

    def sources(self) -> list[str]:
        """``[1] INC-1042#3 1-2``, one a source, in order."""
        return [f"[{number}] {place(citation)}" for number, citation in enumerate(self._first, start=1)]


def place(citation: Citation) -> str:
    """``INC-1042#3 1-2``."""
    end = f"-{citation.line_end}" if citation.line_end != citation.line_start else ""
    return f"{citation.ref} {citation.line_start}{end}"
