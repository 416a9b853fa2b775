"""Edits of a draft as somebody typed them: what its operations become. States and approvals are ``draft_rules``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from opstui.core.canonical import fingerprint as sha256
from opstui.core.draft_limits import refused_comment, refused_field, refused_file, refused_names, require
from opstui.core.drafts import (
    ATTACH_PATH,
    COMMENT_PATH,
    Draft,
    DraftChanges,
    DraftOp,
    FileRef,
    OpKind,
    Origin,
    OverrideReason,
)
from opstui.core.errors import Refused, UsageError
from opstui.core.merge import (
    AGENT_COMMENT,
    edit_distance,
    edited_characters,
    rebase,
    same,
    settle,
)
from opstui.core.ports import Capabilities
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Ticket, Visibility, field_value

FILE_NAME_LIMIT = 120
"""Code points of an attachment's name."""


def changed(
    draft: Draft,
    changes: DraftChanges,
    ticket: Ticket,
    *,
    capabilities: Capabilities,
    transitions: Sequence[str] | None,
    origin: Origin,
    me: str | None,
) -> Draft:
    """``draft`` with ``changes`` in its operations and overrides, and nothing else; see ``draft_rules.edit``."""
    made = _settle_fields(draft, changes, ticket)
    for path in changes.unset:
        made = replace(made, ops=tuple(op for op in made.ops if op.path != path))
    for path, value in changes.set.items():
        made = _set_field(made, path, value, ticket, capabilities, transitions, origin, me)
    made = _set_comment(made, changes, capabilities, origin)
    made = _set_files(made, changes, capabilities, origin)
    made = replace(made, overrides=_overrides(made, changes))
    paths = {op.path for op in made.ops}
    still_open = tuple(path for path in made.conflicts if path in paths and path not in changes.unset)
    return replace(made, conflicts=still_open)


def _settle_fields(draft: Draft, changes: DraftChanges, ticket: Ticket) -> Draft:
    if not changes.theirs and not changes.mine:
        return draft
    both = set(changes.theirs) & set(changes.mine)
    if both:
        raise UsageError(f"{', '.join(sorted(both))}: theirs or mine, not both")
    touched = {op.path for op in draft.ops}
    made = rebase(draft, ticket)
    for whose, paths in (("theirs", changes.theirs), ("mine", changes.mine)):
        for path in paths:
            if path not in touched:
                raise UsageError(f"{clean_line(path)} is not in conflict")
            # What is no conflict any more (somebody set the same value, or the old one again) needs no settling.
            if path in made.conflicts:
                made = settle(made, path, whose, ticket)
    return made


def _set_field(
    draft: Draft,
    path: str,
    value: str | None,
    ticket: Ticket,
    capabilities: Capabilities,
    transitions: Sequence[str] | None,
    origin: Origin,
    me: str | None,
) -> Draft:
    now = field_value(ticket, path)
    system = ticket.ref.system
    require(refused_field(system, path, capabilities))
    text = clean(value or "") if path.startswith("/fields/") else clean_line(value or "", limit=10_000)
    if path == "/tags":
        return _set_tags(draft, _names(text), origin)
    wanted: str | list[str] | None = text or None
    if path == "/status":
        wanted = _status(text, ticket, transitions)
    elif path == "/severity" and wanted not in (None, "1", "2", "3", "4"):
        raise UsageError(f"{clean_line(text, limit=40)!r} is no severity: write 1 (worst) to 4, or nothing")
    elif path == "/assignee":
        wanted = _people(text, system, me)
        require(refused_names(system, wanted, capabilities))
    before = draft.base.get(path, now)
    old = next((op for op in draft.ops if op.path == path and op.op is OpKind.SET), None)
    ops = [op for op in draft.ops if op is not old]
    if not (same(path, wanted, before) and same(path, wanted, now)):
        # A conflict that was settled, or is open, keeps the value it was settled on.
        made = DraftOp(
            op=OpKind.SET,
            path=path,
            before=old.before if old else before,
            to=wanted,
            origin=_origin(old, wanted, origin),
        )
        place = draft.ops.index(old) if old else _place(ops)
        ops.insert(place, made)
    return replace(draft, ops=tuple(ops))


def _people(text: str, system: str, me: str | None) -> list[str]:
    names = _names(text)
    if not me and any(name.casefold() == "me" for name in names):
        # The word itself would be sent, and be somebody else's name, or nobody's.
        raise Refused(f"{system} has not said yet who you are there: ask again once it answers, or write the name")
    return list(dict.fromkeys(me if me and name.casefold() == "me" else name for name in names))


def _status(text: str, ticket: Ticket, transitions: Sequence[str] | None) -> str:
    current = str(ticket.status.raw)
    if not text:
        raise UsageError(f"a ticket always has a status; {ticket.ref} is {current}")
    if text.casefold() == current.casefold():
        return current
    if transitions is None:
        return text
    for status in transitions:
        if status.casefold() == text.casefold():
            return status
    able = ", ".join(transitions) or "no other status"
    raise Refused(f"{ticket.ref} can't become {clean_line(text, limit=40)}: {current} can go to: {able}")


