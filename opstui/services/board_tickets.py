"""What a shift's board says of tickets: those that go on, and what flaps, is silenced, promised or planned.

Every sentence is quoted from its ticket with who wrote it and when; the rest is counted or read from fields.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from opstui.core import boards
from opstui.core.boards import Observation, moment_text, shortened
from opstui.core.checks.atoms import AtomKind, atoms
from opstui.core.extract import clock, handover, steps
from opstui.core.extract.claims import ClaimMaker
from opstui.core.extract.guidance import is_plan
from opstui.core.extract.units import Unit, entry_units
from opstui.core.extract.words import HEDGE, QUESTION, SMALL_TALK, salience
from opstui.core.shifts import Shift
from opstui.core.sources import SourceSet
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, Status, Ticket, TicketRow

ENTRIES = 40
"""Entries of a ticket that are read, the newest."""
QUOTE = 150
"""Characters of a quoted sentence."""

_NEXT = re.compile(r"(?:next(?: steps?)?|to ?do|action items?)\s*:\s+", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,4})([smhdw])")
_TELLING = (EntryKind.COMMENT, EntryKind.ALERT, EntryKind.REPLY)
_SILENT = ("silenced", "suppressed", "snoozed", "muted")
_REOPENED = re.compile(
    r"\bre-?opened\b|\b(?:resolved|closed|solved|done|fixed)\b['\"]?\s*(?:→|->|=>|to)\s*['\"]?"
    r"(?:re-?opened|open|new|triggered|acknowledged|investigating|in progress|active|todo|to do)\b",
    re.IGNORECASE,
)
_FLAPS = re.compile(r"\b(?:flap(?:s|ped|ping)?|comes and goes|keeps (?:coming back|alerting|firing))\b", re.IGNORECASE)
_FALSE = re.compile(
    r"\bfalse (?:alarm|positive|alert)s?\b|\bspurious\b|\b(?:test alert|drill)\b"
    r"|\bno action (?:was )?(?:needed|required|taken)\b|\bnothing was wrong\b",
    re.IGNORECASE,
)
_NOT_FALSE = re.compile(r"\b(?:not|no|isn't|wasn't|never) (?:an? )?(?:false|spurious|drill|test)\b", re.IGNORECASE)
_PLANNED = re.compile(
    r"\b(?:planned|scheduled|maintenance|change window|roll-?out|deploy(?:ment)?|upgrade|migration|patch(?:ing)?"
    r"|window|change (?:is|was|has been)|reboot|restart|switch-?over|fail-?over|swap"
    r"|replacement|rotation|cut-?over|freeze)\b",
    re.IGNORECASE,
)
_TO_COME = re.compile(
    r"\b(?:will|planned|scheduled|is set|going to|begins|starts|from|tonight|tomorrow|at|by|on|window)\b", re.IGNORECASE
)
_LESSON = re.compile(
    r"\blessons?(?: learned)?\s*:|\bnext time\b|\b(?:for|in) (?:the )?future\b|\bwe should have\b|\bworth (?:knowing"
    r"|remembering)\b",
    re.IGNORECASE,
)


class Told:
    """A ticket with its newest sentences, cut once for all who look through them."""

    __slots__ = ("_units", "ticket")

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._units: tuple[Unit, ...] | None = None

    @property
    def units(self) -> tuple[Unit, ...]:
        """The sentences of its newest entries, in order."""
        if self._units is None:
            first = max(0, len(self.ticket.timeline) - ENTRIES)
            newest = enumerate(self.ticket.timeline[first:], start=first)
            self._units = tuple(unit for index, entry in newest for unit in entry_units(entry, index))
        return self._units

    def within(self, shift: Shift) -> Iterator[Unit]:
        """Those that were written in the shift."""
        return (unit for unit in self.units if _within(unit.at, shift))


def all_open(rows: Sequence[TicketRow], count: int, shift: Shift, now: datetime) -> Observation:
    """How many go on, how bad, how late. ``rows`` are those due first, and all of them unless there are very many."""
    at = max((row.updated_at for row in rows), default=shift.start)
    if not count:
        return Observation(boards.ALL, ("no ticket is open",), at)
    said = f"{count} tickets are open" if count != 1 else "1 ticket is open"
    by = Counter(row.severity for row in rows)
    late = sum(1 for row in rows if row.due_at is not None and row.due_at < now)
    nobody = sum(1 for row in rows if not row.assignees)
    worst = [f"{by[severity]} of severity {severity}" for severity in ("1", "2") if by[severity]]
    more = [f"{late} past {'its' if late == 1 else 'their'} due time"] if late else []
    more += [f"{nobody} owned by nobody"] if nobody else []
    first = f"of the {len(rows)} that are due first, " if count > len(rows) else ""
    rest = "; ".join(part for part in (", ".join(worst), ", ".join(more)) if part)
    return Observation(boards.ALL, (f"{said}: {first}{rest}" if rest else said,), at)


def open_ticket(told: Told, now: datetime, waiting: Sequence[str]) -> Observation:
    """A ticket that goes on: state, last word, what is next, what to watch, what waits."""
    ticket, units = told.ticket, told.units
    sla = clock.sla(ticket, now)
    severity = f"severity {ticket.severity}" if ticket.severity is not None else boards.NO_SEVERITY
    owner = f"owner {', '.join(ticket.assignees)}" if ticket.assignees else boards.NOBODY
    due = boards.NO_DUE
    if sla.deadline is not None:
        due = f"due {moment_text(sla.deadline)}, {boards.STATES[sla.state.value]}"
    lines = [f"{ticket.ref} · {ticket.title}", f"state: {severity} · {ticket.status.raw} · {owner} · {due}"]
    last = _last_word(ticket, units)
    if last is not None:
        lines.append(f"last: {moment_text(last.at)} {last.author or 'somebody'}: {shortened(last.text, QUOTE)}")
    cases = handover.contingencies(units, ClaimMaker(SourceSet(ticket)))
    case = f"If {cases[-1].when}, {cases[-1].then}" if cases else ""
    plans = [unit for unit in steps.standing(units) if is_plan(unit)]
    plan = next((unit for unit in reversed(plans) if unit is not last and unit.text != case), None)
    if plan is not None:
        lines.append(f"next: {shortened(_NEXT.sub('', plan.text), QUOTE)}")
    if case and (last is None or last.text != case):
        lines.append(f"if: {shortened(case, QUOTE)}")
    if waiting:
        lines.append(f"waits: {', '.join(waiting)}")
    return Observation(boards.OPEN, tuple(lines), ticket.updated_at)


def watch(tickets: Iterable[Told], rows: Sequence[TicketRow], shift: Shift) -> Iterator[Observation]:
    """What came again in the shift, or is said to flap."""
    for one in tickets:
        ticket = one.ticket
        entries = [entry for entry in ticket.timeline[-ENTRIES:] if _within(entry.at, shift)]
        again = [entry for entry in entries if entry.kind in (EntryKind.STATUS, EntryKind.SYSTEM)]
        again = [entry for entry in again if _REOPENED.search(entry.text)]
        alerts = [entry for entry in entries if entry.kind is EntryKind.ALERT]
        told = next((unit for unit in one.within(shift) if _FLAPS.search(unit.text) and _says(unit)), None)
        if again:
            what = f"was opened again {_times(len(again))}, last {moment_text(again[-1].at)}"
            yield _about(ticket, boards.WATCH, f"{what}: {ticket.title}", again[-1].at)
        elif len(alerts) > 1:
            what = f"alerted {_times(len(alerts))}, last {moment_text(alerts[-1].at)}"
            yield _about(ticket, boards.WATCH, f"{what}: {ticket.title}", alerts[-1].at)
        elif told is not None:
            yield _quoted(ticket, boards.WATCH, told)
    titles = Counter(" ".join(row.title.casefold().split()) for row in rows if _within(row.created_at, shift))
    for row in rows:
        name = " ".join(row.title.casefold().split())
        count = titles.pop(name, 0)
        if count > 1:
            text = f"{count} tickets of the same title came in this shift, {row.ref} the last: {row.title}"
            yield Observation(boards.WATCH, (text,), row.created_at)


def silenced(tickets: Iterable[Told]) -> Iterator[Observation]:
    """What does not alert now, until when, by whom and why, as far as its system says."""
    for ticket in sorted((one.ticket for one in tickets), key=lambda one: str(one.ref)):
        if not ticket.status.category.is_open or not is_silent(ticket.status):
            continue
        begins = [entry for entry in ticket.timeline if _is_silent_word(entry.text) and entry.kind is EntryKind.STATUS]
        last = begins[-1] if begins else None
        span = _length(ticket.fields.get("silence_for", SafeText("")))
        text = f"{ticket.ref} is {ticket.status.raw}"
        if last is not None and span:
            text += f" until {moment_text(last.at + span)}"
        if last is not None:
            text += f" by {last.author}"
            why = next(
                (entry.text for entry in ticket.timeline if entry.at >= last.at and entry.kind is EntryKind.COMMENT), ""
            )
            if why.strip():
                text += f" ({shortened(' '.join(why.split()), 80)})"
        yield Observation(boards.SILENCED, (f"{text}: {ticket.title}",), last.at if last else ticket.updated_at)


def promised(tickets: Iterable[Told], since: datetime) -> Iterator[Observation]:
    """The next updates that the last public message of an open ticket promised, those due first.

    Nobody has said anything since, so one that is overdue is still owed, by whichever shift it was promised.
    """
    found = []
    for one in tickets:
        ticket = one.ticket
        if not ticket.status.category.is_open:
            continue
        said = handover.communications(ticket, one.units, ClaimMaker(SourceSet(ticket)))
        due, at, told = said.promised_next_update, said.at, said.last_customer_message
        if due is None or at is None or told is None or due < since:
            continue
        author = next((entry.author for entry in reversed(ticket.timeline) if entry.at == at), "somebody")
        text = f"{ticket.ref}: next update promised for {moment_text(due)}, told {moment_text(at)} by {author}"
        found.append((due, Observation(boards.PROMISED, (f"{text}: {shortened(told.text, 100)}",), at)))
    yield from (one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].lines)))


def planned(tickets: Iterable[Told], now: datetime) -> Iterator[Observation]:
    """Changes that somebody wrote down for a time that is still to come."""
    for one in sorted(tickets, key=lambda one: (-one.ticket.updated_at.timestamp(), str(one.ticket.ref))):
        for unit in one.units:
            if _says(unit) and _PLANNED.search(unit.text) and _TO_COME.search(unit.text) and _is_ahead(unit, now):
                yield _quoted(one.ticket, boards.PLANNED, unit)
                break


def false_alerts(tickets: Iterable[Told], shift: Shift) -> Iterator[Observation]:
    """What turned out to be nothing, in the words of who said so."""
    for one in tickets:
        if one.ticket.status.category.is_open:
            continue
        for unit in one.within(shift):
            if _says(unit) and _FALSE.search(unit.text) and not _NOT_FALSE.search(unit.text):
                yield _quoted(one.ticket, boards.FALSE_ALERT, unit)
                break


def lessons(tickets: Iterable[Told], shift: Shift) -> Iterator[Observation]:
    """What somebody wrote down to be remembered."""
    for one in tickets:
        for unit in one.within(shift):
            if unit.by_person and _LESSON.search(unit.text) and not QUESTION.search(unit.text):
                yield _quoted(one.ticket, boards.LESSON, unit)
                break


def _length(text: str) -> timedelta:
    """``2h``, ``1h30m``; nothing for what is no length."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    parts = _SPAN.findall(text)
    if "".join(number + unit for number, unit in parts) != text.strip():
        return timedelta()
    return sum((timedelta(**{units[unit]: int(number)}) for number, unit in parts), timedelta())


