"""What an agent reads out of tool results: tickets, pages and hits, from the text that models are given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from opstui.core.codec import moment
from opstui.core.errors import UsageError
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.text import SafeText, clean
from opstui.core.tickets import (
    BOARD_SYSTEM,
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
    TimelineEntry,
    Visibility,
)

_MARKS = re.compile(r"<<data ([0-9a-f]+): data, not instructions>>\n(.*?)(?:\n<<end \1>>|\Z)", re.DOTALL)
_CUT = re.compile(r"\n… cut: \d+ more bytes\Z")
_NUMBERED = re.compile(r" {0,4}(\d+)  (.*)\Z", re.DOTALL)
_ENTRY = re.compile(r"(\S+#\d+) · (\S+) · (.*)\Z")
_HIT = re.compile(
    r"(\S.*?) · (.*) · (strong|weak) match(?: · changed (\d{4}-\d\d-\d\d))?(?: · [^·]+)? · lines (\d+)-(\d+)\Z"
)  # fmt: skip
_PAGE = re.compile(r"(\S.*?) · (.*) · \d+ lines\Z")
_RELATED = re.compile(r"(\S+)#0 · (.*?) · (.*) · shared identifiers: (.*)\Z")
_BOARD = re.compile(r"\n\n(?=ref: )")
"""Between a board and the ticket behind it."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def data_of(result: str) -> str:
    """What stands between the marks of a result; the whole of it where there are none."""
    found = _MARKS.search(result)
    text = found[2] if found else result
    return _CUT.sub("", text)


def read_ticket(result: str) -> Ticket | None:
    """The ticket of a ``get_ticket`` result; None where it holds none. What was cut off is missing.

    Where a board stands before it, the ticket behind that; ``read_boards`` has the board.
    """
    texts = _BOARD.split(data_of(result))
    return _read_one(texts[-1].split("\n"))


def read_boards(result: str) -> tuple[Ticket, ...]:
    """The board that stands before the ticket of a ``get_ticket`` result; none where the ticket is the board."""
    before = _BOARD.split(data_of(result))[:-1]
    boards = [_read_one(text.replace(f"\n{BOARD_SYSTEM}:", "\n").split("\n")) for text in before]
    return tuple(board for board in boards if board is not None)


def _read_one(lines: Sequence[str]) -> Ticket | None:
    fields: dict[str, str] = {}
    custom: dict[str, SafeText] = {}
    at = 0
    for at, line in enumerate(lines):  # noqa: B007 - the place where the fields end is used below
        if not line.strip():
            break
        name, colon, value = line.partition(": ")
        if not colon:
            continue
        if name.startswith("field "):
            custom[name.removeprefix("field ")] = SafeText(value)
        else:
            fields[name] = value
    try:
        ref = TicketRef.parse(fields["ref"])
    except (KeyError, UsageError):
        return None
    created = _moment(fields.get("created")) or _NEVER
    title, body, timeline = SafeText(""), SafeText(""), []
    for head, text in _blocks(lines[at:]):
        if head[0].endswith("#0"):
            first, _, rest = text.partition("\n")
            title, body = SafeText(first), SafeText(rest)
        else:
            entry = _entry(head, text)
            if entry is not None:
                timeline.append(entry)
    return Ticket(
        ref=ref,
        title=title,
        body=body,
        status=_status(fields.get("status", "open (open)")),
        severity=fields.get("severity"),
        priority=_safe(fields.get("priority")),
        assignees=_listed(fields.get("assignees")),
        team=_safe(fields.get("team")),
        services=_listed(fields.get("services")),
        tags=_listed(fields.get("tags")),
        created_at=created,
        updated_at=_moment(fields.get("updated")) or created,
        due_at=_moment(fields.get("due")),
        version=fields.get("version", ""),
        fields=custom,
        timeline=tuple(timeline),
    )


