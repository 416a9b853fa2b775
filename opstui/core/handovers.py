"""The walk through a shift handover: each section approved or revised, then read back by who receives it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from opstui.core.document_kinds.handover import SECTIONS, ShiftHandover
from opstui.core.document_kinds.parts import ReadBack
from opstui.core.errors import NotFound, Refused, UsageError
from opstui.core.frozen import dataclass
from opstui.core.text import clean, clean_line

OPEN, WALKED, READ_BACK = "open", "walked", "read_back"
"""States of a handover: being walked through; every section settled; closed by the receiver."""
KIND = "handover"
"""Of its paper."""
CONTACT = timedelta(minutes=15)
"""For so long after the read-back who goes stays the contact: a quarter of air traffic control's operational errors
fall in the first quarter of an hour after a relief."""
TEXT_LIMIT = 4_000
"""Characters of a section's text, and of a read-back."""
CORRECTIONS = 12
"""Most corrections of one read-back."""
DONE, DROPPED, KEPT = "done", "dropped", "open"
"""What can be said of an item of a section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a person made of a section."""

    by: str
    at: datetime
    text: str | None = None
    """Instead of what was written; None: approved as it was."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a section's settling was before somebody settled it again."""

    section: str
    was: Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A shift handover on its way from one shift to the next."""

    document: ShiftHandover
    board: str = ""
    """The version of the board it was written from."""
    settled: Mapping[str, Settled] = field(default_factory=dict)
    earlier: tuple[Revision, ...] = ()
    """Oldest first."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Item → ``done`` or ``dropped``."""
    read_back: ReadBack | None = None

    @property
    def state(self) -> str:
        """Where it stands."""
        if self.read_back is not None:
            return READ_BACK
        return WALKED if all(name in self.settled for name in SECTIONS) else OPEN

    @property
    def left(self) -> tuple[str, ...]:
        """Sections that nobody settled yet, in order."""
        return tuple(name for name in SECTIONS if name not in self.settled)

    @property
    def contact_until(self) -> datetime | None:
        """Until when who went is to be asked; None before the read-back."""
        return self.read_back.at + CONTACT if self.read_back is not None else None

    @property
    def misunderstandings(self) -> int:
        """How many things the receiver had understood otherwise."""
        return len(self.read_back.corrections) if self.read_back is not None else 0


def settle(handover: Handover, section: str, text: str | None, *, by: str, at: datetime, note: str = "") -> Handover:
    """The handover with this section approved (``text`` None) or revised; what it was before is kept.

    Raises NotFound, Refused, UsageError.
    """
    _still_open(handover, section)
    words = None
    if text is not None:
        words = str(clean(text)).strip()
        if not words:
            raise UsageError(f"{section}: an empty text says nothing; mark its items as dropped instead")
        if len(words) > TEXT_LIMIT:
            raise UsageError(f"{section}: at most {TEXT_LIMIT} characters; nothing was changed")
    before = handover.settled.get(section)
    made = Settled(by=by, at=at, text=words, note=str(clean_line(note, limit=200)))
    earlier = (*handover.earlier, Revision(section=section, was=before)) if before is not None else handover.earlier
    return replace(handover, settled={**handover.settled, section: made}, earlier=earlier)


def mark(handover: Handover, section: str, marks: Mapping[str, str], *, items: int) -> Handover:
    """The handover with some of the section's ``items`` items marked ``done``, ``dropped`` or ``open`` again.

    Whether the section is settled stays as it was. Raises NotFound, Refused, UsageError.
    """
    _still_open(handover, section)
    said = dict(handover.marks)
    for item, state in marks.items():
        name, _, number = item.rpartition("-")
        if name != section or not number.isdigit() or not 1 <= int(number) <= items:
            raise NotFound(f"{clean_line(item, limit=60)}: no such item of {section}; it has {items}")
        if state not in (DONE, DROPPED, KEPT):
            raise UsageError(f"{clean_line(state, limit=40)}: an item is done, dropped or open")
        said[item] = state
    return replace(handover, marks={item: state for item, state in sorted(said.items()) if state != KEPT})


def _still_open(handover: Handover, section: str) -> None:
    if handover.read_back is not None:
        raise Refused("the handover was read back and is closed; nothing was changed")
    if section not in SECTIONS:
        raise NotFound(f"{clean_line(section, limit=60)}: no such section; there are: {', '.join(SECTIONS)}")


def close(handover: Handover, *, by: str, at: datetime, text: str, corrections: tuple[str, ...]) -> Handover:
    """The handover as its receiver read it back. Raises Refused while a section is not settled, UsageError."""
    if handover.read_back is not None:
        raise Refused(f"it was read back by {handover.read_back.by}; nothing was changed")
    if handover.left:
        raise Refused(f"not walked through yet: {', '.join(handover.left)}")
    name = str(clean_line(by, limit=80)).strip()
    words = str(clean(text)).strip()
    if not name:
        raise UsageError("who reads it back? A name is wanted")
    if name.casefold() == handover.document.shift.outgoing.casefold():
        raise Refused(f"{name} hands this shift over; whoever takes it reads it back. Nothing was closed")
    if not words:
        raise UsageError("a read-back is in the receiver's own words; an empty one closes nothing")
    if len(words) > TEXT_LIMIT:
        raise UsageError(f"a read-back has at most {TEXT_LIMIT} characters; nothing was changed")
    mended = tuple(str(clean_line(one, limit=400)).strip() for one in corrections)
    if len(mended) > CORRECTIONS:
        raise UsageError(f"at most {CORRECTIONS} corrections; nothing was changed")
    back = ReadBack(by=name, at=at, text=words, corrections=tuple(one for one in mended if one))
    shift = replace(handover.document.shift, incoming=name)
    return replace(handover, document=replace(handover.document, shift=shift, read_back=back), read_back=back)
