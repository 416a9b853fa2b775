"""The board of a shift, from the record and the cache alone: every observation computed, short, and citable.

Nothing here asks a network or a model. What can be many is bounded: at most 20 open tickets are listed, those due
first, and texts are read of the newest tickets only; the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from opstui.core import boards
from opstui.core.boards import Observation, moment_text
from opstui.core.canonical import canonical, fingerprint
from opstui.core.codec import decode, encode
from opstui.core.documents import citations_of
from opstui.core.errors import NotFound
from opstui.core.queues import SortBy
from opstui.core.shifts import Shift, shift_at, shift_before
from opstui.core.tickets import BOARD_SYSTEM, Ticket, TicketRef, TicketRow
from opstui.services import board_tickets, board_work
from opstui.services.board_tickets import Told
from opstui.services.spending import running_shift

if TYPE_CHECKING:
    from opstui.core.claims import Citation
    from opstui.core.desk import TicketView
    from opstui.core.documents import Document
    from opstui.core.ports import RecordReader, RecordWriter
    from opstui.core.sessions import Session
    from opstui.services.setup import Setup

READ = 80
"""Tickets that changed in the shift whose texts are read, the newest first."""
COUNTED = 2_000
"""Tickets that changed in the shift, and open ones, that are counted by more than their number."""
LATELY = timedelta(hours=24)
"""What was promised or planned on an open ticket within this time is handed on, whoever's shift it was."""
OPEN = "status:new,open,waiting"
_KIND = "handover"


def shift_of(setup: Setup, ref: TicketRef) -> Shift:
    """The shift that a board's ref names. Raises NotFound for what is no shift's id."""
    from opstui.core.codec import moment

    try:
        start = moment(ref.key)
    except ValueError:
        raise NotFound(f"{ref}: no shift has this id; one is called by its start, 2026-11-20T20:00:00Z") from None
    shift = shift_at(start, setup.schedule)
    if shift.id != ref.key:
        raise NotFound(f"{ref}: no shift begins then; the one around it is {boards.shift_ref(shift.id)}")
    return shift


def board(setup: Setup, ref: TicketRef) -> Ticket:
    """The board as it is now, of the shift that runs or the one before; of an older one as it was last kept.

    Raises NotFound.
    """
    if setup.as_of is None:  # a recorded case has its board as it was kept
        shift, running = shift_of(setup, ref), running_shift(setup)
        if shift in (running, shift_before(running, setup.schedule)):
            return built(setup, shift)
    for session in setup.record.sessions(ticket=ref, limit=20):
        kept = kept_board(setup.record, session.ticket_version)
        if kept is not None:
            return kept
    raise NotFound(f"{ref}: only the boards of this shift and the one before are made, and none was kept of that one")


def built(setup: Setup, shift: Shift) -> Ticket:
    """The board of a shift from what is known now; ``version`` is the hash of all of it."""
    now = setup.clock.now()
    open_rows, count = _open(setup)
    touched = _rows(setup, "", shift.start)
    urgent = sorted(open_rows, key=_due_first)[: boards.MOST[boards.OPEN]]
    silent = [row for row in open_rows if board_tickets.is_silent(row.status)][: boards.MOST[boards.SILENCED]]
    lately = _rows(setup, OPEN, now - LATELY)
    told: dict[TicketRef, Told] = {}
    for row in (*urgent, *silent, *touched[:READ], *lately[:READ]):
        if row.ref not in told and (found := setup.cache.ticket(row.ref)) is not None:
            told[row.ref] = Told(found[0])
    listed = [told[row.ref] for row in urgent if row.ref in told]
    recent = [told[row.ref] for row in touched[:READ] if row.ref in told]
    figures = board_work.figures(setup, shift, open_rows, touched, [one.ticket for one in recent], now)
    observations = [
        board_tickets.all_open(open_rows, count, shift, now),
        *(board_tickets.open_ticket(one, now, board_work.waiting_on(setup, one.ticket.ref)) for one in listed),
        *_most(boards.WATCH, board_tickets.watch(recent, touched, shift)),
        *_most(boards.SILENCED, board_tickets.silenced(told.values())),
        *_most(boards.PROMISED, board_tickets.promised(told.values(), shift.start - LATELY)),
        *_most(boards.PLANNED, board_tickets.planned(told.values(), now)),
        *_most(boards.FALSE_ALERT, board_tickets.false_alerts(recent, shift)),
        *_most(boards.LESSON, board_tickets.lessons(recent, shift)),
        *_most(boards.UNDER_WAY, board_work.under_way(setup, shift)),
        *_most(boards.SESSIONS, board_work.results(setup, shift)),
        *board_work.sums(figures, shift),
    ]
    facts = {
        "shift": shift.id,
        "name": shift.name,
        "start": moment_text(shift.start),
        "end": moment_text(shift.end),
        "timezone": setup.timezone,
        "outgoing": figures.operators or setup.operator,
        **({"team": setup.team} if setup.team else {}),
        "listed": str(len(listed)),
        **figures.facts(),
        "open": str(count),
    }
    made = boards.board_of(shift, _title(setup, shift), observations, facts)
    return replace(made, version=fingerprint(content_of(made)))


