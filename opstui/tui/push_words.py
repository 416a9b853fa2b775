"""Where a draft stands after its approval, in words: Confirm and Review say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo

from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.tui.lines import Line, line
from opstui.tui.times import clock


def push_lines(
    draft: Draft, push: PushRecord | None, *, now: datetime, tz: tzinfo, settle_seconds: float = 60.0
) -> list[Line]:
    """What happened since the approval, oldest first; empty before one. ``settle_seconds`` is the system's."""
    out: list[Line] = []
    ours = push is not None and push.draft == draft.id
    if draft.approved_at is not None and draft.state is not DraftState.EDITED:
        who = f" by {draft.approved_by}" if draft.approved_by and draft.approved_by != draft.operator else ""
        out.append(line(" ", ("✓", "good"), f" approved {clock(draft.approved_at, tz)}{who}"))
    if draft.state is DraftState.APPROVED and (push is None or push.sent_at is None):
        wait = push.not_before if push is not None and push.not_before and push.not_before > now else None
        if wait is not None:
            out.append(line(" ", ("…", "dim"), f" waits until {clock(wait, tz)}: the system asked for a pause"))
        else:
            out.append(line(" ", ("…", "dim"), " waits to be sent"))
    if (
        push is not None
        and ours
        and draft.state in (DraftState.PUSHING, DraftState.APPROVED)
        and push.sent_at is not None
    ):
        sent = f" sent {clock(push.sent_at, tz)}"
        again = f" · attempt {push.attempts}" if push.attempts > 1 else ""
        if push.step is StepState.UNKNOWN:
            out.append(line(" ", ("✓", "good"), sent + again))
            left = math.ceil(settle_seconds - (now - push.sent_at).total_seconds())
            looking = f" unknown: looking, {left} s" if left > 0 else " unknown: looking"
            out.append(line(" ", ("?", "warn"), (looking, "warn")))
        elif push.not_before is not None and push.not_before > now:
            out.append(
                line(
                    " ", ("…", "dim"), f" waits until {clock(push.not_before, tz)}: the system asked for a pause{again}"
                )
            )
        else:
            out.append(line(" ", ("…", "accent"), f"{sent} · reading back{again}"))
    if draft.state is DraftState.PUSHED:
        if push is not None and ours and push.sent_at is not None:
            out.append(line(" ", ("✓", "good"), f" sent {clock(push.sent_at, tz)}"))
        at = f" {clock(push.finished_at, tz)}" if push is not None and push.finished_at is not None else ""
        where = f" · {push.remote_id}" if push is not None and push.remote_id else ""
        out.append(line(" ", ("✓", "good"), (" on the ticket", "strong"), at + where))
        if push is not None and push.overlaps:
            out.append(line(" ", ("~", "warn"), f" {_meanwhile(push.overlaps)}"))
    if draft.state in (DraftState.CONFLICT, DraftState.NEEDS_HUMAN):
        why = (push.error if push is not None and ours else None) or draft.note
        word = " conflict" if draft.state is DraftState.CONFLICT else " needs a person"
        out.append(line(" ", ("✗", "bad"), (word, "bad"), f": {why}" if why else ""))
    elif push is not None and ours and push.error and draft.state is not DraftState.PUSHED:
        out.append(line(" ", ("✗", "bad"), f" {push.error}"))
    return out


def _meanwhile(overlaps: tuple[Mapping[str, object], ...]) -> str:
    who = list(dict.fromkeys(str(entry.get("author", "somebody")) for entry in overlaps))
    one = len(overlaps) == 1
    return f"{len(overlaps)} other {'entry' if one else 'entries'} came meanwhile: {', '.join(who)}"


STATE_WORDS: Mapping[DraftState, str] = {
    DraftState.PROPOSED: "proposed",
    DraftState.EDITED: "edited",
    DraftState.APPROVED: "approved",
    DraftState.PUSHING: "on its way",
    DraftState.PUSHED: "on the ticket",
    DraftState.CONFLICT: "conflict",
    DraftState.NEEDS_HUMAN: "needs a person",
    DraftState.DISCARDED: "discarded",
}
"""How each state of a draft is called on screen."""
