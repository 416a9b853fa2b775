"""The front matter of a page, as far as it is simple, and its title.

No YAML library: what is read is ``key: value``, a list in brackets and a list of ``- item`` lines, all of it text.
Anything else (nested tables, anchors, block scalars) is left alone. TOML between ``+++`` is read by the standard
library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from opstui.core.pages.shape import front_end, key_name
from opstui.core.text import SafeText, clean_line

LETTERS = 64_000
"""Of all of it; what is longer is no front matter that a person wrote."""
ITEMS = 50
"""Values kept of one list."""
LINE = 1_000
"""Letters of a line that are looked at for a heading: a pattern over 100 KB of blanks takes minutes."""

_KEY = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*:(?:\s+(.*))?\Z")
_ITEM = re.compile(r"\s*-\s+(.*)\Z")
_QUOTED = re.compile(r"""(?:"([^"\\]*)"|'((?:[^']|'')*)')\s*(?:#.*)?\Z""")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*\Z")
_NESTED = ("extra", "params", "taxonomies", "meta")
"""Tables in which site generators put what is not their own."""


def front_matter(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Key (``review_by``: lower case, underscores) → its values, of what is simple. Never raises."""
    end = front_end(lines)
    inside = lines[1 : end - 1] if end else []
    if not inside or sum(map(len, inside)) > LETTERS:
        return {}
    return _toml(inside) if lines[0].startswith("+++") else _yaml(inside)


def _yaml(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    key = ""
    items: list[str] = []
    for line in (*(line[:LINE] for line in lines), "end:"):
        item = _ITEM.match(line)
        if item and key:
            value = _scalar(item[1])
            if value and len(items) < ITEMS:
                items.append(value)
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if key and items:
            found.setdefault(key, tuple(items))
        key, items = "", []
        pair = _KEY.match(line)
        if pair is None:
            continue
        value = (pair[2] or "").strip()
        if not value or value.startswith("#"):
            key = key_name(pair[1])  # a list may follow; a nested table has no items and is left alone
        elif values := _values(value):
            found.setdefault(key_name(pair[1]), values)
    return found


def _values(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        inside, closing, rest = text[1:].rpartition("]")
        if not closing or (rest.strip() and not rest.strip().startswith("#")) or "[" in inside or "{" in inside:
            return ()
        return tuple(value for part in _parts(inside)[:ITEMS] if (value := _scalar(part)))
    value = _scalar(text)
    return (value,) if value else ()


def _parts(text: str) -> list[str]:
    """What stands between the commas that are in no quotes."""
    parts, quote, start = [], "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == ",":
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _scalar(text: str) -> str:
    """The text of a plain or quoted value; empty for one that is neither."""
    text = text.strip()
    if text[:1] in ("'", '"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            return ""
        return quoted[1] if quoted[1] is not None else quoted[2].replace("''", "'")
    if not text or text[0] in "|>&*!%@`{}[],":
        return ""
    return text.partition(" #")[0].rstrip()


def _toml(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    import tomllib

    try:
        table = tomllib.loads("\n".join(lines) + "\n")
    except (ValueError, RecursionError):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for values in (table, *(table[name] for name in _NESTED if isinstance(table.get(name), Mapping))):
        for key, value in values.items():
            texts = _texts(value)
            if texts:
                found.setdefault(key_name(key), texts)
    return found


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text for item in value[:ITEMS] if not isinstance(item, list) for text in _texts(item))
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, date | datetime):
        return (value.isoformat(),)
    return (str(value),) if isinstance(value, str | int | float) and str(value).strip() else ()


def page_title(text: str) -> SafeText | None:
    """``title`` of the front matter, else the first heading outside of code, else None."""
    lines = text.split("\n")
    for value in front_matter(lines).get("title", ()):
        if title := clean_line(value):
            return title
    return next((title for _, _, title in headings(lines)), None)


def headings(lines: Sequence[str]) -> Iterator[tuple[int, int, SafeText]]:
    """Number of the line (from 0), level and words of each heading outside of code, front matter left out.

    Underlined ones count where the line is of ``=``; a line of ``-`` may as well be a rule.
    """
    fence = ""
    start = front_end(lines)
    for number in range(start, len(lines)):
        line = lines[number][:LINE]
        stripped = line.lstrip()
        if fence:
            if stripped.startswith(fence):
                fence = ""
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
        elif match := _ATX.match(line) if stripped.startswith("#") else None:
            title = clean_line(match[2].strip("*`_ "))
            if title:
                yield number, len(match[1]), title
        elif stripped.startswith("=") and number > start and _UNDERLINE.match(line):
            title = clean_line(lines[number - 1].strip("*`_ "))
            if title and not lines[number - 1].startswith(("#", "    ", "\t")):
                yield number - 1, 1, title
