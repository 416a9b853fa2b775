from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given as forall, strategies as st
from markdown_it import MarkdownIt

from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.summary import incident_summary
from opstui.core.proposals import package_name, proposal
from opstui.core.render.markdown import text_only
from opstui.core.render.plain import FIRST_SCREEN_WORDS, SUMMARY_WORDS, word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.text import clean
from opstui.core.tickets import TicketRef
from tests.core.real_input import build, first_screen, given, hostile
from tests.core.test_extract_escalation import QUEUE
from tests.core.test_extract_summary import DNS

LONG = build(
    "word " * 60,
    "\n".join(
        f"Customers of region {number} cannot pay and see errors all day long, about {number} %."
        for number in range(30)
    ),
    tuple(
        (
            "dana",
            "comment",
            f"Checked shard {number} and found {number} errors in it, more than in all shards before it together.",
        )
        for number in range(60)
    ),
)


@pytest.mark.parametrize("ticket", [DNS, LONG, QUEUE, build("x")], ids=["dns", "long", "queue", "short"])
def test_a_summary_holds_at_most_220_words_and_80_on_its_first_screen(ticket) -> None:  # type: ignore[no-untyped-def]
    text = render(incident_summary(given(ticket)))
    assert word_count(text) <= SUMMARY_WORDS
    assert word_count(first_screen(text)) <= FIRST_SCREEN_WORDS


def test_the_state_and_the_worst_come_first() -> None:
    lines = render(incident_summary(given(DNS))).split("\n")
    assert lines[0] == "DNS timeouts from build agents [1]"
    assert lines[1].startswith("State: investigating · severity 2 since 09:25 UTC by dana · due 10:00 UTC, in 30 min")
    assert lines[3] == "Impact"


def test_every_number_in_the_text_has_its_source_at_the_end_and_the_engine_is_named_last() -> None:
    text = render(incident_summary(given(DNS)))
    body, _, tail = text.partition("\nSources\n")
    used = set(re.findall(r"\[(\d+)\]", body))
    listed = dict(re.findall(r"\[(\d+)\] (\S+#\d+ \d+(?:-\d+)?)", tail))
    assert used == set(listed)
    assert listed["1"] == "INC-1042#0 1"
    assert tail.split("\n")[-1].startswith(
        "Written by the extractive engine from local:INC-1042 at 2026-11-20 09:30 UTC."
    )


def test_a_comment_is_plain_text_without_escapes() -> None:
    ticket = build("Host *web_1* <b>down</b> [see](http://x.example)", "`code` & more")
    assert "Host *web_1* <b>down</b> [see](http://x.example) [1]" in render(incident_summary(given(ticket)))


def test_a_package_is_complete_in_markdown() -> None:
    text = as_markdown(escalation_package(given(QUEUE)))
    for section in ("Asked", "Impact", "Environment", "Checked and done", "Timeline", "Open questions", "Sources"):
        assert f"\n## {section}\n" in text
    assert "- Data loss: no" in text
    assert "**no finding**" in text


@pytest.mark.parametrize(
    "plain",
    [
        "restarted node-local-dns on agents-3, no change",
        "payments.pool.size is 8 in 4.18.0, it was 64.",
        "snake_case_name and 5 * 3 < 20 & more",
        "p95 > 2 s, see https://grafana.example.com/d/a?b=1&c=2",
        "kubectl logs deploy/api -n shop | grep -c Timeout",
    ],
)
def test_ordinary_text_is_not_littered_with_escapes(plain: str) -> None:
    assert text_only(plain) == plain


def shown(markdown: str) -> tuple[str, set[str]]:
    """What a reader of rendered Markdown sees, and the kinds of markup in it."""
    seen: list[str] = []
    kinds: set[str] = set()
    for block in MarkdownIt("commonmark").enable("strikethrough").parse(markdown):
        if block.type != "inline":
            kinds.add(block.type)
        for token in block.children or ():
            kinds.add(token.type)
            seen.append(token.content if token.type == "text" else "\n" if token.type == "softbreak" else "")
        if block.type in ("code_block", "fence", "html_block"):
            seen.append(block.content)
    return "".join(seen), kinds


