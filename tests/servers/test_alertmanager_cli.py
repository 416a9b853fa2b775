"""Alerts in, grouped, and a silence out: a real Alertmanager from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours.program import Warm
from tests.servers.door import Door
from tests.servers.operating import Operator
from tests.servers.test_alertmanager_connector import Lab

CONFIG = """\
[operator]
name = "alex"

[tickets.am]
kind = "alertmanager"
url = "{url}"
poll_seconds = 1

[[queues]]
name = "Alerts"
system = "am"
query = '{query}'
"""


@pytest.fixture
def lab(alertmanager_env: Mapping[str, str]) -> Iterator[Lab]:
    made = Lab(alertmanager_env["AM_URL"])
    yield made
    made.close()


@pytest.fixture
def operate(warm: Warm, lab: Lab, tmp_path: Path) -> Callable[..., Operator]:
    def operate(url: str = lab.url) -> Operator:
        # Alertmanager asks nobody who they are; what stands for a token here is used by nothing.
        config = CONFIG.format(url=url, query=lab.query)
        return Operator(warm, tmp_path / "home", config, token="no-token-is-needed-here")

    return operate


@pytest.fixture
def operator(operate: Callable[..., Operator]) -> Operator:
    return operate()


def group(operator: Operator, alerts: int = 1) -> dict[str, Any]:
    """The group of this test, once it has so many alerts."""
    words = "alerts" if alerts > 1 else ""
    found = operator.until(
        lambda rows: len(rows) == 1 and (not words or f"{alerts} {words}" in rows[0]["title"]),
        "queue",
        "show",
        "Alerts",
    )
    return dict(found[0])


def test_alerts_come_in_as_one_ticket_for_each_group(lab: Lab, operator: Operator) -> None:
    lab.raise_alert("a", severity="warning", team="db")
    lab.raise_alert("b", severity="critical", team="db")
    found = group(operator, alerts=2)
    assert (found["status"], found["severity"], found["team"]) == ({"raw": "active", "category": "open"}, "1", "db")
    [queue] = [one for one in operator.ask("queue", "list") if one["system"] == "am"]
    assert (queue["state"], queue["open"]) == ("live", 1)
    shown = operator.ask("ticket", "show", found["ref"])
    assert [entry["kind"] for entry in shown["timeline"]] == ["alert", "alert"]
    assert "a is <b>slow</b>" in shown["body"]
    assert operator("ticket", "show", found["ref"]).code == 0  # the operator looks for control characters
    lab.raise_alert("c", alertname="DiskFull")
    operator.until(lambda rows: len(rows) == 2, "queue", "show", "Alerts")


def test_what_ended_leaves_the_queue(lab: Lab, operator: Operator) -> None:
    lab.raise_alert("a")
    group(operator)
    lab.raise_alert("a", ends=True)
    operator.until(lambda rows: rows == [], "queue", "show", "Alerts")


def test_a_silence_goes_out_like_any_update(lab: Lab, operator: Operator) -> None:
    lab.raise_alert("a")
    ref = group(operator)["ref"]
    sent = operator.update(
        ref, "--set", "/status=silenced", "--set", "/fields/silence_for=4h", comment="it is the deploy"
    )  # fmt: skip
    assert (sent["attempts"], sent["overlaps"]) == (1, [])
    [silence] = lab.silences()
    assert silence["status"]["state"] == "active"
    assert silence["createdBy"] == "alex"
    assert silence["comment"].startswith("it is the deploy")
    shown = operator.until(lambda one: one["status"]["raw"] == "silenced", "ticket", "show", ref)
    assert shown["fields"]["silence_for"] == "4h"
    assert "it is the deploy" in [entry["text"] for entry in shown["timeline"]]
    actions = [row["action"] for row in operator.ask("audit", "show") if row["ticket"] == ref]
    assert {"push.send", "push.verified"} <= set(actions)

    operator.update(ref, "--set", "/status=active")
    assert [one["status"]["state"] for one in lab.silences()] == ["expired"]


def test_where_somebody_else_made_the_silence_no_second_one_is_made(lab: Lab, operator: Operator) -> None:
    lab.raise_alert("a")
    ref = group(operator)["ref"]
    operator.approved(ref, "--set", "/status=silenced")
    lab.silence(alertname="HighLatency", service=lab.service, by="bo")
    sent = operator.push()
    assert (sent["state"], sent["already"], sent["attempts"]) == ("pushed", ["/status"], 0)
    assert [silence["createdBy"] for silence in lab.silences()] == ["bo"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "/severity=1"), "label that the alerting rule sets"),
        (("--set", "/assignee=me"), "no assignees"),
        (("--set", "/status=closed"), "silenced"),
        (("--attach", "config.toml"), "takes no files"),
    ],
)
def test_what_it_cannot_do_is_refused_with_its_reason(
    lab: Lab, operator: Operator, options: tuple[str, ...], words: str
) -> None:
    lab.raise_alert("a")
    ref = group(operator)["ref"]
    done = operator("draft", "new", ref, *options, "--json")
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert lab.silences() == []


def test_while_it_is_gone_its_alerts_stay(lab: Lab, operate: Callable[..., Operator]) -> None:
    lab.raise_alert("a")
    with Door(lab.url) as door:
        operator = operate(door.url)
        ref = group(operator)["ref"]
        door.close()
        [queue] = [one for one in operator.until_not_reached("queue", "list") if one["system"] == "am"]
        assert (queue["state"], queue["open"]) == ("offline", 1)
        assert operator.ask("ticket", "show", ref, code=3)["state"] == "offline"
