"""What a ticket system can't take, in words, and the part of an update that it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opstui.core.drafts import COMMENT_PATH, DraftChanges
from opstui.core.errors import Refused
from opstui.core.ports import Capabilities
from opstui.core.text import clean_line

FIELDS = ("/status", "/severity", "/assignee", "/team", "/tags")
"""Paths that every system is asked about, and a person may look for."""


def can_set(path: str, capabilities: Capabilities) -> bool:
    """Whether the system takes a value at this path of a field."""
    return path in capabilities.fields or (path.startswith("/fields/") and "/fields/*" in capabilities.fields)


def why_not(what: str, capabilities: Capabilities) -> str:
    """Why the system can't do this (a path, ``attachments``, ``internal``, ``public``); empty where it does not say."""
    found = capabilities.cant.get(what)
    if not found and what.startswith("/fields/"):
        found = capabilities.cant.get("/fields/*")
    return str(clean_line(found, limit=160)) if found else ""


def only_public(capabilities: Capabilities) -> bool:
    """Whether every comment there can be read from outside."""
    return capabilities.public_comments and not capabilities.internal_comments


def takes_comments(capabilities: Capabilities) -> bool:
    """Whether anything can be said there at all."""
    return capabilities.public_comments or capabilities.internal_comments


OPERATORS = "only operators see it"
REQUESTER = "the requester sees it"


def who_reads(capabilities: Capabilities, *, public: bool) -> str:
    """Who can read a comment there, in a few words: the system's own, else what the two kinds mean by themselves."""
    note = str(clean_line(capabilities.comment_note, limit=160)).strip()
    kind, other = ("public:", "internal:") if public else ("internal:", "public:")
    if kind in note or other in note:
        parts = [part.strip() for part in note.split(";")]
        note = next((part.removeprefix(kind).strip() for part in parts if part.startswith(kind)), "")
    return note or (REQUESTER if public else OPERATORS)


# --- refusals ---------------------------------------------------------------------------------------------------------


def refused_field(system: str, path: str, capabilities: Capabilities) -> str | None:
    """Why a field can't be set, as a sentence; None where it can."""
    if can_set(path, capabilities):
        return None
    return _because(f"{system} can't set {clean_line(path.lstrip('/'))}", why_not(path, capabilities))


def refused_names(system: str, names: Sequence[str], capabilities: Capabilities) -> str | None:
    """Why these people can't have a ticket together, as a sentence; None where they can."""
    if len(names) < 2 or not capabilities.single_assignee:
        return None
    return f"{system} gives a ticket to one person, and these are {len(names)}: {', '.join(names)}"


def refused_comment(system: str, text: str, public: bool, capabilities: Capabilities) -> str | None:
    """Why this can't be said there, as a sentence; None where it can."""
    if not takes_comments(capabilities):
        return _because(f"{system} takes no comments", why_not(COMMENT_PATH, capabilities))
    if public and not capabilities.public_comments:
        return _because(f"{system} takes no public comments", why_not("public", capabilities))
    if not public and not capabilities.internal_comments:
        said = _because(f"{system} takes no internal comments", why_not("internal", capabilities))
        return f"{said}; every comment on {system} is public: say so with --public"
    return too_long(system, len(text), capabilities)


def too_long(system: str, length: int, capabilities: Capabilities) -> str | None:
    """Why a comment of so many code points is too long, as a sentence; None where it is not."""
    limit = capabilities.comment_limit
    if limit is None or length <= limit:
        return None
    return f"the comment has {length:,} characters, and {system} takes {limit:,}: {length - limit:,} too many"


def refused_file(system: str, name: str, size: int, capabilities: Capabilities) -> str | None:
    """Why a file of ``size`` bytes can't be attached, as a sentence; None where it can."""
    if not capabilities.attachments:
        return _because(f"{system} takes no attachments", why_not("attachments", capabilities))
    limit = capabilities.attachment_limit
    if limit is None or size <= limit:
        return None
    return f"{clean_line(name, limit=80)} has {size:,} bytes, and {system} takes files of at most {limit:,}"


def _because(said: str, reason: str) -> str:
    return f"{said}: {reason}" if reason else said


def require(refusal: str | None) -> None:
    """Raises Refused with the sentence, if there is one."""
    if refusal is not None:
        raise Refused(refusal)


# --- what a workflow proposes -----------------------------------------------------------------------------------------


def within(
    changes: DraftChanges, system: str, capabilities: Capabilities, *, may_be_public: bool
) -> tuple[DraftChanges, tuple[str, ...]]:
    """The part of a workflow's ``changes`` that ``system`` can take, and a sentence for each that it can't.

    What an agent worked out is never thrown away because a system lacks a field: the rest is proposed, and what is
    missing is said. Where every comment is public, one goes out only if the workflow lets its words out.
    """
    left: list[str] = []
    fields: dict[str, str | None] = {}
    for path, value in changes.set.items():
        refusal = refused_field(system, path, capabilities)
        if refusal is None:
            fields[path] = value
        else:
            left.append(refusal)
    made = replace(changes, set=fields)
    if changes.comment is not None:
        public = bool(changes.public) or (only_public(capabilities) and may_be_public)
        refusal = refused_comment(system, changes.comment, public, capabilities)
        if refusal is not None and only_public(capabilities) and not public:
            refusal = f"the comment was left out: every comment on {system} is public, and this one may not be"
        if refusal is not None:
            left.append(refusal)
        made = replace(made, comment=changes.comment if refusal is None else None, public=public)
    kept = []
    for name, content in changes.attach:
        refusal = refused_file(system, name, len(content), capabilities)
        if refusal is None:
            kept.append((name, content))
        else:
            left.append(f"{clean_line(name, limit=80)} was left out: {refusal}")
    return replace(made, attach=tuple(kept)), tuple(left)
