"""The registry of approved sources, as commands tell it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.root import run_commands

CONFIG = """\
[knowledge.books]
path = "books"
owner = "platform"
review_by = 2020-01-31

[knowledge.away]
path = "nowhere"

[knowledge.wiki]
kind = "mediawiki"
url = "http://127.0.0.1:9"
"""

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Told:
    """Exit code, stdout and stderr of a command in a home with three sources, of which one answers."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "DiskFull.md").write_text(
        "---\nreview_by: 2020-02-01\n---\n# DiskFull\n\nThe disk is full.\n"
    )
    (tmp_path / "config.toml").write_text(CONFIG)

    def run(*words: str) -> tuple[int, str, str]:
        invocation = Invocation(Globals(), {"OPSTUI_HOME": str(tmp_path), "USER": "alex"})
        code = run_commands([*words], invocation)
        said = capsysbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return run


def test_every_source_is_listed_with_owner_review_pages_and_fault(tell: Told) -> None:
    code, out, _ = tell("knowledge", "sources", "--json")
    rows: dict[str, Any] = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert list(rows) == ["books", "away", "wiki"]
    books = rows["books"]
    assert (books["kind"], books["owner"], books["review_by"]) == ("folder", "platform", "2020-01-31")
    assert (books["overdue"], books["pages"], books["overdue_pages"], books["error"]) == (True, 1, 1, None)
    assert books["answered_at"] is not None
    assert books["writable"] is True
    assert "No such file" in rows["away"]["error"]
    assert rows["wiki"]["answered_at"] is None
    assert (rows["wiki"]["poll_seconds"], rows["wiki"]["writable"]) == (300, False)
    assert "not reachable" in rows["wiki"]["error"]


def test_a_person_reads_what_is_the_matter(tell: Told) -> None:
    code, out, err = tell("knowledge", "sources")
    assert code == 0
    assert "review overdue, 1 page overdue" in out
    assert out.count("not answering") == 2
    assert err.count("stays") == 2


def test_indexing_says_who_did_not_answer_and_takes_in_the_others(tell: Told) -> None:
    code, out, err = tell("knowledge", "index", "--json")
    assert code == 3
    told = json.loads(out)
    assert told["changed"] == 1
    assert set(told["errors"]) == {"away", "wiki"}
    assert "wiki:" in err
    code, out, _ = tell("knowledge", "search", "disk full", "--json")
    assert code == 0
    assert [hit["doc"] for hit in json.loads(out)] == ["books/DiskFull"]


def test_doctor_tells_overdue_reviews_and_who_is_not_reached(tell: Told) -> None:
    code, out, _ = tell("doctor", "--json")
    probes = [probe for probe in json.loads(out) if probe["check"].startswith("knowledge")]
    assert code == 1
    texts = {(probe["check"], probe["state"]): probe for probe in probes}
    assert "(platform)" in texts["knowledge books", "warn"]["fix"] or any("(platform)" in one["fix"] for one in probes)
    assert any("review was due on 2020-01-31" in probe["text"] for probe in probes)
    assert any("1 page is past the review date" in probe["text"] for probe in probes)
    assert ("knowledge wiki", "fail") in texts
    _, out, _ = tell("doctor", "--offline", "--json")
    assert not any(probe["check"] == "knowledge wiki" for probe in json.loads(out))
