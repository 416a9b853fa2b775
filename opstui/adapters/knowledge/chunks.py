"""Pages in pieces that are short enough to have one meaning."""

from __future__ import annotations

from opstui.adapters.knowledge.words import split_compounds
from opstui.core.text import lines

SIZE = 900
"""Code points of a piece: about 200 of the 256 tokens that the model reads."""
_BREAK = 500
"""From which size on a heading begins a new piece."""
_MOST = 200
"""Pieces of a page: a runbook has six, and a megabyte would take a minute."""


def chunks(title: str, text: str) -> list[str]:
    """The pieces of a page, the title before each, compound words in their parts; the title alone where that is all."""
    pieces: list[list[str]] = [[]]
    size = 0
    for line in lines(text):
        begins = line.startswith("#") and size > _BREAK
        if pieces[-1] and (begins or size + len(line) > SIZE):
            if len(pieces) == _MOST:
                break
            pieces.append([])
            size = 0
        pieces[-1].append(line[:SIZE])
        size += len(line) + 1
    said = ["\n".join(piece) for piece in pieces]
    return [split_compounds(title), *(split_compounds(f"{title}\n{piece}") for piece in said if piece.strip())]
