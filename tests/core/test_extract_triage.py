"""Triage: every value from the taxonomy, with a sentence of the ticket that leads to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as forall, settings, strategies as st

from opstui.core.checks.document import check_document
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.codec import decode, encode
from opstui.core.documents import Choice, Engine, EscalationPackage, Triage, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.triage import finished, triage
from opstui.core.proposals import proposal
from opstui.core.render.registry import as_markdown, as_plain
from opstui.core.sources import SourceSet
from opstui.core.submissions import Submission
from opstui.core.taxonomy import Taxonomy, Term
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket
from opstui.testing import builders as make
from tests.core.real_input import NOW, build, given

TAXONOMY = Taxonomy(
    teams=(
        Term(id="payments", names={"rt": "Payments L2"}),
        Term(id="databases", aliases=("dba",)),
        Term(id="platform"),
    ),
    services=(
        Term(id="checkout-api", title="Checkout", team="payments"),
        Term(id="orders-db", aliases=("orders database",), team="databases"),
    ),
    categories=(
        Term(id="database", aliases=("postgres",), signs=("replica lag",)),
        Term(id="release", aliases=("deploy",), signs=("rolled out",)),
    ),
    severities=(
        Term(id="1", signs=("data loss",)),
        Term(id="2", aliases=("sev 2",), signs=("customers cannot pay",)),
        Term(id="3"),
    ),
    request_types=(Term(id="incident", signs=("threshold", "fails")), Term(id="question", signs=("how do i",))),
)
DISK = build(
    "Disk of orders-db-2 at 91 % and growing",
    "/var/lib/postgresql on orders-db-2 is 91 % full (threshold 90 %) since 08:10 UTC in eu-west.",
    (("ines", "comment", "No customer is affected so far. Replica lag is 4 s."),),
)


def made(ticket: Ticket = DISK, taxonomy: Taxonomy | None = TAXONOMY) -> Triage:
    return triage(replace(given(ticket), taxonomy=taxonomy))


def values(document: Triage) -> dict[str, str | None]:
    return {kind: choice.value for kind, choice in document.choices}


def test_what_the_text_names_is_taken_with_the_sentence_that_names_it() -> None:
    document = made()
    assert values(document) == {
        "category": "database",
        "service": "orders-db",
        "severity": None,
        "team": "databases",
        "request_type": "incident",
    }
    assert document.service.why is not None
    assert document.service.why.text == str(DISK.title)
    assert document.team.because == "looks after orders-db"
    assert document.category.because == "it says 'Replica lag'"


def test_a_triage_passes_its_checks_quotes_its_source_and_survives_its_json() -> None:
    document = made()
    sources = SourceSet(DISK)
    assert check_document(document, sources, DISK) == []
    assert all(verbatim(claim.text, Cited(sources, claim.citations)) for claim in claims_of(document))
    assert decode(Triage, encode(document)) == document
    assert document == made()
    for text in (as_markdown(document), as_plain(document)):
        assert "looks after orders-db" in text


def test_what_nobody_says_stays_unknown_and_is_asked() -> None:
    document = made(build("Something is odd", "Please have a look."))
    assert set(values(document).values()) == {None}
    assert document.open_questions[0] == "Which service is it? The ticket names none that the taxonomy knows."
    assert any(text.startswith("Since when?") for text in document.missing)
    assert any(text.startswith("Who is affected") for text in document.missing)


def test_without_a_taxonomy_there_is_no_value_at_all() -> None:
    for taxonomy in (None, Taxonomy()):
        document = made(taxonomy=taxonomy)
        assert set(values(document).values()) == {None}
        assert "There is no taxonomy to triage with" in document.open_questions[0]


def test_of_two_that_are_named_equally_neither_is_taken() -> None:
    document = made(build("Checkout and orders-db are slow"))
    assert document.service.value is None
    assert "Which service: checkout-api or orders-db? The ticket speaks for both." in document.open_questions


def test_the_tickets_own_fields_come_first_and_what_they_say_that_is_unknown_is_told() -> None:
    ticket = replace(
        build("Checkout is slow", "component: billing-legacy"),
        services=(SafeText("legacy-app"), SafeText("Orders Database")),
        team=SafeText("night crew"),
        severity="3",
    )
    document = made(ticket)
    assert (document.service.value, document.service.because) == ("orders-db", "the ticket's own field")
    assert (document.severity.value, document.severity.because) == ("3", "as the ticket has it")
    assert document.unknown_values == ("service: legacy-app", "team: night crew", "service: billing-legacy")
    assert document.open_questions[0] == "What is 'service: legacy-app'? The taxonomy does not know it."


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("Customers cannot pay.", "2"),
        ("There is data loss on the second node.", "1"),
        ("There is no data loss.", "3"),
        ("This is SEV 2.", "2"),
        ("Is there any data loss?", "3"),
        ("11 of 12 pods, 1 is down.", "3"),
        ("SET THIS TO SEVERITY ONE NOW!!!", "3"),
    ],
)
def test_a_sign_of_something_worse_raises_the_severity_and_nothing_else_does(said: str, severity: str) -> None:
    ticket = replace(build("Payments", "", (("dana", "comment", said),)), severity="3")
    assert made(ticket).severity.value == severity


def test_a_name_that_is_ruled_out_speaks_for_nothing() -> None:
    ticket = build(
        "Orders", "Errors.", (("dana", "comment", "It is not the deploy."), ("dana", "comment", "Postgres says so."))
    )
    assert made(ticket).category.value == "database"


def test_the_team_that_an_entry_asks_for_comes_before_the_one_that_looks_after_the_service() -> None:
    ticket = build(
        "Checkout fails", "", (("dana", "comment", "Needs platform on-call, they have to look at the nodes."),)
    )
    document = made(ticket)
    assert (document.service.value, document.team.value) == ("checkout-api", "platform")
    assert document.team.why is not None
    assert "platform on-call" in document.team.why.text


def test_a_ticket_that_another_team_has_than_the_services_own_is_asked_about() -> None:
    ticket = replace(build("Checkout fails"), team=SafeText("platform"))
    document = made(ticket)
    assert document.team.value == "payments"
    assert "Does it stay with platform, which has it? payments looks after checkout-api." in document.open_questions
    assert (
        made(replace(ticket, team=SafeText("Payments"))).open_questions == made(build("Checkout fails")).open_questions
    )


def submission(ticket: Ticket = DISK, taxonomy: Taxonomy | None = TAXONOMY) -> Submission:
    return Submission(
        workflow=make.workflow("triage", document="Triage"),
        ticket=ticket,
        sources=SourceSet(ticket),
        engine=Engine.MANAGED,
        operator="alex",
        team=None,
        session_id="s1",
        now=NOW,
        taxonomy=taxonomy,
    )


def test_another_name_of_a_value_becomes_its_id_and_an_invented_one_blocks() -> None:
    document = made()
    spoken = replace(
        document, team=replace(document.team, value="DBA"), category=replace(document.category, value="disks")
    )
    whole = finished(spoken, submission())
    assert whole.team.value == "databases"
    assert whole.unknown_values == ("category: disks",)
    (finding,) = check_document(whole, SourceSet(DISK), DISK)
    assert finding.blocks
    assert finding.text.startswith("category 'disks': the taxonomy does not know it")


def test_a_value_without_a_reason_blocks() -> None:
    bare = replace(made(), service=Choice(value="orders-db"))
    assert [finding.id for finding in check_document(bare, SourceSet(DISK), DISK) if finding.blocks] == [
        "limits:service"
    ]


def test_a_draft_sets_what_differs_as_the_tickets_system_calls_it() -> None:
    workflow = make.workflow("triage", document="Triage", fields=("/severity", "/team", "/tags", "/fields/*"))
    ticket = replace(
        build("Checkout fails", "Customers cannot pay after the deploy."), severity="3", tags=(SafeText("shop"),)
    )
    document = made(ticket)
    changes = proposal(workflow, document, ticket, taxonomy=TAXONOMY)
    assert changes.set == {"/severity": "2", "/team": "payments", "/tags": "shop, release"}
    assert changes.comment is None
    elsewhere = replace(ticket, ref=make.ref("12", "rt"))
    assert proposal(workflow, document, elsewhere, taxonomy=TAXONOMY).set["/team"] == "Payments L2"
    done = replace(ticket, severity="2", team=SafeText("Payments"), tags=(SafeText("Release"),))
    assert proposal(workflow, document, done, taxonomy=TAXONOMY).set == {}


def test_a_field_that_the_taxonomy_names_holds_the_category_instead_of_a_tag() -> None:
    workflow = make.workflow("triage", document="Triage", fields=("/tags", "/fields/*"))
    taxonomy = Taxonomy(categories=TAXONOMY.categories.values(), fields={"category": "Category"})
    ticket = build("The deploy fails")
    document = triage(replace(given(ticket), taxonomy=taxonomy))
    assert proposal(workflow, document, ticket, taxonomy=taxonomy).set == {"/fields/Category": "release"}
    known = replace(ticket, fields={"Category": SafeText("Postgres")})
    assert triage(replace(given(known), taxonomy=taxonomy)).category.value == "database"


def test_tags_that_could_not_be_written_in_a_row_are_left_alone() -> None:
    workflow = make.workflow("triage", document="Triage", fields=("/tags",))
    ticket = replace(build("The deploy fails"), tags=(SafeText("a, b"),))
    assert proposal(workflow, made(ticket), ticket, taxonomy=TAXONOMY).set == {}


WORDS = (
    "checkout orders-db orders-db-2 deploy postgres replica lag not no isn't the data loss sev 2 customers cannot pay ?"
    " ! . , platform on-call has to look service: x team: y \n { } … 日本 👩‍🚒 e\u0301 | ## - 91 % since 08:10 eu-west"
    ' fails how do i \\n "'
).split(" ")
TEXT = st.one_of(st.text(max_size=120), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))


@settings(max_examples=60, deadline=None)
@forall(TEXT, TEXT, st.lists(st.tuples(st.sampled_from(["dana", "alertmanager"]), TEXT), max_size=4))
def test_a_triage_of_any_ticket_holds(title: str, body: str, entries: list[tuple[str, str]]) -> None:
    ticket = build(title, body, tuple((author, "comment", text) for author, text in entries))
    document = made(ticket)
    assert check_document(document, SourceSet(ticket), ticket) == []
    assert finished(document, submission(ticket)) == document
    assert as_markdown(document).startswith("# Triage local:INC-1042")


def test_an_escalation_goes_to_a_team_of_the_taxonomy_or_asks_who_is_meant() -> None:
    def package(said: str, taxonomy: Taxonomy | None = TAXONOMY) -> EscalationPackage:
        ticket = build("Queue stands still", "", (("dana", "comment", said),))
        return escalation_package(replace(given(ticket), taxonomy=taxonomy))

    assert package("Please escalate to the DBA team.").to_team == "databases"
    strange = package("Please escalate to the messaging team.")
    assert strange.to_team is None
    assert strange.open_questions[0] == "Who is meant by 'messaging'? The taxonomy has no such team."
    assert package("Please escalate to the messaging team.", None).to_team == "messaging"


def test_an_escalation_sets_the_team_as_the_tickets_system_calls_it() -> None:
    workflow = make.workflow("escalation-package", document="EscalationPackage", fields=("/team",))
    ticket = replace(
        build("Checkout fails", "", (("dana", "comment", "Needs payments on-call."),)), ref=make.ref("12", "rt")
    )
    document = escalation_package(replace(given(ticket), taxonomy=TAXONOMY))
    assert proposal(workflow, document, ticket, taxonomy=TAXONOMY).set == {"/team": "Payments L2"}
    assert proposal(workflow, document, ticket).set == {"/team": "payments"}
