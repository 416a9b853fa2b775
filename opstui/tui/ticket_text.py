"""A ticket as paragraphs: facts, first look, body, timeline, and what belongs to it here. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opstui.core.claims import Citation, CitationKind, Claim, ClaimStatus
from opstui.core.desk import FirstLookView, TicketView
from opstui.core.drafts import Draft
from opstui.core.frozen import dataclass
from opstui.core.money import dollars
from opstui.core.sessions import Session, SessionStatus
from opstui.core.tickets import EntryKind, TicketRow, TimelineEntry, Visibility
from opstui.tui.draw import cells, fit
from opstui.tui.widgets.textview import Bit, Para
from opstui.tui.words import age, called, clock, due, estimate, running, shape

MARKS = {
    SessionStatus.QUEUED: ("◌", "dim"),
    SessionStatus.STARTING: ("◌", "dim"),
    SessionStatus.RUNNING: ("◐", "accent"),
    SessionStatus.WAITING: ("◐", "accent"),
    SessionStatus.IDLE: ("◑", "dim"),
    SessionStatus.ENDED: ("✓", "good"),
    SessionStatus.FAILED: ("✗", "bad"),
}
"""Session status → shape and role; the word stands beside it."""

WORDS = {
    "incident-summary": "incident summary",
    "escalation-package": "escalation package",
    "shift-handover": "handover",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Enter opens a runbook page at these lines."""

    citation: Citation


def workflow_word(workflow: str) -> str:
    """A workflow as people say it."""
    return WORDS.get(workflow, workflow.replace("-", " "))


def head(view: TicketView, now: datetime, timezone: str, *, me: str) -> list[Para]:
    """Title, and one line of facts."""
    ticket = view.ticket
    who = ", ".join("you" if name == me else str(name) for name in ticket.assignees) or "nobody"
    facts: list[Bit] = [(f"{shape(ticket.severity)} ", f"severity{ticket.severity}" if ticket.severity else "faint")]
    words = [severity_words(ticket), str(ticket.status.raw), who]
    words += [str(ticket.team)] if ticket.team else []
    if ticket.due_at is not None and ticket.status.category.is_open:
        left = due(ticket.due_at, now)
        words.append(f"overdue {left[1:]}" if left.startswith("-") else f"due in {left}")
    words.append(f"{age(ticket.created_at, now)} old")
    labels = ", ".join(dict.fromkeys([*map(str, ticket.services), *map(str, ticket.tags)]))
    words += [labels] if labels else []
    state = "" if view.state == "live" else f"{view.state} since {clock(view.fetched_at, timezone, now)}"
    found = [
        Para(ticket.title, "strong", lead=((f"{called(ticket.ref)}  ", "accent"),)),
        Para(" · ".join(words), "dim", lead=tuple(facts)),
    ]
    if state:
        found.append(Para(f"{state}{f': {view.error}' if view.error else ''}", "warn"))
    found += since_looked(view)
    fields = "   ".join(f"{name} {value}" for name, value in ticket.fields.items() if value)
    if fields:
        found.append(Para(fields, "faint"))
    return found


def severity_words(ticket: TicketRow) -> str:
    """``sev 2``, with the system's own word beside it where that says more: ``sev 2 (Urgent)``, ``priority Urgent``."""
    priority = str(ticket.priority or "")
    if not ticket.severity:
        return f"priority {priority}" if priority else "no severity"
    plain = priority.casefold().removeprefix("sev").removeprefix("p").strip(" -")
    return f"sev {ticket.severity}" + (f" ({priority})" if plain not in ("", ticket.severity) else "")


def since_looked(view: TicketView) -> list[Para]:
    """What changed since the operator looked: fields with both values, and how many entries came."""
    parts = [
        f"{_NAMES.get(path, path.removeprefix('/fields/'))} {_value(then)} → {_value(now)}"
        for path, (then, now) in view.changed_fields.items()
    ]
    count = len(view.changed_since_seen)
    if 0 < count < len(view.ticket.timeline):
        # Of a ticket that nobody looked at yet everything is new, and its row said so.
        parts.append("1 new entry" if count == 1 else f"{count} new entries")
    return [Para(" · ".join(parts), "text", lead=(("since you looked  ", "good"),))] if parts else []


_NAMES = {"/assignee": "owner", "/status": "status", "/severity": "severity", "/team": "team", "/tags": "tags"}


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value)
    text = " ".join(str(value).split()) if value not in (None, "") else "–"
    return text if len(text) <= 60 else text[:59] + "…"


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticket that is not known whole is being read, or could not be."""

    seconds: int = 0
    """How long it has been waited for."""
    error: str = ""
    """Why it came to nothing."""

    def para(self, system: str) -> Para:
        """What to say where the timeline will stand."""
        if self.error:
            return Para(f"not read: {self.error}", "warn")
        return Para(bits=((f"being read from {system} …{self.waited}", "dim"),))

    @property
    def waited(self) -> str:
        """`` (3 s)``, and nothing in the first second."""
        return f" ({self.seconds} s)" if self.seconds else ""


def citation_word(citation: Citation, key: str) -> str:
    """``#1 1-2`` for the ticket's own entries, else the ref and its lines."""
    ref = citation.ref.removeprefix(key) if citation.ref.startswith(key + "#") else citation.ref.rpartition("/")[2]
    lines = str(citation.line_start)
    return f"{ref} {lines}" if citation.line_start == citation.line_end else f"{ref} {lines}-{citation.line_end}"


