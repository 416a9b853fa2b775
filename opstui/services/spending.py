"""What a shift has spent and may spend: all that the status line needs of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opstui.core.money import CENT
from opstui.core.shifts import Shift, shift_at

if TYPE_CHECKING:
    from opstui.core.ports import LedgerRow, RecordReader
    from opstui.services.setup import Setup


def running_shift(setup: Setup) -> Shift:
    """The shift that now falls into."""
    return shift_at(setup.clock.now(), setup.schedule)


def spent_in(setup: Setup, shift: Shift, record: RecordReader | None = None) -> int:
    """Micro-dollars of the shift so far; ``record`` to read inside a transaction."""
    rows = (record or setup.record).ledger_sums(shift.start, shift.end)
    return sum(by_session(rows).values())


def by_session(rows: Iterable[LedgerRow]) -> dict[str, int]:
    """Session → what ``rows`` count for it, see :func:`counted`."""
    estimates: dict[str, int] = {}
    reports: dict[str, int] = {}
    for row in rows:
        estimates[row.session] = estimates.get(row.session, 0) + row.estimate
        if row.reported is not None:
            reports[row.session] = reports.get(row.session, 0) + row.reported
    return {session: counted(estimate, reports.get(session)) for session, estimate in estimates.items()}


def counted(estimate: int, reported: int | None) -> int:
    """What limits count: the estimate, unless the runtime says that it was clearly more.

    List costs come in whole cents, so a little more says nothing; more than a cent and five percent means that prices
    are not known here, or have changed.
    """
    if reported is not None and reported - estimate > max(CENT, estimate // 20):
        return reported
    return estimate


def shift_limit(setup: Setup, shift: str, record: RecordReader | None = None) -> int | None:
    """What the shift of that id may cost, micro-dollars: its budget, or what a person raised it to; None: no limit."""
    budget = setup.shift_budget
    if budget is None:
        return None
    raised = (record or setup.record).limit_raise(shift)
    if raised is None:
        return budget
    return max(budget, min(raised.limit, shift_ceiling(setup) or budget))


def shift_ceiling(setup: Setup) -> int | None:
    """As far as a person can raise the limit; the budget itself where the config names none. None: no limit."""
    if setup.shift_budget is None:
        return None
    return max(setup.shift_budget, setup.shift_ceiling or 0)
