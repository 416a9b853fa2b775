"""What an event puts out of date on a screen. No terminal, no desk."""

from __future__ import annotations

import pytest

from opstui.core.desk import Event
from opstui.tui.state import EVERYTHING, Topic, ViewState, reduce, reduce_all

HERE = ViewState(ticket="local:NET-87", sessions=frozenset({"S1"}), drafts=frozenset({"D1"}))


def stale(kind: str, subject: str, state: ViewState = HERE) -> set[Topic]:
    return set(reduce(state, Event(kind, subject, 1)).stale)


def test_a_change_of_another_ticket_asks_for_rows_and_not_for_this_ticket() -> None:
    found = reduce(HERE, Event("ticket", "local:DB-311", 2))
    assert Topic.TICKET not in found.stale
    assert found.stale >= {Topic.TABLE, Topic.STATUS, Topic.QUEUES}
    assert found.changed == {"local:DB-311"}
    assert found.reordered


def test_a_change_of_the_shown_ticket_asks_for_it() -> None:
    assert Topic.TICKET in stale("ticket", "local:NET-87")


def test_events_of_a_session_that_is_not_shown_ask_for_nothing() -> None:
    assert stale("events", "S2") == set()
    assert stale("events", "S1") == {Topic.EVENTS}


def test_a_session_asks_for_lists_and_the_ticket_that_it_may_belong_to() -> None:
    assert stale("session", "S2") >= {Topic.SESSIONS, Topic.TABLE, Topic.TICKET, Topic.LEDGER}
    assert Topic.EVENTS not in stale("session", "S2")


def test_a_push_makes_any_open_draft_look_again() -> None:
    assert Topic.DRAFT in stale("push", "P1")
    assert Topic.DRAFT not in stale("push", "P1", ViewState())


def test_a_ticket_that_changes_may_put_an_open_draft_in_conflict() -> None:
    assert Topic.DRAFT in stale("ticket", "local:NET-87")


@pytest.mark.parametrize("kind", ["reset", "something new"])
def test_what_is_not_known_asks_for_everything(kind: str) -> None:
    assert stale(kind, "x", ViewState()) == set(EVERYTHING)


def test_what_is_shown_stays_and_what_is_stale_grows() -> None:
    found = reduce_all(HERE, [Event("audit", "", 1), Event("events", "S1", 3)])
    assert (found.ticket, found.sessions, found.drafts) == (HERE.ticket, HERE.sessions, HERE.drafts)
    assert found.stale == {Topic.AUDIT, Topic.EVENTS}
