"""What sessions cost: the sums that a shift lead reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from opstui.core.desk import LedgerLine, ShiftTotals, ShiftView
from opstui.core.drafts import Draft, DraftState
from opstui.core.ports import LedgerRow
from opstui.core.sessions import Session, SessionStatus, beyond_rounding, live
from opstui.core.shifts import Shift, forecast, shift_before
from opstui.services.setup import Setup
from opstui.services.spending import by_session, running_shift, shift_ceiling, shift_limit

UNFINISHED = tuple(status for status in SessionStatus if not status.is_over)
NOBODY_KNOWS = "(none named)"


class Ledger:
    """Sums over shifts. Everything is recomputed from the ledger's rows; nothing is kept twice."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def shift(self, back: int = 0) -> Shift:
        """The running shift, or the ``back``-th before it."""
        shift = running_shift(self._setup)
        for _ in range(max(0, back)):
            shift = shift_before(shift, self._setup.schedule)
        return shift

    def totals(self, question: ShiftTotals) -> ShiftView:
        """See ``ShiftTotals``."""
        setup, shift = self._setup, self.shift(question.back)
        now, current = setup.clock.now(), question.back == 0
        rows = self._rows(shift)
        sessions = self._sessions(shift, rows, current=current)
        if current:
            rows = [*rows, *_open_stretches(sessions, shift, now)]
        by = {
            "workflow": _grouped(rows, lambda row: row.workflow),
            "ticket": _grouped(rows, lambda row: str(row.ticket)),
            "operator": _grouped(rows, lambda row: row.operator),
            "runtime": _grouped(rows, lambda row: row.runtime),
            "hour": self._by_hour(rows, shift),
        }
        total = replace(_line("", rows), label=shift.name, sessions=len(sessions))
        drafts = {draft.id: draft for draft in self._drafts_of(sessions)}
        verdicts = {session.id: verdict(drafts.get(session.draft or "")) for session in sessions}
        words = list(verdicts.values())
        accepted, edited = words.count("accepted"), sum(1 for word in words if word.startswith("accepted, "))
        both = [one for one in sessions if one.cost.reported is not None and one.runtime_kind != "extractive"]
        spent = sum(by_session(rows).values())
        return ShiftView(
            shift=shift,
            current=current,
            operators=tuple(sorted({session.operator for session in sessions} or {setup.operator})),
            total=total,
            limit=shift_limit(setup, shift.id),
            forecast=forecast(spent, shift, now) if current else None,
            by=by,
            sessions=tuple(sessions),
            verdicts=verdicts,
            accepted=accepted,
            edited=edited,
            rejected=words.count("rejected"),
            spent=spent,
            ceiling=shift_ceiling(setup),
            raised=setup.record.limit_raise(shift.id),
            compared=len(both),
            error_percent=error_percent(both),
            per_accepted=round(spent / (accepted + edited)) if accepted + edited else None,
            rates_dated=setup.rates().dated,
            unknown_models=tuple(
                sorted({session.model or NOBODY_KNOWS for session in sessions if session.cost.unknown_model})
            ),
        )

    def _rows(self, shift: Shift) -> list[LedgerRow]:
        """What was used in the shift: by quarters of an hour, which are a tenth as many as the single events.

        The sums by the hour need the single ones where the shift's hours begin within a quarter.
        """
        record, whole = self._setup.record, shift.start.minute % 15 == shift.start.second == 0
        return record.ledger_sums(shift.start, shift.end) if whole else record.ledger(shift.start, shift.end)

    def _sessions(self, shift: Shift, rows: list[LedgerRow], *, current: bool) -> list[Session]:
        """Those of the shift, and earlier ones that cost something in it or are not finished yet; newest first."""
        record = self._setup.record
        found = {session.id: session for session in record.sessions(shift=shift.id, limit=1000)}
        if current:
            found |= {session.id: session for session in record.sessions(statuses=UNFINISHED, limit=1000)}
        for one in dict.fromkeys(row.session for row in rows):
            if one not in found and (earlier := record.session(one)) is not None:
                found[one] = earlier
        return sorted(found.values(), key=lambda session: (session.created_at, session.id), reverse=True)

    def _drafts_of(self, sessions: Iterable[Session]) -> list[Draft]:
        found = []
        for session in sessions:
            draft = self._setup.record.draft(session.draft) if session.draft else None
            if draft is not None:
                found.append(draft)
        return found

    def _by_hour(self, rows: list[LedgerRow], shift: Shift) -> tuple[LedgerLine, ...]:
        hours = int((shift.end - shift.start) / timedelta(hours=1) + 0.5)
        buckets: dict[int, list[LedgerRow]] = defaultdict(list)
        for row in rows:
            buckets[int((row.at - shift.start) / timedelta(hours=1))].append(row)
        return tuple(
            _line(f"{shift.start + timedelta(hours=hour):%Y-%m-%dT%H:00Z}", buckets.get(hour, []))
            for hour in range(hours)
        )