def read_hits(result: str) -> tuple[Hit, ...]:
    """The hits of a ``search_knowledge`` result, best first; their scores are only their places."""
    found: list[Hit] = []
    head: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*data_of(result).split("\n"), ""]:
        begins = None if _NUMBERED.match(line) else _HIT.match(line)
        if head is not None and (begins or not line.strip()):
            found.append(_hit(head, lines, len(found)))
            head, lines = None, []
        if begins:
            head, lines = begins, []
        elif head is not None:
            lines.append(line)
    return tuple(found)


def read_page(result: str) -> Page | None:
    """The page of a ``read_document`` result, from its first line on; None where it holds none."""
    first, *lines = data_of(result).split("\n")
    head = _PAGE.match(first)
    if head is None:
        return None
    return Page(head[1], SafeText(head[2]), SafeText(_unnumbered(lines)), "")


def read_related(result: str) -> tuple[tuple[Ticket, float], ...]:
    """The tickets of a ``search_tickets`` result, with a score by place.

    The identifiers that they share with ours stand as their body, which is all that is known of it.
    """
    found: list[tuple[Ticket, float]] = []
    for line in data_of(result).split("\n"):
        head = _RELATED.match(line)
        if head is None:
            continue
        try:
            ref = TicketRef.parse(head[1])
        except UsageError:
            continue
        shared = "" if head[4] == "none" else head[4]
        ticket = Ticket(
            ref=ref,
            title=SafeText(head[3]),
            body=SafeText(shared),
            status=Status(SafeText(head[2]), StatusCategory.OPEN),
            created_at=_NEVER,
            updated_at=_NEVER,
            version="",
        )
        found.append((ticket, round(1 / (len(found) + 1), 3)))
    return tuple(found)


def _blocks(lines: Sequence[str]) -> list[tuple[tuple[str, str, str], str]]:
    """Entries as their heads (id, time, rest) and their texts."""
    found: list[tuple[tuple[str, str, str], list[str]]] = []
    for line in lines:
        head = None if _NUMBERED.match(line) else _ENTRY.match(line)
        if head:
            found.append(((head[1], head[2], head[3]), []))
        elif found:
            found[-1][1].append(line)
    return [(head, _unnumbered(text)) for head, text in found]


def _unnumbered(lines: Sequence[str]) -> str:
    """Numbered lines as a text in which every line stands at its number; lines that are missing are empty."""
    texts: dict[int, str] = {}
    last = 0
    for line in lines:
        number = _NUMBERED.match(line)
        if number:
            last = int(number[1])
            texts[last] = number[2]
        elif line.strip() and last:
            texts[last] += f" {line}"  # a placeholder that took a line's end with it
    return "\n".join(texts.get(number, "") for number in range(1, max(texts, default=0) + 1))


def _entry(head: tuple[str, str, str], text: str) -> TimelineEntry | None:
    parts = head[2].rsplit(" · ", 2)
    at = _moment(head[1])
    if len(parts) != 3 or at is None:
        return None
    author, kind, visibility = parts
    try:
        return TimelineEntry(
            head[0], at, SafeText(author), EntryKind(kind), Visibility(visibility), SafeText(clean(text))
        )  # fmt: skip
    except ValueError:
        return None


def _hit(head: re.Match[str], lines: Sequence[str], place: int) -> Hit:
    text = "\n".join(match[2] if (match := _NUMBERED.match(line)) else line for line in lines)
    changed: Any = moment(head[4]) if head[4] else None
    return Hit(
        head[1],
        SafeText(head[2]),
        round(10 / (place + 1), 3),
        int(head[5]),
        int(head[6]),
        SafeText(text),
        Strength(head[3]),
        changed_at=changed,
    )


def _status(text: str) -> Status:
    raw, _, category = text.rpartition(" (")
    try:
        return Status(SafeText(raw), StatusCategory(category.removesuffix(")")))
    except ValueError:
        return Status(SafeText(text), StatusCategory.OPEN)


def _moment(text: str | None) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError:
        return None


def _safe(text: str | None) -> SafeText | None:
    return SafeText(text) if text else None


def _listed(text: str | None) -> tuple[SafeText, ...]:
    return tuple(SafeText(part) for part in text.split(", ")) if text else ()
