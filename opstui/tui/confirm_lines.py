"""Confirm as lines: what will be sent, to which system, as whom. Drawn from the confirmation alone. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from rich.cells import cell_len

from opstui.core.desk import Confirmation
from opstui.core.draft_limits import OPERATORS
from opstui.tui.arming import Arming, Phase, prompt_text
from opstui.tui.lines import Line, Row, Span, between, fit, line, pad, width_of, wrap
from opstui.tui.times import size
from opstui.tui.words import SHAPES

NAME = 9
"""Cells of a field's name, with the blank after it."""


def true_to_bytes(confirmation: Confirmation) -> bool:
    """Whether the fingerprint is that of the bytes: what is drawn beside it would otherwise mean nothing."""
    return hashlib.sha256(confirmation.payload).hexdigest() == confirmation.fingerprint


def head_line(confirmation: Confirmation, width: int) -> Line:
    """``CONFIRM  rt:87 → rt as alex    9f2c71ab``."""
    for named in (str(confirmation.ticket), confirmation.ticket.key):
        left = line(
            " ",
            ("CONFIRM", "strong"),
            "  ",
            (named, "accent"),
            (" → ", "dim"),
            confirmation.system,
            (" as ", "dim"),
            confirmation.operator,
        )
        if width_of(left) + 10 <= width:
            break
    return between(left, _short(confirmation), width) if width_of(left) + 10 <= width else fit(left, width)


def _short(confirmation: Confirmation) -> Line:
    return line((confirmation.fingerprint[:8] + " ", "dim"))


def confirm_rows(confirmation: Confirmation, width: int) -> list[Row]:
    """Title, fields, comment, files, what else changed, and what was answered, for ``width`` cells."""
    rows = [
        Row("title", (_title(confirmation, width), *_where(confirmation, width)), stops=False),
        Row("rule", (line(("─" * width, "rule")),), stops=False),
    ]
    for index, (name, before, after) in enumerate(confirmation.rows):
        called = "owner" if name == "assignee" else name.removeprefix("fields/")
        rows.append(Row(f"field:{index}", tuple(_field(called, before, after, width)), stops=False))
    if confirmation.comment is not None:
        rows.append(
            Row("comment", (*_comment_head(confirmation, width), *_comment(confirmation.comment, width)), stops=False)
        )
    elif confirmation.tells:
        rows.append(
            Row(
                "tells",
                (fit(line(" ", (pad("tells", NAME), "dim"), ", ".join(confirmation.tells)), width),),
                stops=False,
            )
        )
    for name, count, sha256 in confirmation.files:
        left = line(" ", (pad("file", NAME), "dim"), (name, "strong"), f"  {size(count)}")
        rows.append(Row(f"file:{sha256}", (between(left, line((sha256[:8] + " ", "dim")), width),), stops=False))
    for index, text in enumerate(confirmation.overlaps):
        rows.append(Row(f"overlap:{index}", tuple(_noted("!", "warn", text, width)), stops=False))
    for index, text in enumerate(confirmation.overridden):
        rows.append(Row(f"override:{index}", tuple(_noted("~", "warn", f"answered: {text}", width)), stops=False))
    return rows


def _where(confirmation: Confirmation, width: int) -> Iterator[Line]:
    """To which address and as whom, where that is another machine; and in how many requests, where it takes several."""
    if "://" not in confirmation.origin:
        return
    known = confirmation.account not in ("", confirmation.system)
    whom = f" as {confirmation.account}" if known else ""
    steps = f", in {confirmation.steps} steps" if confirmation.steps > 1 else ""
    for at, part in enumerate(wrap(f"{confirmation.origin}{whom}{steps}", width - NAME - 2)):
        yield line(" ", (pad("to" if at == 0 else "", NAME), "dim"), part)


def _title(confirmation: Confirmation, width: int) -> Line:
    severity = confirmation.severity or ""
    shape = SHAPES.get(severity, "·")
    role = f"severity{severity}" if severity in SHAPES else "dim"
    return fit(line(" ", (shape, role), " ", (confirmation.title, "strong")), width)


