"""A text that grows, cut into pieces that are wrapped and drawn one by one.

A piece that was cut off never changes while the text only grows, so that what streams in costs what is new of it, and
a text of twenty megabytes opens as fast as a short one: only pieces that come into view are ever wrapped.
"""

from __future__ import annotations

import re

FENCE = re.compile(r"\s*(```|~~~)")
_FENCES = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
LINES = 40
"""Lines of a piece at most."""
LONGEST = 8_000
"""Characters of a line after which it is cut."""
COARSE = 16_000
"""Characters of a piece, roughly, where so much came at once that nobody will read it line by line."""
MUCH = 64_000
"""What is left of a text is cut line by line from here on."""
_SEAM = 200


class Pieces:
    """The pieces of one text. ``done`` ends with the last blank line; ``rest`` may still grow."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.rest = ""
        self._end = 0
        """Where ``rest`` begins in the text."""
        self._fenced = False
        self._seam = ""
        """The text just before ``_end``: where it differs, the text is another one."""

    def take(self, text: str, *, whole: bool = False) -> list[str]:
        """All pieces of ``text``, which has usually grown since the last time; nothing follows a ``whole`` one."""
        if whole:
            text = text.rstrip()
        if len(text) < self._end or text[max(0, self._end - _SEAM) : self._end] != self._seam:
            self.done, self._end, self._fenced = [], 0, False
        self._cut_much(text)
        self._cut_lines(text)
        self._seam = text[max(0, self._end - _SEAM) : self._end]
        rest = text[self._end :]
        self.rest = f"```\n{rest}" if self._fenced and rest else rest
        return [piece for piece in (*self.done, self.rest) if piece.strip()] or [""]

    def _cut_much(self, text: str) -> None:
        while len(text) - self._end > MUCH:
            end = text.rfind("\n", self._end, self._end + COARSE) + 1
            if end <= self._end:
                end = _seam_of(text, self._end, COARSE)
            chunk = text[self._end : end]
            odd = "```" in chunk or "~~~" in chunk
            self._add(chunk, end, bool(len(_FENCES.findall(chunk)) % 2) if odd else False)

    def _cut_lines(self, text: str) -> None:
        start = at = self._end
        count, turns = 0, False
        while True:
            newline = text.find("\n", at)
            if newline < 0:
                break
            if newline - at > LONGEST:
                end = _seam_of(text, at, LONGEST)
                self._add(text[start:end], end, turns)
                start = at = end
                count, turns = 0, False
                continue
            line = text[at:newline]
            if FENCE.match(line):
                turns = not turns
            count += 1
            at = newline + 1
            if (self._fenced == turns and not line.strip()) or count >= LINES:
                self._add(text[start:at], at, turns)
                start, count, turns = at, 0, False
        while len(text) - at > LONGEST:
            end = _seam_of(text, at, LONGEST)
            self._add(text[start:end], end, turns)
            start = at = end
            turns = False

    def _add(self, chunk: str, end: int, turns: bool) -> None:
        """A finished piece; ``turns``: it leaves a fence that it began in, or the other way round."""
        before, self._fenced = self._fenced, self._fenced != turns
        piece = chunk.removesuffix("\n")
        # A piece that is cut inside a fence must not turn the rest of the code into prose.
        self.done.append(("```\n" if before else "") + piece + ("\n```" if self._fenced else ""))
        self._end = end


def _seam_of(text: str, start: int, most: int) -> int:
    """Where a line without an end is cut: behind a blank if there is one."""
    blank = text.rfind(" ", start + most // 2, start + most)
    return blank + 1 if blank > 0 else start + most
