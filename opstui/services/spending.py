"""What the running shift has spent: all that the status line needs of the ledger."""

from __future__ import annotations

from opstui.core.shifts import Shift, shift_at
from opstui.services.setup import Setup


def running_shift(setup: Setup) -> Shift:
    """The shift that now falls into."""
    return shift_at(setup.clock.now(), setup.schedule)


def spent_in(setup: Setup, shift: Shift) -> int:
    """Micro-dollars estimated in the shift so far."""
    return sum(row.estimate for row in setup.record.ledger_sums(shift.start, shift.end))
