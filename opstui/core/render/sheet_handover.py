"""A shift handover as a sheet, section by section as it is walked through, with what people made of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opstui.core.documents import Claim, Promise, ShiftHandover
from opstui.core.money import dollars
from opstui.core.render.plain import span_text
from opstui.core.render.sheet_parts import cited, claimed, left_out, made_by, moment
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong

if TYPE_CHECKING:
    from datetime import datetime

    from opstui.core.handovers import Handover, Settled

TITLES = {
    "open": "Open tickets",
    "promises": "Promised",
    "under_way": "Under way",
    "silenced": "Silenced",
    "watch": "Watch",
    "changes_planned": "Changes planned",
    "false_alerts": "False alerts",
    "lessons": "Lessons",
    "open_questions": "Open questions",
    "stats": "The shift in figures",
}
"""Section → what it is called, in the order they are walked through."""
EMPTY = {
    "open": "No ticket is open.",
    "promises": "No next update is promised.",
    "under_way": "No draft waits and no session runs.",
    "silenced": "Nothing is silenced.",
    "watch": "Nothing came again.",
    "changes_planned": "No change is written down.",
    "false_alerts": "None recorded.",
    "lessons": "None recorded.",
    "open_questions": "None.",
    "stats": "",
}


def handover_sheet(handover: ShiftHandover) -> Sheet:
    """The whole handover as it was written."""
    return _sheet(handover, {}, {})


def walked_sheet(handover: Handover) -> Sheet:
    """The whole handover with what people made of it: revised texts, who approved what, and the read-back."""
    return _sheet(handover.document, handover.settled, handover.marks)


def section_items(handover: ShiftHandover) -> dict[str, tuple[Item, ...]]:
    """Section → its items, in the order of the walk."""
    return {
        "open": tuple(_open(handover)),
        "promises": tuple(_promise(promise, handover.head.generated_at) for promise in handover.promises),
        "under_way": _claims(handover.under_way),
        "silenced": _claims(tuple(silence.claim for silence in handover.silenced)),
        "watch": _claims(handover.watch),
        "changes_planned": _claims(handover.changes_planned),
        "false_alerts": _claims(handover.false_alerts),
        "lessons": _claims(handover.lessons),
        "open_questions": tuple((text,) for text in handover.open_questions),
        "stats": tuple(_stats(handover)),
    }


def _sheet(handover: ShiftHandover, settled: Mapping[str, Settled], marks: Mapping[str, str]) -> Sheet:
    shift = handover.shift
    sections = [
        _section(name, _marked(name, items, marks), settled.get(name))
        for name, items in section_items(handover).items()
    ]
    sections.append(left_out(handover.not_included))
    if handover.read_back is not None:
        back = handover.read_back
        items: list[Item] = [(Strong(back.by), f" {moment(back.at)}: {' '.join(back.text.split())}")]
        items += [(Strong("corrected"), f": {text}") for text in back.corrections]
        sections.append(Section(title="Read back", items=tuple(items)))
    return Sheet(
        title=f"Shift handover {shift.id}",
        lead=claimed(handover.headline),
        fields=(
            ("Shift", (f"{moment(shift.start)} to {moment(shift.end)} ({shift.timezone})",)),
            ("Team", (shift.team or "",)),
            ("From", (shift.outgoing,)),
            ("To", (shift.incoming or "not read back yet",)),
        ),
        sections=tuple(sections),
        made=made_by(handover.head),
    )


def _marked(name: str, items: tuple[Item, ...], marks: Mapping[str, str]) -> tuple[Item, ...]:
    return tuple(
        (Strong(mark), ": ", *item) if (mark := marks.get(f"{name}-{number}")) else item
        for number, item in enumerate(items, start=1)
    )


def _section(name: str, items: tuple[Item, ...], settled: Settled | None) -> Section:
    if settled is None:
        return Section(title=TITLES[name], items=items, empty=EMPTY[name])
    who = f"{settled.by}, {moment(settled.at)}"
    note: tuple[Item, ...] = ((f"Note of {who}: {settled.note}",),) if settled.note else ()
    if settled.text is None:
        return Section(title=f"{TITLES[name]} (approved by {who})", items=(*items, *note), empty=EMPTY[name])
    own = tuple((text.strip(),) for text in settled.text.split("\n") if text.strip())
    before = tuple((Strong("as written"), ": ", *item) for item in items)
    return Section(title=f"{TITLES[name]} (revised by {who})", items=(*own, *note, *before))


def _claims(claims: tuple[Claim, ...]) -> tuple[Item, ...]:
    return tuple(claimed(claim) for claim in claims)


def _promise(promise: Promise, now: datetime) -> Item:
    """The promise in its own words, with the ticket and the time where those leave them out."""
    text = promise.claim.text
    item: list[str | Strong | Marks] = [] if promise.ticket_id in text else [Strong(promise.ticket_id), ": "]
    item += claimed(promise.claim)
    if promise.due is not None:
        told = [] if moment(promise.due) in text else [f"due {moment(promise.due)}"]
        told += ["overdue"] if promise.due < now else []
        item += [f" ({', '.join(told)})"] if told else []
    return tuple(item)


def _open(handover: ShiftHandover) -> list[Item]:
    found: list[Item] = []
    for ticket in handover.open:
        words = {"breached": "overdue", "ok": "in time"}
        sla = words.get(ticket.sla.value, ticket.sla.value.replace("_", " "))
        due = f"due {moment(ticket.due)}, {sla}" if ticket.due else "no due time"
        severity = f"sev {ticket.severity}" if ticket.severity else "no severity"
        begin = f" {ticket.title} ({severity}, {ticket.owner or 'nobody owns it'}, {due})"
        item: list[str | Strong | Marks] = [Strong(ticket.ticket_id), begin]
        if ticket.one_line.text != ticket.title:
            item.append(": ")
            item += claimed(ticket.one_line)
        else:
            item.append(Marks(ticket.one_line.citations))
        if ticket.next_action:
            item += [" Next: ", *cited(ticket.next_action, ticket.next_citation)]
        if ticket.watch:
            item += [" Watch: ", ticket.watch]
        found.append(tuple(item))
    if handover.others:
        found.append((f"and {handover.others} more open tickets that are only counted",))
    return found


def _stats(handover: ShiftHandover) -> list[Item]:
    stats = handover.stats
    first = span_text(stats.first_response_s) if stats.first_response_s is not None else "not known"
    reported = f", reported ${dollars(stats.reported)}" if stats.reported is not None else ""
    return [
        (f"{stats.opened} tickets opened, {stats.closed} closed, {stats.breached} past their due time",),
        (f"First response, median: {first}",),
        (f"Agent sessions: {stats.sessions}; checks overridden: {stats.overrides}",),
        (f"Proposals accepted as they were: {stats.accepted}, edited: {stats.edited}, rejected: {stats.rejected}",),
        (f"Cost ≈ ${dollars(stats.estimate)}{reported}",),
    ]
