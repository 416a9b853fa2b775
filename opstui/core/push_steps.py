"""The steps of an update: which there are, and what of one is on a ticket.

A system's mark proves that a step arrived, and sometimes that it did not. Where it can't tell, the ticket itself does:
a field has its new value, still its old one, or somebody else's; a file is there more often than before it was sent.
Only a comment leaves nothing that could be told from somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from opstui.core.approval import Approved
from opstui.core.drafts import DraftOp, OpKind, PushRecord, PushStep, StepState
from opstui.core.frozen import dataclass, replace
from opstui.core.ids import step_id
from opstui.core.merge import FieldState, same, three_way
from opstui.core.ports import Capabilities
from opstui.core.tickets import Ticket


def split(operations: Sequence[DraftOp], groups: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """Indices of the operations of each step, in the order of ``Capabilities.steps``; no step is empty.

    What no group names goes last.
    """
    found: dict[int, list[int]] = {}
    for index, op in enumerate(operations):
        wide = "/fields/*" if op.path.startswith("/fields/") else op.path
        at = next((at for at, group in enumerate(groups) if {op.path, wide, "*"}.intersection(group)), len(groups))
        found.setdefault(at, []).append(index)
    return tuple(tuple(found[at]) for at in sorted(found))


def planned(push: PushRecord, approved: Approved, capabilities: Capabilities) -> PushRecord:
    """The row with its steps. One that an older program was sending already goes on as the one step it was sent as."""
    whole = tuple(range(len(approved.operations)))
    parts = split(approved.operations, capabilities.steps) if push.step is StepState.PLANNED else (whole,)
    sent = push.attempts if len(parts) == 1 else 0
    steps = tuple(PushStep(ops=ops, op_id=step_id(approved.op_id, at), attempts=sent) for at, ops in enumerate(parts))
    return replace(push, steps=steps, accepted=push.step is StepState.UNKNOWN and push.error is None)


def parted(push: PushRecord, there: tuple[int, ...]) -> PushRecord:
    """The row with its step parted: ``there`` is on the ticket, the rest is a new step, which was never sent."""
    step = push.current
    arrived = replace(step, ops=there)
    left = PushStep(
        ops=tuple(index for index in step.ops if index not in there), op_id=step_id(push.id, len(push.steps))
    )
    steps = (*push.steps[: push.at], arrived, left, *push.steps[push.at + 1 :])
    return replace(push, steps=steps, at=push.at + 1, started=True)


def is_marked(step: PushStep, operations: Sequence[DraftOp], capabilities: Capabilities) -> bool:
    """Whether the absence of the step's op id proves, after settling, that nothing of it was applied."""
    if capabilities.marker_findable:
        return True
    return capabilities.marker_in_comment and any(operations[at].op is OpKind.COMMENT for at in step.ops)


def may_be_marked(step: PushStep, operations: Sequence[DraftOp], capabilities: Capabilities) -> bool:
    """Whether it is of any use to look for the step's op id; no where only comments carry one and it has none."""
    return is_marked(step, operations, capabilities) or not capabilities.marker_in_comment


# --- what of it is there ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How each operation of a step stands to a ticket, by index."""

    there: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()
    """Nothing of it is there; sending it does not do it twice."""
    foreign: tuple[int, ...] = ()
    """Fields that have a value of somebody else's."""
    doubtful: tuple[int, ...] = ()
    """It can't be seen whether it is there."""
    words: str = ""
    """What is not as intended: ``status is new instead of bogus``."""


