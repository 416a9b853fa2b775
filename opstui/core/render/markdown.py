"""Documents as Markdown files: complete, for attaching, readable as they are and when rendered.

Text from outside stays text: what Markdown would take for markup is escaped where it would be taken so, and only there.
"""

from __future__ import annotations

import re

from opstui.core.render.fences import fenced
from opstui.core.render.numbering import Numbering
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong, words_of
from opstui.core.text import SafeText, clean

_LIVE = re.compile(
    r"""
    \\(?=[!-/:-@\[-`{-~])            # a backslash that would escape something
    | `                              # code
    | \*(?=\S)|(?<=\S)\*             # emphasis
    | (?<![^\W_])_(?=\S)|(?<=\S)_(?![^\W_])
    | \[|\](?=[(\[:])                # links, footnotes, definitions
    | <(?=[A-Za-z/!?])               # HTML, autolinks
    | &(?=\#?\w+;)                   # entities
    | ~(?=~)|(?<=~)~
    """,
    re.VERBOSE,
)
_START = re.compile(r"(?:(#{1,6}|[-+*>]|={3,}|-{3,})(?=\s|$)|(\d{1,9})([.)])(?=\s|$)|(?=[|]))")


def text_only(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    line = " ".join(text.split())
    escaped = _LIVE.sub(lambda match: "\\" + match.group(), line)
    start = _START.match(escaped)
    if start and start[2]:
        return f"{start[2]}\\{escaped[len(start[2]) :]}"
    if start and (start[1] or escaped.startswith("|")):
        return "\\" + escaped
    return escaped


def markdown(sheet: Sheet) -> SafeText:
    """The whole sheet, one heading a section, with the list of its sources at the end."""
    numbers = Numbering()
    lines = [f"# {text_only(sheet.title)}", ""]
    if sheet.lead:
        lines += [_line(sheet.lead, numbers), ""]
    lines += [
        f"- {text_only(name)}: {_line(value, numbers)}" for name, value in sheet.fields if words_of(value).strip()
    ]
    for section in sheet.shown():
        lines += ["", f"## {text_only(section.title)}", "", *_body(section, numbers)]
    sources = numbers.sources()
    if sources:
        lines += [
            "",
            "## Sources",
            "",
            *(f"- {text_only(source).replace(chr(92) + '[', '[', 1)}" for source in sources),
        ]
    if sheet.made:
        lines += ["", text_only(sheet.made)]
    return clean("\n".join(lines).strip() + "\n")


def _body(section: Section, numbers: Numbering) -> list[str]:
    if section.block:
        items = [f"- {_line(item, numbers)}" for item in section.items]
        return [*items, *([""] if items else []), *fenced(section.block.rstrip("\n"))]
    return [f"- {_line(item, numbers)}" for item in section.items] or [text_only(section.empty)]


def _line(item: Item, numbers: Numbering) -> str:
    """An item's parts, each escaped by itself; the white space between them stays."""
    out: list[str] = []
    for part in item:
        if isinstance(part, Marks):
            out.append(numbers.marks(part.citations))
        elif isinstance(part, Strong):
            out.append(f"**{text_only(part.text)}**")
        else:
            before = " " if part[:1].isspace() else ""
            after = " " if part[-1:].isspace() and part.strip() else ""
            out.append(f"{before}{text_only(part)}{after}")
    return "".join(out).strip()
