"""The publisher's decisions: one pure function, (outbox row, observation) → (outbox row, next step).

Whoever publishes is a thin loop: take the system's lock, load the row, ``decide(row, Look())``; then, for ever, keep
the row that came back (durably, before anything else), carry the step out, and decide again with what was seen. A
``Wait`` or a final step ends the loop and frees the lock.

What a row's state means when it is found by someone who holds the lock::

    planned   no request that may have been applied is outstanding
    sending   a request was on its way and its sender is dead: unknown
    unknown   it may be applied, now or until ``sent_at + settle_seconds``; without an ``error`` the system said yes,
              and it is being read back
    verified  on the ticket, read back
    conflict  not sent, because the ticket changed where the update does

The op id on the ticket proves at any time that the update arrived; its absence proves something only after settling,
and only where the system's marker can be found. What is known not to have arrived is sent again as long as the approval
lives; after that it goes back to be confirmed again, since it may no longer be what anybody would say.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from opstui.core.approval import LIFETIME, Approved, expired
from opstui.core.codec import encode
from opstui.core.drafts import OpKind, PushRecord, StepState
from opstui.core.frozen import dataclass
from opstui.core.merge import FieldMerge, FieldState, conflicts, overlaps, same, three_way
from opstui.core.ports import Capabilities
from opstui.core.tickets import Ticket, TimelineEntry, field_value

RETRY_AFTER_LIMIT = 300.0
"""Seconds; a system that asks for more is asked again after this."""
BACKOFF_LIMIT = 10.0
"""Seconds; the longest pause of our own choosing."""
CREDENTIALS_PAUSE = 30.0
"""Seconds until refused credentials are tried again, in case somebody mended them."""
STALE_READ = timedelta(seconds=30)
"""A ticket that was read longer ago (the machine slept) is read again before anything is sent."""
LOOKS = 12
"""How often it is looked for while it settles."""
RACE_LIMIT = 20
"""Refusals for a version that was just read, before the ticket counts as too busy to be changed by a program."""
RESEND_LIMIT = 8
"""Sendings that left no trace, before a person is asked why."""

# --- what was seen ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """The row as it lies in the store, seen by who holds the lock: at start-up, or when a wait is over."""


@dataclass(frozen=True, slots=True)
class TicketRead:
    """The ticket as it is; after ``FindOp`` and ``ReadBack`` also what ``find`` answered, asked *before* the ticket."""

    ticket: Ticket
    asked_at: datetime
    """When the first of the two questions left: an answer knows nothing of what came later."""
    found: str | None = None
    """Id of the timeline entry that carries the op id, as the timeline has it."""


@dataclass(frozen=True, slots=True)
class SentOk:
    """The system said yes, which is not believed yet."""

    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRefused:
    """The system's own condition failed: nothing was applied."""


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The system said no to a read or a write; nothing was applied."""

    reason: str
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """No answer, or none that tells: a time-out, a cut connection, 500, 502, 504.

    ``maybe_applied`` only matters for a write: False when it failed before the first byte, and for 429 and 503.
    """

    reason: str
    maybe_applied: bool
    retry_after: float | None = None


Observation = Look | TicketRead | SentOk | VersionRefused | RequestRefused | RequestFailed

# --- what to do -------------------------------------------------------------------------------------------------------


class WaitFor(StrEnum):
    """Why nothing is done for a while."""

    SETTLE = "settle"
    """It is not known whether the update arrived, and can't be found out yet."""
    RETRY = "retry"
    """Nothing was applied; the system asked for a pause, or is not reachable."""
    CREDENTIALS = "credentials"
    """It does not take ours."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read the ticket."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the update, on this version, without the operations in ``done``. The row says ``sending`` by now."""

    expected_version: str
    done: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadBack:
    """``find`` the op id, then read the ticket. It may be too early for absence to mean anything."""


