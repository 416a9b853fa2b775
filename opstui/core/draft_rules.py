"""What may be done to a draft: the moves from state to state, and edits as somebody typed them.

Everything here takes a draft and gives a new one; revisions are the store's, ids and times come from the caller. A
draft that was approved and comes back gets a fresh op id, so that the fingerprint of the old approval never fits again
and the marker of an earlier sending is never taken for that of a later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from opstui.core.canonical import fingerprint as sha256
from opstui.core.draft_limits import refused_comment, refused_field, refused_file, refused_names, require
from opstui.core.drafts import (
    ATTACH_PATH,
    COMMENT_PATH,
    Draft,
    DraftChanges,
    DraftOp,
    DraftState,
    FileRef,
    OpKind,
    Origin,
    OverrideReason,
    PushRecord,
    PushStep,
)
from opstui.core.errors import Refused, UsageError
from opstui.core.merge import AGENT_COMMENT, conflicts, edited_characters, rebase, same, settle, snapshot, three_way
from opstui.core.ports import Capabilities
from opstui.core.push_steps import weigh
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Ticket, Visibility, field_value

CONFIRM_AGAIN = "needs confirming again"
"""The note of a draft whose approval lapsed or no longer holds."""
FILE_NAME_LIMIT = 120
"""Code points of an attachment's name."""


class Move(StrEnum):
    """What can happen to a draft, besides an edit."""

    APPROVE = "approve"
    EXPIRE = "expire"
    START_PUSH = "start_push"
    HOLD = "hold"
    PUSHED = "pushed"
    CONFLICT = "conflict"
    NEEDS_HUMAN = "needs_human"
    SETTLE = "settle"
    DISCARD = "discard"
    RESTORE = "restore"


_S = DraftState
_FROM: dict[Move, tuple[DraftState, ...]] = {
    Move.APPROVE: (_S.PROPOSED, _S.EDITED),
    Move.EXPIRE: (_S.APPROVED, _S.PUSHING),
    Move.START_PUSH: (_S.APPROVED, _S.PUSHING),
    Move.HOLD: (_S.APPROVED, _S.PUSHING),
    Move.PUSHED: (_S.APPROVED, _S.PUSHING),
    Move.CONFLICT: (_S.APPROVED, _S.PUSHING),
    Move.NEEDS_HUMAN: (_S.APPROVED, _S.PUSHING),
    Move.SETTLE: (_S.NEEDS_HUMAN,),
    Move.DISCARD: (_S.PROPOSED, _S.EDITED, _S.APPROVED, _S.CONFLICT),
    Move.RESTORE: (_S.DISCARDED,),
}
_EDITABLE = (_S.PROPOSED, _S.EDITED, _S.APPROVED, _S.CONFLICT)
_WHY_NOT = {
    _S.PUSHING: "it is being sent",
    _S.PUSHED: "it is on the ticket already",
    _S.NEEDS_HUMAN: "say first whether it arrived: draft settle --applied or --not-applied",
    _S.DISCARDED: "it was discarded; bring it back first",
    _S.CONFLICT: "the ticket changed where it does; settle that first",
    _S.APPROVED: "it is approved already",
}


def allowed(state: DraftState, move: Move) -> bool:
    """Whether a draft in ``state`` can make ``move``."""
    return state in _FROM[move]


def new_draft(
    ticket: Ticket, *, draft_id: str, op_id: str, operator: str, now: datetime, origin: Origin = Origin.OPERATOR
) -> Draft:
    """An empty draft on the ticket as it is: an agent's is ``proposed``, an operator's ``edited``."""
    return Draft(
        id=draft_id,
        ticket=ticket.ref,
        state=_S.PROPOSED if origin is Origin.AGENT else _S.EDITED,
        rev=0,
        base_version=ticket.version,
        base=snapshot(ticket),
        op_id=op_id,
        operator=operator,
        created_at=now,
        updated_at=now,
    )


# --- moves ------------------------------------------------------------------------------------------------------------


def approve(draft: Draft, *, fingerprint: str, by: str, now: datetime) -> Draft:
    """Consent to the bytes of ``fingerprint``. Refused while a conflict is open or there is nothing to send."""
    _may(draft, Move.APPROVE)
    if draft.conflicts:
        raise Refused(f"not approved: {', '.join(draft.conflicts)} changed on the ticket; settle that first")
    if not draft.ops:
        raise Refused("not approved: the draft changes nothing")
    return replace(
        draft, state=_S.APPROVED, fingerprint=fingerprint, approved_at=now, approved_by=by, note=None, updated_at=now
    )


