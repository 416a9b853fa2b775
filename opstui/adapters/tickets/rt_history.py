"""Request Tracker's transactions as a timeline. Their texts and files are attachments, which are lists of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.tickets.htmltext import text_of
from opstui.adapters.tickets.markers import unmarked
from opstui.adapters.tickets.wire import line, moment, raw, record
from opstui.core.frozen import dataclass
from opstui.core.ids import CROCKFORD
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, TicketAttachment, TimelineEntry, Visibility

TRANSACTION_FIELDS = "Type,Creator,Created,Field,OldValue,NewValue,Data"
PART_FIELDS = "ContentType,Filename,TransactionId,ContentLength"
"""``Parent`` is missing here because RT 5.0.3 answers 500 to whoever asks for it."""
SYSTEM = "RT_System"
"""Who does what RT does by itself: a public reply opens a new ticket in that name."""
SPOKEN = ("Create", "Comment", "Correspond")
"""Transactions that somebody wrote. Recorded mails have attachments too, which say the same once more."""
TOGETHER = timedelta(seconds=5)
"""Transactions of one request follow each other no further apart; RT counts in seconds."""

_ULID = re.compile(rf"[{CROCKFORD}]{{26}}\Z")
_PEOPLE = ("Owner", "Requestor", "Requestors", "Cc", "AdminCc")
_OWNING = ("Take", "Give", "Steal", "Untake", "Force", "Assign")
_LINKING = ("AddLink", "DeleteLink")
_MAILS = {"EmailRecord": "mail sent", "CommentEmailRecord": "mail about a comment sent"}
_TICKET = re.compile(r"fsck\.com-rt://[^/]+/ticket/(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment as RT means it: a text that was written, a file, or the envelope of both."""

    id: str
    transaction: str
    kind: str
    """MIME type."""
    name: SafeText
    size: int
    """Bytes."""

    @property
    def is_file(self) -> bool:
        """Texts have no file name; what is neither text nor envelope is a file also without one."""
        if self.name:
            return True
        return self.size > 0 and not self.kind.startswith(("text/plain", "text/html", "multipart/", "message/"))

    @property
    def is_text(self) -> bool:
        """Something to be read."""
        return not self.name and self.size > 0 and self.kind.startswith(("text/plain", "text/html"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What transactions speak of by number."""

    people: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


def part_of(data: Mapping[str, Any]) -> Part:
    """An attachment from its row in a list."""
    size = raw(data.get("ContentLength"))
    kind = raw(data.get("ContentType")).casefold()
    return Part(
        raw(data.get("id")), raw(data.get("TransactionId")), kind, line(data.get("Filename")),
        int(size) if size.isdecimal() and len(size) < 15 else 0,
    )  # fmt: skip


def in_order(transactions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Transactions by number, each once: it only grows, and entries are counted by it."""
    found = {int(number): one for one in transactions if (number := raw(one.get("id"))).isdecimal()}
    return [found[number] for number in sorted(found)]


def wanted_texts(transactions: Sequence[Mapping[str, Any]], parts: Iterable[Part]) -> list[Part]:
    """The parts whose text is shown."""
    spoken = {raw(one.get("id")) for one in transactions if one.get("Type") in SPOKEN}
    return [part for part in parts if part.is_text and part.transaction in spoken]


def files_of(transactions: Sequence[Mapping[str, Any]], parts: Iterable[Part]) -> tuple[TicketAttachment, ...]:
    """The files on a ticket."""
    spoken = {raw(one.get("id")) for one in transactions if one.get("Type") in SPOKEN}
    return tuple(
        TicketAttachment(part.name or SafeText("unnamed"), part.size)
        for part in parts
        if part.is_file and part.transaction in spoken
    )


def numbers_of(transactions: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Users and queues that transactions name by number only."""
    people, queues = set(), set()
    for one in transactions:
        values = {raw(one.get("OldValue")), raw(one.get("NewValue"))} - {""}
        if one.get("Type") in _OWNING or (one.get("Field") in _PEOPLE and one.get("Type") != "CustomField"):
            people |= values
        elif one.get("Type") == "Set" and one.get("Field") == "Queue":
            queues |= values
    return {one for one in people if one.isdecimal()}, {one for one in queues if one.isdecimal()}


def texts_of(parts: Iterable[Part], contents: Mapping[str, str]) -> dict[str, str]:
    """Transaction → what was written: the plain parts of it, else its HTML as text."""
    plain: dict[str, list[str]] = {}
    rich: dict[str, list[str]] = {}
    for part in parts:
        content = contents.get(part.id)
        if content is not None:
            (plain if part.kind.startswith("text/plain") else rich).setdefault(part.transaction, []).append(content)
    found = {number: "\n\n".join(map(text_of, pieces)) for number, pieces in rich.items()}
    return found | {number: "\n\n".join(pieces) for number, pieces in plain.items()}


def body_of(transactions: Sequence[Mapping[str, Any]], texts: Mapping[str, str]) -> SafeText:
    """What the ticket was made with."""
    made = next((raw(one.get("id")) for one in transactions if one.get("Type") == "Create"), "")
    return clean(texts.get(made, ""))


def entries_of(
    key: str, transactions: Sequence[Mapping[str, Any]], parts: Sequence[Part], texts: Mapping[str, str], known: Known
) -> tuple[TimelineEntry, ...]:
    """Every transaction as an entry, so that none ever gets another number."""
    files: dict[str, list[str]] = {}
    for part in parts:
        if part.is_file:
            files.setdefault(part.transaction, []).append(part.name or "unnamed")
    marks = op_ids(transactions)
    found = []
    for number, one in enumerate(transactions, start=1):
        said, mark = unmarked(texts.get(raw(one.get("id")), ""))
        kind, visibility, text = _told(one, clean(said), files.get(raw(one.get("id")), []), known)
        found.append(
            TimelineEntry(
                id=f"{key}#{number}",
                at=moment(one.get("Created")),
                author=clean_line(raw(record(one.get("Creator")).get("id"))),
                kind=kind,
                visibility=visibility,
                text=text,
                op_id=mark or marks.get(raw(one.get("id"))),
            )
        )
    return tuple(found)


def op_ids(transactions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Transaction → op id, for those that keep one and those that the same request made.

    A request's transactions are by one person, within seconds, without another's between them but RT's own; at most the
    first of them is a comment, as RT writes it before the fields.
    """
    found: dict[str, str] = {}
    rows = [one for one in transactions if not _by_rt(one)]
    keeping = [at for at, one in enumerate(rows) if _keeps_op_id(one)]
    for at in keeping:
        op_id = raw(rows[at].get("NewValue"))
        found[raw(rows[at].get("id"))] = op_id
        for before in range(at - 1, -1, -1):
            one = rows[before]
            if raw(one.get("id")) in found or one.get("Type") == "Create" or not _together(one, rows[before + 1]):
                break
            found[raw(one.get("id"))] = op_id
            if one.get("Type") in SPOKEN:
                break
        for after in range(at + 1, len(rows)):
            one = rows[after]
            if one.get("Type") in SPOKEN or _keeps_op_id(one) or not _together(rows[after - 1], one):
                break
            found[raw(one.get("id"))] = op_id
    return found


def _by_rt(one: Mapping[str, Any]) -> bool:
    return record(one.get("Creator")).get("id") == SYSTEM


def _keeps_op_id(one: Mapping[str, Any]) -> bool:
    return one.get("Type") == "CustomField" and bool(_ULID.match(raw(one.get("NewValue"))))


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if record(one.get("Creator")).get("id") != record(other.get("Creator")).get("id"):
        return False
    first: datetime = moment(one.get("Created"))
    return abs(moment(other.get("Created")) - first) <= TOGETHER


# --- in words ---------------------------------------------------------------------------------------------------------


def _told(
    one: Mapping[str, Any], said: SafeText, files: Sequence[str], known: Known
) -> tuple[EntryKind, Visibility, SafeText]:
    """Whoever sees a ticket sees its changes; only comments, and mails about them, need another right."""
    kind, name = raw(one.get("Type")), raw(one.get("Field"))
    if kind in ("Comment", "Correspond"):
        visibility = Visibility.INTERNAL if kind == "Comment" else Visibility.PUBLIC
        if said or not files:
            return EntryKind.COMMENT if kind == "Comment" else EntryKind.REPLY, visibility, said
        return EntryKind.ATTACH, visibility, clean(f"attached {', '.join(files)}")
    if kind in _MAILS:
        return EntryKind.SYSTEM, Visibility.INTERNAL, SafeText(_MAILS[kind])
    words, entry = _words(one, kind, name, known)
    entry = EntryKind.SYSTEM if _by_rt(one) else entry
    return entry, Visibility.PUBLIC, clean(words, limit=4000)


def _words(one: Mapping[str, Any], kind: str, name: str, known: Known) -> tuple[str, EntryKind]:
    old, new = raw(one.get("OldValue")), raw(one.get("NewValue"))
    if kind == "Create":
        return "created", EntryKind.SYSTEM
    if kind == "Status" or (kind == "Set" and name == "Status"):
        return f"status: {_change(old, new)}", EntryKind.STATUS
    if kind == "CustomField":
        mark = EntryKind.SYSTEM if _keeps_op_id(one) else EntryKind.FIELD
        return f"{known.fields.get(name, f'custom field {name}')}: {_change(old, new)}", mark
    if kind in _OWNING or (kind == "Set" and name == "Owner"):
        people = [_person(value, known) for value in (old, new)]
        return f"assignee: {' → '.join(people)}", EntryKind.ASSIGN
    if name in _PEOPLE:
        change = _change(_person(old, known) if old else "", _person(new, known) if new else "")
        # The owner's change is told by a transaction of its own.
        return f"{name.lower()}: {change}", EntryKind.SYSTEM if name == "Owner" else EntryKind.FIELD
    if kind == "Set" and name == "Queue":
        places = [known.queues.get(value, f"queue {value}") for value in (old, new)]
        return f"team: {' → '.join(places)}", EntryKind.FIELD
    if kind in _LINKING:
        target = new or old
        there = _TICKET.match(target)
        what = f"ticket {there.group(1)}" if there else target
        return f"{name}: {'+' if kind == 'AddLink' else '−'} {what}", EntryKind.LINK
    if kind == "Set":
        return f"{name.lower()}: {_change(old, new)}", EntryKind.FIELD
    about = " ".join(part for part in (name, _change(old, new), raw(one.get("Data"))) if part)
    return f"{kind}: {about}" if about else kind, EntryKind.SYSTEM


def _change(old: str, new: str) -> str:
    if old and new:
        return f"{old} → {new}"
    return f"+ {new}" if new else f"− {old}" if old else ""


def _person(number: str, known: Known) -> str:
    return known.people.get(number, f"user {number}" if number.isdecimal() else number or "nobody")
