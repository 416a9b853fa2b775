"""What a ticket teaches: only steps that a source says worked, in its own words, each with its place."""

from __future__ import annotations

import pytest

from opstui.core.checks.document import check_document
from opstui.core.document_kinds.knowledge import KBProposal
from opstui.core.extract.knowledge import kb_proposal
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.sources import SourceSet
from opstui.core.text import SafeText
from opstui.core.tickets import StatusCategory, Ticket
from tests.core.real_input import build, given

TITLE = "CheckoutErrorsHigh: checkout answers 502"
BODY = "Checkout answers 502 since 09:08 on gateway 2.4.1.\nThe customers cannot pay."


def solved(*said: str, status: str = "Resolved", body: str = BODY) -> Ticket:
    category = StatusCategory.RESOLVED if status == "Resolved" else StatusCategory.OPEN
    entries = tuple(("dana", "comment", text) for text in said)
    return build(TITLE, body, entries, status=status, category=category)


def proposal(ticket: Ticket, *, page: Page | None = None, named: str = "", **more: object) -> KBProposal:
    hits: tuple[Hit, ...] = ()
    if page is not None:
        text = SafeText("\n".join(page.text.split("\n")[:3]))
        hits = (Hit(page.doc, page.title, 1.0, 1, 3, text, Strength.STRONG, coverage=0.9),)
    pages = {page.doc: page} if page is not None else {}
    made = kb_proposal(given(ticket, hits=hits, pages=pages, page=named, **more))
    assert check_document(made, SourceSet(ticket, pages=pages.values()), ticket) == []
    return made


def shelf(text: str = "# Checkout errors\n\n## Mitigation\n\n1. Look.\n") -> Page:
    return Page("kb/Checkout", SafeText("Checkout errors (CheckoutErrorsHigh)"), SafeText(text), "hash")


@pytest.mark.parametrize(
    "said",
    [
        "Restarted the gateway, checkout works again.",
        "Restarted the gateway.\nCheckout recovered at once.",
        "Resolved by raising the pool to 500.",
        "Fix: set the pool to 500.",
        "Rolled back the gateway to 2.4.0, no further errors.",
    ],
)
def test_a_step_that_its_author_says_worked_is_one_of_the_page(said: str) -> None:
    made = proposal(solved("Looking.", said))
    assert [step.text for step in made.resolution] == [said.split("\n")[0]]
    assert made.resolution[0].citation is not None
    assert made.resolution[0].citation.ref == "INC-1042#2"
    assert made.confidence == "not_validated"


@pytest.mark.parametrize(
    "said",
    [
        "Restarted the gateway, no change.",
        "Restarted the gateway.\nThat did not help.",
        "Restarted the gateway, nothing helped so far.",
        "Restarted the gateway, it got worse.",
        "Restarted the gateway, it has not recovered.",
        "Restarted the gateway.",
        "We should restart the gateway until it works again.",
        "Has a restart of the gateway fixed it?",
        "Probably the restart of the gateway helped.",
        "Restart the gateway and see whether checkout works again.",
    ],
)
def test_a_step_that_did_not_help_or_of_which_nobody_says_so_is_none(said: str) -> None:
    made = proposal(solved(said))
    assert made.resolution == ()
    assert made.confidence == "wip"
    assert any("Which step resolved it?" in question for question in made.open_questions)


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        (("Put the relay back.", "The queue went from 18,644 to 3,120 in 50 minutes."), "The queue went from 18,644"),
        (("Put the relay back.\nWatching it.\nMail is delivered, no further errors.",), "Mail is delivered"),
        (("Put the relay back.", "alert: MailQueueGrowing recovered: 212 messages."), "MailQueueGrowing recovered"),
    ],
)
def test_what_came_of_a_step_may_be_said_after_it_and_is_cited_too(said: tuple[str, ...], shows: str) -> None:
    entries = tuple(
        ("alertmanager", "alert", text.removeprefix("alert: "))
        if text.startswith("alert: ")
        else ("dana", "comment", text)
        for text in said
    )
    made = proposal(build(TITLE, BODY, entries))
    (step,) = made.resolution
    assert step.text == "Put the relay back."
    assert step.verify is not None
    assert step.verify.startswith(shows)
    assert (step.outcome is not None) is (len(said) > 1)


