"""Queues, views and windows over the cache."""

from __future__ import annotations

import pytest

from opstui.core.desk import (
    DeskFacts,
    MarkSeen,
    Queues,
    RefreshTickets,
    StatusLine,
    TicketDetail,
    TicketPosition,
    TicketsWindow,
)
from opstui.core.errors import FilterError, NotFound
from opstui.core.queues import SortBy, View
from opstui.core.tickets import TicketRef
from tests.services.building import Place

EVERYTHING = View(name="all")


def titles(place: Place, search: str = "", view: View = EVERYTHING, **options: object) -> list[str]:
    window = place.desk.ask(TicketsWindow(view=view, search=search, count=100, **options))  # type: ignore[arg-type]
    return [str(row.ticket.title) for row in window.rows]


def test_the_default_order_is_severity_then_due_then_age(place: Place) -> None:
    from datetime import timedelta

    now = place.clock.now()
    place.ticket("none", created_at=now)
    place.ticket("three", severity="3", created_at=now)
    place.ticket("two late", severity="2", due_at=now + timedelta(hours=2), created_at=now)
    place.ticket("two soon", severity="2", due_at=now + timedelta(hours=1), created_at=now)
    place.ticket("one", severity="1", created_at=now)
    place.ticket("three older", severity="3", created_at=now - timedelta(hours=1))
    assert titles(place) == ["one", "two soon", "two late", "three older", "three", "none"]


def test_a_search_is_a_filter_and_its_errors_point_at_the_word(place: Place) -> None:
    place.ticket("card declined", severity="1", assignees=(place.setup.operator,))
    place.ticket("disk full", severity="3")
    assert titles(place, "severity<=2 assignee:me") == ["card declined"]
    assert titles(place, "DISK") == ["disk full"]
    with pytest.raises(FilterError) as caught:
        titles(place, "disk colour:red")
    assert (caught.value.position, caught.value.text[caught.value.position :][:6]) != (0, "")


def test_a_position_in_an_error_counts_from_what_was_typed(place: Place) -> None:
    view = place.desk.ask(DeskFacts()).views[0]
    with pytest.raises(FilterError) as caught:
        titles(place, "disk colour:red", view=view)
    assert caught.value.text == "disk colour:red"
    assert caught.value.position == 5


def test_a_local_queue_is_its_filter_and_counts_what_is_open(place: Place) -> None:
    place.ticket("open one")
    place.ticket("closed one", status="closed")
    (queue,) = place.desk.ask(Queues())
    assert (queue.name, queue.open, queue.state.value) == ("local", 1, "live")
    assert titles(place, view=place.desk.ask(DeskFacts()).views[0]) == ["open one"]


def test_a_ticket_keeps_its_place_when_others_come(place: Place) -> None:
    ref = place.ticket("mine", severity="2")
    place.ticket("worse", severity="1")
    assert place.desk.ask(TicketPosition(view=EVERYTHING, ref=ref)) == 1
    assert place.desk.ask(TicketPosition(view=EVERYTHING, ref=TicketRef("local", "INC-1"))) is None


def test_changes_of_another_process_are_heard_by_the_bell(place: Place) -> None:
    _, mark = place.desk.changes(None)
    ref = place.ticket("new one")
    events, mark = place.desk.changes(mark)
    assert ("ticket", str(ref)) in {(event.kind, event.subject) for event in events}
    assert place.desk.changes(mark) == ((), mark)


def test_a_new_ticket_is_unseen_until_it_was_looked_at(place: Place) -> None:
    def unseen() -> list[str]:
        return [str(row.ticket.title) for row in place.desk.ask(TicketsWindow(view=EVERYTHING)).rows if row.unseen]

    place.ticket("there from the start")
    assert unseen() == []
    ref = place.ticket("new one")
    assert unseen() == ["new one"]
    place.desk.do(MarkSeen(ref))
    assert unseen() == []


def test_the_worst_open_sev_one_has_its_lane(place: Place) -> None:
    place.ticket("closed", severity="1", status="closed")
    assert place.desk.ask(StatusLine()).sev_one is None
    place.ticket("burning", severity="1")
    lane = place.desk.ask(StatusLine()).sev_one
    assert lane is not None
    assert lane.ticket.title == "burning"


def test_an_unknown_ticket_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.desk.ask(TicketDetail(TicketRef("local", "INC-9999")))


def test_a_window_in_the_middle_has_only_its_rows(place: Place) -> None:
    for number in range(30):
        place.local.create(title=f"t{number:02}", severity="2")
    place.desk.do(RefreshTickets()).unwrap()
    window = place.desk.ask(TicketsWindow(view=EVERYTHING, sort=SortBy.REF, first=10, count=5))
    assert (window.total, window.first) == (30, 10)
    assert [str(row.ticket.title) for row in window.rows] == [f"t{number:02}" for number in range(10, 15)]
