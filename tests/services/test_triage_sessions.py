"""Triage as a session: the taxonomy goes in, values of it come out, by rules and by an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opstui
from opstui.config.taxonomy import load_taxonomy
from opstui.core.codec import encode
from opstui.core.desk import RunSession, StartSession
from opstui.core.documents import Triage
from opstui.core.errors import ConfigError
from opstui.core.sessions import Session
from opstui.core.taxonomy import Taxonomy, Term, from_json
from opstui.core.tickets import TicketRef
from opstui.rehearsal.plan import next_move
from opstui.rehearsal.talk import Called, Said, Talk
from opstui.services import briefing
from opstui.services.document_schemas import tool_schemas
from opstui.services.taxonomies import LINE, LINE_BYTES, taxonomy_line
from opstui.services.tooldesk import ToolDesk
from opstui.services.workflows import load_workflows
from tests.services.building import Place

PACKAGE = Path(opstui.__file__).parent
TRIAGE = load_workflows(PACKAGE / "workflows")["triage"]
TAXONOMY = load_taxonomy(PACKAGE / "demo" / "taxonomy.toml")
FILE = '[teams.databases]\n[services.orders-db]\nteam = "databases"\n[categories.storage]\naliases = ["disk"]\n'


def tools_of(place: Place, ref: TicketRef, taxonomy: Taxonomy = TAXONOMY) -> ToolDesk:
    known = place.setup.cache.ticket(ref)
    assert known is not None
    return ToolDesk(
        ticket=known[0],
        workflow=TRIAGE,
        session_id="01TEST",
        knowledge=place.setup.knowledge,
        cache=place.setup.cache,
        randomness=place.setup.randomness,
        operator="alex",
        team=None,
        now=place.clock.now,
        taxonomy=taxonomy,
    )


@pytest.fixture
def disk(place: Place) -> TicketRef:
    return place.ticket("Disk of orders-db-2 is full", "orders-db-2 is at 99 % since 08:10.", severity="3")


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Place]:
    """A home with a taxonomy of its own."""
    (tmp_path / "taxonomy.toml").write_text(FILE, encoding="utf-8")
    made = Place(tmp_path)
    yield made
    made.close()


def run(place: Place, ref: TicketRef) -> Session:
    started = place.desk.do(StartSession(ticket=ref, workflow="triage", here=True)).unwrap()
    return place.desk.do(RunSession(started.id)).unwrap()


def test_a_session_without_a_model_triages_by_the_taxonomy_of_the_config(configured: Place) -> None:
    ref = configured.ticket("Disk of orders-db-2 is full", "Since 08:10.", severity="3")
    session = run(configured, ref)
    assert session.document is not None
    assert session.document["team"]["value"] == "databases"
    assert session.draft is not None
    draft = configured.setup.record.draft(session.draft)
    assert draft is not None
    assert {(op.path, op.to) for op in draft.ops} == {("/team", "databases"), ("/tags", "storage")}


def test_a_taxonomy_that_can_not_be_read_stops_a_triage_before_it_begins_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taxonomy.toml").write_text("[service.x]\n", encoding="utf-8")
    place = Place(tmp_path)
    ref = place.ticket()
    refused = place.desk.do(StartSession(ticket=ref, workflow="triage")).error
    assert isinstance(refused, ConfigError)
    assert "taxonomy.toml:1" in str(refused)
    assert place.desk.do(StartSession(ticket=ref, workflow="incident-summary")).error is None
    place.close()


def test_an_agent_reads_the_taxonomy_before_the_ticket_and_finds_its_ids_in_the_schema(
    place: Place, disk: TicketRef
) -> None:
    text = tools_of(place, disk).call("get_ticket", {}).text
    line = text.split("\n")[1]
    assert line.startswith(LINE)
    assert list(from_json(json.loads(line.removeprefix(LINE))).services) == list(TAXONOMY.services)
    schema = tool_schemas(TRIAGE, TAXONOMY)[-1]["input_schema"]["properties"]["document"]
    service = schema["$defs"][schema["properties"]["service"]["$ref"].rpartition("/")[2]]
    assert service["properties"]["value"]["enum"] == [*TAXONOMY.services, None]
    assert "unknown_values" not in schema["properties"]


def test_a_played_agent_hands_in_values_of_the_taxonomy(place: Place, disk: TicketRef) -> None:
    tools = tools_of(place, disk)
    schemas = {tool["name"]: tool["input_schema"] for tool in tool_schemas(TRIAGE, TAXONOMY)}
    talk = Talk(tools=schemas, items=[Said(briefing.opening(TRIAGE, tools.call("get_ticket", {}).text), by_user=True)])
    for _ in range(12):
        move = next_move(talk, place.clock.now())
        for number, use in enumerate(move.calls):
            result = tools.call(use.name, use.input)
            talk.items.append(Called(f"{len(talk.items)}-{number}", use.name, use.input, result.text, result.is_error))
        if move.ends:
            break
    assert isinstance(tools.accepted, Triage)
    assert (tools.accepted.service.value, tools.accepted.team.value) == ("orders-db", "databases")
    assert tools.tries == 0


def handed_in(place: Place, ref: TicketRef) -> dict[str, Any]:
    from opstui.core.extract.triage import triage
    from opstui.core.ports import ExtractInput

    known = place.setup.cache.ticket(ref)
    assert known is not None
    document = triage(
        ExtractInput(
            ticket=known[0], hits=(), pages={}, related=(), operator="alex", operator_team=None,
            now=place.clock.now(), session_id="", workflow_version="", taxonomy=TAXONOMY,
        )
    )  # fmt: skip
    whole: dict[str, Any] = encode(document)
    return {
        key: value
        for key, value in whole.items()
        if key not in ("head", "now", "sla", "unknown_values", "not_included")
    }


def test_an_invented_value_is_refused_with_its_name_and_another_name_of_one_is_taken(
    place: Place, disk: TicketRef
) -> None:
    tools, document = tools_of(place, disk), handed_in(place, disk)
    invented = document | {"team": {**document["team"], "value": "storage heroes"}}
    refused = tools.call("submit_document", {"document": invented})
    assert refused.is_error
    assert "'storage heroes': the taxonomy does not know it" in refused.text
    other = document | {"team": {**document["team"], "value": "DBA"}}
    assert not tools.call("submit_document", {"document": other}).is_error
    assert isinstance(tools.accepted, Triage)
    assert tools.accepted.team.value == "databases"


def test_a_large_taxonomy_leaves_room_for_the_ticket() -> None:
    many = Taxonomy(services=[Term(id=f"s{number}", title="x" * 60, aliases=("y" * 60,)) for number in range(300)])
    line = taxonomy_line(many)
    assert len(line.encode()) <= LINE_BYTES
    assert list(from_json(json.loads(line.removeprefix(LINE))).services) == list(many.services)


def test_where_the_ticket_has_every_value_already_there_is_a_document_and_no_draft(configured: Place) -> None:
    ref = configured.ticket(
        "Disk of orders-db-2 is full", severity="3", team="Databases", services=("orders-db",), tags=("disk", "storage")
    )
    session = run(configured, ref)
    assert session.document is not None
    assert session.draft is None
    said = [event.data.get("text", "") for event in configured.setup.record.events(session.id)]
    assert "the ticket has every value already, so nothing is proposed" in said
