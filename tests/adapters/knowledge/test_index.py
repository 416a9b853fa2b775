from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from opstui.adapters.knowledge import folder as folder_module
from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.sqlite import Database
from opstui.core.knowledge import Strength
from opstui.core.text import lines


@pytest.mark.parametrize(
    ("query", "doc"),
    [
        ("pod crash looping", "kb/KubePodCrashLooping"),
        ("KubePodCrashLooping", "kb/KubePodCrashLooping"),
        ("kube_pod_crash_looping", "kb/KubePodCrashLooping"),
        ("certificates expiring", "kb/CertificateExpired"),
        ("host disk full on log-2", "kb/disk/HostDiskFull"),
        ("mails are delayed", "kb/MailQueueGrowing"),
    ],
)
def test_the_page_that_answers_comes_first(index: SqliteKnowledge, query: str, doc: str) -> None:
    hit = index.search(query)[0]
    assert hit.doc == doc
    assert hit.strength is Strength.STRONG


def test_a_hit_quotes_the_lines_of_the_file(index: SqliteKnowledge, folder: Path) -> None:
    hit = index.search("lvextend volume logrotate")[0]
    text = lines((folder / "disk/HostDiskFull.md").read_text())
    assert hit.text == "\n".join(text[hit.line_start - 1 : hit.line_end])
    assert "lvextend" in hit.text
    assert "logrotate" in hit.text
    assert hit.line_end - hit.line_start < 12
    assert hit.changed_at is not None
    assert hit.changed_at.tzinfo is not None


def test_a_hit_by_the_title_alone_shows_more_than_a_heading(index: SqliteKnowledge) -> None:
    hit = index.search("certificate expired")[0]
    assert "Renew it" in hit.text


def test_one_word_of_many_is_no_answer(index: SqliteKnowledge) -> None:
    hits = index.search("coffee machine leaks into the queue of a relay")
    assert hits
    assert all(hit.strength is Strength.WEAK for hit in hits)
    assert all(0 < hit.coverage < 0.5 for hit in hits)


def test_a_page_with_nothing_to_say_is_not_shown(index: SqliteKnowledge) -> None:
    assert index.search("coffee machine on floor three leaks water into the queue of the canteen") == []


def test_a_query_without_a_word_of_any_page_finds_nothing(index: SqliteKnowledge) -> None:
    assert index.search("xylophone") == []


@pytest.mark.parametrize(
    "query",
    ["", " \n\t", "?!…", '"', "''", "\x00", "disk\x00full", "AND", "NOT disk", "title:disk", "disk*", "NEAR(a b)", "^",
     "{title}: x", "\ud800 disk", "🔥", "a" * 20_000, "disk " * 4_000, '"disk" OR "', "-- ; DROP TABLE knowledge_page"],
)  # fmt: skip
def test_any_string_is_a_query(index: SqliteKnowledge, query: str) -> None:
    index.search(query)
    assert index.count() == 4


def test_no_limit_or_a_senseless_one_is_no_error(index: SqliteKnowledge) -> None:
    assert index.search("disk", 0) == []
    assert index.search("disk", -1) == []
    assert len(index.search("disk host mail pod certificate", 2)) == 2


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_hits_point_into_their_page_whatever_was_asked(index: SqliteKnowledge, query: str) -> None:
    for hit in index.search(query + " disk mail"):
        page = index.page(hit.doc)
        assert page is not None
        assert 1 <= hit.line_start <= hit.line_end <= len(lines(page.text))
        assert hit.text == "\n".join(lines(page.text)[hit.line_start - 1 : hit.line_end])
        assert 0 <= hit.coverage <= 1


def test_a_page_comes_back_as_it_was_read(index: SqliteKnowledge, folder: Path) -> None:
    page = index.page("kb/disk/HostDiskFull")
    assert page is not None
    assert page.text == (folder / "disk/HostDiskFull.md").read_text()
    assert index.page("kb/nothing") is None
    assert index.page("\ud800") is None


def test_the_index_follows_its_folder(index: SqliteKnowledge, folder: Path) -> None:
    assert index.refresh() == 0
    (folder / "CertificateExpired.md").write_text("# Wombats\n\nAbout wombats.")
    (folder / "MailQueueGrowing.md").unlink()
    (folder / "New.md").write_text("# Quokkas")
    assert index.refresh() == 3
    assert index.search("wombats")[0].doc == "kb/CertificateExpired"
    assert index.search("quokkas")[0].doc == "kb/New"
    assert index.search("certificate expired") == []
    assert index.page("kb/MailQueueGrowing") is None
    assert index.count() == 4


def test_a_change_rings_the_bell_and_no_change_does_not(
    index: SqliteKnowledge, folder: Path, database: Database
) -> None:
    last = database.bell.last()
    index.refresh()
    assert database.bell.last() == last
    (folder / "New.md").write_text("# New")
    index.refresh()
    assert [(ring.kind, ring.subject) for ring in database.bell.rings(last)] == [("knowledge", "kb")]


