"""A ticket server for the simulation: any of the kinds that there are, with what it remembers and what it forgets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opstui.core import publishing as p
from opstui.core.drafts import DraftOp, OpKind
from opstui.core.ports import Capabilities
from opstui.core.text import SafeText
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketAttachment,
    TimelineEntry,
    Visibility,
)
from tests.core.building import NOW, REF

SETTLE = 30.0
LAYOUTS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("*",),),
    (("*",),),
    (("/comment", "/status", "/attachments", "/fields/*"), ("*",)),
    (("/comment",), ("*",)),
    (("/attachments",), ("/comment",), ("*",)),
    (("/attachments",), ("*",)),
    (("/comment",), ("/status",), ("*",)),
)
"""Which parts of an update go together, as the systems of this world have it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a server is like."""

    steps: tuple[tuple[str, ...], ...]
    marker: str
    """Where it keeps an op id: ``always``, ``comment`` (with comments only), ``never``."""
    marks_entries: bool
    """Its timeline says which op made an entry; otherwise only its list of entries does."""
    conditional: bool
    atomic: bool
    lag: float
    """Seconds that a read may be old."""
    ignores: str
    """A path that it takes without a word and does not set."""
    renames: bool
    """It gives files another name."""
    answers: bool
    """It writes something itself after each comment."""

    @classmethod
    def drawn(cls, dice: random.Random, lag: float) -> Kind:
        """Any kind."""
        chance = dice.random
        mark, atomic = chance(), chance() < 0.4
        return cls(
            steps=LAYOUTS[int(chance() * len(LAYOUTS))],
            marker="always" if mark < 0.45 else "comment" if mark < 0.85 else "never",
            marks_entries=mark < 0.85 and chance() < 0.6,
            conditional=chance() < 0.4,
            atomic=atomic,
            lag=lag if chance() < 0.5 else 0.0,
            ignores=("/status", "/team")[int(chance() * 2)] if chance() < 0.07 and not atomic else "",
            renames=chance() < 0.05,
            answers=chance() < 0.3,
        )

    def capabilities(self) -> Capabilities:
        """The same, as an adapter would say it."""
        return Capabilities(
            conditional_write=self.conditional, marker_findable=self.marker == "always",
            marker_in_comment=self.marker == "comment", atomic=self.atomic, steps=self.steps, settle_seconds=SETTLE,
        )  # fmt: skip


class Server:
    """One ticket on a server of some kind. Times are seconds; every version is kept, since reads may be old."""

    def __init__(self, kind: Kind, operations: Sequence[DraftOp], dice: random.Random) -> None:
        self.kind = kind
        self.operations = operations
        self.dice = dice
        self.fields: dict[str, Any] = {"/status": "open", "/team": "web", "/fields/Service": "pay", "/tags": ("old",)}
        self.files: tuple[TicketAttachment, ...] = (TicketAttachment(SafeText("old.log"), 7),)
        self.timeline: tuple[TimelineEntry, ...] = ()
        self.versions: list[tuple[float, Ticket]] = []
        self.marks: list[tuple[float, str, str]] = []
        self.times: Counter[int] = Counter()
        """Operation → how often it was applied by us."""
        self.last: dict[str, str] = {}
        """Path → who set it last."""
        self.had: set[tuple[str, Any]] = {*self.fields.items()}
        """Every value that a field ever had."""
        self.overwritten: list[str] = []
        """Paths at which somebody else's value was written over."""
        self.undone: list[str] = []
        """Paths that somebody had set back from our value, and that were set to it again."""
        self.keep(-1000.0)

    def keep(self, time: float) -> None:
        """A new version of the ticket."""
        fields = self.fields
        self.had.update(fields.items())
        ticket = Ticket(
            ref=REF, title=_TITLE, body=_TITLE, status=_STATUS[fields["/status"]], team=_SAFE[fields["/team"]],
            fields={"Service": _SAFE[fields["/fields/Service"]]}, tags=tuple(_SAFE[tag] for tag in fields["/tags"]),
            attachments=self.files, timeline=self.timeline, version=str(len(self.versions) + 1), created_at=NOW,
            updated_at=NOW,
        )  # fmt: skip
        self.versions.append((time, ticket))

    def note(self, time: float, author: str, text: str, kind: EntryKind, op_id: str | None = None) -> None:
        """A new entry of the timeline."""
        entry = TimelineEntry(
            f"{REF.key}#{len(self.timeline) + 1}", NOW, _SAFE[author], kind, Visibility.INTERNAL, SafeText(text),
            op_id if self.kind.marks_entries else None,
        )  # fmt: skip
        self.timeline = (*self.timeline, entry)
        if op_id:
            self.marks.append((time, op_id, entry.id))

    def somebody_else(self, time: float) -> str:
        """Somebody else does something; what."""
        what = FOREIGN[int(self.dice.random() * len(FOREIGN))]
        path, value = what
        if path == "/tags":
            self.fields[path] = tuple(dict.fromkeys((*self.fields[path], value)))
        elif path == "/files":
            self.files = (*self.files, TicketAttachment(SafeText(value), 3))
        elif path:
            self.fields[path] = value
            self.last[path] = "miguel"
        self.note(time, "miguel", f"{path} {value}", EntryKind.FIELD if path.startswith("/") else EntryKind.COMMENT)
        self.keep(time)
        return f"{path} {value}".strip()

    def apply(self, time: float, version: str, ops: Sequence[int], op_id: str, breaks: float) -> p.Observation:
        """A write arrives. It breaks off half-way by the chance of ``breaks``, if it can."""
        kind, dice = self.kind, self.dice
        if kind.conditional and version != self.versions[-1][1].version:
            return p.VersionRefused()
        # What must not be done twice is done first, and the mark with it: that is what ``marker_findable`` promises.
        ops = sorted(ops, key=lambda index: _ORDER[self.operations[index].op])
        half = len(ops)
        if not kind.atomic and dice.random() < breaks:
            half = max(int(dice.random() * len(ops)), self.operations[ops[0]].op is OpKind.COMMENT)
        said = False
        for index in ops[:half]:
            op = self.operations[index]
            self.times[index] += op.path != kind.ignores
            if op.op is OpKind.COMMENT:
                said = True
            elif op.file is not None:
                name = f"1-{op.file.name}" if kind.renames else op.file.name
                self.files = (*self.files, TicketAttachment(SafeText(name), op.file.size))
            elif op.op is OpKind.ADD:
                self.fields["/tags"] = tuple(dict.fromkeys((*self.fields["/tags"], str(op.to))))
            elif op.path != kind.ignores:
                if self.fields[op.path] not in (op.before, op.to):
                    self.overwritten.append(op.path)
                elif self.times[index] > 1 and self.last.get(op.path) == "miguel":
                    self.undone.append(op.path)
                self.fields[op.path] = op.to
                self.last[op.path] = "us"
        if half:
            marked = kind.marker == "always" or (kind.marker == "comment" and said)
            author = "alex" if dice.random() < 0.5 else "opstui"
            text = str(self.operations[self._comment(ops)].to) if said else "ours"
            self.note(time, author, text, EntryKind.COMMENT if said else EntryKind.FIELD, op_id if marked else None)
            if said and kind.answers:
                self.note(time, "robot", "thank you", EntryKind.SYSTEM)
            self.keep(time)
        if half < len(ops) and dice.random() < 0.8:
            return p.RequestFailed("500", maybe_applied=True)
        return p.SentOk(None)

    def seen(self, time: float) -> Ticket:
        """The ticket as a read finds it, which may be a little old."""
        if not self.kind.lag:
            return self.versions[-1][1]
        as_of = time - self.dice.random() * self.kind.lag
        return next(ticket for at, ticket in reversed(self.versions) if at <= as_of)

    def found(self, time: float, op_id: str) -> str | None:
        """What a list of the ticket's entries shows of an op."""
        if not self.marks:
            return None
        as_of = time - self.dice.random() * self.kind.lag
        return next((entry for at, mark, entry in self.marks if mark == op_id and at <= as_of), None)

    def _comment(self, ops: Sequence[int]) -> int:
        return next(index for index in ops if self.operations[index].op is OpKind.COMMENT)


FOREIGN: tuple[tuple[str, str], ...] = (
    ("", "I see it too"), ("", "so do I"), ("", "and I"), ("/status", "resolved"), ("/status", "waiting"),
    ("/status", "open"), ("/team", "net"), ("/team", "web"), ("/fields/Service", "login"), ("/tags", "theirs"),
    ("/files", "other.log"),
)  # fmt: skip
"""What somebody else may do: path, value."""
_ORDER = {OpKind.COMMENT: 0, OpKind.ATTACH: 1, OpKind.ADD: 2, OpKind.SET: 2}
_STATUS = {
    raw: Status(SafeText(raw), category)
    for raw, category in (
        ("open", StatusCategory.OPEN), ("waiting", StatusCategory.WAITING), ("resolved", StatusCategory.RESOLVED)
    )
}  # fmt: skip
_TITLE = SafeText("Card declined in checkout")
_SAFE = {
    text: SafeText(text)
    for text in (
        "web", "net", "db", "pay", "login", "cart", "old", "seen", "theirs", "alex", "opstui", "miguel", "robot"
    )
}  # fmt: skip
