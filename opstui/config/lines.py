"""In which line of a TOML file each key stands.

``tomllib`` keeps no positions, and messages that name the line are worth a small scanner. It runs only over text that
``tomllib`` has already accepted, so it may take every line at its word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the top; an integer counts the tables of an array of tables."""

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Key path → line, from 1. Keys inside inline tables are left out: their line is their parent's."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    open_until: str | None = None
    depth = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if open_until is None and depth == 0:
            stripped = line.strip()
            if stripped.startswith("["):
                table = _header(stripped, counts)
                for length in range(1, len(table) + 1):
                    found.setdefault(table[:length], number)
                continue
            names, end = _dotted(line, 0)
            if names and line[end : end + 1] == "=":
                for length in range(1, len(names) + 1):
                    found.setdefault(table + names[:length], number)
        depth, open_until = _skip(line, depth, open_until)
    return found


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of the key, or of the nearest table around it that has one."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _header(stripped: str, counts: dict[KeyPath, int]) -> KeyPath:
    array = stripped.startswith("[[")
    names, _ = _dotted(stripped, 2 if array else 1)
    path: KeyPath = ()
    for name in names[:-1]:
        path += (name,)
        if path in counts:
            path += (counts[path] - 1,)
    path += names[-1:]
    if array:
        counts[path] = counts.get(path, 0) + 1
        path += (counts[path] - 1,)
    return path


def _dotted(line: str, at: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while match := _PART.match(line, at):
        basic, literal, bare = match.groups()
        names.append(basic if basic is not None else literal if literal is not None else bare)
        at = match.end()
        if line[at : at + 1] != ".":
            break
        at += 1
    return tuple(names), at


def _skip(line: str, depth: int, open_until: str | None) -> tuple[int, str | None]:
    """Follow strings and brackets to the end of the line: how deep it ends, and in which long string."""
    at = 0
    while at < len(line):
        if open_until is not None:
            if open_until[0] == '"' and line[at] == "\\":
                at += 2
            elif line.startswith(open_until, at):
                at += len(open_until)
                open_until = None
            else:
                at += 1
            continue
        char = line[at]
        if char == "#":
            break
        if char in "\"'":
            open_until = char * 3 if line.startswith(char * 3, at) else char
            at += len(open_until)
            continue
        if char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        at += 1
    if open_until is not None and len(open_until) == 1:
        open_until = None
    return depth, open_until
