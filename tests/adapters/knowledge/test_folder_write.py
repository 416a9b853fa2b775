"""Pages that a person accepted, put into a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.core.errors import Conflict, Refused
from opstui.core.knowledge import Page
from tests.adapters.knowledge.repository import Repository, needs_git

NOON = 1_795_000_000 * 10**9


def source_of(folder: Path, **more: bool) -> FolderSource:
    return FolderSource("kb", folder, now_ns=lambda: NOON, **more)


def page_of(source: FolderSource, doc: str) -> Page:
    return next(page for page in source.pages({})[0] if page.doc == doc)


def write(source: FolderSource, doc: str, text: str, expected: str | None) -> str:
    return source.write(
        doc, text, expected_hash=expected, message="Say how\n\nin two lines", author="Ana <ana@x.example>"
    )


# --- files


def test_a_changed_page_replaces_its_file_with_the_same_rights(folder: Path) -> None:
    file = folder / "disk" / "HostDiskFull.md"
    file.chmod(0o640)
    source = source_of(folder)
    said = write(source, "kb/disk/HostDiskFull", "# new", page_of(source, "kb/disk/HostDiskFull").content_hash)
    assert file.read_text() == "# new\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert str(file) in said
    assert sorted(one.name for one in file.parent.iterdir()) == ["HostDiskFull.md"]


def test_a_page_that_changed_meanwhile_is_left_as_it_is(folder: Path) -> None:
    source = source_of(folder)
    page = page_of(source, "kb/CertificateExpired")
    (folder / "CertificateExpired.md").write_text("# by somebody else")
    with pytest.raises(Conflict, match="changed meanwhile"):
        write(source, page.doc, "# mine", page.content_hash)
    assert (folder / "CertificateExpired.md").read_text() == "# by somebody else"
    (folder / "CertificateExpired.md").unlink()
    with pytest.raises(Conflict, match="gone"):
        write(source, page.doc, "# mine", page.content_hash)
    assert not (folder / "CertificateExpired.md").exists()


def test_a_new_page_is_made_with_its_folders_and_only_if_there_is_none(folder: Path) -> None:
    source = source_of(folder)
    write(source, "kb/new folder/Größe 2", "# new", None)
    assert (folder / "new folder" / "Größe 2.md").read_text() == "# new\n"
    with pytest.raises(Conflict, match="by now"):
        write(source, "kb/new folder/Größe 2", "# other", None)
    assert page_of(source, "kb/new folder/Größe 2").text == "# new\n"


@pytest.mark.parametrize(
    "doc",
    [
        "kb/../out", "kb/a/../../out", "kb//out", "kb/", "kb", "other/a", "kb/.git/hooks/x", "kb/.hidden", "kb/a\nb",
        "kb/a\x1b[2J", "kb/-rf", "kb/a\u202eb", "kb/" + "x" * 200, "kb/a\\b", "kb/con:", "kb/a.", "kb/a /b",
        "kb/" + "a/" * 12 + "b", "kb/\x00", "kb/*", "kb/~root",
    ],
)  # fmt: skip
def test_a_name_that_is_no_plain_one_is_refused(folder: Path, doc: str) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(Refused, match="Nothing was written"):
        write(source_of(folder), doc, "# x", None)
    assert sorted(folder.rglob("*")) == before


def test_no_link_leads_a_new_page_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "way out").symlink_to(outside)
    with pytest.raises(Refused, match="Nothing was written"):
        write(source_of(folder), "kb/way out/x", "# x", None)
    (folder / "x.md").symlink_to(outside / "x.md")
    with pytest.raises((Conflict, Refused), match="Nothing was written"):
        write(source_of(folder), "kb/x", "# x", None)
    assert list(outside.iterdir()) == []


def test_what_a_person_did_not_change_keeps_its_bytes(folder: Path) -> None:
    file = folder / "odd.md"
    file.write_bytes(b"\xef\xbb\xbf# odd\r\nzero\xe2\x80\x8bwidth\r\nold\r\n")
    source = source_of(folder)
    page = page_of(source, "kb/odd")
    assert "⟨200B⟩" in page.text
    write(source, page.doc, page.text.replace("old", "new"), page.content_hash)
    assert file.read_bytes() == b"\xef\xbb\xbf# odd\r\nzero\xe2\x80\x8bwidth\r\nnew\r\n"


def test_a_file_that_is_not_utf8_is_not_written(folder: Path) -> None:
    (folder / "latin.md").write_bytes("# Größe".encode("latin-1"))
    source = source_of(folder)
    with pytest.raises(Refused, match="not UTF-8"):
        write(source, "kb/latin", "# x", page_of(source, "kb/latin").content_hash)


def test_a_source_that_is_not_writable_takes_nothing(folder: Path) -> None:
    source = source_of(folder, writable=False)
    with pytest.raises(Refused, match="writable"):
        write(source, "kb/new", "# x", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_takes_no_file_refuses(folder: Path) -> None:
    (folder / "disk").chmod(0o500)
    try:
        with pytest.raises(Refused, match="Permission denied"):
            write(source_of(folder), "kb/disk/x", "# x", None)
    finally:
        (folder / "disk").chmod(0o700)


# --- commits


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Repository(tmp_path / "repo")
    made.commit("a.md", "# A\n")
    made.commit("other.md", "# other\n")
    return made


@needs_git
def test_a_change_becomes_a_commit_on_a_branch_and_touches_nothing_else(repository: Repository) -> None:
    (repository.pages / "other.md").write_text("# being edited\n")
    (repository.pages / "staged.md").write_text("# staged\n")
    repository.git("add", "kb/staged.md")
    index = (repository.top / ".git" / "index").read_bytes()
    before = repository.git("status", "--porcelain"), repository.git("rev-parse", "HEAD", "main")
    source = source_of(repository.pages)
    said = write(source, "kb/a", "# A\n\nmore\n", page_of(source, "kb/a").content_hash)
    assert (repository.top / ".git" / "index").read_bytes() == index
    assert (repository.git("status", "--porcelain"), repository.git("rev-parse", "HEAD", "main")) == before
    assert (repository.pages / "a.md").read_text() == "# A\n"
    branch = "opstui/a-2026-11-18"
    commit = repository.git("rev-parse", branch)
    assert said == f"committed {commit[:10]} on branch {branch}, merge it to publish"
    assert repository.git("show", f"{branch}:kb/a.md") == "# A\n\nmore"
    assert repository.git("diff", "--name-only", "main", branch) == "kb/a.md"
    assert repository.git("log", "-1", "--format=%an|%ae|%cn|%ct|%s|%b", branch) == (
        "Ana|ana@x.example|Ana|1795000000|Say how|in two lines"
    )


@needs_git
def test_a_branch_that_is_there_already_gets_another_name(repository: Repository) -> None:
    source = source_of(repository.pages)
    known = page_of(source, "kb/a").content_hash
    write(source, "kb/a", "# one", known)
    assert "opstui/a-2026-11-18-2" in write(source, "kb/a", "# two", known)
    assert repository.git("show", "opstui/a-2026-11-18:kb/a.md") == "# one"


@needs_git
def test_a_branch_called_opstui_is_no_obstacle(repository: Repository) -> None:
    repository.git("branch", "opstui")
    source = source_of(repository.pages)
    assert "on branch opstui-a-" in write(source, "kb/a", "# x", page_of(source, "kb/a").content_hash)


@needs_git
def test_a_new_page_is_committed_without_being_in_the_folder(repository: Repository) -> None:
    write(source_of(repository.pages), "kb/deep/New one", "# new", None)
    assert not (repository.pages / "deep").exists()
    assert repository.git("show", "opstui/deep-new-one-2026-11-18:kb/deep/New one.md") == "# new"


@needs_git
def test_what_is_not_committed_is_said_to_be_part_of_it(repository: Repository) -> None:
    (repository.pages / "a.md").write_text("# A\n\nmine\n")
    source = source_of(repository.pages)
    said = write(source, "kb/a", "# A\n\nmine\nand theirs\n", page_of(source, "kb/a").content_hash)
    assert "were not committed are part of it" in said


@needs_git
def test_a_commit_meanwhile_is_a_conflict_only_if_it_changed_the_page(repository: Repository) -> None:
    source = source_of(repository.pages)
    known = page_of(source, "kb/a").content_hash
    repository.commit("other.md", "# changed\n")
    write(source, "kb/a", "# mine", known)
    repository.commit("a.md", "# theirs\n")
    with pytest.raises(Conflict, match="changed meanwhile"):
        write(source, "kb/a", "# mine again", known)


@needs_git
def test_a_page_that_is_as_it_was_makes_no_branch(repository: Repository) -> None:
    source = source_of(repository.pages)
    with pytest.raises(Refused, match="as it was committed before"):
        write(source, "kb/a", "# A\n", page_of(source, "kb/a").content_hash)
    assert repository.git("branch", "--format=%(refname:short)") == "main"


@needs_git
def test_the_first_commit_of_a_repository_can_be_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fresh = Repository(tmp_path / "fresh")
    assert "committed" in write(source_of(fresh.pages), "kb/a", "# a", None)
    assert fresh.git("show", "opstui/a-2026-11-18:kb/a.md") == "# a"


@needs_git
def test_a_folder_that_git_ignores_gets_a_file(repository: Repository) -> None:
    loose = repository.top / "loose"
    loose.mkdir()
    (repository.top / ".gitignore").write_text("loose/\n")
    said = write(source_of(loose), "kb/a", "# a", None)
    assert said.startswith("written to ")
    assert (loose / "a.md").read_text() == "# a\n"


@needs_git
def test_an_odd_author_makes_a_commit_all_the_same(repository: Repository) -> None:
    source = source_of(repository.pages)
    known = page_of(source, "kb/a").content_hash
    for number, author in enumerate(["", "<>", "a\nb <x y>", "Zoë \x00", "...", "- <a@b>"]):
        source.write("kb/a", f"# {number}", expected_hash=known, message="\x1b[31m", author=author)


def test_a_page_that_was_cut_when_it_was_read_is_not_written(folder: Path) -> None:
    (folder / "huge.md").write_bytes(b"# huge\n" + b"0123456789\n" * 100_000)
    source = source_of(folder)
    page = page_of(source, "kb/huge")
    with pytest.raises(Refused, match="too long"):
        write(source, "kb/huge", page.text, page.content_hash)


# --- where it would go, and whether it went ---------------------------------------------------------------------------


def test_a_folder_says_where_a_page_would_go_and_whether_it_is_there(folder: Path) -> None:
    source = source_of(folder)
    assert source.place("kb/disk/New") == f"the file {folder}/disk/New.md"
    assert source.written("kb/disk/New", "# new") is None
    write(source, "kb/disk/New", "# new", None)
    there = source.written("kb/disk/New", "# new\n")
    assert there is not None
    assert str(folder / "disk" / "New.md") in there
    assert source.written("kb/disk/New", "# other") is None
    (folder / "dos.md").write_bytes(b"# a\r\nb\r\n")
    assert source.written("kb/dos", "# a\nb\n") is not None
    with pytest.raises(Refused, match="no name"):
        source.written("kb/../../etc/passwd", "x")


@needs_git
def test_in_a_repository_a_page_that_was_committed_is_found_on_its_branch_and_on_no_other(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repo")
    repository.commit("Page.md", "# page\n")
    source = source_of(repository.pages)
    assert source.place("kb/Page") == f"a commit on a branch of its own in {repository.pages}"
    assert source.written("kb/Page", "# page, changed\n") is None
    repository.git("branch", "somebody/else")
    said = write(source, "kb/Page", "# page, changed\n", page_of(source, "kb/Page").content_hash)
    assert source.written("kb/Page", "# page, changed") == said
    assert source.written("kb/Page", "# page, changed again") is None
    assert source.written("kb/Other", "# page, changed") is None
