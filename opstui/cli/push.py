"""``opstui push``: send what is approved."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import cut, emit, note, say, table, waiting
from opstui.core.desk import Desk, DraftReview, Drafts, PushApproved, PushOf
from opstui.core.drafts import Draft, DraftState, PushRecord
from opstui.exports import shapes

ORDER = (4, 5, 3, 1)
"""Of several results the first of these that occurred is the exit code."""
SHOWN = 80
"""Columns that are shown of what somebody else wrote meanwhile."""


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
        for record, draft in results:
            _say_more(record, draft)
    codes = {exit_code(record, draft) for record, draft in results}
    return next((code for code in ORDER if code in codes), 0)


def _say_more(record: PushRecord, draft: Draft) -> None:
    """Its steps where they did not all arrive, what to know of those that did, and what others did meanwhile."""
    if draft.state is not DraftState.PUSHED and len(record.steps) > 1:
        for number, step in enumerate(shapes.push(record, draft)["steps"], start=1):
            what = ", ".join(path.lstrip("/") for path in step["what"])
            say(f"step {number} of {len(record.steps)} on {record.ticket}: {what}: {step['state']}")
    for text in record.notes:
        say(f"{record.ticket}: {text}")
    for overlap in record.overlaps:
        first = str(overlap.get("text", "")).partition("\n")[0]
        said = f": {cut(first, SHOWN)}" if first else ""
        say(f"meanwhile on {record.ticket}: {overlap.get('author', '')} {overlap.get('id', '')}{said}")


def on_its_way(desk: Desk) -> str:
    """What is still being sent or settled, and what it waits for."""
    found = desk.ask(Drafts(states=(DraftState.APPROVED, DraftState.PUSHING)))
    words = []
    for draft in found:
        record = desk.ask(PushOf(draft.id))
        parts = [f"step {record.at + 1} of {len(record.steps)}"] if record and 0 < record.at < len(record.steps) else []
        parts += [record.error] if record and record.error else []
        words.append(f"{draft.ticket} {draft.state.value}" + (f" ({', '.join(parts)})" if parts else ""))
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
