"""What the config and the taxonomy name and that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.config.settings import KnowledgeSettings, Settings, WorkflowSettings
from opstui.core.desk import ConfigDrift
from tests.services.building import Place

TAXONOMY = """\
[fields]
category = "Category"

[teams.payments]
names = { rt = "Payments L2", local = "Payments" }

[services.checkout]
team = "payments"
runbook = "runbooks/Checkout"

[services.orders]
runbook = "runbooks/Order"

[categories.database]
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    home = tmp_path / "home"
    home.mkdir()
    books = tmp_path / "books"
    books.mkdir()
    for name in ("Checkout", "Orders"):
        (books / f"{name}.md").write_text(f"# {name}\n\nWhat to do.\n", encoding="utf-8")
    (home / "taxonomy.toml").write_text(TAXONOMY, encoding="utf-8")
    settings = replace(
        Settings(),
        knowledge={"runbooks": KnowledgeSettings(path=books)},
        workflows={"incident-sumary": WorkflowSettings(), "triage": WorkflowSettings()},
    )
    made = Place(home, settings=settings)
    yield made
    made.close()


def found(place: Place) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for one in place.desk.ask(ConfigDrift()):
        told.setdefault(one.check, []).append(one.text)
    return told


def test_workflows_pages_and_systems_that_are_not_there_are_told_with_what_may_be_meant(place: Place) -> None:
    told = found(place)
    assert told["workflow"] == [
        "[workflows.incident-sumary]: there is no such workflow; did you mean incident-summary?"
    ]
    assert told["page"] == [
        "services.orders.runbook: the index has no page runbooks/Order; did you mean runbooks/Orders?"
    ]
    assert told["system"] == ["teams.payments.names: there is no ticket system rt"]
    assert set(told) == {"workflow", "page", "system"}


def test_values_of_open_tickets_that_the_taxonomy_does_not_know_are_counted(place: Place) -> None:
    first = place.ticket("a", services=("legacy-app", "checkout"), team="Night crew")
    place.ticket("b", services=("Legacy-App", "legacy-app"), fields={"Category": "databse"})
    place.ticket("c", services=("old",), status="closed")
    told = found(place)
    assert f"service 'legacy-app' is on 2 open tickets ({first}) and not in the taxonomy" in told["value"]
    assert any(text.startswith("team 'Night crew' is on 1 open ticket (") for text in told["value"])
    assert any(text.startswith("category 'databse' is on 1 open ticket (") for text in told["value"])
    assert not any("'old'" in text or "'checkout'" in text for text in told["value"])


def test_a_team_and_a_field_that_no_open_ticket_has_are_told(place: Place) -> None:
    for number in range(6):
        place.ticket(f"t{number}", team="Search", fields={"Region": "eu-west"})
    told = found(place)
    assert told["team"] == ["teams.payments: none of 6 open tickets of local has the team Payments"]
    assert told["field"] == ["none of 6 open tickets that are known has the field Category"]
    place.ticket("t7", team="Payments", fields={"Category": "Database"})
    assert not {"team", "field"} & set(found(place))
