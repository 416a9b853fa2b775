"""``opstui config check``: what is named and is not there, as words, JSON and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Done

Run = Callable[..., Done]


def test_findings_are_told_and_end_with_one(opstui: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text('[workflows.triag]\nbudget = "0.10"\n', encoding="utf-8")
    (home / "taxonomy.toml").write_text('[services.x]\nrunbook = "runbooks/X"\n', encoding="utf-8")
    done = opstui("config", "check")
    assert done.code == 1
    assert "workflow: [workflows.triag]: there is no such workflow; did you mean triage?" in done.out
    found = opstui("config", "check", "--json")
    assert found.code == 1
    assert [(one["check"], one["subject"]) for one in found.json] == [("workflow", "triag"), ("page", "runbooks/X")]
    (home / "taxonomy.toml").write_text("[servces.x]\n", encoding="utf-8")
    broken = opstui("config", "check")
    assert broken.code == 2
    assert "did you mean services?" in broken.err


def test_an_example_of_a_taxonomy_is_written_once(opstui: Run, tmp_path: Path) -> None:
    done = opstui("config", "init", "--taxonomy")
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "home" / "taxonomy.toml"))
    assert opstui("config", "init", "--taxonomy").code == 1


def test_where_nothing_is_named_nothing_is_opened(opstui: Run, tmp_path: Path) -> None:
    done = opstui("config", "check", "--json")
    assert (done.code, done.json) == (0, [])
    assert not (tmp_path / "home").exists()
