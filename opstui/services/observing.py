"""Telemetry on a ticket: what code sees in exported files becomes entries that can be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from opstui.core.audit import AuditEntry
from opstui.core.canonical import fingerprint
from opstui.core.desk import NewDraft, Observed, ObserveTelemetry, Outcome
from opstui.core.draft_limits import refused_comment, require
from opstui.core.drafts import DraftChanges
from opstui.core.errors import UsageError
from opstui.core.observations import Observation, observe
from opstui.core.text import clean, clean_line
from opstui.services.refresh import feeds

if TYPE_CHECKING:
    from opstui.core.tickets import Ticket
    from opstui.services.drafting import Drafting
    from opstui.services.refresh import Refresher
    from opstui.services.setup import Setup

LOCAL = "local"
FILES_LIMIT = 50


def observe_telemetry(
    setup: Setup, refresher: Refresher, drafting: Drafting, command: ObserveTelemetry
) -> Outcome[Observed]:
    """See ``ObserveTelemetry``."""
    ticket = refresher.fresh_or_cached(command.ref)
    found, notes = _read(setup, command.files)
    said = "\n".join(str(entry.text) for entry in ticket.timeline)
    fresh = [one for one in found if str(clean(one.entry)) not in said]
    kept = _telling(fresh, command.limit)
    seen = Observed(
        observations=tuple(kept),
        known=len(found) - len(fresh),
        left_out=len(fresh) - len(kept),
        notes=tuple(notes),
    )
    if command.dry_run or not kept:
        return Outcome(seen)
    if command.ref.system == LOCAL and setup.add_entries is not None:
        now = setup.clock.now()
        entries = setup.add_entries(ticket.ref.key, [(_moment(one, now), str(clean(one.entry))) for one in kept])
        refresher.refresh(feeds(setup, LOCAL))
        _audit(setup, command, ticket, kept, f"entries {', '.join(entries)}", None)
        return Outcome(replace(seen, entries=entries))
    text = comment_of(kept)
    system = setup.systems[command.ref.system]
    require(refused_comment(command.ref.system, text, False, system.capabilities))
    draft = drafting.new(NewDraft(ticket=ticket.ref, changes=DraftChanges(comment=text))).unwrap()
    _audit(setup, command, ticket, kept, "an internal comment, to be confirmed", draft.id)
    return Outcome(replace(seen, draft=draft.id))


def comment_of(observations: Sequence[Observation]) -> str:
    """All of them as one comment: each sentence with its points below it."""
    return str(clean("\n\n".join(one.entry for one in observations)))


def _read(setup: Setup, files: Sequence[str]) -> tuple[list[Observation], list[str]]:
    if setup.read_telemetry is None:
        raise UsageError("this desk reads no telemetry")
    if not files or len(files) > FILES_LIMIT:
        raise UsageError(f"one to {FILES_LIMIT} files are read at once")
    found: dict[str, Observation] = {}
    notes: list[str] = []
    for file in files:
        readings = setup.read_telemetry(file)
        notes += readings.notes
        for series in readings.series:
            for one in observe(series):
                found.setdefault(one.entry, one)
        for one in readings.told:
            found.setdefault(one.entry, one)
    if not found:
        raise UsageError("; ".join(notes) or "nothing to observe in these files")
    return list(found.values()), notes


def _telling(found: Sequence[Observation], limit: int) -> list[Observation]:
    """Those that tell most, in the order of time; a state without a time comes last."""
    best = sorted(range(len(found)), key=lambda at: (-found[at].weight, at))[: max(0, limit)]
    kept = [found[at] for at in best]
    return sorted(kept, key=lambda one: (one.end is None, one.end.timestamp() if one.end else 0.0, one.text))


def _moment(one: Observation, now: datetime) -> datetime:
    """The end of what it tells; now, where it tells of no time or of one to come."""
    return min(one.end, now) if one.end is not None else now


def _audit(
    setup: Setup,
    command: ObserveTelemetry,
    ticket: Ticket,
    kept: Sequence[Observation],
    became: str,
    draft: str | None,
) -> None:
    names = ", ".join(str(clean_line(file.rpartition("/")[2], limit=60)) for file in command.files)
    row = AuditEntry(
        at=setup.clock.now(),
        operator=setup.operator,
        actor="program",
        action="ticket.observe",
        ticket=str(ticket.ref),
        draft=draft,
        content_hash=fingerprint("\n\n".join(one.entry for one in kept).encode()),
        detail=str(clean_line(f"{len(kept)} observations from {names}: {became}", limit=400)),
    )
    setup.record.write(lambda record: record.add_audit(row))