def weigh(
    operations: Sequence[DraftOp], step: PushStep, ticket: Ticket, *, proven: bool, accepted: bool = False
) -> Evidence:
    """What ``ticket`` shows of ``step``.

    ``proven``: its op id is on the ticket. ``accepted``: the system said yes, so a new comment of the same words is it.
    """
    merged = {item.index: item for item in three_way(None, ticket, operations)}
    found: dict[str, list[int]] = {"there": [], "absent": [], "foreign": [], "doubtful": []}
    words = []
    for index in step.ops:
        op, field = operations[index], merged.get(index)
        if op.op is OpKind.COMMENT:
            state = "there" if proven or (accepted and is_said(operations, step, ticket)) else "doubtful"
            if state == "doubtful":
                words.append("the comment is not to be seen")
        elif op.op is OpKind.ATTACH:
            state = _file_state(operations, step, index, ticket)
            if proven and state == "doubtful":
                state = "there"  # it came with what is proven, and was given another name or size
            if state != "there":
                words.append(f"{_name(op)} is not to be seen")
        else:
            assert field is not None
            if op.op is OpKind.SET:
                state = "there" if same(op.path, field.now, op.to) else "absent"
                if state == "absent" and not same(op.path, field.now, op.before):
                    state = "foreign"
            else:
                state = "there" if field.state is FieldState.DONE else "absent"
            if state != "there":
                words.append(f"{_name(op)} is {_shown(field.now)} instead of {_shown(field.yours)}")
        found[state].append(index)
    return Evidence(words="; ".join(words), **{state: tuple(indices) for state, indices in found.items()})


def counted_files(operations: Sequence[DraftOp], step: PushStep, ticket: Ticket) -> tuple[tuple[int, int], ...]:
    """``PushStep.files`` with the ticket as it is."""
    return tuple(_count(operations[at], ticket) for at in step.ops if operations[at].file is not None)


def arrived_files(operations: Sequence[DraftOp], step: PushStep, ticket: Ticket) -> tuple[int, ...]:
    """Files of a step that was sent before which are there by now."""
    if not step.attempts:
        return ()
    return tuple(
        at
        for at in step.ops
        if operations[at].file is not None and _file_state(operations, step, at, ticket) == "there"
    )


def highest_entry(ticket: Ticket) -> int:
    """The number of the newest timeline entry; 0 where there is none."""
    return max((entry.number for entry in ticket.timeline), default=0)


def is_said(operations: Sequence[DraftOp], step: PushStep, ticket: Ticket) -> bool:
    """Whether the ticket has a comment of the step's very words that came after the step was first sent."""
    said = [str(operations[at].to).split() for at in step.ops if operations[at].op is OpKind.COMMENT]
    return bool(said) and any(
        entry.number > step.after and entry.op_id is None and entry.text.split() in said for entry in ticket.timeline
    )


def _count(op: DraftOp, ticket: Ticket) -> tuple[int, int]:
    assert op.file is not None
    name, size = op.file.name, op.file.size
    exact = sum(1 for file in ticket.attachments if file.name == name and file.size == size)
    return exact, sum(1 for file in ticket.attachments if file.name == name or file.size == size)


def _file_state(operations: Sequence[DraftOp], step: PushStep, index: int, ticket: Ticket) -> str:
    files = [at for at in step.ops if operations[at].file is not None]
    place = files.index(index)
    mine = operations[index].file
    assert mine is not None
    then = step.files[place] if place < len(step.files) else (0, 0)
    now = _count(operations[index], ticket)
    twins = alike = 0
    for at in files:
        other = operations[at].file
        assert other is not None
        if at != index and (other.name == mine.name or other.size == mine.size):
            alike += max(0, min(1, _count(operations[at], ticket)[0] - _then(step, files.index(at))))
        if at < index and (other.name, other.size) == (mine.name, mine.size):
            twins += 1
    if now[0] - then[0] > twins:
        return "there"
    return "doubtful" if now[1] - then[1] > alike else "absent"


def _then(step: PushStep, place: int) -> int:
    return step.files[place][0] if place < len(step.files) else 0


# --- in words ---------------------------------------------------------------------------------------------------------


def names(operations: Sequence[DraftOp], indices: Iterable[int]) -> str:
    """What these operations do, as a list in words: ``comment, status, trace.bin``."""
    return ", ".join(dict.fromkeys(_name(operations[index]) for index in indices))


def _name(op: DraftOp) -> str:
    if op.file is not None:
        return op.file.name
    return op.path.lstrip("/")


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value)
    return str(value) if value not in (None, "") else "empty"
