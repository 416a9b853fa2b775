"""The op id in a comment's last line."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.tickets.markers import marked, unmarked

OP = "01JABCDEFGHJKMNPQRSTVWXYZ0"


@given(st.text().filter(lambda text: text == text.rstrip()))
def test_what_was_marked_comes_back(text: str) -> None:
    assert unmarked(marked(text, OP)) == (text, OP)


def test_a_marker_stands_alone_after_an_empty_line() -> None:
    assert marked("looked at it", OP) == f"looked at it\n\n[opstui:{OP}]"
    assert marked("", OP) == f"[opstui:{OP}]"


@pytest.mark.parametrize(
    "stored",
    [
        f"one\ntwo\n\n[opstui:{OP}]\n",
        f"one\r\ntwo\r\n\r\n[opstui:{OP}]\r\n",
        f"one\ntwo\n\n[opstui:{OP}]  \n\n\n",
        f"one\ntwo\n[opstui:{OP}]",
        f"one\ntwo\n \n  [opstui:{OP}]",
    ],
)
def test_line_ends_and_blanks_that_a_system_adds_or_takes_do_not_matter(stored: str) -> None:
    text, found = unmarked(stored)
    assert (text.splitlines(), found) == (["one", "two"], OP)


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", f"> [opstui:{OP}]", f"[opstui:{OP}]\nanswered below", f"see [opstui:{OP}]", "[opstui:]",
        "[opstui:short]", f"[opstui:{OP.lower()}]", f"[opstui:{OP}0]",
    ],
)  # fmt: skip
def test_what_somebody_quotes_or_makes_up_is_no_marker(text: str) -> None:
    assert unmarked(text) == (text, None)
