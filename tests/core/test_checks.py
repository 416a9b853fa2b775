from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.core.checks.comment import check_comment
from opstui.core.checks.document import check_document, with_confidence
from opstui.core.checks.opposites import polarity_fault
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.documents import (
    Citation,
    CitationKind,
    Claim,
    ClaimStatus,
    Confidence,
    Hypothesis,
    IncidentSummary,
    NextStep,
    SummaryStatus,
    claims_of,
)
from opstui.core.extract.summary import incident_summary
from opstui.core.sources import SourceSet
from opstui.core.tickets import StatusCategory
from tests.core.real_input import build, given

TICKET = build(
    "Checkout returns 5xx in eu-west",
    "About 12 % of payments fail since 09:08.",
    (
        ("alertmanager", "alert", "CheckoutErrors: 5xx rate 11.8 % on checkout-7f9d"),
        ("dana", "comment", "A restart of checkout-7f9d at 09:14 did not help. The database is fine."),
        ("dana", "comment", "I suspect the connection pool is the cause."),
    ),
)
SOURCES = SourceSet(TICKET)


def summary() -> IncidentSummary:
    return incident_summary(given(TICKET))


def claim(text: str, ref: str = "INC-1042#2", status: ClaimStatus = ClaimStatus.REPORTED) -> Claim:
    return Claim("x1", text, status, citations=(SOURCES.cite(ref, 1, 1),))


def findings(made: Claim, ticket: object = TICKET) -> list[str]:
    document = replace(summary(), what_happened=(made,))
    return [item.id for item in check_document(document, SOURCES, TICKET)]


def test_a_document_made_of_quotations_passes() -> None:
    assert check_document(summary(), SOURCES, TICKET) == []


def test_a_paraphrase_that_says_the_same_passes() -> None:
    assert findings(claim("Restarting checkout-7f9d at 09:14 did not help.")) == []


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"ref": "INC-1042#9"}, "not among the sources"),
        ({"line_end": 7}, "has no lines 1-7"),
        ({"quote": "something else"}, "the quote is not in"),
        ({"sha256_12": "0" * 12}, "has changed since it was read"),
        ({"kind": CitationKind.DOC}, "is a entry, not a doc"),
    ],
)
def test_a_citation_that_does_not_hold_blocks(broken: dict[str, object], reason: str) -> None:
    made = claim("A restart of checkout-7f9d at 09:14 did not help.")
    bad = replace(made.citations[0], **broken)
    document = replace(summary(), what_happened=(replace(made, citations=(bad,)),))
    found = [item for item in check_document(document, SOURCES, TICKET) if item.id == "M1:x1"]
    assert found[0].blocks
    assert reason in found[0].text


def test_a_claim_without_a_citation_blocks_unless_it_says_unknown() -> None:
    assert "M1:x1" in findings(Claim("x1", "All is lost somewhere.", ClaimStatus.REPORTED))
    assert findings(Claim("x1", "Nobody has said who is affected.", ClaimStatus.UNKNOWN)) == []


def test_a_step_and_a_next_step_are_held_against_what_they_cite() -> None:
    step = replace(summary().actions_taken[0], what="Restarted checkout-7f9d at 09:41, no change.")
    plan = NextStep(text="Restart web-17", citation=SOURCES.cite("INC-1042#2", 1, 1))
    document = replace(summary(), actions_taken=(step,), next_steps=(plan,))
    found = {item.id: item.level for item in check_document(document, SOURCES, TICKET)}
    assert found == {"M2:step-1": "block", "M2:next-1": "block"}


def test_a_next_step_without_a_source_blocks_and_is_held_against_everything_that_is_cited() -> None:
    plans = (NextStep(text="Restart web-17"), NextStep(text="Look at checkout-7f9d"))
    document = replace(summary(), next_steps=plans)
    assert [(item.id, item.level) for item in check_document(document, SOURCES, TICKET)] == [
        ("limits:next_steps", "block"),
        ("limits:next_steps", "block"),
        ("M2:next-1", "warn"),
    ]


def test_a_text_beside_the_claims_is_no_place_to_hide_a_story() -> None:
    document = replace(summary(), open_questions=("Who? " * 60,))
    assert [item.id for item in check_document(document, SOURCES, TICKET)] == ["limits:open_questions"]


def test_a_second_claim_under_a_used_id_is_noticed_and_checked_too() -> None:
    first = claim("A restart of checkout-7f9d at 09:14 did not help.")
    second = claim("A restart of checkout-7f9d at 09:41 did not help.")
    document = replace(summary(), what_happened=(first, second))
    assert {item.id for item in check_document(document, SOURCES, TICKET)} == {"limits:x1", "M2:x1"}


