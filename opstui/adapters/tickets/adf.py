"""Text to the Atlassian Document Format and back.

Out goes what our comments are made of: paragraphs, headings, lists, code, bold, links, quotes, tables, rules. What is
no Markdown stays as it was typed, line breaks and indentation included. In comes anything: a node that is not known
here is read as the text within it.

Structure: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]

NESTING = 6
"""Lists within lists that are kept as such when they are written."""
DEPTH = 50
"""Nodes within nodes that are read as what they are; deeper ones only as text."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[ \t]*\Z")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)\Z")
_RULE = re.compile(r"(?:-{3,}|\*{3,}|_{3,})[ \t]*\Z")
_QUOTE = re.compile(r">[ ]?(.*)\Z", re.DOTALL)
_ITEM = re.compile(r"([ \t]*)([-*+]|(?:0|[1-9]\d{0,8})[.)])([ \t]+)(\S.*)\Z")
_ROW = re.compile(r"\|.*\|[ \t]*\Z")
_DASHES = re.compile(r"\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*\Z")
_URL = r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:[/?#][^\s<>\"'`|\\^{}\[\]()]*)?"
# Bounded, so that a comment full of openings without ends is read in linear time.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,2000})`"
    r"|\*\*(?P<bold>(?=\S)[^\n*]{1,500}(?<=\S))\*\*"
    rf"|\[(?P<words>[^\[\]\n]{{1,500}})\]\((?P<href>{_URL})\)"
    rf"|(?P<url>{_URL})"
)


def to_adf(text: str) -> Node:
    """The document that says ``text``, which may be Markdown."""
    blocks = list(_Blocks(text.split("\n"), whole=True, depth=0))
    return {"version": 1, "type": "doc", "content": blocks or [{"type": "paragraph", "content": []}]}


def to_text(document: Any) -> str:
    """What a document says, in Markdown; a string is its own text, anything else that is no document is empty."""
    if isinstance(document, str):
        return document
    return _Reader().block(document, 0) if isinstance(document, dict) else ""


# --- writing ----------------------------------------------------------------------------------------------------------


