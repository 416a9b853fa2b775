"""What a shift's board says of work that is not finished: a line a ticket, with its workflows, the rest counted."""

from __future__ import annotations

from opstui.core.boards import seen_on
from opstui.core.desk import RunSession, StartSession, TicketDetail
from opstui.core.ports import Paper
from opstui.core.tickets import TicketRef
from tests.services.building import Place
from tests.services.night import BOARD, night


def under_way(place: Place) -> list[str]:
    board = place.desk.ask(TicketDetail(BOARD)).ticket
    return [one.text for one in seen_on(board, own=True) if one.label == "under way"]


def run(place: Place, ref: TicketRef, workflow: str) -> None:
    started = place.desk.do(StartSession(ticket=ref, workflow=workflow, here=True)).unwrap()
    place.desk.do(RunSession(started.id)).unwrap()


def test_a_ticket_has_one_line_that_names_its_workflows_and_the_page_that_is_proposed(place: Place) -> None:
    ref = night(place)["late"]
    for workflow in ("incident-summary", "reply"):
        run(place, ref, workflow)
    made = Paper(
        kind="proposal", id="p1", subject="kb/x", state="open", created_at=place.clock.now(),
        content={"ticket": str(ref), "title": "Disk is full"},
    )  # fmt: skip
    place.setup.record.write(lambda record: record.put_paper(made, expected_rev=None))
    (line,) = under_way(place)
    assert line.startswith(f"{ref}: a draft waits to be reviewed (incident-summary, reply), made 20")
    assert "; a proposal for a page waits (Disk is full), made 20" in line


def test_what_there_is_no_line_for_is_counted(place: Place) -> None:
    night(place)
    for number in range(10):
        run(place, place.ticket(f"Orders fail {number}", "Customers cannot order."), "incident-summary")
    found = under_way(place)
    assert len(found) == 8
    assert found[-1] == "3 more tickets: 3 drafts"
