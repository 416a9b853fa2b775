"""An update as the steps that a system takes it in, parted by the rule that the publisher has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opstui.core.drafts import ATTACH_PATH, COMMENT_PATH, DraftOp, OpKind
from opstui.core.ids import step_id
from opstui.core.ports import Update
from opstui.core.push_steps import split as split_operations


def split(update: Update, groups: Sequence[Sequence[str]]) -> tuple[Update, ...]:
    """One update for each group of ``groups`` that ``update`` has something of; see ``Capabilities.steps``."""
    operations = [DraftOp(op=OpKind.SET, path=path) for path in update.fields]
    if update.add_tags or update.remove_tags:
        operations.append(DraftOp(op=OpKind.ADD, path="/tags"))
    if update.comment is not None:
        operations.append(DraftOp(op=OpKind.COMMENT, path=COMMENT_PATH))
    if update.attachments:
        operations.append(DraftOp(op=OpKind.ATTACH, path=ATTACH_PATH))
    parts = split_operations(operations, groups)
    return tuple(
        _part(update, {operations[index].path for index in part}, at, len(parts)) for at, part in enumerate(parts)
    )


def _part(update: Update, paths: set[str], at: int, count: int) -> Update:
    return replace(
        update,
        op_id=step_id(update.op_id, at),
        fields={path: value for path, value in update.fields.items() if path in paths},
        comment=update.comment if COMMENT_PATH in paths else None,
        add_tags=update.add_tags if "/tags" in paths else (),
        remove_tags=update.remove_tags if "/tags" in paths else (),
        attachments=update.attachments if ATTACH_PATH in paths else (),
        step=at,
        steps=count,
    )
