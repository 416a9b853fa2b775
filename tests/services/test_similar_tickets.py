"""Similar tickets: which are told, what a person says to them, and that nothing else comes of it."""

from __future__ import annotations

import pytest

from opstui.core.desk import AuditWindow, FirstLook, JudgeSimilar, SimilarTicket, SimilarTickets, TicketDetail
from opstui.core.errors import NotFound, UsageError
from opstui.core.tickets import TicketRef
from tests.services.building import Place


@pytest.fixture
def queue(place: Place) -> dict[str, TicketRef]:
    """Four tickets about one database, and twenty about nothing of the kind."""
    for number in range(20):
        place.local.create(title=f"Printer {number} jams", body="paper everywhere")
    return {
        "printer": place.ticket("Printer 20 jams", "paper everywhere"),
        "asked": place.ticket("Orders are slow", "ORA-00600 on orders-db-2 since the deploy"),
        "same": place.ticket("Orders take minutes", "orders-db-2 logs ORA-00600"),
        "host": place.ticket("Disk of orders-db-2 is full", "91 % and growing"),
        "words": place.ticket("Mails arrive late since the deploy", "nobody knows why, the queue looks well"),
    }


def told(place: Place, ref: TicketRef, **options: object) -> dict[str, SimilarTicket]:
    return {str(one.ref): one for one in place.desk.ask(SimilarTickets(ref, **options))}  # type: ignore[arg-type]


def test_what_shares_the_most_comes_first_with_the_identifiers_it_shares(
    place: Place, queue: dict[str, TicketRef]
) -> None:
    found = told(place, queue["asked"])
    assert next(iter(found)) == str(queue["same"])
    first = found[str(queue["same"])]
    assert set(first.shared) == {"ORA-00600", "orders-db-2"}
    assert first.strong
    assert first.reason.startswith("both name ")
    assert str(queue["asked"]) not in found


def test_words_in_common_are_told_only_when_asked_for(place: Place, queue: dict[str, TicketRef]) -> None:
    weak = told(place, queue["asked"], limit=10, weak=True)[str(queue["words"])]
    assert not weak.strong
    assert weak.shared == ()
    assert str(queue["words"]) not in told(place, queue["asked"], limit=10)


def test_no_more_are_told_than_wanted(place: Place, queue: dict[str, TicketRef]) -> None:
    assert len(told(place, queue["asked"], limit=1)) == 1
    assert len(told(place, queue["asked"])) <= 3


def test_an_identifier_that_is_everywhere_is_no_reason(place: Place) -> None:
    for number in range(30):
        place.local.create(title=f"Alert {number}", body="from monitor_main_1")
    asked = place.ticket("Something else", "monitor_main_1 says so, and ORA-00600")
    place.ticket("Another thing", "ORA-00600 says monitor_main_1")
    assert {one.shared for one in told(place, asked).values()} == {("ORA-00600",)}


def judged(place: Place, one: TicketRef, other: TicketRef, same: bool | None) -> str:
    outcome = place.desk.do(JudgeSimilar(one, other, same))
    assert outcome.error is None
    return outcome.notice


def test_an_answer_is_kept_with_name_and_time_and_holds_from_either_side(
    place: Place, queue: dict[str, TicketRef]
) -> None:
    before = place.desk.ask(TicketDetail(queue["asked"])).ticket
    assert "neither ticket was changed" in judged(place, queue["host"], queue["asked"], True)
    found = told(place, queue["asked"])
    first = next(iter(found.values()))
    assert (first.ref, first.verdict, first.by) == (queue["host"], "yes", place.setup.operator)
    assert first.at is not None
    assert place.desk.ask(TicketDetail(queue["asked"])).ticket == before


def test_what_was_said_to_be_the_same_is_told_whatever_its_words_say(place: Place, queue: dict[str, TicketRef]) -> None:
    judged(place, queue["asked"], queue["printer"], True)
    assert next(iter(told(place, queue["asked"]))) == str(queue["printer"])


def test_what_was_said_to_be_something_else_comes_last_and_into_no_first_look(
    place: Place, queue: dict[str, TicketRef]
) -> None:
    assert place.desk.ask(FirstLook(queue["asked"])).related[0][0] == queue["same"]
    judged(place, queue["asked"], queue["same"], False)
    found = told(place, queue["asked"])
    assert list(found)[-1] == str(queue["same"])
    assert found[str(queue["same"])].verdict == "no"
    assert queue["same"] not in [ref for ref, _, _ in place.desk.ask(FirstLook(queue["asked"])).related]


def test_an_answer_can_be_taken_back_and_all_of_it_is_audited(place: Place, queue: dict[str, TicketRef]) -> None:
    judged(place, queue["asked"], queue["same"], False)
    judged(place, queue["asked"], queue["same"], None)
    assert "nobody said anything" in judged(place, queue["asked"], queue["same"], None)
    assert told(place, queue["asked"])[str(queue["same"])].verdict is None
    rows = [row for row in place.desk.ask(AuditWindow(count=10)) if row.action == "similar.judge"]
    assert [(row.ticket, row.documents, row.detail) for row in reversed(rows)] == [
        (str(queue["asked"]), (str(queue["same"]),), "no"),
        (str(queue["asked"]), (str(queue["same"]),), "open"),
    ]


def test_a_ticket_that_is_not_known_is_none(place: Place, queue: dict[str, TicketRef]) -> None:
    with pytest.raises(NotFound):
        place.desk.ask(SimilarTickets(TicketRef("local", "INC-77")))
    assert isinstance(place.desk.do(JudgeSimilar(queue["asked"], TicketRef("local", "INC-77"), True)).error, NotFound)
    assert isinstance(place.desk.do(JudgeSimilar(queue["asked"], queue["asked"], True)).error, UsageError)
