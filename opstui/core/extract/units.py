"""Text of a ticket cut into sentences that can be quoted, each with the lines it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from opstui.core.documents import ActorType
from opstui.core.extract.objects import objects
from opstui.core.frozen import dataclass
from opstui.core.sources import unescaped
from opstui.core.tickets import EntryKind, Ticket, TimelineEntry, Visibility

LINES_READ = 600
"""Lines of one text that are looked at; incident texts say what matters first, and dumps have no end."""
LINE_READ = 4_000
"""Code points of one line that are looked at."""
UNITS_KEPT = 160
"""Sentences kept of one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A sentence as it stands in a source; white space is the only thing that may differ."""

    ref: str
    line_start: int
    line_end: int
    text: str
    quote: str
    """A part of the lines, as they are."""
    at: datetime
    author: str
    author_type: ActorType
    kind: EntryKind | None
    """Of the entry; None for the ticket's own title and body."""
    visibility: Visibility
    entry: int
    """Index in the timeline; -1 for the ticket itself."""
    label: str = ""
    """What stood before a colon and is not part of the sentence: ``summary``, ``error``."""
    dump: bool = False
    """From a log, JSON or code, not from prose."""

    @property
    def by_person(self) -> bool:
        """Somebody wrote it, no system recorded it."""
        return self.kind in (None, EntryKind.COMMENT, EntryKind.REPLY) and self.author_type is not ActorType.AUTOMATION


_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[`*_]*[A-Z0-9À-Þ])")
_ABBREVIATIONS = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|nr|incl|resp|cf|fig|dr|mr|mrs|ms|st|ca|z\.b|d\.h|a\.m|p\.m|[A-Z]))\.\Z",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,2}[.)]|h[1-6]\.|#{1,6}|>|\|)\s+")
_LABEL = re.compile(
    r"(summary|description|message|details|detail|subject|title|note|impact|symptom)\s*:\s+", re.IGNORECASE
)
_KEYED = re.compile(r"[\"']?([A-Za-z][\w .-]{0,30})[\"']?\s*[:=]\s+")
_JSON_TEXT = re.compile(
    r'"(message|msg|reason|error|summary|description|logs?|detail|details|title|text|event|status)"\s*:\s*'
    r'"((?:[^"\\]|\\.){3,4000})"'
)
_JSON_PAIR = re.compile(r'\s*"[^"]{1,80}"\s*:')
_JSON_WELL = re.compile(
    r'\{[^{}]*"(?:overall_)?(?:state|status|result|severity)"\s*:\s*"(?:ok|normal|inactive|pass(?:ed|ing)?|healthy|resolved)"'
    r"[^{}]*\}",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*(?:```|~~~|\{(?:code|noformat|quote)(?::[^}]*)?\}\s*$)")
_FRAME = re.compile(r"\s*(?:at [\w.$<>]+\(|\.\.\. \d+ more|Caused by:|Traceback |File \"|\[[ A-Z]{3,6}\]\s)")
_RULE = re.compile(r"[\W_]*\Z")
_BARE = re.compile(r"[\"']?-?[\d.,:eETZ+-]+[\"']?\Z")
"""A number or a time alone, of a list: a point of something that is told elsewhere."""
_LOG = re.compile(r"\[?\d{4}-\d\d-\d\dT?\s?\d\d:\d\d|\d\d:\d\d:\d\d[.,]?\d*\s|\w{3} +\d+ \d\d:\d\d:\d\d ")
_ROBOTS = re.compile(
    r"(?:^|[^a-z])(?:bot|system|automation|alertmanager|prometheus|grafana|datadog|pagerduty|nagios|zabbix"
    r"|monitor(?:ing)?"
    r"|jenkins|argocd|ci|cron|webhook|scheduler|sentry|statuspage|opstui)(?:$|[^a-z])",
    re.IGNORECASE,
)
_CUSTOMERS = re.compile(r"(?:^|[^a-z])(?:customer|client|requester|end.?user)(?:$|[^a-z])", re.IGNORECASE)


