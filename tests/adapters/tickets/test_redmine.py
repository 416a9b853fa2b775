"""The Redmine connector where a Redmine says no in silence, and what it makes of anything that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from opstui.adapters.tickets.redmine import OURS, RedmineTickets, connect, list_params
from opstui.adapters.tickets.redmine_reading import read_issue
from opstui.core.errors import ConfigError, Conflict, CredentialsRefused, OpstuiError, Refused, Unreachable
from opstui.core.ports import Update
from opstui.core.queues import Queue
from opstui.core.text import clean
from opstui.core.tickets import EntryKind, TicketRef, Visibility
from opstui.testing.builders import START
from tests.adapters.tickets.fake_redmine import FakeRedmine
from tests.adapters.tickets.stand_in import Reply, connection_to

OP_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


def made(place: FakeRedmine | str, **parts: Any) -> RedmineTickets:
    return connect(connection_to(place, name="rm", kind="redmine", **{"op_field": "Push key", **parts}))


def done(redmine: FakeRedmine, work: Callable[[RedmineTickets], Any], **parts: Any) -> Any:
    """What ``work`` comes to, with a connector of its own."""

    async def run() -> Any:
        system = made(redmine, **parts)
        try:
            return await work(system)
        finally:
            await system.disconnect()

    return asyncio.run(run())


def sent(redmine: FakeRedmine, *, op_field: str = "Push key", op_id: str = OP_ID, **parts: Any) -> Any:
    """Send an update on the version that is there, and read the ticket."""

    async def work(system: RedmineTickets) -> Any:
        version = (await system.ticket("7")).version
        await system.send(Update(op_id=op_id, ticket=TicketRef("rm", "7"), expected_version=version, **parts))
        return await system.ticket("7")

    return done(redmine, work, op_field=op_field)


def test_a_note_that_would_become_public_is_not_sent() -> None:
    with FakeRedmine() as redmine:
        redmine.rights.remove("set_notes_private")
        with pytest.raises(Refused, match="private note, which the account's roles in Shop may not"):
            sent(redmine, comment="the customer is wrong")
        assert redmine.sent("PUT *") == []
        assert sent(redmine, comment="we look at it", public=True).timeline[-1].visibility is Visibility.PUBLIC


def test_a_right_that_can_not_be_told_counts_as_none() -> None:
    with FakeRedmine() as redmine:
        redmine.roles_told = False
        with pytest.raises(Refused, match="can't be told"):
            sent(redmine, comment="internal")
        assert redmine.sent("PUT *") == []


def test_an_administrator_may_write_private_notes() -> None:
    with FakeRedmine() as redmine:
        redmine.admin, redmine.roles_told = True, False
        assert sent(redmine, comment="internal").timeline[-1].visibility is Visibility.INTERNAL


def test_an_op_id_that_is_not_kept_stops_the_update_from_being_sent_again() -> None:
    with FakeRedmine() as redmine:
        redmine.read_only.add(3)
        with pytest.raises(Refused, match=r"did not keep the op id in 'Push key'"):
            sent(redmine, comment="looked at it")
        assert len(redmine.sent("PUT *")) == 1


def test_a_field_that_was_seen_to_keep_op_ids_is_not_looked_at_each_time() -> None:
    with FakeRedmine() as redmine:

        async def work(system: RedmineTickets) -> int:
            for number in range(2):
                update = Update(
                    op_id=OP_ID[:-1] + str(number), ticket=TicketRef("rm", "7"), expected_version="", comment="x"
                )
                before = len(redmine.requests)
                await system.send(update)
            return len(redmine.requests) - before

        assert done(redmine, work) == 2


def test_a_field_of_several_values_is_read_and_written_with_commas() -> None:
    with FakeRedmine() as redmine:
        assert sent(redmine, fields={"/fields/Areas": "b, c"}).fields["Areas"] == "b, c"
        assert redmine.fields[4] == ("Areas", ["b", "c"])


def test_without_a_field_the_op_id_stands_below_the_note() -> None:
    with FakeRedmine() as redmine:
        ticket = sent(redmine, comment="looked at it", op_field="")
        assert redmine.journals[0]["notes"] == f"looked at it\n\n[opstui:{OP_ID}]"
        assert [(one.text, one.op_id) for one in ticket.timeline] == [("looked at it", OP_ID)]
        assert "Push key" not in ticket.fields


def test_the_usual_words_for_a_severity_are_tried_until_one_is_known() -> None:
    with FakeRedmine() as redmine:
        assert sent(redmine, fields={"/severity": "2"}, comment="x").fields["Severity"] == "P2"
        assert len(redmine.sent("PUT *")) == 3
        assert len([one for one in redmine.journals if one["notes"]]) == 1


def test_a_list_without_the_word_is_refused_in_its_own_language() -> None:
    with FakeRedmine() as redmine:
        redmine.severities = ["schlimm", "egal"]
        with pytest.raises(Refused, match="Severity ist kein gültiger Wert"):
            sent(redmine, fields={"/severity": "2"})
        redmine.admin = True
        with pytest.raises(Refused, match=r"none of the words of Severity \(schlimm, egal\) means severity 2"):
            sent(redmine, fields={"/severity": "2"})


@pytest.mark.parametrize(("severity", "priority"), [("1", 5), ("2", 3), ("3", 2), ("4", 1)])
def test_without_a_severity_field_the_priority_is_one(severity: str, priority: int) -> None:
    with FakeRedmine() as redmine:
        del redmine.fields[1]
        assert sent(redmine, fields={"/severity": severity}).severity == severity
        assert redmine.priority == priority


def test_an_older_redmine_lists_no_transitions_and_takes_any_status_there_is() -> None:
    with FakeRedmine() as redmine:
        redmine.lists_transitions = False
        assert done(redmine, lambda system: system.transitions("7")) == ()
        assert sent(redmine, fields={"/status": "Gelöst"}).status.raw == "Gelöst"
        with pytest.raises(Refused, match="only: Neu, In Arbeit"):
            sent(redmine, fields={"/status": "Nope"}, op_id=OP_ID[:-1] + "1")


def test_two_saves_at_the_same_moment_are_a_conflict() -> None:
    with FakeRedmine() as redmine:
        redmine.conflicts = 1
        with pytest.raises(Conflict, match="at the same moment"):
            sent(redmine, comment="x")


@pytest.mark.parametrize("applied", [False, True])
def test_a_cut_connection_is_not_taken_for_a_no(applied: bool) -> None:
    with FakeRedmine() as redmine:
        redmine.cut("PUT *", applied=applied)
        with pytest.raises(Unreachable) as caught:
            sent(redmine, comment="x")
        assert caught.value.was_anything_sent
        assert (done(redmine, lambda system: system.find("7", OP_ID)) is not None) is applied


def test_a_file_that_could_not_be_stored_leaves_the_ticket_as_it_is() -> None:
    with FakeRedmine() as redmine:
        redmine.cut("POST /uploads.json", applied=True)
        with pytest.raises(Unreachable) as caught:
            sent(redmine, comment="x", attachments=(("a.txt", b"1"),))
        assert not caught.value.was_anything_sent
        assert redmine.sent("PUT *") == []


def test_what_is_refused_is_refused_before_files_are_sent() -> None:
    with FakeRedmine() as redmine:
        with pytest.raises(Refused):
            sent(redmine, fields={"/status": "Nope"}, attachments=(("a.txt", b"1"),))
        assert redmine.uploads == []


def test_two_people_of_one_name_are_not_guessed_between() -> None:
    with FakeRedmine() as redmine:
        redmine.members += [(8, "Bo Berg")]
        with pytest.raises(Refused, match="2 people called 'Bo Berg'"):
            sent(redmine, fields={"/assignee": ["Bo Berg"]})


def test_members_beyond_the_first_page_can_be_assigned() -> None:
    with FakeRedmine() as redmine:
        redmine.members += [(100 + number, f"Person {number}") for number in range(250)]
        sent(redmine, fields={"/assignee": ["Person 249"]})
        assert redmine.sent("PUT *")[0].json["issue"]["assigned_to_id"] == 349


def test_a_switched_off_interface_is_said_in_words() -> None:
    with FakeRedmine() as redmine:
        redmine.rest = False
        with pytest.raises(Refused, match="its REST API is switched off") as caught:
            done(redmine, lambda system: system.changed_since(Queue("q", "rm"), None))
        assert not isinstance(caught.value, CredentialsRefused)


def test_a_login_page_is_no_empty_queue() -> None:
    with FakeRedmine() as redmine:
        redmine.answer("GET /issues.json", Reply.html())
        with pytest.raises(Unreachable, match="web page"):
            done(redmine, lambda system: system.changed_since(Queue("q", "rm"), None))


def test_an_address_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"tickets\.rm\.url"):
        made("")


def test_words_in_other_languages_mean_what_the_settings_say() -> None:
    with FakeRedmine() as redmine:
        found = []
        for status in (1, 2, 3, 5):
            redmine.status = status
            found.append(str(done(redmine, lambda system: system.ticket("7")).status.category))
        assert found == ["new", "open", "resolved", "closed"]


def test_the_lists_are_asked_for_once_an_hour() -> None:
    with FakeRedmine() as redmine:

        async def work(system: RedmineTickets) -> list[int]:
            found = []
            for seconds in (0, 15, 3600):
                system._clock.forward(seconds)  # type: ignore[attr-defined]
                before = len(redmine.requests)
                await system.changed_since(Queue("q", "rm"), None)
                found.append(len(redmine.requests) - before)
            return found

        assert done(redmine, work) == [7, 1, 6]


# --- queries


@given(st.text(max_size=80))
def test_no_query_can_break_what_is_asked_beside_it(query: str) -> None:
    params = list_params(query, START)
    ours = [value for name, value in params if name in OURS or name in ("op[updated_on]", "v[updated_on][]")]
    assert ours in (
        [">=2026-03-14T03:00:00Z", "updated_on:asc,id:asc"],
        [">=", "2026-03-14T03:00:00Z", "updated_on:asc,id:asc"],
    )
    assert parse_qsl(urlencode(params), keep_blank_values=True) == params


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*OURS, "f[]", "op[sort]", "v[updated_on][]", "status_id", "cf_3", "x\x00", ""]),
            st.sampled_from(["updated_on", "sort", "1", "open", "a&b", "\n", "o"]),
        ),
        max_size=6,
    )
)
def test_pairs_that_are_ours_are_left_out_of_a_query(pairs: list[tuple[str, str]]) -> None:
    found = list_params(urlencode(pairs), None)
    assert found[-1] == ("sort", "updated_on:asc,id:asc")
    kept = found[:-1]
    assert not any(name in OURS for name, _ in kept)
    assert all(pair in pairs or pair == ("status_id", "open") for pair in kept)


def test_what_is_added_is_spelled_as_the_query_is() -> None:
    short = list_params("project_id=incidents&cf_2=a%26b", START)
    assert short == [
        ("project_id", "incidents"), ("cf_2", "a&b"), ("updated_on", ">=2026-03-14T03:00:00Z"),
        ("sort", "updated_on:asc,id:asc"),
    ]  # fmt: skip
    long = list_params("f[]=status_id&op[status_id]=o", START)
    assert ("f[]", "updated_on") in long
    assert "updated_on" not in dict(long)


# --- whatever answers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PARTS = (
    "id", "project", "tracker", "status", "priority", "author", "assigned_to", "category", "fixed_version", "subject",
    "description", "due_date", "custom_fields", "created_on", "updated_on", "attachments", "journals", "is_private",
)  # fmt: skip
ODD = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(PARTS, JSON),
        "custom_fields": st.lists(st.fixed_dictionaries({}, optional={"id": JSON, "name": JSON, "value": JSON})),
        "journals": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "id": JSON, "user": JSON, "notes": JSON, "created_on": JSON, "private_notes": JSON,
                    "details": st.lists(
                        st.fixed_dictionaries(
                            {}, optional={"property": st.sampled_from(["attr", "cf", "attachment", "relation", 5]),
                                          "name": JSON, "old_value": JSON, "new_value": JSON},
                        ), max_size=3,
                    ) | JSON,
                },
            ), max_size=3,
        ) | JSON,
    },
)  # fmt: skip


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(issue=ODD)
def test_an_issue_of_any_shape_is_read_or_refused(issue: dict[str, Any]) -> None:
    system = made("http://127.0.0.1:9")
    try:
        system._names.learn(issue)
        ticket = read_issue(issue, system._reading, complete=True)
    except OpstuiError:
        return
    assert [one.id for one in ticket.timeline] == [ticket.entry_id(n) for n in range(1, len(ticket.timeline) + 1)]
    assert all(one.text == clean(one.text) and one.kind in EntryKind for one in ticket.timeline)
    assert ticket.updated_at.utcoffset() is not None