def expire(draft: Draft, *, op_id: str, now: datetime, note: str = CONFIRM_AGAIN) -> Draft:
    """The approval lapsed or was voided, and nothing was applied."""
    _may(draft, Move.EXPIRE)
    return _back(draft, _S.EDITED, op_id, now, note)


def start_push(draft: Draft, *, now: datetime) -> Draft:
    """A request is about to leave."""
    _may(draft, Move.START_PUSH)
    return replace(draft, state=_S.PUSHING, note=None, updated_at=now)


def hold(draft: Draft, *, now: datetime, note: str) -> Draft:
    """Nothing was applied, and it will be tried again: the approval still holds."""
    _may(draft, Move.HOLD)
    return replace(draft, state=_S.APPROVED, note=note, updated_at=now)


def pushed(draft: Draft, *, now: datetime, note: str | None = None) -> Draft:
    """It was found on the ticket."""
    _may(draft, Move.PUSHED)
    return replace(draft, state=_S.PUSHED, note=note, updated_at=now)


def conflict(draft: Draft, paths: Sequence[str], *, op_id: str, now: datetime) -> Draft:
    """Nothing was sent, because these paths changed on the ticket."""
    _may(draft, Move.CONFLICT)
    note = f"not pushed: {', '.join(paths)} changed on the ticket"
    return replace(_back(draft, _S.CONFLICT, op_id, now, note), conflicts=tuple(paths))


def needs_human(draft: Draft, reason: str, *, now: datetime) -> Draft:
    """It can't be known whether it arrived, or the system refused it or did half of it."""
    _may(draft, Move.NEEDS_HUMAN)
    return replace(draft, state=_S.NEEDS_HUMAN, note=reason, updated_at=now)


def settle_human(
    draft: Draft, applied: bool, ticket: Ticket | None, *, op_id: str, now: datetime, push: PushRecord | None = None
) -> Draft:
    """A person's answer: ``pushed``, or ``edited`` with what is not on the ticket; ``pushed`` too if that is nothing.

    ``ticket`` is as it is now, or None where it can't be read; then only what was read back before is left out.
    ``push`` is the outbox row of the draft's approval.
    """
    _may(draft, Move.SETTLE)
    if applied:
        return replace(draft, state=_S.PUSHED, note="a person saw it on the ticket", updated_at=now)
    there = _there(draft, ticket, push)
    kept = tuple(op for index, op in enumerate(draft.ops) if index not in there)
    note = f"{'the rest is ' if there else ''}not on the ticket; to be confirmed again"
    back = replace(_back(draft, _S.EDITED, op_id, now, note), ops=kept)
    if ticket is not None:
        back = rebase(back, ticket)
    if draft.ops and not back.ops:
        return replace(draft, state=_S.PUSHED, note="all of it is on the ticket", updated_at=now)
    return back


def _there(draft: Draft, ticket: Ticket | None, push: PushRecord | None) -> set[int]:
    """Indices of operations that are not to be sent again: verified ones, comments and files that are on the ticket."""
    steps = push.steps if push is not None and push.id == draft.op_id else ()
    at = push.at if push is not None and steps else 0
    there = {index for step in steps[:at] for index in step.ops}
    if ticket is None:
        return there
    # A row of which no step is known was sent in one piece, if at all.
    for step in steps[at:] or ((PushStep(ops=tuple(range(len(draft.ops))), op_id=draft.op_id),) if not steps else ()):
        proven = any(entry.op_id == step.op_id for entry in ticket.timeline)
        if proven or step.attempts:
            found = weigh(draft.ops, step, ticket, proven=proven).there
            there |= {index for index in found if draft.ops[index].op in (OpKind.COMMENT, OpKind.ATTACH)}
    return there


def discard(draft: Draft, *, op_id: str, now: datetime) -> Draft:
    """Put it away. An approval of which no byte was sent is withdrawn with it."""
    _may(draft, Move.DISCARD)
    return _back(draft, _S.DISCARDED, op_id if draft.state is _S.APPROVED else draft.op_id, now, None)


def restore(draft: Draft, *, now: datetime) -> Draft:
    """Bring it back, as it was before it was discarded but for an approval."""
    _may(draft, Move.RESTORE)
    untouched = bool(draft.ops) and all(op.origin is Origin.AGENT for op in draft.ops)
    state = _S.PROPOSED if untouched else _S.CONFLICT if draft.conflicts else _S.EDITED
    return replace(draft, state=state, note=None, updated_at=now)


