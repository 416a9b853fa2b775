"""A document laid out for people, before it is text: Markdown, plain text and HTML are made from the same sheet.

Every text of a sheet is text and nothing else: who writes a format escapes all of it, whoever wrote it.
"""

from __future__ import annotations

from opstui.core.claims import Citation
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Strong:
    """A word or two to be seen at once."""

    text: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Numbers of sources, where the text before rests on them."""

    citations: tuple[Citation, ...]


Part = str | Strong | Marks
Item = tuple[Part, ...]
"""One line: a paragraph, or an item of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands below it: items, or lines kept as they are."""

    title: str
    items: tuple[Item, ...] = ()
    empty: str = ""
    """What is said where there are no items; without it, such a section is left out."""
    block: str = ""
    """Lines that keep their white space: a diff, a page, a text as it will be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The whole of a document."""

    title: str
    lead: Item
    fields: tuple[tuple[str, Item], ...] = ()
    """Name and value; those without a value are left out."""
    sections: tuple[Section, ...] = ()
    made: str = ""
    """Which engine wrote it, from what and when."""

    def shown(self) -> tuple[Section, ...]:
        """The sections that have something to say."""
        return tuple(section for section in self.sections if section.items or section.block or section.empty)


def words_of(item: Item) -> str:
    """An item's words without its marks; empty where it says nothing."""
    return "".join(part.text if isinstance(part, Strong) else part for part in item if not isinstance(part, Marks))
