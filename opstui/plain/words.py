"""What the dialogue says of a ticket, a draft and what would be sent: whole sentences, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from opstui.core.desk import Confirmation, Review
from opstui.core.drafts import OpKind, PushRecord
from opstui.core.tickets import Ticket
from opstui.plain.sessions import HELP as SESSIONS_HELP

HELP = f"""\
queue            the queues
queue NAME       the tickets of a queue
more             the next page of a list
find FILTER      tickets that match, for example: find severity<=2 -status:closed
ticket REF       open a ticket; a number opens that line of the last list
look             the first look: what is known of the open ticket, free
{SESSIONS_HELP}
draft            read the open ticket's draft
draft ID         read that draft
comment          write the draft's comment; a line with a single dot ends it
set PATH VALUE   change a field in the draft, for example: set /status waiting
theirs PATH      settle a conflict: what is on the ticket stays
mine PATH        settle a conflict: your value is set all the same
override CHECK REASON   answer a check that blocks: wrong_fact, missing_fact, wrong_action, tone, stale, policy, other
discard          put the draft away
confirm          read exactly what would be sent, and send it by typing what is shown
status           shift, cost, what waits
quit             leave; what runs goes on"""


def ticket_lines(ticket: Ticket) -> Iterator[str]:
    """The ticket, as far as it is known."""
    yield f"{ticket.ref}. {ticket.title}"
    yield (
        f"Severity {ticket.severity or 'none'}, {ticket.status.raw}, "
        f"assigned to {', '.join(ticket.assignees) or 'nobody'}, team {ticket.team or 'none'}."
    )
    if ticket.body:
        yield ticket.body
    for file in ticket.attachments:
        yield f"File {file.name}, {file.size} bytes."
    for entry in ticket.timeline:
        yield f"{entry.id}, {clock(entry.at)}, {entry.author}, {entry.kind.value}, {entry.visibility.value}:"
        yield entry.text


def review_lines(review: Review) -> Iterator[str]:
    """A draft: what it changes, and what the checks say."""
    found = review.draft
    yield f"Draft {found.id} on {found.ticket}, {found.state.value}." + (f" {found.note}." if found.note else "")
    for row in review.rows:
        if row.op.op is not OpKind.COMMENT:
            conflict = " Conflict: somebody changed it." if row.conflict else ""
            yield f"{row.path}: now {_value(row.now)}, yours {_value(row.yours)}.{conflict}"
    comment = found.comment()
    if comment is not None:
        yield f"Comment, {review.audience}:"
        yield str(comment.to)
    for name, size, _ in review.files:
        yield f"Attached: {name}, {size} bytes."
    for finding in review.findings:
        answered = ", answered" if finding.overridden else ""
        yield f"{'Blocks' if finding.level == 'block' else 'Warning'}, {finding.id}{answered}: {finding.text}"
    yield f"{review.claims_ok} of {len(review.claims)} claims are cited and found."


def confirm_lines(shown: Confirmation) -> Iterator[str]:
    """Exactly what would be sent, and to whom."""
    account = f", whom it knows as {shown.account}" if shown.account not in ("", shown.operator) else ""
    yield (
        f"This will be sent to {shown.system}, {shown.origin}, as {shown.operator}{account}, "
        f"on {shown.ticket}: {shown.title}"
    )
    if shown.steps > 1:
        yield f"It takes {shown.steps} requests, each read back before the next."
    for field, before, after in shown.rows:
        yield f"{field}: from {before} to {after}."
    if shown.comment is not None:
        who = shown.audience or ("public" if shown.public else "internal")
        yield f"{'Public' if shown.public else 'Internal'} comment, {len(shown.comment)} characters, {who}:"
        yield shown.comment
    for name, size, _ in shown.files:
        yield f"File {name}, {size} bytes."
    if shown.tells:
        yield f"Tells {', '.join(shown.tells)}."
    yield from (*shown.overlaps, *shown.overridden)


def arrival(push: PushRecord | None) -> str:
    """That an update is on its ticket, and what else happened there."""
    others = [f"{one.get('author', 'somebody')}, {one.get('id', '')}" for one in push.overlaps] if push else []
    notes = [f" {note}." for note in push.notes] if push else []
    meanwhile = f" Meanwhile there: {'; '.join(others)}." if others else ""
    return f"It is on the ticket.{''.join(notes)}{meanwhile}"


def clock(moment: datetime) -> str:
    """A time for people, in UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _value(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    return ", ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else str(value)