def _field(name: str, before: str, after: str, width: int) -> Iterator[Line]:
    # A name is never cut: what is set is to be seen.
    label = pad(name, NAME - 1) if cell_len(name) < NAME else name + " "
    whole = line(" ", (label + " ", "dim"), before or "–", (" → ", "dim"), (after or "–", "strong"))
    if width_of(whole) <= width and "\n" not in before + after:
        yield whole
        return
    # Nothing is pushed that was not seen: a value that is longer than the line takes as many as it needs.
    if cell_len(name) >= NAME:
        yield from (line(" ", (part, "dim")) for part in wrap(name, width - 2))
        name = ""
    for at, part in enumerate(wrap(before or "–", width - NAME - 2)):
        yield line(" ", (pad(name if at == 0 else "", NAME), "dim"), part)
    for at, part in enumerate(wrap(after or "–", width - NAME - 4)):
        yield line(" " * (NAME + 1), ("→ " if at == 0 else "  ", "dim"), (part, "strong"))


def _comment_head(confirmation: Confirmation, width: int) -> list[Line]:
    comment = confirmation.comment or ""
    count = len(comment)
    tells = confirmation.tells
    role = "warn" if confirmation.public else ""
    seen = "PUBLIC" if confirmation.public else "internal"
    reads = confirmation.audience.partition(" · ")[2]
    whole = line(
        " ",
        (pad("comment", NAME), "dim"),
        (seen, role),
        (f", {reads}" if reads else "", role),
        f", {count} characters",
        (f", tells {', '.join(tells)}" if tells else "", "dim"),
    )
    if width_of(whole) <= width:
        return [whole]
    if reads not in ("", OPERATORS):
        # Who reads it is never left out, unless it is what the word says by itself.
        return [
            fit(line(" ", (pad("comment", NAME), "dim"), (seen, role), f", {count} characters"), width),
            *(line(" " * (NAME + 1), (part, role)) for part in wrap(reads, width - NAME - 2)),
        ]
    long = line(
        " ",
        (pad("comment", NAME), "dim"),
        (seen, role),
        f", {count} characters",
        (f", tells {', '.join(tells)}" if tells else "", "dim"),
    )
    if width_of(long) <= width:
        return [long]
    more = f", {tells[0]}" + (f" +{len(tells) - 1}" if len(tells) > 1 else "") if tells else ""
    return [fit(line(" ", (pad("comment", NAME), "dim"), (seen, role), f", {count} ch", (more, "dim")), width)]


def _comment(comment: str, width: int) -> Iterator[Line]:
    for part in wrap(comment, width - 3):
        yield line(" ", ("┃", "accent"), part)


def _noted(mark: str, role: str, text: str, width: int) -> Iterator[Line]:
    for at, part in enumerate(wrap(text, width - 4)):
        yield line(" ", (mark if at == 0 else " ", role), " ", part)


def prompt_line(arming: Arming, back: str, width: int, verb: str = "push") -> Line:
    """The lowest line: what to type, bright once it would count; and how to go back, if that fits too."""
    text = prompt_text(arming, verb)
    drawn: list[Span] = [Span(" ")]
    shown = text.removeprefix("type  ").removesuffix(f"  to {verb}")
    armed = arming.phase is not Phase.DRAWN
    drawn += [Span("type ", "" if armed else "faint"), Span(f" {shown} ", "prompt" if armed else "faint")]
    drawn += [Span(f" to {verb}", "" if armed else "faint")]
    left = tuple(drawn)
    for hint in (f"{back} goes back", f"{back} back"):
        if width_of(left) + 2 + len(hint) <= width:
            room = width - width_of(left) - len(hint)
            gap = min(room, max(2, 24 - width_of(left)))
            return (*left, Span(" " * gap), Span(hint, "dim"))
    return left
