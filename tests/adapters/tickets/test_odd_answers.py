"""Answers in which anything may be something else: read without an error, and clean."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from opstui.adapters.tickets import (
    github_reading,
    jira_reading,
    pagerduty_reading,
    redmine,
    rt,
    servicenow_reading,
    zendesk_reading,
)
from opstui.adapters.tickets.jira_fields import SLA, TEAM
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import moment_or_none, number, record, records, shown
from opstui.core.errors import Refused
from opstui.core.queues import Queue
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Ticket
from tests.adapters.tickets.fake_github import FakeGitHub
from tests.adapters.tickets.fake_jira import FIELDS, STATUSES, FakeJira
from tests.adapters.tickets.fake_pagerduty import BO, FakePagerDuty
from tests.adapters.tickets.fake_redmine import FakeRedmine
from tests.adapters.tickets.fake_rt import TOKENS, FakeRT
from tests.adapters.tickets.fake_servicenow import FakeServiceNow, sys_id
from tests.adapters.tickets.fake_zendesk import FakeZendesk
from tests.adapters.tickets.stand_in import Reply, connection_to

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", "x", "\x1b[31mred\x07", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-13-45", "2026-11-20T09:00:00+25:00", [], [[]], [None, 1, "x", {}], {}, {"id": {}}, {"name": ["x"]}, "\ud800",
    "NaN", "a" * 3000,
)  # fmt: skip
ROUNDS = 400


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def spoiled(value: Any, random: Random) -> Any:
    """The value with one to three of its parts replaced, or left out."""
    made = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        path = random.choice(list(places(made)))
        inner = made
        for key in path[:-1]:
            inner = inner[key]
        if isinstance(inner, dict) and random.random() < 0.2:
            del inner[path[-1]]
        else:
            inner[path[-1]] = copy.deepcopy(random.choice(JUNK))
    return made


def pagerduty() -> tuple[Any, Callable[[Any], Ticket]]:
    service = FakePagerDuty()
    service.details = {"host": "db1"}
    key = service.add_incident(priority={"summary": "P1"})
    service.note(key, BO, "looking")
    service.change(key, BO, status="resolved", service={"id": "x", "summary": "y"})
    told = {"incident": service.incidents[key], "log": service.logs[key], "notes": service.notes[key]}

    def read(given: Any) -> Ticket:
        listed = pagerduty_reading.read_incident(record(given.get("incident")), "pd", Severities({}))
        log, notes = records(given.get("log")), records(given.get("notes"))
        return pagerduty_reading.complete(listed, pagerduty_reading.oldest_first(log), notes, {})

    return told, read


def zendesk() -> tuple[Any, Callable[[Any], Ticket]]:
    service = FakeZendesk()
    service.custom_statuses(In_triage="open")
    key = service.add_ticket(custom_status_id=900, custom_fields=[{"id": 32, "value": "app"}])
    service.change(key, 102, priority="high", assignee_id=101, tags=["a"])
    number_ = int(key)
    told = {"ticket": service.tickets[number_], "audits": service.audits[number_], "fields": service.fields}
    told |= {"users": list(service.users.values()), "groups": list(service.groups.values())}

    def read(given: Any) -> Ticket:
        names = zendesk_reading.Names()
        names.learn(given)
        settings = zendesk_reading.read_settings(records(given.get("fields")))
        listed = zendesk_reading.read_ticket(
            record(given.get("ticket")), "zd", settings=settings, names_of=names,
            severities=Severities({}), site="https://zd.example", service_field="Service",
        )  # fmt: skip
        return zendesk_reading.complete(
            listed, zendesk_reading.oldest_first(records(given.get("audits"))), settings, names
        )

    return told, read


def github() -> tuple[Any, Callable[[Any], Ticket]]:
    service = FakeGitHub()
    key = service.add_issue(milestone=service.milestones[0])
    service.comment(key, "bo", "looking")
    service.label(key, "bo", "sev1")
    service._event(key, "cross-referenced", "bo", source={"issue": {"html_url": "x", "title": "y"}})
    service._event(key, "committed", "bo", committer={"date": "2026-11-20T09:00:00Z"}, author={"name": "z"})
    service.close(key)
    told = {"issue": service.issues[1], "events": service.events[1]}

    def read(given: Any) -> Ticket:
        listed = github_reading.read_issue(record(given.get("issue")), "acme/ops", "gh", Severities({}, {}))
        return github_reading.complete(listed, records(given.get("events")))

    return told, read


def jira() -> tuple[Any, Callable[[Any], Ticket]]:
    service = FakeJira()
    goal = {"name": "x", "ongoingCycle": {"breachTime": {"epochMillis": 1795176000000}, "paused": False}}
    key = service.add_issue(customfield_10120=goal, duedate="2026-11-30", components=[{"name": "checkout"}],
                            customfield_10090={"value": "EU", "child": {"value": "Berlin"}})  # fmt: skip
    service.comment(key, "looking", properties=[{"key": "opstui.push", "value": {"op": "01JABCDEFGHJKMNPQRSTVWXYZ0"}}])
    service.change(key, "status", STATUSES["In Progress"])
    issue = service.issues[key]
    told = {"issue": {one: issue[one] for one in ("id", "key", "fields")}, "fields": service.field_list(None)}
    told["issue"]["names"] = {name: field["name"] for name, field in FIELDS.items()}
    told |= {"histories": issue["changelog"], "comments": issue["comments"]}

    def read(given: Any) -> Ticket:
        fields = records(given.get("fields"))
        known = jira_reading.Known(
            team=next(iter(jira_reading.of_kind(fields, TEAM)), None), goals=jira_reading.of_kind(fields, SLA)
        )
        site = jira_reading.Site("jira", "https://jira.example", Severities({}), known)
        histories, comments = records(given.get("histories")), records(given.get("comments"))
        return jira_reading.read_whole(record(given.get("issue")), histories, comments, site, key=key)

    return told, read


def servicenow() -> tuple[Any, Callable[[Any], Ticket]]:
    service = FakeServiceNow()
    number_ = service.add_incident(u_service="dns", assigned_to=sys_id("bo"), due_date="2026-11-21 07:00:00")
    service.comment(number_, "looking\n\n[opstui:01JABCDEFGHJKMNPQRSTVWXYZ0]")
    service.comment(number_, "note", column="work_notes")
    service.change(number_, {"state": "2"})
    incident = service.tables["incident"][0]
    row = {name: service._column("incident", incident, name, "all") for name in incident}
    tables = {name: service.tables[name] for name in ("sys_journal_field", "sys_audit")}
    told = {"row": row, **tables, "files": [{"file_name": "a", "size_bytes": "7", "sys_id": "x"}]}

    def read(given: Any) -> Ticket:
        read_row = servicenow_reading.Row(record(given.get("row")))
        place = servicenow_reading.Place("sn", "https://sn.example", Severities({}))
        entries = [
            *(servicenow_reading.journal_entry(one, str) for one in records(given.get("sys_journal_field"))),
            *(servicenow_reading.audit_entry(one, place, {"2": "In Progress"}, str)
              for one in records(given.get("sys_audit"))),
            *servicenow_reading.printed_entries(read_row),
        ]  # fmt: skip
        return servicenow_reading.read_whole(read_row, entries, records(given.get("files")), place)

    return told, read


@pytest.mark.parametrize("vendor", [pagerduty, zendesk, github, jira, servicenow])
def test_whatever_is_spoiled_is_read_without_an_error_and_clean(
    vendor: Callable[[], tuple[Any, Callable[[Any], Ticket]]],
) -> None:
    told, read = vendor()
    assert read(told).timeline
    for seed in range(ROUNDS):
        ticket = read(spoiled(told, Random(seed)))
        lines = (
            ticket.title,
            ticket.status.raw,
            *ticket.assignees,
            *ticket.tags,
            *ticket.services,
            ticket.priority or "",
        )
        assert all(text == clean_line(text) for text in lines), seed
        assert ticket.version == clean(ticket.version), seed
        for entry in ticket.timeline:
            assert entry.text == clean(entry.text), seed
            assert entry.author == clean_line(entry.author), seed
        assert all(name == clean_line(name) and text == clean(text) for name, text in ticket.fields.items()), seed
        assert ticket.updated_at >= ticket.created_at, seed
        assert [entry.number for entry in ticket.timeline] == list(range(1, len(ticket.timeline) + 1)), seed


@pytest.mark.parametrize("journals", [7, "x", [[]], [None, 7, {}], {"a": 1}])
async def test_journals_that_are_none_are_left_out(journals: Any) -> None:
    with FakeRedmine() as server:
        issue = {"id": 7, "subject": "slow", "project": {"id": 1}, "status": {"id": 1, "name": "New"}}
        server.answer("GET /issues/7.json", Reply.of({"issue": issue | {"journals": journals}}))
        system = redmine.connect(connection_to(server, name="rm", kind="redmine"))
        assert len((await system.ticket("7")).timeline) <= 1
        await system.disconnect()


@pytest.mark.parametrize("issue", [{}, {"id": False}, {"id": 8}, {"id": "x"}])
async def test_an_answer_that_holds_another_issue_takes_no_tickets_place(issue: Any) -> None:
    with FakeRedmine() as server:
        server.answer("GET /issues/7.json", Reply.of({"issue": issue}))
        system = redmine.connect(connection_to(server, name="rm", kind="redmine"))
        with pytest.raises(Refused, match="rm: the answer holds another issue"):
            await system.ticket("7")
        await system.disconnect()


async def test_rows_that_name_no_ticket_are_left_out() -> None:
    with FakeRT() as server:
        server.new()
        rows = [{}, {"id": None}, {"id": "\x1b[31m"}, {"id": 7}, 7, None]
        server.answer("GET */tickets", Reply.of({"items": rows, "total": len(rows)}))
        system = rt.connect(connection_to(server, name="rt", kind="rt", secret=next(iter(TOKENS)), path="/desk"))
        changes = await system.changed_since(Queue("open", "rt", ""), None)
        assert [one.ref.key for one in changes.tickets] == ["7"]
        await system.disconnect()


def test_times_that_no_ticket_is_from_are_none() -> None:
    assert moment_or_none("2026-11-20T10:00:00+01:00") == moment_or_none("2026-11-20T09:00:00")
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "yesterday", "", 7, None):
        assert moment_or_none(text) is None


def test_numbers_and_values_are_what_they_look_like() -> None:
    assert [number(value) for value in (7, "12", "x", 1.5, -3, None, True, "9" * 40)] == [7, 12, 0, 0, 0, 0, 0, 0]
    given = (None, True, [1, "a", False], {"name": "x"}, {"odd": 1})
    assert [shown(value) for value in given] == ["", "yes", "1, a, no", "x", '{"odd": 1}']
