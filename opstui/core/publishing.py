"""The publisher's decisions: one pure function, (outbox row, observation) → (outbox row, next step).

Whoever publishes is a thin loop: take the system's lock, load the row, ``decide(row, Look())``; then, for ever, keep
the row that came back (durably, before anything else), carry the step out, and decide again with what was seen. A
``Wait`` or a final step ends the loop and frees the lock.

A row is sent in the steps that its system takes (``PushRecord.steps``), each sent, read back and verified before the
next. What the state of the step that it is at means when it is found by someone who holds the lock::

    planned   no request that may have been applied is outstanding
    sending   a request was on its way and its sender is dead: unknown
    unknown   it may be applied, now or until ``sent_at + settle_seconds``; with ``accepted`` the system said yes, and
              it is being read back
    verified  on the ticket, read back
    conflict  not sent, because the ticket changed where the update does

A step's op id on the ticket proves at any time that it arrived; its absence proves something only after settling, and
only where the system's marker can be found. Else the ticket itself tells, after settling, by the values of its fields
and its files. What is known not to have arrived is sent again as long as the approval lives; after that it goes back
to be confirmed again, since it may no longer be what anybody would say. An update of which something arrived goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from opstui.core.approval import LIFETIME, expired
from opstui.core.codec import encode
from opstui.core.drafts import OpKind, PushRecord, PushStep, StepState
from opstui.core.frozen import replace
from opstui.core.ids import STEPS_AT_MOST
from opstui.core.merge import FieldState, overlaps, three_way
from opstui.core.pauses import RETRY_AFTER_LIMIT as RETRY_AFTER_LIMIT, retry_after as retry_after
from opstui.core.push_rows import ask, backoff, conflict, expire, finished, pause_for, unsent
from opstui.core.push_steps import (
    Evidence,
    arrived_files,
    counted_files,
    highest_entry,
    is_marked,
    is_said,
    names,
    parted,
    planned,
    weigh,
)
from opstui.core.pushing import (
    Conflicted as Conflicted,
    Decision as Decision,
    Expired as Expired,
    Final as Final,
    FindOp as FindOp,
    Look as Look,
    NeedsHuman as NeedsHuman,
    Nothing as Nothing,
    Observation as Observation,
    Read as Read,
    ReadBack as ReadBack,
    RequestFailed as RequestFailed,
    RequestRefused as RequestRefused,
    Send as Send,
    SentOk as SentOk,
    Step as Step,
    Terms as Terms,
    TicketRead as TicketRead,
    Verified as Verified,
    VersionRefused as VersionRefused,
    Wait as Wait,
    WaitFor as WaitFor,
)
from opstui.core.tickets import EntryKind

PATIENCE = 3
"""Requests in a row that come to nothing, until our own pause counts where it is longer than the one asked for, and
until a person is asked where not even the reading is allowed."""
CREDENTIALS_PAUSE = 30.0
"""Seconds until refused credentials are tried again, in case somebody mended them."""
STALE_READ = timedelta(seconds=30)
"""A ticket that was read longer ago (the machine slept) is read again before anything is sent."""
FIRST_LOOK = 0.5
"""Seconds until an update that may have arrived is looked for; then after as long again as has passed by then."""
RACE_LIMIT = 20
"""Refusals for a version that was just read, before the ticket counts as too busy to be changed by a program."""
RESEND_LIMIT = 8
"""Sendings of a step that left no trace, before a person is asked why."""


def decide(push: PushRecord, seen: Observation, terms: Terms, *, now: datetime, chance: float) -> Decision:
    """The next step. ``chance`` is a random number in [0, 1) for the jitter.

    An observation must be the answer to the step that was decided last on this row by the same holder of the lock, or
    ``Look``. Every step is safe to be cut off by a crash at any point before, within or after it.
    """
    if push.done:
        return Decision(push, Nothing())
    if not push.steps:
        push = planned(push, terms.approved, terms.capabilities)
    match seen:
        case Look():
            return _look(push, terms, now)
        case TicketRead():
            push = replace(push, failures=0) if push.failures else push
            if push.step is StepState.PLANNED:
                return _before_sending(push, seen, terms, now)
            return _read_back(push, seen, terms, now)
        case SentOk():
            accepted = replace(
                push, step=StepState.UNKNOWN, accepted=True, sent_at=now, remote_id=seen.remote_id, error=None,
                failures=0,
            )  # fmt: skip
            return Decision(accepted, ReadBack())
        case VersionRefused():
            if push.current.attempts >= RACE_LIMIT:
                reason = f"the ticket changed {push.current.attempts} times while it was being updated"
                return ask(unsent(push, reason), reason, terms, now)
            return Decision(unsent(push, None), Read())
        case RequestRefused():
            return _refused(push, seen, terms, now, chance)
        case RequestFailed():
            return _failed(push, seen, terms, now, chance)


def settles_at(push: PushRecord, terms: Terms, now: datetime) -> datetime:
    """From when on what is not found on the ticket was not applied.

    Counted from when the sending was over or its sender was found dead, not from when it was written down: a program
    that was stopped in between (a laptop that slept) sends later than it wrote. A clock that went back never makes it
    longer.
    """
    span = timedelta(seconds=terms.capabilities.settle_seconds)
    return min((push.sent_at or now) + span, now + span)


def lapsed(push: PushRecord, now: datetime) -> bool:
    """Whether the approval may no longer be used; also when the clock went back, so that its age can't be told.

    It is used with the first byte that arrives: the steps after that go on.
    """
    return not push.started and expired(push.expires_at - LIFETIME, now)


# --- before a step is sent --------------------------------------------------------------------------------------------


def _look(push: PushRecord, terms: Terms, now: datetime) -> Decision:
    if push.step is StepState.SENDING:
        # It may have been stopped for long before it died, so settling counts from here.
        error = "the sender died; looking for it"
        push = replace(push, step=StepState.UNKNOWN, accepted=False, sent_at=now, not_before=None, error=error)
    until = _pause(push, now)
    if push.step is StepState.UNKNOWN:
        settled = now >= settles_at(push, terms, now)
        if now < until:
            return Decision(push, Wait(until, WaitFor.SETTLE, push.error or ""))
        return Decision(_rested(push), FindOp() if settled else ReadBack())
    if lapsed(push, now):
        return expire(push, now)
    if now < until:
        return Decision(push, Wait(until, WaitFor.RETRY, push.error or ""))
    return Decision(_rested(push), Read())


def _rested(push: PushRecord) -> PushRecord:
    return replace(push, not_before=None) if push.not_before is not None else push


def _pause(push: PushRecord, now: datetime) -> datetime:
    """Until when the row rests; never longer than the longest pause there is, whatever happened to the clock."""
    return min(push.not_before or now, now + timedelta(seconds=RETRY_AFTER_LIMIT))


def _before_sending(push: PushRecord, seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    approved, ticket, step = terms.approved, seen.ticket, push.current
    if _entry(seen, step) is not None:
        # What was held for lost came after all.
        return _read_back(replace(push, step=StepState.UNKNOWN, accepted=False, sent_at=now), seen, terms, now)
    if lapsed(push, now):
        return expire(push, now)
    if not now - STALE_READ <= seen.asked_at <= now + STALE_READ:
        return Decision(push, Read())
    whole = three_way(None, ticket, approved.operations)
    merged = [item for item in whole if item.index in step.ops]
    # Before the first step all of it is looked at: a comment must not stand there alone because the rest can't follow.
    looked_at = merged if push.started else whole
    foreign = [item.index for item in looked_at if item.state is FieldState.CONFLICT]
    if foreign:
        return conflict(push, foreign, seen, terms, now)
    done = tuple(item.index for item in merged if item.state is FieldState.DONE)
    already = tuple(dict.fromkeys((*push.already, *(approved.operations[index].path for index in done))))
    done += arrived_files(approved.operations, step, ticket)
    push = replace(push, already=already) if already != push.already else push
    if len(done) == len(step.ops):
        note = "" if len(step.ops) < len(approved.operations) else "somebody had done all of it already"
        return _next(push, seen, terms, now, ours=False, note=note)
    first = () if step.attempts else counted_files(approved.operations, step, ticket)
    step = replace(
        step, attempts=step.attempts + 1, after=step.after or highest_entry(ticket), files=step.files or first
    )
    sending = replace(
        push, step=StepState.SENDING, steps=_with(push, step), attempts=push.attempts + 1, accepted=False, sent_at=now,
        not_before=None, error=None, credentials=False,
    )  # fmt: skip
    return Decision(sending, Send(ticket.version, done))


# --- after a step was sent --------------------------------------------------------------------------------------------


def _read_back(push: PushRecord, seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    """Is it there, and all of it?"""
    step, capabilities = push.current, terms.capabilities
    settled = min(now, seen.asked_at) >= settles_at(push, terms, now)
    # A snapshot that holds our own entry is new enough to be believed; one that lacks what ``find`` knows is not.
    fresh = _entry(seen, step) is not None
    arrived = fresh or (settled and seen.found is not None)
    shows = weigh(terms.approved.operations, step, seen.ticket, proven=arrived, accepted=push.accepted)
    whole = len(shows.there) == len(step.ops)
    if whole and (arrived or push.accepted or settled):
        return _next(push, seen, terms, now)
    if arrived and capabilities.atomic and _is_answered(push, seen, terms):
        # All of it arrived in one piece, so what differs came later; that is theirs to keep, and to be told.
        return _next(push, seen, terms, now, note=f"changed again since: {shows.words}")
    if fresh and push.accepted:
        return _half(push, seen, shows, terms, now)
    if not settled:
        reason = push.error or "sent, but not to be seen on the ticket yet"
        until = _next_look(push, terms, now)
        return Decision(replace(push, not_before=until, error=reason), Wait(until, WaitFor.SETTLE, reason))
    return _settled(push, seen, shows, terms, now, arrived=arrived)


def _settled(
    push: PushRecord, seen: TicketRead, shows: Evidence, terms: Terms, now: datetime, *, arrived: bool
) -> Decision:
    """Not all of it is there, and no request is on its way any more."""
    if arrived:
        kept = terms.capabilities.atomic or shows.foreign or _is_answered(push, seen, terms)
        if push.accepted or kept or not shows.there:
            return _half(push, seen, shows, terms, now)
        return _again(parted(push, shows.there), "half of it arrived; sending the rest", terms, now)
    if is_marked(push.current, terms.approved.operations, terms.capabilities):
        if is_said(terms.approved.operations, push.current, seen.ticket):
            # The system may have taken the comment without its mark.
            return ask(push, "a new comment of the same words is on the ticket, without our mark", terms, now)
        return _again(push, "it did not arrive; sending it again", terms, now)
    if shows.doubtful:
        what = names(terms.approved.operations, shows.doubtful)
        return ask(push, f"it can't be seen on the ticket whether the update arrived: {what}", terms, now)
    if shows.foreign and not shows.there:
        return conflict(push, shows.foreign, seen, terms, now)
    if shows.foreign or push.accepted:
        return _half(push, seen, shows, terms, now)
    if shows.there:
        return _again(parted(push, shows.there), "half of it arrived; sending the rest", terms, now)
    return _again(push, "it did not arrive; sending it again", terms, now)


def _again(push: PushRecord, error: str, terms: Terms, now: datetime) -> Decision:
    """Send the step, of which nothing is on the ticket. Its fields are compared again before that."""
    if push.current.attempts >= RESEND_LIMIT or len(push.steps) > STEPS_AT_MOST:
        reason = f"sent {push.current.attempts} times, and the ticket shows nothing of it"
        return ask(push, reason, terms, now)
    return Decision(unsent(push, error), Read())


def _half(push: PushRecord, seen: TicketRead, shows: Evidence, terms: Terms, now: datetime) -> Decision:
    """It arrived, or the system said yes to it, and not all of it is as intended."""
    words = f"half of it is on the ticket: {shows.words}" if shows.there else shows.words
    kept = replace(push, remote_id=_entry(seen, push.current) or push.remote_id)
    return ask(kept, words, terms, now, there=shows.there)


def _is_answered(push: PushRecord, seen: TicketRead, terms: Terms) -> bool:
    """Whether somebody else did more than comment after our entry: what differs may be what they want."""
    entry = _entry(seen, push.current)
    if entry is None:
        return True
    number = int(entry.rpartition("#")[2])
    others = overlaps(number, seen.ticket, op_id=terms.approved.op_id, own=_ours(terms), entry_id=entry)
    return any(other.kind not in (EntryKind.COMMENT, EntryKind.REPLY) for other in others)


def _next_look(push: PushRecord, terms: Terms, now: datetime) -> datetime:
    """Presence is worth looking for at once and, ever more seldom, again; absence counts only at the end."""
    passed = (now - (push.sent_at or now)).total_seconds()
    return min(settles_at(push, terms, now), now + timedelta(seconds=max(FIRST_LOOK, passed)))


def _next(
    push: PushRecord, seen: TicketRead, terms: Terms, now: datetime, *, ours: bool = True, note: str = ""
) -> Decision:
    """The step is on the ticket, by ``ours`` or by somebody else's hand: on to the next one, or to the end."""
    remote_id = (_entry(seen, push.current) or seen.found or push.remote_id) if ours else None
    comment = any(terms.approved.operations[index].op is OpKind.COMMENT for index in push.current.ops)
    kept = next((step.remote_id for step in push.steps[: push.at] if step.remote_id), None)
    push = replace(
        push,
        steps=_with(push, replace(push.current, remote_id=remote_id)),
        at=push.at + 1,
        started=push.started or ours,
        # What people look for is the comment.
        remote_id=(remote_id if comment else None) or kept or remote_id,
        notes=(*push.notes, note) if note else push.notes,
    )
    if push.at < len(push.steps):
        waiting = replace(push, step=StepState.PLANNED, accepted=False, sent_at=None, error=None)
        # What was found was that step's.
        return _before_sending(waiting, replace(seen, found=None), terms, now)
    approved = terms.approved
    others = overlaps(
        approved.base_entries, seen.ticket, op_id=approved.op_id, own=_ours(terms), entry_id=push.remote_id
    )
    whole = replace(finished(push, StepState.VERIFIED, now, None), overlaps=tuple(encode(entry) for entry in others))
    return Decision(whole, Verified(whole.remote_id, others, whole.already, "; ".join(whole.notes)))


