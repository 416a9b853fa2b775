"""Checks of a comment as it stands in a draft, after a person's edits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from opstui.core.checks.atoms import AtomKind, Evidence, atoms
from opstui.core.checks.outward import check_outward
from opstui.core.documents import Finding
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket

LINES_READ = 4_000
"""Lines of the sources that are looked through; more would cost the reviewer a pause at each key."""
LINE_READ = 2_000

_APPARATUS = re.compile(r"\s*(?:\[\d+\] \S+#?\S* \d|Sources\Z|.*\bWritten by the \w+ engine from\b|\[opstui:)")


def check_comment(
    text: str,
    sources: SourceSet,
    ticket: Ticket,
    *,
    public: bool,
    own_words: bool = False,
    now: datetime | None = None,
    moments: Sequence[datetime] = (),
) -> list[Finding]:
    """What is to be said about a comment: times and identifiers that stand in no source (warns), the outward gate.

    ``own_words``: the operator wrote it and knows more than the ticket, so nothing is held against its sources.
    ``moments``: times that code set, so that no source has them.
    """
    found: list[Finding] = []
    if not own_words:
        evidence: Evidence | None = None
        absent: dict[str, None] = {}
        for line in text.split("\n"):
            if _APPARATUS.match(line):
                continue
            for atom in atoms(line[:LINE_READ]):
                if atom.kind not in (AtomKind.TIME, AtomKind.IDENTIFIER):
                    continue
                evidence = evidence or _everything(sources, ticket, moments)
                if not evidence.holds(atom):
                    absent.setdefault(atom.text.strip())
        if absent:
            names = ", ".join(repr(name) for name in list(absent)[:5])
            found.append(Finding(id="M2-comment", level="warn", text=f"no source says {names}"))
    if public:
        found.extend(check_outward(text, ticket, now=now))
    return found


def _everything(sources: SourceSet, ticket: Ticket, known: Sequence[datetime]) -> Evidence:
    lines: list[str] = []
    moments = [ticket.created_at, ticket.updated_at, *([ticket.due_at] if ticket.due_at else []), *known]
    names = [ticket.ref.key, str(ticket.ref), *ticket.services, *ticket.assignees, *ticket.fields.values()]
    for ref in sources.refs():
        source = sources.source(ref)
        room = LINES_READ - len(lines)
        lines += [line[:LINE_READ] for line in source.lines[: max(0, room)]]
        moments += source.moments
        names += source.names
    return Evidence(lines, moments, [str(name)[:LINE_READ] for name in names])