MARKED_UP = [
    "*bold* and _slanted_ and **both**",
    "[link](http://evil.example) ![image](http://evil.example/x.png)",
    "<script>alert(1)</script> <a href='x'>y</a> <!-- c -->",
    "`code` and ```fence```",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "---",
    "===",
    "~~gone~~",
    "&lt;b&gt; &amp; &#42;",
    "a \\* b \\_ c",
    "[x]: http://evil.example 'title'",
    "| a | b |",
    "<http://auto.example>",
    "* * *",
    "__init__ and __all__",
    "a*b*c and *.log",
]


@pytest.mark.parametrize("text", MARKED_UP)
def test_markup_from_outside_is_shown_as_it_is(text: str) -> None:
    seen, kinds = shown(f"- {text_only(text)}")
    assert seen == text
    assert kinds <= {
        "bullet_list_open",
        "bullet_list_close",
        "list_item_open",
        "list_item_close",
        "paragraph_open",
        "paragraph_close",
        "text",
    }
    seen, kinds = shown(text_only(text))
    assert seen == text
    assert kinds <= {"paragraph_open", "paragraph_close", "text"}


@forall(st.text(alphabet="ab1 *_`[]()<>!#-+.~&;:|\\\"'=/", min_size=1, max_size=40))
def test_no_combination_of_marks_becomes_markup(text: str) -> None:
    line = " ".join(text.split())
    seen, kinds = shown(f"- 09:14 dana: {text_only(line)}" if line else "")
    assert kinds <= {
        "bullet_list_open",
        "bullet_list_close",
        "list_item_open",
        "list_item_close",
        "paragraph_open",
        "paragraph_close",
        "text",
    }
    assert not line or seen == f"09:14 dana: {line}"


def test_hostile_titles_stay_text_in_a_package(shared_data: Path) -> None:
    for _, text in hostile(shared_data):
        line = " ".join(str(clean(text[:500])).split())
        if line:
            assert not shown(f"- {text_only(line)}")[1] & {
                "html_inline",
                "html_block",
                "link_open",
                "image",
                "code_inline",
                "em_open",
            }


def test_a_summary_turns_into_an_internal_comment_and_nothing_else(workflows) -> None:  # type: ignore[no-untyped-def]
    made = proposal(workflows["incident-summary"], incident_summary(given(DNS)), DNS)
    assert made.comment == render(incident_summary(given(DNS)))
    assert (made.public, dict(made.set), made.attach) == (False, {}, ())


def test_a_package_is_attached_and_sets_the_team_that_the_ticket_names(workflows) -> None:  # type: ignore[no-untyped-def]
    package = escalation_package(given(QUEUE))
    made = proposal(workflows["escalation-package"], package, QUEUE)
    assert [name for name, _ in made.attach] == ["escalation-INC-1042.md"]
    assert made.attach[0][1].decode() == as_markdown(package)
    assert dict(made.set) == {"/team": "messaging"}
    assert made.comment is not None
    assert "The whole package is attached." in made.comment


def test_a_team_that_the_workflow_may_not_set_is_not_proposed(workflows) -> None:  # type: ignore[no-untyped-def]
    narrow = replace(workflows["escalation-package"], fields=("/comment",))
    made = proposal(narrow, escalation_package(given(QUEUE)), QUEUE)
    assert (dict(made.set), made.attach) == ({}, ())


def test_the_packages_name_is_a_file_name_whatever_the_key() -> None:
    assert package_name(build("x", ref=TicketRef("gh", "acme/ops#12"))) == "escalation-acme-ops-12.md"
    assert package_name(build("x", ref=TicketRef("gh", "../.."))) == "escalation-ticket.md"


@pytest.fixture(scope="module")
def workflows():  # type: ignore[no-untyped-def]
    from opstui.services.workflows import load_workflows

    return load_workflows(Path(__file__).resolve().parents[2] / "opstui" / "workflows")
