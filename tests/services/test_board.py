"""The shift's board, and sessions about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.core.boards import moment_text, seen_on
from opstui.core.checks.document import check_document
from opstui.core.codec import encode
from opstui.core.desk import (
    RefreshTickets,
    RunSession,
    SessionEvents,
    Source,
    StartSession,
    TicketDetail,
    WaitingForYou,
)
from opstui.core.documents import Engine, citations_of
from opstui.core.errors import NotFound, UsageError
from opstui.core.extract.shift import shift_handover
from opstui.core.ports import ExtractInput
from opstui.core.sources import SourceSet
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef
from opstui.rehearsal.mending import fitted
from opstui.rehearsal.reading import read_boards, read_ticket
from opstui.services.board import kept_board
from opstui.services.document_schemas import document_schema
from opstui.services.hiding import Hiding
from opstui.services.tooldesk import ToolDesk
from tests.services.building import Place
from tests.services.night import BOARD, SHIFT, at, document, handed, night


def lines(board: Ticket, label: str) -> list[str]:
    return [one.text for one in seen_on(board, own=True) if one.label == label]


def board_of(place: Place) -> Ticket:
    return place.desk.ask(TicketDetail(BOARD)).ticket


def test_open_tickets_stand_in_the_order_of_their_deadline(place: Place) -> None:
    refs = night(place)
    board = board_of(place)
    assert [text.partition(" · ")[0] for text in lines(board, "open")] == [
        str(refs["soon"]), str(refs["late"]), str(refs["flaps"])
    ]  # fmt: skip
    entry = next(
        entry for entry in board.timeline if str(refs["late"]) in entry.text.split("\n")[0] and "open" in entry.text
    )
    assert "state: severity 1 · new · owner ana · due 2026-11-20 03:25 UTC, at risk" in entry.text
    assert "next: compare the two releases." in entry.text


def test_what_came_again_was_promised_planned_or_nothing_is_told_with_its_ticket(place: Place) -> None:
    refs = night(place)
    board = board_of(place)
    assert lines(board, "watch") == [
        f"{refs['flaps']} was opened again once, last 2026-11-20 02:00 UTC: Search indexer stuck"
    ]
    (promise,) = lines(board, "promised")
    assert promise.startswith(
        f"{refs['late']}: next update promised for 2026-11-20 03:40 UTC, told 2026-11-20 03:00 UTC by ana"
    )
    (plan,) = lines(board, "planned")
    assert "scheduled for 2026-11-20 05:00 UTC" in plan
    (nothing,) = lines(board, "false alert")
    assert nothing.startswith(f"{refs['nothing']}: False alarm")
    assert lines(board, "stats")[0].startswith("4 opened, 1 closed, 0 past their due time")


def test_a_promise_that_nobody_kept_is_handed_on_by_the_shift_after_it(place: Place) -> None:
    refs = night(place)
    place.clock.move(hours=7)
    (promise,) = lines(place.desk.ask(TicketDetail(TicketRef("shift", "2026-11-20T08:00:00Z"))).ticket, "promised")
    assert promise.startswith(f"{refs['late']}: next update promised for 2026-11-20 03:40 UTC")


def test_the_same_state_gives_the_same_board_whatever_the_clock_says(place: Place) -> None:
    night(place)
    first = board_of(place)
    place.clock.move(minutes=2)
    assert board_of(place) == first
    place.clock.move(minutes=10)  # a deadline passes
    assert board_of(place).version != first.version


def test_at_most_twenty_open_tickets_are_listed_and_the_rest_is_counted(place: Place) -> None:
    for number in range(23):
        place.ticket(f"Ticket {number}")
    session = handed(place)
    assert len(document(session).open) == 20
    assert document(session).others == 3


def test_a_handover_of_the_board_has_no_draft_and_every_claim_holds(place: Place) -> None:
    refs = night(place)
    session = handed(place)
    found = document(session)
    board = kept_board(place.setup.record, session.ticket_version)
    assert board is not None
    assert (session.draft, found.shift.id) == (None, SHIFT)
    assert check_document(found, SourceSet(board), board) == []
    assert [ticket.ticket_id for ticket in found.open][:2] == [str(refs["soon"]), str(refs["late"])]
    assert found.open[0].watch == "If 20 GB are left, call databases on-call."
    assert found.open_questions[0] == f"Who takes {refs['soon']}? Nobody owns it."


def test_a_citation_shows_its_lines_though_the_board_went_on(place: Place) -> None:
    night(place)
    session = handed(place)
    cited = document(session).open[1].one_line.citations[0]
    place.ticket("Something new and urgent", severity="1", due_at=at(3, 15))
    shown = place.desk.ask(Source(citation=cited, ticket=BOARD))
    assert cited.quote in "\n".join(shown.lines[shown.line_start - 1 : shown.line_end])


def test_on_a_handover_ticket_the_board_is_cited_beside_it(place: Place) -> None:
    night(place)
    ref = place.ticket("Handover of the night")
    session = handed(place, ref)
    assert {citation.ref.partition("#")[0] for citation in citations_of(document(session))} == {str(BOARD)}
    draft = place.setup.record.draft(session.draft or "")
    assert draft is not None
    assert "Shift handover 2026-11-19T20:00:00Z" in str(draft.ops[0].to)
    from opstui.core.desk import DraftReview

    review = place.desk.ask(DraftReview(draft.id))
    assert [finding for finding in review.findings if finding.blocks] == []
    told = [event for event in place.desk.ask(SessionEvents(id=session.id)) if event.data.get("board")]
    assert len(told) == 1


def test_a_board_is_no_ticket_for_other_workflows(place: Place) -> None:
    outcome = place.desk.do(StartSession(ticket=BOARD, workflow="incident-summary", here=True))
    assert isinstance(outcome.error, UsageError)


@pytest.mark.parametrize("key", ["2026-11-19T21:00:00Z", "2026-01-01T08:00:00Z", "tonight"])
def test_a_board_that_cannot_be_made_is_not_found(place: Place, key: str) -> None:
    with pytest.raises(NotFound):
        place.desk.ask(TicketDetail(TicketRef("shift", key)))


def test_the_same_board_is_not_written_about_twice(place: Place) -> None:
    night(place)
    first = handed(place)
    again = place.desk.do(StartSession(ticket=BOARD, workflow="shift-handover")).unwrap()
    assert again.id == first.id
    place.ticket("Something new")
    assert place.desk.do(StartSession(ticket=BOARD, workflow="shift-handover")).unwrap().id != first.id


def test_a_session_that_is_taken_up_reads_the_board_it_began_with(place: Place) -> None:
    night(place)
    started = place.desk.do(StartSession(ticket=BOARD, workflow="shift-handover", here=True)).unwrap()
    place.ticket("Something new")
    session = place.desk.do(RunSession(started.id)).unwrap()
    assert session.ticket_version == started.ticket_version
    assert len(document(session).open) == 3


def test_who_hands_over_sees_what_waits(place: Place) -> None:
    night(place)
    handed(place)
    assert [one.kind for one in place.desk.ask(WaitingForYou()) if one.kind == "handover"] == ["handover"]
    assert moment_text(at(3)) == "2026-11-20 03:00 UTC"


def test_a_silence_is_told_with_its_end_its_author_and_its_reason() -> None:
    from opstui.services.board_tickets import Told, silenced
    from opstui.testing.builders import entry, ticket

    began = entry(1, "silenced: alertname=DiskFull", kind=EntryKind.STATUS, at=at(2), author=SafeText("dana"))
    why = entry(2, "disk swap at rack 4", at=at(2), author=SafeText("dana"))
    status = Status(SafeText("silenced"), StatusCategory.WAITING)
    quiet = ticket("F3", "DiskFull", status="waiting", timeline=(began, why), fields={"silence_for": SafeText("1h30m")})
    (found,) = silenced([Told(replace(quiet, status=status)), Told(ticket("F4"))])
    assert found.lines == ("local:F3 is silenced until 2026-11-20 03:30 UTC by dana (disk swap at rack 4): DiskFull",)


def test_a_token_is_never_cut_in_two() -> None:
    from opstui.core.boards import shortened

    token = "ghp_" + 36 * "x"
    assert shortened(f"{110 * 'a '}{token}", 240) == f"{110 * 'a '}".rstrip() + "…"
    assert shortened(300 * "x", 240) == "…"


def test_what_the_board_quotes_is_hidden_from_a_model_and_the_stand_in_reads_the_rest(place: Place) -> None:
    night(place)
    ref = place.ticket("Handover of the night", assignees=["dana"])
    token = "ghp_" + "aB3dE6gH9jK2" + "mN5pQ8sT1vW4" + "xY7zC0fR2uL5"
    leak = place.ticket("Token leaked", "…", severity="1", due_at=at(3, 16))
    place.local.comment(leak.key, "bo", "password: Kr4fted-Ding9", at=at(2, 58))
    place.local.comment(leak.key, "bo", f"Kr4fted-Ding9 and {token} work for dana@example.com.", at=at(3))
    place.desk.do(RefreshTickets()).unwrap()
    board = board_of(place)
    assert f"Kr4fted-Ding9 and {token}" in "\n".join(lines_of(board))
    desk = ToolDesk(
        ticket=place.desk.ask(TicketDetail(ref)).ticket,
        workflow=place.setup.workflows["shift-handover"],
        session_id="s1",
        knowledge=place.setup.knowledge,
        cache=place.setup.cache,
        randomness=place.setup.randomness,
        operator="ana",
        team=None,
        now=place.clock.now,
        engine=Engine.MANAGED,
        hiding=Hiding(place.setup.redactor, b"k" * 32),
        board=board,
    )
    told = desk.call("get_ticket", {}).text
    assert token not in told
    assert "Kr4fted-Ding9" not in told  # named as one only where the board does not quote it
    assert "dana@example.com" not in told
    ticket, boards = read_ticket(told), read_boards(told)
    assert ticket is not None
    assert (ticket.ref, [one.ref for one in boards]) == (ref, [BOARD])
    written = shift_handover(
        ExtractInput(
            ticket=ticket, hits=(), pages={}, related=(), operator="ana", operator_team=None, now=place.clock.now(),
            session_id="s1", workflow_version="1", boards=boards,
        )
    )  # fmt: skip
    answer = desk.call("submit_document", {"document": fitted(encode(written), document_schema("ShiftHandover"))})
    assert answer.text.startswith("accepted"), answer.text
    assert token not in str(encode(desk.accepted))
    assert token not in str(encode(desk.accepted_plain))
    assert "dana@example.com" in str(encode(desk.accepted_plain))  # its own people may read it


def lines_of(board: Ticket) -> list[str]:
    return [str(entry.text) for entry in board.timeline]