def _set_tags(draft: Draft, wanted: Sequence[str], origin: Origin) -> Draft:
    base = [str(tag) for tag in draft.base.get("/tags") or ()]
    old: dict[tuple[OpKind, str], DraftOp] = {
        (op.op, str(op.to)): op for op in draft.ops if op.op in (OpKind.ADD, OpKind.REMOVE)
    }
    changes = [(OpKind.ADD, tag) for tag in wanted if tag not in base]
    changes += [(OpKind.REMOVE, tag) for tag in base if tag not in wanted]
    made = [
        old.get((kind, tag)) or DraftOp(op=kind, path="/tags", before=base, to=tag, origin=origin)
        for kind, tag in changes
    ]
    ops = [op for op in draft.ops if op.op not in (OpKind.ADD, OpKind.REMOVE)]
    place = _place(ops)
    return replace(draft, ops=(*ops[:place], *made, *ops[place:]))


def _set_comment(draft: Draft, changes: DraftChanges, capabilities: Capabilities, origin: Origin) -> Draft:
    old = draft.comment()
    if changes.comment is None and (changes.public is None or old is None):
        return draft
    text = str(clean(changes.comment)) if changes.comment is not None else str(old.to) if old else ""
    rest = tuple(op for op in draft.ops if op is not old)
    if not text.strip():
        return replace(draft, ops=rest)
    public = changes.public if changes.public is not None else bool(old and old.visibility is not Visibility.INTERNAL)
    require(refused_comment(draft.ticket.system, text, public, capabilities))
    base = draft.base
    if origin is Origin.AGENT:
        base = {**base, AGENT_COMMENT: text}
    written = base.get(AGENT_COMMENT)
    made = DraftOp(
        op=OpKind.COMMENT,
        path=COMMENT_PATH,
        to=text,
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        origin=_origin(old, text, origin) if old is not None else _whose(written, text, origin),
    )
    distance = edited_characters(str(written), text) if written is not None else draft.edit_distance
    place = draft.ops.index(old) if old else _place(rest, files=True)
    return replace(draft, ops=(*rest[:place], made, *rest[place:]), base=base, edit_distance=distance)


def _set_files(draft: Draft, changes: DraftChanges, capabilities: Capabilities, origin: Origin) -> Draft:
    ops = [op for op in draft.ops if op.file is None or op.file.sha256 not in changes.detach]
    wanted = [
        DraftOp(
            op=OpKind.ATTACH,
            path=ATTACH_PATH,
            file=FileRef(file_name(name), len(content), sha256(content)),
            origin=origin,
        )
        for name, content in changes.attach
    ]
    for made in (*wanted, *changes.attach_again):
        file = made.file
        if file is None:
            raise UsageError("an attachment without a file")
        require(refused_file(draft.ticket.system, file.name, file.size, capabilities))
        if not any(op.file is not None and op.file.sha256 == file.sha256 for op in ops):
            ops.append(made)
    return replace(draft, ops=tuple(ops))


def file_name(given: str) -> str:
    """A name to attach under: no folders, one line, no control characters, not empty, at most 120 code points."""
    name = str(clean_line(given.replace("\\", "/").rpartition("/")[2], limit=10_000)).strip(" .")
    if len(name) > FILE_NAME_LIMIT:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 12 else ""
        name = name[: FILE_NAME_LIMIT - 1 - len(ending)] + "…" + ending
    return name or "file"


def _overrides(draft: Draft, changes: DraftChanges) -> dict[str, str]:
    found = dict(draft.overrides)
    for check, reason in changes.overrides.items():
        if not reason:
            found.pop(check, None)
            continue
        if reason not in {item.value for item in OverrideReason}:
            codes = ", ".join(item.value for item in OverrideReason)
            raise UsageError(f"{clean_line(reason, limit=40)!r} is no reason code: write one of {codes}")
        found[check] = reason
    return found


def _origin(old: DraftOp | None, value: object, origin: Origin) -> Origin:
    """Whose words an operation holds after somebody touched it."""
    if old is None or origin is Origin.AGENT:
        return origin
    if old.to == value or old.origin is not Origin.AGENT:
        return old.origin
    return Origin.AGENT_EDITED


def _whose(written: object, text: str, origin: Origin) -> Origin:
    """Whose words a comment holds that was left out before: an agent's that come back are no operator's own."""
    if origin is Origin.AGENT or written is None:
        return origin
    if text == str(written):
        return Origin.AGENT
    return Origin.AGENT_EDITED if edit_distance(str(written), text) < 0.5 else origin


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _place(ops: Iterable[DraftOp], *, files: bool = False) -> int:
    """Where a new operation goes: before the comment and the files; a comment before the files."""
    behind = (OpKind.ATTACH,) if files else (OpKind.COMMENT, OpKind.ATTACH)
    for index, op in enumerate(items := list(ops)):
        if op.op in behind:
            return index
    return len(items)