class _Blocks:
    """The blocks of some lines. Within lists and quotes (``whole`` off) ADF takes paragraphs, lists and code only."""

    def __init__(self, lines: Sequence[str], *, whole: bool, depth: int) -> None:
        self._lines = lines
        self._whole = whole
        self._depth = depth
        self._at = 0
        self._unclosed: dict[str, int] = {}
        """Fence → length from which on no end follows any more."""

    def __iter__(self) -> Iterator[Node]:
        loose: list[str] = []
        while self._at < len(self._lines):
            block = None if not self._lines[self._at].strip() else self._block()
            if block is None and self._lines[self._at].strip():
                loose.append(self._lines[self._at])
                self._at += 1
                continue
            if loose:
                yield _paragraph(loose)
                loose = []
            if block is None:
                self._at += 1
            else:
                yield block
        if loose:
            yield _paragraph(loose)

    def _block(self) -> Node | None:
        """The block that begins here, past which it moves on; None for a line of a paragraph."""
        line = self._lines[self._at]
        return self._code(line) or self._list(line) or (self._whole_only(line) if self._whole else None)

    def _whole_only(self, line: str) -> Node | None:
        heading = _HEADING.match(line)
        if heading:
            self._at += 1
            return {"type": "heading", "attrs": {"level": len(heading[1])}, "content": _inline(heading[2])}
        if _RULE.match(line):
            self._at += 1
            return {"type": "rule"}
        if line.startswith(">"):
            inner = self._while(_QUOTE)
            found = list(_Blocks([_QUOTE.sub(r"\1", one) for one in inner], whole=False, depth=self._depth + 1))
            return {"type": "blockquote", "content": found or [{"type": "paragraph", "content": []}]}
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        if _ROW.match(line) and _DASHES.match(following) and len(_cells(line)) == len(_cells(following)):
            rows = [_cells(one) for one in self._while(_ROW)]
            return _table([rows[0], *rows[2:]])
        return None

    def _while(self, pattern: re.Pattern[str]) -> list[str]:
        first = self._at
        while self._at < len(self._lines) and pattern.match(self._lines[self._at]):
            self._at += 1
        return list(self._lines[first : self._at])

    def _code(self, line: str) -> Node | None:
        fence = _FENCE.match(line)
        if fence is None or len(fence[1]) >= self._unclosed.get(fence[1][0], 1 << 30):
            return None
        end = re.compile(rf" {{0,3}}{re.escape(fence[1][0])}{{{len(fence[1])},}}[ \t]*\Z")
        close = next((at for at in range(self._at + 1, len(self._lines)) if end.match(self._lines[at])), None)
        if close is None:
            self._unclosed[fence[1][0]] = len(fence[1])
            return None
        code = "\n".join(self._lines[self._at + 1 : close])
        self._at = close + 1
        node: Node = {"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []}
        if fence[2]:
            node["attrs"] = {"language": fence[2]}
        return node

    def _list(self, line: str) -> Node | None:
        """Items of one kind and, where they are numbered, in sequence: another number would be lost."""
        first = _ITEM.match(line)
        if first is None or self._depth >= NESTING:
            return None
        numbered = first[2][-1] in ".)"
        start = int(first[2][:-1]) if numbered else 0
        items: list[Node] = []
        while self._at < len(self._lines):
            item = _ITEM.match(self._lines[self._at])
            if item is None or len(item[1]) > len(first[1]) + 1 or len(item[1]) < len(first[1]):
                break
            if (item[2][-1] in ".)") is not numbered or (numbered and int(item[2][:-1]) != start + len(items)):
                break
            items.append(self._item(item))
        if not numbered:
            return {"type": "bulletList", "content": items}
        return {"type": "orderedList", "attrs": {"order": start}, "content": items}

    def _item(self, item: re.Match[str]) -> Node:
        """One item, with the lines below it that are indented."""
        inside = [item[4]]
        width = len(item[1]) + len(item[2]) + len(item[3])
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            below = line if line.strip() else self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
            if not below.strip() or len(below) - len(below.lstrip()) <= len(item[1]) + 1:
                break
            inside.append(line[min(width, len(line) - len(line.lstrip())) :])
            self._at += 1
        if _ITEM.match(inside[0]):
            # A list that begins with a list has no first line, which ADF wants.
            rest = list(_Blocks(inside[1:], whole=False, depth=self._depth + 1))
            return {"type": "listItem", "content": [_paragraph(inside[:1]), *rest]}
        return {"type": "listItem", "content": list(_Blocks(inside, whole=False, depth=self._depth + 1))}


def _paragraph(lines: Sequence[str]) -> Node:
    content: list[Node] = []
    for line in lines:
        if content:
            content.append({"type": "hardBreak"})
        content += _inline(line)
    return {"type": "paragraph", "content": content}


def _inline(line: str) -> list[Node]:
    found: list[Node] = []
    last = 0
    for match in _INLINE.finditer(line):
        code, bold, words, href, url = match.group("code", "bold", "words", "href", "url")
        if words is not None and words != href:
            node = _text(words, {"type": "link", "attrs": {"href": href}})
        elif code is not None and code.strip():
            node = _text(code, {"type": "code"})
        elif bold is not None:
            node = _text(bold, {"type": "strong"})
        elif url is not None:
            url = url.rstrip(".,;:!?")
            found += _plain(line[last : match.start()])
            found.append(_text(url, {"type": "link", "attrs": {"href": url}}))
            last = match.start() + len(url)
            continue
        else:
            continue
        found += _plain(line[last : match.start()])
        found.append(node)
        last = match.end()
    return found + _plain(line[last:])


def _plain(text: str) -> list[Node]:
    return [_text(text)] if text else []


def _text(text: str, *marks: Node) -> Node:
    return {"type": "text", "text": text, "marks": list(marks)} if marks else {"type": "text", "text": text}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]


