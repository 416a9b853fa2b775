"""The lowest line: the keys that matter here, or a notice until the next key."""

from __future__ import annotations

from opstui.tui.draw import Piece, cells
from opstui.tui.themes import Palette
from opstui.tui.widgets.lines import OneLine


def hint_pieces(hints: list[tuple[str, str]], palette: Palette, width: int) -> list[Piece]:
    """As many hints as fit whole; the last one always fits, since it is how to find the others."""
    if not hints:
        return []
    *rest, last = hints
    room = width - 2 - cells(last[0]) - cells(last[1]) - 1
    pieces: list[Piece] = [(" ", palette.dim)]
    for key, word in rest:
        size = cells(key) + cells(word) + 3
        if size > room:
            break
        pieces += [(key, palette.accent), (f" {word}  ", palette.dim)]
        room -= size
    return [*pieces, (last[0], palette.accent), (f" {last[1]}", palette.dim)]


class Hints(OneLine):
    """The footer."""

    def tell(self, hints: list[tuple[str, str]], notice: tuple[str, str] | None) -> None:
        """``notice`` is text and the role it is drawn in; while there is one it takes the line."""
        palette = self.palette
        width = self.size.width or self.app.size.width
        if notice is not None:
            mark = {"bad": "✗ ", "warn": "! "}.get(notice[1], "")
            self.show([(" ", palette.dim), (mark + notice[0].replace("\n", "  "), palette.role(notice[1]))])
        else:
            self.show(hint_pieces(hints, palette, width))
