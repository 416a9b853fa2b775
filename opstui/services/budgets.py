"""Budgets: what a shift may cost, how far that is raised, and what is kept for the sessions that run."""

from __future__ import annotations

from collections.abc import Callable

from opstui.core.audit import AuditEntry
from opstui.core.desk import Outcome, RaiseShiftBudget
from opstui.core.errors import BudgetReached, Refused, UsageError
from opstui.core.money import CENT, cents
from opstui.core.ports import LimitRaise, RecordReader, RecordWriter
from opstui.core.sessions import Session, SessionStatus
from opstui.core.shifts import Shift
from opstui.core.text import clean_line
from opstui.services.ledger import UNFINISHED, Ledger
from opstui.services.setup import Setup
from opstui.services.spending import shift_ceiling, shift_limit, spent_in


class Budgets:
    """Says whether money is there, and lets a person say that there is more.

    Questions take ``record``, the writer of a transaction: asked there, and acted on there, no two sessions can both
    get the last dollar, whichever processes start them.
    """

    def __init__(self, setup: Setup, ledger: Ledger) -> None:
        self._setup = setup
        self._ledger = ledger

    def shift(self) -> Shift:
        """The running one."""
        return self._ledger.shift()

    def limit(self, shift: Shift, record: RecordReader | None = None) -> int | None:
        """What the shift may cost, micro-dollars, as far as it was raised; None: there is no limit."""
        return shift_limit(self._setup, shift.id, record)

    def ceiling(self) -> int | None:
        """As far as a limit can be raised, micro-dollars; None: there is no limit."""
        return shift_ceiling(self._setup)

    def reserved(self, record: RecordReader | None = None, *, but: str = "") -> int:
        """What unfinished sessions may still spend within their budgets, the session ``but`` left out."""
        sessions = (record or self._setup.record).sessions(statuses=UNFINISHED, limit=10_000)
        return sum(open_budget(session) for session in sessions if session.id != but and _holds(session))

    def room(self, record: RecordReader | None = None, *, but: str = "") -> int | None:
        """Micro-dollars of the running shift that are neither spent nor reserved; never negative; None: no limit."""
        left = self._left(record, but)
        return None if left is None else max(0, left)

    def reserve(self, amount: int, record: RecordReader | None = None, *, but: str = "") -> None:
        """Raises BudgetReached unless ``amount`` micro-dollars fit into the running shift beside what is reserved.

        For a session that is there already (its budget is raised, or it is idle and gets a message) ``amount`` is what
        it may still spend in all, and ``but`` its id, so that it is not counted twice.
        """
        left = self._left(record, but)
        if left is None or amount <= left:
            return
        shift = self.shift()
        limit = self.limit(shift, record) or 0
        spent, kept = spent_in(self._setup, shift, record), self.reserved(record, but=but)
        raise BudgetReached(_no_room(amount, max(0, left), spent, kept, limit, self.ceiling() or 0),
                            spent=spent + kept, limit=limit)  # fmt: skip

    def reserving(self, session: Session, also: Callable[[RecordWriter], None]) -> Session:
        """Store a new session if its budget fits, and do ``also`` in the same transaction. Raises BudgetReached."""

        def save(record: RecordWriter) -> Session:
            if session.runtime_kind != "extractive":
                self.reserve(session.cost.budget or 0, record)
            also(record)
            return record.put_session(session)

        return self._setup.record.write(save)

    def raise_shift(self, command: RaiseShiftBudget) -> Outcome[int]:
        """See ``RaiseShiftBudget``. Raises Refused above the ceiling, UsageError without a reason."""
        setup, shift, wanted = self._setup, self.shift(), command.limit_micros
        reason = str(clean_line(command.reason, limit=200)).strip()
        if not reason:
            raise UsageError("a shift's budget is raised for a reason that can be read later: say which")
        ceiling = self.ceiling()
        if ceiling is None:
            raise Refused("shifts have no budget here, so there is nothing to raise: [shift] budget sets one")

        def save(record: RecordWriter) -> int:
            before = self.limit(shift, record) or 0
            if wanted <= before:
                raise Refused(f"this shift's budget is ${cents(before)} already. Nothing was changed")
            if wanted > ceiling:
                raise Refused(
                    f"${cents(wanted)} is above the shift's ceiling of ${cents(ceiling)}. Nothing was changed: "
                    "[shift] ceiling in the config says how far it can be raised"
                )
            now = setup.clock.now()
            record.put_limit_raise(
                LimitRaise(shift=shift.id, limit=wanted, operator=setup.operator, reason=reason, at=now)
            )
            record.add_audit(
                AuditEntry(at=now, operator=setup.operator, actor="operator", action="shift.raise",
                           detail=f"{shift.id} from ${cents(before)} to ${cents(wanted)}: {reason}")
            )  # fmt: skip
            return wanted

        return Outcome(setup.record.write(save), notice=f"this shift may cost ${cents(wanted)} now")

    def _left(self, record: RecordReader | None, but: str) -> int | None:
        shift = self.shift()
        limit = self.limit(shift, record)
        if limit is None:
            return None
        return limit - spent_in(self._setup, shift, record) - self.reserved(record, but=but)


def open_budget(session: Session) -> int:
    """Micro-dollars that the session may still spend; the stretch that runs just now is a part of it."""
    return max(0, (session.cost.budget or 0) - session.cost.shown)


def _holds(session: Session) -> bool:
    """Whether money is kept for it. An idle one whose document is there is done, unless somebody writes to it."""
    if session.runtime_kind == "extractive":
        return False
    return session.status is not SessionStatus.IDLE or session.document is None


def _no_room(amount: int, left: int, spent: int, kept: int, limit: int, ceiling: int) -> str:
    ways = [f"a budget of at most ${cents(left // CENT * CENT)}"] if left >= CENT else []
    if ceiling > limit:
        ways.append(f"raise the shift's, to at most ${cents(ceiling)} (opstui cost --raise)")
    ways.append("the offline runtime, which costs nothing")
    return (
        f"${cents(amount)} do not fit into this shift's ${cents(limit)}: ${cents(spent)} are spent and ${cents(kept)} "
        f"reserved for sessions that are not finished, so ${cents(left)} are left. Nothing was started or changed. "
        f"What can be done: {'; or '.join(ways)}"
    )
