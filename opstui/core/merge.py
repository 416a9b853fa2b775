"""Merging: what the ticket's fields were, what they are now, and what an update makes of them."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from opstui.core.drafts import Draft, DraftOp, OpKind
from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.ids import step_ids
from opstui.core.tickets import EntryKind, Ticket, TimelineEntry, field_value

FIELD_PATHS = ("/status", "/severity", "/assignee", "/team", "/tags")
ENTRIES = "#entries"
"""Key of ``Draft.base`` for the highest entry number."""
AGENT_COMMENT = "#comment"
"""Key of ``Draft.base`` for the comment as the agent wrote it, so that edits can be measured."""


class FieldState(StrEnum):
    """How an operation stands to the ticket as it is now."""

    UNCHANGED = "unchanged"
    """Nobody touched the field: the operation can be applied."""
    THEIRS = "theirs"
    """Others changed it in a way that does not hinder the operation (other tags)."""
    DONE = "done"
    """Somebody set the same value meanwhile."""
    CONFLICT = "conflict"
    """Somebody set another value meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMerge:
    """One operation on a field, three ways. Values as :func:`core.tickets.field_value` gives them."""

    index: int
    """Of the operation in the list that was merged."""
    path: str
    op: OpKind
    base: Any
    now: Any
    yours: Any
    state: FieldState


def snapshot(ticket: Ticket) -> dict[str, Any]:
    """Every field that an update may touch, path → value, and ``#entries``: what ``Draft.base`` holds."""
    found: dict[str, Any] = {path: field_value(ticket, path) for path in FIELD_PATHS}
    found.update({f"/fields/{name}": str(value) for name, value in ticket.fields.items() if name})
    found[ENTRIES] = max((entry.number for entry in ticket.timeline), default=0)
    return found


def same(path: str, one: Any, other: Any) -> bool:
    """Whether two values of a field are the same one; nothing, an empty text and an empty list are."""
    if path in ("/assignee", "/tags"):
        return sorted(map(str, one or ())) == sorted(map(str, other or ()))
    return (one or None) == (other or None)


def three_way(base: Mapping[str, Any] | None, now: Ticket, ops: Iterable[DraftOp]) -> tuple[FieldMerge, ...]:
    """Each operation on a field or tag against the ticket as it is; comments and attachments never conflict.

    ``base`` None takes the operations' own ``before``. Tags are merged one by one: only whether the tag itself is there
    matters.
    """
    found = []
    for index, op in enumerate(ops):
        if op.op in (OpKind.COMMENT, OpKind.ATTACH):
            continue
        before = op.before if base is None else base.get(op.path)
        current = field_value(now, op.path)
        if op.op is OpKind.SET:
            state = (
                FieldState.DONE if same(op.path, current, op.to) and not same(op.path, before, op.to)
                else FieldState.UNCHANGED if same(op.path, current, before)
                else FieldState.CONFLICT
            )  # fmt: skip
            yours = op.to
        else:
            tags = [str(tag) for tag in current or ()]
            there = str(op.to) in tags
            state = (
                FieldState.DONE if there is (op.op is OpKind.ADD)
                else FieldState.UNCHANGED if same(op.path, current, before)
                else FieldState.THEIRS
            )  # fmt: skip
            yours = sorted({*tags, str(op.to)} if op.op is OpKind.ADD else {*tags} - {str(op.to)})
        found.append(
            FieldMerge(index=index, path=op.path, op=op.op, base=before, now=current, yours=yours, state=state)
        )
    return tuple(found)


def conflicts(merged: Iterable[FieldMerge]) -> tuple[str, ...]:
    """Paths that a person must settle, each once."""
    return tuple(dict.fromkeys(item.path for item in merged if item.state is FieldState.CONFLICT))


def changed(base: Mapping[str, Any], ticket: Ticket) -> dict[str, tuple[Any, Any]]:
    """Every field that is not as it was: path → (then, now)."""
    current = snapshot(ticket)
    paths = [path for path in {**base, **current} if not path.startswith("#")]
    return {
        path: (base.get(path), current.get(path))
        for path in paths
        if not same(path, base.get(path), current.get(path))
    }  # fmt: skip


def overlaps(
    base_entries: int, ticket: Ticket, *, op_id: str, own: Collection[str] = (), entry_id: str | None = None
) -> tuple[TimelineEntry, ...]:
    """Other people's timeline entries since the base.

    Not those that carry ``op_id`` or that of one of its steps, not those written by one of our own accounts (``own``,
    case-insensitive), and not what the system itself writes after our entry, in answer to it. ``entry_id`` is that of
    our entry where the timeline does not tell.
    """
    ours = {name.casefold() for name in own if name}
    ids = step_ids(op_id)
    marked = {entry.number for entry in ticket.timeline if entry.op_id in ids or entry.id == entry_id}
    after_ours = min(marked, default=None)
    found = []
    for entry in ticket.timeline:
        if entry.number <= base_entries or entry.number in marked or entry.author.casefold() in ours:
            continue
        if entry.kind is EntryKind.SYSTEM and after_ours is not None and entry.number > after_ours:
            continue
        found.append(entry)
    return tuple(found)


