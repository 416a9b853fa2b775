"""What sessions cost: the meter while they run, and the sums that a shift lead reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from opstui.core.desk import LedgerLine, ShiftTotals, ShiftView
from opstui.core.drafts import Draft, DraftState
from opstui.core.ports import LedgerRow
from opstui.core.rates import cost
from opstui.core.sessions import Cost, RuntimeUsage, Session, Usage
from opstui.core.shifts import Shift, forecast, shift_before
from opstui.services.setup import Setup
from opstui.services.spending import running_shift, spent_in


def metered(setup: Setup, session: Session, event: RuntimeUsage) -> tuple[Session, LedgerRow]:
    """The session with its new cost, and the ledger row of this step.

    A model without rates costs "not known", which counts as 0 here and is said by the session's notice.
    """
    step = cost(event.usage, setup.rates().rates(session.model, session.runtime_kind)) or 0
    total = Cost(
        estimate=session.cost.estimate + step,
        reported=event.reported_micros if event.reported_micros is not None else session.cost.reported,
        usage=session.cost.usage + event.usage,
        budget=session.cost.budget,
    )
    row = LedgerRow(
        key=f"{session.id}:{event.remote_id}",
        session=session.id,
        at=setup.clock.now(),
        operator=session.operator,
        workflow=session.workflow,
        ticket=session.ticket,
        runtime=session.runtime,
        model=session.model,
        usage=event.usage,
        estimate=step,
        reported=None,
    )
    return replace(session, cost=total), row


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

    def spent(self, shift: Shift) -> int:
        """Micro-dollars estimated in the shift so far."""
        return spent_in(self._setup, shift)

    def totals(self, question: ShiftTotals) -> ShiftView:
        """See ``ShiftTotals``."""
        setup, shift = self._setup, self.shift(question.back)
        now = setup.clock.now()
        rows = setup.record.ledger(shift.start, shift.end)
        sessions = setup.record.sessions(shift=shift.id, limit=1000)
        by = {
            "workflow": _grouped(rows, lambda row: row.workflow),
            "ticket": _grouped(rows, lambda row: str(row.ticket)),
            "operator": _grouped(rows, lambda row: row.operator),
            "runtime": _grouped(rows, lambda row: row.runtime),
            "hour": self._by_hour(rows, shift),
        }
        total = _line("", rows)
        drafts = {draft.id: draft for draft in self._drafts_of(sessions)}
        verdicts = {session.id: verdict(session, drafts.get(session.draft or "")) for session in sessions}
        words = list(verdicts.values())
        return ShiftView(
            shift=shift,
            current=question.back == 0,
            operators=tuple(sorted({session.operator for session in sessions} or {setup.operator})),
            total=LedgerLine(
                label=shift.name,
                sessions=len(sessions),
                running_ms=total.running_ms,
                tokens=total.tokens,
                estimate=total.estimate,
                reported=total.reported,
            ),
            limit=setup.shift_budget,
            forecast=forecast(total.estimate, shift, now) if question.back == 0 else None,
            by=by,
            sessions=tuple(sessions),
            verdicts=verdicts,
            accepted=words.count("accepted"),
            edited=sum(1 for word in words if word.startswith("accepted, ")),
            rejected=words.count("rejected"),
        )

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


def verdict(session: Session, draft: Draft | None) -> str:
    """Whether a session helped: what became of its draft."""
    if draft is None:
        return "–"
    if draft.state is DraftState.PUSHED:
        edits = sum(1 for op in draft.ops if op.origin.value == "agent_edited")
        return f"accepted, {edits} edit{'s' if edits != 1 else ''}" if edits else "accepted"
    if draft.state is DraftState.DISCARDED:
        return "rejected"
    return "waits"


def _line(label: str, rows: Iterable[LedgerRow]) -> LedgerLine:
    usage, estimate, sessions = Usage(), 0, set()
    reported: int | None = None
    for row in rows:
        usage = usage + row.usage
        estimate += row.estimate
        sessions.add(row.session)
        if row.reported is not None:
            reported = (reported or 0) + row.reported
    tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return LedgerLine(
        label=label,
        sessions=len(sessions),
        running_ms=usage.running_ms,
        tokens=tokens,
        estimate=estimate,
        reported=reported,
    )


def _grouped(rows: Iterable[LedgerRow], label: Callable[[LedgerRow], str]) -> tuple[LedgerLine, ...]:
    groups: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        groups[label(row)].append(row)
    lines = [_line(name, members) for name, members in groups.items()]
    return tuple(sorted(lines, key=lambda line: (-line.estimate, -line.running_ms, line.label)))
