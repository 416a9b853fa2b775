"""What every knowledge index promises (``ports.KnowledgeIndex``), and every source (``ports.KnowledgeSource``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Page
from opstui.core.ports import KnowledgeIndex, KnowledgeSource, PolledSource, RegisteredSource
from opstui.core.text import SafeText, clean, lines

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


class Shelf(Protocol):
    """Where a source's pages come from, in a test's hands. Pages are told by a name of letters and digits."""

    def source(self) -> KnowledgeSource:
        """The source, as a new process makes it."""

    def put(self, name: str, text: str) -> str:
        """Make or change a page there; its doc."""

    def spoil(self, name: str) -> str | None:
        """Make a page whose text can't be had as it is; its doc. None where there is no such thing."""

    def remove(self, name: str) -> None:
        """Delete a page there."""

    def cut(self) -> None:
        """Nobody reaches it any more."""

    def mend(self) -> None:
        """It is reached again."""


def everything(source: KnowledgeSource, known: Mapping[str, str]) -> tuple[dict[str, Page], set[str]]:
    """All that the source has to say until it has no more: doc → page, and docs that are gone."""
    now, pages, gone = dict(known), dict[str, Page](), set[str]()
    for _ in range(1000):
        came, went = source.pages(now)
        for page in came:
            now[page.doc] = page.content_hash
            pages[page.doc] = page
        for doc in went:
            now.pop(doc, None)
            gone.add(doc)
        if not isinstance(source, PolledSource) or not source.has_more:
            return pages, gone
    raise AssertionError("it never has no more")


def hashes(pages: Mapping[str, Page]) -> dict[str, str]:
    """Doc → content hash, as an index knows them."""
    return {doc: page.content_hash for doc, page in pages.items()}


class KnowledgeSourceContract:
    """Subclass it with the fixture ``shelf``, which is empty or has pages that no test touches."""

    @pytest.fixture
    def shelf(self) -> Shelf:
        raise NotImplementedError

    def test_a_page_comes_clean_and_below_the_source_s_name(self, shelf: Shelf) -> None:
        doc = shelf.put("alpha", "The \x1b[31mdisk\u202e is full. **Grow** it.\n\nsecond\u200bline")
        source = shelf.source()
        page = everything(source, {})[0][doc]
        assert doc.startswith(f"{source.name}/")
        for told in (page.title, page.text, page.facts.author, page.facts.owner, page.facts.url, page.facts.revision):
            assert told is None or (isinstance(told, SafeText) and clean(str(told)) == told)
        assert "second" in page.text
        assert not set(page.text) & set("\x1b\u202e\u200b")
        assert page.changed_at is None or page.changed_at.utcoffset() is not None
        assert len(page.content_hash) == 64

    def test_what_is_unchanged_does_not_come_again_also_in_a_new_process(self, shelf: Shelf) -> None:
        shelf.put("alpha", "one")
        source = shelf.source()
        known = hashes(everything(source, {})[0])
        assert everything(source, known) == ({}, set())
        assert everything(shelf.source(), known) == ({}, set())

    def test_what_changed_comes_and_nothing_else(self, shelf: Shelf) -> None:
        doc, other = shelf.put("alpha", "one"), shelf.put("beta", "two")
        source = shelf.source()
        known = hashes(everything(source, {})[0])
        shelf.put("alpha", "one and more")
        pages, gone = everything(source, known)
        assert (set(pages), gone) == ({doc}, set())
        assert "one and more" in pages[doc].text
        assert pages[doc].content_hash != known[doc]
        assert other in known

    def test_what_is_new_comes_and_what_is_gone_is_told(self, shelf: Shelf) -> None:
        doc = shelf.put("alpha", "one")
        source = shelf.source()
        known = hashes(everything(source, {})[0])
        shelf.remove("alpha")
        new = shelf.put("gamma", "three")
        pages, gone = everything(source, known)
        assert (set(pages), gone) == ({new}, {doc})
        assert everything(source, known | hashes(pages))[0] == {}

    def test_a_page_that_came_back_comes_again(self, shelf: Shelf) -> None:
        doc = shelf.put("alpha", "one")
        source = shelf.source()
        known = hashes(everything(source, {})[0])
        shelf.remove("alpha")
        _, gone = everything(source, known)
        shelf.put("alpha", "one")
        assert doc in gone
        assert doc in everything(source, {kept: known[kept] for kept in known if kept not in gone})[0]

    def test_one_bad_page_stops_no_other(self, shelf: Shelf) -> None:
        bad = shelf.spoil("bad")
        if bad is None:
            pytest.skip("not promised: a page that can't be read as it is")
        doc = shelf.put("alpha", "one")
        pages, _ = everything(shelf.source(), {})
        assert doc in pages
        assert bad not in pages or pages[bad].problem

    def test_where_it_can_t_be_asked_it_says_so_and_nothing_is_gone(self, shelf: Shelf) -> None:
        doc = shelf.put("alpha", "one")
        source = shelf.source()
        known = hashes(everything(source, {})[0])
        shelf.cut()
        with pytest.raises(OpstuiError) as caught:
            everything(source, known)
        assert "stays" in str(caught.value)
        assert "fail" in {probe.state for probe in source.probe()}
        shelf.mend()
        assert everything(source, known) == ({}, set())
        assert everything(source, {})[0].keys() >= {doc}

    def test_it_says_how_it_is_and_how_it_is_registered(self, shelf: Shelf) -> None:
        shelf.put("alpha", "one")
        source = shelf.source()
        everything(source, {})
        assert {probe.state for probe in source.probe()} <= {"pass", "warn"}
        assert isinstance(source, RegisteredSource)
        assert source.entry.name == source.name
        assert (source.entry.poll_seconds is not None) == isinstance(source, PolledSource)