# --- what went wrong --------------------------------------------------------------------------------------------------


def _refused(push: PushRecord, seen: RequestRefused, terms: Terms, now: datetime, chance: float) -> Decision:
    if seen.credentials:
        kept = unsent(push, seen.reason) if push.step is StepState.SENDING else push
        return pause_for(kept, CREDENTIALS_PAUSE, WaitFor.CREDENTIALS, seen.reason, now)
    if push.step is StepState.UNKNOWN and push.failures < PATIENCE:
        # A read that is refused says nothing of the write; it may have been a login page in between.
        return _failed(push, RequestFailed(seen.reason, maybe_applied=False), terms, now, chance)
    if push.step is StepState.SENDING:
        push = unsent(push, seen.reason)
    return ask(push, seen.reason, terms, now)


def _failed(push: PushRecord, seen: RequestFailed, terms: Terms, now: datetime, chance: float) -> Decision:
    """While the row says ``sending`` it is the write that failed, otherwise a read."""
    seconds = retry_after(seen.retry_after, now)
    push = replace(push, failures=push.failures + 1)
    if push.step is StepState.SENDING and seen.maybe_applied:
        unknown = replace(push, step=StepState.UNKNOWN, accepted=False, sent_at=now, error=seen.reason)
        until = max(_next_look(unknown, terms, now), now + timedelta(seconds=seconds or 0))
        return Decision(replace(unknown, not_before=until), Wait(until, WaitFor.SETTLE, seen.reason))
    if push.step is StepState.SENDING:
        push = unsent(push, seen.reason)
    pause = backoff(push, chance)
    if seconds is not None:
        # One who says "at once" again and again does not mean it.
        pause = seconds if push.failures <= PATIENCE else max(seconds, pause)
    return pause_for(push, pause, WaitFor.RETRY, seen.reason, now)


# --- parts ------------------------------------------------------------------------------------------------------------


def _with(push: PushRecord, step: PushStep) -> tuple[PushStep, ...]:
    """The steps with another one in the place that the row is at."""
    return (*push.steps[: push.at], step, *push.steps[push.at + 1 :])


def _entry(seen: TicketRead, step: PushStep) -> str | None:
    """Id of the step's own entry, if the ticket as it was read has it."""
    timeline = seen.ticket.timeline
    return next((entry.id for entry in timeline if entry.op_id == step.op_id or entry.id == seen.found), None)


def _ours(terms: Terms) -> Collection[str]:
    return (*terms.own, terms.approved.operator)
