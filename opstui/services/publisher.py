"""The publisher: a thin loop around ``core.publishing.decide``.

It keeps the row before it does what the row says, carries one step out, and hands what it saw to the next decision.
Each system's lock is held only while a step is sent and read back; whoever holds it and finds a row in ``sending``
knows that its sender is dead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opstui.core import approval, draft_rules
from opstui.core.audit import AuditEntry
from opstui.core.canonical import fingerprint
from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.errors import (
    Busy,
    Conflict,
    CredentialsRefused,
    NotFound,
    OpstuiError,
    RateLimited,
    Refused,
    Unreachable,
)
from opstui.core.ids import new_id
from opstui.core.ports import RecordWriter, TicketSystem
from opstui.core.publishing import (
    RETRY_AFTER_LIMIT,
    Conflicted,
    Decision,
    Expired,
    Final,
    FindOp,
    Look,
    NeedsHuman,
    Nothing,
    Observation,
    Read,
    ReadBack,
    RequestFailed,
    RequestRefused,
    Send,
    SentOk,
    Step,
    Terms,
    TicketRead,
    Verified,
    VersionRefused,
    Wait,
    WaitFor,
    decide,
    lapsed,
)
from opstui.core.push_steps import may_be_marked, names
from opstui.core.text import clean_line
from opstui.core.workflows import refused_by_policy
from opstui.services.locks import FileLock, held
from opstui.services.loop import LoopThread
from opstui.services.refresh import Refresher
from opstui.services.setup import Setup
from opstui.services.turns import ASKED, TURN_SECONDS, Turns

log = logging.getLogger("opstui.publisher")


class Publisher:
    """Sends what is approved, and settles what is unknown."""

    def __init__(self, setup: Setup, loop: LoopThread, refresher: Refresher) -> None:
        self._setup = setup
        self._loop = loop
        self._refresher = refresher
        self._waits: dict[str, str] = {}
        """Row → whom this process waits for before it can send it."""
        self._suspects: set[str] = set()
        """Rows that were begun and never ended, which is to say that they broke the program: they come last."""

    def newest(self, draft: str) -> PushRecord | None:
        """The newest row of a draft; while another publisher is waited for, with who that is as its ``error``."""
        found = next(reversed(self._setup.record.pushes(draft=draft)), None)
        waits = self._waits.get(found.id) if found is not None and not found.done else None
        return replace(found, error=waits) if found is not None and waits else found

    def has_work(self) -> bool:
        """Whether any update is unfinished."""
        return not self._setup.read_only and bool(self._setup.record.pushes(unfinished=True, limit=1))

    def due(self) -> tuple[str, ...]:
        """The systems that something can be done for now."""
        if self._setup.read_only:
            return ()
        now = self._setup.clock.now()
        unfinished = self._setup.record.pushes(unfinished=True)
        return tuple(dict.fromkeys(push.system for push in unfinished if _is_due(push, now)))

    def run_due(self, system: str | None = None) -> None:
        """Take every unfinished update (of ``system``) as far as it goes without waiting.

        Each in turn, so that none holds up another. What somebody else holds is left to them.
        """
        now = self._setup.clock.now()
        due = [
            push for push in self._setup.record.pushes(unfinished=True)
            if system in (None, push.system) and _is_due(push, now)
        ]  # fmt: skip
        for push in sorted(due, key=lambda push: push.id in self._suspects):
            self._suspects.add(push.id)
            with suppress(Busy):
                self._advance(push.id, 0.0)
            self._suspects.discard(push.id)

    def run_all(self, *, draft: str | None = None) -> list[PushRecord]:
        """Everything approved or unknown now, until nothing of it is unknown; the rows as they are then.

        The updates take turns: while one settles or pauses, the others go on. A system that another publisher holds for
        longer than 30 s is waited for once: its updates stay as they are, with who holds it as their ``error``.
        """
        record = self._setup.record
        unfinished = record.pushes(unfinished=True)
        wanted = [push for push in unfinished if draft is None or push.draft == draft]
        newest = {push.ticket: number for number, push in enumerate(unfinished) if push in wanted}
        # Earlier updates of the same tickets come first.
        going = [push for number, push in enumerate(unfinished) if number <= newest.get(push.ticket, -1)]
        for push in going:
            self._ask_at_once(push.id)
        held_by = Turns(self._setup, self._advance).take(going)
        found = [now for push in wanted if (now := record.push(push.id)) is not None]
        return [push if push.done else replace(push, error=held_by.get(push.system, push.error)) for push in found]

    def _ask_at_once(self, push_id: str) -> None:
        """End a pause of our own: whoever types ``push`` may have mended the token or the line. That of a rate limit
        stays."""

        def end(record: RecordWriter) -> None:
            push = record.push(push_id)
            if push is None or push.done or push.step is not StepState.PLANNED or push.not_before is None:
                return
            if not (push.error or "").startswith(ASKED):
                record.put_push(replace(push, not_before=None))

        self._setup.record.write(end)

    def _advance(self, push_id: str, wait: float) -> Step:
        """Hold the system's lock and go on until a wait or the end. Raises Busy."""
        setup = self._setup
        found = setup.record.push(push_id)
        if found is None or found.done:
            return Nothing()
        name, system = found.system, setup.systems.get(found.system)
        if system is None:
            reason = f"the ticket system {name} is no longer configured"
            return self._keep(Decision(replace(found, done=True, error=reason), NeedsHuman(reason)))
        first, now = setup.record.pushes(ticket=found.ticket, unfinished=True, limit=1), setup.clock.now()
        if first and first[0].id != push_id and not lapsed(found, now):
            # Their order is the order of their approvals, and a pause that the system asked for is the ticket's.
            until = max(first[0].not_before or now, now + timedelta(seconds=TURN_SECONDS))
            return Wait(until, WaitFor.TURN, first[0].id)
        lock = FileLock(setup.locks / f"publish-{name}", f"publisher of {name}")

        def say(text: str) -> None:
            self._waits[push_id] = text
            log.info("%s: %s", name, text)

        try:
            with held(lock, wait=wait, say=say):
                self._waits.pop(push_id, None)
                return self._go_on(push_id, system)
        finally:
            self._waits.pop(push_id, None)

    def _go_on(self, push_id: str, system: TicketSystem) -> Step:
        """The part of :meth:`_advance` that holds the lock."""
        push = self._setup.record.push(push_id)
        if push is None:
            return Nothing()
        refusal = self._not_what_was_approved(push, system)
        if refusal is not None:
            return self._keep(refusal)
        seen: Observation = Look()
        while True:
            # Who we are there is known once the system has answered, so not before the first look.
            terms = self._terms(push, system)
            decision = decide(push, seen, terms, now=self._setup.clock.now(), chance=self._chance())
            step = self._keep(decision, terms)
            if isinstance(step, (Wait, Final)):
                return step
            push = decision.push
            seen = self._carry_out(step, push, terms, system)

    # --- carrying out

    def _carry_out(self, step: Step, push: PushRecord, terms: Terms, system: TicketSystem) -> Observation:
        key = push.ticket.key
        match step:
            case Read():
                return self._reading(lambda: self._ticket_read(system, key))
            case FindOp() | ReadBack() if may_be_marked(push.current, terms.approved.operations, system.capabilities):
                return self._reading(lambda: self._found_and_read(system, key, push.current.op_id))
            case FindOp() | ReadBack():
                return self._reading(lambda: self._ticket_read(system, key))
            case Send(expected_version, done):
                return self._sending(push, terms, system, expected_version, done)
        raise AssertionError(step)

    async def _ticket_read(self, system: TicketSystem, key: str) -> TicketRead:
        asked_at = self._setup.clock.now()
        return TicketRead(await system.ticket(key), asked_at)

    async def _found_and_read(self, system: TicketSystem, key: str, op_id: str) -> TicketRead:
        asked_at = self._setup.clock.now()
        ticket = await system.ticket(key)
        if any(entry.op_id == op_id for entry in ticket.timeline):
            return TicketRead(ticket, asked_at)  # nothing that could be found says more
        found = await system.find(key, op_id)
        # A ticket that was read before something was found may be an old copy; one read after it is known to be, if it
        # lacks what was found.
        return TicketRead(await system.ticket(key) if found is not None else ticket, asked_at, found)

    def _reading(self, ask: Callable[[], Coroutine[Any, Any, TicketRead]]) -> Observation:
        try:
            read = self._loop.run(ask())
        except OpstuiError as error:
            return _observed(error, writing=False)
        try:
            self._setup.cache.keep(read.ticket, now=self._setup.clock.now())
        except OpstuiError as error:
            # The screens will read it again; an update is not stopped by what can be read again.
            log.warning("the cache can't be written: %s", error.__class__.__name__)
        return read

    def _sending(
        self, push: PushRecord, terms: Terms, system: TicketSystem, expected_version: str, done: tuple[int, ...]
    ) -> Observation:
        files = {file.sha256: self._setup.record.file(file.sha256) or b"" for file in terms.approved.files}
        try:
            update = approval.to_update(
                terms.approved,
                expected_version=expected_version,
                files=files,
                author=terms.approved.operator,
                done=done,
                part=push.current,
                step=push.at,
                steps=len(push.steps),
            )
            return SentOk(self._loop.run(system.send(update)).remote_id)
        except Conflict:
            return VersionRefused()
        except OpstuiError as error:
            return _observed(error, writing=True)

    # --- keeping

    def _keep(self, decision: Decision, terms: Terms | None = None) -> Step:
        """Write the row, the draft's state and the audit row in one transaction; the step if it may be carried out."""
        push, step = decision.push, decision.step
        if isinstance(step, Nothing):
            return step

        def save(record: RecordWriter) -> Step:
            stored = record.push(push.id)
            if stored is None or stored.done:
                return Nothing()  # withdrawn between the look and now
            draft = record.draft(push.draft)
            moved = self._moved(draft, push, step) if draft is not None else None
            if draft is not None and moved is not None and moved != draft:
                record.put_draft(moved, expected_rev=draft.rev)
            action = _AUDITED.get(type(step))
            head = stored.audit_head
            if action is not None:
                head = record.add_audit(self._audit(push, draft, action, step, terms)).hash
            kept = replace(push, audit_head=head)
            if stored != kept:
                record.put_push(kept)
            return step

        return self._setup.record.write(save)

    def _moved(self, draft: Draft, push: PushRecord, step: Step) -> Draft | None:
        """The draft after this step; None where it stays."""
        now = self._setup.clock.now()
        if draft.state not in (DraftState.APPROVED, DraftState.PUSHING):
            return None
        match step:
            case Send():
                return draft_rules.start_push(draft, now=now) if draft.state is DraftState.APPROVED else None
            case Verified():
                notes = [step.note] if step.note else []
                notes += [f"{path} was set already" for path in step.done]
                return draft_rules.pushed(draft, now=now, note="; ".join(notes) or None)
            case Conflicted(paths):
                return draft_rules.conflict(draft, paths, op_id=self._fresh_id(), now=now)
            case NeedsHuman(reason):
                return draft_rules.needs_human(draft, reason, now=now)
            case Expired():
                return draft_rules.expire(draft, op_id=self._fresh_id(), now=now)
            case Wait(reason=reason) if push.step is StepState.PLANNED and draft.state is DraftState.PUSHING:
                # Nothing of it was applied and it will be tried again: still only approved.
                return draft_rules.hold(draft, now=now, note=reason) if not push.started else None
        return None

    def _audit(self, push: PushRecord, draft: Draft | None, action: str, step: Step, terms: Terms | None) -> AuditEntry:
        detail = getattr(step, "reason", None) or getattr(step, "note", None) or None
        if isinstance(step, Send) and terms is not None and len(push.steps) > 1:
            what = names(terms.approved.operations, push.current.ops)
            detail = f"step {push.at + 1} of {len(push.steps)}: {what}"
        return AuditEntry(
            at=self._setup.clock.now(),
            operator=draft.approved_by or draft.operator if draft is not None else self._setup.operator,
            actor="program",
            action=action,
            ticket=str(push.ticket),
            session=draft.session if draft is not None else None,
            draft=push.draft,
            workflow_version=draft.workflow_version if draft is not None else None,
            content_hash=push.fingerprint,
            detail=str(clean_line(detail)) if detail else None,
        )

    # --- parts

    def _not_what_was_approved(self, push: PushRecord, system: TicketSystem) -> Decision | None:
        """The fingerprint is computed again from what is about to be sent: only the very bytes approved go.

        Of an update that is on its way only what is left is to be found out, but never on another system.
        """
        untouched = push.step is StepState.PLANNED and not push.started
        draft = self._setup.record.draft(push.draft)
        reason = ""
        if fingerprint(push.payload) != push.fingerprint:
            reason = "the stored bytes are not those that were approved"
        elif untouched and (draft is None or draft.fingerprint != push.fingerprint):
            reason = "the approval was withdrawn"
        elif approval.read_payload(push.payload).origin != system.origin:
            reason = f"{push.system} is another system now than when it was approved"
        elif untouched and draft is not None:
            workflow = self._setup.workflows.get(draft.workflow or "")
            reason = refused_by_policy(draft, workflow, by=draft.approved_by or draft.operator) or ""
        if not reason:
            return None
        finished = replace(push, done=True, error=reason, finished_at=self._setup.clock.now())
        if untouched and (draft is None or draft.state.is_open):
            return Decision(finished, Expired())
        return Decision(finished, NeedsHuman(reason))

    def _terms(self, push: PushRecord, system: TicketSystem) -> Terms:
        capabilities = system.capabilities
        if self._setup.settle_seconds is not None:
            capabilities = replace(capabilities, settle_seconds=self._setup.settle_seconds)
        return Terms(approved=approval.read_payload(push.payload), capabilities=capabilities, own=(system.me(),))

    def _fresh_id(self) -> str:
        return new_id(self._setup.clock, self._setup.randomness)

    def _chance(self) -> float:
        return int.from_bytes(self._setup.randomness.bytes(4), "big") / 2**32


