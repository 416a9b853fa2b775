"""``opstui handover``: shift handovers, walked through section by section and closed by a read-back."""

from __future__ import annotations

import click

from opstui.cli.files import text_of
from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, limit_option, with_invocation
from opstui.cli.output import age, emit, note, say, table, write
from opstui.cli.tickets import now
from opstui.core.desk import HandoverDetail, Handovers, HandoverView, ReadBackHandover, SettleSection
from opstui.exports import handovers as shapes
from opstui.exports.writing import printable

TEXT_BYTES = 64 * 1024
"""Of a file with a section's text or a read-back; far more than either holds."""


@click.group()
def handover() -> None:
    """Shift handovers: what goes from one shift to the next.

    \b
    opstui run shift-handover                                 writes one about the shift that runs
    opstui handover show 01J…                                 its sections, and what is settled
    opstui handover settle 01J… open                          approve a section
    opstui handover settle 01J… watch --text-file watch.txt   or say it in other words
    opstui handover read-back 01J… --by dana --text-file understood.txt
    """


@handover.command("list")
@click.option("--shift", metavar="ID", help="Only those of the shift that began then, 2026-11-20T20:00:00Z.")
@limit_option
@json_option
@with_invocation
def list_handovers(invocation: Invocation, shift: str | None, limit: int | None, as_json: bool) -> int:
    """Handovers, the newest first."""
    found = invocation.desk.ask(Handovers(shift=shift, limit=limit or 1_000_000))
    if as_json:
        emit([shapes.row(one) for one in found])
        return 0
    moment = now()
    table(
        ("handover", "shift", "from", "to", "state", "settled", "corrections", "written"),
        [
            (
                one.id,
                one.shift,
                one.outgoing,
                one.incoming or "–",
                one.state.replace("_", " "),
                f"{one.settled} of {one.sections}",
                str(one.misunderstandings) if one.state == "read_back" else "–",
                age(one.created_at, moment),
            )
            for one in found
        ],
        right="settled corrections written",
    )
    return 0


@handover.command("show")
@click.argument("handover_id", metavar="ID")
@json_option
@with_invocation
def show_handover(invocation: Invocation, handover_id: str, as_json: bool) -> int:
    """A handover, section by section, with what is settled and by whom."""
    view = invocation.desk.ask(HandoverDetail(handover_id))
    if as_json:
        emit(shapes.view(view))
    else:
        _print(view)
    return 0


@handover.command("settle")
@click.argument("handover_id", metavar="ID")
@click.argument("section")
@click.option("--text-file", metavar="F", help="What it shall say instead; - is standard input.")
@click.option("--note", "remark", metavar="TEXT", default="", help="A remark of one line, kept with it.")
@click.option("--done", metavar="ITEM", multiple=True, help="An item that is done, open-2. Can be given often.")
@click.option("--drop", metavar="ITEM", multiple=True, help="An item that needs nobody any more.")
@click.option("--reopen", metavar="ITEM", multiple=True, help="An item that was marked and is open after all.")
@json_option
@with_invocation
def settle_section(
    invocation: Invocation,
    handover_id: str,
    section: str,
    text_file: str | None,
    remark: str,
    done: tuple[str, ...],
    drop: tuple[str, ...],
    reopen: tuple[str, ...],
    as_json: bool,
) -> int:
    """Approve a section, or say it in other words.

    Without --text-file it is approved as it is written. With items alone, only these are marked. What it said before is
    kept, with who changed it and when, and it can be settled again until the handover is read back.
    """
    invocation.writes()
    text = text_of(text_file, "--text-file", TEXT_BYTES) if text_file is not None else None
    marks = dict.fromkeys(done, "done") | dict.fromkeys(drop, "dropped") | dict.fromkeys(reopen, "open")
    view = invocation.desk.ask(HandoverDetail(handover_id))
    settles = not marks or text is not None or bool(remark)
    outcome = invocation.do(
        SettleSection(
            id=handover_id, rev=view.row.rev, section=section, text=text, note=remark, marks=marks, settles=settles
        )
    )
    return _told(outcome.unwrap(), outcome.notice, as_json)


@handover.command("read-back")
@click.argument("handover_id", metavar="ID")
@click.option("--by", metavar="NAME", required=True, help="Who comes on duty and says what they understood.")
@click.option("--text-file", metavar="F", required=True, help="Their own words; - is standard input.")
@click.option("--correction", metavar="TEXT", multiple=True, help="What had been understood otherwise, one each.")
@json_option
@with_invocation
def read_back(
    invocation: Invocation, handover_id: str, by: str, text_file: str, correction: tuple[str, ...], as_json: bool
) -> int:
    """Close a handover with the receiver's own words.

    Only once every section is settled. It is final; who went stays the contact for a quarter of an hour.
    """
    invocation.writes()
    text = text_of(text_file, "--text-file", TEXT_BYTES)
    view = invocation.desk.ask(HandoverDetail(handover_id))
    outcome = invocation.do(
        ReadBackHandover(id=handover_id, rev=view.row.rev, by=by, text=text, corrections=correction)
    )
    return _told(outcome.unwrap(), outcome.notice, as_json)


@handover.command("export")
@click.argument("handover_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(("md", "txt")), default="md", help="md (the default) or txt.")
@with_invocation
def export_handover(invocation: Invocation, handover_id: str, form: str) -> int:
    """A handover as a document, with revisions and read-back."""
    view = invocation.desk.ask(HandoverDetail(handover_id))
    write(str(printable(view.markdown if form == "md" else view.plain)).encode())
    return 0


def _told(view: HandoverView, notice: str, as_json: bool) -> int:
    if as_json:
        emit(shapes.view(view))
    else:
        note(f"handover {view.row.id}: {notice}")
    return 0


def _print(view: HandoverView) -> None:
    row = view.row
    say(view.title)
    say(view.headline)
    say(f"from {row.outgoing} to {row.incoming or 'whoever reads it back'} · {row.state.replace('_', ' ')}")
    if row.contact_until is not None and now() < row.contact_until:
        say(f"until {row.contact_until:%H:%M} UTC {row.outgoing} is still the contact")
    for section in view.sections:
        done = section.settled
        what = "not settled" if done is None else f"{'approved' if done.text is None else 'revised'} by {done.by}"
        say()
        say(f"{section.title}  ({section.name}, {what})")
        if done is not None and done.note:
            say(f"  note: {done.note}")
        if done is not None and done.text is not None:
            for line in done.text.split("\n"):
                say(f"  {line}")
            continue
        for item in section.items:
            say(f"  {item.id}  {item.text}{f'  [{item.mark}]' if item.mark else ''}")
        if not section.items:
            say(f"  {section.empty}")
    back = view.read_back
    if back is not None:
        say()
        say(f"Read back by {back.by}")
        for line in back.text.split("\n"):
            say(f"  {line}")
        for text in back.corrections:
            say(f"  corrected: {text}")
