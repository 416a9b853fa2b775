"""Confluence's storage format (XHTML with macros) as plain, Markdown-like text, line by line.

Not by a parser of XML or HTML: pages hold entities that XML does not know, and 100 KB of ``<a b <a b`` kept that of the
standard library (3.11.7) busy for 84 s. Each place is looked at a few times at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from opstui.adapters.knowledge.answers import unescaped
from opstui.core.frozen import dataclass

_LONGEST_TAG = 4000
"""Letters; what goes on for longer is text with a ``<`` in it."""
_DEPTH = 40
"""Macros and lists within each other; deeper ones are read as if they were not there."""

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,60})")
_ATTRIBUTE = re.compile(r"""([\w:-]{1,60})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_APART = frozenset("p div blockquote pre table hr dl figure section article header footer address".split())
_MARKS = {"code": "`", "kbd": "`", "tt": "`", "samp": "`", "del": "~~", "s": "~~", "strike": "~~"}
_SILENT = frozenset(
    "script style head title template ac:placeholder ac:task-id ac:adf-attribute ac:adf-node ac:adf-mark".split()
)
_BOXES = {"info": "Info", "note": "Note", "warning": "Warning", "tip": "Tip", "panel": "", "expand": "", "details": ""}
"""Macros around text that is part of the page, and what they say of it."""
_CODE = ("code", "noformat", "html", "sql")


@dataclass(slots=True)
class _Macro:
    name: str
    at: int
    """Where its text begins in what was written so far."""
    parameters: dict[str, str] = field(default_factory=dict)
    body: str = ""


