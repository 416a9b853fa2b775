"""Marking the words of a query."""

from __future__ import annotations

import pytest

from opstui.core.marking import Marker


@pytest.mark.parametrize(
    ("query", "line", "marked"),
    [
        ("disk fills", "The disk is filling; a full diskette is none", ["disk", "filling", "diskette"]),
        ("dns errors", "CoreDNSErrorsHigh and dns_error_total", ["DNS", "Errors", "dns", "error"]),
        ("ORA-00600", "ORA-00600 is not ORA-006001", ["ORA", "00600", "ORA"]),
        ("what is the db", "the db of dbus is what it is", ["db"]),
        ("queries", "a query, many queries", ["query", "queries"]),
        ("プリンタ", "プリンタが紙詰まり", ["プリンタ"]),
        ("", "anything", []),
        ("of the", "of the", []),
    ],
)
def test_the_words_of_a_query_are_marked_and_those_that_say_nothing_are_not(
    query: str, line: str, marked: list[str]
) -> None:
    marker = Marker(query)
    assert [line[start:end] for start, end in marker.spans(line)] == marked
    assert bool(marker) is bool(query.strip() and query != "of the")


def test_a_line_without_an_end_is_looked_at_as_far_as_it_can_be_seen() -> None:
    assert len(Marker("x").spans("x " * 1_000_000)) == 1_000
