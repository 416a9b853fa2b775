"""What every knowledge index promises (``ports.KnowledgeIndex``)."""

from __future__ import annotations

import pytest

from opstui.core.ports import KnowledgeIndex
from opstui.core.text import lines

LINES_OF_A_HIT = 12


class KnowledgeIndexContract:
    """Subclass it with the fixture ``index``: refreshed, with at least one page about a disk that is full and at
    least one that has nothing to do with it."""

    @pytest.fixture
    def index(self) -> KnowledgeIndex:
        raise NotImplementedError

    def test_pages_are_counted(self, index: KnowledgeIndex) -> None:
        assert index.count() >= 2

    def test_a_second_refresh_finds_nothing_changed(self, index: KnowledgeIndex) -> None:
        assert index.refresh() == 0

    def test_a_word_of_a_page_finds_it_and_shows_lines_of_it(self, index: KnowledgeIndex) -> None:
        hits = index.search("disk full")
        assert 0 < len(hits) < index.count()
        for hit in hits:
            page = index.page(hit.doc)
            assert page is not None
            assert hit.title == page.title
            assert 1 <= hit.line_start <= hit.line_end < hit.line_start + LINES_OF_A_HIT
            assert hit.text == "\n".join(lines(page.text)[hit.line_start - 1 : hit.line_end])
            assert 0 < hit.coverage <= 1

    def test_hits_come_best_first_and_no_more_than_asked_for(self, index: KnowledgeIndex) -> None:
        scores = [hit.score for hit in index.search("disk full", limit=50)]
        assert scores == sorted(scores, reverse=True)
        assert len(index.search("disk full", limit=1)) == 1
        assert index.search("disk full", limit=0) == []

    def test_words_that_are_on_no_page_find_nothing(self, index: KnowledgeIndex) -> None:
        assert index.search("qxzzyqq wvvxxq") == []
        assert index.search("") == []

    @pytest.mark.parametrize(
        "query",
        ['"', '"disk', "disk AND", "NOT", "NEAR(disk full, 2)", "title:disk", "disk*", "^disk", "-disk", "(", "{a}: c",
         "'; DROP TABLE x; --", "\x00\x1b[2J", "\ud800", "ﷺ" * 1000, "a " * 20_000],
    )  # fmt: skip
    def test_any_string_is_a_query(self, index: KnowledgeIndex, query: str) -> None:
        assert isinstance(index.search(query), list)

    def test_an_unknown_page_is_none(self, index: KnowledgeIndex) -> None:
        assert index.page("no/such/page") is None

    def test_it_says_how_its_sources_are(self, index: KnowledgeIndex) -> None:
        assert {probe.state for probe in index.probe()} <= {"pass", "warn", "fail"}
