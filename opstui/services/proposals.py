"""Proposals for pages: kept when a session ends, and written to a source once a person accepts one.

What is about to be written is kept, with an audit row, before a byte of it is; a process that dies between the write
and its own note of it leaves that behind, and the next one looks at the source first. So no page is written twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opstui.core.codec import decode
from opstui.core.desk import Outcome
from opstui.core.desk.pages import AcceptProposal, EditProposal, ProposalView, RebaseProposal, RejectProposal
from opstui.core.document_kinds.knowledge import KBProposal, ProposalKind
from opstui.core.documents import DOCUMENTS, claims_of
from opstui.core.drafts import OverrideReason
from opstui.core.errors import Conflict, OpstuiError, ReadOnly, Refused, UsageError
from opstui.core.pages.changes import three_way, unified
from opstui.core.pages.proposal import ANSWERABLE, CHANGED, PAGE_LIMIT, Begun, Proposal, ProposalState, findings
from opstui.core.ports import Paper, WritableSource
from opstui.core.sources import SourceSet
from opstui.core.text import clean, clean_line
from opstui.core.tickets import TicketRef
from opstui.services.page_proposals import private_in
from opstui.services.proposal_papers import (
    KIND,
    arrived,
    audit_row,
    called,
    decided,
    locked,
    message_of,
    open_one,
    page_of,
    place_of,
    proposal_in,
    save,
    stored,
    text_hash,
)

if TYPE_CHECKING:
    from opstui.core.claims import Citation
    from opstui.core.desk import ProposalDetail, Proposals
    from opstui.core.knowledge import Page
    from opstui.services.setup import Setup

log = logging.getLogger("opstui.proposals")


# --- questions --------------------------------------------------------------------------------------------------------


def proposals(setup: Setup, question: Proposals) -> tuple[Proposal, ...]:
    """See ``Proposals``."""
    found = setup.record.papers(KIND, subject=question.doc, states=question.states, limit=question.limit)
    return tuple(map(proposal_in, found))


def detail(setup: Setup, question: ProposalDetail) -> ProposalView:
    """See ``ProposalDetail``."""
    proposal = stored(setup, question.id)
    if proposal.state is ProposalState.OPEN:
        setup.knowledge.refresh_here()
    return _view(setup, proposal)


def _view(setup: Setup, proposal: Proposal) -> ProposalView:
    is_open = proposal.state is ProposalState.OPEN
    page = page_of(setup, proposal)
    now = str(page.text) if page is not None else None
    place, can_write = place_of(setup, proposal)
    has_moved = is_open and now != proposal.base
    return ProposalView(
        proposal=proposal,
        diff=unified(proposal.base, proposal.text, called(proposal)),
        theirs=unified(proposal.base, now or "", called(proposal)) if has_moved else (),
        findings=findings(proposal, now=now) if is_open else (),
        place=place,
        can_write=can_write and not setup.read_only and is_open,
        now=now,
        text_hash=text_hash(proposal.text),
        sources=tuple(_sources(setup, proposal)),
    )


def _sources(setup: Setup, proposal: Proposal) -> Iterator[tuple[str, Citation]]:
    session = setup.record.session(proposal.id)
    if session is None or session.document is None:
        return
    document = decode(DOCUMENTS["KBProposal"], session.document)
    assert isinstance(document, KBProposal)
    for claim in claims_of(document):
        yield from ((claim.text, citation) for citation in claim.citations)
    for step in document.resolution:
        yield from ((step.text, cited) for cited in (step.citation, step.outcome) if cited is not None)


# --- commands ---------------------------------------------------------------------------------------------------------


def edit(setup: Setup, command: EditProposal) -> Outcome[Proposal]:
    """See ``EditProposal``."""
    text = str(clean(command.text))
    if len(text) > PAGE_LIMIT:
        raise Refused(f"a page of {len(text):,} characters is too long: {PAGE_LIMIT:,} is most. It was not kept")
    if not text.strip():
        raise Refused("an empty page says nothing; reject the proposal instead. The text was not changed")
    with _deciding(setup, command.id, command.rev) as proposal:
        changed = replace(
            proposal,
            text=text if text.endswith("\n") else f"{text}\n",
            private=private_in(text, proposal.base, setup.redactor),
            edited_by=setup.operator,
        )
        return Outcome(save(setup, changed, audit_row(setup, changed, "page.edit")))


def rebase(setup: Setup, command: RebaseProposal) -> Outcome[Proposal]:
    """See ``RebaseProposal``."""
    with _deciding(setup, command.id, command.rev) as proposal:
        setup.knowledge.refresh_here()
        page = page_of(setup, proposal)
        now = str(page.text) if page is not None else None
        if now == proposal.base:
            return Outcome(proposal, notice="the page is as it was; nothing was changed")
        if now is None:
            merged, said = proposal.text, "the page is gone: it would be a new one"
        else:
            both = three_way(proposal.base or "", proposal.text, now)
            merged = both.text
            places = f"{both.conflicts} place{'s' if both.conflicts > 1 else ''}"
            said = "both changes are in it; look at it again"
            if both.conflicts:
                said = f"{places} where both changed the same lines: edit them"
        kind = proposal.kind
        if (now is None) != (proposal.base is None):
            kind = ProposalKind.NEW if now is None else ProposalKind.AMEND
        changed = replace(proposal, kind=kind, base=now, text=merged, private=private_in(merged, now, setup.redactor))
        return Outcome(save(setup, changed, audit_row(setup, changed, "page.rebase")), notice=said)


def reject(setup: Setup, command: RejectProposal) -> Outcome[Proposal]:
    """See ``RejectProposal``."""
    if command.reason not in list(OverrideReason):
        raise UsageError(f"{clean_line(command.reason, limit=60)!r}: the reasons are {', '.join(OverrideReason)}")
    with _deciding(setup, command.id, command.rev) as proposal:
        rejected = decided(setup, proposal, ProposalState.REJECTED, reason=command.reason)
        row = replace(audit_row(setup, rejected, "page.reject"), override_reason=command.reason)
        return Outcome(save(setup, rejected, row), notice="rejected; nothing was written")


def accept(setup: Setup, command: AcceptProposal) -> Outcome[Proposal]:
    """See ``AcceptProposal``."""
    if setup.read_only:
        raise ReadOnly("opened read-only: nothing was written. Start without --read-only to accept a page")
    with locked(setup, command.id):
        proposal = open_one(setup, command.id, command.rev)
        if proposal.begun is not None:
            there = arrived(setup, proposal)
            if there is not None:
                return Outcome(_accepted(setup, proposal, there), notice=there)
        if command.text_hash is not None and command.text_hash != text_hash(proposal.text):
            raise Conflict(f"{called(proposal)}: the proposal is not what was shown. Nothing was written")
        setup.knowledge.refresh_here()
        page = page_of(setup, proposal)
        proposal = replace(proposal, private=private_in(proposal.text, proposal.base, setup.redactor))
        overridden = _answers(proposal, page, command.overrides)
        place, can_write = place_of(setup, proposal)
        source: object = setup.knowledge.source_of(proposal.doc)
        if not can_write or not isinstance(source, WritableSource):
            raise Refused(f"{place}. Nothing was written; the proposal is kept")
        begun = Begun(by=setup.operator, at=setup.clock.now(), text_hash=text_hash(proposal.text))
        row = replace(
            audit_row(setup, proposal, "page.accept"),
            override_reason=", ".join(sorted(set(overridden.values()))) or None,
        )
        proposal = save(setup, replace(proposal, begun=begun, overridden=overridden), row)
        try:
            where = source.write(
                proposal.doc,
                proposal.text,
                expected_hash=page.content_hash if page is not None else None,
                message=message_of(proposal, setup.operator),
                author=setup.operator,
            )
        except (Conflict, Refused) as error:
            # The source promises that nothing was written, so nothing is in doubt any more.
            save(setup, replace(proposal, begun=None, overridden={}), None)
            kept = f"{clean_line(str(error), limit=400).rstrip('.')}. The proposal is kept"
            raise (Conflict(kept) if isinstance(error, Conflict) else Refused(kept)) from None
        return Outcome(_accepted(setup, proposal, where), notice=where)


def _accepted(setup: Setup, proposal: Proposal, where: str) -> Proposal:
    done = decided(setup, proposal, ProposalState.ACCEPTED, where=str(clean_line(where, limit=400)))
    kept = save(setup, done, audit_row(setup, done, "page.written", done.where), _labels(setup, proposal))
    try:
        setup.knowledge.refresh_here()
    except OpstuiError as error:
        log.warning("index after a page was written: %s", type(error).__name__)
    return kept


def _labels(setup: Setup, proposal: Proposal) -> list[Paper]:
    """What a person answered to checks, as cases to learn from."""
    known = setup.cache.ticket(TicketRef.parse(proposal.ticket)) if proposal.overridden else None
    if known is None:
        return []
    from opstui.services.labelled import labels

    answered = findings(proposal, now=proposal.base, overrides=proposal.overridden)
    return labels(setup, proposal, known[0], None, SourceSet(known[0]), answered)


def _answers(proposal: Proposal, page: Page | None, overrides: Mapping[str, str]) -> dict[str, str]:
    """The answers that were needed. Raises Conflict, Refused where a check still blocks, UsageError."""
    for name, reason in overrides.items():
        if reason not in list(OverrideReason):
            given = f"{clean_line(name, limit=40)}={clean_line(reason, limit=40)}"
            raise UsageError(f"{given}: the reasons are {', '.join(OverrideReason)}")
    found = findings(proposal, now=str(page.text) if page is not None else None, overrides=overrides)
    for finding in found:
        if finding.id == CHANGED:
            raise Conflict(f"{called(proposal)}: {finding.text}. Nothing was written; the proposal is kept")
        if finding.blocks:
            answer = f", or answer it with a reason: {finding.id}=REASON" if finding.id in ANSWERABLE else ""
            raise Refused(f"{finding.id}: {finding.text}. Nothing was written; edit the page{answer}")
    return {finding.id: finding.overridden for finding in found if finding.overridden is not None}


@contextmanager
def _deciding(setup: Setup, proposal_id: str, rev: int | None) -> Iterator[Proposal]:
    """An open proposal that nobody else is about to write, once it is known what came of a write that was begun."""
    if setup.read_only:
        raise ReadOnly("opened read-only: nothing was changed. Start without --read-only to do this")
    with locked(setup, proposal_id):
        proposal = open_one(setup, proposal_id, rev)
        if proposal.begun is not None:
            there = arrived(setup, proposal)
            if there is not None:
                _accepted(setup, proposal, there)
                raise Conflict(f"{called(proposal)} was accepted before and has arrived: {there}")
            proposal = replace(proposal, begun=None, overridden={})
        yield proposal
