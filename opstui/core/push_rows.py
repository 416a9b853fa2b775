"""What becomes of an outbox row: it waits, is given back, is ended, or is left to a person with what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from opstui.core.drafts import PushRecord, StepState
from opstui.core.frozen import replace
from opstui.core.push_steps import names
from opstui.core.pushing import Conflicted, Decision, Expired, NeedsHuman, Terms, TicketRead, Wait, WaitFor
from opstui.core.tickets import field_value

BACKOFF_LIMIT = 10.0
"""Seconds; the longest pause of our own choosing."""


def unsent(push: PushRecord, error: str | None) -> PushRecord:
    """The row of a step of which it is known that nothing was applied."""
    return replace(push, step=StepState.PLANNED, accepted=False, sent_at=None, remote_id=None, error=error)


def finished(push: PushRecord, step: StepState, now: datetime, error: str | None) -> PushRecord:
    """The row at its end."""
    return replace(push, step=step, error=error, not_before=None, done=True, finished_at=now)


def pause_for(push: PushRecord, seconds: float, why: WaitFor, reason: str, now: datetime) -> Decision:
    """Rest for so long, and then look again. What is unknown settles meanwhile."""
    until = now + timedelta(seconds=seconds)
    if push.step is StepState.UNKNOWN and why is WaitFor.RETRY:
        why = WaitFor.SETTLE
    if push.step is StepState.PLANNED and not push.started:
        # Waiting past the approval's end would only hide that it has lapsed.
        until = max(now, min(until, push.expires_at))
    paused = replace(push, not_before=until, error=reason, credentials=why is WaitFor.CREDENTIALS)
    return Decision(paused, Wait(until, why, reason))


def backoff(push: PushRecord, chance: float) -> float:
    """Seconds of a pause. Full jitter: anything between nothing and a bound that doubles with each failure in a row."""
    return chance * min(BACKOFF_LIMIT, 2.0 ** min(push.failures, 10))


def expire(push: PushRecord, now: datetime) -> Decision:
    """Nothing of it was applied, and nothing will be on this approval."""
    return Decision(finished(push, StepState.PLANNED, now, "needs confirming again"), Expired())


def conflict(push: PushRecord, indices: Iterable[int], seen: TicketRead, terms: Terms, now: datetime) -> Decision:
    """These operations' fields have values of somebody else's; what began already is left to a person."""
    paths = tuple(dict.fromkeys(terms.approved.operations[index].path for index in indices))
    reason = f"{', '.join(paths)} changed on the ticket"
    if push.started:
        return ask(unsent(push, reason), reason, terms, now)
    step = Conflicted(paths, tuple(field_value(seen.ticket, path) for path in paths))
    return Decision(finished(push, StepState.CONFLICT, now, reason), step)


def ask(push: PushRecord, reason: str, terms: Terms, now: datetime, *, there: Collection[int] = ()) -> Decision:
    """Leave it to a person, who is told what is on the ticket and what is not as far as that is known."""
    unknown = push.step in (StepState.SENDING, StepState.UNKNOWN)
    arrived = [index for step in push.steps[: push.at] for index in step.ops]
    if arrived:
        rest = [index for step in push.steps[push.at + unknown :] for index in step.ops]
        arrived += [index for index in push.current.ops if unknown and index in there]
        reason += f"; on the ticket: {names(terms.approved.operations, arrived)}"
        if rest:
            reason += f"; not sent: {names(terms.approved.operations, rest)}"
    elif unknown and push.at + 1 < len(push.steps):
        rest = [index for step in push.steps[push.at + 1 :] for index in step.ops]
        reason += f"; not sent: {names(terms.approved.operations, rest)}"
    step = StepState.UNKNOWN if unknown else push.step
    return Decision(finished(push, step, now, reason), NeedsHuman(reason))
