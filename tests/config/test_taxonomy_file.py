"""``taxonomy.toml``: what it may say, and how a mistake is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opstui.config.taxonomy import TERM_LIMIT, load_taxonomy
from opstui.config.taxonomy_example import TEXT
from opstui.core.errors import ConfigError
from opstui.core.taxonomy import KINDS, Taxonomy

WHOLE = """\
[fields]
category = "Category"

[teams.payments]
title = "Payments"
aliases = ["pay-ops"]
names = { rt = "Payments L2" }

[services.checkout-api]
team = "payments"
aliases = ["cart"]
runbook = "runbooks/CheckoutErrorRateHigh"

[categories.database]
signs = ["replica lag"]

[severities.1]
aliases = ["sev1"]

[request_types.incident]
"""


def loaded(folder: Path, text: str | bytes) -> Taxonomy:
    file = folder / "taxonomy.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_taxonomy(file)


def test_all_of_it_is_read(tmp_path: Path) -> None:
    found = loaded(tmp_path, WHOLE)
    service = found.services["checkout-api"]
    assert (service.team, service.runbook) == ("payments", "runbooks/CheckoutErrorRateHigh")
    assert found.teams["payments"].called("rt") == "Payments L2"
    assert found.categories["database"].signs == ("replica lag",)
    assert found.resolve("severity", "SEV1") is found.severities["1"]
    assert found.fields == {"category": "Category"}
    assert list(found.request_types) == ["incident"]


def test_the_example_is_the_one_that_init_writes_and_says_nothing_until_its_marks_are_gone(tmp_path: Path) -> None:
    assert (Path(__file__).parents[2] / "taxonomy.example.toml").read_text("utf-8") == TEXT
    assert not loaded(tmp_path, TEXT)
    found = loaded(tmp_path, re.sub(r"^#(?! )", "", TEXT, flags=re.MULTILINE))
    assert all(found.terms(kind) for kind in KINDS)
    assert set(found.fields) == {"category", "service", "request_type"}
    assert found.services["checkout-api"].runbook == "runbooks/CheckoutErrorRateHigh"


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert not load_taxonomy(tmp_path / "taxonomy.toml")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[service.x]\n", 1, "did you mean services?"),
        ('[services.x]\ntitel = "X"\n', 2, "did you mean title?"),
        ('[services.x]\nteam = "payment"\n[teams.payments]\n', 2, "did you mean payments?"),
        ('[teams.x]\naliases = "y"\n', 2, "a list of texts"),
        ('[teams.x]\naliases = ["y", 3]\n', 2, "a text is wanted"),
        ('[teams.x]\nteam = "y"\n', 2, "no such key"),
        ('[teams.a]\naliases = ["Net Core"]\n\n[teams.net-core]\n', 4, "already names a"),
        ("[severities.5]\n", 1, "one of 1, 2, 3, 4"),
        ('[fields]\nteam = "Team"\n', 2, "no such key"),
        ("services = 3\n", 1, "a table is wanted"),
        ('[teams.x]\ntitle = "a\\u001bb"\n', 2, "ordinary characters"),
        (f'[teams.x]\ntitle = "{"y" * 121}"\n', 2, "at most 120"),
        ('[teams.""]\n', 1, "a text is wanted"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert caught.value.line == line
    assert caught.value.key
    assert words in str(caught.value)
    assert "taxonomy.toml" in str(caught.value)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"x = ", b"[" * 5000, b"a" * 2_000_000])
def test_what_is_no_such_file_is_refused_in_words(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, raw)


def test_there_are_limits(tmp_path: Path) -> None:
    many = "".join(f"[teams.t{number}]\n" for number in range(TERM_LIMIT + 1))
    with pytest.raises(ConfigError, match="more than"):
        loaded(tmp_path, many)


def test_the_demos_taxonomy_knows_every_value_of_the_demo() -> None:
    from opstui.demo.story import HERE, incidents, routines

    taxonomy = load_taxonomy(HERE / "taxonomy.toml")
    services = [*(name for one in incidents() for name in one.services), *(one.service for one in routines())]
    teams = [*(one.team for one in incidents()), *(one.team for one in routines())]
    pages = {file.stem for file in (HERE / "runbooks").glob("*.md")}
    assert [name for name in services if taxonomy.resolve("service", name) is None] == []
    assert [name for name in teams if taxonomy.resolve("team", name) is None] == []
    named = [term.runbook for term in taxonomy.services.values() if term.runbook]
    assert [page for page in named if page.removeprefix("runbooks/") not in pages] == []
