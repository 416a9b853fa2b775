"""Drafts: made by sessions and operators, edited compare-and-set, and put away without being lost."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from opstui.core import draft_rules
from opstui.core.audit import AuditEntry
from opstui.core.canonical import fingerprint
from opstui.core.desk import (
    CloseDraft,
    DiscardDraft,
    EditDraft,
    NewDraft,
    NoteDraft,
    OpenDraft,
    Outcome,
    RestoreDraft,
    SettleDraft,
)
from opstui.core.documents import Document
from opstui.core.draft_limits import can_set, within
from opstui.core.drafts import Draft, DraftChanges, DraftState, Origin, PushRecord, StepState
from opstui.core.errors import Conflict, NotFound, OpstuiError, Refused, StaleRevision, UsageError
from opstui.core.ids import new_id
from opstui.core.ports import Editing, RecordWriter
from opstui.core.proposals import proposal
from opstui.core.redaction import readable
from opstui.core.sessions import Session
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket
from opstui.core.workflows import Workflow
from opstui.services.refresh import Refresher
from opstui.services.setup import Setup
from opstui.services.taxonomies import taxonomy_of

log = logging.getLogger("opstui.drafting")

OPEN_FOR = timedelta(minutes=30)
"""A terminal that has not said for this long that it has a draft open no longer counts."""


class Drafting:
    """What an operator can do with drafts, short of approving them."""

    def __init__(self, setup: Setup, refresher: Refresher) -> None:
        self._setup = setup
        self._refresher = refresher

    def draft(self, draft_id: str) -> Draft:
        """Raises NotFound."""
        found = self._setup.record.draft(draft_id)
        if found is None:
            raise NotFound(f"{clean_line(draft_id, limit=60)}: no such draft; `opstui draft list` shows them")
        return found

    def new(self, command: NewDraft) -> Outcome[Draft]:
        """See ``NewDraft``."""
        setup = self._setup
        ticket = self._refresher.fresh_or_cached(command.ticket)
        empty = draft_rules.new_draft(
            ticket, draft_id=self._id(), op_id=self._id(), operator=setup.operator, now=setup.clock.now()
        )
        draft = self._changed(empty, command.changes, ticket, Origin.OPERATOR)
        return Outcome(self._store(draft, None, command.changes, "draft.create"))

    def proposed(
        self, session: Session, workflow: Workflow, document: Document, body: Mapping[str, Any], ticket: Ticket
    ) -> tuple[Draft, list[bytes]]:
        """The draft that a session's document turns into, and the files it attaches; nothing is stored yet.

        What the ticket's system can't take is left out, and the draft's note says so.
        """
        setup = self._setup
        asked: list[str] = []
        made = proposal(
            workflow,
            document,
            ticket,
            lambda: self._reachable(ticket, asked),
            taxonomy=taxonomy_of(setup, workflow),
        )
        # A file goes out as it lies there, so a secret in it is only named; in the comment it comes back when sent.
        named = tuple((name, readable(content.decode()).encode()) for name, content in made.attach)
        made, left_out = within(
            replace(made, attach=named),
            ticket.ref.system,
            setup.systems[ticket.ref.system].capabilities,
            may_be_public=workflow.public_comment,
        )
        draft = draft_rules.new_draft(
            ticket,
            draft_id=self._id(),
            op_id=self._id(),
            operator=session.operator,
            now=setup.clock.now(),
            origin=Origin.AGENT,
        )
        draft = self._changed(draft, made, ticket, Origin.AGENT, statuses=asked)
        return (
            replace(
                draft,
                session=session.id,
                workflow=workflow.id,
                workflow_version=workflow.version,
                engine=document.head.engine.value,
                document=body,
                note="; ".join(left_out) or None,
            ),
            [content for _, content in made.attach],
        )

    def edit(self, command: EditDraft) -> Outcome[Draft]:
        """See ``EditDraft``."""
        draft = self.draft(command.id)
        if command.rev is not None and command.rev != draft.rev:
            raise StaleRevision(
                "the draft was saved elsewhere in the meantime; what is there was not saved over", current=draft.rev
            )
        changes = command.changes
        settles = bool(changes.theirs or changes.mine)
        read = self._refresher.cached_or_read
        if settles or "/status" in changes.set:
            read = self._refresher.fresh_or_cached
        ticket = read(draft.ticket)
        edited = self._changed(draft, changes, ticket, Origin.OPERATOR)
        if edited == draft:
            return Outcome(draft)
        action = "draft.override" if changes.overrides else "draft.settle" if settles else None
        return Outcome(self._store(edited, draft, changes, action))

    def overridden(self, draft: Draft, overrides: Mapping[str, str], ticket: Ticket) -> Draft:
        """The draft with these checks answered, not stored. Raises UsageError for what is no reason code."""
        return self._changed(draft, DraftChanges(overrides=overrides), ticket, Origin.OPERATOR)

    def discard(self, command: DiscardDraft) -> Outcome[Draft]:
        """See ``DiscardDraft``."""
        draft = self.draft(command.id)
        if draft.state is DraftState.DISCARDED:
            return Outcome(draft, notice="it was discarded already")
        gone = draft_rules.discard(draft, op_id=self._id(), now=self._setup.clock.now())
        return Outcome(self._store(gone, draft, None, "draft.discard"))

    def restore(self, command: RestoreDraft) -> Outcome[Draft]:
        """See ``RestoreDraft``."""
        draft = self.draft(command.id)
        back = draft_rules.restore(draft, now=self._setup.clock.now())
        return Outcome(self._store(back, draft, None, "draft.restore"))

    def note(self, command: NoteDraft) -> Outcome[Draft]:
        """See ``NoteDraft``. A note is no edit: it voids nothing."""
        draft = self.draft(command.id)
        noted = replace(draft, note=str(clean_line(command.note, limit=200)) or None)
        return Outcome(self._setup.record.write(lambda record: record.put_draft(noted, expected_rev=draft.rev)))

    def settle(self, command: SettleDraft) -> Outcome[Draft]:
        """See ``SettleDraft``."""
        draft = self.draft(command.id)
        if not command.reason.strip():
            raise UsageError("say why you know: a reason goes into the audit log")
        ticket = None if command.applied else self._refresher.fresh_or_cached(draft.ticket)
        push = self._setup.record.push(draft.op_id)
        settled = draft_rules.settle_human(
            draft, command.applied, ticket, op_id=self._id(), now=self._setup.clock.now(), push=push
        )
        detail = f"{'applied' if command.applied else 'not applied'}: {clean_line(command.reason, limit=200)}"
        return Outcome(self._store(settled, draft, None, "push.settled", detail=detail))

    def note_conflict(self, draft: Draft, ticket: Ticket) -> Conflict | None:
        """If the ticket changed where the draft does: say so on the draft, and the error to answer with."""
        paths = draft_rules.review_conflicts(draft, ticket) or draft.conflicts
        if not paths:
            return None
        if draft.state in (DraftState.PROPOSED, DraftState.EDITED):
            noted = replace(
                draft,
                state=DraftState.CONFLICT,
                conflicts=tuple(paths),
                note=f"not approved: {', '.join(paths)} changed on the ticket",
                updated_at=self._setup.clock.now(),
            )
            self._setup.record.write(lambda record: record.put_draft(noted, expected_rev=draft.rev))
        return Conflict(
            f"{draft.ticket}: {', '.join(paths)} changed on the ticket since the draft was made. Nothing was approved "
            "and the draft is kept: settle each with --theirs or --mine, then approve again",
            ticket=str(draft.ticket),
            field=", ".join(paths),
        )

    # --- who has it open

    def open(self, command: OpenDraft) -> Outcome[Editing | None]:
        """See ``OpenDraft``."""
        setup = self._setup
        self.draft(command.id)
        other = self.edited_elsewhere(command.id)
        if other is None or command.take_over:
            mine = Editing(
                draft=command.id,
                where=str(clean_line(command.where, limit=60)),
                pid=os.getpid(),
                operator=setup.operator,
                at=setup.clock.now(),
            )
            setup.record.write(lambda record: record.set_editing(mine, command.id))
            other = None
        return Outcome(other)

    def close(self, command: CloseDraft) -> Outcome[None]:
        """See ``CloseDraft``."""
        current = self._setup.record.editing(command.id)
        if current is not None and current.pid == os.getpid():
            self._setup.record.write(lambda record: record.set_editing(None, command.id))
        return Outcome()

    def edited_elsewhere(self, draft_id: str) -> Editing | None:
        """Another living process on this machine that has the draft open, or another operator who had it lately."""
        current = self._setup.record.editing(draft_id)
        if current is None or current.pid == os.getpid():
            return None
        if self._setup.clock.now() - current.at > OPEN_FOR or not _is_alive(current.pid):
            return None
        return current

    # --- parts

    def _reachable(self, ticket: Ticket, asked: list[str]) -> Sequence[str]:
        """What the ticket can become, kept in ``asked``; nothing where its system can't say, or not now."""
        capabilities = self._setup.systems[ticket.ref.system].capabilities
        if can_set("/status", capabilities) and capabilities.transitions_listed:
            try:
                asked += self._refresher.transitions(ticket.ref)
            except OpstuiError as error:
                log.info("no status is proposed: %s", error.__class__.__name__)
        return asked

    def _changed(
        self, draft: Draft, changes: DraftChanges, ticket: Ticket, origin: Origin, *, statuses: Sequence[str] = ()
    ) -> Draft:
        setup = self._setup
        system = setup.systems[draft.ticket.system]
        for op in changes.attach_again:
            if op.file is not None and setup.record.file(op.file.sha256) is None:
                raise Refused(f"{clean_line(op.file.name)}: its content is gone; attach it again")
        transitions: Sequence[str] | None = statuses or None
        if not statuses and "/status" in changes.set and system.capabilities.transitions_listed:
            transitions = self._refresher.transitions(draft.ticket)
        return draft_rules.edit(
            draft,
            changes,
            ticket,
            capabilities=system.capabilities,
            transitions=transitions,
            origin=origin,
            now=setup.clock.now(),
            op_id=self._id(),
            me=self._refresher.account(draft.ticket.system),
        )

    def _store(
        self,
        draft: Draft,
        before: Draft | None,
        changes: DraftChanges | None,
        action: str | None,
        *,
        detail: str | None = None,
    ) -> Draft:
        def save(record: RecordWriter) -> Draft:
            if before is not None:
                self._withdraw(record, before)
            for _, content in changes.attach if changes is not None else ():
                record.put_file(content)
            if action is not None:
                record.add_audit(self._audit(draft, changes, action, detail))
            return record.put_draft(draft, expected_rev=None if before is None else before.rev)

        return self._setup.record.write(save)

    def _withdraw(self, record: RecordWriter, draft: Draft) -> None:
        """Stop an update that was approved, if no byte of it was sent. Raises Refused if one may have been."""
        if draft.state is not DraftState.APPROVED:
            return
        for push in record.pushes(draft=draft.id, unfinished=True):
            if push.step is not StepState.PLANNED:
                raise Refused("it is being sent; wait until it is known what became of it")
            record.put_push(_withdrawn(push, self._setup))

    def _audit(self, draft: Draft, changes: DraftChanges | None, action: str, detail: str | None) -> AuditEntry:
        overrides = changes.overrides if changes is not None else {}
        comment = draft.comment()
        return AuditEntry(
            at=self._setup.clock.now(),
            operator=self._setup.operator,
            actor="operator",
            action=action,
            ticket=str(draft.ticket),
            session=draft.session,
            draft=draft.id,
            workflow_version=draft.workflow_version,
            content_hash=fingerprint(str(comment.to).encode()) if comment is not None else None,
            override_reason=", ".join(f"{check}={why}" for check, why in sorted(overrides.items())) or None,
            detail=detail,
        )

    def _id(self) -> str:
        return new_id(self._setup.clock, self._setup.randomness)


def _withdrawn(push: PushRecord, setup: Setup) -> PushRecord:
    return replace(push, done=True, error="withdrawn", finished_at=setup.clock.now())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # A killed process that its parent has not asked after yet still answers to its number.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != b"Z"
