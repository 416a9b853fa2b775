from __future__ import annotations

import os
from pathlib import Path

import pytest

from opstui.adapters.knowledge import folder as module
from opstui.adapters.knowledge.folder import SIZE_LIMIT, FolderSource, page_title
from opstui.core.errors import Unreachable
from opstui.core.text import lines

LONG_AFTER = 10**19
"""Nanoseconds; every file was settled long before."""


def read(root: Path) -> dict[str, object]:
    pages, gone = FolderSource("kb", root).pages({})
    assert gone == []
    return {page.doc: page for page in pages}


def test_pages_are_named_by_their_path_and_titled_by_what_they_say(folder: Path) -> None:
    titles = {doc: str(page.title) for doc, page in read(folder).items()}  # type: ignore[attr-defined]
    assert titles == {
        "kb/KubePodCrashLooping": "KubePodCrashLooping",
        "kb/disk/HostDiskFull": "Disk of a host is full",
        "kb/CertificateExpired": "TLS certificate expired",
        "kb/MailQueueGrowing": "Mail is delayed",
    }


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("text only", None),
        ("", None),
        ("```\n# not this\n```\n## this one ##", "this one"),
        ("---\nowner: me\n---\n# heading", "heading"),
        ("---\ntitle: 'quoted'\n---\n# heading", "quoted"),
        ('+++\ntitle = "toml"\n+++\n', "toml"),
        ("---\ntitle: never closed\n# heading", "heading"),
        ("#nospace\n# `code` title", "code` title"),
    ],
)
def test_the_title_is_the_front_matters_then_the_first_headings(text: str, title: str | None) -> None:
    assert page_title(text) == title


def test_lines_keep_the_numbers_that_they_have_in_the_file(folder: Path) -> None:
    (folder / "crlf.md").write_bytes(b"\xef\xbb\xbf# one\r\ntwo \x1b[31mred\x1b[0m\r\nthree\x0b\x0c\r\nfour")
    (page,) = [page for page in FolderSource("kb", folder).pages({})[0] if page.doc == "kb/crlf"]
    assert lines(page.text)[3] == "four"
    assert lines(page.text)[0] == "# one"
    assert "\x1b" not in page.text


def test_a_page_that_is_not_utf8_is_read_with_a_problem_that_names_the_line(folder: Path) -> None:
    (folder / "latin.md").write_bytes("# Über\nGröße".encode("latin-1"))
    (page,) = [page for page in FolderSource("kb", folder).pages({})[0] if page.doc == "kb/latin"]
    assert page.problem is not None
    assert "not UTF-8 in line 1" in page.problem
    assert "�ber" in page.text


def test_a_huge_page_is_cut_at_a_line_and_says_so(folder: Path) -> None:
    (folder / "huge.md").write_bytes(b"# huge\n" + b"0123456789\n" * 200_000)
    (page,) = [page for page in FolderSource("kb", folder).pages({})[0] if page.doc == "kb/huge"]
    assert page.problem is not None
    assert "cut after" in page.problem
    assert len(page.text) <= SIZE_LIMIT
    assert page.text.endswith("0123456789\n")


def test_hidden_files_other_files_and_links_that_lead_out_are_left_alone(folder: Path, tmp_path: Path) -> None:
    before = set(read(folder))
    outside = tmp_path / "secret.md"
    outside.write_text("# secret")
    (folder / "out.md").symlink_to(outside)
    (folder / "deep").symlink_to(tmp_path)
    (folder / ".hidden.md").write_text("# hidden")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.md").write_text("# hidden")
    (folder / "notes.txt").write_text("# text")
    (folder / "loop.md").symlink_to("loop.md")
    os.mkfifo(folder / "pipe.md")
    (folder / "inside.md").symlink_to("CertificateExpired.md")
    assert set(read(folder)) - before == {"kb/inside"}
    said = " ".join(probe.text for probe in FolderSource("kb", folder).probe())
    assert "kb/out is a link that leads out of the folder" in said