def read_storage(storage: str) -> str:
    """The page as text. Never raises; takes time in proportion to its length."""
    reader = _Reader()
    for kind, piece in _pieces(storage):
        if kind == "tag":
            reader.tag(piece)
        elif piece:
            reader.text(piece, raw=kind == "raw")
    lines = [line.rstrip() for line in "".join(reader.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _pieces(storage: str) -> Iterator[tuple[str, str]]:
    """``tag``, ``text`` and ``raw`` (CDATA) pieces, in order."""
    at, closing = 0, -1
    while (start := storage.find("<", at)) >= 0:
        if storage.startswith("<![CDATA[", start):
            yield "text", storage[at:start]
            end = storage.find("]]>", start + 9)
            yield "raw", storage[start + 9 : end if end >= 0 else len(storage)]
            if end < 0:
                return
            at = end + 3
            continue
        if storage.startswith("<!--", start):
            yield "text", storage[at:start]
            end = storage.find("-->", start + 4)
            if end < 0:
                return
            at = end + 3
            continue
        if closing < start:
            closing = storage.find(">", start)
            if closing < 0:
                break
        if closing - start < _LONGEST_TAG and (storage[start + 1] in "!?" or _TAG.match(storage, start)):
            yield "text", storage[at:start]
            yield "tag", storage[start : closing + 1]
            at = closing + 1
        else:
            yield "text", storage[at : start + 1]
            at = start + 1
    yield "text", storage[at:]


class _Reader:
    """Lines in the making."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._silent = ""
        self._kept = 0
        """Depth of ``pre``, in which blanks count."""
        self._lists: list[int] = []
        """Of each open list the number of its last item; -1 for one without numbers."""
        self._cells = -1
        """Cells so far of the table's row; -1 outside of one."""
        self._macros: list[_Macro] = []
        self._parameter = ""
        self._href: tuple[str, int] | None = None
        self._link: tuple[str, int] | None = None
        """Title of the page that a link leads to, and where the link's own words begin."""
        self._marked = -1
        """How much was written when a list's item began."""
        self._status = False

    # --- text

    def text(self, written: str, *, raw: bool = False) -> None:
        if self._silent:
            return
        text = written if raw else unescaped(written)
        macro = self._macros[-1] if self._macros else None
        if self._parameter and macro is not None:
            macro.parameters[self._parameter] = (macro.parameters.get(self._parameter, "") + text)[:1000]
        elif self._status:
            self._write("[x] " if text.strip() == "complete" else "[ ] ")
        elif raw and macro is not None and macro.name in _CODE:
            macro.body += text
        else:
            if not self._kept and not raw:
                text = re.sub(r"[ \t\r\n\f\xa0]+", " ", text)
                if not self.out or self.out[-1].endswith(("\n", " ")):
                    text = text.removeprefix(" ")
            self._write(text)

    def _write(self, text: str) -> None:
        if text:
            self.out.append(text)

    def _line(self, *, apart: bool = False) -> None:
        if len(self.out) == self._marked:
            return  # the paragraph that an item begins with
        if self._cells > 0:
            if self.out and not self.out[-1].endswith((" ", "\n")):
                self.out.append(" ")
        elif self.out and apart and not self._lists:
            self.out.append("\n\n")
        elif self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")

    # --- tags

    def tag(self, written: str) -> None:
        found = _TAG.match(written)
        if found is None:
            return
        ends, name = bool(found[1]), found[2].lower()
        empty = written.endswith("/>")
        if self._silent:
            self._silent = "" if ends and name == self._silent else self._silent
        elif name in _SILENT:
            self._silent = "" if ends or empty else name
        elif name.startswith(("ac:", "ri:")):
            self._vendor(name, written, ends=ends, empty=empty)
        elif name in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._line(apart=True)
            if not ends and not empty:
                self._write("#" * int(name[1]) + " ")
        elif name in ("ul", "ol"):
            self._list(ordered=name == "ol", ends=ends)
        elif name == "li":
            if not ends:
                self._item()
        elif name == "br":
            self._write(" " if self._cells > 0 else "\n")
        elif name in ("tr", "td", "th"):
            self._table(name, ends=ends)
        elif name == "pre":
            self._preformatted(ends=ends)
        elif name in _APART:
            self._line(apart=True)
            if name == "hr":
                self._write("***\n")
        elif name == "a":
            self._anchor(written, ends=ends or empty)
        elif name == "time" and not ends:
            self._write(_attributes(written).get("datetime", ""))
        elif name in _MARKS and not empty and not self._kept:
            self._write(_MARKS[name])

    def _preformatted(self, *, ends: bool) -> None:
        if not ends:
            self._line(apart=True)
            self._write("```\n")
            self._kept += 1
        elif self._kept:
            self._kept -= 1
            self._write("```" if self.out and self.out[-1].endswith("\n") else "\n```")
            self._line(apart=True)

    def _list(self, *, ordered: bool, ends: bool) -> None:
        if not ends:
            if not self._lists:
                self._line(apart=True)
            if len(self._lists) < _DEPTH:
                self._lists.append(0 if ordered else -1)
        elif self._lists:
            self._lists.pop()
            if not self._lists:
                self._line(apart=True)

    def _item(self) -> None:
        self._line()
        indent = "  " * max(0, len(self._lists) - 1)
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            self._write(f"{indent}{self._lists[-1]}. ")
        else:
            self._write(f"{indent}- ")
        self._marked = len(self.out)

    def _table(self, name: str, *, ends: bool) -> None:
        if name == "tr":
            if ends and self._cells > 0:
                self._cells = -1
                self._trim()
                self._write(" |\n")
            elif not ends:
                self._cells = -1
                self._line()
                self._cells = 0
        elif not ends and self._cells >= 0:
            self._trim()
            self._write(" | " if self._cells else "| ")
            self._cells += 1

    def _trim(self) -> None:
        if self.out and self.out[-1] == " ":
            self.out.pop()

    def _anchor(self, written: str, *, ends: bool) -> None:
        if self._href is not None:
            href, at = self._href
            self._href = None
            if href.startswith(("http://", "https://")) and href not in "".join(self.out[at:]):
                self._write(f" <{href}>")
        if not ends:
            self._href = _attributes(written).get("href", ""), len(self.out)

    # --- what is Confluence's own

    def _vendor(self, name: str, written: str, *, ends: bool, empty: bool) -> None:
        given = {} if ends else _attributes(written)
        if name in ("ac:structured-macro", "ac:macro"):
            if ends:
                self._macro_ends()
            elif not empty and len(self._macros) < _DEPTH:
                self._macro_begins(given.get("ac:name", "").lower())
        elif name in ("ac:parameter", "ac:default-parameter"):
            self._parameter = "" if ends or empty else given.get("ac:name", "") or "1"
        elif name == "ac:task-list":
            self._list(ordered=False, ends=ends)
        elif name == "ac:task" and not ends:
            self._item()
        elif name == "ac:task-status":
            self._status = not ends and not empty
        elif name == "ac:image":
            self._write("" if ends else f"(picture: {given.get('ac:alt', '')}")
            self._write(")" if ends or empty else "")
        elif name == "ac:link":
            if self._link is not None:
                title, at = self._link
                words = "".join(self.out[at:]).strip()
                if title and title.casefold() != words.casefold():
                    self._write(f" ({title})" if words else title)
            anchor = given.get("ac:anchor", "")
            self._link = None if ends or empty else (f"§ {anchor}" if anchor else "", len(self.out))
        elif name == "ri:page" and not ends and self._link is not None:
            self._link = given.get("ri:content-title", "") or self._link[0], self._link[1]
        elif name == "ri:attachment" and not ends:
            self._write(given.get("ri:filename", ""))
        elif name == "ri:url" and not ends:
            self._write(f"<{given.get('ri:value', '')}>")
        elif name == "ri:user" and not ends:
            self._write("@user ")

    def _macro_begins(self, name: str) -> None:
        self._line(apart=name in _BOXES or name in _CODE)
        self._macros.append(_Macro(name, len(self.out)))

    def _macro_ends(self) -> None:
        if not self._macros:
            return
        macro = self._macros.pop()
        self._parameter = ""
        title = macro.parameters.get("title", "").strip()
        if macro.name in _CODE:
            code = macro.body.replace("\r\n", "\n").strip("\n")
            fence = "~~~" if "```" in code else "```"
            language = re.sub(r"[^\w+-]", "", macro.parameters.get("language", ""))[:20]
            self._write(f"{title}\n" if title else "")
            self._write(f"{fence}{language}\n{code}\n{fence}\n" if code else "")
        elif macro.name == "status":
            self._write(f"[{title}] " if title else "")
        elif macro.name in _BOXES:
            head = ": ".join(word for word in (_BOXES[macro.name], title) if word)
            if head and macro.at <= len(self.out):
                self.out.insert(macro.at, f"{head}: " if _BOXES[macro.name] else f"{head}\n")
            self._line(apart=True)
        elif macro.name == "jira":
            self._write(macro.parameters.get("key", "") + " ")


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): unescaped(one or two) for name, one, two in _ATTRIBUTE.findall(tag)}