def test_pages_are_not_read_again_by_the_next_process(
    folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def long_after() -> int:
        return 10**19

    SqliteKnowledge(database, [FolderSource("kb", folder, now_ns=long_after)]).refresh()
    monkeypatch.setattr(folder_module, "read_page", lambda *_: pytest.fail("it was read again"))
    assert SqliteKnowledge(database, [FolderSource("kb", folder, now_ns=long_after)]).refresh() == 0


def test_a_source_that_is_no_longer_configured_is_never_found(
    index: SqliteKnowledge, folder: Path, database: Database, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Disk.md").write_text("# Disk of the other source")
    moved = SqliteKnowledge(database, [FolderSource("other", other)])
    assert moved.search("disk host") == []
    assert moved.count() == 0
    assert moved.page("kb/CertificateExpired") is None
    assert moved.refresh() == 1 + 4
    assert [hit.doc for hit in moved.search("disk")] == ["other/Disk"]
    assert index.count() == 0


def test_without_sources_nothing_is_found(database: Database) -> None:
    empty = SqliteKnowledge(database, [])
    assert empty.refresh() == 0
    assert empty.search("disk") == []
    assert empty.count() == 0
    assert empty.probe() == []


def test_doctor_names_pages_with_a_problem(index: SqliteKnowledge, folder: Path) -> None:
    (folder / "latin.md").write_bytes(b"# \xff")
    index.refresh()
    assert any(probe.state == "warn" and "kb/latin: not UTF-8" in probe.text for probe in index.probe())
    assert any(probe.state == "pass" for probe in index.probe())


def test_an_empty_page_is_found_by_its_name(index: SqliteKnowledge, folder: Path) -> None:
    (folder / "WombatEscaped.md").write_text("")
    index.refresh()
    hit = index.search("wombat escaped")[0]
    assert (hit.doc, hit.line_start, hit.line_end, hit.text) == ("kb/WombatEscaped", 1, 1, "")


def test_many_threads_search_and_refresh_at_once(index: SqliteKnowledge, folder: Path) -> None:
    wrong: list[object] = []

    def ask() -> None:
        for number in range(30):
            hits = index.search(f"host disk full on log-{number}")
            if not hits or hits[0].doc != "kb/disk/HostDiskFull":
                wrong.append(hits)

    def change() -> None:
        for number in range(10):
            (folder / "CertificateExpired.md").write_text(f"# TLS certificate expired\n\nTry {number}.")
            index.refresh()

    threads = [threading.Thread(target=work) for work in (ask, ask, ask, change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    page = index.page("kb/CertificateExpired")
    assert page is not None
    assert "Try 9." in page.text


def test_two_processes_with_the_same_file_agree(index: SqliteKnowledge, folder: Path, tmp_path: Path) -> None:
    second = Database(tmp_path / "cache.db", full_sync=False)
    try:
        other = SqliteKnowledge(second, [FolderSource("kb", folder)])
        (folder / "New.md").write_text("# Quokkas")
        assert other.refresh() == 1
        assert index.search("quokkas")[0].doc == "kb/New"
        assert index.refresh() == 0
    finally:
        second.close()


def test_a_word_far_down_a_huge_page_is_found(index: SqliteKnowledge, folder: Path) -> None:
    (folder / "Huge.md").write_text("# Huge\n\nBegin here.\n" + "filler line\n" * 40_000 + "quokka\n")
    index.refresh()
    hit = index.search("quokka")[0]
    assert hit.doc == "kb/Huge"
    assert "Begin here." in hit.text


def test_who_only_reads_the_file_can_search_it(index: SqliteKnowledge, folder: Path, tmp_path: Path) -> None:
    reader = Database(tmp_path / "cache.db", full_sync=False, read_only=True)
    try:
        assert (
            SqliteKnowledge(reader, [FolderSource("kb", folder)]).search("host disk full")[0].doc
            == "kb/disk/HostDiskFull"
        )
    finally:
        reader.close()


def test_a_hit_names_the_section_that_its_lines_stand_in(index: SqliteKnowledge) -> None:
    assert index.search("lvextend volume logrotate")[0].section == "Mitigation"
    assert index.search("pod restarts again and again")[0].section in ("KubePodCrashLooping", "Meaning")


def test_names_of_instances_do_not_decide_which_page_answers(index: SqliteKnowledge, folder: Path) -> None:
    (folder / "Prod.md").write_text("# Access to prod-a\n\nAsk for web-0 and web-1 in prod-a.\n")
    index.refresh()
    assert index.search("Disk of prod-a/web-0 is full")[0].doc == "kb/disk/HostDiskFull"
    assert index.search("prod-a/web-0")[0].doc == "kb/Prod"
