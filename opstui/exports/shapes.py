"""The JSON shapes of the command line. Fields may be added, never renamed.

Times are RFC 3339 in UTC, money is a decimal string of US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from opstui.core.audit import AuditRecord
from opstui.core.codec import decode, encode, timestamp
from opstui.core.desk import (
    AuditHealth,
    Drift,
    ImportReport,
    LedgerLine,
    Observed,
    Review,
    ShiftView,
    SimilarTicket,
    SourceStanding,
    TicketView,
)
from opstui.core.drafts import Draft, DraftOp, DraftState, OpKind, PushRecord
from opstui.core.knowledge import Hit
from opstui.core.money import dollars
from opstui.core.ports import Probe
from opstui.core.queues import QueueState
from opstui.core.sessions import AgentState, Cost, Session, SessionEvent, SessionStatus, live
from opstui.core.tickets import TimelineEntry

Json = dict[str, Any]


def money(amount: int | None) -> str | None:
    """Micro-dollars as ``"0.0866"``; exact, so up to six decimals."""
    return None if amount is None else dollars(amount, places=6)


def when(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC: whole seconds, or six digits of a second."""
    if moment is None or not moment.microsecond:
        return None if moment is None else timestamp(moment)
    return f"{timestamp(moment.replace(microsecond=0))[:-1]}.{moment.microsecond:06d}Z"


def queue(state: QueueState) -> Json:
    """Queue."""
    return {
        "name": state.name,
        "system": state.system,
        "state": state.state.value,
        "open": state.open,
        "unseen": state.unseen,
        "fetched_at": when(state.fetched_at),
        "again_at": when(state.again_at),
        "error": state.error,
    }


def ticket(view: TicketView) -> Json:
    """Ticket, whole, with its timeline."""
    found = view.ticket
    return {
        "ref": str(found.ref),
        "title": found.title,
        "body": found.body,
        "status": {"raw": found.status.raw, "category": found.status.category.value},
        "severity": found.severity,
        "priority": found.priority,
        "assignees": list(found.assignees),
        "team": found.team,
        "services": list(found.services),
        "tags": list(found.tags),
        "fields": dict(found.fields),
        "created_at": when(found.created_at),
        "updated_at": when(found.updated_at),
        "due_at": when(found.due_at),
        "url": found.url,
        "version": found.version,
        "state": view.state,
        "error": view.error,
        "fetched_at": when(view.fetched_at),
        "timeline": [entry(item) for item in found.timeline],
        "complete": found.complete,
        "attachments": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in found.attachments],
    }


def similar(one: SimilarTicket) -> Json:
    """A ticket that may be about the same as another."""
    return {
        "ref": str(one.ref),
        "title": one.title,
        "score": one.score,
        "shared": list(one.shared),
        "status": {"raw": one.status.raw, "category": one.status.category.value},
        "strength": "strong" if one.strong else "weak",
        "reason": one.reason,
        "verdict": one.verdict,
        "by": one.by,
        "at": when(one.at),
    }


def drift(found: Drift) -> Json:
    """Something that the config names and that is not there."""
    return {"check": found.check, "subject": found.subject, "text": found.text, "count": found.count}


def entry(item: TimelineEntry) -> Json:
    """One entry of a ticket's timeline."""
    return {
        "id": item.id,
        "at": when(item.at),
        "author": item.author,
        "kind": item.kind.value,
        "visibility": item.visibility.value,
        "text": item.text,
    }


def cost(spent: Cost, now: datetime | None = None) -> Json:
    """Cost; with ``now`` a stretch of running that is still open is in it."""
    spent = spent if now is None else live(spent, now)
    usage = spent.usage
    return {
        "estimate": money(spent.estimate),
        "reported": money(spent.reported),
        "shown": money(spent.shown),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "running_seconds": round(usage.running_ms / 1000, 3),
        "budget": money(spent.budget),
        "unknown_model": spent.unknown_model,
    }