@dataclass(frozen=True, slots=True)
class FindOp:
    """The same, after settling: absence counts now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Free the lock, and ``Look`` again at ``until`` (which the row holds as ``not_before``)."""

    until: datetime
    why: WaitFor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """It is on the ticket."""

    remote_id: str | None
    overlaps: tuple[TimelineEntry, ...]
    done: tuple[str, ...] = ()
    """Paths that somebody else had set to the same value."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """Nothing was sent: these paths changed on the ticket."""

    paths: tuple[str, ...]
    theirs: tuple[Any, ...]
    """Their values now, in the same order."""


@dataclass(frozen=True, slots=True)
class NeedsHuman:
    """A person must look; the program can't know, or was refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """Not applied, and the approval has lapsed: to be confirmed again."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The row is finished already."""


Final = Verified | Conflicted | NeedsHuman | Expired | Nothing
Step = Read | Send | ReadBack | FindOp | Wait | Final


@dataclass(frozen=True, slots=True)
class Decision:
    """What to keep, and then what to do."""

    push: PushRecord
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What does not change while an update is on its way."""

    approved: Approved
    """Out of ``PushRecord.payload``."""
    capabilities: Capabilities
    own: tuple[str, ...] = ()
    """Our accounts on that system, whose entries are nobody else's."""


# --- the function -----------------------------------------------------------------------------------------------------


def decide(push: PushRecord, seen: Observation, terms: Terms, *, now: datetime, chance: float) -> Decision:
    """The next step. ``chance`` is a random number in [0, 1) for the jitter.

    An observation must be the answer to the step that was decided last on this row by the same holder of the lock, or
    ``Look``. Every step is safe to be cut off by a crash at any point before, within or after it.
    """
    if push.done:
        return Decision(push, Nothing())
    match seen:
        case Look():
            return _look(push, terms, now)
        case TicketRead():
            if push.step is StepState.PLANNED:
                return _before_sending(push, seen, terms, now)
            return _read_back(push, seen, terms, now)
        case SentOk():
            accepted = replace(push, step=StepState.UNKNOWN, sent_at=now, remote_id=seen.remote_id, error=None)
            return Decision(accepted, ReadBack())
        case VersionRefused():
            if push.attempts >= RACE_LIMIT:
                return _ask(push, f"the ticket changed {push.attempts} times while it was being updated", now)
            return Decision(_unsent(push, None), Read())
        case RequestRefused():
            return _refused(push, seen, now)
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


def retry_after(value: str | float | None, now: datetime) -> float | None:
    """Seconds from a ``Retry-After``: a number or an HTTP date, clamped to 0–300; None for what is neither."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit():
            seconds = float(text[:12])
        else:
            from email.utils import parsedate_to_datetime  # takes 10 ms, and hardly any system sends a date

            try:
                moment = parsedate_to_datetime(text)
            except (ValueError, TypeError, IndexError, OverflowError):
                return None
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            seconds = (moment - now).total_seconds()
    else:
        seconds = float(value)
        if seconds != seconds or seconds < 0:
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT)


def lapsed(push: PushRecord, now: datetime) -> bool:
    """Whether the approval may no longer be used; also when the clock went back, so that its age can't be told."""
    return expired(push.expires_at - LIFETIME, now)


def _look(push: PushRecord, terms: Terms, now: datetime) -> Decision:
    if push.step is StepState.SENDING:
        # It may have been stopped for long before it died, so settling counts from here.
        error = "the sender died; looking for it"
        push = replace(push, step=StepState.UNKNOWN, sent_at=now, not_before=None, error=error)
    until = _pause(push, now)
    if push.step is StepState.UNKNOWN:
        settled = now >= settles_at(push, terms, now)
        if now < until:
            return Decision(push, Wait(until, WaitFor.SETTLE, push.error or ""))
        return Decision(replace(push, not_before=None), FindOp() if settled else ReadBack())
    if lapsed(push, now):
        return _expire(push, now)
    if now < until:
        return Decision(push, Wait(until, WaitFor.RETRY, push.error or ""))
    return Decision(replace(push, not_before=None), Read())


def _pause(push: PushRecord, now: datetime) -> datetime:
    """Until when the row rests; never longer than the longest pause there is, whatever happened to the clock."""
    return min(push.not_before or now, now + timedelta(seconds=RETRY_AFTER_LIMIT))


