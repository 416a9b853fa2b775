"""``opstui audit``: who did what, and whether the chain holds."""

from __future__ import annotations

from collections.abc import Iterator

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import clock, emit, emit_line, note, say, table
from opstui.core.audit import AuditRecord
from opstui.core.desk import AuditWindow, VerifyAudit
from opstui.exports import shapes

PAGE = 500


@click.group()
def audit() -> None:
    """The audit log: each row seals the one before.

    \b
    opstui audit verify
    opstui audit export > audit.jsonl
    """


@audit.command("show")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="At most so many; 50 by default.")
@json_option
@with_invocation
def show_audit(invocation: Invocation, limit: int, as_json: bool) -> int:
    """The newest rows, the newest first."""
    rows = invocation.desk.ask(AuditWindow(count=limit))
    if as_json:
        emit([shapes.audit_record(row) for row in rows])
    else:
        table(
            ("seq", "at", "operator", "actor", "action", "ticket", "content", "detail"),
            [
                (
                    str(row.seq), clock(row.at), row.operator, row.actor, row.action, row.ticket or "–",
                    (row.content_hash or "–")[:12], row.detail or "",
                )
                for row in rows
            ],
            right="seq",
            wide="detail",
        )  # fmt: skip
    return 0


@audit.command("verify")
@json_option
@with_invocation
def verify_audit(invocation: Invocation, as_json: bool) -> int:
    """Check the whole chain; exit 1 and the first broken row where it does not hold."""
    health = invocation.desk.ask(VerifyAudit())
    if as_json:
        emit(shapes.audit_health(health))
    elif health.ok:
        say(f"intact: {health.rows} rows")
    else:
        say(f"broken at row {health.first_broken}: {health.reason}")
    return 0 if health.ok else 1


@audit.command("export")
@with_invocation
def export_audit(invocation: Invocation) -> int:
    """Every row, the oldest first, as JSON Lines."""
    for row in oldest_first(invocation):
        if not emit_line(shapes.audit_record(row)):
            note("opstui: the reader went away; the export is not complete")
            return 1
    return 0


def oldest_first(invocation: Invocation) -> Iterator[AuditRecord]:
    """All rows, page by page, as many as there are at the start."""
    newest = invocation.desk.ask(AuditWindow(count=1))
    last = newest[0].seq if newest else 0
    for first in range(0, last, PAGE):
        end = min(first + PAGE, last)
        yield from reversed(invocation.desk.ask(AuditWindow(before=end + 1, count=end - first)))
