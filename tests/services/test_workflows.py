"""Workflows are read strictly, and their version is the hash of what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.core import documents
from opstui.core.errors import ConfigError
from opstui.services import workflows
from opstui.services.workflows import load_workflow, load_workflows

OURS = Path(__file__).resolve().parents[2] / "opstui" / "workflows"

GOOD = """\
id = "night-notes"
title = "Night notes"
document = "IncidentSummary"
tools = ["get_ticket", "submit_document"]
fields = ["/comment", "/fields/region"]
budget = "0.25"
"""


def write(folder: Path, toml: str = GOOD, system: str = "Summarise.", rubric: str | None = "Short.") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "workflow.toml").write_text(toml, encoding="utf-8")
    (folder / "system.md").write_text(system, encoding="utf-8")
    if rubric is not None:
        (folder / "rubric.md").write_text(rubric, encoding="utf-8")
    return folder


def test_a_workflow_may_name_every_kind_of_document_and_no_other() -> None:
    assert set(workflows.DOCUMENTS) == set(documents.DOCUMENTS)


def test_of_the_bundled_workflows_only_the_reply_may_comment_in_public_and_only_the_closure_set_a_status() -> None:
    found = load_workflows(OURS)
    assert {"incident-summary", "escalation-package", "reply", "closure"} <= set(found)
    assert found["incident-summary"].budget_micros == 500_000
    assert found["escalation-package"].budget_micros == 1_000_000
    assert [workflow.id for workflow in found.values() if workflow.public_comment] == ["reply"]
    assert found["reply"].fields == ("/comment",)
    assert [workflow.id for workflow in found.values() if "/status" in workflow.fields] == ["closure"]


def test_the_version_is_a_hash_of_all_three_files(tmp_path: Path) -> None:
    version = load_workflow(write(tmp_path / "a")).version
    assert len(version) == 16
    assert load_workflow(write(tmp_path / "b")).version == version
    assert load_workflow(write(tmp_path / "c", system="Summarise!")).version != version
    assert load_workflow(write(tmp_path / "d", rubric="Shorter.")).version != version
    assert load_workflow(write(tmp_path / "e", GOOD + "\n# a note")).version != version


def test_text_moved_from_one_file_to_the_next_is_another_version(tmp_path: Path) -> None:
    one = load_workflow(write(tmp_path / "a", system="ab", rubric="c"))
    assert one.version != load_workflow(write(tmp_path / "b", system="a", rubric="bc")).version


def test_a_users_workflow_is_added_and_one_with_our_id_replaces_ours(tmp_path: Path) -> None:
    write(tmp_path / "night-notes")
    write(tmp_path / "mine", GOOD.replace("night-notes", "incident-summary"), system="My own words.")
    found = load_workflows(OURS, tmp_path)
    assert found["night-notes"].rubric == "Short."
    assert found["incident-summary"].system == "My own words."
    assert not found["incident-summary"].evaluated


def test_a_user_folder_that_is_absent_is_no_error(tmp_path: Path) -> None:
    assert set(load_workflows(OURS, tmp_path / "none")) == set(load_workflows(OURS))


def test_a_missing_rubric_is_none(tmp_path: Path) -> None:
    assert load_workflow(write(tmp_path / "a", rubric=None)).rubric is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace('"0.25"', '"0.255"'), r"workflow.toml:6: budget: whole cents"),
        (GOOD.replace('"0.25"', "0.25"), r"workflow.toml:6: budget: a text is wanted"),
        (GOOD.replace("budget", "bugdet"), r"bugdet: no such key; did you mean budget\?"),
        (GOOD.replace('budget = "0.25"\n', ""), r"budget is missing"),
        (GOOD.replace("get_ticket", "run_shell"), r"workflow.toml:4: tools: there is no tool 'run_shell'"),
        (GOOD.replace('"/comment"', '"/password"'), r"fields: no update can touch '/password'"),
        (GOOD.replace('"night-notes"', '"Night Notes"'), r"workflow.toml:1: id: small letters"),
        (GOOD.replace("IncidentSummary", "Poem"), r"document: one of IncidentSummary"),
        (GOOD.replace(', "submit_document"', ""), r"without submit_document"),
        (GOOD + "x = [", r"workflow.toml.*not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_workflow(write(tmp_path / "a", wrong))


def test_instructions_that_are_missing_or_not_text_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "system.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"system.md: not UTF-8"):
        load_workflow(folder)
    (folder / "system.md").unlink()
    with pytest.raises(ConfigError, match=r"system.md: this file is missing"):
        load_workflow(folder)
