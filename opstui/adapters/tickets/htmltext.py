"""HTML as plain text: what people wrote, line by line, without scripts, styles and pictures."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINES = frozenset(
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table tr ul".split()
)
_APART = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())
"""Elements with an empty line around them."""
_SILENT = frozenset("head script style template title".split())


def text_of(html: str) -> str:
    """The text of ``html``. Links keep their address where it is not what is read anyway."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in "".join(reader.out).split("\n"))).strip("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._silent = 0
        self._kept = 0
        """Depth of ``pre``, in which blanks count."""
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag in _LINES:
            self._line(tag)
            if tag == "li":
                self.out.append("* ")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.out)))
        elif tag in ("td", "th") and self.out and not self.out[-1].endswith("\n"):
            self.out.append(" ")
        if tag == "pre":
            self._kept += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _LINES and tag != "br":
            self._line(tag)
        elif tag == "a" and self._links:
            href, at = self._links.pop()
            shown = "".join(self.out[at:])
            if href.startswith(("http://", "https://")) and href not in shown:
                self.out.append(f" <{href}>")
        if tag == "pre":
            self._kept = max(0, self._kept - 1)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if not self._kept:
            data = re.sub(r"[ \t\r\n\f]+", " ", data)
            if not self.out or self.out[-1].endswith(("\n", " ")):
                data = data.removeprefix(" ")
        if data:
            self.out.append(data)

    def _line(self, tag: str) -> None:
        """Begin a new line, after an empty one where the element stands apart."""
        if not self.out:
            return
        self.out.append("\n\n" if tag in _APART else "" if self.out[-1].endswith("\n") else "\n")
