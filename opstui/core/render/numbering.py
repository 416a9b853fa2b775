"""Numbers for citations: the same span is one number, in the order of first use, with a list of sources at the end."""

from __future__ import annotations

from collections.abc import Iterable

from opstui.core.documents import Citation


class Numbering:
    """Hands out numbers while a document is rendered."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int], int] = {}

    def marks(self, citations: Iterable[Citation]) -> str:
        """`` [1][3]`` with a space before, or nothing."""
        numbers = []
        for citation in citations:
            key = (citation.ref, citation.line_start, citation.line_end)
            number = self._numbers.setdefault(key, len(self._numbers) + 1)
            if number not in numbers:
                numbers.append(number)
        return " " + "".join(f"[{number}]" for number in numbers) if numbers else ""

    def sources(self) -> list[str]:
        """``[1] INC-1042#3 1-2``, one a source, in order."""
        found = []
        for (ref, start, end), number in self._numbers.items():
            found.append(f"[{number}] {ref} {start}" + (f"-{end}" if end != start else ""))
        return found
