"""The scripted desk with drafts on it: edits, confirmations and approvals by the core's own rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

from opstui.core import approval, desk as d, draft_rules
from opstui.core.audit import AuditRecord
from opstui.core.canonical import fingerprint
from opstui.core.documents import Citation, CitationKind, Claim, ClaimStatus, Confidence, Finding
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftState, Origin, PushRecord, StepState
from opstui.core.errors import Conflict, OpstuiError, Refused, StaleRevision
from opstui.core.merge import FieldState, overlaps, three_way
from opstui.core.ports import Editing, Probe
from opstui.core.shifts import Shift
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from tests.tui.scripted_desk import NOW, ScriptedDesk

NET = TicketRef("local", "NET-87")
SUMMARY = (
    "DNS lookups from the build agents have failed intermittently since 03:08 [1]. A restart of node-local-dns on "
    "agents-3 did not help [2]. The runbook's next step, upstream resolver health, has not been tried [3].\n\n"
    "Next: compare 10.0.3.3 (900 ms) with 10.0.3.2 (4 ms)."
)


def _cite(number: int, start: int = 1, end: int = 1) -> Citation:
    return Citation(CitationKind.ENTRY, f"NET-87#{number}", start, end)


CLAIMS = (
    Claim(
        "c1",
        "Lookups from the build agents fail since 03:08.",
        ClaimStatus.FACT,
        Confidence.HIGH,
        (_cite(1, 1, 2), _cite(3)),
    ),
    Claim(
        "c2",
        "A restart of node-local-dns on agents-3 did not help.",
        ClaimStatus.REPORTED,
        Confidence.MEDIUM,
        (_cite(2),),
    ),
    Claim("c3", "Whether upstream resolvers are healthy is not known.", ClaimStatus.UNKNOWN),
    Claim("c4", "The errors stopped at 03:40 after the restart.", ClaimStatus.REPORTED, Confidence.LOW, (_cite(2),)),
)
WARN = Finding(id="M2-number", level="warn", text='"about 12 %": the source says "12 %"', claim="c1", citation=_cite(1))
BLOCK = Finding(
    id="M2:c4", level="block", text="the time 03:40 does not stand in the cited lines", claim="c4", citation=_cite(2)
)


class DraftDesk(ScriptedDesk):
    """``findings`` are what the checks say of every draft."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: tuple[Finding, ...] = (WARN,)
        self.claims: tuple[Claim, ...] = CLAIMS[:3]
        self.pushes: dict[str, PushRecord] = {}
        self.editing: Editing | None = None
        self.approved: list[str] = []
        self.tells = ("dana", "miguel")
        self.read_twice: dict[str, int] = {}
        self.audit = tuple(_record(number) for number in range(1, 41))
        self.health = d.AuditHealth(ok=True, rows=40, first_broken=None)
        self.log: tuple[SafeText, ...] = tuple(
            SafeText(f"03:14:{n:02d} info  refresh local 0 changed") for n in range(30)
        )
        self.slow: Event | None = None
        """Until it is set, what is asked over the network is not answered."""
        self.slow_probes: tuple[Probe, ...] = ()
        self.probes: tuple[Probe, ...] = (
            Probe("config", "pass", "no file; the empty local system", ""),
            Probe("tickets.local", "pass", "39 tickets, 12 kB", ""),
            Probe(
                "knowledge.runbooks",
                "warn",
                "2 pages are not UTF-8 and were read with replacements",
                "iconv -t utf-8 them",
            ),
            Probe("store", "fail", "desk.db is newer than this program", "install the version that wrote it"),
        )

    def new(
        self, changes: DraftChanges | None = None, *, ref: TicketRef = NET, origin: Origin = Origin.AGENT, **fields: Any
    ) -> Draft:
        """A draft as a session leaves it."""
        made = draft_rules.new_draft(
            self.tickets[ref],
            draft_id=f"D{len(self.drafts) + 1}",
            op_id=f"01JOP{len(self.drafts)}",
            operator="alex",
            now=NOW,
            origin=origin,
        )
        wanted = changes or DraftChanges(comment=SUMMARY, set={"/status": "investigating", "/assignee": "alex"})
        made = self._edited(made, wanted, origin)
        if origin is Origin.AGENT:
            made = replace(made, workflow="incident-summary", engine="extractive")
        made = replace(made, rev=1, **fields)
        self.drafts[made.id] = made
        self.ring("draft", made.id)
        return made

    def _edited(self, draft: Draft, changes: DraftChanges, origin: Origin = Origin.OPERATOR) -> Draft:
        return draft_rules.edit(
            draft,
            changes,
            self.tickets[draft.ticket],
            capabilities=self.facts.capabilities[draft.ticket.system],
            transitions=("investigating", "waiting", "resolved"),
            origin=origin,
            now=self.clock,
            op_id=f"op{draft.rev}",
        )

    def elsewhere(self, draft_id: str, changes: DraftChanges) -> None:
        """Somebody else edits the draft."""
        self._save(self._edited(self.drafts[draft_id], changes))

    def _save(self, draft: Draft) -> Draft:
        saved = replace(draft, rev=draft.rev + 1, updated_at=self.clock)
        self.drafts[draft.id] = saved
        self.ring("draft", draft.id, saved.rev)
        return saved

    def step(self, draft_id: str, state: DraftState, step: StepState, **fields: Any) -> None:
        """The push goes on."""
        self.pushes[draft_id] = replace(self.pushes[draft_id], step=step, **fields)
        self._save(replace(self.drafts[draft_id], state=state))

    def ask(self, question: d.Question[Any]) -> Any:
        match question:
            case d.DraftReview():
                return self._review(self._get(self.drafts, question.id))
            case d.Confirm():
                return self._confirm(self._get(self.drafts, question.id))
            case d.Drafts():
                found = [x for x in reversed(self.drafts.values()) if question.ticket in (None, x.ticket)]
                return tuple(x for x in found if question.states is None or x.state in question.states)
            case d.AuditWindow():
                rows = [row for row in reversed(self.audit) if not question.before or row.seq < question.before]
                return tuple(rows[: question.count])
            case d.VerifyAudit():
                return self.health
            case d.LogTail():
                return self.log
            case d.Doctor():
                if question.offline or self.slow is None:
                    return self.probes
                self.slow.wait(5)
                return (*self.probes, *self.slow_probes)
            case d.ShiftTotals():
                return shift_view(self, question.back)
        return super().ask(question)

    def do(self, command: d.Command[Any]) -> d.Outcome[Any]:
        try:
            done = self._do(command)
        except OpstuiError as error:
            self.commands.append(command)
            return d.Outcome(error=error)
        if done is None:
            return super().do(command)
        self.commands.append(command)
        return done

    def _do(self, command: d.Command[Any]) -> d.Outcome[Any] | None:
        if self.fail is not None and not isinstance(command, d.KeepViewState):
            raise self.fail
        match command:
            case d.EditDraft():
                draft = self._get(self.drafts, command.id)
                if command.rev is not None and command.rev != draft.rev:
                    raise StaleRevision("the draft was saved elsewhere", current=draft.rev)
                return d.Outcome(self._save(self._edited(draft, command.changes)))
            case d.ApproveDraft():
                draft = self._get(self.drafts, command.id)
                confirmation = self._confirm(draft)
                if confirmation.fingerprint != command.fingerprint:
                    raise Refused("the fingerprint is not that of this draft")
                self.approved.append(command.id)
                self.pushes[command.id] = PushRecord(
                    id=draft.op_id,
                    draft=draft.id,
                    system="local",
                    ticket=draft.ticket,
                    payload=confirmation.payload,
                    fingerprint=command.fingerprint,
                    step=StepState.PLANNED,
                    approved_at=self.clock,
                    expires_at=self.clock + timedelta(minutes=15),
                )
                return d.Outcome(
                    self._save(draft_rules.approve(draft, fingerprint=command.fingerprint, by="alex", now=self.clock))
                )
            case d.NoteDraft():
                return d.Outcome(self._save(replace(self._get(self.drafts, command.id), note=command.note)))
            case d.DiscardDraft():
                return d.Outcome(
                    self._save(draft_rules.discard(self._get(self.drafts, command.id), op_id="x", now=self.clock))
                )
            case d.RestoreDraft():
                return d.Outcome(self._save(draft_rules.restore(self._get(self.drafts, command.id), now=self.clock)))
            case d.SettleDraft():
                draft = self._get(self.drafts, command.id)
                return d.Outcome(
                    self._save(draft_rules.settle_human(draft, command.applied, None, op_id="y", now=self.clock))
                )
            case d.OpenDraft():
                if command.take_over:
                    self.editing = None
                return d.Outcome(self.editing)
            case d.CloseDraft():
                return d.Outcome()
        return None

    def _review(self, draft: Draft) -> d.Review:
        ticket = self.tickets[draft.ticket]
        rows = tuple(
            d.ReviewRow(
                path=item.path,
                op=draft.ops[item.index],
                when_drafted=item.base,
                now=item.now,
                yours=item.yours,
                conflict=item.state is FieldState.CONFLICT,
                done_already=item.state is FieldState.DONE,
                changed_by="miguel" if item.now != item.base else None,
                changed_at=self.clock - timedelta(minutes=2) if item.now != item.base else None,
            )
            for item in three_way(None, ticket, draft.ops)
        )
        findings = tuple(replace(item, overridden=draft.overrides.get(item.id)) for item in self.findings)
        comment = draft.comment()
        public = comment is not None and comment.visibility is not None and comment.visibility.value == "public"
        return d.Review(
            draft=draft,
            rows=rows,
            findings=findings,
            claims=self.claims,
            claims_ok=len(self.claims) - sum(1 for item in findings if item.level == "block"),
            base_version=draft.base_version,
            now_version=ticket.version,
            overlaps=overlaps(int(draft.base.get("#entries") or 0), ticket, op_id=draft.op_id, own=("alex",)),
            audience=""
            if comment is None
            else "public · the requester sees it"
            if public
            else "internal · 14 agents see it",
            tells=self.tells,
            fingerprint=None,
            files=tuple((op.file.name, op.file.size, op.file.sha256) for op in draft.ops if op.file is not None),
            push=self.pushes.get(draft.id),
            editing=self.editing,
        )

    def _confirm(self, draft: Draft) -> d.Confirmation:
        review = self._review(draft)
        if any(row.conflict for row in review.rows):
            raise Conflict(
                "NET-87: /assignee changed on the ticket since the draft was made",
                ticket="local:NET-87",
                field="/assignee",
            )
        if any(item.blocks for item in review.findings):
            raise Refused("a check blocks: " + "; ".join(item.text for item in review.findings if item.blocks))
        files = {op.file.sha256: b"x" * op.file.size for op in draft.ops if op.file is not None}
        content = approval.payload(draft, origin="local:desk", files=files)
        approved = approval.read_payload(content)
        ticket = self.tickets[draft.ticket]
        return d.Confirmation(
            draft=draft.id,
            rev=draft.rev,
            payload=content,
            fingerprint=fingerprint(content),
            system="local",
            origin="local:desk",
            ticket=draft.ticket,
            title=ticket.title,
            severity=ticket.severity,
            operator="alex",
            rows=approval.rows(approved),
            comment=approval.shown(str(approved.comment.to)) if approved.comment is not None else None,
            public=approved.public,
            files=review.files,
            tells=self.tells,
            overlaps=tuple(f"{e.author} {e.kind.value}: {e.text}" for e in review.overlaps),
            overridden=tuple(f"{f.id}: {f.overridden}" for f in review.findings if f.overridden),
            needs_key_suffix=approval.needs_key_suffix(approved, ticket.severity),
        )


