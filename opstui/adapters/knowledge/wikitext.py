"""MediaWiki's wikitext as plain, Markdown-like text: headings, lists, tables and code line by line.

Nothing is expanded: a template is shown by its name and what it was given, since what it would print is known to the
wiki only. Each place of the text is looked at a few times at most, whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from opstui.adapters.knowledge.answers import unescaped
from opstui.core.frozen import dataclass

DEPTH = 30
"""Templates and links within each other; what is deeper stays as it was written."""
TEMPLATES = 200
"""Templates that are told of one page."""

_RAW = ("pre", "nowiki", "syntaxhighlight", "source", "math", "chem", "score", "templatedata", "graph", "timeline",
        "mapframe", "templatestyles", "gallery")  # fmt: skip
_CODE = ("pre", "syntaxhighlight", "source")
_SILENT = ("templatedata", "graph", "timeline", "mapframe", "templatestyles", "score")
_TOKEN = re.compile(rf"<!--|<({'|'.join(_RAW)})(?=[\s/>])[^<>]{{0,500}}>|\{{\{{|\}}\}}|\[\[|\]\]", re.IGNORECASE)
_HTML = frozenset(
    "abbr b bdi bdo big blockquote br caption center cite code data dd del dfn div dl dt em font h1 h2 h3 h4 h5 h6 hr "
    "i includeonly ins kbd li mark noinclude ol onlyinclude p q ref references rp rt ruby s samp small span strike "
    "strong sub sup table tbody td th thead time tr tt u ul var wbr".split()
)
"""Tags that the wiki takes for such; any other (``ssh <host>``) is text."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})(\s[^<>]{0,500}|/)?>")
_QUOTED_TAG = {"code": "`", "tt": "`", "kbd": "`", "samp": "`", "del": "~~", "s": "~~", "strike": "~~"}
_BLOCK_TAG = frozenset("blockquote div dl h1 h2 h3 h4 h5 h6 li ol p table tr ul hr dt dd".split())
_OUTWARD = re.compile(r"\[((?:https?|ftp|mailto|ssh|irc)s?:[^\s\[\]]{1,500})(?:[ \t]+([^\[\]\n]{0,300}))?\]")
_SWITCH = re.compile(r"__[A-Z]{3,25}__")
_QUOTES = re.compile(r"'{2,5}")
_OPTION = re.compile(r"(?:\d*x?\d+px|thumb(?:nail)?|frame(?:d|less)?|border|left|right|center|none|baseline|middle|sub|"
                     r"super|top|bottom|upright.*|(?:alt|link|class|lang|page)=.*)\Z", re.IGNORECASE)  # fmt: skip
