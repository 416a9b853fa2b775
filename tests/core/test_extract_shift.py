"""The handover written from a board by rules, and one that an agent wrote completed by code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from opstui.core.boards import Observation, board_of, seen_on
from opstui.core.checks.document import check_document
from opstui.core.codec import encode
from opstui.core.documents import Engine, ShiftHandover, SlaState, claims_of
from opstui.core.extract.shift import shift_handover
from opstui.core.ports import ExtractInput
from opstui.core.render.registry import as_plain
from opstui.core.shifts import Shift
from opstui.core.sources import SourceSet
from opstui.core.submissions import Submission
from opstui.core.tickets import Ticket
from opstui.services.document_schemas import BY_CODE
from opstui.services.documents import Read, read_document
from opstui.testing import builders

START, END = datetime(2026, 11, 19, 20, tzinfo=UTC), datetime(2026, 11, 20, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
SHIFT = Shift(START, END, "Night")


def board(*more: tuple[str, str]) -> Ticket:
    told = [
        ("all", "2 tickets are open"),
        (
            "open",
            (
                "rt:12 · Disk of db-2\nstate: severity 2 · open · owner dana · due 2026-11-20 04:00 UTC, at risk\n"
                "last: 2026-11-20 02:00 UTC bo: Freed 8 GB on db-2.\nnext: extend the volume"
            ),
        ),
        ("open", "rt:13 · VPN\nstate: no severity · new · nobody owns it · no due time"),
        ("promised", "rt:12: next update promised for 2026-11-20 03:30 UTC, told 2026-11-20 02:10 UTC by bo: Soon."),
        ("silenced", "am:f3 is silenced until 2026-11-20 06:00 UTC by dana (disk swap): DiskFull"),
        *more,
    ]
    seen = [Observation(label, tuple(text.split("\n")), NOW) for label, text in told]
    facts = {
        "outgoing": "dana",
        "open": "7",
        "opened": "3",
        "start": "2026-11-19 20:00 UTC",
        "end": "2026-11-20 08:00 UTC",
    }
    return board_of(SHIFT, "Night", seen, facts)


def made(ticket: Ticket, **changes: Any) -> ShiftHandover:
    given: dict[str, Any] = {
        "ticket": ticket, "hits": (), "pages": {}, "related": (), "operator": "dana", "operator_team": None, "now": NOW,
        "session_id": "s1", "workflow_version": "1",
    }  # fmt: skip
    return shift_handover(ExtractInput(**given | changes))


def submitted(ticket: Ticket, document: dict[str, Any]) -> Read:
    flow = builders.workflow("shift-handover", document="ShiftHandover")
    return read_document(
        document,
        Submission(
            workflow=flow,
            ticket=ticket,
            sources=SourceSet(ticket),
            engine=Engine.MANAGED,
            operator="dana",
            team=None,
            session_id="s1",
            now=NOW,
        ),
    )


def as_handed_in(found: ShiftHandover, **changes: Any) -> dict[str, Any]:
    """What an agent would hand in: without what code sets."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            hidden = ("confidence", "confidence_reason", "sha256_12")
            return {key: without(item) for key, item in value.items() if key not in hidden}
        return [without(item) for item in value] if isinstance(value, list) else value

    whole = {key: item for key, item in encode(found).items() if key not in BY_CODE["ShiftHandover"]}
    return without(whole) | changes  # type: ignore[no-any-return]


def test_fields_are_read_from_the_boards_lines() -> None:
    found = made(board())
    first, second = found.open
    assert (first.ticket_id, first.severity, first.owner, first.sla) == ("rt:12", "2", "dana", SlaState.AT_RISK)
    assert first.due == datetime(2026, 11, 20, 4, tzinfo=UTC)
    assert (first.one_line.text, first.next_action) == ("Freed 8 GB on db-2.", "extend the volume")
    assert (second.owner, second.due, second.one_line.text) == (None, None, "VPN")
    assert found.promises[0].due == datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
    assert found.silenced[0].until == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert (found.others, found.stats.opened, found.shift.end) == (5, 3, END)


def test_every_claim_is_a_quotation_of_the_board() -> None:
    ticket = board(
        ("watch", "rt:9 alerted 4 times, last 2026-11-20 02:20 UTC: Latency"), ("lesson", "rt:9: Ask first. (bo)")
    )
    assert check_document(made(ticket), SourceSet(ticket), ticket) == []


