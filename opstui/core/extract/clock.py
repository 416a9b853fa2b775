"""What code computes from a ticket, whatever a text says: the SLA clock, the severity note, the state word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from opstui.core.documents import Citation, SeverityNote, Sla, SlaState, SummaryStatus
from opstui.core.extract.units import Unit
from opstui.core.sources import SourceSet
from opstui.core.tickets import EntryKind, StatusCategory, Ticket

AT_RISK_SHARE = 0.25
"""Below this share of the whole time, an SLA is at risk."""
AT_RISK_FLOOR = timedelta(minutes=15)
"""And always below this much."""

IMPLIED = {
    StatusCategory.NEW: SummaryStatus.INVESTIGATING,
    StatusCategory.OPEN: SummaryStatus.INVESTIGATING,
    StatusCategory.WAITING: SummaryStatus.MONITORING,
    StatusCategory.RESOLVED: SummaryStatus.RESOLVED,
    StatusCategory.CLOSED: SummaryStatus.RESOLVED,
}
"""The state word that a ticket's status means."""

SAYS_IDENTIFIED = re.compile(
    r"(?<!no )(?<!not )\b(?:root cause (?:is|was|found|identified|confirmed)|cause (?:is|was|found|identified"
    r"|confirmed)"
    r"|found the (?:root )?cause|identified (?:the|as)|(?:has|have) been identified)\b",
    re.IGNORECASE,
)
SAYS_MITIGATING = re.compile(
    r"(?<!not )(?<!no )\b(?:mitigat(?:ed|ing|ion (?:is )?(?:in place|applied|started|running))|rolling back|rolled back"
    r"|failing over|failed over|workaround (?:is )?(?:in place|applied|active)|fix (?:is )?(?:being applied"
    r"|rolling out|in progress))\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|no|never|cannot|can't|didn't|isn't|wasn't|hasn't|unknown|unclear|should|could|would|will|if|next|maybe|"
    r"please|try|plan(?:ned)?|suspect(?:ed)?|possibl[ey]|probably|likely|might|may)\b",
    re.IGNORECASE,
)
_SEVERITY = re.compile(r"\bsev(?:erity)?\b", re.IGNORECASE)
_SEVERITY_TO = re.compile(r"(?:→|->|=>|\bto\b|:|=)\s*[\"']?(?:sev(?:erity)?[ -]?)?([1-4])\b", re.IGNORECASE)


def sla(ticket: Ticket, now: datetime) -> Sla:
    """The clock at ``now``: none without a due time, paused while the ticket waits, breached past it."""
    due = ticket.due_at
    if due is None:
        return Sla(state=SlaState.NONE)
    left = int((due - now).total_seconds())
    category = ticket.status.category
    if not category.is_open:
        in_time = ticket.updated_at <= due
        return Sla(state=SlaState.OK if in_time else SlaState.BREACHED, started_at=ticket.created_at, deadline=due)
    if left < 0:
        state = SlaState.BREACHED
    elif category is StatusCategory.WAITING:
        return Sla(
            state=SlaState.PAUSED,
            started_at=ticket.created_at,
            deadline=due,
            remaining_s=left,
            paused_reason=f"the ticket is {ticket.status.raw}"[:120],
        )
    else:
        whole = (due - ticket.created_at).total_seconds()
        risky = left < max(AT_RISK_FLOOR.total_seconds(), min(whole, 86_400 * 30) * AT_RISK_SHARE)
        state = SlaState.AT_RISK if risky else SlaState.OK
    return Sla(state=state, started_at=ticket.created_at, deadline=due, remaining_s=left)


def severity(ticket: Ticket, sources: SourceSet) -> SeverityNote:
    """The severity; since when and by whom only where an entry of the timeline says that it was set to it."""
    if ticket.severity is None:
        return SeverityNote(value=None)
    for entry in reversed(ticket.timeline):
        if entry.kind not in (EntryKind.FIELD, EntryKind.SYSTEM, EntryKind.STATUS):
            continue
        for number, line in enumerate(entry.text.split("\n")[:20], start=1):
            if not _SEVERITY.search(line):
                continue
            values = _SEVERITY_TO.findall(line)
            if values and values[-1] == ticket.severity:
                citation = sources.cite(entry.id, number, number, line.strip())
                return SeverityNote(value=ticket.severity, since=entry.at, set_by=str(entry.author), citation=citation)
            if values:
                return SeverityNote(value=ticket.severity)
    return SeverityNote(value=ticket.severity)


def state(ticket: Ticket, units: Sequence[Unit], sources: SourceSet) -> tuple[SummaryStatus, Citation | None]:
    """The state word, with the entry that says so.

    What the status implies, unless the ticket is open and an entry after the last status change says ``identified``
    or ``mitigating`` about it.
    """
    implied = IMPLIED.get(ticket.status.category, SummaryStatus.UNKNOWN)
    changes = [index for index, entry in enumerate(ticket.timeline) if entry.kind is EntryKind.STATUS]
    last_change = changes[-1] if changes else -1
    if ticket.status.category in (StatusCategory.NEW, StatusCategory.OPEN):
        for unit in reversed(units):
            if unit.entry <= last_change or not unit.by_person or unit.dump or unit.text.rstrip().endswith("?"):
                continue
            for word, pattern in (
                (SummaryStatus.MITIGATING, SAYS_MITIGATING),
                (SummaryStatus.IDENTIFIED, SAYS_IDENTIFIED),
            ):
                if pattern.search(unit.text) and not _DENIED.search(unit.text):
                    return word, sources.cite(unit.ref, unit.line_start, unit.line_end, unit.quote)
    if last_change >= 0:
        entry = ticket.timeline[last_change]
        return implied, sources.cite(entry.id, 1, 1)
    return implied, None
