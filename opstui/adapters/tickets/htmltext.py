"""HTML as plain text: what people wrote, line by line, without scripts, styles and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINES = frozenset(
    "address article aside blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table tr ul".split()
)
_APART = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())
"""Elements with an empty line around them."""
_SILENT = frozenset("head script style template title".split())
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_LONGEST_TAG = 4000
"""Letters; what goes on for longer is text with a ``<`` in it."""


def text_of(html: str) -> str:
    """The text of ``html``, in time that grows as it does. Links keep their address where it is not read anyway.

    Not by the standard library's parser: 100 KB of ``<a b <a b`` kept that of Python 3.11.7 busy for 84 s.
    """
    reader = _Reader()
    for tag, text in _pieces(html):
        if tag:
            reader.tag(tag)
        elif text:
            reader.text(text)
    lines = [line.rstrip(" ") for line in "".join(reader.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _pieces(html: str) -> Iterator[tuple[str, str]]:
    """Tags and the text between them, in order; each place of ``html`` is looked at a few times at most."""
    at, closing = 0, -1
    while (start := html.find("<", at)) >= 0:
        if closing < start:
            closing = html.find(">", start)
            if closing < 0:
                break
        if html.startswith("<!--", start):
            yield "", html[at:start]
            end = html.find("-->", start + 4)
            if end < 0:
                return
            at = end + 3
        elif closing - start < _LONGEST_TAG and (html[start + 1] in "!?" or _TAG.match(html, start)):
            yield "", html[at:start]
            yield html[start : closing + 1], ""
            at = closing + 1
        else:
            yield "", html[at : start + 1]
            at = start + 1
    yield "", html[at:]


class _Reader:
    """Lines in the making."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._silent = ""
        """The element that is passed over until it ends."""
        self._kept = 0
        """Depth of ``pre``, in which blanks count."""
        self._link: tuple[str, int] | None = None

    def tag(self, written: str) -> None:
        found = _TAG.match(written)
        if found is None:
            return
        ends, name = bool(found[1]), found[2].lower()
        if self._silent:
            self._silent = "" if ends and name == self._silent else self._silent
        elif name in _SILENT:
            self._silent = "" if ends else name
        elif name == "br":
            self.out.append("\n")
        elif name in _LINES:
            self._line(name)
            if name == "li" and not ends:
                self.out.append("* ")
            if name == "pre":
                self._kept = max(0, self._kept + (-1 if ends else 1))
        elif name == "a":
            self._end_link()
            href = _HREF.search(written) if not ends else None
            if href is not None:
                self._link = unescape_safely(href[1] or href[2] or href[3] or ""), len(self.out)
        elif name in ("td", "th") and not ends and self.out and not self.out[-1].endswith("\n"):
            self.out.append(" ")

    def text(self, written: str) -> None:
        if self._silent:
            return
        text = unescape_safely(written)
        if not self._kept:
            text = re.sub(r"[ \t\r\n\f]+", " ", text)
            if not self.out or self.out[-1].endswith(("\n", " ")):
                text = text.removeprefix(" ")
        if text:
            self.out.append(text)

    def _end_link(self) -> None:
        if self._link is not None:
            href, at = self._link
            self._link = None
            if href.startswith(("http://", "https://")) and href not in "".join(self.out[at:]):
                self.out.append(f" <{href}>")

    def _line(self, name: str) -> None:
        """Begin a new line, after an empty one where the element stands apart."""
        if self.out and name in _APART:
            self.out.append("\n\n")
        elif self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")


def unescape_safely(text: str) -> str:
    """``text`` with its entities as letters; as it is where one of them is a number of thousands of digits."""
    from html import unescape  # a dictionary of 2,231 names, which a ticket without HTML does not need

    try:
        return unescape(text)
    except ValueError:
        return text
