"""When sources are asked, and what happens to their pages if one does not answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.sqlite import Database
from opstui.core.errors import CredentialsRefused, OpstuiError, RateLimited, Unreachable
from opstui.core.knowledge import Page, PageFacts, PageState, Strength
from opstui.core.ports import Probe
from opstui.core.text import SafeText, clean, clean_line


class Wiki:
    """A source elsewhere that answers ``part`` pages at a time, or raises ``fault``."""

    def __init__(self, name: str = "wiki", *, part: int = 100, poll_seconds: float = 600.0) -> None:
        self.name = name
        self.poll_seconds = poll_seconds
        self.has_more = False
        self.texts: dict[str, str] = {}
        self.facts = PageFacts()
        self.fault: OpstuiError | None = None
        self.asked = 0
        self._part = part

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        made = [self._page(name, text) for name, text in sorted(self.texts.items())]
        changed = [page for page in made if known.get(page.doc) != page.content_hash]
        self.has_more = len(changed) > self._part
        return changed[: self._part], [doc for doc in known if doc.partition("/")[2] not in self.texts]

    def probe(self) -> list[Probe]:
        return [Probe(f"knowledge {self.name}", "pass", "reachable", "")]

    def _page(self, name: str, text: str) -> Page:
        content = hashlib.sha256(f"{text}{self.facts}".encode()).hexdigest()
        return Page(f"{self.name}/{name}", clean_line(name), clean(text), content, facts=self.facts)


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wiki() -> Wiki:
    made = Wiki()
    made.texts = {"Disk": "A disk is full.", "Mail": "Mail is late."}
    return made


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def index(database: Database, wiki: Wiki, folder: Path, time: Time) -> SqliteKnowledge:
    return SqliteKnowledge(database, [wiki, FolderSource("kb", folder)], now=time)


def test_a_source_elsewhere_is_asked_when_it_is_due_and_not_before(
    index: SqliteKnowledge, wiki: Wiki, time: Time
) -> None:
    assert index.refresh(due=True) == 2 + 4
    time.now += 599
    assert index.refresh(due=True) == 0
    assert wiki.asked == 1
    time.now += 1
    index.refresh(due=True)
    assert wiki.asked == 2


def test_a_person_may_ask_at_any_time(index: SqliteKnowledge, wiki: Wiki) -> None:
    index.refresh(due=True)
    wiki.texts["New"] = "About quokkas."
    assert index.refresh() == 1
    assert index.search("quokkas")[0].doc == "wiki/New"


def test_the_next_process_knows_when_it_was_asked(
    index: SqliteKnowledge, database: Database, wiki: Wiki, folder: Path, time: Time
) -> None:
    index.refresh()
    SqliteKnowledge(database, [wiki, FolderSource("kb", folder)], now=time).refresh(due=True)
    assert wiki.asked == 1


def test_a_clock_that_was_set_back_silences_nobody(index: SqliteKnowledge, wiki: Wiki, time: Time) -> None:
    index.refresh()
    time.now -= 100_000
    index.refresh(due=True)
    assert wiki.asked == 2


def test_what_has_more_is_asked_on_at_once(database: Database, time: Time) -> None:
    wiki = Wiki(part=3)
    wiki.texts = {f"P{number}": f"Page {number}." for number in range(10)}
    assert SqliteKnowledge(database, [wiki], now=time).refresh() == 10
    assert wiki.asked == 4


def test_in_the_background_a_huge_source_comes_in_over_several_calls(database: Database, time: Time) -> None:
    wiki = Wiki(part=1)
    wiki.texts = {f"P{number}": f"Page {number}." for number in range(30)}
    index = SqliteKnowledge(database, [wiki], now=time)
    first = index.refresh(due=True)
    assert 0 < first < 30
    assert first + index.refresh(due=True) == 30, "it stays due as long as it has more"


def test_a_source_that_does_not_answer_keeps_its_pages_and_stops_nobody(
    index: SqliteKnowledge, wiki: Wiki, folder: Path
) -> None:
    index.refresh()
    wiki.fault = Unreachable("the wiki can't be reached")
    (folder / "New.md").write_text("# Quokkas")
    assert index.refresh() == 1
    assert index.page("wiki/Disk") is not None
    assert {name: str(fault) for name, fault in index.faults().items()} == {"wiki": "the wiki can't be reached"}
    wiki.fault = None
    index.refresh()
    assert index.faults() == {}


@pytest.mark.parametrize(
    ("fault", "pause"), [(Unreachable("no network"), 60), (RateLimited("too many", retry_after=300.0), 300)]
)
def test_a_source_that_failed_is_left_alone_for_a_while(
    index: SqliteKnowledge, wiki: Wiki, time: Time, fault: OpstuiError, pause: int
) -> None:
    wiki.fault = fault
    index.refresh(due=True)
    time.now += pause - 1
    index.refresh(due=True)
    assert wiki.asked == 1
    time.now += 1
    index.refresh(due=True)
    assert wiki.asked == 2


def test_the_next_process_leaves_it_alone_too_and_knows_why(
    index: SqliteKnowledge, database: Database, wiki: Wiki, folder: Path, time: Time
) -> None:
    wiki.fault = CredentialsRefused("the token is not taken")
    index.refresh(due=True)
    other = SqliteKnowledge(database, [wiki, FolderSource("kb", folder)], now=time)
    other.refresh(due=True)
    assert wiki.asked == 1
    [fault] = other.faults().values()
    assert (str(fault), fault.exit_code) == ("the token is not taken", 4)
    assert "wiki" not in other.answered()
    wiki.fault = None
    other.refresh()
    assert index.faults() == {}
    assert index.answered()["wiki"].timestamp() == time.now


def test_a_clock_that_was_set_back_does_not_prolong_a_pause(index: SqliteKnowledge, wiki: Wiki, time: Time) -> None:
    wiki.fault = RateLimited("too many", retry_after=10.0**9)
    index.refresh(due=True)
    time.now += 3601
    index.refresh(due=True)
    assert wiki.asked == 2


def test_only_what_is_here_is_brought_in_where_nobody_may_wait(index: SqliteKnowledge, wiki: Wiki) -> None:
    assert index.refresh_here() == 4
    assert wiki.asked == 0


def test_what_a_page_says_of_itself_comes_back_in_pages_lists_and_hits(index: SqliteKnowledge, wiki: Wiki) -> None:
    wiki.facts = PageFacts(
        state=PageState.UNVALIDATED, owner=SafeText("storage"), codes=(SafeText("ORA-00600"),), revision=SafeText("7")
    )
    index.refresh()
    page = index.page("wiki/Disk")
    assert page is not None
    assert page.facts == wiki.facts
    assert [row.facts for row in index.pages("wiki")] == [wiki.facts, wiki.facts]
    assert [row.doc for row in index.pages()] == sorted(row.doc for row in index.pages())
    assert len(index.pages()) == index.count() == 6
    assert index.pages("nothing") == []
    hit = index.search("ORA-00600")[0]
    assert hit.facts == wiki.facts
    assert hit.doc.startswith("wiki/")


def test_a_page_names_its_source(index: SqliteKnowledge, wiki: Wiki) -> None:
    assert index.source_of("wiki/Disk") is wiki
    assert index.source_of("gone/Disk") is None


@pytest.mark.parametrize("state", [state for state in PageState if not state.is_guidance])
def test_a_page_that_is_no_guidance_comes_behind_one_that_is_and_is_no_answer_beside_it(
    database: Database, time: Time, state: PageState
) -> None:
    old, now = Wiki("a"), Wiki("b")
    old.facts = PageFacts(state=state)
    old.texts = {"DiskFull": "The disk of a database host is full: grow it."}
    now.texts = {"DiskFull": "The disk of a database host is full: grow it. Call storage first."}
    index = SqliteKnowledge(database, [old, now], now=time)
    index.refresh()
    hits = index.search("disk full database host")
    assert [(hit.doc, hit.strength) for hit in hits] == [("b/DiskFull", Strength.STRONG), ("a/DiskFull", Strength.WEAK)]
    assert hits[1].facts.state is state
    now.texts = {"Other": "About mail."}
    index.refresh()
    assert [hit.doc for hit in index.search("disk full database host")] == ["a/DiskFull"]