def claims(found: Sequence[Claim], key: str) -> list[Para]:
    """Claims with what they rest on; enter opens the first source."""
    paras: list[Para] = []
    for claim in found:
        cites = "  ".join(citation_word(citation, key) for citation in claim.citations)
        role = "dim" if claim.status in (ClaimStatus.UNKNOWN, ClaimStatus.INFERRED) else "text"
        target = claim.citations[0] if claim.citations else None
        paras.append(
            Para(claim.text, role, lead=(("· ", "faint"),), tail=((cites, "faint"),) if cites else (), target=target)
        )
    return paras


def first_look(look: FirstLookView | None, key: str, *, limit: int | None = None) -> list[Para]:
    """The extractive summary at once; says so while it is being made. With ``limit`` the best page stands below it."""
    if look is None:
        return [section("first look"), Para("reading …", "faint")]
    shown = look.claims if limit is None else look.claims[:limit]
    found = [
        section("first look", "no model, cited"),
        *(claims(shown, key) or [Para("nothing on this ticket to say yet", "faint")]),
    ]
    for hit in () if limit is None else look.hits[:1]:
        cite = Citation(CitationKind.DOC, hit.doc, hit.line_start, hit.line_end)
        state = "" if hit.facts.state.is_guidance else f" · {hit.facts.state.value}"
        found.append(
            Para(
                hit.title,
                "text",
                lead=(("runbook  ", "faint"),),
                tail=((f"{hit.strength.value} {hit.line_start}-{hit.line_end}{state}", "faint"),),
                target=Page(cite),
            )
        )
    return found


def section(name: str, note: str = "") -> Para:
    """A heading inside the text."""
    return Para(bits=((name, "accent"), (f"  {note}" if note else "", "faint")))


def work(sessions: Sequence[Session], drafts: Sequence[Draft], now: datetime, timezone: str) -> list[Para]:
    """Sessions and drafts of the ticket; enter opens them."""
    found: list[Para] = []
    for session in sorted(sessions, key=lambda one: one.created_at, reverse=True):
        found.append(session_line(session, now, timezone))
    for draft in drafts:
        role = {"conflict": "bad", "needs_human": "warn", "discarded": "faint", "pushed": "good"}.get(
            draft.state.value, "accent"
        )
        said = (
            f"{draft.state.value.replace('_', ' ')} · {len(draft.ops)} {'change' if len(draft.ops) == 1 else 'changes'}"
        )
        note = f" · {draft.note}" if draft.note else ""
        what = workflow_word(draft.workflow) if draft.workflow else "update"
        found.append(
            Para(
                f"{said}{note}",
                "dim",
                lead=(("✎ ", role), (f"{what}  ", "text")),
                tail=((clock(draft.updated_at, timezone, now), "faint"),),
                target=draft,
            )
        )
    return [section("work"), *found] if found else []


def session_line(session: Session, now: datetime, timezone: str) -> Para:
    """A session in a line."""
    mark, role = MARKS[session.status]
    why = (
        f" ({session.stop_reason.replace('_', ' ')})"
        if session.stop_reason and session.status is not SessionStatus.ENDED
        else ""
    )
    said = f"{session.status.value}{why} · {session.runtime} · {running(session.cost.usage.running_ms)}"
    return Para(
        said,
        "dim",
        lead=((f"{mark} ", role), (f"{workflow_word(session.workflow)}  ", "text")),
        tail=((f"{_spent(session)}  {clock(session.created_at, timezone, now)}", "faint"),),
        target=session,
    )


def _spent(session: Session) -> str:
    cost = session.cost
    return f"${dollars(cost.shown)}" if cost.is_exact else estimate(cost.shown, fine=True)


_KIND_ROLE = {
    "alert": "severity2",
    "status": "accent",
    "field": "dim",
    "assign": "dim",
    "system": "faint",
    "link": "dim",
    "attach": "dim",
}