def actor_type(author: str, kind: EntryKind | None) -> ActorType:
    """Who an author is, by name and by what was written."""
    if kind in (EntryKind.ALERT, EntryKind.SYSTEM) or _ROBOTS.search(author):
        return ActorType.AUTOMATION
    if _CUSTOMERS.search(author):
        return ActorType.CUSTOMER
    return ActorType.HUMAN


def title_unit(ticket: Ticket) -> Unit | None:
    """The title as one unit; None where there is none."""
    title = " ".join(ticket.title.split())
    if not title:
        return None
    return Unit(
        ref=ticket.entry_id(0),
        line_start=1,
        line_end=1,
        text=title,
        quote=ticket.title.replace("\n", " ").strip(),
        at=ticket.created_at,
        author="",
        author_type=ActorType.HUMAN,
        kind=None,
        visibility=Visibility.UNKNOWN,
        entry=-1,
    )


def body_units(ticket: Ticket) -> list[Unit]:
    """The body's sentences; its first line is line 2 of ``KEY#0``."""
    if not ticket.body:
        return []
    pieces = sentences(_first_lines(ticket.body), first_line=2)
    return [
        Unit(
            ref=ticket.entry_id(0),
            line_start=piece.start,
            line_end=piece.end,
            text=piece.text,
            quote=piece.quote,
            at=ticket.created_at,
            author="",
            author_type=ActorType.HUMAN,
            kind=None,
            visibility=Visibility.UNKNOWN,
            entry=-1,
            label=piece.label,
            dump=piece.dump,
        )
        for piece in pieces
    ]