@pytest.mark.parametrize(
    "later",
    [
        ("dana", "comment", "The queue went from 3,120 to 18,644."),
        ("dana", "comment", "Lowered the concurrency.\nMail is delivered again, it works again."),
        ("alertmanager", "alert", "MailQueueGrowing: 18,644 messages."),
        ("dana", "comment", "It recovered by itself."),
        ("sofia", "reply", "It works again, thanks."),
    ],
)
def test_what_happened_after_something_else_is_no_outcome_of_a_step(later: tuple[str, str, str]) -> None:
    made = proposal(build(TITLE, BODY, (("dana", "comment", "Put the relay back."), later)))
    assert "Put the relay back." not in [step.text for step in made.resolution]


def test_a_step_brings_its_command_and_how_to_see_and_undo_it() -> None:
    undo = "To roll back: kubectl rollout undo deploy/gw."
    made = proposal(solved(f"Ran `kubectl rollout restart deploy/gw`.\nCheckout works again.\n{undo}"))
    (step,) = made.resolution
    assert step.command == "kubectl rollout restart deploy/gw"
    assert step.verify == "Checkout works again."
    assert step.rollback is not None
    assert "kubectl rollout undo deploy/gw" in step.rollback
    assert step.citation is not None
    assert (step.citation.line_start, step.citation.line_end) == (1, 3)


def test_the_cause_is_the_one_that_was_stated_and_a_suspicion_is_none() -> None:
    made = proposal(solved("Possibly caused by the deploy.", "Root cause: the pool was full."))
    assert made.cause is not None
    assert "pool was full" in made.cause.text
    assert proposal(solved("Possibly caused by the deploy.")).cause is None


def test_the_page_that_answers_is_amended_and_else_there_is_a_new_one() -> None:
    ticket = solved("Restarted the gateway, checkout works again.")
    assert (proposal(ticket, page=shelf()).kind, proposal(ticket, page=shelf()).target) == ("amend", "kb/Checkout")
    assert (proposal(ticket).kind, proposal(ticket).target) == ("new", None)
    assert proposal(ticket, named="kb/New").target == "kb/New"


def test_a_page_is_put_out_of_use_only_where_somebody_wrote_that_it_no_longer_holds() -> None:
    said = "The runbook is obsolete, the gateway was replaced."
    made = proposal(solved(said), page=shelf())
    assert (made.kind, made.resolution) == ("deprecate", ())
    assert "obsolete" in made.issue[0].text
    for other in ("Is the runbook obsolete?", "The runbook is not obsolete.", "Maybe the runbook is outdated."):
        assert proposal(solved(other), page=shelf()).kind == "amend"


def test_another_ticket_is_evidence_only_where_the_same_step_worked() -> None:
    ticket = solved("Restarted the checkout gateway, payments work again.")
    same = build("x", "", (("a", "comment", "Restarted the checkout gateway, payments work again."),), key="INC-9")
    alike = build(TITLE, BODY, (("a", "comment", "Restarted the checkout gateway, no change."),), key="INC-8")
    made = kb_proposal(given(ticket, related=((alike, 0.9), (same, 0.2))))
    assert made.evidence == ("local:INC-1042", "local:INC-9")


def test_an_empty_ticket_teaches_nothing_and_says_what_is_missing() -> None:
    made = kb_proposal(given(build("", "")))
    assert made.issue[0].status == "unknown"
    assert made.title
    assert len(made.open_questions) == 4


def test_the_same_ticket_gives_the_same_proposal() -> None:
    ticket = solved("Restarted the gateway, checkout works again.")
    assert kb_proposal(given(ticket)) == kb_proposal(given(ticket))