def content_of(ticket: Ticket) -> bytes:
    """The bytes of a board that its version is the hash of."""
    return canonical(encode(replace(ticket, version="")))


def kept_board(record: RecordReader, version: str) -> Ticket | None:
    """The board of that version as a session was given it; None where none was kept."""
    content = record.file(version)
    if content is None:
        return None
    import json

    try:
        return replace(decode(Ticket, json.loads(content)), version=version)
    except (ValueError, KeyError, TypeError):
        return None  # an attached file that happens to be asked for


def keep(record: RecordWriter, made: Ticket) -> None:
    """Keep a board as it is given to a session, to be found by its version for as long as it may be cited."""
    record.put_file(content_of(made))


def given_to(setup: Setup, session: Session) -> Ticket | None:
    """The board that a session was given: as its own ticket, or beside it. None where it was given none."""
    if session.ticket.system == BOARD_SYSTEM:
        return kept_board(setup.record, session.ticket_version)
    for event in setup.record.events(session.id, limit=20):
        version = event.data.get("board")
        if isinstance(version, str):
            return kept_board(setup.record, version)
    return None


def cited_board(setup: Setup, document: Document) -> Ticket | None:
    """The board that a document on another ticket cites, as its session was given it."""
    if not any(citation.ref.startswith(f"{BOARD_SYSTEM}:") for citation in citations_of(document)):
        return None
    session = setup.record.session(document.head.request_id)
    return given_to(setup, session) if session is not None else None


def cited_as(setup: Setup, ref: TicketRef, citation: Citation) -> Ticket:
    """The board in which the cited lines read as they were cited; where none does, the newest. Raises NotFound.

    The numbers of a board's entries move as its shift goes on, so what was cited is found by its hash.
    """
    from opstui.core.sources import SourceSet

    papers = setup.record.papers(_KIND, subject=ref.key, limit=20)
    versions = [session.ticket_version for session in setup.record.sessions(ticket=ref, limit=20)]
    versions += [str(paper.content["board"]) for paper in papers if paper.content.get("board")]
    name = f"{ref.key}#{citation.ref.rpartition('#')[2]}"
    newest: Ticket | None = None
    for version in dict.fromkeys(versions):
        kept = kept_board(setup.record, version)
        if kept is None:
            continue
        newest = newest or kept
        sources = SourceSet(kept)
        start, end = citation.line_start, citation.line_end
        if sources.find(name) is not None and sources.span_sha(name, start, end) == citation.sha256_12:
            return kept
    return newest or board(setup, ref)


def board_view(setup: Setup, ref: TicketRef) -> TicketView:
    """The board as a ticket is shown. It has no system: nothing can be written to it, and it is never out of date."""
    from opstui.core.desk import TicketView
    from opstui.core.ports import Capabilities

    found = board(setup, ref)
    return TicketView(
        ticket=found,
        state="live",
        error=None,
        fetched_at=setup.clock.now(),
        sessions=tuple(setup.record.sessions(ticket=ref)),
        drafts=(),
        capabilities=Capabilities(
            internal_comments=False,
            public_comments=False,
            transitions_listed=False,
            fields=(),
            attachments=False,
            cant={"internal": "a board is put together anew, not written on"},
        ),
    )


def _title(setup: Setup, shift: Shift) -> str:
    from opstui.core.zones import time_zone

    zone = time_zone(setup.timezone)
    start, end = shift.start.astimezone(zone), shift.end.astimezone(zone)
    team = f", {setup.team}" if setup.team else ""
    return f"{shift.name} {start.day} {start:%b %H:%M}–{end:%H:%M} {setup.timezone}{team}"


def _open(setup: Setup) -> tuple[list[TicketRow], int]:
    """Open tickets, those due first, as many as are looked at; and how many there are."""
    cache = setup.cache
    ids = cache.order(queue=None, filter_text=OPEN, sort=SortBy.DUE, me={}, now=setup.clock.now())
    return [row for row, _, _ in cache.window(ids[:COUNTED])], len(ids)


def _rows(setup: Setup, filter_text: str, since: datetime) -> list[TicketRow]:
    """Rows that changed from ``since`` on, the newest first, as many as are looked at."""
    cache = setup.cache
    ids = cache.order(queue=None, filter_text=filter_text, sort=SortBy.UPDATED, me={}, now=setup.clock.now())
    found: list[TicketRow] = []
    for first in range(0, min(len(ids), COUNTED), 200):
        rows = [row for row, _, _ in cache.window(ids[first : first + 200])]
        found += [row for row in rows if row.updated_at >= since]
        if any(row.updated_at < since for row in rows):
            break
    return sorted(found, key=lambda row: (-row.updated_at.timestamp(), str(row.ref)))


def _due_first(row: TicketRow) -> tuple[bool, float, str, float, str]:
    due = row.due_at
    return (due is None, due.timestamp() if due else 0.0, row.severity or "9", row.created_at.timestamp(), str(row.ref))


def _most(label: str, found: Iterable[Observation]) -> Sequence[Observation]:
    return list(islice(found, boards.MOST[label]))
