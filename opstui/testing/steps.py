"""An update as the steps that a system takes it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opstui.core.ports import Update


def split(update: Update, steps: Sequence[Sequence[str]]) -> tuple[Update, ...]:
    """One update for each group of ``steps`` that ``update`` has something of; see ``Capabilities.steps``."""
    parts = [
        replace(
            update,
            fields={path: value for path, value in update.fields.items() if _group(path, steps) == at},
            comment=update.comment if _group("/comment", steps) == at else None,
            add_tags=update.add_tags if _group("/tags", steps) == at else (),
            remove_tags=update.remove_tags if _group("/tags", steps) == at else (),
            attachments=update.attachments if _group("/attachments", steps) == at else (),
        )
        for at in range(len(steps))
    ]
    full = [
        one for one in parts
        if one.fields or one.comment is not None or one.add_tags or one.remove_tags or one.attachments
    ]  # fmt: skip
    return tuple(replace(one, step=at, steps=len(full)) for at, one in enumerate(full))


def _group(path: str, steps: Sequence[Sequence[str]]) -> int:
    """The first group that names the path; -1 for none."""
    wide = "/fields/*" if path.startswith("/fields/") else path
    return next((at for at, group in enumerate(steps) if path in group or wide in group or "*" in group), -1)