def _table(rows: Sequence[Sequence[str]]) -> Node:
    content = [
        {
            "type": "tableRow",
            "content": [
                {"type": "tableHeader" if at == 0 else "tableCell", "attrs": {}, "content": [_paragraph([cell])]}
                for cell in row
            ],
        }
        for at, row in enumerate(rows)
    ]
    return {"type": "table", "attrs": {"isNumberColumnEnabled": False, "layout": "default"}, "content": content}


# --- reading ----------------------------------------------------------------------------------------------------------

_SEQUENCES = ("doc", "panel", "layoutSection", "layoutColumn", "bodiedExtension", "multiBodiedExtension",
              "extensionFrame", "mediaSingle", "mediaGroup", "tableCell", "tableHeader", "listItem", "caption",
              "blockTaskItem", "bodiedSyncBlock")  # fmt: skip
_INLINE_NODES = ("text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "mediaInline", "placeholder",
                 "inlineExtension")  # fmt: skip


class _Reader:
    """Nodes to Markdown."""

    def block(self, node: Any, depth: int) -> str:
        """A node with everything within it."""
        if not isinstance(node, dict):
            return ""
        kind = node.get("type")
        if depth > DEPTH:
            return " ".join(_all_text(node))
        if kind in _INLINE_NODES:
            return self.inline([node])
        if kind in ("media", "mediaInline"):
            return _media(node)
        if kind in ("blockCard", "embedCard"):
            return _attr(node, "url")
        if kind == "rule":
            return "---"
        if kind == "codeBlock":
            return _code(node)
        if kind == "heading":
            level = _attrs(node).get("level")
            return "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + self.within(node, depth)
        if kind == "blockquote":
            return "\n".join(f"> {line}".rstrip() for line in self.sequence(node, depth).split("\n"))
        if kind in ("bulletList", "orderedList", "taskList", "decisionList"):
            return self.items(node, depth)
        if kind == "table":
            return self.table(node, depth)
        if kind in ("expand", "nestedExpand"):
            return "\n\n".join(part for part in (_attr(node, "title"), self.sequence(node, depth)) if part)
        if kind in _SEQUENCES:
            return self.sequence(node, depth)
        return self.within(node, depth) or _attr(node, "text")

    def within(self, node: Node, depth: int) -> str:
        """Content of a node that may hold words or blocks."""
        content = _content(node)
        if all(isinstance(one, dict) and one.get("type") in _INLINE_NODES for one in content):
            return self.inline(content)
        return self.sequence(node, depth)

    def sequence(self, node: Node, depth: int) -> str:
        """Blocks with an empty line between them; words that stand among them stay together."""
        parts: list[str] = []
        words: list[Any] = []
        for one in [*_content(node), None]:
            if isinstance(one, dict) and one.get("type") in _INLINE_NODES:
                words.append(one)
                continue
            if words:
                parts.append(self.inline(words))
                words = []
            if one is not None:
                parts.append(self.block(one, depth + 1))
        return "\n\n".join(part for part in parts if part)

    def items(self, node: Node, depth: int) -> str:
        """A list; what is within an item is indented."""
        kind = node.get("type")
        first = _attrs(node).get("order")
        number = first if kind == "orderedList" and isinstance(first, int) and not isinstance(first, bool) else 1
        lines = []
        for one in _content(node):
            if not isinstance(one, dict):
                continue
            if one.get("type") == kind:  # a task list within a task list is no item's child
                lines += [f"  {line}" for line in self.items(one, depth + 1).split("\n")] if depth < DEPTH else []
                continue
            mark = f"{number}. " if kind == "orderedList" else "- "
            if kind == "taskList":
                mark += "[x] " if _attr(one, "state") == "DONE" else "[ ] "
            number += 1
            parts = [self.within(one, depth)] if one.get("type") != "listItem" else [
                self.block(part, depth + 1) for part in _content(one)
            ]  # fmt: skip
            # Lists follow their item's line at once, as they are written.
            text = ""
            for part, child in zip(parts, _content(one) if one.get("type") == "listItem" else [one], strict=True):
                tight = isinstance(child, dict) and child.get("type") in ("bulletList", "orderedList")
                text += ("\n" if tight else "\n\n") * bool(text) + part
            indent = " " * (len(mark) if kind == "orderedList" else 2)
            lines.append(mark + text.replace("\n", "\n" + indent).replace("\n" + indent + "\n", "\n\n"))
        return "\n".join(lines)

    def table(self, node: Node, depth: int) -> str:
        """A line for each row."""
        lines = []
        for at, row in enumerate(_content(node)):
            cells = [one for one in _content(row) if isinstance(one, dict)] if isinstance(row, dict) else []
            told = [self.sequence(cell, depth + 1).replace("\n", " ").replace("|", "\\|") for cell in cells]
            lines.append("| " + " | ".join(told) + " |")
            if at == 0:
                lines.append("|" + "---|" * len(told))
        return "\n".join(lines)

    def inline(self, nodes: Sequence[Any]) -> str:
        """Words."""
        out = []
        for node in nodes:
            if not isinstance(node, dict):
                continue
            kind = node.get("type")
            if kind == "text":
                out.append(_marked(node))
            elif kind == "hardBreak":
                out.append("\n")
            elif kind == "mention":
                name = _attr(node, "text") or _attr(node, "id")
                out.append(name if name.startswith("@") else f"@{name}")
            elif kind == "emoji":
                out.append(_attr(node, "text") or _attr(node, "shortName"))
            elif kind == "date":
                out.append(_day(_attr(node, "timestamp")))
            elif kind == "status":
                out.append(f"[{_attr(node, 'text')}]")
            elif kind == "inlineCard":
                out.append(_attr(node, "url"))
            elif kind == "mediaInline":
                out.append(_media(node))
            else:
                out.append(_attr(node, "text") or " ".join(_all_text(node)))
        return "".join(out)