def test_a_span_of_more_than_twelve_lines_blocks() -> None:
    ticket = build("Long", "\n".join(f"line {number}" for number in range(20)))
    sources = SourceSet(ticket)
    long = Citation(CitationKind.ENTRY, "INC-1042#0", 2, 14)
    made = Claim("x1", "line 3", ClaimStatus.REPORTED, citations=(long,))
    document = replace(incident_summary(given(ticket)), what_happened=(made,))
    assert "longer than 12 lines" in check_document(document, sources, ticket)[0].text


def test_a_status_citation_is_checked_too() -> None:
    bad = Citation(CitationKind.ENTRY, "INC-1042#77", 1, 1)
    document = replace(summary(), status_citation=bad)
    assert [item.level for item in check_document(document, SOURCES, TICKET)] == ["block"]


def test_a_number_warns_and_a_time_blocks() -> None:
    level = {item.id: item.level for item in _check(claim("5xx rate 12.9 % on checkout-7f9d", "INC-1042#1"))}
    assert level == {"M2-number:x1": "warn"}
    level = {item.id: item.level for item in _check(claim("A restart of checkout-7f9d at 09:41 did not help."))}
    assert level == {"M2:x1": "block"}


def _check(made: Claim) -> list:  # type: ignore[type-arg]
    return check_document(replace(summary(), what_happened=(made,)), SOURCES, TICKET)


@pytest.mark.parametrize(
    "text",
    [
        "A restart of checkout-7f9d fixed it.",
        "The database is fine and nothing else is resolved or restored.",
        "There was no data loss.",
        "The outage was caused by the database.",
        "A restart of checkout-7f9d at 09:14 did help.",
        "The database is not fine.",
    ],
)
def test_an_end_a_cause_and_the_opposite_that_no_source_tells_block(text: str) -> None:
    assert "M4:x1" in findings(claim(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("No errors were seen.", "no errors were seen in the log"),
        ("The restart did not help.", "restarted it, without any help"),
        ("It is down.", "It is not up but it is down."),
        ("Payments fail.", "Payments fail, refunds do not."),
    ],
)
def test_sentences_that_agree_have_no_polarity_fault(one: str, other: str) -> None:
    assert polarity_fault(one, other) is None


REPLICA = build(
    "Replica lag",
    "The replica is 412 s behind.",
    (
        ("dana", "comment", "Disk and network are fine: nothing found there."),
        ("erin", "reply", "Customers don't see the orders they placed since noon."),
        ("dana", "comment", "Cancelled the report. The lag went up all the same, so that did not help."),
        ("omar", "comment", "Might be the vacuum that began at noon, but I have not checked it yet."),
        ("dana", "reply", "Orders are accepted and not lost."),
    ),
)


def _said_of(text: str, entry: int) -> list[tuple[str, str]]:
    sources = SourceSet(REPLICA)
    made = Claim("x1", text, ClaimStatus.REPORTED, citations=(sources.cite(f"INC-1042#{entry}", 1, 1),))
    document = replace(incident_summary(given(REPLICA)), what_happened=(made,))
    return [(item.id.partition(":")[0], item.level) for item in check_document(document, sources, REPLICA)]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Nothing unusual was found with the disk or the network.", 1),
        ("Neither the disk nor the network is at fault.", 1),
        ("A customer cannot see orders placed since noon.", 2),
        ("Customers do not see orders that were placed since noon.", 2),
        ("Orders placed since noon are invisible to customers.", 2),
        ("Cancelling the report did not help: the lag rose.", 3),
        ("The cancelled report brought no improvement.", 3),
        ("Omar has not yet checked whether the vacuum is to blame.", 4),
        ("No orders are lost.", 5),
    ],
)
def test_the_same_said_with_another_negation_does_not_block(text: str, entry: int) -> None:
    assert ("M4", "block") not in _said_of(text, entry)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Disk and network are not fine.", 1),
        ("Disk and network are broken.", 1),
        ("Something was found on disk and network.", 1),
        ("Customers see the orders they placed since noon.", 2),
        ("Cancelling the report did help.", 3),
        ("Omar checked the vacuum.", 4),
        ("The vacuum caused the lag.", 4),
        ("The vacuum is to blame for the lag.", 4),
        ("Some orders were lost.", 5),
    ],
)
def test_the_opposite_and_a_cause_that_is_only_suspected_block(text: str, entry: int) -> None:
    assert ("M4", "block") in _said_of(text, entry)