def entry(one: TimelineEntry, now: datetime, timezone: str, *, new: bool = False) -> list[Para]:
    """A timeline entry: time, kind, author, and its lines with the numbers that citations count."""
    number = str(one.number)
    kind = one.kind.value
    said = one.kind in (EntryKind.COMMENT, EntryKind.REPLY)
    public = "  public" if one.visibility is Visibility.PUBLIC and said else ""
    found = [
        Para(
            bits=(
                (f"{clock(one.at, timezone, now)}  ", "dim"),
                (f"{kind}  ", _KIND_ROLE.get(kind, "faint")),
                (str(one.author), "strong"),
                (public, "warn"),
                ("  new" if new else "", "good"),
                (f"  #{number}", "faint"),
            ),
            mark=one.id,
        )
    ]
    lines = one.text.split("\n")
    width = max(2, len(str(len(lines))))
    for index, text in enumerate(lines, 1):
        found.append(
            Para(text, "text", lead=((f"{index:>{width + 1}}  ", "faint"),), indent=width + 3, mark=f"{one.id}:{index}")
        )
    return found


def timeline(view: TicketView, now: datetime, timezone: str, reading: Reading | None = None) -> list[Para]:
    """The whole timeline, oldest first; of a ticket that is not known whole, what is known of it and what is done."""
    fresh = set(view.changed_since_seen)
    entries = view.ticket.timeline
    if not view.ticket.complete:
        return [
            section("timeline", "as it was read last" if entries else ""),
            (reading or Reading()).para(view.ticket.ref.system),
            *(para for one in entries for para in entry(one, now, timezone, new=one.id in fresh)),
        ]
    found = [section("timeline", f"{len(entries)} entries" if len(entries) != 1 else "1 entry")]
    for one in entries:
        found += entry(one, now, timezone, new=one.id in fresh)
    return found


def body(view: TicketView) -> list[Para]:
    """The body, with the line numbers that citations of ``KEY#0`` count: line 1 is the title."""
    text = view.ticket.body
    if not text.strip():
        return [section("body"), Para("no body" if view.ticket.complete else "follows", "faint")]
    lines = text.split("\n")
    width = max(2, len(str(len(lines) + 1)))
    key = view.ticket.entry_id(0)
    return [
        section("body"),
        *(
            Para(line, "text", lead=((f"{number:>{width + 1}}  ", "faint"),), indent=width + 3, mark=f"{key}:{number}")
            for number, line in enumerate(lines, 2)
        ),
    ]


BLANK = Para()


def whole(
    view: TicketView,
    look: FirstLookView | None,
    now: datetime,
    timezone: str,
    *,
    me: str,
    reading: Reading | None = None,
    beside: Sequence[Sequence[Para]] = (),
) -> list[Para]:
    """Everything the Ticket screen shows; ``beside`` is what stands below the first look."""
    complete = view.ticket.complete
    parts = [
        head(view, now, timezone, me=me),
        work(view.sessions, view.drafts, now, timezone),
        # Of half a ticket a first look would say what is not so; it follows with the timeline.
        first_look(look, view.ticket.ref.key) if complete else [],
        *(beside if complete else ()),
        *([body(view)] if complete or view.ticket.body.strip() else []),
        timeline(view, now, timezone, reading),
    ]
    if view.ticket.attachments:
        parts.append(
            [
                section("files"),
                *(Para(f"{file.name}", tail=((f"{file.size:,} bytes", "faint"),)) for file in view.ticket.attachments),
            ]
        )
    return join(parts)


def preview(
    view: TicketView,
    look: FirstLookView | None,
    now: datetime,
    timezone: str,
    *,
    me: str,
    reading: Reading | None = None,
) -> list[Para]:
    """What the preview pane shows: as much as a glance takes in, newest entries first."""
    complete = view.ticket.complete
    fresh = set(view.changed_since_seen)
    entries: list[Para] = []
    widest = min(14, max((cells(one.author) for one in view.ticket.timeline[-12:]), default=0))
    for one in reversed(view.ticket.timeline[-12:]):
        lines = one.text.split("\n")
        text = lines[0] + (f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else "")
        stamp = clock(one.at, timezone, now)
        entries.append(
            Para(
                text,
                "text",
                lead=((f"{stamp}  ", "dim"), (f"{fit(one.author, widest)}  ", "dim")),
                tail=((("new " if one.id in fresh else ""), "good"), (f"#{one.number}", "faint")),
                mark=one.id,
            )
        )
    missing = [] if complete else [(reading or Reading()).para(view.ticket.ref.system)]
    parts = [
        head(view, now, timezone, me=me),
        work(view.sessions, view.drafts, now, timezone),
        first_look(look, view.ticket.ref.key, limit=4) if complete else [],
        [section("timeline", "newest first" if entries else ""), *missing, *entries] if entries or missing else [],
        [section("body"), *(Para(line) for line in view.ticket.body.split("\n")[:40])]
        if view.ticket.body.strip()
        else [],
    ]
    return join(parts)


def join(parts: Sequence[Sequence[Para]]) -> list[Para]:
    """Parts with a blank line between them."""
    found: list[Para] = []
    for part in parts:
        if part:
            found += [*([BLANK] if found else []), *part]
    return found