def entry_units(entry: TimelineEntry, index: int) -> list[Unit]:
    """An entry's sentences."""
    who = actor_type(entry.author, entry.kind)
    return [
        Unit(
            ref=entry.id,
            line_start=piece.start,
            line_end=piece.end,
            text=piece.text,
            quote=piece.quote,
            at=entry.at,
            author=str(entry.author),
            author_type=who,
            kind=entry.kind,
            visibility=entry.visibility,
            entry=index,
            label=piece.label,
            dump=piece.dump,
        )
        for piece in sentences(_first_lines(entry.text))
    ]


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence and its lines."""

    start: int
    end: int
    text: str
    quote: str
    label: str = ""
    dump: bool = False


def sentences(lines: Sequence[str], *, first_line: int = 1) -> list[Piece]:
    """The sentences of numbered lines, in order: hard-wrapped paragraphs joined, markers and labels left out.

    Code, stack traces and log lines come as one piece a line, marked ``dump``; texts inside JSON one by one.
    """
    if any('": ' in line for line in lines):
        lines = _JSON_WELL.sub(_blank, "\n".join(lines)).split("\n")
    found: list[Piece] = []
    for start, block, dump in _blocks(lines):
        if len(found) >= UNITS_KEPT:
            break
        number = first_line + start
        if dump:
            found.extend(_dumped(number, block[0]))
        else:
            found.extend(_prose(number, block))
    if any('":' in line for line in lines):
        told = [
            Piece(
                first_line + one.start,
                first_line + one.end,
                one.text,
                lines[one.start].strip(),
                "odd object" if one.is_odd else "object",
                True,
            )
            for one in objects(lines)
        ]
        found = sorted([*found, *told], key=lambda piece: piece.start)
    return found[:UNITS_KEPT]


def _blank(match: re.Match[str]) -> str:
    """A monitor that says OK holds the text of the alarm that it did not raise: not a report of anything."""
    return "\n" * match.group().count("\n")


def _first_lines(text: str) -> list[str]:
    lines = text[: LINES_READ * 400].split("\n", LINES_READ)
    return lines[:LINES_READ]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str], bool]]:
    """Paragraphs as (index of the first line, lines, is it a dump)."""
    block: list[str] = []
    begin = 0
    fenced = False
    for index, whole in enumerate(lines):
        line = whole[:LINE_READ]
        if _FENCE.match(line):
            if block:
                yield begin, block, False
                block = []
            fenced = not fenced
            continue
        stripped = line.strip()
        if not stripped or _RULE.match(stripped):
            if block:
                yield begin, block, False
                block = []
            continue
        dump = (
            fenced
            or bool(_FRAME.match(line))
            or bool(_LOG.match(stripped))
            or '": ' in stripped
            or stripped[0] in '{}[]"'
        )
        if dump:
            if block:
                yield begin, block, False
                block = []
            yield index, [line], True
            continue
        if block and not _goes_on(block[-1], line):
            yield begin, block, False
            block = []
        if not block:
            begin = index
        block.append(line)
    if block:
        yield begin, block, False


def _goes_on(before: str, line: str) -> bool:
    """Whether ``line`` is the rest of a hard-wrapped sentence."""
    if _MARKER.match(line) or _LABEL.match(line.strip()) or _KEYED.match(line.strip()):
        return False
    return len(before.strip()) >= 50 and before.rstrip()[-1:] not in ".!?:;…" and line.strip()[:1].islower()


def _prose(number: int, block: list[str]) -> Iterator[Piece]:
    parts: list[str] = []
    offsets: list[int] = []
    length = 0
    for index, line in enumerate(block):
        text = line.strip()
        if index == 0:
            while match := _MARKER.match(text + " "):
                text = text[match.end() :].strip()
                if not text:
                    return
        offsets.append(length)
        parts.append(text)
        length += len(text) + 1
    joined = " ".join(parts)
    label = ""
    shift = 0
    if match := _LABEL.match(joined):
        label, shift = match[1].casefold(), match.end()
    elif match := _KEYED.match(joined):
        label = match[1].strip().casefold()
    for begin, end in _cuts(joined, shift):
        sentence = joined[begin:end].strip()
        if not sentence or _RULE.match(sentence) or _BARE.match(sentence.rstrip(", ")):
            continue
        first = max(index for index, offset in enumerate(offsets) if offset <= begin)
        last = max(index for index, offset in enumerate(offsets) if offset < end)
        quote = sentence if first == last else parts[first][begin - offsets[first] :].strip()
        yield Piece(number + first, number + last, " ".join(sentence.split()), quote, label)


def _cuts(text: str, start: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _END.finditer(text, start):
        if _ABBREVIATIONS.search(text, begin, match.start()):
            continue
        yield begin, match.start()
        begin = match.end()
    yield begin, len(text)


def _dumped(number: int, line: str) -> Iterator[Piece]:
    texts = list(_JSON_TEXT.finditer(line))
    if texts or _JSON_PAIR.match(line):
        for match in texts:
            if " " not in match[2]:
                continue  # a state or a code, not a sentence
            # A text of one piece is quoted as it stands; of several, all quote the beginning of the whole.
            for part in unescaped(match[2]):
                text = " ".join(part.split())
                if len(text) >= 3 and not _RULE.match(text):
                    quote = text if text in match[2] else match[2]
                    yield Piece(number, number, text, quote.strip(), match[1].casefold(), True)
        return
    text = " ".join(line.split()).rstrip(",")
    if len(text) >= 3 and not _RULE.match(text) and not _BARE.match(text):
        yield Piece(number, number, text, line.strip().rstrip(","), "", True)


def all_units(ticket: Ticket, *, entries: int = 400) -> list[Unit]:
    """The sentences of body and timeline, in order. Of very long timelines the first and the newest entries."""
    found = body_units(ticket)
    indexed = list(enumerate(ticket.timeline))
    if len(indexed) > entries:
        indexed = indexed[: entries // 4] + indexed[-(entries - entries // 4) :]
    for index, entry in indexed:
        found.extend(entry_units(entry, index))
    return found
