"""A small part of Markdown as styled lines: headings, lists, quotes, code, emphasis. Never links, never HTML.

What was kept from a model stands in its texts as ``⟦S:EMAIL:3f2a9c01⟧``; it is drawn short and dim, or as the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from opstui.core.redaction import PLACEHOLDER
from opstui.tui.draw import cells, head
from opstui.tui.pieces import FENCE

Bit = tuple[str, str]
"""Text and the role it is drawn in."""

_INLINE = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])|(\[\d{1,3}\])")
_NOTHING: Mapping[str, str] = {}
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,3}[.)])\s+(.*)")
LONGEST = 4000
"""Characters of one source line that are looked at for emphasis; longer ones are drawn plain."""


def inline(text: str, role: str = "text", revealed: Mapping[str, str] = _NOTHING) -> list[Bit]:
    """Emphasis, code and citation marks of one line; what was hidden, or its value where that is ``revealed``."""
    if len(text) > LONGEST or not any(char in text for char in "`*[⟦"):
        return [(text, role)]
    bits: list[Bit] = []
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            bits.append((text[end : found.start()], role))
        code, strong, emphasis, cite = found.groups()
        bits.append(
            (code, "code")
            if code
            else (strong, "strong")
            if strong
            else (emphasis, "quote")
            if emphasis
            else (cite, "accent")
        )
        end = found.end()
    if end < len(text):
        bits.append((text[end:], role))
    return [part for bit in bits for part in _hidden(*bit, revealed)]


def _hidden(text: str, role: str, revealed: Mapping[str, str]) -> list[Bit]:
    """What stands in place of a value, apart from the words around it."""
    if "⟦" not in text:
        return [(text, role)]
    bits: list[Bit] = []
    end = 0
    for found in PLACEHOLDER.finditer(text):
        bits.append((text[end : found.start()], role))
        value = revealed.get(found[0])
        if value is None:
            bits.append((f"⟦{found[1].lower().replace('_', '-')}·{found[2][:4]}⟧", "faint"))
        else:
            bits.append((value.replace("\n", "⏎"), "warn"))
        end = found.end()
    bits.append((text[end:], role))
    return [bit for bit in bits if bit[0]]


def flow(bits: list[Bit], width: int, lead: list[Bit], indent: int) -> list[list[Bit]]:
    """``bits`` wrapped at spaces into lines of ``width`` cells; ``lead`` before the first, ``indent`` blanks after."""
    lines: list[list[Bit]] = []
    line: list[Bit] = list(lead)
    used = sum(cells(text) for text, _ in lead)
    start = used
    apart = True
    for text, role in bits:
        for word in _words(text):
            # A blank may have been left out at the line's end, so the line itself can't tell.
            belongs, apart = not apart, word.endswith(" ")
            bare = word.rstrip(" ")
            size = cells(bare)
            if used + size > width and used > start:
                glued = _glued(line, size, width - indent) if belongs else []
                lines.append(line[: len(line) - len(glued)])
                line = [*([(" " * indent, role)] if indent else []), *glued]
                used, start = indent + sum(cells(piece) for piece, _ in glued), indent
                word = word.lstrip(" ")
                bare = word.rstrip(" ")
                size = cells(bare)
            while size > width - used and size > 0 and width > used:
                piece = head(bare, width - used)
                line.append((piece, role))
                lines.append(line)
                line, used, start = ([(" " * indent, role)] if indent else []), indent, indent
                bare, word = bare[len(piece) :], word[len(piece) :]
                size = cells(bare)
            if used + cells(word) > width:
                word = bare
            if word:
                line.append((word, role))
                used += cells(word)
    if line or not lines:
        lines.append(line)
    return lines


def _glued(line: list[Bit], size: int, room: int) -> list[Bit]:
    """The end of ``line`` that the next word belongs to (``[2]`` before a full stop), if there is room for both."""
    count = 0
    while count < len(line) and not line[-1 - count][0].endswith(" "):
        count += 1
    found = line[len(line) - count :] if count < len(line) else []
    return found if sum(cells(piece) for piece, _ in found) + size <= room else []


def _words(text: str) -> Iterator[str]:
    start = 0
    for found in re.finditer(r" +(?=[^ ])", text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]


def prose(text: str, width: int, revealed: Mapping[str, str] = _NOTHING) -> list[list[Bit]]:
    """``text`` as lines of at most ``width`` cells. Anything is accepted; what is not known is drawn as it stands.

    ``revealed``: placeholder → value, drawn in its place.
    """
    width = max(8, width)
    lines: list[list[Bit]] = []
    fenced = False
    for raw in text.split("\n"):
        source = raw.expandtabs(4)
        if FENCE.match(source):
            fenced = not fenced
            continue
        if fenced:
            lines += flow(_hidden(source, "code", revealed), width, [("  ", "code")], 2) if source else [[]]
        elif not source.strip():
            lines.append([])
        elif heading := _HEADING.match(source):
            lines += flow(inline(heading[2], "strong", revealed), width, [], 0)
        elif item := _ITEM.match(source):
            depth = min(len(item[1]), width // 3)
            mark = "·" if item[2] in "-*+" else item[2]
            lead: list[Bit] = [(" " * depth + mark + " ", "faint")]
            lines += flow(inline(item[3], "text", revealed), width, lead, depth + len(mark) + 1)
        elif source.lstrip().startswith(">"):
            lines += flow(inline(source.lstrip()[1:].strip(), "quote", revealed), width, [("┃ ", "faint")], 2)
        else:
            lines += flow(inline(source, "text", revealed), width, [], 0)
    return lines
