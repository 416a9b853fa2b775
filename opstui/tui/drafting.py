"""What Review needs to know of drafts: how to take a change back, and whose text a lost save was about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftOp, OpKind
from opstui.core.tickets import Visibility

TAGS_PATH = "/tags"


def as_typed(value: Any) -> str:
    """A field's value as an operator types it: names and tags with commas, nothing for none."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)


def is_public(draft: Draft) -> bool:
    """Whether its comment is for the requester."""
    op = draft.comment()
    return op is not None and op.visibility is Visibility.PUBLIC


def comment_text(draft: Draft) -> str:
    """The comment, empty if there is none."""
    op = draft.comment()
    return str(op.to or "") if op is not None else ""


def tag_ops(draft: Draft) -> tuple[DraftOp, ...]:
    """Its operations on tags, one a tag."""
    return tuple(op for op in draft.ops if op.path == TAGS_PATH)


def tags_with(base: Mapping[str, Any], ops: tuple[DraftOp, ...]) -> list[str]:
    """The tags of ``base`` after these operations."""
    tags = [str(tag) for tag in base.get(TAGS_PATH) or ()]
    for op in ops:
        tag = str(op.to if op.to is not None else op.before)
        if op.op is OpKind.ADD and tag not in tags:
            tags.append(tag)
        elif op.op is OpKind.REMOVE and tag in tags:
            tags.remove(tag)
    return tags


def inverse(before: Draft, after: Draft) -> DraftChanges:
    """The changes that make ``after`` say again what ``before`` said."""
    then, now = _fields(before), _fields(after)
    wanted: dict[str, str | None] = {
        path: as_typed(op.to) for path, op in then.items() if path not in now or now[path].to != op.to
    }
    unset = [path for path in now if path not in then]
    if tag_ops(before) != tag_ops(after):
        if tag_ops(before):
            wanted[TAGS_PATH] = ", ".join(tags_with(before.base, tag_ops(before)))
        else:
            unset.append(TAGS_PATH)
    old, new = before.comment(), after.comment()
    if old is None and new is not None:
        unset.append(COMMENT_PATH)
    differs = old is not None and (new is None or old.to != new.to)
    public = is_public(before) if old is not None and (new is None or is_public(before) != is_public(after)) else None
    overrides = {check: before.overrides.get(check, "") for check in {*before.overrides, *after.overrides}}
    files, kept = _files(before), _files(after)
    return DraftChanges(
        set=wanted,
        unset=tuple(unset),
        comment=comment_text(before) if differs else None,
        public=public,
        detach=tuple(sorted(kept.keys() - files.keys())),
        attach_again=tuple(op for sha256, op in files.items() if sha256 not in kept),
        overrides={check: reason for check, reason in overrides.items() if after.overrides.get(check, "") != reason},
    )


def _fields(draft: Draft) -> dict[str, DraftOp]:
    return {op.path: op for op in draft.ops if op.op is OpKind.SET}


def _files(draft: Draft) -> dict[str, DraftOp]:
    return {op.file.sha256: op for op in draft.ops if op.file is not None}


def dropping(draft: Draft, op: DraftOp) -> DraftChanges:
    """The changes that leave one operation out of the draft."""
    if op.op is OpKind.ATTACH and op.file is not None:
        return DraftChanges(detach=(op.file.sha256,))
    if op.path == TAGS_PATH:
        rest = tuple(other for other in tag_ops(draft) if other != op)
        return (
            DraftChanges(set={TAGS_PATH: ", ".join(tags_with(draft.base, rest))})
            if rest
            else DraftChanges(unset=(TAGS_PATH,))
        )
    return DraftChanges(unset=(op.path,))


def may_be_public(draft: Draft, *, workflow_says: bool) -> bool:
    """Whether its comment may go out: an operator's own words always, an agent's if its workflow says so."""
    op = draft.comment()
    return workflow_says or op is None or op.origin.value == "operator"
