"""Review, Confirm and approval: what an operator sees before anything is sent, drawn from what would be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.core import approval, draft_rules
from opstui.core.audit import AuditEntry
from opstui.core.canonical import fingerprint
from opstui.core.checks.comment import check_comment
from opstui.core.checks.document import check_document
from opstui.core.codec import decode
from opstui.core.desk import ApproveDraft, Confirm, Confirmation, DraftReview, Outcome, Review, ReviewRow
from opstui.core.documents import (
    DOCUMENTS,
    CitationKind,
    Document,
    Finding,
    citations_of,
    claims_of,
    kind_of,
)
from opstui.core.draft_limits import who_reads
from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.errors import Conflict, Refused
from opstui.core.knowledge import Page
from opstui.core.merge import FieldState, overlaps, three_way
from opstui.core.ports import Paper, RecordWriter
from opstui.core.push_steps import split
from opstui.core.sources import SourceSet
from opstui.core.taxonomy import KINDS
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, Ticket, TicketRef, TimelineEntry, Visibility
from opstui.core.workflows import policy_findings, refused_by_policy
from opstui.services.drafting import Drafting
from opstui.services.refresh import Refresher
from opstui.services.reviewed import that_still_matter
from opstui.services.setup import Setup

NOT_A_JUDGEMENT = frozenset(("policy", "empty", "empty-comment"))
"""Checks that no reason answers: what a workflow may do is a rule, and nothing is nothing."""


class Reviewing:
    """Reads a draft against the ticket as it is now."""

    def __init__(self, setup: Setup, refresher: Refresher, drafting: Drafting) -> None:
        self._setup = setup
        self._refresher = refresher
        self._drafting = drafting
        self._sent: tuple[tuple[str, int, str], Draft] | None = None
        self._words: tuple[tuple[str, int, str], tuple[Document, Document]] | None = None

    def review(self, question: DraftReview) -> Review:
        """See ``DraftReview``."""
        return self._review(self._drafting.draft(question.id))

    def _review(self, draft: Draft) -> Review:
        setup = self._setup
        ticket = self._refresher.cached_or_read(draft.ticket)
        findings, claims, ok = self.check(draft, ticket)
        rows = tuple(self._rows(draft, ticket))
        settled = not draft.conflicts and not any(row.conflict for row in rows)
        blocked = any(finding.blocks for finding in findings) or not settled
        files = {op.file.sha256: setup.record.file(op.file.sha256) or b"" for op in draft.ops if op.file is not None}
        return Review(
            draft=draft,
            rows=rows,
            findings=tuple(findings),
            claims=tuple(claims),
            claims_ok=ok,
            base_version=draft.base_version,
            # What a list calls a state is not to be compared with what the ticket itself does.
            now_version=ticket.version if ticket.complete else draft.base_version,
            overlaps=self._overlaps(draft, ticket),
            audience=self._audience(draft),
            tells=(),
            fingerprint=draft.fingerprint
            or (None if blocked or not draft.state.is_open else fingerprint(self._payload(draft, files))),
            files=tuple((op.file.name, op.file.size, op.file.sha256) for op in draft.ops if op.file is not None),
            push=next(reversed(setup.record.pushes(draft=draft.id)), None),
            editing=self._drafting.edited_elsewhere(draft.id),
            titles=self._titles(draft),
        )

    def _titles(self, draft: Draft) -> Mapping[str, str]:
        """What the taxonomy calls the values that a triage chose."""
        document = draft.document or {}
        if document.get("head", {}).get("document") != "Triage":
            return {}
        taxonomy = self._setup.taxonomy()
        chosen = {kind: (document.get(kind) or {}).get("value") for kind in KINDS}
        terms = {f"{kind}:{value}": taxonomy.resolve(kind, value) for kind, value in chosen.items() if value}
        return {key: term.title for key, term in terms.items() if term is not None and term.title}

    def confirm(self, question: Confirm) -> Confirmation:
        """See ``Confirm``: everything shown is read back out of the bytes."""
        review = self.review(DraftReview(question.id))
        draft = review.draft
        self._refuse_unless_ready(review)
        files = self._files(draft)
        content = self._payload(draft, files)
        approved = approval.read_payload(content)
        ticket = self._refresher.cached_or_read(approved.ticket)
        comment = approved.comment
        return Confirmation(
            draft=draft.id,
            rev=draft.rev,
            payload=content,
            fingerprint=fingerprint(content),
            system=approved.system,
            origin=approved.origin,
            ticket=approved.ticket,
            title=ticket.title,
            severity=ticket.severity,
            operator=approved.operator,
            rows=approval.rows(approved),
            comment=approval.shown(str(comment.to)) if comment is not None else None,
            public=approved.public,
            files=tuple((approval.shown(file.name), file.size, file.sha256) for file in approved.files),
            tells=review.tells,
            overlaps=tuple(
                f"{entry.author} {entry.kind.value}: {clean_line(entry.text, limit=80)}" for entry in review.overlaps
            ),
            overridden=tuple(
                f"{finding.id}: {finding.overridden}" for finding in review.findings if finding.overridden
            ),
            needs_key_suffix=approval.needs_key_suffix(approved, ticket.severity),
            account=self._refresher.account(approved.system),
            audience=review.audience,
            steps=len(split(approved.operations, self._setup.systems[approved.system].capabilities.steps)),
        )

    def approve(self, command: ApproveDraft) -> Outcome[Draft]:
        """See ``ApproveDraft``. The audit row, the outbox row and the draft's state are one transaction."""
        setup = self._setup
        draft = self._drafting.draft(command.id)
        if draft.state in (DraftState.APPROVED, DraftState.PUSHING, DraftState.PUSHED):
            raise Refused(f"the draft is {draft.state.value} already; nothing was changed", reason="used")
        ticket = self._refresher.fresh_or_cached(draft.ticket)
        conflict = self._drafting.note_conflict(draft, ticket)
        if conflict is not None:
            raise conflict
        if command.overrides:
            draft = self._drafting.overridden(draft, command.overrides, ticket)
        self._refuse_unless_ready(self._review(draft))
        forbidden = refused_by_policy(draft, setup.workflows.get(draft.workflow or ""), by=setup.operator)
        if forbidden is not None:
            raise Refused(f"{forbidden}. Nothing was changed", reason="policy")
        content = self._payload(draft, self._files(draft))
        approved = approval.check_fingerprint(command.fingerprint, content)
        now = setup.clock.now()
        labelled = self._labelled(draft, ticket)

        def save(record: RecordWriter) -> Draft:
            for push in record.pushes(draft=draft.id):
                if push.fingerprint == approved and push.sent_at is not None:
                    raise Refused("this approval was used before; change the draft to send it again", reason="used")
            stored = record.put_draft(
                draft_rules.approve(draft, fingerprint=approved, by=setup.operator, now=now),
                expected_rev=draft.rev,
            )
            for paper in labelled:
                record.put_paper(paper, expected_rev=None)
            row = record.add_audit(
                AuditEntry(
                    at=now,
                    operator=setup.operator,
                    actor="operator",
                    action="draft.approve",
                    ticket=str(draft.ticket),
                    session=draft.session,
                    draft=draft.id,
                    workflow_version=draft.workflow_version,
                    content_hash=approved,
                    override_reason=", ".join(f"{check}={why}" for check, why in sorted(draft.overrides.items()))
                    or None,
                )
            )
            record.put_push(
                PushRecord(
                    id=draft.op_id,
                    draft=draft.id,
                    system=draft.ticket.system,
                    ticket=draft.ticket,
                    payload=content,
                    fingerprint=approved,
                    step=StepState.PLANNED,
                    approved_at=now,
                    expires_at=approval.expires_at(now),
                    audit_head=row.hash,
                )
            )
            return stored

        return Outcome(setup.record.write(save))

    # --- checks

    def check(self, draft: Draft, ticket: Ticket) -> tuple[list[Finding], list[Any], int]:
        """Every finding about a draft, its claims, and how many of those are cited and found."""
        setup = self._setup
        findings: list[Finding] = []
        claims: list[Any] = []
        ok = 0
        comment = draft.comment()
        sources = SourceSet(ticket)
        moments: tuple[datetime, ...] = ()
        kind = DOCUMENTS.get(str((draft.document or {}).get("head", {}).get("document", "")))
        if draft.document is not None and kind is not None:
            document, drafted = self._with_true_words(decode(kind, draft.document), draft, ticket)
            sources = self._sources(document, ticket)
            # The gate is for what is really sent: it looks at the comment, below.
            about = [
                found for found in check_document(document, sources, ticket) if not found.id.startswith("outward:")
            ]
            moments = tuple(kind_of(document).moments(document))
            claims = claims_of(document)
            broken = {finding.claim for finding in about if finding.level == "block" and finding.claim}
            ok = sum(1 for claim in claims if claim.id not in broken)
            workflow = setup.workflows.get(draft.workflow or "")
            commented = workflow is not None and "/comment" in workflow.fields
            findings += that_still_matter(about, drafted, draft, commented=commented)
        if comment is not None:
            findings += check_comment(
                str(getattr(self._as_sent(draft, ticket).comment(), "to", "") or ""),
                sources,
                ticket,
                public=comment.visibility is not Visibility.INTERNAL,
                own_words=comment.origin.value == "operator",
                now=setup.clock.now(),
                moments=moments,
            )
        findings += policy_findings(draft, setup.workflows.get(draft.workflow or ""))
        if not draft.ops:
            findings.append(Finding(id="empty", level="block", text="nothing would be changed: the draft is empty"))
        if comment is not None and not str(comment.to or "").strip():
            findings.append(Finding(id="empty-comment", level="block", text="the comment is empty"))
        answered = {check: why for check, why in draft.overrides.items() if check not in NOT_A_JUDGEMENT}
        return [replace(item, overridden=answered.get(item.id)) for item in findings], claims, ok

    def _labelled(self, draft: Draft, ticket: Ticket) -> list[Paper]:
        """What a person answered to checks, to be kept as labelled cases with the approval that it is part of."""
        if not draft.overrides:
            return []
        from opstui.services.labelled import labels

        document, sources = None, SourceSet(ticket)
        kind = DOCUMENTS.get(str((draft.document or {}).get("head", {}).get("document", "")))
        if draft.document is not None and kind is not None:
            document, _ = self._with_true_words(decode(kind, draft.document), draft, ticket)
            sources = self._sources(document, ticket)
        findings, _, _ = self.check(draft, ticket)
        return labels(self._setup, draft, ticket, document, sources, findings)

    def _with_true_words(self, document: Document, draft: Draft, ticket: Ticket) -> tuple[Document, Document]:
        """What was hidden from the runtime turned back: for the checks, and as the draft's words came from it."""
        session = self._setup.record.session(draft.session) if draft.session is not None else None
        if session is None or session.runtime_kind == "extractive":
            return document, document
        key, kept = (draft.id, draft.rev, ticket.version), self._words
        if kept is None or kept[0] != key:
            from opstui.services.redaction import true_words

            # Kept for the draft that is being looked at: it is asked for with every key.
            self._words = kept = key, true_words(self._setup, session, document, ticket)
        return kept[1]

    def _sources(self, document: Document, ticket: Ticket) -> SourceSet:
        setup = self._setup
        pages: dict[str, Page] = {}
        others: dict[TicketRef, Ticket] = {}
        for citation in citations_of(document):
            if citation.kind is CitationKind.DOC and citation.ref not in pages:
                page = setup.knowledge.page(citation.ref)
                if page is not None:
                    pages[citation.ref] = page
            elif citation.ref.startswith(f"{BOARD_SYSTEM}:"):
                continue
            elif citation.kind is CitationKind.ENTRY and ":" in citation.ref:
                ref = TicketRef.parse(citation.ref.rpartition("#")[0])
                other = setup.cache.ticket(ref)
                if other is not None and ref != ticket.ref:
                    others[ref] = other[0]
        if any(citation.ref.startswith(f"{BOARD_SYSTEM}:") for citation in citations_of(document)):
            from opstui.services.board import cited_board

            board = cited_board(setup, document)
            if board is not None:
                others[board.ref] = board
        return SourceSet(ticket, pages=pages.values(), tickets=others.values())

    # --- parts

    def _rows(self, draft: Draft, ticket: Ticket) -> list[ReviewRow]:
        merged = three_way(None, ticket, draft.ops)
        rows = []
        for item in merged:
            by, at = last_change(ticket, item.path, after=int(draft.base.get("#entries") or 0))
            rows.append(
                ReviewRow(
                    path=item.path,
                    op=draft.ops[item.index],
                    when_drafted=item.base,
                    now=item.now,
                    yours=item.yours,
                    conflict=item.state is FieldState.CONFLICT,
                    done_already=item.state is FieldState.DONE,
                    changed_by=by,
                    changed_at=at,
                )
            )
        return rows

    def _refuse_unless_ready(self, review: Review) -> None:
        draft = review.draft
        if not draft.state.is_open:
            raise Refused(f"the draft is {draft.state.value}; there is nothing to confirm")
        if draft.state is DraftState.NEEDS_HUMAN:
            raise Refused(
                "it is unknown whether the last push arrived: look at the ticket, then settle the draft first"
            )
        conflicts = [row for row in review.rows if row.conflict]
        if conflicts or draft.conflicts:
            paths = ", ".join(dict.fromkeys([row.path for row in conflicts] + list(draft.conflicts)))
            raise Conflict(
                f"{draft.ticket}: {paths} changed on the ticket since the draft was made. "
                "The draft is kept: take theirs or mine for each",
                ticket=str(draft.ticket),
                field=paths,
            )
        blocking = [finding for finding in review.findings if finding.blocks]
        if blocking:
            raise Refused(
                "a check blocks: " + "; ".join(f"{finding.id}: {finding.text}" for finding in blocking[:3])
                + ". The draft is kept: mend it, or override with a reason",
                reason="check",
            )  # fmt: skip

    def _overlaps(self, draft: Draft, ticket: Ticket) -> tuple[TimelineEntry, ...]:
        base = int(draft.base.get("#entries") or 0)
        own = (self._setup.operator, self._refresher.account(draft.ticket.system))
        return overlaps(base, ticket, op_id=draft.op_id, own=own)

    def _audience(self, draft: Draft) -> str:
        comment = draft.comment()
        if comment is None:
            return ""
        capabilities = self._setup.systems[draft.ticket.system].capabilities
        public = comment.visibility is not Visibility.INTERNAL
        return f"{'public' if public else 'internal'} · {who_reads(capabilities, public=public)}"

    def _payload(self, draft: Draft, files: Mapping[str, bytes]) -> bytes:
        sent = self._as_sent(draft, self._refresher.cached_or_read(draft.ticket))
        return approval.payload(sent, origin=self._setup.systems[draft.ticket.system].origin, files=files)

    def _as_sent(self, draft: Draft, ticket: Ticket) -> Draft:
        """The draft with the ticket's own secrets back in an agent's words, as its bytes have them."""
        if draft.session is None or "⟦S:" not in str(getattr(draft.comment(), "to", "")):
            return draft
        key, kept = (draft.id, draft.rev, ticket.version), self._sent
        if kept is None or kept[0] != key:
            from opstui.services.redaction import as_sent

            self._sent = kept = key, as_sent(self._setup, draft, ticket)
        return replace(draft, ops=kept[1].ops)

    def _files(self, draft: Draft) -> dict[str, bytes]:
        found = {}
        for op in draft.ops:
            if op.file is not None:
                content = self._setup.record.file(op.file.sha256)
                if content is None:
                    raise Refused(f"{clean_line(op.file.name)}: its content is gone; attach it again")
                found[op.file.sha256] = content
        return found


def last_change(ticket: Ticket, path: str, *, after: int) -> tuple[str | None, Any]:
    """Who changed a field since entry ``after``, and when, as far as the timeline tells."""
    word = path.strip("/").rpartition("/")[2].casefold()
    kinds = {"/status": "status", "/assignee": "assign"}
    for entry in reversed(ticket.timeline):
        if entry.number <= after:
            break
        if entry.kind.value == kinds.get(path) or (entry.kind.value == "field" and word in entry.text.casefold()):
            return str(entry.author), entry.at
    return None, None
