from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opstui.core.checks.document import check_document
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.codec import decode, encode
from opstui.core.documents import EscalationPackage, EscalationType, ReasonCode, Tristate, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket, TicketRef
from tests.core.real_input import NOW, build, given

QUEUE = build(
    "Queue invoices is not consumed in eu-west-1",
    "4,112 messages wait. Dashboard: https://grafana.example.com/d/queue.",
    (
        ("yuki", "comment", "invoice-worker 2.4.1 was deployed to eu-west-1 at 08:40."),
        ("yuki", "comment", "Restarted all workers, no change."),
        ("ines", "comment", "1,200 customers get their invoices late, nothing is lost."),
        ("ines", "reply", "Invoices arrive late today. Next update by 09:50."),
        ("yuki", "comment", "I have no permission on rabbit-1. Please ask the messaging team to move the message."),
        ("yuki", "comment", "If the queue passes 10,000, then stop the producer."),
    ),
    severity="2",
    due_at=NOW + timedelta(minutes=50),
)


def made(ticket: Ticket = QUEUE, **more: object) -> EscalationPackage:
    return escalation_package(given(ticket, **more))


def test_a_package_passes_its_checks_and_survives_its_json() -> None:
    package = made()
    assert check_document(package, SourceSet(QUEUE), QUEUE) == []
    assert decode(EscalationPackage, encode(package)) == package
    sources = SourceSet(QUEUE)
    assert all(verbatim(claim.text, Cited(sources, claim.citations)) for claim in claims_of(package))


def test_it_asks_for_what_the_ticket_asks_with_the_tickets_deadline() -> None:
    ask = made().ask[0]
    assert ask.text == "Please ask the messaging team to move the message"
    assert ask.deadline == QUEUE.due_at


def test_without_a_request_the_investigation_is_handed_over_without_an_invented_deadline() -> None:
    ask = made(build("Slow")).ask
    assert [(item.verb, item.deadline) for item in ask] == [("investigate", None)]
    assert "By when is an answer needed?" in made(build("Slow")).preflight.missing


def test_a_ticket_whose_key_is_but_a_number_is_called_by_its_system_too() -> None:
    slow = replace(build("Slow"), ref=TicketRef("rt", "4"))
    assert made(slow).ask[0].text == "Take over the investigation of rt:4"
    assert TicketRef("jira", "OPS-4").called == "OPS-4"


def test_the_team_is_named_only_where_the_ticket_names_one() -> None:
    assert made().to_team == "messaging"
    assert made(build("Slow")).to_team is None


def test_changes_are_those_of_the_72_hours_and_an_empty_list_means_none() -> None:
    assert [change.claim.text for change in made().changes or ()] == [
        "invoice-worker 2.4.1 was deployed to eu-west-1 at 08:40."
    ]
    assert made(build("Slow")).changes == ()


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("No data was lost.", Tristate.NO),
        ("Customers wait, nothing is lost.", Tristate.NO),
        ("No orders were lost.", Tristate.NO),
        ("Orders are accepted and not lost.", Tristate.NO),
        ("We haven't lost any messages.", Tristate.NO),
        ("Nobody can say whether orders were lost.", Tristate.UNKNOWN),
        ("The connection was not lost.", Tristate.UNKNOWN),
        ("12 orders were lost.", Tristate.YES),
        ("Was data lost?", Tristate.UNKNOWN),
        ("We may have lost data.", Tristate.UNKNOWN),
        ("It is slow.", Tristate.UNKNOWN),
    ],
)
def test_data_loss_is_yes_or_no_only_where_somebody_says_so(text: str, loss: Tristate) -> None:
    impact = made(build("Slow", "", (("dana", "comment", text),))).impact
    assert impact.data_loss is loss
    assert (impact.data_loss_citation is not None) == (loss is not Tristate.UNKNOWN)


def test_impact_counts_only_what_is_counted_in_the_ticket() -> None:
    assert made().impact.customers_count == 1200
    assert made(build("Slow", "Some customers cannot pay.")).impact.customers_count is None


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ((("dana", "comment", "Possible unauthorised access with the leaked token."),), ReasonCode.SECURITY),
        ((("dana", "comment", "Permission denied on rabbit-1."),), ReasonCode.ACCESS),
        ((("dana", "comment", "Checked step 2 of the runbook, no change."),), ReasonCode.RUNBOOK_FAILED),
        ((), ReasonCode.NO_RUNBOOK),
    ],
)
def test_the_reason_is_what_the_ticket_gives_ground_for(
    entries: tuple[tuple[str, str, str], ...], reason: ReasonCode
) -> None:
    assert made(build("Slow", "", entries)).reason_code is reason


def test_what_the_customer_was_told_and_promised_comes_from_the_last_public_message() -> None:
    comms = made().comms
    assert comms.last_customer_message is not None
    assert comms.last_customer_message.text == "Invoices arrive late today."
    assert comms.promised_next_update == datetime(2026, 11, 20, 9, 50, tzinfo=UTC)
    assert made(build("Slow")).comms.reason == "the ticket holds no public message"


def test_links_contingencies_and_environment_are_quoted() -> None:
    package = made()
    assert [link.url for link in package.links] == ["https://grafana.example.com/d/queue"]
    assert [(case.when, case.then) for case in package.contingency] == [
        ("the queue passes 10,000", "stop the producer.")
    ]
    assert package.environment.region == "eu-west-1"


def test_a_link_that_pretends_to_be_another_host_is_left_out() -> None:
    package = made(build("Slow", "See https://bank.example.com@evil.example/x and javascript:alert(1)."))
    assert package.links == ()


def test_related_tickets_share_an_identifier_and_are_never_called_duplicates() -> None:
    other = build("rabbit-1 is slow", "queue invoices on rabbit-1", key="INC-7")
    stranger = build("Printer jams", key="INC-8")
    found = made(related=((other, 3.0), (stranger, 2.0))).related
    assert [(item.ticket_id, item.relation, item.shared_atoms) for item in found] == [
        ("local:INC-7", "similar", ("rabbit-1",))
    ]


def test_preflight_counts_what_tier_two_would_ask_back() -> None:
    assert made(build("Slow")).preflight.score < 40 < 80 < made().preflight.score
    assert made(build("Slow")).preflight.missing[0] == "Who is affected, and how many?"


def test_a_manager_is_asked_for_a_decision_only_where_the_ticket_says_so() -> None:
    decided = build("Slow", "", (("dana", "comment", "We need a decision of the incident manager."),))
    assert made(decided).escalation_type is EscalationType.HIERARCHIC
    assert made().escalation_type is EscalationType.FUNCTIONAL


def test_a_ticket_with_a_title_only_makes_a_valid_package() -> None:
    ticket = build("Disk full")
    package = made(ticket)
    assert package.nothing_checked_reason is not None
    assert {claim.text for claim in claims_of(package)} == {"Disk full"}
    assert check_document(package, SourceSet(ticket), ticket) == []
