"""A shift handover as rows: sections to be walked through, the one under the cursor open, and the read-back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from opstui.core.desk import HandoverItem, HandoverSection, HandoverView
from opstui.core.documents import OpenTicket
from opstui.core.frozen import dataclass
from opstui.tui.lines import Line, Row, Span, between, fit, line, wrap
from opstui.tui.words import shape

READ_BACK = "read_back"
"""Key of the last row."""
INDENT = "     "
_DUE = {"breached": ("overdue", "bad"), "at_risk": ("at risk", "warn"), "paused": ("paused", "dim"), "ok": ("", "dim")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the screen knows beside the handover."""

    view: HandoverView
    now: datetime
    tz: tzinfo
    at: str
    """The section that is open."""
    whole: bool = False
    """There is room for all of them."""
    typed: Mapping[str, str]
    """Section → text that was typed and not settled."""
    read_back_key: str = ""
    """The key that begins the read-back; empty where nobody may."""


def section_key(name: str) -> str:
    """Of a section's heading."""
    return f"section:{name}"


def section_of(key: str) -> str:
    """The section that a row is part of; empty for the read-back."""
    kind, _, rest = key.partition(":")
    return rest if kind in ("section", "text") else rest.rpartition("-")[0] if kind == "item" else ""


def handover_head(view: HandoverView, tz: tzinfo, width: int) -> list[Line]:
    """Which shift, from whom to whom, how far, and the sentence that says it all."""
    shift, row = view.document.shift, view.row
    start, end = shift.start.astimezone(tz), shift.end.astimezone(tz)
    when = f"{start.day} {start:%b %H:%M}–{end:%H:%M}"
    first = line(
        " ",
        ("HANDOVER", "strong"),
        f"  {when}  ",
        (shift.outgoing, "accent"),
        (" → ", "dim"),
        (shift.incoming or "nobody yet", "accent" if shift.incoming else "dim"),
    )
    words = {"open": f"{row.settled} of {row.sections} settled ", "walked": "waits for the read-back "}
    style = {"open": "dim", "walked": "warn"}.get(row.state, "good")
    right = line((words.get(row.state, "read back "), style))
    said = [line(" ", (part, "")) for part in wrap(view.headline, width - 2)[:2]]
    return [between(first, right, width), *said]


def handover_rows(shown: Shown, width: int) -> list[Row]:
    """Every section with what is settled of it; the items of the open one; who read it back."""
    view = shown.view
    rows = [Row("rule", (line(("─" * width, "rule")),), stops=False)]
    contact = view.row.contact_until
    if contact is not None and shown.now < contact:
        said = f"until {_clock(contact, shown.tz)} {view.row.outgoing} is still the contact"
        rows.append(Row("contact", (line(" ", ("! ", "warn"), (said, "warn")),), stops=False))
    for section in view.sections:
        is_open = shown.whole or section.name == shown.at
        rows.append(Row(section_key(section.name), (_heading(section, shown, width),)))
        if is_open:
            rows += _inside(section, shown, width)
    rows.append(Row("rule:end", (line(("─" * width, "rule")),), stops=False))
    rows.append(Row(READ_BACK, tuple(_read_back(shown, width))))
    return rows


def _heading(section: HandoverSection, shown: Shown, width: int) -> Line:
    settled = section.settled
    typed = section.name in shown.typed
    mark = ("✎", "accent") if typed else ("✓", "good") if settled is not None else ("·", "dim")
    count = len(section.items)
    is_empty = not count and (settled is None or settled.text is None)
    title = (section.title, "dim" if is_empty else "strong")
    left = line("  ", mark, " ", title, (f"  {count}" if count else "  none", "dim"))
    if typed:
        right = line(("typed, not settled ", "accent"))
    elif settled is None:
        right = line(("to settle " if shown.view.read_back is None else "", "dim"))
    else:
        what = "approved" if settled.text is None else "revised"
        right = line((f"{what} {_clock(settled.at, shown.tz)} {settled.by} ", "dim"))
    return between(left, right, width)


def _inside(section: HandoverSection, shown: Shown, width: int) -> list[Row]:
    settled, typed = section.settled, shown.typed.get(section.name)
    rows: list[Row] = []
    if settled is not None and settled.note:
        rows.append(Row(f"note:{section.name}", _wrapped(f"note: {settled.note}", width, "dim"), stops=False))
    if typed is not None or (settled is not None and settled.text is not None):
        text = typed if typed is not None else section.text
        lines = [drawn for part in text.split("\n") for drawn in _wrapped(part, width, "")]
        rows.append(Row(f"text:{section.name}", tuple(lines)))
        if section.items:
            rows.append(Row(f"was:{section.name}", _wrapped("as it was written:", width, "faint"), stops=False))
    opened = {f"open-{number}": ticket for number, ticket in enumerate(shown.view.document.open, start=1)}
    for item in section.items:
        ticket = opened.get(item.id)
        drawn = _ticket(item, ticket, shown, width) if ticket is not None else _item(item, width)
        rows.append(Row(f"item:{item.id}", tuple(drawn)))
    if not section.items and not rows:
        rows.append(Row(f"none:{section.name}", _wrapped(section.empty, width, "dim"), stops=False))
    return rows


