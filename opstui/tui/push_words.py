"""Where a draft stands after its approval, in words: Confirm and Review say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo

from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.push_steps import names
from opstui.tui.lines import Line, Span, fit, line, width_of, wrap
from opstui.tui.times import clock

SHOWN = 3
"""Entries of others that are shown with their words."""


def push_lines(
    draft: Draft, push: PushRecord | None, *, now: datetime, tz: tzinfo, settle_seconds: float = 60.0
) -> list[Line]:
    """What happened since the approval, oldest first; empty before one. ``settle_seconds`` is the system's."""
    out: list[Line] = []
    ours = push if push is not None and push.draft == draft.id else None
    if draft.approved_at is not None and draft.state is not DraftState.EDITED:
        who = f" by {draft.approved_by}" if draft.approved_by and draft.approved_by != draft.operator else ""
        out.append(line(" ", ("✓", "good"), f" approved {clock(draft.approved_at, tz)}{who}"))
    if draft.state in (DraftState.APPROVED, DraftState.PUSHING):
        out += _on_its_way(draft, ours, now, tz, settle_seconds)
    elif draft.state is DraftState.PUSHED:
        out += _arrived(ours, tz)
    elif draft.state in (DraftState.CONFLICT, DraftState.NEEDS_HUMAN):
        why = (ours.error if ours is not None else None) or draft.note
        word = " conflict" if draft.state is DraftState.CONFLICT else " needs a person"
        parts = ours is not None and len(ours.steps) > 1 and draft.state is DraftState.NEEDS_HUMAN
        if parts and why:
            # What arrived and what did not stands below, a step a line.
            why = why.partition("; on the ticket: ")[0].partition("; not sent: ")[0]
        out.append(line(" ", ("✗", "bad"), (word, "bad"), f": {why}" if why else ""))
        if parts and ours is not None:
            out += _each_step(draft, ours)
    elif ours is not None and ours.error:
        out.append(line(" ", ("✗", "bad"), f" {ours.error}"))
    return out


def _on_its_way(draft: Draft, push: PushRecord | None, now: datetime, tz: tzinfo, settle_seconds: float) -> list[Line]:
    if push is None:
        return [line(" ", ("…", "dim"), " waits to be sent")]
    out: list[Line] = []
    many = len(push.steps) > 1
    for index in range(push.at if many else 0):
        out.append(line(" ", ("✓", "good"), f" {_step(push, index)} {_what(draft, push, index)} · on the ticket"))
    which = f" {_step(push, push.at)}" if many and push.at < len(push.steps) else ""
    what = f" {_what(draft, push, push.at)}" if which else ""
    attempts = push.current.attempts if push.steps else push.attempts
    again = f" · attempt {attempts}" if attempts > 1 else ""
    pause = push.not_before if push.not_before is not None and push.not_before > now else None
    if push.step is StepState.UNKNOWN and push.sent_at is not None and not push.accepted:
        out.append(line(" ", ("✓", "good"), f" sent{which}{what} {clock(push.sent_at, tz)}{again}"))
        left = math.ceil(settle_seconds - (now - push.sent_at).total_seconds())
        out.append(
            line(" ", ("?", "warn"), (f" unknown: looking, {left} s" if left > 0 else " unknown: looking", "warn"))
        )
    elif push.step is StepState.SENDING and push.sent_at is not None:
        out.append(line(" ", ("…", "accent"), f" sending{which}{what} since {clock(push.sent_at, tz)}{again}"))
    elif push.step is StepState.UNKNOWN and push.sent_at is not None:
        out.append(line(" ", ("…", "accent"), f" sent{which}{what} {clock(push.sent_at, tz)} · reading back{again}"))
    elif pause is not None:
        out.append(
            line(" ", ("…", "dim"), f" waits until {clock(pause, tz)}{':' if which else ''}{which}{what}{again}")
        )
    else:
        out.append(line(" ", ("…", "dim"), f" next:{which}{what}" if which else " waits to be sent"))
    if push.error:
        # It is tried again, or looked for: no verdict yet.
        out.append(line(" ", ("~", "warn"), f" {push.error}"))
    return out


def _arrived(push: PushRecord | None, tz: tzinfo) -> list[Line]:
    out: list[Line] = []
    if push is not None and push.sent_at is not None:
        steps = f" in {len(push.steps)} steps" if len(push.steps) > 1 else ""
        out.append(line(" ", ("✓", "good"), f" sent {clock(push.sent_at, tz)}{steps}"))
    at = f" {clock(push.finished_at, tz)}" if push is not None and push.finished_at is not None else ""
    where = f" · {push.remote_id}" if push is not None and push.remote_id else ""
    out.append(line(" ", ("✓", "good"), (" on the ticket", "strong"), at + where))
    if push is not None:
        out += [line(" ", ("~", "warn"), f" {note}") for note in push.notes]
        if push.overlaps:
            out.append(line(" ", ("~", "warn"), f" {_meanwhile(push.overlaps)}"))
            out += [line("   ", (_entry(entry), "dim")) for entry in push.overlaps[:SHOWN]]
    return out


def _each_step(draft: Draft, push: PushRecord) -> list[Line]:
    """What arrived and what did not, a step a line."""
    out = []
    for index in range(len(push.steps)):
        state = push.state_of(index)
        if state is StepState.VERIFIED:
            mark, word = ("✓", "good"), "on the ticket"
        elif state is StepState.PLANNED and index != push.at:
            mark, word = ("·", "dim"), "not sent"
        elif state is StepState.PLANNED:
            mark, word = ("✗", "bad"), "not on the ticket"
        else:
            mark, word = ("?", "warn"), "not known"
        what = _what(draft, push, index).strip("()") or f"step {index + 1}"
        out.append(line("   ", mark, f" {what}: {word}"))
    return out


def _step(push: PushRecord, index: int) -> str:
    return f"{index + 1} of {len(push.steps)}"


def _what(draft: Draft, push: PushRecord, index: int) -> str:
    """``(comment, status)``: what a step carries, while the draft still is what was approved."""
    ops = push.steps[index].ops
    return f"({names(draft.ops, ops)})" if all(at < len(draft.ops) for at in ops) else ""


def _entry(entry: Mapping[str, object]) -> str:
    text = " ".join(str(entry.get("text", "")).split())
    return f"{entry.get('author', 'somebody')} {entry.get('kind', '')}: {text}"


def _meanwhile(overlaps: tuple[Mapping[str, object], ...]) -> str:
    who = list(dict.fromkeys(str(entry.get("author", "somebody")) for entry in overlaps))
    one = len(overlaps) == 1
    return f"{len(overlaps)} other {'entry' if one else 'entries'} came meanwhile: {', '.join(who)}"


def wrapped(drawn: Line, width: int) -> list[Line]:
    """A short line as it is; a long one with its last span wrapped under itself."""
    last = drawn[-1]
    if len(last.text) < 30:
        return [fit(drawn, width)]
    head = drawn[:-1]
    start = width_of(head)
    parts = wrap(last.text, max(12, width - start - 1))
    return [(*head, Span(parts[0], last.style)), *(line("   ", (part, last.style)) for part in parts[1:])]


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
