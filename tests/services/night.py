"""A night's tickets: some that go on, one that came again, a promise, a plan, a false alarm."""

from __future__ import annotations

from datetime import datetime, timedelta

from opstui.core.boards import shift_ref
from opstui.core.codec import decode
from opstui.core.desk import RefreshTickets, RunSession, StartSession
from opstui.core.documents import ShiftHandover
from opstui.core.sessions import Session
from opstui.core.tickets import TicketRef
from tests.services.building import MIDNIGHT, Place

SHIFT = "2026-11-19T20:00:00Z"
BOARD = shift_ref(SHIFT)


def at(hour: int, minute: int = 0) -> datetime:
    """A moment of the night, after midnight."""
    return MIDNIGHT + timedelta(hours=hour, minutes=minute)


def night(place: Place) -> dict[str, TicketRef]:
    """The tickets by what they are."""
    late = place.ticket("Checkout answers 5xx", "Orders fail.", severity="1", assignees=["ana"], due_at=at(3, 25))
    place.local.comment(
        late.key, "ana", "Restarted checkout-api, no change.\nNext: compare the two releases.", at=at(2)
    )
    place.local.comment(
        late.key, "ana", "Orders fail for some customers. Next update by 03:40.", visibility="public", at=at(3)
    )
    soon = place.ticket("Disk of db-2 is at 91 %", severity="2", due_at=at(3, 20))
    place.local.comment(
        soon.key, "dana", "Removed old logs, 8 GB freed.\nIf 20 GB are left, call databases on-call.", at=at(2, 10)
    )
    flaps = place.ticket("Search indexer stuck", severity="3", assignees=["bo"])
    place.local.change(flaps.key, "bo", {"/status": "resolved"}, at=at(1))
    place.local.change(flaps.key, "bo", {"/status": "open"}, at=at(2))
    place.local.comment(flaps.key, "bo", "The switch of core-1 is scheduled for 2026-11-20 05:00 UTC.", at=at(2, 5))
    nothing = place.ticket("Certificate of shop expires")
    place.local.comment(nothing.key, "bo", "False alarm: the new one is in place.", at=at(1))
    place.local.change(nothing.key, "bo", {"/status": "resolved"}, at=at(1, 5))
    place.desk.do(RefreshTickets()).unwrap()
    return {"late": late, "soon": soon, "flaps": flaps, "nothing": nothing}


def handed(place: Place, ref: TicketRef = BOARD, **options: object) -> Session:
    """A session of the handover, run to its end."""
    command = StartSession(ticket=ref, workflow="shift-handover", here=True, **options)  # type: ignore[arg-type]
    return place.desk.do(RunSession(place.desk.do(command).unwrap().id)).unwrap()


def document(session: Session) -> ShiftHandover:
    """What it wrote."""
    assert session.document is not None
    return decode(ShiftHandover, session.document)