def _item(item: HandoverItem, width: int) -> list[Line]:
    style = _style(item)
    parts = wrap(item.text, width - len(INDENT) - 3)
    return [line("   ", _sign(item, at), " ", (part, style)) for at, part in enumerate(parts)]


def _ticket(item: HandoverItem, ticket: OpenTicket, shown: Shown, width: int) -> list[Line]:
    """Severity, ref and title with what is due; below them where it stands, what is next and what to watch."""
    gone = item.mark == "dropped"
    word, style = _DUE.get(ticket.sla.value, ("", "dim"))
    due = f"due {_due(ticket.due, shown)}{f', {word}' if word else ''} " if ticket.due is not None else "no due time "
    role = "struck" if gone else "strong"
    ref = ticket.ticket_id.partition(":")[2] if ticket.ticket_id.startswith("local:") else ticket.ticket_id
    left = line(
        "   ",
        _sign(item, 0),
        " ",
        (shape(ticket.severity), f"severity{ticket.severity}" if ticket.severity else "dim"),
        " ",
        (ref, role),
        "  ",
        (ticket.title, role),
    )
    lines = [between(left, line((due, "dim" if gone else style)), width)]
    said = ticket.one_line.text if ticket.one_line.text != ticket.title else ""
    owner = ticket.owner or "nobody owns it"
    for name, text, look in (
        (f"{owner}: " if said else owner, said, "" if ticket.owner else "warn"),
        ("next ", ticket.next_action or "", "dim"),
        ("watch ", ticket.watch or "", "dim"),
    ):
        if not text and name != owner:
            continue
        parts = wrap(f"{name}{text}", width - len(INDENT) - 3)
        for at, part in enumerate(parts):
            head = name if at == 0 and part.startswith(name) else ""
            body = line(INDENT + "  ", (head, "struck" if gone else look or "dim"), (part[len(head) :], _style(item)))
            lines.append(fit(body, width))
    return lines


def _due(due: datetime, shown: Shown) -> str:
    """The clock alone on the same day of the operator's, with its day otherwise."""
    local = due.astimezone(shown.tz)
    same = local.date() == shown.now.astimezone(shown.tz).date()
    return _clock(due, shown.tz) if same else f"{local.day} {local:%b} {_clock(due, shown.tz)}"


def _style(item: HandoverItem) -> str:
    return {"dropped": "struck", "done": "dim"}.get(item.mark, "")


def _sign(item: HandoverItem, at: int) -> Span:
    if at or not item.mark:
        return Span(" ")
    return Span("✓", "good") if item.mark == "done" else Span("✗", "dim")


def _read_back(shown: Shown, width: int) -> list[Line]:
    view, back = shown.view, shown.view.read_back
    if back is None:
        left = line("  ", ("·", "dim"), " ", ("Read back", "strong"))
        missing = view.row.sections - view.row.settled
        if missing:
            return [between(left, line((f"after {missing} more section{'s' if missing > 1 else ''} ", "dim")), width)]
        key = f"{shown.read_back_key}: " if shown.read_back_key else ""
        return [between(left, line((f"{key}the receiver, in their own words ", "warn")), width)]
    count = len(back.corrections)
    words = f"{count} correction{'' if count == 1 else 's'}" if count else "nothing to correct"
    left = line("  ", ("✓", "good"), " ", ("Read back", "strong"), (f"  {words}", "warn" if count else "dim"))
    lines = [between(left, line((f"{_clock(back.at, shown.tz)} {back.by} ", "dim")), width)]
    lines += [drawn for part in back.text.split("\n") for drawn in _wrapped(part, width, "")]
    for text in back.corrections:
        lines += [
            line(INDENT, ("corrected ", "warn") if at == 0 else ("  ", ""), (part, ""))
            for at, part in enumerate(wrap(text, width - len(INDENT) - 11))
        ]
    return lines


def _clock(moment: datetime, tz: tzinfo) -> str:
    return f"{moment.astimezone(tz):%H:%M}"


def _wrapped(text: str, width: int, style: str) -> tuple[Line, ...]:
    return tuple(line(INDENT, (part, style)) for part in wrap(text, width - len(INDENT) - 1))
