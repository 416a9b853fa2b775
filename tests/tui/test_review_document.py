"""Review of every kind of document: what it says beside its comment, and why each claim is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opstui.core.claims import Citation, CitationKind
from opstui.core.codec import encode
from opstui.core.documents import Choice, Document, RelatedTicket, claims_of
from opstui.core.extract.registry import RULES
from opstui.core.ports import ExtractInput
from opstui.core.taxonomy import Taxonomy, Term
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket, TicketRef
from opstui.tui.lines import rows_text, width_of
from opstui.tui.review_document import part_rows, parts_of
from opstui.tui.review_rows import citation_numbers, citation_text
from opstui.tui.screens.review import ReviewScreen
from tests.tui.draft_desk import CLAIMS, NET, DraftDesk
from tests.tui.screen_test import opened, text_of, wait_text
from tests.tui.scripted_desk import NOW, ScriptedDesk

KINDS = ["IncidentSummary", "EscalationPackage", "Triage", "Reply", "ResolutionNotes"]
TITLES = {"team:net-core": "Network", "service:dns": "Name service"}


def made(kind: str, ticket: Ticket | None = None) -> Any:
    """The document that the rules write of a ticket."""
    taxonomy = Taxonomy(
        teams=[Term(id="net-core", title="Network")],
        services=[Term(id="dns", title="Name service", team="net-core")],
        severities=[Term(id=level) for level in "1234"],
    )
    given = ExtractInput(
        ticket=ticket or ScriptedDesk().tickets[NET], hits=(), pages={}, related=(), operator="alex",
        operator_team="desk", now=NOW, session_id="S1", workflow_version="0123456789abcdef", taxonomy=taxonomy,
    )  # fmt: skip
    return RULES[kind].extract(given)


def said(document: Document, width: int = 80) -> str:
    claims = claims_of(document)
    rows = part_rows(parts_of(document, claims, TITLES), citation_numbers(claims), citation_text, width)
    assert all(width_of(drawn) <= width for row in rows for drawn in row.lines)
    assert len({row.key for row in rows}) == len(rows)
    return rows_text(rows)


def test_a_triage_shows_value_and_title_and_what_speaks_for_it() -> None:
    triage = made("Triage")
    shown = said(replace(triage, unknown_values=("service: legacy-app",), category=Choice(value=None)))
    assert "service   dns (Name service)" in shown
    assert "team      net-core (Network)" in shown
    assert "NET-87#" in shown
    assert "? category  not said" in shown
    assert "! unknown   service: legacy-app is not in the taxonomy" in shown
    like = RelatedTicket(ticket_id="local:DB-311", title="Disk", relation="similar", score=1.0, shared_atoms=("db-2",))
    alike = replace(triage, duplicates=(like,))
    assert "? similar   DB-311  Disk" in said(alike)
    assert [part.ticket for part in parts_of(alike, (), {}) if part.ticket] == [TicketRef("local", "DB-311")]


def test_an_escalation_shows_its_score_the_open_questions_the_clock_and_every_step() -> None:
    package = made("EscalationPackage")
    shown = said(package)
    score = package.preflight.score
    assert f"preflight {score} of 100" in shown
    assert f"{len(package.preflight.missing)} question" in shown
    assert all(f"? {' ' * 10}{question}"[:70] in shown for question in package.preflight.missing[:3])
    assert "clock     due " in shown
    assert "restarted node-local-dns on agents-3" in shown
    assert "no finding" in shown


def test_resolution_notes_say_that_nobody_knows_and_a_reply_when_customers_hear_again() -> None:
    notes = said(made("ResolutionNotes"))
    assert "ended as  unknown" in notes
    assert "? cause" in notes
    assert "? verified  nobody wrote that it is over" in notes
    reply = said(made("Reply"))
    assert "next word" in reply
    assert "? data loss nobody has said" in reply


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [40, 120])
def test_every_kind_fits_and_foreign_text_in_it_is_only_text(kind: str, width: int) -> None:
    ticket = ScriptedDesk().tickets[NET]
    entries = tuple(replace(one, text=SafeText(f"{one.text} [/] [@click=app.quit]x[/]")) for one in ticket.timeline)
    assert said(made(kind, replace(ticket, timeline=entries)), width)


async def test_review_shows_the_document_its_engine_and_why_a_claim_is_believed() -> None:
    desk = DraftDesk()
    cite = Citation(CitationKind.ENTRY, "NET-87#2", 1, 1)
    desk.claims = tuple(replace(one, confidence_reason="one source") for one in CLAIMS[:3])
    document = replace(made("EscalationPackage"), status_citation=cite)
    body = encode(document)
    draft = desk.new(document=body, workflow_version="0123456789abcdef")
    async with opened(desk, ReviewScreen(draft.id), size=(120, 45)) as pilot:
        await wait_text(pilot, "~ not evaluated · written by the extractive engine")
        shown = text_of(pilot.app)
        assert f"preflight {document.preflight.score} of 100, {len(document.preflight.missing)} open" in shown
        assert "medium: one source" in shown
        rows = pilot.app.screen.query_one("#rows")
        rows.cursor = "part:step:0"  # type: ignore[attr-defined]
        await pilot.press("c")
        await wait_text(pilot, "restarted node-local-dns on agents-3, no change")
    desk.facts = replace(desk.facts, workflows=tuple(replace(flow, evaluated=True) for flow in desk.facts.workflows))
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await wait_text(pilot, "written by the extractive engine")
        assert "not evaluated" not in text_of(pilot.app)


def test_what_was_hidden_from_the_model_reads_as_it_is() -> None:
    package = made("EscalationPackage")
    claims = [replace(one, text=f"true words of {one.id}") for one in claims_of(package)]
    rows = part_rows(parts_of(package, claims, {}), {}, citation_text, 80)
    step = package.checked[0].detail
    assert f"true words of {step.id}" in rows_text(rows)
