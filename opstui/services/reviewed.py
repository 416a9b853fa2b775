"""Which findings about a document are shown with the draft that was made of it."""

from __future__ import annotations

from opstui.core.documents import Document, Finding, claims_of, kind_of
from opstui.core.drafts import Draft, OpKind
from opstui.core.render.registry import as_comment


def that_still_matter(found: list[Finding], drafted: Document, draft: Draft, *, commented: bool) -> list[Finding]:
    """Findings but those about words that the operator took out of the comment; ``commented``: it proposes one.

    What the comment never held blocks nothing either, but it is part of what the draft was made from: its warnings are
    shown.
    """
    if any(op.op is OpKind.ATTACH and op.origin.value == "agent" for op in draft.ops):
        return found  # the package holds every claim as it was written
    comment = draft.comment()
    now = _flat(str(comment.to or "")) if comment is not None else ""
    words: dict[str, list[str]] = {}
    for claim in claims_of(drafted):
        words.setdefault(claim.id, []).append(_beginning(claim.text))
    for said in kind_of(drafted).said(drafted):
        if said.claim is not None:
            words.setdefault(said.claim, []).append(_beginning(said.text))

    def stands_in(text: str, item: Finding) -> bool:
        return any(own in text for own in words.get(item.claim or "", ()))

    gone = {item.id for item in found if item.claim is not None and not stands_in(now, item)}
    if any(item.id in gone and item.level == "warn" for item in found):
        before = _flat(as_comment(drafted)) if commented else ""
        gone -= {item.id for item in found if item.level == "warn" and not stands_in(before, item)}
    return [item for item in found if item.id not in gone]


def _beginning(text: str) -> str:
    """A claim without the dots with which it was cut."""
    return _flat(text).rstrip("…. ")


def _flat(text: str) -> str:
    return " ".join(text.split())
