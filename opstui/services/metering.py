"""The meter: what a session costs while it runs, each step priced once, snapped to what the runtime itself reports."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass
from opstui.core.money import MICRO, cents
from opstui.core.ports import LedgerRow
from opstui.core.rates import FREE, ModelRates, cost
from opstui.core.sessions import Cost, RuntimeStatus, RuntimeUsage, Session, SessionStatus, Usage, live
from opstui.core.shifts import shift_at
from opstui.services.spending import by_session, shift_limit

if TYPE_CHECKING:
    from opstui.services.setup import Setup

SLACK = timedelta(seconds=5)
"""The last report comes just before a stretch of running ends. A stretch that ends this soon after it is in it: five
seconds are a tenth of the half cent that a list cost is rounded by."""
MOST = 10**12
"""No step has more tokens, milliseconds or searches; a store of 64-bit numbers can add up millions of such steps."""
WARN_AT = (4, 5)
"""80 %."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A ledger row, as far as it matters when the runtime's own figure comes."""

    at: datetime
    estimate: int
    running_ms: int
    running: int
    """How much of ``estimate`` is running time."""

    def until(self, report: datetime) -> int:
        """How much of it a list cost of that moment holds. A stretch of running may lie on both sides."""
        late = self.at - report
        if late <= timedelta(0):
            return self.estimate
        late_ms = late // timedelta(milliseconds=1)
        if late_ms >= self.running_ms:
            return 0
        return self.running if late <= SLACK else self.running - self.running * late_ms // self.running_ms


