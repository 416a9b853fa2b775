"""The outward gate: what must and must not stand in a text that a customer reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from opstui.core.checks.atoms import AtomKind, atoms
from opstui.core.documents import Finding
from opstui.core.extract.words import HEDGE, IMPACT, IMPACT_STATE
from opstui.core.tickets import StatusCategory, Ticket, Visibility

FIRST_HOURS = timedelta(hours=2)
"""While an incident is this young, the next update is at most twenty minutes away."""
NEXT_UPDATE = timedelta(minutes=20)

_ETA = re.compile(
    r"\b(?:expect|should|will|going to|estimate)\w*\b.{0,40}\b(?:resolv|fix|restor|solv|repair|back"
    r"|recover)\w*\b.{0,40}\b(?:in|by|within|at|before|soon|shortly|quickly|tomorrow|tonight|today)\b"
    r"|\b(?:fix|repair|solution|resolution|recovery|restoration)\b[^.]{0,30}\b(?:expected|due|planned|scheduled"
    r"|estimated|anticipated|soon|shortly|on its way)\b"
    r"|\b(?:eta|estimated time)\b",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b", re.IGNORECASE)
_INTERNAL = re.compile(
    r"\.(?:internal|local|lan|corp|intra|svc|cluster)(?:\.|\b)|^(?:ip|node|pod|host|srv|vm|web|db)-?\d", re.IGNORECASE
)
_MACHINE = re.compile(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*-(?:\d+|[a-z0-9]*\d[a-z0-9]*)$", re.IGNORECASE)
_NEXT = re.compile(r"\bnext (?:update|message|report)\b|\bupdate you (?:again )?(?:at|by|before|in)\b", re.IGNORECASE)
_IN_MINUTES = re.compile(r"\b(?:within|in)\s+(?:the next\s+)?(\d{1,3})\s*(min|minutes|h|hours?)\b", re.IGNORECASE)
_DONE = re.compile(r"\b(?:resolved|fixed|fully recovered|fully restored|solved)\b", re.IGNORECASE)
_NOT_DONE = re.compile(
    r"\b(?:not|n't|never|until|once|when|to be|being)\b[^.]{0,20}\b(?:resolved|fixed|recovered|restored|solved)\b",
    re.IGNORECASE,
)
_LOSS = re.compile(r"\bdata\b", re.IGNORECASE)
_NOTHING_WRONG = re.compile(r"\bnothing was (?:found to be )?wrong\b|\bwas a false (?:alarm|alert)\b", re.IGNORECASE)
_NO_PERSON = frozenset(
    "telemetry monitoring prometheus alertmanager grafana datadog system automation support desk team service admin"
    " root operator user customer may will mark next status the our your this that".split()
)
"""Parts of authors' names that are words, or programs."""


def check_outward(text: str, ticket: Ticket, *, now: datetime | None = None) -> Iterator[Finding]:
    """Findings about a public text.

    Machine names, addresses, internal ids, a promised time of repair, a suspicion, a state other than the ticket's and
    an end without a word on data block. Impact and the next update's time must stand in updates on an open incident of
    severity 1 or 2; elsewhere their absence warns.
    """
    if _ETA.search(text):
        yield _blocks("eta", "it promises a time of repair; say when the next update comes instead")
    names = [atom.text for atom in atoms(text) if atom.kind is AtomKind.IDENTIFIER and _is_internal(atom.text, ticket)]
    names += [match.group() for match in _ADDRESS.finditer(text) if match.group() not in names]
    if names:
        yield _blocks("internal", f"it names what only we should see: {', '.join(dict.fromkeys(names[:4]))}")
    people = sorted(name for name in _colleagues(ticket) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))
    if people:
        text_of = f"it names colleagues: {', '.join(people[:4])}"
        yield Finding(id="outward:person", level="warn", text=text_of)
    if HEDGE.search(text):
        yield _blocks("hypothesis", "it holds a suspicion; customers get what is known")
    open_now = ticket.status.category.is_open
    done = _DONE.search(text) and not _NOT_DONE.search(text)
    if done and open_now:
        yield _blocks("state", f"it says {_word(_DONE, text)}, but the ticket is {ticket.status.raw}")
    if done and not _LOSS.search(text) and not _NOTHING_WRONG.search(text):
        yield _blocks("data-loss", "it says that it is over, but not whether data was lost")
    incident = open_now and ticket.severity in ("1", "2") and ticket.status.category is not StatusCategory.WAITING
    level = "block" if incident else "warn"
    if not (IMPACT.search(text) and IMPACT_STATE.search(text)) and not done:
        yield Finding(id="outward:impact", level=level, text="it does not say what customers notice")
    if open_now and not _NEXT.search(text):
        yield Finding(id="outward:next-update", level=level, text="it does not say when the next update comes")
    elif (
        incident
        and now is not None
        and now - ticket.created_at <= FIRST_HOURS
        and (away := _away(text, now)) is not None
    ):
        if away > NEXT_UPDATE:
            yield Finding(id="outward:next-update", level=level, text="the next update is more than 20 minutes away")


def _colleagues(ticket: Ticket) -> set[str]:
    """Who has the ticket or wrote inside of it, as named there and with a capital: ``mira`` is called Mira."""
    inside = (entry.author for entry in ticket.timeline if entry.visibility is Visibility.INTERNAL)
    names = {str(name) for name in (*ticket.assignees, *inside)}
    parts = {part for name in names for part in re.split(r"[\s@._-]+", name) if len(part) >= 3 and part.isalpha()}
    return {part.capitalize() for part in parts if part.casefold() not in _NO_PERSON}


def _blocks(name: str, text: str) -> Finding:
    return Finding(id=f"outward:{name}", level="block", text=text)


def _is_internal(name: str, ticket: Ticket) -> bool:
    low = name.casefold()
    if low in (ticket.ref.key.casefold(), str(ticket.ref).casefold()) or low.startswith(("http://", "https://")):
        return False
    return bool(
        _INTERNAL.search(low)
        or _ADDRESS.search(low)
        or "_" in low
        or (_MACHINE.match(low) and any(c.isalpha() for c in low))
    )


def _away(text: str, now: datetime) -> timedelta | None:
    match = _IN_MINUTES.search(text)
    if match:
        amount = int(match[1])
        return timedelta(hours=amount) if match[2].casefold().startswith("h") else timedelta(minutes=amount)
    said = _NEXT.search(text)
    for atom in atoms(text[said.start() :] if said else ""):
        if atom.clock is not None:
            moment = now.replace(hour=atom.clock[0] % 24, minute=atom.clock[1], second=0, microsecond=0)
            return moment - now if moment >= now else moment + timedelta(days=1) - now
    return None


def _word(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group().casefold() if match else ""
