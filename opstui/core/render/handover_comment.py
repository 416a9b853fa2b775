"""A shift handover as a comment on a handover ticket: what can't wait, and that the rest is walked through."""

from __future__ import annotations

from opstui.core.documents import ShiftHandover
from opstui.core.render.numbering import Numbering
from opstui.core.render.sheet_handover import TITLES, section_items
from opstui.core.render.sheet_parts import moment
from opstui.core.render.sheets import Marks, Strong
from opstui.core.text import SafeText, clean

WIDTH = 100
LISTED = 10
"""Items of one section; the rest is counted, the walk has them all."""


def handover_comment(handover: ShiftHandover) -> SafeText:
    """Every section that says something, each sentence with its source."""
    numbers, shift = Numbering(), handover.shift
    lines = [
        f"Shift handover {shift.id}, {moment(shift.start)} to {moment(shift.end)}, from {shift.outgoing}",
        f"{handover.headline.text}{numbers.marks(handover.headline.citations)}",
    ]
    for name, items in section_items(handover).items():
        if not items:
            continue
        lines += ["", TITLES[name]]
        for item in items[:LISTED]:
            parts = [
                numbers.marks(part.citations)
                if isinstance(part, Marks)
                else part.text
                if isinstance(part, Strong)
                else part
                for part in item
            ]
            lines.append("- " + " ".join("".join(parts).split()))
        if len(items) > LISTED:
            lines.append(f"- and {len(items) - LISTED} more")
    head = handover.head
    lines += ["", *_sources(numbers.sources())]
    lines += [f"Written by the {head.engine.value} engine from the shift's board at {moment(head.generated_at)}."]
    return clean("\n".join(lines))


def _sources(found: list[str]) -> list[str]:
    """The sources, as many as fit a line; where all are on one board, its name once."""
    refs = {source.split(" ")[1].rpartition("#")[0] for source in found}
    title = "Sources"
    if len(refs) == 1:
        only = refs.pop()
        title = f"Sources, all on {only}"
        found = [source.replace(f" {only}#", " #", 1) for source in found]
    lines: list[str] = []
    for source in found:
        if lines and len(lines[-1]) + len(source) + 3 <= WIDTH:
            lines[-1] += f"   {source}"
        else:
            lines.append(source)
    return [title, *lines] if found else []