def rebase(draft: Draft, ticket: Ticket) -> Draft:
    """``draft`` on the ticket as it is now.

    Operations whose field nobody touched, tags, comments and files follow to the new base. An operation that somebody
    else did already is dropped. A conflicting one stays on its old value of the field, and its path is listed in
    ``conflicts`` until :func:`settle` is told whose value holds.
    """
    merged = {item.index: item for item in three_way(None, ticket, draft.ops)}
    ops, open_paths = [], []
    for index, op in enumerate(draft.ops):
        item = merged.get(index)
        if item is None:
            ops.append(op)
        elif item.state is FieldState.CONFLICT:
            ops.append(op)
            open_paths.append(item.path)
        elif item.state is not FieldState.DONE:
            ops.append(replace(op, before=item.now))
    kept = {key: value for key, value in draft.base.items() if key.startswith("#")}
    return replace(
        draft,
        ops=tuple(ops),
        base={**kept, **snapshot(ticket)},
        base_version=ticket.version,
        conflicts=tuple(dict.fromkeys(open_paths)),
    )


def settle(draft: Draft, path: str, whose: str, ticket: Ticket) -> Draft:
    """One conflicting field, settled: ``theirs`` drops our operation, ``mine`` sets ours over the value of now.

    Raises UsageError where there is no such conflict.
    """
    if path not in draft.conflicts:
        raise UsageError(f"{path} is not in conflict")
    if whose not in ("theirs", "mine"):
        raise UsageError(f"{whose!r}: a conflict is settled with theirs or mine")
    now = field_value(ticket, path)
    ops: list[DraftOp] = []
    for op in draft.ops:
        if op.path != path or op.op is not OpKind.SET:
            ops.append(op)
        elif whose == "mine" and not same(path, now, op.to):
            ops.append(replace(op, before=now))
    left = tuple(item for item in draft.conflicts if item != path)
    return replace(draft, ops=tuple(ops), conflicts=left)


# --- showing edits ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that is in both, only in the old one (``-``), or only in the new one (``+``)."""

    sign: str
    """``=``, ``-`` or ``+``."""
    text: str


PAIRS_LIMIT = 60_000
"""Equal pieces of two texts, counted as pairs, that difflib is given. Its time grows with them and, where they repeat,
much faster: two texts of 1,900 letters of four kinds took 30 s, the slowest two found within this limit 20 ms."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def word_diff(old: str, new: str) -> tuple[Piece, ...]:
    """What changed from ``old`` to ``new``, word by word. Joining ``=`` and ``+`` gives ``new``.

    Texts that are too long for that are compared line by line, and else taken as replaced from the first difference
    to the last.
    """
    return _diff(old, new, _WORD.findall, _lines)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _diff(old: str, new: str, *ways: Callable[[str], list[str]]) -> tuple[Piece, ...]:
    for split in ways:
        one, other = split(old), split(new)
        start = 0
        while start < min(len(one), len(other)) and one[start] == other[start]:
            start += 1
        end = 0
        while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
            end += 1
        found = [Piece("=", "".join(one[:start]))]
        last = Piece("=", "".join(one[len(one) - end :]))
        one, other = one[start : len(one) - end], other[start : len(other) - end]
        if _pairs(one, other) <= PAIRS_LIMIT:
            return _joined([*found, *_opcodes(one, other), last])
    return _joined([*found, Piece("-", "".join(one)), Piece("+", "".join(other)), last])


def _pairs(one: Sequence[str], other: Sequence[str]) -> int:
    counts = Counter(piece for piece in one if not piece.isspace())
    return sum(counts[piece] for piece in other)


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Iterator[Piece]:
    # Spaces alone make no two texts alike.
    for tag, a, b, c, d in difflib.SequenceMatcher(str.isspace, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("=", "".join(one[a:b]))
        else:
            yield Piece("-", "".join(one[a:b]))
            yield Piece("+", "".join(other[c:d]))


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for piece in pieces:
        if found and piece.text and found[-1].sign == piece.sign:
            found[-1] = Piece(piece.sign, found[-1].text + piece.text)
        elif piece.text:
            found.append(piece)
    return tuple(found)


def edited_characters(old: str, new: str) -> int:
    """How many characters went or came, by the word diff: 0 for the same text."""
    return sum(len(piece.text) for piece in word_diff(old, new) if piece.sign != "=") if old != new else 0


def edit_distance(old: str, new: str) -> float:
    """:func:`edited_characters` from 0.0 (the same) to 1.0 (nothing left of it)."""
    whole = len(old) + len(new)
    return edited_characters(old, new) / whole if whole else 0.0
