"""What a shift cost, as a table for spreadsheets."""

from __future__ import annotations

from opstui.core.desk import LedgerLine, ShiftView
from opstui.exports.shapes import money, when
from opstui.exports.writing import csv_text

HEADER = (
    "shift_start", "shift_end", "by", "label", "sessions", "running_seconds", "tokens", "estimate", "reported",
    "currency",
)  # fmt: skip


def cost_csv(view: ShiftView, by: str | None = None) -> bytes:
    """A row for each sum, the shift's total last; ``by`` keeps one way of adding up."""
    rows = [_row(view, kind, line) for kind, lines in view.by.items() if by is None or kind == by for line in lines]
    rows.append(_row(view, "total", view.total))
    return csv_text(HEADER, rows)


def _row(view: ShiftView, kind: str, line: LedgerLine) -> tuple[object, ...]:
    return (
        when(view.shift.start), when(view.shift.end), kind, line.label, line.sessions, f"{line.running_ms / 1000:.3f}",
        line.tokens, money(line.estimate), money(line.reported), "USD",
    )  # fmt: skip
