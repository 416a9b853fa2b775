"""What an agent hands in beside its claims: tickets, pages, values and next steps, each held against the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import opstui
from opstui.config.settings import KnowledgeSettings, Settings
from opstui.config.taxonomy import load_taxonomy
from opstui.core.codec import encode
from opstui.core.desk import RefreshTicket
from opstui.core.documents import EscalationPackage, IncidentSummary, Triage
from opstui.core.extract.registry import RULES
from opstui.core.tickets import TicketRef
from opstui.services.document_schemas import document_schema
from opstui.services.tooldesk import ToolDesk
from opstui.services.workflows import load_workflows
from tests.core.real_input import given
from tests.services.building import Place

PACKAGE = Path(opstui.__file__).parent
WORKFLOWS = load_workflows(PACKAGE / "workflows")
TAXONOMY = load_taxonomy(PACKAGE / "demo" / "taxonomy.toml")
RUNBOOK = "# Disk is full\n\nA disk of a database is full.\n\n## Diagnosis\n\n1. Check which files grow on the disk.\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A home with a page and a few tickets."""
    books = tmp_path / "books"
    books.mkdir()
    (books / "DiskFull.md").write_text(RUNBOOK, encoding="utf-8")
    made = Place(tmp_path / "home", settings=replace(Settings(), knowledge={"kb": KnowledgeSettings(path=books)}))
    made.setup.knowledge.refresh()
    for number in range(8):  # rare words are only rare among others
        made.ticket(f"Unrelated matter {number}", "nothing in common")
    yield made
    made.close()


@pytest.fixture
def ref(place: Place) -> TicketRef:
    return place.ticket("Disk of orders-db-2 is full", "orders-db-2 is at 99 % since 08:10.", severity="3")


@pytest.fixture
def other(place: Place) -> TicketRef:
    return place.ticket("Disk of orders-db-2 is full again", "orders-db-2 is at 97 %.")


class Agent:
    """Hands in what the rules write, with changes."""

    def __init__(self, place: Place, ref: TicketRef, workflow: str) -> None:
        known = place.setup.cache.ticket(ref)
        assert known is not None
        self.desk = ToolDesk(
            ticket=known[0],
            workflow=WORKFLOWS[workflow],
            session_id="01TEST",
            knowledge=place.setup.knowledge,
            cache=place.setup.cache,
            randomness=place.setup.randomness,
            operator="alex",
            team="night",
            now=place.clock.now,
            taxonomy=TAXONOMY,
        )
        rules = RULES[WORKFLOWS[workflow].document]
        whole = encode(rules.extract(given(known[0], now=place.clock.now(), taxonomy=TAXONOMY)))
        wanted = document_schema(WORKFLOWS[workflow].document)["properties"]
        self.document: dict[str, Any] = {key: value for key, value in whole.items() if key in wanted}

    def search(self) -> None:
        assert "#0" in self.desk.call("search_tickets", {"query": "Disk of orders-db-2 is full"}).text

    def hand_in(self, **changes: Any) -> str:
        return self.desk.call("submit_document", {"document": self.document | changes}).text


@pytest.mark.parametrize(("workflow", "field"), [("triage", "duplicates"), ("escalation-package", "related")])
def test_another_ticket_is_one_that_a_search_returned_and_what_it_shares_is_set_by_code(
    place: Place, ref: TicketRef, other: TicketRef, workflow: str, field: str
) -> None:
    agent = Agent(place, ref, workflow)
    named = {"ticket_id": f"{other}#0", "relation": "duplicate", "score": 9.9, "shared_atoms": ["db-99"], "title": "x"}
    before = agent.hand_in(**{field: [named]})
    assert f"{field}.0.ticket_id: '{other}#0' was not among this session's search results" in before
    agent.search()
    assert agent.hand_in(**{field: [named, {"ticket_id": other.key}]}).startswith("accepted")
    document = agent.desk.accepted
    assert isinstance(document, Triage | EscalationPackage)
    (found,) = document.duplicates if isinstance(document, Triage) else document.related
    assert (found.ticket_id, found.relation, found.title) == (
        str(other),
        "similar",
        "Disk of orders-db-2 is full again",
    )
    assert "orders-db-2" in found.shared_atoms
    assert "db-99" not in found.shared_atoms
    assert 0 < found.score != 9.9
    for stranger in ("local:OPS-99", str(ref)):
        assert "search_tickets returned" in agent.hand_in(**{field: [{"ticket_id": stranger}]})