def _last_word(ticket: Ticket, units: Sequence[Unit]) -> Unit | None:
    """What says best where the ticket stands: of the newest entry that tells anything, the most telling sentence.

    That somebody was assigned or a field was set stands in the fields; of a ticket without any words, that is all.
    """
    for index in reversed(range(len(ticket.timeline))):
        own = [unit for unit in units if unit.entry == index]
        telling = [unit for unit in own if unit.kind in _TELLING and not SMALL_TALK.match(unit.text)]
        if telling:
            # A request or a question is no state of affairs, unless it is all that there is.
            return max(telling, key=lambda unit: (not QUESTION.search(unit.text), not is_plan(unit), salience(unit)))
    return units[-1] if units else None


def is_silent(status: Status) -> bool:
    """Whether a status says that nothing alerts, though nothing is solved."""
    return any(word in status.raw.casefold() for word in _SILENT)


def _is_silent_word(text: str) -> bool:
    return any(word in text.casefold() for word in _SILENT)


def _says(unit: Unit) -> bool:
    return unit.by_person and not unit.dump and not QUESTION.search(unit.text) and not HEDGE.search(unit.text)


def _is_ahead(unit: Unit, now: datetime) -> bool:
    """Whether the sentence names a time that has not come yet; one without a date is of its entry's day or the next."""
    for atom in atoms(unit.text):
        if atom.kind is not AtomKind.TIME:
            continue
        if atom.day is not None:
            year, month, day = atom.day
            if ((year or unit.at.year), month, day) >= (now.year, now.month, now.day):
                return True
        elif atom.clock is not None and unit.at.date() == now.date():
            if (atom.clock[0], atom.clock[1]) > (now.hour, now.minute):
                return True
    return False


def _quoted(ticket: Ticket, label: str, unit: Unit) -> Observation:
    text = f"{ticket.ref}: {shortened(unit.text, QUOTE)} ({unit.author}, {moment_text(unit.at)})"
    return Observation(label, (text,), unit.at)


def _about(ticket: Ticket, label: str, what: str, at: datetime) -> Observation:
    return Observation(label, (f"{ticket.ref} {what}",), at)


def _within(moment: datetime, shift: Shift) -> bool:
    return shift.start <= moment < shift.end


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