def session(run: Session, now: datetime | None = None) -> Json:
    """Session, with its document inside; its cost as of ``now``, else as it was last recorded."""
    return {
        "id": run.id,
        "workflow": run.workflow,
        "workflow_version": run.workflow_version,
        "ticket": str(run.ticket),
        "ticket_version": run.ticket_version,
        "runtime": run.runtime,
        "runtime_kind": run.runtime_kind,
        "model": run.model,
        "status": run.status.value,
        "stop_reason": run.stop_reason,
        "created_at": when(run.created_at),
        "started_at": when(run.started_at or run.created_at),
        "ended_at": when(run.ended_at),
        "operator": run.operator,
        "cost": cost(run.cost, now),
        "document": run.document,
        "draft": run.draft,
        "remote_id": run.remote_id,
    }


def event(happened: SessionEvent, run: Session) -> Json:
    """One line of ``run --events``; ``run`` is the session as it is now."""
    data: Mapping[str, Any] = happened.data
    if happened.type == "session.started":
        data = {"session": session(as_started(run, happened.at))}
    elif happened.type == "session.ended":
        data = {"session": session(run)}
    elif happened.type == "usage":
        data = {"cost": cost(decode(Cost, happened.data["cost"]), happened.at)}
    elif happened.type == "text":
        data = {"id": happened.remote_id.removeprefix("text:"), **data}
    return {"type": happened.type, "at": when(happened.at), **data}


def preview(remote_id: str, text: str, at: datetime) -> Json:
    """A line of ``run --events`` for what the agent is just saying: all of it so far, until the whole text follows."""
    return {"type": "text", "at": when(at), "id": remote_id.removeprefix("text:"), "text": text, "partial": True}


def as_started(run: Session, at: datetime) -> Session:
    """The session as it was at its start, whatever has become of it since."""
    return replace(
        run,
        status=SessionStatus.STARTING,
        stop_reason=None,
        started_at=at,
        ended_at=None,
        cost=Cost(budget=run.cost.budget),
        document=None,
        draft=None,
        remote_id=None,
    )


def agent(state: AgentState) -> Json:
    """How a workflow's agent stands at a remote runtime."""
    return {
        "runtime": state.runtime,
        "workflow": state.workflow,
        "version": state.version,
        "state": state.state,
        "remote_id": state.remote_id,
        "remote_version": state.remote_version,
        "text": state.text,
    }


def operation(op: DraftOp) -> Json:
    """One operation of a draft."""
    shown: Json = {"op": op.op.value, "path": op.path, "from": op.before, "to": op.to, "origin": op.origin.value}
    if op.op is OpKind.COMMENT:
        shown["visibility"] = op.visibility.value if op.visibility else "internal"
    if op.file is not None:
        shown["to"] = {"name": op.file.name, "size": op.file.size, "sha256": op.file.sha256}
    return encode(shown)  # type: ignore[no-any-return]


def draft(review: Review) -> Json:
    """Draft, with what the checks say of it and the fingerprint that approves it."""
    found = review.draft
    approved = found.fingerprint if found.state in (DraftState.APPROVED, DraftState.PUSHING) else None
    return {
        "id": found.id,
        "ticket": str(found.ticket),
        "state": found.state.value,
        "rev": found.rev,
        "base_version": found.base_version,
        "now_version": review.now_version,
        "ops": [operation(op) for op in found.ops],
        "checks": [
            {"id": finding.id, "level": finding.level, "text": finding.text, "overridden": finding.overridden}
            for finding in review.findings
        ],
        "conflicts": list(found.conflicts),
        "fingerprint": approved or review.fingerprint,
        "session": found.session,
        "workflow": found.workflow,
        "operator": found.operator,
        "note": found.note,
        "created_at": when(found.created_at),
        "updated_at": when(found.updated_at),
    }


def hit(found: Hit) -> Json:
    """Hit."""
    return {
        "doc": found.doc,
        "title": found.title,
        "score": round(found.score, 4),
        "line_start": found.line_start,
        "line_end": found.line_end,
        "text": found.text,
        "strength": found.strength.value,
    }


def knowledge_source(found: SourceStanding) -> Json:
    """Source: a row of the registry of approved sources."""
    entry = found.entry
    return {
        "name": entry.name,
        "kind": entry.kind,
        "where": entry.where,
        "owner": entry.owner,
        "review_by": entry.review_by.isoformat() if entry.review_by else None,
        "overdue": found.is_overdue,
        "pages": found.pages,
        "overdue_pages": found.overdue_pages,
        "poll_seconds": entry.poll_seconds,
        "writable": entry.writable,
        "answered_at": when(found.answered_at),
        "error": found.fault,
    }


