"""What waits for a person beside drafts: handovers that nobody read back, and proposals for pages."""

from __future__ import annotations

from dataclasses import replace

from opstui.core.desk import WaitingForYou
from opstui.core.stores import Paper
from opstui.core.tickets import TicketRef
from tests.services.building import Place


def put(place: Place, kind: str, name: str, state: str, **content: str) -> Paper:
    paper = Paper(
        kind=kind, id=name, subject="subject", state=state, created_at=place.clock.now(),
        content={"ticket": "local:INC-1", **content},
    )  # fmt: skip
    return place.setup.record.write(lambda record: record.put_paper(paper, expected_rev=None))


def waits(place: Place) -> list[tuple[str, str, str]]:
    return [(one.kind, one.subject, one.text) for one in place.desk.ask(WaitingForYou())]


def test_open_proposals_and_handovers_wait_until_somebody_decides(place: Place) -> None:
    assert waits(place) == []
    proposal = put(place, "proposal", "P1", "open", title="DNS lookups time out")
    walked = put(place, "handover", "H1", "walked")
    put(place, "handover", "H2", "read_back")
    put(place, "similar", "a b", "yes")
    assert waits(place) == [
        ("handover", "H1", "handover waits for its read-back"),
        ("proposal", "P1", "proposal for a page: DNS lookups time out"),
    ]
    assert place.desk.ask(WaitingForYou())[0].ticket == TicketRef("local", "INC-1")
    for paper, state in ((proposal, "accepted"), (walked, "read_back")):
        decided = replace(paper, state=state)
        place.setup.record.write(lambda record, one=decided: record.put_paper(one, expected_rev=one.rev))
    assert waits(place) == []


def test_a_handover_that_nobody_read_back_for_a_day_is_history(place: Place) -> None:
    put(place, "handover", "H1", "open")
    put(place, "proposal", "P1", "open", title="x")
    place.clock.move(hours=25)
    assert [kind for kind, _, _ in waits(place)] == ["proposal"]