def error_percent(sessions: Iterable[Session]) -> Decimal | None:
    """How far the estimates were off, in percent of what was reported, each when its last report came.

    As far as the reports' rounding to whole cents does not explain it.
    """
    reported = off = 0
    for session in sessions:
        if session.cost.reported is not None:
            reported += session.cost.reported
            off += beyond_rounding(session.cost.at_report, session.cost.reported)
    if reported == 0:
        return None
    return (Decimal(off) * 100 / reported).quantize(Decimal("0.01"))


def verdict(draft: Draft | None) -> str:
    """Whether a session helped: what became of its draft, if it made one."""
    if draft is None:
        return "–"
    if draft.state is DraftState.PUSHED:
        edits = sum(1 for op in draft.ops if op.origin.value == "agent_edited")
        return f"accepted, {edits} edit{'s' if edits != 1 else ''}" if edits else "accepted"
    if draft.state is DraftState.DISCARDED:
        return "rejected"
    return "waits"


def _open_stretches(sessions: Iterable[Session], shift: Shift, now: datetime) -> list[LedgerRow]:
    """What runs at this moment and is in no row yet, as a row each: the part of it that lies in the shift."""
    rows = []
    for session in sessions:
        if session.cost.running_since is None:
            continue
        began = replace(session.cost, running_since=max(shift.start, session.cost.running_since))
        by_now = live(began, now)
        rows.append(
            LedgerRow(
                key=f"{session.id}:running",
                session=session.id,
                at=min(now, shift.end - timedelta(microseconds=1)),
                operator=session.operator,
                workflow=session.workflow,
                ticket=session.ticket,
                runtime=session.runtime,
                model=session.model,
                usage=by_now.usage - began.usage,
                estimate=by_now.estimate - began.estimate,
            )
        )
    return rows


def _line(label: str, rows: Iterable[LedgerRow]) -> LedgerLine:
    running = tokens = 0
    estimates: dict[str, int] = defaultdict(int)
    reports: dict[str, int] = defaultdict(int)
    for row in rows:
        usage = row.usage
        running += usage.running_ms
        tokens += usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        estimates[row.session] += row.estimate
        if row.reported is not None:
            reports[row.session] += row.reported
    return LedgerLine(
        label=label,
        sessions=len(estimates),
        running_ms=running,
        tokens=tokens,
        estimate=sum(estimates.values()),
        reported=sum(reports.values()) if reports else None,
        difference=sum(estimates[one] - reports[one] for one in reports) if reports else None,
    )


def _grouped(rows: Iterable[LedgerRow], label: Callable[[LedgerRow], str]) -> tuple[LedgerLine, ...]:
    groups: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        groups[label(row)].append(row)
    lines = [_line(name, members) for name, members in groups.items()]
    return tuple(sorted(lines, key=lambda line: (-line.estimate, -line.running_ms, line.label)))