def push(record: PushRecord, of: Draft) -> Json:
    """Push; ``state`` is the draft's."""
    return {
        "draft": record.draft,
        "ticket": str(record.ticket),
        "state": of.state.value,
        "attempts": record.attempts,
        "remote_id": record.remote_id,
        "overlaps": [dict(overlap) for overlap in record.overlaps],
        "already": list(record.already),
        "notes": list(record.notes),
        "steps": _push_steps(record),
        "error": record.error,
    }


def _push_steps(record: PushRecord) -> list[Json]:
    """What each request carries; empty until the first of them is planned."""
    if not record.steps:
        return []
    from opstui.core.approval import read_payload

    # The draft's operations may have changed since; what was approved can't.
    operations = read_payload(record.payload).operations
    return [
        {
            "what": list(dict.fromkeys(operations[index].path for index in step.ops)),
            "state": record.state_of(at).value,
            "attempts": step.attempts,
            "remote_id": step.remote_id,
        }
        for at, step in enumerate(record.steps)
    ]


def import_report(report: ImportReport) -> Json:
    """What an import did, with the number of each bad line."""
    return {
        "imported": report.imported,
        "skipped": report.skipped,
        "errors": [{"line": line, "error": problem} for line, problem in report.errors],
    }


def observed(seen: Observed) -> Json:
    """What files of telemetry show, and where it is now."""
    return {
        "observations": [
            {"text": one.text, "start": when(one.start), "end": when(one.end), "lines": list(one.lines)}
            for one in seen.observations
        ],
        "entries": list(seen.entries),
        "draft": seen.draft,
        "known": seen.known,
        "left_out": seen.left_out,
        "notes": list(seen.notes),
    }


def audit_health(health: AuditHealth) -> Json:
    """Whether the chain holds."""
    return {"ok": health.ok, "rows": health.rows, "first_broken": health.first_broken, "reason": health.reason}


def audit_record(record: AuditRecord) -> Json:
    """One row of the audit chain, every field that its hash covers included."""
    return encode(record)  # type: ignore[no-any-return]


def probe(found: Probe) -> Json:
    """One line of ``doctor``."""
    return {"check": found.check, "state": found.state, "text": found.text, "fix": found.fix}


def ledger_line(line: LedgerLine) -> Json:
    """A sum over sessions."""
    return {
        "label": line.label,
        "sessions": line.sessions,
        "running_seconds": round(line.running_ms / 1000, 3),
        "tokens": line.tokens,
        "estimate": money(line.estimate),
        "reported": money(line.reported),
        "difference": money(line.difference),
    }


def shift_cost(view: ShiftView) -> Json:
    """What a shift cost, in total and by everything it can be added up by."""
    return {
        "shift": {"name": view.shift.name, "start": when(view.shift.start), "end": when(view.shift.end)},
        "current": view.current,
        "operators": list(view.operators),
        "total": ledger_line(view.total),
        "limit": money(view.limit),
        "forecast": money(view.forecast),
        "spent": money(view.spent),
        "ceiling": money(view.ceiling),
        "raised": None if view.raised is None else {
            "limit": money(view.raised.limit), "operator": view.raised.operator, "reason": view.raised.reason,
            "at": when(view.raised.at),
        },
        "compared": view.compared,
        "error_percent": None if view.error_percent is None else f"{view.error_percent:f}",
        "per_accepted": money(view.per_accepted),
        "rates_dated": None if view.rates_dated is None else view.rates_dated.isoformat(),
        "unknown_models": list(view.unknown_models),
        "by": {name: [ledger_line(line) for line in lines] for name, lines in view.by.items()},
        "sessions": [
            {
                "id": run.id,
                "ticket": str(run.ticket),
                "workflow": run.workflow,
                "runtime": run.runtime,
                "operator": run.operator,
                "cost": cost(run.cost),
                "verdict": view.verdicts.get(run.id, "–"),
            }
            for run in view.sessions
        ],
    }  # fmt: skip
