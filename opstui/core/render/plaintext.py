"""Documents as plain text, whole: for a terminal, a mail, or a ticket system that knows no markup."""

from __future__ import annotations

from opstui.core.render.numbering import Numbering
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong, words_of
from opstui.core.text import SafeText, clean


def plain_text(sheet: Sheet) -> SafeText:
    """The whole sheet; every item on one line, the list of sources at the end."""
    numbers = Numbering()
    lines = [_one_line(sheet.title), ""]
    if sheet.lead:
        lines += [_line(sheet.lead, numbers), ""]
    lines += [f"{name}: {_line(value, numbers)}" for name, value in sheet.fields if words_of(value).strip()]
    for section in sheet.shown():
        lines += ["", section.title, *_body(section, numbers)]
    sources = numbers.sources()
    if sources:
        lines += ["", "Sources", *sources]
    if sheet.made:
        lines += ["", _one_line(sheet.made)]
    return clean("\n".join(lines).strip() + "\n")


def _body(section: Section, numbers: Numbering) -> list[str]:
    items = [f"- {_line(item, numbers)}" for item in section.items]
    if section.block:
        # Indented, so that no line of it can pass for a heading or an item of ours.
        return [*items, *(f"    {line}".rstrip() for line in section.block.rstrip("\n").split("\n"))]
    return items or [_one_line(section.empty)]


def _line(item: Item, numbers: Numbering) -> str:
    parts = []
    for part in item:
        if isinstance(part, Marks):
            parts.append(numbers.marks(part.citations))
        else:
            parts.append(part.text if isinstance(part, Strong) else part)
    return _one_line("".join(parts))


def _one_line(text: str) -> str:
    return " ".join(text.split())