def _record(number: int) -> AuditRecord:
    action = ("session.start", "draft.create", "draft.approve", "push.verified")[number % 4]
    return AuditRecord(
        at=NOW - timedelta(minutes=3 * (40 - number)),
        operator="alex",
        actor="agent" if number % 4 == 1 else "operator",
        action=action,
        ticket="local:NET-87",
        session="S1",
        draft="D1",
        content_hash=f"{number:064x}",
        seq=number,
        previous=f"{number - 1:064x}",
        hash=f"{number * 7919:064x}",
        detail="2 documents" if number % 4 == 0 else None,
    )


def shift_view(desk: DraftDesk, back: int) -> d.ShiftView:
    """A shift with what the sessions of the desk cost."""
    start = NOW.replace(hour=20, minute=0, second=0) - timedelta(days=1, hours=12 * back)
    sessions = tuple(desk.sessions.values()) if back == 0 else ()

    def sums(label: str, count: int, estimate: int) -> d.LedgerLine:
        return d.LedgerLine(
            label=label,
            sessions=count,
            running_ms=72_000 * count,
            tokens=9_400 * count,
            estimate=estimate,
            reported=estimate * 9 // 10,
        )

    return d.ShiftView(
        shift=Shift(start, start + timedelta(hours=12), "Day" if back % 2 else "Night"),
        current=back == 0,
        operators=("alex", "dana"),
        total=sums("total", len(sessions), 1_840_000 if back == 0 else 0),
        limit=25_000_000,
        ceiling=40_000_000,
        spent=1_840_000 if back == 0 else 0,
        compared=2 if back == 0 else 0,
        error_percent=Decimal("1.8") if back == 0 else None,
        rates_dated=date(2026, 11, 1),
        forecast=2_900_000 if back == 0 else None,
        by={
            "workflow": (
                sums("incident-summary", 3, 910_000),
                sums("escalation-package", 2, 520_000),
                sums("triage", 1, 130_000),
            ),
            "ticket": (sums("local:NET-87", 2, 910_000), sums("local:DB-311", 1, 212_000)),
            "operator": (sums("alex", 5, 1_700_000), sums("dana", 1, 140_000)),
            "runtime": (sums("offline", 6, 1_840_000),),
            "hour": tuple(
                sums(f"{(20 + n) % 24:02d}:00", 1, amount)
                for n, amount in enumerate((100, 300, 100, 100, 900, 1400, 700, 200))
            ),
        }
        if back == 0
        else {},
        sessions=sessions,
        verdicts={session.id: "accepted, 2 edits" for session in sessions},
        accepted=11,
        edited=5,
        rejected=2,
    )


__all__ = ["BLOCK", "CLAIMS", "COMMENT_PATH", "NET", "SUMMARY", "WARN", "DraftDesk"]
