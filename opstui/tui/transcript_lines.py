"""The lines of a transcript's blocks, before they are cells. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.tui.draw import cells
from opstui.tui.prose import Bit, flow, prose
from opstui.tui.session_text import Block

MEASURE = 100
"""Cells of a line of prose; longer ones are hard to read."""
DETAIL = 200
"""Lines of a tool call's input that are shown."""
_MARKS = {
    "error": ("✗ ", "bad"),
    "end": ("■ ", "accent"),
    "good": ("✓ ", "good"),
    "wait": ("◌ ", "dim"),
    "you": ("› ", "accent"),
}
_STANDS = {"well": ("◑ ", "accent"), "bad": ("✗ ", "bad"), "warn": ("! ", "warn")}
Lines = list[list[Bit]]


def part_lines(block: Block, text: str, before: str, width: int, revealed: Mapping[str, str], *, grows: bool) -> Lines:
    """The lines of a part of ``block``.

    ``before`` is the kind of the block before it, empty for a part that begins none; ``grows``: it is the end of a
    text that is being written.
    """
    gap: Lines = [[]] if before and _is_apart(before, block.kind) else []
    if block.kind == "tool":
        return [*gap, *tool_lines(block, width, revealed)]
    if block.kind == "document":
        return [*gap, *document_lines(block, width, revealed)]
    if block.kind == "text":
        lines = prose(text, min(width, MEASURE), revealed)
        if grows:
            lines = [*lines[:-1], [*(lines[-1] if lines else []), ("▏", "accent")]]
        return [*gap, *lines] or [[]]
    if block.kind == "stand":
        return [*gap, *_stand_lines(block, min(width, MEASURE))]
    mark, role = _MARKS.get(block.kind, ("· ", "dim"))
    words = "text" if block.kind == "you" else role
    return [*gap, *_marked(text, mark, role, words, width, revealed)]


def _is_apart(before: str, kind: str) -> bool:
    """Whether a blank line stands between blocks of these kinds."""
    if kind == "tool":
        return before in ("text", "you")
    return kind in ("text", "stand", "wait", "you", "document") or before in ("tool", "text", "you")


def _marked(text: str, mark: str, role: str, words: str, width: int, revealed: Mapping[str, str]) -> Lines:
    body = prose(text, width - 2, revealed) or [[]]
    return [
        [
            (mark if number == 0 else "  ", role),
            *((piece, words if kind == "text" else kind) for piece, kind in line),
        ]
        for number, line in enumerate(body)
    ]


def tool_lines(block: Block, width: int, revealed: Mapping[str, str]) -> Lines:
    """A tool call in a line; open, with what it was asked."""
    mark = "▾ " if block.open else "▸ "
    asked = prose(block.text, 10_000, revealed)[0] if block.text else []
    lines: Lines = [
        [(mark, "faint"), (block.name, "text"), ("  ", "dim")]
        + [(text, "dim" if role == "text" else role) for text, role in asked]
    ]
    if block.open:
        for line in block.detail.split("\n")[:DETAIL]:
            lines += prose(f"    {line}", width, revealed)
    return lines


def document_lines(block: Block, width: int, revealed: Mapping[str, str]) -> Lines:
    """A document that was accepted, in a line; open, with all that it says."""
    mark = ("▾ " if block.open else "▸ ") if block.detail else ""
    lines: Lines = [[(mark, "faint"), ("✓ ", "good"), (block.name or "document", "strong"), (f"  {block.text}", "dim")]]
    if block.open:
        for line in block.detail.split("\n")[:DETAIL]:
            lines += [[("    ", "text"), *part] for part in prose(line, min(width - 4, MEASURE), revealed)]
    return lines


def _stand_lines(block: Block, width: int) -> Lines:
    mark, role = _STANDS.get(block.name, _STANDS["warn"])
    lines = _marked(block.text, mark, role, "strong", width, {})
    wide = max((cells(key) for key, _ in block.choices), default=1)
    for key, words in block.choices:
        lead: list[Bit] = [("    ", "dim"), (key.ljust(wide), "accent"), ("  ", "dim")]
        lines += flow([(words, "text")], width, lead, 6 + wide)
    return lines