def _before_sending(push: PushRecord, seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    approved, ticket = terms.approved, seen.ticket
    if _on_ticket(seen, approved):
        return _arrived(push, seen, terms, now)
    if lapsed(push, now):
        return _expire(push, now)
    if not now - STALE_READ <= seen.asked_at <= now + STALE_READ:
        return Decision(push, Read())
    merged = three_way(None, ticket, approved.operations)
    paths = conflicts(merged)
    if paths:
        step = Conflicted(paths, tuple(field_value(ticket, path) for path in paths))
        return Decision(_finished(push, StepState.CONFLICT, now, f"{', '.join(paths)} changed on the ticket"), step)
    done = tuple(item.index for item in merged if item.state is FieldState.DONE)
    already = tuple(dict.fromkeys(approved.operations[index].path for index in done))
    if len(done) == len(approved.operations):
        kept = replace(push, already=already)
        return _verified(kept, None, seen, terms, now, note="somebody had done all of it already")
    sending = replace(
        push, step=StepState.SENDING, attempts=push.attempts + 1, sent_at=now, not_before=None, error=None,
        already=already,
    )  # fmt: skip
    return Decision(sending, Send(ticket.version, done))


def _read_back(push: PushRecord, seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    """After a sending: is it there, and all of it?"""
    approved, findable = terms.approved, terms.capabilities.marker_findable
    settled = min(now, seen.asked_at) >= settles_at(push, terms, now)
    if _on_ticket(seen, approved):
        # A snapshot that holds our own entry is new enough to be believed; one that lacks what ``find`` knows is not.
        if settled or _in_timeline(seen, approved):
            return _arrived(push, seen, terms, now)
    else:
        fields_only = all(op.op not in (OpKind.COMMENT, OpKind.ATTACH) for op in approved.operations)
        believed = settled or (push.error is None and not findable)
        if fields_only and believed and not _missing(approved, seen.ticket):
            return _verified(push, push.remote_id, seen, terms, now)
        if settled and not findable:
            return _ask(push, "it can't be seen on the ticket whether the update arrived", now)
        if settled and push.attempts >= RESEND_LIMIT:
            return _ask(push, f"sent {push.attempts} times, and the ticket shows nothing of it", now)
        if settled:
            return Decision(_unsent(push, "it did not arrive; sending it again"), Read())
    reason = push.error or "sent, but not to be seen on the ticket yet"
    until = _next_look(push, terms, now)
    return Decision(replace(push, not_before=until, error=reason), Wait(until, WaitFor.SETTLE, reason))


def _next_look(push: PushRecord, terms: Terms, now: datetime) -> datetime:
    """Presence is worth looking for at once and again; absence counts only at the end."""
    pause = max(0.1, terms.capabilities.settle_seconds / LOOKS)
    return min(settles_at(push, terms, now), now + timedelta(seconds=pause))


def _arrived(push: PushRecord, seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    """The op id is on the ticket: compare every intended field."""
    approved = terms.approved
    missing = _missing(approved, seen.ticket)
    found = seen.found or next((item.id for item in seen.ticket.timeline if item.op_id == approved.op_id), None)
    if not missing:
        return _verified(push, found, seen, terms, now)
    words = "; ".join(
        f"{item.path.lstrip('/')} is {_shown(item.now)} instead of {_shown(item.yours)}" for item in missing
    )
    if terms.capabilities.atomic:
        # All of it arrived in one piece, so who differs came later; that is theirs to keep, and to be told.
        return _verified(push, found, seen, terms, now, note=f"changed again since: {words}")
    return _ask(replace(push, remote_id=found), f"half of it is on the ticket: {words}", now)


def _refused(push: PushRecord, seen: RequestRefused, now: datetime) -> Decision:
    if seen.credentials:
        kept = _unsent(push, seen.reason) if push.step is StepState.SENDING else push
        return _pause_for(kept, CREDENTIALS_PAUSE, WaitFor.CREDENTIALS, seen.reason, now)
    if push.step is StepState.SENDING:
        push = _unsent(push, seen.reason)
    return _ask(push, seen.reason, now)


def _failed(push: PushRecord, seen: RequestFailed, terms: Terms, now: datetime, chance: float) -> Decision:
    """While the row says ``sending`` it is the write that failed, otherwise a read."""
    seconds = retry_after(seen.retry_after, now)
    if push.step is StepState.SENDING and seen.maybe_applied:
        unknown = replace(push, step=StepState.UNKNOWN, sent_at=now, error=seen.reason)
        until = max(_next_look(unknown, terms, now), now + timedelta(seconds=seconds or 0))
        return Decision(replace(unknown, not_before=until), Wait(until, WaitFor.SETTLE, seen.reason))
    if push.step is StepState.SENDING:
        push = _unsent(push, seen.reason)
    pause = seconds if seconds is not None else _backoff(push, chance).total_seconds()
    return _pause_for(push, pause, WaitFor.RETRY, seen.reason, now)


def _pause_for(push: PushRecord, seconds: float, why: WaitFor, reason: str, now: datetime) -> Decision:
    until = now + timedelta(seconds=seconds)
    if push.step is StepState.UNKNOWN and why is WaitFor.RETRY:
        why = WaitFor.SETTLE
    if push.step is StepState.PLANNED:
        # Waiting past the approval's end would only hide that it has lapsed.
        until = max(now, min(until, push.expires_at))
    paused = replace(push, not_before=until, error=reason, credentials=why is WaitFor.CREDENTIALS)
    return Decision(paused, Wait(until, why, reason))


def _backoff(push: PushRecord, chance: float) -> timedelta:
    """Full jitter: anything between nothing and a bound that doubles with each attempt."""
    return timedelta(seconds=chance * min(BACKOFF_LIMIT, 2.0 ** min(push.attempts + 1, 10)))


def _unsent(push: PushRecord, error: str | None) -> PushRecord:
    """The row of an update of which it is known that nothing was applied."""
    return replace(push, step=StepState.PLANNED, sent_at=None, remote_id=None, error=error)


def _on_ticket(seen: TicketRead, approved: Approved) -> bool:
    return seen.found is not None or _in_timeline(seen, approved)


def _in_timeline(seen: TicketRead, approved: Approved) -> bool:
    return any(entry.op_id == approved.op_id or entry.id == seen.found for entry in seen.ticket.timeline)


def _missing(approved: Approved, ticket: Ticket) -> list[FieldMerge]:
    """Operations on fields and tags whose outcome the ticket does not show."""
    found = []
    for item in three_way(None, ticket, approved.operations):
        op = approved.operations[item.index]
        if op.op is OpKind.SET:
            if not same(op.path, item.now, op.to):
                found.append(item)
        elif item.state is not FieldState.DONE:
            found.append(item)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value)
    return str(value) if value not in (None, "") else "empty"


def _verified(
    push: PushRecord, remote_id: str | None, seen: TicketRead, terms: Terms, now: datetime, note: str = ""
) -> Decision:
    approved = terms.approved
    others = overlaps(approved.base_entries, seen.ticket, op_id=approved.op_id, own=_ours(terms))
    kept = replace(
        _finished(push, StepState.VERIFIED, now, None),
        remote_id=remote_id or push.remote_id,
        overlaps=tuple(encode(entry) for entry in others),
    )
    return Decision(kept, Verified(kept.remote_id, others, kept.already, note))


def _ours(terms: Terms) -> Collection[str]:
    return (*terms.own, terms.approved.operator)


def _ask(push: PushRecord, reason: str, now: datetime) -> Decision:
    step = StepState.UNKNOWN if push.step in (StepState.SENDING, StepState.UNKNOWN) else push.step
    return Decision(_finished(push, step, now, reason), NeedsHuman(reason))


def _expire(push: PushRecord, now: datetime) -> Decision:
    return Decision(_finished(push, StepState.PLANNED, now, "needs confirming again"), Expired())


def _finished(push: PushRecord, step: StepState, now: datetime, error: str | None) -> PushRecord:
    return replace(push, step=step, error=error, not_before=None, done=True, finished_at=now)
