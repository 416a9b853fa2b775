"""Proposals for pages in the record: made when a session ends, read and saved under a lock, and where they would go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opstui.core.audit import AuditEntry
from opstui.core.canonical import fingerprint
from opstui.core.codec import decode, encode
from opstui.core.document_kinds.knowledge import KBProposal, ProposalKind
from opstui.core.errors import Busy, NotFound, Refused, StaleRevision
from opstui.core.pages.proposal import Proposal, ProposalState
from opstui.core.ports import Paper, WritableSource
from opstui.core.text import clean_line
from opstui.core.tickets import TicketRef
from opstui.services.locks import FileLock
from opstui.services.page_proposals import Shelf, composed, takes_pages

if TYPE_CHECKING:
    from opstui.core.knowledge import Page
    from opstui.core.ports import RecordWriter
    from opstui.core.sessions import Session
    from opstui.core.workflows import Workflow
    from opstui.services.setup import Setup

KIND = "proposal"


def paper(session: Session, workflow: Workflow, document: KBProposal, setup: Setup) -> Paper | None:
    """What is kept of an accepted document; None where it would change nothing.

    The page is made once more: what a session keeps of it hides values.
    """
    ticket = setup.cache.ticket(session.ticket)
    tickets = [ticket[0]] if ticket is not None else []
    refs = [ref for ref in document.evidence if ref != str(session.ticket)]
    tickets += [found[0] for ref in refs if (found := setup.cache.ticket(TicketRef.parse(ref))) is not None]
    done = composed(
        document,
        Shelf(
            knowledge=setup.knowledge,
            redactor=setup.redactor,
            tickets=tuple(tickets),
            today=document.head.generated_at.date(),
            wanted=session.page,
        ),
    )
    page = setup.knowledge.page(done.target) if done.target else None
    if page is not None and done.page == page.text:
        return None
    made = Proposal(
        id=session.id,
        doc=done.target or "",
        kind=done.kind,
        title=done.title,
        created_at=setup.clock.now(),
        text=done.page,
        drafted=done.page,
        base=str(page.text) if page is not None else None,
        evidence=done.evidence,
        private=done.private,
        nearest=done.nearest,
        reviewer=done.reviewer,
        review_by=done.review_by,
        questions=done.open_questions,
        ticket=str(session.ticket),
        workflow=workflow.id,
        workflow_version=workflow.version,
        engine=done.head.engine.value,
        operator=session.operator,
    )
    return _paper(made)


# --- the source -------------------------------------------------------------------------------------------------------


def page_of(setup: Setup, proposal: Proposal) -> Page | None:
    """The page as it is indexed now; None where there is none."""
    return setup.knowledge.page(proposal.doc) if proposal.doc else None


def place_of(setup: Setup, proposal: Proposal) -> tuple[str, bool]:
    """Where it would be written, or why nowhere."""
    source: object = setup.knowledge.source_of(proposal.doc) if proposal.doc else None
    name = proposal.doc.partition("/")[0]
    if source is None:
        said = f"{name} is no source any more" if name else "no source takes new pages"
        return f"{said}: copy the page to where it belongs by hand", False
    if not isinstance(source, WritableSource):
        return f"{name} is read only from here: change the page there by hand, then reject this", False
    if not takes_pages(source):
        return f"{name}: pages are not written from here (writable = false)", False
    return source.place(proposal.doc), True


def arrived(setup: Setup, proposal: Proposal) -> str | None:
    """Where a write that was begun arrived; None where it did not. Raises Refused where that can't be seen."""
    source: object = setup.knowledge.source_of(proposal.doc)
    if proposal.begun is None or not isinstance(source, WritableSource):
        return None
    return source.written(proposal.doc, proposal.text)


def message_of(proposal: Proposal, operator: str) -> str:
    """What a commit says of it."""
    verb = {ProposalKind.NEW: "Add", ProposalKind.AMEND: "Amend", ProposalKind.DEPRECATE: "Deprecate"}[proposal.kind]
    name = proposal.doc.partition("/")[2]
    return (
        f"{verb} {name}: {clean_line(proposal.title, limit=90)}\n\n"
        f"On the evidence of {', '.join(proposal.evidence)}. Drafted by {proposal.workflow} ({proposal.engine}), "
        f"accepted by {clean_line(operator, limit=80)}."
    )