def _marked(node: Node) -> str:
    text = node.get("text")
    if not isinstance(text, str) or not text:
        return ""
    marks = {one.get("type"): one for one in node.get("marks") or () if isinstance(one, dict)}
    inner = text.strip()
    if not inner:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if "code" in marks:
        inner, before, after = f"`{text}`" if "`" not in text else f"`` {text} ``", "", ""
    for mark, sign in (("strong", "**"), ("em", "*"), ("strike", "~~")):
        if mark in marks:
            inner = sign + inner + sign
    href = _attr(marks.get("link", {}), "href")
    if href and href not in (text, f"mailto:{text}"):
        inner = f"[{inner}]({href})"
    return before + inner + after


def _code(node: Node) -> str:
    code = "".join(_all_text(node))
    fence = "```"
    while fence in code:
        fence += "`"
    return (
        f"{fence}{_attr(node, 'language')}\n{code}\n{fence}" if code else f"{fence}{_attr(node, 'language')}\n{fence}"
    )


def _media(node: Node) -> str:
    return f"[file: {_attr(node, 'alt') or _attr(node, 'id') or _attr(node, 'url') or 'without a name'}]"


def _day(timestamp: str) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(timestamp))).date().isoformat()
    except (ValueError, OverflowError):
        return timestamp


def _attrs(node: Node) -> Node:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, dict) else {}


def _attr(node: Node, name: str) -> str:
    value = _attrs(node).get(name)
    return str(value) if isinstance(value, str | int) else ""


def _content(node: Node) -> list[Any]:
    content = node.get("content")
    return content if isinstance(content, list) else []


def _all_text(node: Any) -> Iterator[str]:
    """Every text within a node, without a limit to depth."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            text = one.get("text") or _attr(one, "text")
            if isinstance(text, str) and text:
                yield text
            elif one.get("type") == "hardBreak":
                yield "\n"
            waiting += reversed(_content(one))
