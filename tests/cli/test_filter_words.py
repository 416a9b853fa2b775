"""Filters as words of a command line."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Shell


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        (["-card"], ["Disk full"]),
        (["-severity<=2"], ["Gift card lost"]),
        (["card", "-assignee:me"], ["Gift card lost"]),
        (["-card", "--limit", "1"], ["Disk full"]),
        (["--", "-card"], ["Disk full"]),
    ],
)
def test_a_filter_may_begin_with_a_minus(shell: Shell, words: list[str], titles: list[str]) -> None:
    shell.place.ticket("Gift card lost", severity="3")
    shell.place.ticket("Disk full", severity="1")
    assert shell("ticket", "list", "--json", *words) == 0
    assert [ticket["title"] for ticket in json.loads(shell.out)] == titles