# --- the record -------------------------------------------------------------------------------------------------------


@contextmanager
def locked(setup: Setup, proposal_id: str) -> Iterator[None]:
    """One person at a time. Raises Busy."""
    stored(setup, proposal_id)  # an id that is none makes no file
    lock = FileLock(setup.locks / f"proposal-{proposal_id}", "proposal")
    if not lock.take():
        raise Busy(f"somebody else is deciding about {proposal_id} ({lock.holder() or 'another process'}); try again")
    try:
        yield
    finally:
        lock.release()


def stored(setup: Setup, proposal_id: str) -> Proposal:
    """Raises NotFound."""
    found = setup.record.paper(KIND, proposal_id)
    if found is None:
        shown = clean_line(proposal_id, limit=60)
        raise NotFound(f"{shown}: no such proposal; `opstui knowledge proposals` shows them")
    return proposal_in(found)


def open_one(setup: Setup, proposal_id: str, rev: int | None) -> Proposal:
    """One that waits for a person, at this revision. Raises NotFound, StaleRevision, Refused where it is decided."""
    proposal = stored(setup, proposal_id)
    if rev is not None and proposal.rev != rev:
        raise StaleRevision(
            f"{called(proposal)}: the proposal was changed meanwhile; look at it again", current=proposal.rev
        )
    if proposal.state is not ProposalState.OPEN:
        at = f" at {proposal.decided_at:%Y-%m-%d %H:%M} UTC" if proposal.decided_at is not None else ""
        raise Refused(f"{called(proposal)}: it was {proposal.state.value} by {proposal.decided_by}{at} already")
    return proposal


def decided(
    setup: Setup, proposal: Proposal, state: ProposalState, *, reason: str | None = None, where: str | None = None
) -> Proposal:
    """As it is once a person has decided; a write that was begun was decided by who began it."""
    by, at = setup.operator, setup.clock.now()
    if state is ProposalState.ACCEPTED and proposal.begun is not None:
        by, at = proposal.begun.by, proposal.begun.at
    return replace(
        proposal, state=state, begun=None, decided_by=by, decided_at=at, reason=reason, where=where,
    )  # fmt: skip


def save(setup: Setup, proposal: Proposal, row: AuditEntry | None, also: Sequence[Paper] = ()) -> Proposal:
    """Store it, only if it is still as it was read, with its audit row in the same commit. Raises StaleRevision.

    ``also``: new papers that belong to what was decided.
    """

    def save(record: RecordWriter) -> Paper:
        stored = record.put_paper(_paper(proposal), expected_rev=proposal.rev)
        if row is not None:
            record.add_audit(row)
        for other in also:
            record.put_paper(other, expected_rev=None)
        return stored

    return proposal_in(setup.record.write(save))


def audit_row(setup: Setup, proposal: Proposal, action: str, note: str | None = None) -> AuditEntry:
    """What the audit log says of it, with the hash of the page's text."""
    return AuditEntry(
        at=setup.clock.now(),
        operator=setup.operator,
        actor="operator",
        action=action,
        ticket=proposal.ticket,
        session=proposal.id,
        workflow_version=proposal.workflow_version,
        documents=(proposal.doc,) if proposal.doc else (),
        content_hash=text_hash(proposal.text),
        detail=note or f"{proposal.kind.value} {called(proposal)}",
    )


def _paper(proposal: Proposal) -> Paper:
    return Paper(
        kind=KIND,
        id=proposal.id,
        subject=proposal.doc,
        state=proposal.state.value,
        rev=proposal.rev,
        created_at=proposal.created_at,
        content=encode(proposal),
    )


def proposal_in(found: Paper) -> Proposal:
    """What a paper of this kind holds."""
    whole = decode(Proposal, found.content)
    return replace(whole, rev=found.rev, state=ProposalState(found.state))


def called(proposal: Proposal) -> str:
    """What people call it: the page, or a new one's title."""
    return proposal.doc or clean_line(proposal.title, limit=90)


def text_hash(text: str) -> str:
    """SHA-256 of a page's text."""
    return fingerprint(text.encode("utf-8", "surrogatepass"))