class Meter:
    """Prices one session for the process that runs it. Made anew at each start; reads the record, so from a thread.

    The ledger is the truth: what it holds of the session is counted already, and a session that is taken up again
    has the cost that its rows add up to, in whatever order they are told again.
    """

    def __init__(self, setup: Setup, session: Session) -> None:
        self._setup = setup
        card = setup.rates()
        known = card.rates(session.model, session.runtime_kind, session.runtime)
        self._rates: ModelRates = known or card.without_model(session.runtime_kind)
        self._unknown = known is None
        self._multipliers = card.multipliers
        self._is_free = session.runtime_kind == "extractive"
        self._is_local = known is FREE and not self._is_free
        self._steps: dict[str, _Step] = {}
        self._usage = Usage()
        self._estimate = 0
        self._reported: int | None = None
        self._reported_at: datetime | None = None
        self._until_report = 0
        self._ran_until: datetime | None = None
        self._odd: str = ""
        """A multiplier that the card does not know."""
        self._looked = -1
        """What of this session was in the shift's sum when that was last looked at."""
        self._said: set[str] = set()
        self._open: tuple[datetime, float] | None = None
        """The begin of the open stretch, by the wall's clock and by the steady one."""
        for row in setup.record.usage_of(session.id):
            self._count(row)
            if row.reported is not None:
                self._reported = (self._reported or 0) + row.reported
                self._report_came(row.at)
        if self._steps:
            # What was said before the restart is not said again.
            before = replace(session, cost=replace(self._cost(session.cost), running_since=None))
            self.warnings(before)

    def take(self, session: Session, event: RuntimeUsage) -> tuple[Session, LedgerRow | None]:
        """The session with its new cost, and the ledger row of this step; None if it was counted before."""
        key = f"{session.id}:{event.remote_id}"
        if key in self._steps:
            return replace(session, cost=self._cost(session.cost)), None
        at = self._moment(session, event.at)
        usage = _sane(event.usage, correction=event.correction)
        row = LedgerRow(
            key=key,
            session=session.id,
            at=at,
            operator=session.operator,
            workflow=session.workflow,
            ticket=session.ticket,
            runtime=session.runtime,
            model=session.model,
            usage=usage,
            estimate=cost(
                usage, self._rates, correction=event.correction, multiplier=self._multiplier(event.multipliers)
            )
            or 0,
            reported=self._increase(at, event.reported_micros),
        )
        self._count(row)
        since = session.cost.running_since
        if usage.running_ms > 0 and since is not None and since < at:
            # That stretch is counted now, or a part of it: what is still open begins where it ends.
            since = at
        return replace(session, cost=self._cost(replace(session.cost, running_since=since))), row

    def status(self, session: Session, event: RuntimeStatus, now: datetime) -> Session:
        """The session with its clock running, or stopped: only ``running`` costs. Its status is left as it is."""
        since = session.cost.running_since
        if event.status is not SessionStatus.RUNNING:
            since = None
        elif since is None:
            since = min(now, max(session.created_at, event.at or now, self._ran_until or session.created_at))
        return replace(session, cost=self._cost(replace(session.cost, running_since=since)))

    def over(self, session: Session, now: datetime) -> bool:
        """Whether it costs as much as its budget, the stretch that runs just now included."""
        budget = session.cost.budget
        return (
            budget is not None and not self._is_free and live(session.cost, self._awake(session, now)).shown >= budget
        )

    def _awake(self, session: Session, now: datetime) -> datetime:
        """``now``, or as far from the open stretch's begin as this process was awake: a sleeping machine runs nothing.

        The steady clock stands still in its sleep, and a wall clock that is set does not move it.
        """
        since, steady = session.cost.running_since, self._setup.clock.monotonic()
        if since is None or self._open is None or self._open[0] != since:
            self._open = (since, steady - max(0.0, (now - since).total_seconds())) if since is not None else None
        if since is None or self._open is None:
            return now
        return min(now, since + timedelta(seconds=steady - self._open[1]))

    def warnings(self, session: Session) -> tuple[str, ...]:
        """What a person should read now, each once: prices that are not known, 80 % of a budget. Reads the record."""
        found = [*self._of_prices(session), *self._of_its_budget(session), *self._of_the_shift(session)]
        fresh = tuple(text for word, text in found if word not in self._said)
        self._said.update(word for word, _ in found)
        return fresh

    # --- the sums

    def _cost(self, before: Cost) -> Cost:
        at_report = self._until_report
        if self._reported_at is not None and before.running_since is not None:
            open_ms = (self._reported_at - before.running_since) // timedelta(milliseconds=1)
            at_report += max(0, round(open_ms * self._rates.hour * MICRO / 3_600_000))
        return replace(
            before,
            estimate=self._estimate,
            reported=self._reported,
            usage=self._usage,
            at_report=at_report if self._reported is not None else 0,
            hour=round(self._rates.hour * MICRO),
            unknown_model=self._unknown,
        )

    def _count(self, row: LedgerRow) -> None:
        running = cost(Usage(running_ms=row.usage.running_ms), self._rates) or 0
        step = self._steps[row.key] = _Step(row.at, row.estimate, row.usage.running_ms, running)
        self._usage = self._usage + row.usage
        self._estimate += row.estimate
        if row.usage.running_ms > 0:
            self._ran_until = max(row.at, self._ran_until or row.at)
        if self._reported_at is not None:
            self._until_report += step.until(self._reported_at)

    def _increase(self, at: datetime, reported: int | None) -> int | None:
        """By how much the list cost grew with this report: the sum over all rows is always the newest one's.

        One that happened before the newest known adds nothing; neither does a lower one of the same moment.
        """
        if reported is None:
            return None
        before, told_at = self._reported or 0, self._reported_at
        if told_at is not None and (at < told_at or (at == told_at and reported <= before)):
            return 0
        self._reported = min(max(0, reported), MOST)
        self._report_came(at)
        return self._reported - before

    def _report_came(self, at: datetime) -> None:
        if self._reported_at is None or at > self._reported_at:
            self._reported_at = at
            self._until_report = sum(step.until(at) for step in self._steps.values())

    def _moment(self, session: Session, at: datetime | None) -> datetime:
        """When it happened over there, by a clock that is not ours: never in the future, never before the session."""
        now = self._setup.clock.now()
        return now if at is None else max(session.created_at, min(at, now))

    def _multiplier(self, words: tuple[str, ...]) -> Decimal:
        product = Decimal(1)
        for word in words:
            if word in self._multipliers:
                product *= self._multipliers[word]
            else:
                self._odd = word
        return product

    # --- what to say

    def _of_prices(self, session: Session) -> list[tuple[str, str]]:
        found = []
        if self._unknown:
            model = session.model or "(none named)"
            if session.runtime_kind == "managed-agents":
                rest = "running time and searches are counted, tokens are not"
            else:
                rest = "tokens are not counted, so no budget stops it"
            mend = '[rates."MODEL"] in the config gives one'
            found.append(("model", f"no price is known for the model {model}: {rest}. {mend}"))
        elif self._is_local:
            found.append(
                ("free", f"{session.runtime} runs on this machine and has no rates of its own: it counts as free")
            )
        if self._odd:
            found.append((f"times {self._odd}", f"no price is known for {self._odd}: the estimate is without it"))
        return found

    def _of_its_budget(self, session: Session) -> list[tuple[str, str]]:
        budget, shown = session.cost.budget, live(session.cost, self._awake(session, self._setup.clock.now())).shown
        if not budget or self._is_free or not _is_most(shown, budget):
            return []
        return [(f"budget {budget}", f"${cents(shown)} of this session's ${cents(budget)} are spent")]

    def _of_the_shift(self, session: Session) -> list[tuple[str, str]]:
        """Said by the session that crosses the line; who starts after it has it in the status line already."""
        setup = self._setup
        if setup.shift_budget is None or self._is_free:
            return []
        shift = shift_at(setup.clock.now(), setup.schedule)
        limit = shift_limit(setup, shift.id)
        word = f"shift {shift.id} {limit}"
        if not limit or word in self._said:
            return []
        # Its own rows are not all stored yet.
        mine = sum(step.estimate for step in self._steps.values() if shift.start <= step.at < shift.end)
        if 0 <= self._looked <= mine < self._looked + limit // 100:
            # The sum of a busy shift takes milliseconds, and this is asked at every request of the model.
            return []
        self._looked = mine
        spent = by_session(setup.record.ledger_sums(shift.start, shift.end))
        others = sum(amount for one, amount in spent.items() if one != session.id)
        if not _is_most(others + mine, limit):
            return []
        if _is_most(others, limit):
            self._said.add(word)
            return []
        return [(word, f"${cents(others + mine)} of this shift's ${cents(limit)} are spent")]


def _is_most(spent: int, limit: int) -> bool:
    part, whole = WARN_AT
    return spent * whole >= limit * part


def _sane(usage: Usage, *, correction: bool) -> Usage:
    """``usage`` within bounds: a server that answers nonsense must not make a session cheaper, nor stop its ledger."""
    least = -MOST if correction else 0
    return Usage(**{item.name: min(max(least, getattr(usage, item.name)), MOST) for item in fields(Usage)})