_FILE = re.compile(r"(?:file|image|media|datei|bild|fichier|archivo|bestand|plik|immagine)\s*:", re.IGNORECASE)
_ATTRIBUTES = re.compile(r'\s*(?:[\w-]{1,30}\s*=\s*(?:"[^"]{0,300}"|\'[^\']{0,300}\'|[^\s|"\']{1,60})\s*)+\Z')
_KEPT = re.compile("\ue000(\\d{1,7})\ue001")
_INLINE = frozenset("code kbd tt cmd command path key var mono".split())


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was used."""

    name: str
    values: tuple[str, ...]
    """What it was given without a name, in order."""
    named: Mapping[str, str]
    line: int
    """Where it stands, from 0; only those that begin a line have one, others -1."""


@dataclass(slots=True)
class Wikitext:
    """The text of a page, and what stood beside it."""

    text: str = ""
    templates: list[Template] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)


def read_wikitext(source: str) -> Wikitext:
    """The page as text. Never raises; takes time in proportion to its length."""
    return _Reader(source.replace("\r\n", "\n").replace("\ue000", "").replace("\ue001", "")).read()


@dataclass(slots=True)
class _Frame:
    opening: str
    start: int
    out: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._kept: list[str] = []
        """Code and other text that nothing may change any more."""
        self._absent: set[str] = set()
        """Closing tags that do not occur any more: each is looked for in vain once."""
        self._line, self._counted = 0, 0
        self.found = Wikitext()

    def read(self) -> Wikitext:
        lines = _format_lines(self._flat().split("\n"))
        text = "\n".join(line.rstrip() for line in lines)
        text = _KEPT.sub(self._put_back, unescaped(text))
        self.found.text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        return self.found

    # --- what spans lines: comments, code, templates, links

    def _flat(self) -> str:
        frames = [_Frame("", 0)]
        at = 0
        while token := _TOKEN.search(self._source, at):
            start, word = token.start(), token.group()
            frames[-1].out.append(self._source[at:start])
            at = token.end()
            if word == "<!--":
                end = self._find("-->", at)
                at = end + 3 if end >= 0 else len(self._source)
            elif token[1]:
                at = self._raw(frames[-1], token[1].lower(), word, at)
            elif word in ("{{", "[["):
                if len(frames) <= DEPTH:
                    frames.append(_Frame(word, start))
                else:
                    frames[-1].out.append(word)
            else:
                opening = "{{" if word == "}}" else "[["
                if not any(frame.opening == opening for frame in frames):
                    frames[-1].out.append(word)
                    continue
                while frames[-1].opening != opening:
                    self._spill(frames)
                frame = frames.pop()
                inside = "".join(frame.out)
                done = self._template(inside, frame.start) if word == "}}" else self._link(inside)
                frames[-1].out.append(done)
        frames[-1].out.append(self._source[at:])
        while len(frames) > 1:
            self._spill(frames)
        return "".join(frames[0].out)

    @staticmethod
    def _spill(frames: list[_Frame]) -> None:
        """What was opened and never closed is text."""
        frame = frames.pop()
        frames[-1].out += [frame.opening, *frame.out]

    def _find(self, closing: str, at: int) -> int:
        if closing in self._absent:
            return -1
        found = self._source.find(closing, at)
        if found < 0:
            self._absent.add(closing)
        return found

    def _raw(self, frame: _Frame, tag: str, word: str, at: int) -> int:
        """What stands between a tag and its end is taken as it is; where it ends."""
        if word.endswith("/>"):
            return at
        end = self._find(f"</{tag}>", at)
        if end < 0 and f"</{tag}>" not in self._absent:
            return at
        inside = self._source[at:end] if end >= 0 else self._source[at:]
        if tag in _CODE:
            code = inside.strip("\n")
            if tag == "pre":
                code = unescaped(code.replace("<nowiki>", "").replace("</nowiki>", ""))
            if "inline" in word and "\n" not in code:
                frame.out.append(self._keep(f"`{code}`"))
            else:
                fence = "~~~" if "```" in code else "```"
                frame.out.append("\n" + self._keep(f"{fence}\n{code}\n{fence}") + "\n")
        elif tag == "gallery":
            frame.out.append("\n".join(line.partition("|")[2] for line in inside.split("\n")))
        elif tag not in _SILENT:
            frame.out.append(self._keep(unescaped(inside)))
        return end + len(tag) + 3 if end >= 0 else len(self._source)

    def _keep(self, text: str) -> str:
        self._kept.append(text)
        return f"\ue000{len(self._kept) - 1}\ue001"

    def _put_back(self, match: re.Match[str]) -> str:
        number = int(match[1])
        return self._kept[number] if number < len(self._kept) else ""

    def _plain(self, text: str) -> str:
        return _KEPT.sub(self._put_back, _QUOTES.sub("", text)).strip()

    def _template(self, inside: str, start: int) -> str:
        name, *given = inside.split("|")
        name = " ".join(name.split())
        lowered = name.casefold()
        if lowered in ("!", "="):
            return "|" if lowered == "!" else "="
        if not name or len(name) > 200:
            return inside
        if re.match(r"[A-Z]{3,20}:|__|int:", name) or lowered in ("clear", "-", "toc", "reflist", "notelist"):
            return ""
        values, named = [], {}
        for part in given[:100]:
            key, sign, value = part.partition("=")
            if sign and re.match(r"[\w .-]{1,60}\Z", key.strip()):
                named[key.strip()] = value.strip()
            else:
                values.append(part.strip())
        if lowered in _INLINE and values:
            return f"`{values[0]}`"
        if len(self.found.templates) < TEMPLATES:
            self.found.templates.append(
                Template(
                    name,
                    tuple(self._plain(value) for value in values),
                    {key: self._plain(value) for key, value in named.items()},
                    self._line_of(start),
                )
            )
        if name.startswith("#"):
            return " ".join(value for value in (*values, *named.values()) if value)
        told = [value for value in values if value] + [f"{key}: {value}" for key, value in named.items() if value]
        if len(named) > 2 or any("\n" in part for part in told):
            return "\n" + "\n".join([f"{name}:", *told]) + "\n"
        return f"{name}: {'; '.join(told)}" if told else name

    def _line_of(self, start: int) -> int:
        """The line of a template that begins one; templates come in order but for those in others."""
        if start < self._counted:
            return -1
        self._line += self._source.count("\n", self._counted, start)
        self._counted = start
        before = self._source[max(0, start - 80) : start].rpartition("\n")
        return self._line if not before[2].strip(" *:;#'") and (before[1] or start <= 80) else -1

    def _link(self, inside: str) -> str:
        target, *labels = inside.split("|")
        target = " ".join(target.split())
        name, colon, rest = target.partition(":")
        if colon and name.casefold() in ("category", "kategorie", "catégorie", "categoría", "categoria", "kategoria"):
            self.found.categories.append(rest.strip())
            return ""
        if _FILE.match(target):
            caption = next((label.strip() for label in reversed(labels) if not _OPTION.match(label.strip())), "")
            return f"(picture: {caption or rest.strip()})"
        label = "|".join(labels).strip()
        return label or target.removeprefix(":").replace("#", " § ").strip()


# --- what is of one line: headings, lists, tables, marks --------------------------------------------------------------


def _format_lines(lines: list[str]) -> Iterator[str]:
    counters: list[int] = []
    row: list[str] | None = None
    """Cells of the table's row that is being read; None outside of tables."""
    spaced = False
    for line in _unquoted(lines):
        stripped = line.strip()
        if spaced and not line.startswith(" "):
            yield "```"
            spaced = False
        if row is not None or stripped.startswith("{|"):
            row, told = _table_line(row, stripped)
            yield from told
            continue
        if line[:1] in "*#:;" and line[:1]:
            yield _item(line, counters)
            continue
        counters.clear()
        if line.startswith(" ") and stripped:
            if not spaced:
                yield "```"
                spaced = True
            yield line[1:]
        elif stripped.startswith("=") and stripped.endswith("=") and len(stripped) > 2:
            yield from ("", _heading(stripped), "")
        elif stripped.startswith("----") and not stripped.strip("-"):
            yield "***"
        else:
            yield line
    if spaced:
        yield "```"
    if row:
        yield _row(row)