def test_a_file_that_became_a_link_meanwhile_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# secret")
    (folder / "swapped.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(OSError, match="symbolic link"):
        module.read_page("kb/swapped", str(folder / "swapped.md"), 0)


def test_only_pages_with_other_bytes_come_again_and_missing_ones_are_gone(folder: Path) -> None:
    source = FolderSource("kb", folder)
    known = {page.doc: page.content_hash for page in source.pages({})[0]}
    (folder / "CertificateExpired.md").write_text("# changed")
    (folder / "MailQueueGrowing.md").unlink()
    pages, gone = source.pages(known)
    assert [page.doc for page in pages] == ["kb/CertificateExpired"]
    assert gone == ["kb/MailQueueGrowing"]


def test_a_settled_page_with_unchanged_times_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FolderSource("kb", folder, now_ns=lambda: LONG_AFTER)
    known = {page.doc: page.content_hash for page in source.pages({})[0]}
    read_again = []
    monkeypatch.setattr(module, "read_page", lambda doc, *_: read_again.append(doc))
    assert source.pages(known) == ([], [])
    assert read_again == []


def test_the_times_of_a_page_written_a_moment_ago_are_not_believed(folder: Path) -> None:
    """File systems count in steps, so it may change again without its times showing it."""
    now = (folder / "MailQueueGrowing.md").stat().st_mtime_ns
    source = FolderSource("kb", folder, now_ns=lambda: now + 1_000_000_000)
    source.pages({})
    assert source.stamps == {}
    settled = FolderSource("kb", folder, now_ns=lambda: now + 10_000_000_000)
    settled.pages({})
    assert len(settled.stamps) == 4


def test_a_folder_that_is_not_there_says_so_and_fails_the_probe(tmp_path: Path) -> None:
    source = FolderSource("kb", tmp_path / "nowhere")
    with pytest.raises(Unreachable, match="What was indexed stays"):
        source.pages({"kb/a": "x"})
    (probe,) = source.probe()
    assert probe.state == "fail"
    assert "No such file" in probe.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_kept_and_said_and_the_others_go_on(folder: Path) -> None:
    source = FolderSource("kb", folder)
    known = {page.doc: page.content_hash for page in source.pages({})[0]}
    (folder / "disk").chmod(0)
    (folder / "MailQueueGrowing.md").write_text("# new text")
    (folder / "CertificateExpired.md").chmod(0)
    try:
        pages, gone = source.pages(known)
        probes = source.probe()
    finally:
        (folder / "disk").chmod(0o700)
    assert [page.doc for page in pages] == ["kb/MailQueueGrowing"]
    assert gone == []
    assert {probe.state for probe in probes} == {"pass", "warn"}
    assert sum("Permission denied" in probe.text or "permission denied" in probe.text for probe in probes) == 2


def test_an_unreadable_place_keeps_what_was_known_below_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FolderSource("kb", folder)
    known = {page.doc: page.content_hash for page in source.pages({})[0]}
    listing = module._sorted_entries

    def refuse(path: str) -> list[os.DirEntry[str]]:
        if path.endswith("disk"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(module, "_sorted_entries", refuse)
    assert source.pages(known) == ([], [])
    assert any(probe.state == "warn" and "kb/disk" in probe.text for probe in source.probe())


def test_strange_file_names_become_harmless_ids(folder: Path) -> None:
    (folder / "a\x1b[31m b.md").write_text("text")
    (folder / os.fsdecode(b"\xff\xfe.md")).write_text("text")
    for doc in read(folder):
        assert "\x1b" not in doc
        doc.encode("utf-8")


def test_two_names_that_become_one_id_give_one_page_and_a_note(folder: Path) -> None:
    (folder / "a  b.md").write_text("first")
    (folder / "a b.md").write_text("second")
    assert "kb/a b" in read(folder)
    assert any("two files are called kb/a b" in probe.text for probe in FolderSource("kb", folder).probe())
