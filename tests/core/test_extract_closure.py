"""Resolution notes say how it ended only where a line does, and why only where somebody stated it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given as forall, strategies as st

from opstui.core.checks.document import check_document
from opstui.core.documents import ClaimStatus, RelatedTicket, ResolutionCode, ResolutionNotes, Tristate
from opstui.core.extract.closure import resolution_notes
from opstui.core.proposals import proposal
from opstui.core.render.registry import as_comment
from opstui.core.sources import SourceSet
from opstui.core.text import SafeText
from opstui.core.tickets import StatusCategory, Ticket
from opstui.services.workflows import load_workflow
from tests.core.real_input import build, given
from tests.services.test_workflows import OURS

CLOSURE = load_workflow(OURS / "closure")
Entries = tuple[tuple[str, str, str], ...]
ROLLBACK: Entries = (
    ("prometheus", "alert", "CheckoutErrors: 12 % of requests fail."),
    ("dana", "comment", "Restarted payments-api, no change."),
    ("dana", "comment", "Rolled back payments-api to 4.17.3, error rate back to normal."),
    ("alex", "comment", "The cause was the pool size of 8 in 4.18.0. No data was lost."),
    ("alex", "comment", "Verified with the checkout probe: no more errors since 09:30 UTC."),
    ("alex", "comment", "Follow-up: the pool size should be part of the release check."),
)


def ticket(entries: Entries, body: str = "Customers cannot pay.", *, over: bool = True, **more: object) -> Ticket:
    status = {"status": "resolved", "category": StatusCategory.RESOLVED} if over else {}
    return build("Checkout returns 5xx", body, entries, severity="2", **status, **more)  # type: ignore[arg-type]


def notes(entries: Entries, body: str = "Customers cannot pay.", **more: object) -> ResolutionNotes:
    made = ticket(entries, body, **more)  # type: ignore[arg-type]
    found = resolution_notes(given(made))
    assert not [one for one in check_document(found, SourceSet(made), made) if one.blocks]
    assert resolution_notes(given(made)) == found
    return found


def test_a_fixed_incident_has_its_line_its_cause_its_check_and_what_is_left() -> None:
    found = notes(ROLLBACK)
    assert (found.code, found.data_loss) == (ResolutionCode.FIXED, Tristate.NO)
    assert found.code_citation is not None
    assert found.code_citation.ref == "INC-1042#3"
    assert found.cause.text == "The cause was the pool size of 8 in 4.18.0."
    assert found.cause.citations[0].ref == "INC-1042#4"
    assert found.verified is not None
    assert found.verified.text.startswith("Verified with the checkout probe")
    assert [step.text for step in found.follow_ups] == ["Follow-up: the pool size should be part of the release check."]
    assert [step.result.value for step in found.actions_taken][:1] == ["no_finding"]
    assert found.open_questions == ()


@pytest.mark.parametrize("points", ["That is the cause.", "So that was the root cause.", "It's the culprit!"])
def test_a_cause_that_is_pointed_back_at_is_the_sentence_before(points: str) -> None:
    told = ("dana", "comment", f"The nightly vacuum held the log back, the server shows it. {points}")
    assert notes((told, *ROLLBACK[1:3])).cause.text == "The nightly vacuum held the log back, the server shows it."
    for before in ("Might be the vacuum.", "Is it the vacuum?"):
        doubted = ("dana", "comment", f"{before} {points}")
        assert notes((doubted, *ROLLBACK[1:3])).cause.status is ClaimStatus.UNKNOWN


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("It was fixed by a new certificate.", ResolutionCode.FIXED),
        ("Fixed the route, that helped.", ResolutionCode.FIXED),
        ("It recovered by itself at 09:20 UTC.", ResolutionCode.RECOVERED),
        ("No further restarts, back to normal.", ResolutionCode.RECOVERED),
        ("This was a false alarm of the new probe.", ResolutionCode.NO_FAULT),
        ("Works as designed.", ResolutionCode.NO_FAULT),
        ("We won't fix this in 4.x.", ResolutionCode.DECLINED),
        ("Closing with a workaround: mail is routed over the old relay.", ResolutionCode.WORKAROUND),
        ("This is a duplicate of INC-1001.", ResolutionCode.DUPLICATE),
    ],
)
def test_the_code_is_that_of_the_line_that_says_it(said: str, code: ResolutionCode) -> None:
    found = notes((("dana", "comment", said),))
    assert found.code is code
    assert found.code_citation is not None
    assert found.code_citation.ref == "INC-1042#1"


@pytest.mark.parametrize(
    "said",
    [
        "Is it fixed?",
        "It is not fixed yet.",
        "We should wait until it is fixed.",
        "Possibly fixed by the restart.",
        "Please use a fixed size for the pool.",
        "Checked the resolvers: all healthy.",
        "The vendor was told.",
    ],
)
def test_a_question_a_plan_a_denial_or_a_guess_ends_nothing(said: str) -> None:
    found = notes((("dana", "comment", said),))
    assert (found.code, found.code_citation) == (ResolutionCode.UNKNOWN, None)
    assert "How did it end? No line of the ticket says so." in found.open_questions


@pytest.mark.parametrize(
    ("entries", "body"),
    [
        ((("dana", "comment", "It recovered by itself. Possibly caused by the deploy."),), "Pods restart."),
        ((("dana", "comment", "False alarm: caused by the probe's own timeout."),), "Pods restart."),
        ((("datadog", "system", '{"message": "node-1 recovered: Ready after 30s"}'),), "error: due to memory"),
        ((), "All signals within normal operating bounds."),
    ],
    ids=["recovered", "false alarm", "recovered by data", "healthy"],
)
def test_what_recovered_was_spurious_or_never_wrong_has_no_cause(entries: Entries, body: str) -> None:
    found = notes(entries, body)
    assert found.code in (ResolutionCode.RECOVERED, ResolutionCode.NO_FAULT)
    assert (found.cause.status, found.cause.citations) == (ClaimStatus.UNKNOWN, ())


def test_without_a_stated_cause_the_notes_say_that_it_is_unknown() -> None:
    found = notes((("dana", "comment", "Restarted the workers, that helped. I suspect the new index."),))
    assert found.cause.status is ClaimStatus.UNKNOWN
    assert "What was the cause? The ticket does not state one." in found.open_questions


def test_the_duplicate_is_named_by_its_whole_ref() -> None:
    found = notes((("dana", "comment", "Duplicate of jira:OPS-12, closing."),))
    assert found.duplicate_of is not None
    assert (found.duplicate_of.ticket_id, found.duplicate_of.relation) == ("jira:OPS-12", "duplicate")


def test_the_comment_tells_the_end_first_and_names_its_sources() -> None:
    text = as_comment(notes(ROLLBACK))
    assert text.startswith("Resolution: Checkout returns 5xx [1]\nState: resolved")
    assert "- Code: fixed [2]" in text
    assert "Cause\n- The cause was the pool size of 8 in 4.18.0." in text
    assert "Sources\n[1] INC-1042#0 1" in text


def test_a_status_is_proposed_only_for_an_open_ticket_that_a_line_says_is_over() -> None:
    still = ticket(ROLLBACK, over=False)
    able = ("waiting", "Solved", "closed")
    assert proposal(CLOSURE, resolution_notes(given(still)), still, lambda: able).set == {"/status": "Solved"}
    assert proposal(CLOSURE, resolution_notes(given(still)), still).set == {}
    over = ticket(ROLLBACK)
    assert proposal(CLOSURE, resolution_notes(given(over)), over, lambda: able).set == {}
    unknown = ticket((), over=False)
    assert proposal(CLOSURE, resolution_notes(given(unknown)), unknown, lambda: able).set == {}


def test_fields_for_notes_and_cause_are_filled_where_the_ticket_has_them() -> None:
    fields = {"close_notes": SafeText(""), "Root cause": SafeText(""), "region": SafeText("eu")}
    still = ticket(ROLLBACK, over=False, fields=fields)
    made = proposal(CLOSURE, resolution_notes(given(still)), still).set
    assert made == {
        "/fields/close_notes": "Rolled back payments-api to 4.17.3, error rate back to normal.",
        "/fields/Root cause": "The cause was the pool size of 8 in 4.18.0.",
    }


def test_the_newest_line_about_the_end_counts() -> None:
    entries = (*ROLLBACK, ("dana", "comment", "It came back and recovered by itself."))
    assert notes(entries).code is ResolutionCode.RECOVERED
    assert notes(entries).head.generated_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "later",
    [
        ("dana", "comment", "Orders still fail for some customers."),
        ("prometheus", "alert", "CheckoutErrors: 14 % of requests fail."),
        ("alex", "comment", "Next I will roll back in the other region, too."),
    ],
    ids=["trouble goes on", "another alarm", "work goes on"],
)
def test_what_goes_on_after_an_end_takes_it_back(later: tuple[str, str, str]) -> None:
    entries = (("dana", "comment", "It recovered by itself."), later)
    found = notes(entries, over=False)
    assert found.code is ResolutionCode.UNKNOWN
    assert found.open_questions[0] == "Is it over, and how did it end? No line of the ticket says so."


def test_a_component_that_is_well_and_a_step_that_ran_by_itself_end_no_incident() -> None:
    for said in ("payments-gw looks healthy from its own side.", "Last night's run worked by itself."):
        assert notes((("dana", "comment", said),), over=False).code is ResolutionCode.UNKNOWN


def test_a_mended_ticket_is_not_proposed_as_over_before_anything_says_that_it_is_well() -> None:
    still = ticket((("dana", "comment", "Fixed the route on edge-2."),), over=False)
    found = resolution_notes(given(still))
    assert (found.code, found.verified) == (ResolutionCode.FIXED, None)
    assert proposal(CLOSURE, found, still, lambda: ("resolved",)).set == {}


def test_why_it_got_better_is_no_cause() -> None:
    found = notes((("dana", "comment", "It is back at 71 % because the failed run was removed."),))
    assert found.cause.status is ClaimStatus.UNKNOWN


WORDS = st.sampled_from(
    "Fixed by restart recovered itself no data was lost false alarm duplicate of INC-7 the cause not still fails again "
    "because due to 09:20 UTC orders-db-2 12 % we should Follow-up: verified back normal all healthy ? . - `x`".split()
)
ENTRY = st.tuples(
    st.sampled_from(["dana", "kim", "prometheus"]),
    st.sampled_from(["comment", "reply", "system", "alert", "status"]),
    st.lists(WORDS, max_size=25).map(" ".join),
)


@forall(st.lists(ENTRY, max_size=5), st.lists(WORDS, max_size=12).map(" ".join), st.booleans())
def test_whatever_a_ticket_holds_its_notes_pass_every_check(
    entries: list[tuple[str, str, str]], body: str, over: bool
) -> None:
    found = notes(tuple(entries), body, over=over)
    assert (found.code_citation is None) is (found.code is ResolutionCode.UNKNOWN)
    assert found.cause.citations or found.cause.status is ClaimStatus.UNKNOWN
    assert as_comment(found)


@pytest.mark.parametrize(
    ("code", "entry", "says"),
    [
        (ResolutionCode.NO_FAULT, 2, False),
        (ResolutionCode.FIXED, 0, False),
        (ResolutionCode.FIXED, 3, True),
        (ResolutionCode.DUPLICATE, 4, False),
    ],
    ids=["a line that says nothing of it", "the title", "the line", "a ticket that nobody named"],
)
def test_a_code_and_its_line_are_held_together(code: ResolutionCode, entry: int, says: bool) -> None:
    made = ticket(ROLLBACK)
    sources = SourceSet(made)
    other = RelatedTicket(ticket_id="local:OPS-9", title="x", relation="duplicate", score=0.0)
    given_notes = replace(
        resolution_notes(given(made)),
        code=code,
        code_citation=sources.cite(f"INC-1042#{entry}", 1, 1),
        duplicate_of=other if code is ResolutionCode.DUPLICATE else None,
    )
    blocked = {one.id for one in check_document(given_notes, sources, made) if one.blocks}
    assert blocked == (set() if says else {"code", "duplicate_of"} if other is given_notes.duplicate_of else {"code"})


def test_a_follow_up_without_its_line_is_refused() -> None:
    made = ticket(ROLLBACK)
    found = resolution_notes(given(made))
    bare = replace(found, follow_ups=(replace(found.follow_ups[0], citation=None),))
    assert [one.id for one in check_document(bare, SourceSet(made), made) if one.blocks] == ["limits:follow_ups"]
