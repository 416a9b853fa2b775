"""A small part of Markdown as styled lines: headings, lists, quotes, code, emphasis. Never links, never HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opstui.tui.draw import cells, head

Bit = tuple[str, str]
"""Text and the role it is drawn in."""

_INLINE = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])|(\[\d{1,3}\])")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,3}[.)])\s+(.*)")
_FENCE = re.compile(r"\s*(```|~~~)")
LONGEST = 4000
"""Characters of one source line that are looked at for emphasis; longer ones are drawn plain."""


def inline(text: str, role: str = "text") -> list[Bit]:
    """Emphasis, code and citation marks of one line."""
    if len(text) > LONGEST or not any(char in text for char in "`*["):
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
    return bits


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


def prose(text: str, width: int) -> list[list[Bit]]:
    """``text`` as lines of at most ``width`` cells. Anything is accepted; what is not known is drawn as it stands."""
    width = max(8, width)
    lines: list[list[Bit]] = []
    fenced = False
    for raw in text.split("\n"):
        source = raw.expandtabs(4)
        if _FENCE.match(source):
            fenced = not fenced
            continue
        if fenced:
            lines += flow([(source, "code")], width, [("  ", "code")], 2) if source else [[]]
        elif not source.strip():
            lines.append([])
        elif heading := _HEADING.match(source):
            lines += flow(inline(heading[2], "strong"), width, [], 0)
        elif item := _ITEM.match(source):
            depth = min(len(item[1]), width // 3)
            mark = "·" if item[2] in "-*+" else item[2]
            lead: list[Bit] = [(" " * depth + mark + " ", "faint")]
            lines += flow(inline(item[3]), width, lead, depth + len(mark) + 1)
        elif source.lstrip().startswith(">"):
            lines += flow(inline(source.lstrip()[1:].strip(), "quote"), width, [("┃ ", "faint")], 2)
        else:
            lines += flow(inline(source), width, [], 0)
    return lines


def blocks(text: str, *, limit: int = 40) -> tuple[list[str], str]:
    """``text`` split into finished blocks and the open rest: at blank lines outside fences, and every ``limit`` lines.

    A finished block never changes when more text comes, so it is drawn once.
    """
    done: list[str] = []
    current: list[str] = []
    fenced = False
    lines = text.split("\n")
    # The last line may still grow.
    for line in lines[:-1]:
        if _FENCE.match(line):
            fenced = not fenced
        current.append(line)
        if (not fenced and not line.strip()) or len(current) >= limit:
            block = "\n".join(current)
            # A block cut inside a fence must not turn the rest of the code into prose.
            done.append(block + "\n```" if fenced else block)
            current = ["```"] if fenced else []
    return done, "\n".join([*current, lines[-1]])