def test_a_suspicion_that_is_told_as_if_it_were_none_is_warned_of() -> None:
    assert ("M4-word", "warn") in _said_of("The vacuum that began at noon holds it.", 4)
    assert ("M4-word", "warn") not in _said_of("Possibly the vacuum that began at noon holds it.", 4)


def test_an_inferred_claim_begins_with_a_hedge() -> None:
    text = "the connection pool is the cause."
    assert "M4:x1" in findings(claim(text.capitalize(), "INC-1042#3", ClaimStatus.INFERRED))
    assert "M4:x1" not in findings(claim(f"Possibly {text}", "INC-1042#3", ClaimStatus.INFERRED))


def test_a_hypothesis_carries_a_hedge() -> None:
    bare = Hypothesis(claim=claim("The connection pool is the cause.", "INC-1042#3"))
    document = replace(summary(), current_hypotheses=(bare,))
    assert "M4:x1" in [item.id for item in check_document(document, SOURCES, TICKET)]


@pytest.mark.parametrize(
    ("category", "word", "holds"),
    [
        (StatusCategory.OPEN, SummaryStatus.INVESTIGATING, True),
        (StatusCategory.NEW, SummaryStatus.INVESTIGATING, True),
        (StatusCategory.WAITING, SummaryStatus.MONITORING, True),
        (StatusCategory.CLOSED, SummaryStatus.RESOLVED, True),
        (StatusCategory.OPEN, SummaryStatus.RESOLVED, False),
        (StatusCategory.OPEN, SummaryStatus.IDENTIFIED, False),
        (StatusCategory.RESOLVED, SummaryStatus.INVESTIGATING, False),
        (StatusCategory.OPEN, SummaryStatus.UNKNOWN, True),
    ],
)
def test_the_state_word_follows_the_ticket(category: StatusCategory, word: SummaryStatus, holds: bool) -> None:
    ticket = build("Checkout returns 5xx", status=category.value, category=category)
    document = replace(incident_summary(given(ticket)), status=word, status_citation=None)
    blocked = [item.id for item in check_document(document, SourceSet(ticket), ticket)]
    assert blocked == ([] if holds else ["M4:status"])


def test_identified_needs_an_entry_that_says_so() -> None:
    ticket = build("Checkout returns 5xx", "", (("dana", "comment", "Root cause found: pool size 8."),))
    document = incident_summary(given(ticket))
    assert document.status is SummaryStatus.IDENTIFIED
    assert check_document(document, SourceSet(ticket), ticket) == []


def test_confidence_is_high_for_what_a_system_recorded_and_medium_for_one_persons_word() -> None:
    document = with_confidence(summary(), SOURCES, [])
    levels = {item.text: item.confidence for item in claims_of(document)}
    assert levels["CheckoutErrors: 5xx rate 11.8 % on checkout-7f9d"] is Confidence.HIGH
    assert levels["A restart of checkout-7f9d at 09:14 did not help."] is Confidence.MEDIUM


def test_nothing_is_more_than_low_where_sources_were_left_out() -> None:
    document = replace(summary(), not_included=("INC-7: no permission",))
    document = with_confidence(document, SOURCES, [])  # type: ignore[assignment]
    assert {item.confidence for item in claims_of(document)} == {Confidence.LOW}


def test_an_edited_comment_that_names_what_no_source_names_is_warned_of() -> None:
    found = check_comment("Restarted checkout-9zzz at 09:41.", SOURCES, TICKET, public=False)
    assert [(item.id, item.level) for item in found] == [("M2-comment", "warn")]
    assert "checkout-9zzz" in found[0].text


def test_a_rendered_summary_has_no_findings_as_a_comment() -> None:
    from opstui.core.render.registry import as_comment as render

    assert check_comment(render(summary()), SOURCES, TICKET, public=False) == []


def test_the_operators_own_words_need_no_source() -> None:
    assert check_comment("Called 0815-host at 23:59.", SOURCES, TICKET, public=False, own_words=True) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("We expect to have it fixed by noon.", "eta"),
        ("It should be resolved within 30 minutes.", "eta"),
        ("The pod checkout-7f9d restarts.", "internal"),
        ("10.0.1.73 does not answer.", "internal"),
        ("We suspect the database.", "hypothesis"),
        ("Payments are fixed.", "state"),
        ("Payments are fixed.", "data-loss"),
    ],
)
def test_the_outward_gate_blocks_what_customers_must_not_read(text: str, name: str) -> None:
    found = check_comment(text, SOURCES, TICKET, public=True, own_words=True)
    assert f"outward:{name}" in [item.id for item in found if item.blocks]


