"""``opstui push``: send what is approved."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, note, say, table, waiting
from opstui.core.desk import Desk, DraftReview, Drafts, PushApproved, PushOf
from opstui.core.drafts import Draft, DraftState, PushRecord
from opstui.exports import shapes

ORDER = (4, 5, 3, 1)
"""Of several results the first of these that occurred is the exit code."""


@click.command()
@json_option
@with_invocation
def push(invocation: Invocation, as_json: bool) -> int:
    """Send what is approved, first settling what an earlier run left unknown; returns when nothing is unknown."""
    invocation.writes()
    desk = invocation.desk
    with waiting(lambda: on_its_way(desk)):
        records = invocation.do(PushApproved()).unwrap()
    results = [(record, invocation.desk.ask(DraftReview(record.draft)).draft) for record in records]
    if as_json:
        emit([shapes.push(record, draft) for record, draft in results])
    elif not results:
        note("nothing is approved; opstui draft approve ID --fingerprint SHA does that")
    else:
        table(
            ("draft", "ticket", "state", "attempts", "error"),
            [
                (
                    record.draft,
                    str(record.ticket),
                    draft.state.value,
                    str(record.attempts),
                    record.error or draft.note or "",
                )
                for record, draft in results
            ],
            right="attempts",
            wide="error",
        )
        for record, _ in results:
            for overlap in record.overlaps:
                say(f"meanwhile on {record.ticket}: {overlap.get('author', '')} {overlap.get('id', '')}")
    codes = {exit_code(record, draft) for record, draft in results}
    return next((code for code in ORDER if code in codes), 0)


def on_its_way(desk: Desk) -> str:
    """What is still being sent or settled, and what it waits for."""
    found = desk.ask(Drafts(states=(DraftState.APPROVED, DraftState.PUSHING)))
    words = []
    for draft in found:
        record = desk.ask(PushOf(draft.id))
        words.append(f"{draft.ticket} {draft.state.value}{f' ({record.error})' if record and record.error else ''}")
    return "; ".join(words) or "another publisher"


def exit_code(record: PushRecord, draft: Draft) -> int:
    """What one update's end means."""
    match draft.state:
        case DraftState.PUSHED:
            return 0
        case DraftState.CONFLICT:
            return 5
        case DraftState.APPROVED | DraftState.PUSHING:
            return 4 if record.credentials else 3
        case _:
            return 1
