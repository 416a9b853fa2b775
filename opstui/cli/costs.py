"""``opstui cost``: what a shift's sessions cost."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import clock, emit, say, table, write
from opstui.core.desk import LedgerLine, ShiftTotals
from opstui.core.errors import UsageError
from opstui.core.money import cents, dollars
from opstui.exports import shapes
from opstui.exports.costs import cost_csv

WAYS = ("workflow", "ticket", "operator", "runtime", "hour")


@click.command()
@click.option("--back", type=click.IntRange(0), default=0, metavar="N", help="The shift N before this one.")
@click.option("--by", type=click.Choice(WAYS), default=None, help="Add up by this only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV (RFC 4180).")
@json_option
@with_invocation
def cost(invocation: Invocation, back: int, by: str | None, as_csv: bool, as_json: bool) -> int:
    """What this shift's sessions cost: estimated here (≈), and as the runtime reported it."""
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    view = invocation.desk.ask(ShiftTotals(back=back))
    if by is not None and by not in view.by:
        raise UsageError(f"there is nothing to add up by {by}")
    if as_csv:
        write(cost_csv(view, by))
        return 0
    if as_json:
        shape = shapes.shift_cost(view)
        if by is not None:
            shape["by"] = {by: shape["by"][by]}
        emit(shape)
        return 0
    limit = f" of ${cents(view.limit)}" if view.limit is not None else ""
    forecast = f", forecast ${cents(view.forecast)}" if view.forecast is not None else ""
    say(f"{view.shift.name} {clock(view.shift.start)} to {clock(view.shift.end)}")
    say(f"≈ ${dollars(view.total.estimate)}{limit}{forecast}")
    for kind in [by] if by else ["workflow", "ticket", "runtime"]:
        lines = view.by.get(kind, ())
        if lines:
            say()
            table((kind, "sessions", "running", "tokens", "≈ $", "reported"), [_row(line) for line in lines],
                  right="sessions running tokens ≈ $ reported")  # fmt: skip
    return 0


def _row(line: LedgerLine) -> tuple[str, ...]:
    seconds = line.running_ms // 1000
    reported = "–" if line.reported is None else dollars(line.reported)
    return (
        line.label, str(line.sessions), f"{seconds // 60}:{seconds % 60:02}", str(line.tokens), dollars(line.estimate),
        reported,
    )  # fmt: skip
