"""``opstui cost``: what a shift's sessions cost, and how a person lets them cost more."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import clock, emit, note, say, table, write
from opstui.cli.run import whole_cents
from opstui.core.desk import LedgerLine, RaiseShiftBudget, ShiftTotals, ShiftView
from opstui.core.errors import UsageError
from opstui.core.money import cents, dollars
from opstui.exports import shapes
from opstui.exports.costs import cost_csv

WAYS = ("workflow", "ticket", "operator", "runtime", "hour")


@click.command()
@click.option("--back", type=click.IntRange(0), default=0, metavar="N", help="The shift N before this one.")
@click.option("--by", type=click.Choice(WAYS), default=None, help="Add up by this only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV (RFC 4180).")
@click.option("--raise", "raised", metavar="USD", help="First let this shift cost that much, up to its ceiling.")
@click.option("--reason", metavar="TEXT", help="Why it is raised; kept in the audit.")
@json_option
@with_invocation
def cost(
    invocation: Invocation,
    back: int,
    by: str | None,
    as_csv: bool,
    raised: str | None,
    reason: str | None,
    as_json: bool,
) -> int:
    """What this shift's sessions cost: estimated here (≈), and as the runtime reported it."""
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    if raised is not None:
        _raise(invocation, raised, reason, back)
    elif reason is not None:
        raise UsageError("--reason says why --raise is there")
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
    _summary(view)
    for kind in [by] if by else ["workflow", "ticket", "runtime"]:
        lines = view.by.get(kind, ())
        if lines:
            say()
            table((kind, "sessions", "running", "tokens", "≈ $", "reported", "difference"),
                  [_row(line) for line in lines],
                  right="sessions running tokens ≈ $ reported difference")  # fmt: skip
    return 0


def _raise(invocation: Invocation, raised: str, reason: str | None, back: int) -> None:
    if back:
        raise UsageError("a shift that is over is not raised: leave out --back")
    if not (reason or "").strip():
        raise UsageError("--raise wants a --reason, which is kept in the audit")
    outcome = invocation.desk.do(RaiseShiftBudget(limit_micros=whole_cents(raised, "--raise"), reason=reason or ""))
    outcome.unwrap()
    note(outcome.notice)


def _summary(view: ShiftView) -> None:
    limit = f" of ${cents(view.limit)}" if view.limit is not None else ""
    further = view.ceiling is not None and view.limit is not None and view.ceiling > view.limit
    ceiling = f" (can be raised to ${cents(view.ceiling or 0)})" if further and view.current else ""
    forecast = f", forecast ${cents(view.forecast)}" if view.forecast is not None else ""
    say(f"{view.shift.name} {clock(view.shift.start)} to {clock(view.shift.end)}")
    say(f"≈ ${dollars(view.total.estimate)}{limit}{ceiling}{forecast}")
    if view.total.reported is not None and view.compared:
        off = "" if view.error_percent is None else f": {view.error_percent:+f} % beyond rounding"
        say(
            f"reported ${dollars(view.total.reported)} by {view.compared} of {view.total.sessions} sessions; "
            f"estimates differ by ${dollars(view.total.difference or 0)}{off}"
        )
    if view.raised is not None:
        why = f"{view.raised.operator} at {clock(view.raised.at)}: {view.raised.reason}"
        say(f"raised to ${cents(view.raised.limit)} by {why}")
    if view.per_accepted is not None:
        say(f"≈ ${dollars(view.per_accepted)} for each accepted draft")
    if view.rates_dated is not None:
        say(f"prices as of {view.rates_dated}")
    if view.unknown_models:
        say(f"no price is known for {', '.join(view.unknown_models)}: their tokens are in no estimate")


def _row(line: LedgerLine) -> tuple[str, ...]:
    seconds = line.running_ms // 1000
    return (
        line.label, str(line.sessions), f"{seconds // 60}:{seconds % 60:02}", str(line.tokens), dollars(line.estimate),
        *("–" if amount is None else dollars(amount) for amount in (line.reported, line.difference)),
    )  # fmt: skip
