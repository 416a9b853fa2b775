"""A shift handover as a sheet, section by section as it is walked through."""

from __future__ import annotations

from opstui.core.documents import Claim, ShiftHandover
from opstui.core.money import dollars
from opstui.core.render.plain import span_text
from opstui.core.render.sheet_parts import claimed, left_out, made_by, moment, question_section
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong


def handover_sheet(handover: ShiftHandover) -> Sheet:
    """The whole handover."""
    shift = handover.shift
    sections = [
        Section(title="Open", items=tuple(_open(handover)), empty="No ticket is open."),
        Section(title="Watch", items=_claims(handover.watch), empty="Nothing."),
        Section(
            title="Silenced",
            items=tuple(
                (*claimed(silence.claim), f", until {moment(silence.until)}" if silence.until else "")
                for silence in handover.silenced
            ),
            empty="Nothing.",
        ),
        Section(title="Changes planned", items=_claims(handover.changes_planned), empty="None recorded."),
        Section(title="False alerts", items=_claims(handover.false_alerts), empty="None recorded."),
        Section(
            title="Promises",
            items=tuple(
                (
                    f"{promise.ticket_id}: ",
                    *claimed(promise.claim),
                    f", by {moment(promise.due)}" if promise.due else "",
                )
                for promise in handover.promises
            ),
            empty="None recorded.",
        ),
        Section(title="Lessons", items=_claims(handover.lessons)),
        Section(title="The shift in figures", items=tuple(_stats(handover))),
        question_section(handover.open_questions),
        left_out(handover.not_included),
    ]
    if handover.read_back is not None:
        back = handover.read_back
        items: list[Item] = [(f"{moment(back.at)} {back.by}: {back.text}",)]
        items += [(f"Corrected: {text}",) for text in back.corrections]
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


def _claims(claims: tuple[Claim, ...]) -> tuple[Item, ...]:
    return tuple(claimed(claim) for claim in claims)


def _open(handover: ShiftHandover) -> list[Item]:
    found: list[Item] = []
    for ticket in handover.open:
        due = f", due {moment(ticket.due)} ({ticket.sla.value.replace('_', ' ')})" if ticket.due else ""
        begin = f" sev {ticket.severity or '–'}, {ticket.owner or 'nobody'}{due}: "
        item: list[str | Strong | Marks] = [Strong(ticket.ticket_id), begin, *claimed(ticket.one_line)]
        if ticket.next_action:
            cited = (ticket.next_citation,) if ticket.next_citation else ()
            item += ["; next: ", ticket.next_action, Marks(cited)]
        if ticket.watch:
            item += ["; ", ticket.watch]
        found.append(tuple(item))
    if handover.others:
        found.append((f"and {handover.others} more",))
    return found


def _stats(handover: ShiftHandover) -> list[Item]:
    stats = handover.stats
    first = span_text(stats.first_response_s) if stats.first_response_s is not None else "not known"
    reported = f", reported ${dollars(stats.reported)}" if stats.reported is not None else ""
    return [
        (f"{stats.opened} tickets opened, {stats.closed} closed, {stats.breached} past their due time",),
        (f"First response, median: {first}",),
        (
            f"{stats.sessions} agent sessions: {stats.accepted} accepted as they were, {stats.edited} edited, "
            f"{stats.rejected} rejected, {stats.overrides} overrides",
        ),
        (f"Cost ≈ ${dollars(stats.estimate)}{reported}",),
    ]
