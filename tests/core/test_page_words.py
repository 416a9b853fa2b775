"""Words of a page: what belongs to one case is left out, what belongs to the product stays, text stays text."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings, strategies as st

from opstui.core.document_kinds.knowledge import KBProposal, PageConfidence, PageStep, ProposalKind
from opstui.core.documents import Claim, ClaimStatus
from opstui.core.extract.summary import head_of
from opstui.core.pages.changes import is_unsettled, three_way, unified
from opstui.core.pages.general import Particulars, general, particulars
from opstui.core.pages.shape import says_validated, section_for, slug, with_state
from opstui.core.pages.writing import Wording, page_text
from tests.core.real_input import build, given as given_for

SOMEBODY = Particulars(("Dana Ruiz", "dana"), ("local:INC-1042", "INC-1042"))
PLAIN = Wording(general=lambda text: text, today=date(2026, 11, 20), owner="net-core")
BASE = (
    "# Checkout fails\n\n## Cause\n\n- the pool is full\n\n## Resolution\n\n1. Look at the pool.\n\n"
    "## Contact\n\npayments\n"
)


def proposal(kind: ProposalKind = ProposalKind.AMEND, **more: object) -> KBProposal:
    parts: dict[str, object] = {
        "head": head_of(given_for(build("x")), "KBProposal"),
        "kind": kind,
        "target": "kb/Checkout",
        "base_hash": None,
        "title": "Checkout fails",
        "issue": (Claim("c1", "Checkout answers 502.", ClaimStatus.REPORTED),),
        "environment": (),
        "cause": None,
        "resolution": (PageStep(text="Restarted the gateway, it works again."),),
        "confidence": PageConfidence.NOT_VALIDATED,
        "evidence": ("local:INC-1042",),
        "page": "", "diff": "", "private": (), "nearest": None, "reviewer": None, "review_by": None,
        "open_questions": (), "not_included": (),
    }  # fmt: skip
    return KBProposal(**(parts | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dana restarted orders-db-2 at 09:14", "[name] restarted [instance]"),
        ("customer Acme Corp cannot log in since 2026-11-20 09:08", "customer [name] cannot log in"),
        ("At 09:14 UTC restarted it, well since 09:20 UTC.", "restarted it, well."),
        ("it failed from 09:14 to 09:20", "it failed from [time] to [time]"),
        ("delete pod payments-api-7f9dd8b6c4-x7gr9", "delete pod [instance]"),
        ("see https://user:pw@x.example/y?q=1", "see [link]"),
        ("order 100234567 of maria@x.example, ticket INC-1040", "order [id] of [address], ticket [ticket]"),
        ("db01.prod.example.com and 10.0.3.17 and web-01", "[host] and [address] and [instance]"),
    ],
)
def test_what_belongs_to_one_case_becomes_a_word_for_what_it_is(text: str, said: str) -> None:
    assert general(text, SOMEBODY) == said


def test_a_short_name_is_one_as_written_and_capitalised_but_no_other_word() -> None:
    somebody = Particulars(("tom", "max"))
    assert general("Ask Tom, or tom: MAX is a limit", somebody) == "Ask [name], or [name]: MAX is a limit"


@pytest.mark.parametrize(
    "text",
    [
        "ORA-00600 on v2.3.1 in eu-west-1, CVE-2024-1234, exit code 137, port 5432, sha256",
        "raised max_connections to 500; 1,248 errors in 5 minutes; step-2 of ipv6 on http2",
        "topology.kubernetes.io/zone and localhost 127.0.0.1:8080 and config.yaml",
    ],
)
def test_a_products_own_words_stay(text: str) -> None:
    assert general(text, SOMEBODY) == text


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_leaving_out_is_done_once(text: str) -> None:
    once = general(text, SOMEBODY)
    assert general(once, SOMEBODY) == once


def test_a_tickets_people_are_its_particulars_and_its_robots_are_not() -> None:
    ticket = build("x", entries=(("Dana Ruiz", "comment", "a"), ("alertmanager", "alert", "b")), key="INC-7")
    found = particulars([ticket])
    assert "Dana Ruiz" in found.names
    assert not any("alert" in name for name in found.names)
    assert "INC-7" in found.keys


def test_an_amendment_stands_in_its_section_and_what_is_there_already_is_not_said_again() -> None:
    made = page_text(proposal(), BASE, PLAIN)
    lines = made.split("\n")
    assert lines.index("1. Restarted the gateway, it works again.") < lines.index("## Contact")
    assert [line for line in lines if line not in BASE.split("\n")] == [
        "Worked in `local:INC-1042` (not validated):",
        "1. Restarted the gateway, it works again.",
    ]
    assert page_text(proposal(), made, PLAIN) == made
    known = proposal(resolution=(PageStep(text="Look at the pool."),))
    assert page_text(known, BASE, PLAIN) == BASE


def test_a_page_without_the_section_gets_one_at_its_end() -> None:
    made = page_text(proposal(), "Title\n\njust text", PLAIN)
    assert made.startswith("Title\n\njust text\n\n## Resolution\n\nWorked in")


def test_a_deprecated_page_says_so_and_who_to_ask_and_keeps_the_rest() -> None:
    made = page_text(proposal(ProposalKind.DEPRECATE), "---\nstate: current\nteam: x\n---\n" + BASE, PLAIN)
    assert made.startswith(
        "---\nstate: deprecated\nteam: x\n---\n# Checkout fails\n\n> **Deprecated**: since 2026-11-20"
    )
    assert "Ask net-core" in made
    assert made.endswith(BASE.split("\n", 1)[1])
    assert with_state(["# x"], "deprecated")[:3] == ["---", "state: deprecated", "---"]


def test_code_and_marks_in_a_sentence_stay_what_they_are() -> None:
    step = PageStep(text="# ran `a | b` <b>x</b> [y](z) and ``c`d``", command="kubectl get po\n-o wide", verify="- ok")
    made = page_text(proposal(ProposalKind.NEW, resolution=(step,)), None, PLAIN)
    assert "1. \\# ran `a | b` \\<b>x\\</b> \\[y\\](z) and ``c`d``" in made
    assert "   - Command: `kubectl get po -o wide`" in made
    assert "   - Verify: \\- ok" in made


def test_front_matter_can_hold_any_title() -> None:
    made = page_text(proposal(ProposalKind.NEW, title="it's: [x] #1 ---", target=None), None, PLAIN)
    assert made.startswith("---\ntitle: 'it''s: [x] #1 ---'\nstate: unvalidated\n")
    assert slug("../../Etc / Päss — wd") == "etc-pass-wd"


def test_headings_in_code_and_front_matter_are_none() -> None:
    lines = ["---", "# Resolution", "---", "# T", "```", "## Resolution", "```", "## Fix it"]
    found = section_for("resolution", lines)
    assert found is not None
    assert found.start == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\nstatus: Validated\n---\n", True),
        ("+++\nvalidated = true\n+++\n", True),
        ("---\nstatus: draft\n---\nstatus: validated\n", False),
        ("status: validated\n", False),
    ],
)
def test_only_front_matter_says_that_a_page_is_validated(text: str, says: bool) -> None:
    assert says_validated(text) is says


def test_changes_of_two_people_come_together_line_by_line() -> None:
    both = three_way("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\ne\n")
    assert (both.text, both.conflicts) == ("a\nB\nc\nD\ne\n", 0)
    clash = three_way("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n")
    assert clash.conflicts == 1
    assert is_unsettled(clash.text)
    assert not is_unsettled(both.text)


@settings(max_examples=80)
@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_a_change_that_only_one_of_two_made_is_kept_whole(base: list[str], changed: list[str]) -> None:
    one, other = "\n".join(base), "\n".join(changed)
    assert three_way(one, other, one).text == other
    assert three_way(one, one, other).text == other
    assert three_way(one, other, other).text == other


def test_thousands_of_equal_lines_take_no_time_to_bring_together() -> None:
    many = "\n" * 20_000
    assert three_way(many, f"{many}x", f"y{many}").conflicts == 0
    assert unified(many, f"{many}x", "kb/x")[-1] == "\\ the newline at the end goes"
    assert unified("a\n", "a\n", "kb/x") == ()
