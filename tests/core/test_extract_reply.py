"""A reply says what is the customers' to know, and nothing that is not; the outward gate holds it to that."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as forall, strategies as st

from opstui.core.checks.comment import check_comment
from opstui.core.checks.document import check_document
from opstui.core.checks.outward import check_outward
from opstui.core.documents import Reply, SummaryStatus, Tristate
from opstui.core.extract.reply import WHO_IS_AFFECTED, next_update, reply
from opstui.core.knowledge import Hit, Strength
from opstui.core.proposals import proposal
from opstui.core.render.registry import as_comment
from opstui.core.sources import SourceSet
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, TimelineEntry, Visibility
from opstui.services.workflows import load_workflow
from tests.core.real_input import NOW, build, given, page
from tests.services.test_workflows import OURS

REPLY = load_workflow(OURS / "reply")
SAID = "About 12 % of orders fail with an error."
INSIDE = (
    ("dana", "comment", "orders-db-2.internal is full, 10.0.3.7 refuses. I suspect the new index."),
    ("dana", "comment", "Root cause found: the index of orders-db-2. It should be fixed by 10:00 UTC."),
)
OUTSIDE = (("dana", "reply", f"We are looking into it. {SAID} As a workaround, please order by phone."),)
ASKED = (("kim", "reply", "When will it be fixed? Can I order by mail?"),)


def ticket(*entries: tuple[str, str, str], title: str = "Orders fail", body: str = "", **more: object) -> Ticket:
    made: dict[str, object] = {"severity": "2", "assignees": (SafeText("dana"),)}
    return build(title, body, entries, **(made | more))  # type: ignore[arg-type]


def written(of: Ticket, **more: object) -> tuple[Reply, str]:
    """The reply and its text; no check has anything against either."""
    found = reply(given(of, **more))
    pages = more.get("pages") or {}
    sources = SourceSet(of, pages=pages.values())  # type: ignore[attr-defined]
    assert not [one for one in check_document(found, sources, of) if one.blocks]
    assert reply(given(of, **more)) == found
    text = str(as_comment(found))
    assert not list(check_outward(text, of, now=NOW))
    return found, text


def test_customers_read_public_words_the_state_and_when_they_hear_again() -> None:
    found, text = written(ticket(*INSIDE, *OUTSIDE))
    assert text == (
        f"{SAID}\n\nStatus: identified.\n\nAs a workaround, please order by phone.\n\nNext update: 09:50 UTC."
    )
    assert found.status_citation is not None
    assert found.status_citation.ref == "INC-1042#2"
    assert found.impact[0].citations[0].ref == "INC-1042#3"


@pytest.mark.parametrize("word", ["orders-db-2", "10.0.3.7", "internal", "dana", "index", "suspect", "10:00"])
def test_nothing_that_only_an_internal_entry_says_goes_out(word: str) -> None:
    assert word not in written(ticket(*INSIDE, *OUTSIDE))[1]
    assert word not in written(ticket(*INSIDE))[1]


def test_the_text_has_no_apparatus_and_the_document_keeps_the_sources() -> None:
    found, text = written(ticket(*OUTSIDE))
    assert not re.search(r"\[\d+\]|Sources|engine|INC-1042", text)
    assert found.sentences or found.impact
    assert all(claim.citations for claim in (*found.impact, *found.sentences))


def test_the_last_message_of_a_customer_is_answered_and_its_questions_go_to_the_operator() -> None:
    found, text = written(ticket(*OUTSIDE, *ASKED))
    assert text.startswith("Thank you for your message.\n\n")
    assert found.answered is not None
    assert found.answered.ref == "INC-1042#2"
    assert found.open_questions[:2] == (
        "The customer asks: When will it be fixed?",
        "The customer asks: Can I order by mail?",
    )


def test_a_question_in_the_ticket_s_own_text_is_what_is_answered() -> None:
    asks = {"title": "Invoice address", "body": "Hello,\nHow do I change the invoice address?", "severity": "4"}
    found = reply(given(ticket(**asks)))
    text = str(as_comment(found))
    assert found.answered is not None
    assert (found.answered.ref, found.answered.line_start) == ("INC-1042#0", 3)
    assert text.startswith("Thank you for your message.")
    assert WHO_IS_AFFECTED not in text
    assert "The customer asks: How do I change the invoice address?" in found.open_questions
    assert reply(given(ticket(*OUTSIDE, **asks))).answered is None
    assert reply(given(ticket(**asks | {"severity": "1"}))).answered is None


def test_after_a_false_alarm_nothing_is_said_of_data_and_nothing_is_asked() -> None:
    over = {"status": "resolved", "category": StatusCategory.RESOLVED}
    found, text = written(ticket(("dana", "comment", "This was a false alarm."), **over))
    assert found.false_alarm is not None
    assert found.false_alarm.ref == "INC-1042#1"
    assert "Status: resolved. Nothing was found to be wrong." in text
    assert "data" not in text
    assert not any("Was data lost?" in question for question in found.open_questions)


def test_a_message_that_was_answered_already_is_not_answered_again() -> None:
    found, text = written(ticket(*ASKED, *OUTSIDE))
    assert found.answered is None
    assert "Thank you" not in text


def test_what_the_ticket_says_of_impact_is_quoted_where_no_public_message_does() -> None:
    _, text = written(ticket(*INSIDE, title="Orders", body="Customers in Europe cannot pay by card."))
    assert text.startswith("Customers in Europe cannot pay by card.")


@pytest.mark.parametrize(
    "body", ["My card fails, I cannot pay.", "Customers of web-12.internal see errors.", "Customers might see errors."]
)
def test_words_of_the_ticket_that_may_not_go_out_do_not(body: str) -> None:
    found, text = written(ticket(title="CheckoutErrors", body=body))
    assert text.startswith(WHO_IS_AFFECTED)
    assert any(question.startswith("Who is affected") for question in found.open_questions)


@pytest.mark.parametrize(
    ("said", "word", "loss"),
    [
        ("No data was lost.", "No data was lost.", Tristate.NO),
        ("12 orders were lost.", "Some data was lost.", Tristate.YES),
        ("Restarted it.", "It is not known yet whether data was lost.", Tristate.UNKNOWN),
        ("Probably no data was lost.", "It is not known yet whether data was lost.", Tristate.UNKNOWN),
    ],
)
def test_at_the_end_customers_are_told_about_data_and_no_next_update(said: str, word: str, loss: Tristate) -> None:
    over = {"status": "resolved", "category": StatusCategory.RESOLVED}
    found, text = written(ticket(("dana", "comment", said), **over))
    assert (found.status, found.data_loss, found.next_update) == (SummaryStatus.RESOLVED, loss, None)
    assert f"Status: resolved. {word}" in text
    assert "Next update" not in text
    assert any("Was data lost?" in question for question in found.open_questions) is (loss is Tristate.UNKNOWN)


def test_steps_come_from_a_page_s_part_for_customers_and_never_a_command() -> None:
    book = page(
        "runbooks/Orders",
        "# Orders fail\n\n## Diagnosis\n\n- Restart the orders workers.\n\n## What customers can do\n\n"
        "- Use the phone line of your country.\n- Run `orderctl retry` on orders-db-2.\n",
    )
    found, text = written(
        ticket(*OUTSIDE),
        hits=(Hit(book.doc, book.title, 5.0, 1, 3, SafeText("# Orders fail"), Strength.STRONG, 0.9),),
        pages={book.doc: book},
    )
    assert [claim.text for claim in found.steps] == ["Use the phone line of your country."]
    assert "What you can do:\n- Use the phone line of your country." in text
    assert "Restart" not in text


def test_two_sentences_that_say_the_same_are_one_and_who_writes_is_not_told_again_what_was_said() -> None:
    said = "Completing an order fails for some customers in Europe. Trying again often works."
    older = ("dana", "reply", "Some customers in Europe can't complete their order at the moment.")
    _, text = written(ticket(older, ("dana", "reply", said)))
    assert text.startswith("Completing an order fails for some customers in Europe.\nTrying again often works.\n\n")
    _, text = written(ticket(older, ("dana", "reply", said), *ASKED))
    assert "Trying again" not in text


MADE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("severity", "age", "ahead"),
    [
        ("1", timedelta(), timedelta(minutes=20)),
        ("2", timedelta(hours=2), timedelta(minutes=20)),
        ("2", timedelta(hours=2, minutes=1), timedelta(hours=1)),
        ("3", timedelta(), timedelta(hours=4)),
        (None, timedelta(), timedelta(days=1)),
    ],
)
def test_the_next_update_is_as_near_as_the_severity_asks(
    severity: str | None, age: timedelta, ahead: timedelta
) -> None:
    made = build("Orders fail", severity=severity)
    assert next_update(made, MADE + age) == MADE + age + ahead


def test_the_next_update_is_not_after_the_due_time_if_that_can_be_kept_and_none_once_it_is_over() -> None:
    due = MADE + timedelta(minutes=12)
    made = build("Orders fail", severity="2", due_at=due)
    assert next_update(made, MADE) == due
    assert next_update(made, MADE + timedelta(minutes=5)) == MADE + timedelta(minutes=25)
    assert next_update(made, due + timedelta(minutes=1)) == due + timedelta(minutes=21)
    over = build("Orders fail", status="closed", category=StatusCategory.CLOSED)
    assert next_update(over, MADE) is None


def test_the_draft_is_one_public_comment_and_its_own_times_need_no_source() -> None:
    made = ticket(*OUTSIDE)
    found = reply(given(made))
    changes = proposal(REPLY, found, made)
    assert (changes.set, changes.public, changes.attach) == ({}, True, ())
    assert found.next_update is not None
    sources = SourceSet(made)
    told = check_comment(changes.comment or "", sources, made, public=True, now=NOW, moments=(found.next_update,))
    assert told == []
    late = check_comment(
        changes.comment or "", sources, made, public=True, now=NOW + timedelta(minutes=25), moments=(found.next_update,)
    )
    assert [one.id for one in late if one.blocks] == ["outward:next-update"]


def test_the_gate_refuses_what_an_agent_writes_for_customers() -> None:
    made = ticket(*INSIDE, *OUTSIDE)
    found = reply(given(made))
    leak = replace(found.impact[0], text="orders-db-2 is full.")
    for bad in (
        replace(found, impact=(leak,)),
        replace(found, sentences=(replace(found.impact[0], id="c9", text="It should be fixed by 10:00 UTC."),)),
        replace(found, next_update=NOW + timedelta(minutes=40)),
    ):
        ids = {one.id for one in check_document(bad, SourceSet(made), made) if one.blocks}
        assert any(one.startswith("outward:") for one in ids), bad


WORDS = st.sampled_from(
    "Customers cannot pay orders-db-2 10.0.3.7 should be fixed by 10:00 suspect dana resolved no data lost \n. "
    "We Restarted please workaround probably Next update in 5 minutes? # ## - `x` [1]".split(" ")
)
ENTRY = st.tuples(
    st.sampled_from(["dana", "kim", "prometheus"]),
    st.sampled_from(["comment", "reply", "system", "alert", "status"]),
    st.lists(WORDS, max_size=25).map(" ".join),
)


@forall(st.lists(ENTRY, max_size=5), st.lists(WORDS, max_size=12).map(" ".join), st.sampled_from(["1", "3", None]))
def test_whatever_a_ticket_holds_its_reply_passes_every_check(
    entries: list[tuple[str, str, str]], body: str, severity: str | None
) -> None:
    made = build("Orders fail", body, tuple(entries), severity=severity)
    found = reply(given(made))
    assert not [one for one in check_document(found, SourceSet(made), made) if one.blocks]
    assert "orders-db-2" not in as_comment(found)


def test_an_entry_of_unknown_visibility_is_not_taken_for_public() -> None:
    made = ticket()
    unknown = TimelineEntry(
        "INC-1042#1", NOW, SafeText("dana"), EntryKind.COMMENT, Visibility.UNKNOWN, SafeText("Customers cannot pay.")
    )
    assert "cannot pay" not in written(replace(made, timeline=(unknown,)))[1]


def test_a_sentence_that_rests_on_an_internal_entry_is_refused() -> None:
    made = ticket(*INSIDE, *OUTSIDE)
    found = reply(given(made))
    sources = SourceSet(made)
    inside = replace(
        found.impact[0], id="c9", text="The index was found.", citations=(sources.cite("INC-1042#2", 1, 1),)
    )
    ids = {one.id for one in check_document(replace(found, sentences=(inside,)), sources, made) if one.blocks}
    assert "internal:c9" in ids


@pytest.mark.parametrize(
    "promise", ["A fix is expected tomorrow.", "It should be back soon.", "We expect to restore it within the hour."]
)
def test_a_promise_of_repair_is_refused_in_any_words(promise: str) -> None:
    made = ticket(*OUTSIDE)
    ids = [one.id for one in check_outward(f"{SAID} {promise} Next update: 09:45 UTC.", made, now=NOW)]
    assert ids == ["outward:eta"]


def test_a_colleague_s_name_is_pointed_out() -> None:
    made = ticket(*INSIDE)
    found = list(check_outward(f"{SAID} Dana works on it. Next update: 09:45 UTC.", made, now=NOW))
    assert [(one.id, one.level) for one in found] == [("outward:person", "warn")]
