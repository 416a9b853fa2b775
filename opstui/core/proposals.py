"""What a document turns into: the changes that a session proposes for its ticket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from opstui.core.documents import Document, EscalationPackage, Reply, ResolutionCode, ResolutionNotes, Triage
from opstui.core.drafts import DraftChanges
from opstui.core.frozen import dataclass
from opstui.core.render.registry import as_comment, as_markdown
from opstui.core.statuses import RESOLVED, pick
from opstui.core.taxonomy import Taxonomy
from opstui.core.tickets import BOARD_SYSTEM as BOARD_SYSTEM, Ticket
from opstui.core.workflows import Workflow

_NOTES_FIELD = re.compile(r"(?:close|closing|resolution|closure)[ _-]?(?:notes?|comments?|text|summary)", re.IGNORECASE)
_CAUSE_FIELD = re.compile(r"(?:root[ _-]?)?cause", re.IGNORECASE)
_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def proposes(workflow: Workflow, ticket: Ticket) -> bool:
    """Whether a session of the workflow on this ticket ends in a draft: a board is nobody's ticket, so none there."""
    return bool(workflow.fields) and ticket.ref.system != BOARD_SYSTEM


def proposal(
    workflow: Workflow,
    document: Document,
    ticket: Ticket,
    statuses: Callable[[], Sequence[str]] = tuple,
    taxonomy: Taxonomy | None = None,
) -> DraftChanges:
    """An internal comment; for an escalation the whole package attached, and the fields that the document knows.

    Nothing outside the workflow's own fields, and no field that already has the value. ``statuses`` tells what the
    ticket can become; it is asked only where a status is wanted, and none is proposed that it does not name.
    ``taxonomy`` says what the ticket's system calls a value.
    """
    more = _MORE.get(type(document).__name__)
    wanted = more(document, ticket, taxonomy or Taxonomy()) if more is not None else Wanted()
    allowed = {path: value for path, value in wanted.fields.items() if workflow.allows(path)}
    if wanted.statuses and "/status" in workflow.fields:
        status = pick(statuses(), wanted.statuses)
        allowed |= {"/status": status} if status is not None else {}
    return DraftChanges(
        set=allowed,
        comment=str(as_comment(document)) if "/comment" in workflow.fields else None,
        public=wanted.public and workflow.public_comment,
        attach=wanted.files if "/attachments" in workflow.fields else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a kind of document wants of its ticket beside the comment."""

    fields: Mapping[str, str | None] = field(default_factory=dict)
    """Path → value, as an operator would type it."""
    statuses: tuple[str, ...] = ()
    """Words for the status that it should get, the best first; of those that it can take, the first is proposed."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Name and content."""
    public: bool = False
    """The comment is for customers."""


def _escalation(package: EscalationPackage, ticket: Ticket, taxonomy: Taxonomy) -> Wanted:
    files = ((package_name(ticket), as_markdown(package).encode("utf-8")),)
    known = taxonomy.resolve("team", package.to_team)
    team = known.called(ticket.ref.system) if known is not None else package.to_team
    is_new = team is not None and team != ticket.team
    return Wanted(fields={"/team": team} if is_new else {}, files=files)


def _reply(reply: Reply, ticket: Ticket, taxonomy: Taxonomy) -> Wanted:
    return Wanted(public=True)


def _closure(notes: ResolutionNotes, ticket: Ticket, taxonomy: Taxonomy) -> Wanted:
    """The end as a status only where lines say how it ended and, if something was mended, that it is well since.

    Fields for notes and cause where the ticket has them.
    """
    fields = {}
    ended = " ".join(claim.text for claim in notes.resolution)
    for name in ticket.fields:
        if _NOTES_FIELD.fullmatch(name.strip()) and ended:
            fields[f"/fields/{name}"] = ended
        elif _CAUSE_FIELD.fullmatch(name.strip()) and notes.cause.citations:
            fields[f"/fields/{name}"] = notes.cause.text
    code = notes.code
    sure = notes.verified is not None or code not in (ResolutionCode.FIXED, ResolutionCode.WORKAROUND)
    ended_well = code is not ResolutionCode.UNKNOWN and sure and ticket.status.category.is_open
    changed = {
        path: value for path, value in fields.items() if str(ticket.fields[path.removeprefix("/fields/")]) != value
    }
    return Wanted(fields=changed, statuses=RESOLVED if ended_well else ())


def _triage(document: Triage, ticket: Ticket, taxonomy: Taxonomy) -> Wanted:
    """Severity and team; category, service and request type in the fields that the taxonomy names, else the category
    as a tag. Links nothing: a duplicate is a person's to name."""
    system = ticket.ref.system
    called = {
        kind: term.called(system)
        for kind, choice in document.choices
        if (term := taxonomy.resolve(kind, choice.value)) is not None
    }
    wanted: dict[str, str | None] = {}
    if called.get("severity") not in (None, ticket.severity):
        wanted["/severity"] = document.severity.value
    team = called.get("team")
    if team is not None and team.casefold() != (ticket.team or "").casefold():
        wanted["/team"] = team
    for kind, name in taxonomy.fields.items():
        if kind in called and called[kind].casefold() != str(ticket.fields.get(name, "")).casefold():
            wanted[f"/fields/{name}"] = called[kind]
    tag = called.get("category") if "category" not in taxonomy.fields else None
    # Tags are written in a row, so one that holds a comma could not be kept.
    is_plain = not any("," in own for own in (*ticket.tags, tag or ""))
    if tag is not None and is_plain and tag.casefold() not in (own.casefold() for own in ticket.tags):
        wanted["/tags"] = ", ".join([*map(str, ticket.tags), tag])
    return Wanted(fields=wanted)


_MORE: Mapping[str, Callable[[Any, Ticket, Taxonomy], Wanted]] = {
    "EscalationPackage": _escalation,
    "Triage": _triage,
    "Reply": _reply,
    "ResolutionNotes": _closure,
}
"""Document schema, by class name → what it wants; a kind without an entry wants its comment alone."""


def package_name(ticket: Ticket) -> str:
    """``escalation-INC-1042.md``; what can't be in a file name becomes a dash."""
    key = _UNSAFE_IN_NAMES.sub("-", ticket.ref.key).strip("-.")[:80]
    return f"escalation-{key or 'ticket'}.md"