def test_beside_a_handover_ticket_the_board_is_cited_by_its_whole_name() -> None:
    ticket, beside = builders.ticket("HAND-1"), board()
    found = made(ticket, boards=(beside,))
    refs = {citation.ref for claim in claims_of(found) for citation in claim.citations}
    assert refs <= {one.ref for one in seen_on(beside, own=False)}
    assert check_document(found, SourceSet(ticket, tickets=(beside,)), ticket) == []


def test_what_an_agent_leaves_out_of_tickets_promises_and_silences_is_added() -> None:
    ticket = board()
    whole = made(ticket)
    short = as_handed_in(whole, open=as_handed_in(whole)["open"][1:], promises=[], silenced=[])
    read = submitted(ticket, short)
    assert isinstance(read.document, ShiftHandover), read.violations
    assert [one.ticket_id for one in read.document.open] == ["rt:12", "rt:13"]
    assert [one.claim.text for one in read.document.promises] == [one.claim.text for one in whole.promises]
    assert len(read.document.silenced) == 1
    assert check_document(read.document, SourceSet(ticket), ticket) == []


def test_a_section_that_an_agent_leaves_empty_holds_what_the_board_has() -> None:
    more = [
        ("under way", "rt:12: a draft waits"),
        ("watch", "rt:9 alerted 4 times"),
        ("planned", "rt:8: swap at 05:00"),
    ]
    ticket = board(*more)
    whole = made(ticket)
    read = submitted(ticket, as_handed_in(whole, under_way=[], watch=[], changes_planned=[]))
    assert isinstance(read.document, ShiftHandover), read.violations
    for name in ("under_way", "watch", "changes_planned"):
        assert [one.text for one in getattr(read.document, name)] == [one.text for one in getattr(whole, name)] != []
    assert check_document(read.document, SourceSet(ticket), ticket) == []


def test_a_promise_is_told_with_its_ticket_its_time_and_that_it_is_overdue() -> None:
    found = made(board())
    (promise,) = found.promises
    short = replace(promise, claim=replace(promise.claim, text="Customers wait for a word."))
    late = replace(found.head, generated_at=datetime(2026, 11, 20, 4, tzinfo=UTC))
    text = as_plain(replace(found, promises=(short,), head=late))
    (line,) = (line for line in text.split("\n") if "wait for a word" in line)
    assert line.startswith("- rt:12: Customers wait for a word. [")
    assert line.endswith("] (due 2026-11-20 03:30 UTC, overdue)")
    assert "(due" not in as_plain(found).partition("Promised")[2]  # it says so itself, and there is time


def test_due_times_and_owners_are_the_boards_whatever_an_agent_says() -> None:
    ticket = board()
    opened = as_handed_in(made(ticket))["open"]
    opened[0] |= {"owner": "nobody", "due": None, "sla": "ok", "severity": "4"}
    promises, silenced = as_handed_in(made(ticket))["promises"], as_handed_in(made(ticket))["silenced"]
    promises[0] |= {"due": "2026-11-21T09:00:00Z"}
    silenced[0] |= {"until": None}
    changed = as_handed_in(made(ticket), open=opened, promises=promises, silenced=silenced)
    read = submitted(ticket, changed)
    assert isinstance(read.document, ShiftHandover)
    assert read.document.promises[0].due == made(ticket).promises[0].due
    assert read.document.silenced[0].until == made(ticket).silenced[0].until
    assert read.document.open[0].owner == "dana"
    assert (read.document.open[0].sla, read.document.open[0].severity) == (SlaState.AT_RISK, "2")


def test_a_ticket_that_is_not_on_the_board_blocks() -> None:
    ticket = board()
    opened = as_handed_in(made(ticket))["open"]
    opened.append(opened[0] | {"ticket_id": "rt:99", "one_line": opened[0]["one_line"] | {"id": "c90"}})
    read = submitted(ticket, as_handed_in(made(ticket), open=opened))
    assert read.document is not None
    blocking = [found.text for found in check_document(read.document, SourceSet(ticket), ticket) if found.blocks]
    assert blocking == ["the source does not say 'rt:99'"]