def test_a_good_public_update_passes_the_outward_gate() -> None:
    text = "Some customers can't pay in Europe at the moment. We are working on it. Next update by 09:50 UTC."
    assert check_comment(text, SOURCES, TICKET, public=True, own_words=True) == []


def test_an_internal_comment_may_name_hosts_and_suspicions() -> None:
    text = "I suspect checkout-7f9d."
    assert check_comment(text, SOURCES, TICKET, public=False, own_words=True) == []


def test_each_confidence_says_why_it_is_what_it_is() -> None:
    document = with_confidence(summary(), SOURCES, [])
    reasons = {item.text: item.confidence_reason for item in claims_of(document)}
    assert reasons["CheckoutErrors: 5xx rate 11.8 % on checkout-7f9d"] == "recorded by the ticket system"
    assert reasons["A restart of checkout-7f9d at 09:14 did not help."] == "one source"
    left_out = with_confidence(replace(summary(), not_included=("INC-7: no permission",)), SOURCES, [])
    assert {item.confidence_reason for item in claims_of(left_out)} == {"sources were left out"}


def test_evidence_against_a_suspicion_caps_its_confidence_and_is_named() -> None:
    guess = replace(summary().current_hypotheses[0], evidence_against=(SOURCES.cite("INC-1042#1", 1, 1),))
    document = with_confidence(replace(summary(), current_hypotheses=(guess,)), SOURCES, [])
    assert [item.claim.confidence_reason for item in document.current_hypotheses] == ["contradicted by INC-1042#1"]  # type: ignore[union-attr]


def test_one_authors_two_entries_are_one_source() -> None:
    both = (SOURCES.cite("INC-1042#2", 1, 1), SOURCES.cite("INC-1042#3", 1, 1))
    made = replace(claim("The database is fine and the connection pool is suspect."), citations=both)
    document = with_confidence(replace(summary(), what_happened=(made,)), SOURCES, [])
    assert document.what_happened[0].confidence_reason == "one source"  # type: ignore[union-attr]


ROLLOUT = build(
    "Checkout returns 5xx in eu-west",
    "About 12 % of payments fail since 09:08.",
    (
        ("alertmanager", "alert", "CheckoutErrors: 5xx rate 11.8 % on checkout-7f9d for 5 minutes (threshold 2 %)."),
        (
            "dana",
            "comment",
            "Restarted checkout-7f9d at 09:14, no effect. The database is fine, 61 of 300 in use.",
        ),
        ("dana", "comment", "I suspect the pool: payments.pool.size is 8 in 4.18.0, it was 64 in 4.17.3."),
        ("omar", "comment", "4.18.0 was rolled out between 08:59 and 09:05. us-east runs 4.17.3 and has 0 errors."),
        (
            "omar",
            "comment",
            "Rolled back to 4.17.3 at 09:31; errors fell to 0.02 %. Support counts 1,064 calls.",
        ),
    ),
)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("The share of 5xx responses on checkout-7f9d reached 11.8%, above the 2% threshold.", 1),
        ("Dana restarted checkout-7f9d at 9:14 on 20 November, without effect.", 2),
        ("The restart of checkout-7f9d did not help.", 2),
        ("The database was ruled out: 61 of its 300 were used.", 2),
        ("Dana suspects the connection pool.", 3),
        ("The pool size went from 64 in 4.17.3 to 8 in 4.18.0.", 3),
        ("us-east, which runs 4.17.3, shows no errors.", 4),
        ("After the rollback to 4.17.3 at 09:31 the errors dropped to 0.02%.", 5),
        ("Omar rolled it back to 4.17.3 at 09:31.", 5),
        ("1064 calls reached support.", 5),
    ],
)
def test_what_a_model_says_in_its_own_words_of_a_source_passes(text: str, entry: int) -> None:
    sources = SourceSet(ROLLOUT)
    cited = (sources.cite(f"INC-1042#{entry}", 1, 1),)
    made = Claim("x1", text, ClaimStatus.REPORTED, citations=cited)
    document = replace(incident_summary(given(ROLLOUT)), what_happened=(made,))
    assert check_document(document, sources, ROLLOUT) == []


def test_a_sentence_goes_on_over_a_line_that_holds_a_backslash() -> None:
    sources = SourceSet(build("Down", "share \\\\srv\\0\nis gone"))
    cited = Cited(sources, (sources.cite("INC-1042#0", 2, 3),))
    assert verbatim("share \\\\srv\\0 is gone", cited)
