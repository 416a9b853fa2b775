"""What is made of Alertmanager's answers, whatever they hold, and of queries and times."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from opstui.adapters.tickets.alertmanager import connect, matchers_in, silence_length
from opstui.adapters.tickets.alertmanager_reading import Group, Reader, groups_of, is_of, matchers_for, spelled
from opstui.core.errors import ConfigError, CredentialsRefused, Refused, Unreachable
from opstui.core.ports import Update
from opstui.core.queues import Queue
from opstui.core.text import clean
from opstui.core.tickets import TicketRef
from tests.adapters.tickets.stand_in import SECRET, Recorded, Reply, StandIn, connection_to, route

OP_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


class FakeAlertmanager(StandIn):
    """One group, below a path and behind a proxy that asks for a name and a password where ``opened`` is given."""

    opened = ""

    def __init__(self) -> None:
        super().__init__()
        self.silences: list[dict[str, Any]] = []
        self.alerts = [alert("a")]

    def allowed(self, request: Recorded) -> Reply | None:
        given = request.headers.get("authorization", "")
        return None if given == self.opened else Reply(401)

    @route("GET", "/am/api/v2/alerts/groups")
    def groups(self, request: Recorded) -> Any:
        return [{"labels": {"alertname": "Slow"}, "receiver": {"name": "x"}, "alerts": self.alerts}]

    @route("GET", "/am/api/v2/silences")
    def list_silences(self, request: Recorded) -> Any:
        return self.silences

    @route("POST", "/am/api/v2/silences")
    def silence(self, request: Recorded) -> Any:
        number = f"id-{len(self.silences)}"
        self.silences.append({**request.json, "id": number, "status": {"state": "active"}})
        return {"silenceID": number}

    @route("DELETE", "/am/api/v2/silence/{number}")
    def expire(self, request: Recorded, number: str) -> Any:
        return {}


def alert(instance: str, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": "Slow", "instance": instance, **labels}, "annotations": {"summary": "is slow"},
        "fingerprint": f"f{instance}", "startsAt": "2026-11-20T08:00:00.5Z", "updatedAt": "2026-11-20T08:30:00Z",
        "endsAt": "2026-11-20T09:30:00Z", "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }  # fmt: skip


async def silenced(server: FakeAlertmanager, status: str = "silenced", **parts: Any) -> Any:
    system = connect(connection_to(server, name="am", kind="alertmanager", path="/am/", **parts))
    try:
        ticket = (await system.changed_since(Queue("q", "am"), None)).tickets[0]
        update = Update(
            op_id=OP_ID, ticket=TicketRef("am", ticket.ref.key), expected_version=ticket.version, author="ana",
            fields={"/status": status},
        )  # fmt: skip
        await system.send(update)
        return await system.find(ticket.ref.key, OP_ID)
    finally:
        await system.disconnect()


def test_no_token_is_needed_and_the_address_may_have_a_path() -> None:
    with FakeAlertmanager() as server:
        assert asyncio.run(silenced(server, secret=None)) is not None
        assert [one["createdBy"] for one in server.silences] == ["ana"]


@pytest.mark.parametrize(
    ("user", "header"),
    [("ana", f"Basic {base64.b64encode(f'ana:{SECRET}'.encode()).decode()}"), ("", f"Bearer {SECRET}")],
)
def test_a_proxy_gets_a_name_and_a_password_or_a_token(user: str, header: str) -> None:
    with FakeAlertmanager() as server:
        server.opened = header
        assert asyncio.run(silenced(server, user=user)) is not None
        server.opened = "something else"
        with pytest.raises(CredentialsRefused):
            asyncio.run(silenced(server, user=user))


@pytest.mark.parametrize("applied", [False, True])
def test_a_cut_connection_is_not_taken_for_a_no(applied: bool) -> None:
    with FakeAlertmanager() as server:
        server.cut("POST *", applied=applied)
        with pytest.raises(Unreachable) as caught:
            asyncio.run(silenced(server, secret=None))
        assert caught.value.was_anything_sent
        asyncio.run(silenced(server, secret=None))
        assert len(server.silences) == 1


def test_an_op_id_that_is_found_means_that_every_silence_of_the_group_ends() -> None:
    with FakeAlertmanager() as server:
        for number in range(3):
            server.silences.append({
                "id": f"old-{number}", "matchers": [{"name": "alertname", "value": "Slow"}], "createdBy": "bo",
                "startsAt": "2026-11-20T08:00:00Z", "endsAt": "2026-11-20T12:00:00Z", "comment": f"number {number}",
                "status": {"state": "active"},
            })  # fmt: skip
        server.cut("POST *", applied=True, skip=1)
        with pytest.raises(Unreachable):
            asyncio.run(silenced(server, "active", secret=None))
        assert OP_ID not in str(server.silences)
        server.silences = server.silences[:3]
        server.requests.clear()
        asyncio.run(silenced(server, "active", secret=None))
        posted = [one.json for one in server.requests if one.method == "POST"]
        assert sorted(one["id"] for one in posted) == ["old-0", "old-1", "old-2"]
        assert [OP_ID in one["comment"] for one in posted] == [False, False, True]


def test_an_answer_that_is_no_list_is_no_empty_queue() -> None:
    with FakeAlertmanager() as server:
        server.answer("GET *", Reply.of({"status": "error"}))
        with pytest.raises(Refused, match="no list"):
            asyncio.run(silenced(server, secret=None))


def test_an_address_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"tickets\.am\.url"):
        connect(connection_to("", name="am", kind="alertmanager"))


# --- queries


@pytest.mark.parametrize(
    ("query", "matchers"),
    [
        ("", []),
        ("  ", []),
        ("{}", []),
        ('severity="critical"', ['severity="critical"']),
        ('severity=~"critical|warning", team!="db"', ['severity=~"critical|warning"', 'team!="db"']),
        ('{a="1",b!~"x,y"}', ['a="1"', 'b!~"x,y"']),
        ('a="with \\" and , inside"', ['a="with \\" and , inside"']),
        ("a=1\nb=2", ["a=1", "b=2"]),
    ],
)
def test_a_query_is_split_into_its_matchers(query: str, matchers: list[str]) -> None:
    assert matchers_in(query) == matchers


@given(st.text(max_size=200))
def test_no_query_takes_long_or_loses_a_letter_that_means_something(query: str) -> None:
    found = "".join(matchers_in("a" + query))
    kept = re.sub(r"[\s,]", "", "a" + query)
    assert re.sub(r"[\s,]", "", found) == kept


# --- how long


@given(st.integers(1, 365 * 24 * 60))
def test_every_length_reads_back_as_it_is_written(minutes: int) -> None:
    assert silence_length(spelled(minutes), "am:x").total_seconds() == minutes * 60


@pytest.mark.parametrize("text", ["", "2", "2 h", "2H", "0h", "1y", "-2h", "90m", "24h", "1w", "2h ", "٣h", "9999999h"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        silence_length(text, "am:x")


# --- groups


def test_a_group_of_several_receivers_is_one_ticket() -> None:
    answer = [
        {"labels": {"alertname": "Slow"}, "receiver": {"name": name}, "alerts": [alert("a"), alert(name)]}
        for name in ("mail", "chat")
    ]
    (group,) = groups_of(answer).values()
    assert len(group.alerts) == 3


def test_groups_have_keys_of_their_own_whatever_their_names() -> None:
    odd = ["Slow", "slow", "Sl ow", "Sl:ow", "", "日本", "x" * 200, "../..", "a\nb", "\ud800"]
    answer = [{"labels": {"alertname": name}, "alerts": [alert(name)]} for name in odd]
    keys = list(groups_of(answer))
    assert len(set(keys)) == len(odd)
    assert all(str(TicketRef.parse(f"am:{key}")) == f"am:{key}" for key in keys)


def test_a_silence_says_which_labels_must_be_absent() -> None:
    group = Group({"alertname": "Slow"}, (alert("a"),))
    assert {(one["name"], one["value"]) for one in matchers_for(group, ["service", "alertname", "instance"])} == {
        ("alertname", "Slow"), ("service", ""),
    }  # fmt: skip


def test_only_a_silence_of_exactly_these_labels_is_one_of_the_group() -> None:
    group = Group({"alertname": "Slow", "service": "shop"}, (alert("a", service="shop"),))
    whole = [{"name": "alertname", "value": "Slow"}, {"name": "service", "value": "shop"}]
    assert is_of({"matchers": whole}, group)
    assert is_of({"matchers": [*whole, {"name": "team", "value": ""}]}, group)
    assert not is_of({"matchers": whole[:1]}, group)
    assert not is_of({"matchers": [*whole, {"name": "instance", "value": "a"}]}, group)
    assert not is_of({"matchers": [whole[0], {**whole[1], "isRegex": True}]}, group)
    assert not is_of({"matchers": [whole[0], {**whole[1], "isEqual": False}]}, group)


def test_entries_keep_their_numbers_when_an_alert_ends() -> None:
    reader = Reader("am", "http://127.0.0.1", {})
    first, second = alert("a"), alert("b") | {"startsAt": "2026-11-20T08:10:00Z"}
    before = reader.ticket(Group({"alertname": "Slow"}, (first, second)), [])
    after = reader.ticket(Group({"alertname": "Slow"}, (second, alert("c"))), [])
    assert after.timeline[:2] == before.timeline
    assert [entry.number for entry in after.timeline] == [1, 2, 3]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD_ALERT = st.fixed_dictionaries(
    {},
    optional={
        "labels": JSON | st.dictionaries(st.sampled_from(["alertname", "severity", "service"]), JSON), "status": JSON,
        "annotations": JSON, "fingerprint": JSON, "startsAt": JSON, "updatedAt": JSON, "generatorURL": JSON,
    },
)  # fmt: skip
ODD_SILENCE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "matchers", "comment", "createdBy", "startsAt", "endsAt", "updatedAt", "status"), JSON
    ),
)  # fmt: skip


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(labels=JSON, alerts=st.lists(ODD_ALERT, max_size=3) | JSON, silences=st.lists(ODD_SILENCE, max_size=2))
def test_answers_of_any_shape_are_read(labels: Any, alerts: Any, silences: list[dict[str, Any]]) -> None:
    reader = Reader("am", "http://127.0.0.1", {})
    for group in groups_of([{"labels": labels, "alerts": alerts}]).values():
        ticket = reader.ticket(group, silences)
        assert [one.id for one in ticket.timeline] == [ticket.entry_id(n) for n in range(1, len(ticket.timeline) + 1)]
        assert ticket.body == clean(ticket.body)
        assert ticket.updated_at >= ticket.created_at
