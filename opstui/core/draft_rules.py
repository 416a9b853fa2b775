"""What may be done to a draft: the moves from state to state, and edits as somebody typed them.

Everything here takes a draft and gives a new one; revisions are the store's, ids and times come from the caller. A
draft that was approved and comes back gets a fresh op id, so that the fingerprint of the old approval never fits again
and the marker of an earlier sending is never taken for that of a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from opstui.core.draft_edits import changed
from opstui.core.drafts import (
    Draft,
    DraftChanges,
    DraftState,
    OpKind,
    Origin,
    PushRecord,
    PushStep,
)
from opstui.core.errors import Refused
from opstui.core.merge import (
    conflicts,
    rebase,
    snapshot,
    three_way,
)
from opstui.core.ports import Capabilities
from opstui.core.push_steps import weigh
from opstui.core.tickets import Ticket

CONFIRM_AGAIN = "needs confirming again"
"""The note of a draft whose approval lapsed or no longer holds."""


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
    made = changed(draft, changes, ticket, capabilities=capabilities, transitions=transitions, origin=origin, me=me)
    if made == draft:
        return draft
    agents = origin is Origin.AGENT and draft.state is _S.PROPOSED
    state = _S.PROPOSED if agents else _S.CONFLICT if draft.state is _S.CONFLICT and made.conflicts else _S.EDITED
    return _back(made, state, op_id if draft.state is _S.APPROVED else draft.op_id, now, None)


def review_conflicts(draft: Draft, ticket: Ticket) -> tuple[str, ...]:
    """Paths that a person must settle, with the ticket as it is."""
    return conflicts(three_way(None, ticket, draft.ops))