def _may(draft: Draft, move: Move) -> None:
    if allowed(draft.state, move):
        return
    words = {
        Move.APPROVE: "approved",
        Move.SETTLE: "settled: nothing about it is unknown",
        Move.DISCARD: "discarded",
        Move.RESTORE: "brought back: it was not discarded",
    }.get(move, move.value.replace("_", " "))
    raise Refused(f"a draft that is {_plain(draft.state)} can't be {words}{_because(draft.state, move)}")


def _because(state: DraftState, move: Move) -> str:
    return f": {_WHY_NOT[state]}" if move in (Move.APPROVE, Move.DISCARD) and state in _WHY_NOT else ""


def _plain(state: DraftState) -> str:
    return {_S.NEEDS_HUMAN: "waiting for a person", _S.CONFLICT: "in conflict"}.get(state, state.value)


def _back(draft: Draft, state: DraftState, op_id: str, now: datetime, note: str | None) -> Draft:
    return replace(
        draft, state=state, op_id=op_id, fingerprint=None, approved_at=None, approved_by=None, note=note, updated_at=now
    )


# --- edits ------------------------------------------------------------------------------------------------------------


def edit(
    draft: Draft,
    changes: DraftChanges,
    ticket: Ticket,
    *,
    capabilities: Capabilities,
    transitions: Sequence[str] | None,
    origin: Origin,
    now: datetime,
    op_id: str,
    me: str | None = None,
) -> Draft:
    """``draft`` with ``changes``. A change that changes nothing answers the very same draft, its approval untouched.

    ``ticket`` is as last seen; ``transitions`` are the statuses it can take, None where the system can't tell;
    ``op_id`` is a fresh one, used if an approval is withdrawn by this. ``me`` is the account that the assignee ``me``
    stands for. The contents of attached files are the caller's to keep, by SHA-256, and to have for those that come
    back (``attach_again``). Raises Refused for what the system can't take, with its reason or the limit, and in states
    that take no edit; UsageError for values that make no sense.
    """
    if draft.state not in _EDITABLE:
        raise Refused(f"a draft that is {_plain(draft.state)} can't be edited: {_WHY_NOT[draft.state]}")
    made = _settle_fields(draft, changes, ticket)
    for path in changes.unset:
        made = replace(made, ops=tuple(op for op in made.ops if op.path != path))
        made = replace(made, conflicts=tuple(item for item in made.conflicts if item != path))
    for path, value in changes.set.items():
        made = _set_field(made, path, value, ticket, capabilities, transitions, origin, me)
    made = _set_comment(made, changes, capabilities, origin)
    made = _set_files(made, changes, capabilities, origin)
    made = replace(made, overrides=_overrides(made, changes))
    if made == draft:
        return draft
    made = _still_open(made)
    agents = origin is Origin.AGENT and draft.state is _S.PROPOSED
    state = _S.PROPOSED if agents else _S.CONFLICT if draft.state is _S.CONFLICT and made.conflicts else _S.EDITED
    return _back(made, state, op_id if draft.state is _S.APPROVED else draft.op_id, now, None)


def review_conflicts(draft: Draft, ticket: Ticket) -> tuple[str, ...]:
    """Paths that a person must settle, with the ticket as it is."""
    return conflicts(three_way(None, ticket, draft.ops))


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


def _still_open(draft: Draft) -> Draft:
    paths = {op.path for op in draft.ops}
    return replace(draft, conflicts=tuple(path for path in draft.conflicts if path in paths))


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
        origin=_origin(old, text, origin),
    )
    distance = edited_characters(str(written), text) if written is not None else draft.edit_distance
    place = draft.ops.index(old) if old else _place(rest, files=True)
    return replace(draft, ops=(*rest[:place], made, *rest[place:]), base=base, edit_distance=distance)


def _set_files(draft: Draft, changes: DraftChanges, capabilities: Capabilities, origin: Origin) -> Draft:
    ops = [op for op in draft.ops if op.file is None or op.file.sha256 not in changes.detach]
    wanted = [FileRef(file_name(name), len(content), sha256(content)) for name, content in changes.attach]
    for file in (*wanted, *changes.attach_again):
        require(refused_file(draft.ticket.system, file.name, file.size, capabilities))
        if not any(op.file is not None and op.file.sha256 == file.sha256 for op in ops):
            ops.append(DraftOp(op=OpKind.ATTACH, path=ATTACH_PATH, file=file, origin=origin))
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


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _place(ops: Iterable[DraftOp], *, files: bool = False) -> int:
    """Where a new operation goes: before the comment and the files; a comment before the files."""
    behind = (OpKind.ATTACH,) if files else (OpKind.COMMENT, OpKind.ATTACH)
    for index, op in enumerate(items := list(ops)):
        if op.op in behind:
            return index
    return len(items)