def _is_due(push: PushRecord, now: datetime) -> bool:
    """Whether its pause is over; one longer than any pause there is only shows that the clock was turned back."""
    pause = timedelta(0) if push.not_before is None else push.not_before - now
    return pause <= timedelta(0) or pause > LONGEST_PAUSE


LONGEST_PAUSE = timedelta(seconds=RETRY_AFTER_LIMIT + 60)
_AUDITED: dict[type, str] = {
    Send: "push.send",
    Verified: "push.verified",
    Conflicted: "push.conflict",
    NeedsHuman: "push.needs_human",
    Expired: "push.expired",
}


def _observed(error: OpstuiError, *, writing: bool) -> Observation:
    """What an adapter's error means to the decision."""
    if isinstance(error, CredentialsRefused):
        return RequestRefused(str(error), credentials=True)
    if isinstance(error, RateLimited):
        return RequestFailed(f"{ASKED}: {error}", maybe_applied=False, retry_after=error.retry_after)
    if isinstance(error, Unreachable):
        return RequestFailed(
            str(error), maybe_applied=writing and error.was_anything_sent, retry_after=error.retry_after
        )
    if isinstance(error, (Refused, Conflict, NotFound)):
        return RequestRefused(str(error))  # what is absent takes no write
    # A store that is full, a busy file: nothing is known of the write, so it is looked for.
    return RequestFailed(str(error), maybe_applied=writing)