def test_a_value_needs_a_claim_that_leads_to_it_and_is_warned_of_where_nothing_speaks_of_it(
    place: Place, ref: TicketRef
) -> None:
    agent = Agent(place, ref, "triage")
    why = agent.document["headline"]
    unknown = why | {"id": "c90", "status": "unknown", "citations": []}
    refused = agent.hand_in(category={"value": "network", "why": unknown})
    assert "category has a value, but the claim that leads to it is unknown" in refused
    assert agent.hand_in(category={"value": "network", "why": why}).startswith("accepted with 1 warning")
    assert [finding.id for finding in agent.desk.findings] == ["value:category"]
    assert agent.hand_in() == "accepted"


def test_how_well_a_page_fits_is_what_the_search_said(place: Place, ref: TicketRef) -> None:
    agent = Agent(place, ref, "incident-summary")
    assert "kb/DiskFull" in agent.desk.call("search_knowledge", {"query": "disk is full"}).text
    span = {"kind": "doc", "ref": "kb/DiskFull", "line_start": 1, "line_end": 3}
    invented = {"doc_id": "kb/DiskFull", "span": span, "score": 99.5, "coverage": 1.0, "why": "it always helps"}
    assert agent.hand_in(runbooks=[invented]).startswith("accepted")
    assert isinstance(agent.desk.accepted, IncidentSummary)
    (runbook,) = agent.desk.accepted.runbooks
    assert runbook.title == "Disk is full"
    assert runbook.score != 99.5
    assert runbook.why.startswith("shares")
    assert "why" not in document_schema("IncidentSummary")["$defs"]["RunbookRef"]["properties"]


def test_a_next_step_has_the_line_that_it_comes_from(place: Place, ref: TicketRef) -> None:
    agent = Agent(place, ref, "incident-summary")
    assert "next step 1 needs the line" in agent.hand_in(next_steps=[{"text": "Reboot the primary"}])


def test_the_ticket_itself_may_be_cited_as_searches_print_it(place: Place, ref: TicketRef) -> None:
    agent = Agent(place, ref, "incident-summary")
    headline = agent.document["headline"]
    cited = [citation | {"ref": f"{ref}#0"} for citation in headline["citations"]]
    assert agent.hand_in(headline=headline | {"citations": cited}) == "accepted"
    assert isinstance(agent.desk.accepted, IncidentSummary)
    assert agent.desk.accepted.headline.citations[0].ref == f"{ref.key}#0"


def test_a_citation_beside_the_claims_that_does_not_hold_names_its_field(place: Place, ref: TicketRef) -> None:
    agent = Agent(place, ref, "incident-summary")
    cited = agent.document["headline"]["citations"][0] | {"quote": "never written"}
    said = agent.hand_in(next_steps=[{"text": "Disk of orders-db-2 is full", "citation": cited}])
    assert f"next steps 1: the quote is not in {ref.key}#0" in said


def test_what_is_asked_of_the_receiver_is_held_against_the_ticket(place: Place, ref: TicketRef) -> None:
    agent = Agent(place, ref, "escalation-package")
    assert document_schema("EscalationPackage")["$defs"]["Ask"]["properties"]["verb"]["enum"][0] == "investigate"
    assert "the verb is one of investigate" in agent.hand_in(ask=[{"verb": "reboot", "text": "Look at orders-db-2"}])
    asked = {"verb": "fix", "text": "Look at orders-db-2", "owner": "Zoltan", "deadline": "2026-11-29T03:33:00Z"}
    place_of = {"product": "Oracle 19c"}
    assert agent.hand_in(ask=[asked], environment=place_of).startswith("accepted with 3 warnings")
    assert {finding.text.partition(":")[0] for finding in agent.desk.findings} == {
        "ask 1 deadline",
        "ask 1 owner",
        "environment product",
    }


def test_how_a_step_was_done_stands_in_what_it_cites_or_is_a_kind_of_doing(place: Place, ref: TicketRef) -> None:
    place.local.comment(ref.key, "dana", "Ran `df -h /data` on orders-db-2: the disk is full.", kind="comment")
    place.desk.do(RefreshTicket(ref)).unwrap()
    agent = Agent(place, ref, "escalation-package")
    (step,) = agent.document["checked"]
    assert agent.hand_in(checked=[step | {"method": "ran df -h"}]) == "accepted"
    assert agent.hand_in(checked=[step | {"method": "rm -rf /"}]) == "accepted with 1 warning for the reviewer"
    assert agent.desk.findings[0].text == "checked 1 method: the source does not say 'rm -rf /'"
