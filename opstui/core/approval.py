"""Approval: consent to exact bytes, for a quarter of an hour, once.

:func:`payload` makes the bytes, :func:`read_payload` reads them. What Confirm draws and what the publisher sends both
come out of the bytes and from nowhere else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from opstui.core.canonical import canonical, fingerprint
from opstui.core.drafts import Draft, DraftOp, FileRef, OpKind, PushStep
from opstui.core.errors import Refused, UsageError
from opstui.core.frozen import dataclass
from opstui.core.ports import Update
from opstui.core.text import clean
from opstui.core.tickets import TicketRef, Visibility

LIFETIME = timedelta(minutes=15)
"""From approval to the first byte."""
CLOCK_SLACK = timedelta(minutes=1)
"""How far a clock may have gone back before an approval's age can no longer be told."""
LETTERS = "abdfghjkrsvwxz"
"""Letters of the prompt: none that reads like another letter or a digit, none that answers a question (y, n) or is a
key of Review or Confirm (c e i m n p q t u)."""

_FORMAT = 1
_KEYS = {"format", "system", "origin", "ticket", "operator", "operations", "base_version", "base_entries", "op_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What approved bytes say."""

    system: str
    origin: str
    """Scheme, host and port of the system, or ``local:`` and the desk's own id."""
    ticket: TicketRef
    operator: str
    """As whom."""
    operations: tuple[DraftOp, ...]
    base_version: str
    base_entries: int
    """The highest entry number of the base; what came after is an overlap."""
    op_id: str

    @property
    def comment(self) -> DraftOp | None:
        """The comment, if there is one."""
        return next((op for op in self.operations if op.op is OpKind.COMMENT), None)

    @property
    def public(self) -> bool:
        """Whether the comment may be read from outside. Anything but internal counts as public."""
        comment = self.comment
        return comment is not None and comment.visibility is not Visibility.INTERNAL

    @property
    def files(self) -> tuple[FileRef, ...]:
        """What is attached."""
        return tuple(op.file for op in self.operations if op.file is not None)


# --- the bytes --------------------------------------------------------------------------------------------------------


def payload(draft: Draft, *, origin: str, files: Mapping[str, bytes]) -> bytes:
    """The canonical bytes of a draft: what its fingerprint is of, and what is sent.

    ``files`` holds every attached file by its SHA-256. Raises Refused where one is missing or is no longer what it
    was, and UsageError for text that has no UTF-8.
    """
    for op in draft.ops:
        if op.file is not None:
            _check_file(op.file, files)
    return canonical(
        {
            "format": _FORMAT,
            "system": draft.ticket.system,
            "origin": origin,
            "ticket": str(draft.ticket),
            "operator": draft.operator,
            "operations": [_operation(op) for op in draft.ops],
            "base_version": draft.base_version,
            "base_entries": int(draft.base.get("#entries") or 0),
            "op_id": draft.op_id,
        }
    )


def read_payload(content: bytes) -> Approved:
    """What the bytes say. Raises UsageError for anything that :func:`payload` can't have made."""
    try:
        data = json.loads(content)
        if not isinstance(data, dict) or set(data) != _KEYS or data["format"] != _FORMAT or canonical(data) != content:
            raise ValueError("not of this form")
        approved = Approved(
            system=_text(data["system"]),
            origin=_text(data["origin"]),
            ticket=TicketRef.parse(_text(data["ticket"])),
            operator=_text(data["operator"]),
            operations=tuple(_read_operation(item) for item in data["operations"]),
            base_version=_text(data["base_version"]),
            base_entries=int(data["base_entries"]),
            op_id=_text(data["op_id"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError("these are not the bytes of an approved update; nothing was sent") from None
    if approved.ticket.system != approved.system:
        raise UsageError("these bytes name two systems; nothing was sent")
    return approved


def check_fingerprint(given: str, content: bytes) -> str:
    """The fingerprint of ``content``, if that is what was given, whole. Raises Refused: nothing changes then."""
    right = fingerprint(content)
    if given.strip().lower() != right:
        short = len(given.strip()) < len(right)
        why = "a fingerprint has 64 digits" if short else "the fingerprint is not that of this draft as it is now"
        raise Refused(
            f"not approved: {why}; nothing was changed. `opstui draft show` prints the one to approve",
            reason="fingerprint",
        )
    return right


def to_update(
    approved: Approved,
    *,
    expected_version: str,
    files: Mapping[str, bytes],
    author: str = "",
    done: Collection[int] = (),
    part: PushStep | None = None,
    step: int = 0,
    steps: int = 1,
) -> Update:
    """The update to send, out of the approved bytes alone: all of it, or ``part``, the ``step``-th of its ``steps``.

    ``done`` are indices of operations that somebody else carried out meanwhile and that are not sent again. Raises
    Refused where a file is missing or changed.
    """
    part = part or PushStep(ops=tuple(range(len(approved.operations))), op_id=approved.op_id)
    fields: dict[str, Any] = {}
    add, remove, attachments = [], [], []
    comment: str | None = None
    for index, op in enumerate(approved.operations):
        if index in done or index not in part.ops:
            continue
        if op.op is OpKind.SET:
            fields[op.path] = op.to
        elif op.op is OpKind.ADD:
            add.append(str(op.to))
        elif op.op is OpKind.REMOVE:
            remove.append(str(op.to))
        elif op.op is OpKind.COMMENT:
            comment = str(op.to)
        elif op.file is not None:
            attachments.append((op.file.name, _check_file(op.file, files)))
    return Update(
        op_id=part.op_id,
        ticket=approved.ticket,
        expected_version=expected_version,
        fields=fields,
        add_tags=tuple(add),
        remove_tags=tuple(remove),
        comment=comment,
        public=approved.public and comment is not None,
        attachments=tuple(attachments),
        author=author or approved.operator,
        step=step,
        steps=steps,
    )


def _check_file(file: FileRef, files: Mapping[str, bytes]) -> bytes:
    content = files.get(file.sha256)
    if content is None:
        raise Refused(f"{clean(file.name)} is not kept any more: attach it again", reason="file missing")
    if len(content) != file.size or fingerprint(content) != file.sha256:
        raise Refused(f"{clean(file.name)} changed since it was attached: attach it again", reason="file changed")
    return content


def _operation(op: DraftOp) -> dict[str, Any]:
    found: dict[str, Any] = {"op": op.op.value, "path": op.path}
    if op.op is OpKind.ATTACH:
        if op.file is None:
            raise UsageError("an attachment without a file")
        found["to"] = {"name": op.file.name, "size": op.file.size, "sha256": op.file.sha256}
    else:
        found["from"], found["to"] = op.before, op.to
    if op.op is OpKind.COMMENT:
        found["visibility"] = (op.visibility or Visibility.UNKNOWN).value
    return found


def _read_operation(data: Any) -> DraftOp:
    kind = OpKind(data["op"])
    if kind is OpKind.ATTACH:
        to = data["to"]
        file = FileRef(_text(to["name"]), int(to["size"]), _text(to["sha256"]))
        return DraftOp(op=kind, path=_text(data["path"]), file=file)
    visibility = Visibility(data["visibility"]) if kind is OpKind.COMMENT else None
    return DraftOp(op=kind, path=_text(data["path"]), before=data["from"], to=data["to"], visibility=visibility)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


# --- how long, and what voids it --------------------------------------------------------------------------------------


def expires_at(approved_at: datetime) -> datetime:
    """No first byte after this."""
    return approved_at + LIFETIME


def expired(approved_at: datetime, now: datetime) -> bool:
    """Whether the approval may no longer be used, also because the clock went back and its age can't be told."""
    return not approved_at - CLOCK_SLACK <= now < expires_at(approved_at)


# --- what Confirm shows -----------------------------------------------------------------------------------------------


def rows(approved: Approved) -> tuple[tuple[str, str, str], ...]:
    """Field, from, to, as shown, of every operation on a field or tag."""
    found = []
    for op in approved.operations:
        if op.op is OpKind.SET:
            found.append((shown(op.path.lstrip("/")), _value(op.before), _value(op.to)))
        elif op.op is OpKind.ADD:
            found.append(("tags", "", "+ " + _value(op.to)))
        elif op.op is OpKind.REMOVE:
            found.append(("tags", "- " + _value(op.to), ""))
    return tuple(found)


def _value(value: Any) -> str:
    """A field's value on one line."""
    if value is None or value == [] or value == "":
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(item) for item in value)
    return shown(str(value)).replace("\n", "⏎")


_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800]")


def shown(text: str) -> str:
    """``text`` with every invisible character as a glyph: ``⟨200B⟩``, ``␉``, ``·`` for a space at a line's end.

    What is sent keeps the characters; this is for the eye only. Newlines stay newlines. Nothing is cut off.
    """
    marked = _TRAILING.sub(lambda match: match.group().replace(" ", "·").replace("\t", "␉"), str(text))
    marked = marked.replace("\r\n", "␍\n").replace("\r", "␍").replace("\t", "␉")
    marked = _ODD_SPACE.sub(lambda match: f"⟨{ord(match.group()):04X}⟩", marked)
    return str(clean(_spell_stacked(marked), limit=max(len(marked) * 8, 100)))


def _spell_stacked(text: str) -> str:
    """Combining marks beyond the second in a row by their code: a reader sees that they are there."""
    if text.isascii():
        return text
    run, out = 0, []
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        out.append(char if run <= 2 else f"⟨{ord(char):04X}⟩")
    return "".join(out)


# --- the prompt -------------------------------------------------------------------------------------------------------


def prompt_letters(choice: Callable[[str], str], *, not_first: str = "") -> str:
    """Two different letters nobody could have known before; ``choice`` draws one of those it is given.

    ``not_first`` is a letter that the prompt must not begin with: the one that the prompt before it asked for first.
    """
    first = choice(LETTERS.replace(not_first, "") if not_first else LETTERS)
    return first + choice(LETTERS.replace(first, ""))


def needs_key_suffix(approved: Approved, severity: str | None) -> bool:
    """Whether the end of the ticket's key is to be typed instead: a public comment, or a sev-1."""
    return approved.public or severity == "1"


def key_suffix(ticket: TicketRef) -> str:
    """What is to be typed then: the last four characters of the key, or all of a shorter one."""
    return ticket.key[-4:]
