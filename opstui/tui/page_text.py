"""A runbook page as paragraphs: what it is and how it stands, then its numbered lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import overload

from opstui.core.knowledge import Page
from opstui.core.marking import Marker
from opstui.core.pages.shape import front_end
from opstui.core.text import lines as lines_of
from opstui.tui.knowledge_rows import freshness, page_trouble
from opstui.tui.widgets.textview import Para


def page_head(page: Page, now: datetime) -> list[Para]:
    """Title, where it is from and how fresh, and above all what speaks against following it."""
    facts = page.facts
    said = [page.doc, *([f"owner {facts.owner}"] if facts.owner else []), freshness(page.changed_at, facts, now)]
    if facts.review_by is not None and facts.review_by >= now.date():
        said.append(f"review by {facts.review_by.day} {facts.review_by:%b %Y}")
    found = [Para(page.title, "strong"), Para(" · ".join(said), "dim")]
    about = [*facts.services, *facts.codes, *facts.tags]
    if about:
        found.append(Para("about " + ", ".join(dict.fromkeys(map(str, about))), "faint"))
    trouble = page_trouble(facts, now.date())
    if trouble:
        found.append(Para(trouble, "warn", lead=(("! ", "warn"),)))
    if page.problem:
        found.append(Para(page.problem, "warn", lead=(("! ", "warn"),)))
    return [*found, Para()]


class PageText(Sequence[Para]):
    """Head and lines. A line becomes a paragraph when it is looked at: a page may have fifty thousand of them."""

    def __init__(self, page: Page, now: datetime, *, lines: tuple[int, int] = (0, 0), query: str = "") -> None:
        self._head = page_head(page, now)
        self._lines = lines_of(page.text)
        self._lit = lines
        marker = Marker(query)
        self._marker = marker or None
        self._width = max(2, len(str(len(self._lines))))
        self._matter = front_end(self._lines)
        """Lines of front matter: what they say stands in the head."""

    def __len__(self) -> int:
        return len(self._head) + len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Para: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Para]: ...
    def __getitem__(self, index: int | slice) -> Para | Sequence[Para]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index < len(self._head):
            return self._head[index]
        number = index - len(self._head) + 1
        is_lit = self._lit[0] <= number <= self._lit[1]
        text = self._lines[number - 1]
        role = "faint" if number <= self._matter else "strong" if text.startswith("#") else "text"
        return Para(
            text,
            role,
            lead=((f"{number:>{self._width + 1}}  ", "accent" if is_lit else "faint"),),
            indent=self._width + 3,
            mark=line_mark(number),
            lit=is_lit,
            marker=self._marker,
        )


def line_mark(number: int) -> str:
    """The name of a line to jump to."""
    return f"line:{number}"
