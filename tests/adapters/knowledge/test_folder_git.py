"""What git knows of the pages in a folder."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opstui.adapters.knowledge import folder as module
from opstui.adapters.knowledge.folder import UNCOMMITTED, FolderSource
from opstui.core.knowledge import Page
from tests.adapters.knowledge.repository import Repository, needs_git

pytestmark = needs_git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Repository(tmp_path / "repo")


def read(source: FolderSource) -> dict[str, Page]:
    pages, gone = source.pages({})
    assert gone == []
    return {page.doc: page for page in pages}


def at(page: Page) -> int:
    assert page.changed_at is not None
    return int(page.changed_at.timestamp())


def test_a_page_has_time_author_and_commit_of_its_last_change(repository: Repository) -> None:
    first = repository.commit("a.md", "# A\n", author="Bo \x1b[31m <bo@x>")
    time = repository.time
    second = repository.commit("deep/b c.md", "# B\n")
    pages = read(FolderSource("kb", repository.pages))
    a, b = pages["kb/a"], pages["kb/deep/b c"]
    assert (a.facts.revision, at(a)) == (first, time)
    assert a.facts.author is not None
    assert "\x1b" not in a.facts.author
    assert (b.facts.revision, b.facts.author, at(b)) == (second, "Ana", repository.time)


def test_a_rename_is_no_change_and_an_edit_after_it_is(repository: Repository) -> None:
    first = repository.commit("a.md", "# A\n\nlong enough\n")
    repository.git("mv", "kb/a.md", "kb/b.md")
    repository.git("commit", "-q", "-m", "move")
    assert read(FolderSource("kb", repository.pages))["kb/b"].facts.revision == first
    second = repository.commit("b.md", "# A\n\nother\n")
    assert read(FolderSource("kb", repository.pages))["kb/b"].facts.revision == second


def test_changes_that_are_not_committed_are_told_as_such(repository: Repository) -> None:
    repository.commit("a.md", "# A\n")
    (repository.pages / "a.md").write_text("# A changed\n")
    (repository.pages / "new.md").write_text("# new\n")
    pages = read(FolderSource("kb", repository.pages))
    for page in pages.values():
        assert page.facts.revision == UNCOMMITTED
        assert page.facts.author is None
        assert page.changed_at is not None
        assert page.changed_at.year >= 2024


def test_a_file_with_other_line_ends_than_its_commit_is_committed(repository: Repository) -> None:
    commit = repository.commit("a.md", "# A\nb\n")
    (repository.pages / "a.md").write_bytes(b"# A\r\nb\r\n")
    assert read(FolderSource("kb", repository.pages))["kb/a"].facts.revision == commit


def test_a_commit_changes_the_page_s_hash_so_that_the_index_hears_of_it(repository: Repository) -> None:
    repository.commit("a.md", "# A\n")
    repository.commit("b.md", "# B\n")
    (repository.pages / "a.md").write_text("# A changed\n")
    source = FolderSource("kb", repository.pages)
    known = {doc: page.content_hash for doc, page in read(source).items()}
    assert source.pages(known) == ([], [])
    repository.commit("a.md", "# A changed\n")
    pages, gone = source.pages(known)
    assert [page.doc for page in pages] == ["kb/a"]
    assert gone == []


def test_git_is_not_asked_for_a_history_where_nothing_changed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("a.md", "# A\n")
    source = FolderSource("kb", repository.pages, now_ns=lambda: 10**19)
    known = {doc: page.content_hash for doc, page in read(source).items()}
    monkeypatch.setattr(module, "changes", lambda *_: pytest.fail("asked again"))
    monkeypatch.setattr(module, "blobs", lambda *_: pytest.fail("asked again"))
    assert source.pages(known) == ([], [])


def test_strange_names_get_their_own_history(repository: Repository) -> None:
    commits = {name: repository.commit(name, f"# {name}\n") for name in ("a\nb.md", "-x.md", 'q"uo te.md', "é.md")}
    pages = read(FolderSource("kb", repository.pages))
    assert {page.facts.revision for page in pages.values()} == set(commits.values())


def test_a_shallow_clone_says_nothing_of_what_lies_before_it(repository: Repository, tmp_path: Path) -> None:
    repository.commit("old.md", "# old\n")
    repository.commit("mid.md", "# mid\n")
    last = repository.commit("new.md", "# new\n")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth", "2", f"file://{repository.top}", str(clone))
    pages = read(FolderSource("kb", clone / "kb"))
    assert pages["kb/new"].facts.revision == last
    assert pages["kb/old"].facts.revision is None
    assert pages["kb/old"].changed_at is None


def test_a_repository_s_own_programs_are_not_run(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a.md", "# A\n")
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    (repository.top / ".gitattributes").write_text("*.md filter=trap diff=trap\n")
    hooks = repository.top / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("reference-transaction", "post-index-change", "pre-commit", "post-commit", "fsmonitor-watchman"):
        (hooks / hook).write_text(trap.read_text())
        (hooks / hook).chmod(0o755)
    config = repository.top / ".git" / "config"
    config.write_text(
        config.read_text()
        + f"""
[core]
    fsmonitor = {trap}
    pager = {trap}
    sshCommand = {trap}
    alternateRefsCommand = {trap}
[diff]
    external = {trap}
[diff "trap"]
    textconv = {trap}
    command = {trap}
[filter "trap"]
    clean = {trap}
    smudge = {trap}
    process = {trap}
[gpg]
    program = {trap}
[log]
    showSignature = true
[commit]
    gpgSign = true
"""
    )
    source = FolderSource("kb", repository.pages)
    page = read(source)["kb/a"]
    source.probe()
    (repository.pages / "a.md").write_text("# B\n")
    page = read(source)["kb/a"]
    said = source.write("kb/a", "# C\n", expected_hash=page.content_hash, message="m", author="Cy")
    assert "on branch opstui/a-" in said
    assert not sprung.exists()


def test_without_git_the_file_s_time_is_the_page_s(repository: Repository) -> None:
    repository.commit("a.md", "# A\n")
    source = FolderSource("kb", repository.pages, git="no-such-program")
    page = read(source)["kb/a"]
    assert page.facts.revision is None
    assert page.changed_at is not None
    assert any("git is not installed" in probe.text for probe in source.probe())


def test_a_git_that_hangs_is_left_after_a_while(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a.md", "# A\n")
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    from opstui.adapters.knowledge.git import Git
    from opstui.adapters.knowledge.history import changes, past_of

    hanging = Git(str(repository.pages), program=str(slow), seconds=0.2)
    assert "takes longer" in past_of(hanging).problem
    assert changes(hanging, "HEAD", ["a.md"]) == {}


def test_a_repository_without_a_commit_is_read_as_a_folder(repository: Repository) -> None:
    (repository.pages / "a.md").write_text("# A\n")
    page = read(FolderSource("kb", repository.pages))["kb/a"]
    assert page.facts.revision is None


def test_a_repository_of_somebody_else_is_said_to_be_distrusted(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("a.md", "# A\n")
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    subprocess.run(["chown", "-R", "65534", str(repository.top)], check=True)
    source = FolderSource("kb", repository.pages)
    assert read(source)["kb/a"].facts.revision is None
    warned = [probe for probe in source.probe() if probe.state == "warn"]
    assert "ownership" in warned[0].text
    assert "safe.directory" in warned[0].fix


def test_the_time_is_aware_utc(repository: Repository) -> None:
    repository.commit("a.md", "# A\n")
    page = read(FolderSource("kb", repository.pages))["kb/a"]
    assert page.changed_at == datetime.fromtimestamp(repository.time, UTC)