def _unquoted(lines: list[str]) -> Iterator[str]:
    for line in lines:
        line = _SWITCH.sub("", _QUOTES.sub("", line)) if "'" in line or "__" in line else line
        if "[" in line:
            line = _OUTWARD.sub(lambda match: f"{match[2]} <{match[1]}>" if match[2] else f"<{match[1]}>", line)
        if "<" in line:
            yield from _TAG.sub(_tag, line).split("\n")
        else:
            yield line


def _tag(match: re.Match[str]) -> str:
    name = match[2].lower()
    if name not in _HTML:
        return match.group()
    if name == "ref":
        return "" if (match[3] or "").endswith("/") else ")" if match[1] else " ("
    if name == "br" or (name in _BLOCK_TAG and match[1] and name not in ("ul", "ol", "dl", "table")):
        return "\n"
    if name == "li":
        return "\n* "
    return _QUOTED_TAG.get(name, "")


def _heading(line: str) -> str:
    level = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")), 6)
    return f"{'#' * max(1, level)} {line[level:-level].strip()}"


def _item(line: str, counters: list[int]) -> str:
    marks = line[: len(line) - len(line.lstrip("*#:;"))][:12]
    text = line.lstrip("*#:;").strip()
    depth = len(marks)
    del counters[depth:]
    counters.extend([0] * (depth - len(counters)))
    indent = "  " * (depth - 1)
    if marks[-1] == "#":
        counters[depth - 1] += 1
        return f"{indent}{counters[depth - 1]}. {text}"
    if marks[-1] == "*":
        return f"{indent}- {text}"
    if marks[-1] == ";":
        term, colon, meaning = text.partition(" : ")
        return f"{indent}{term}: {meaning}" if colon else f"{indent}{term}"
    return f"{indent}  {text}"


def _table_line(row: list[str] | None, line: str) -> tuple[list[str] | None, list[str]]:
    """The row after a line of a table, and what is to be told."""
    if row is None or line.startswith("{|"):
        return [], [_row(row)] if row else []
    if line.startswith("|}"):
        rest = line[2:].strip()
        return None, ([_row(row)] if row else []) + ([rest] if rest else [])
    if line.startswith("|-"):
        return [], [_row(row)] if row else []
    if line.startswith("|+"):
        return row, [_cell(line[2:])]
    if line[:1] in ("|", "!") and line:
        text = line[1:].replace("!!", "||") if line[0] == "!" else line[1:]
        return [*row, *(_cell(part) for part in text.split("||"))], []
    if not line:
        return row, []
    return [], ([_row(row)] if row else []) + [line]


def _cell(text: str) -> str:
    about, bar, rest = text.partition("|")
    return (rest if bar and _ATTRIBUTES.match(about[:800]) else text).strip()


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
