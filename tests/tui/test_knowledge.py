"""Knowledge: a search as it is typed, pages with their state and age, and what there is to read."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest

from opstui.core import desk as d
from opstui.core.errors import StoreDamaged
from opstui.core.knowledge import PageState
from opstui.core.marking import Marker
from opstui.core.text import SafeText, clean, clean_line
from opstui.tui.knowledge_rows import Shelf as Overview, hit_rows, marked_line, shelf_rows
from opstui.tui.lines import rows_text, width_of
from opstui.tui.newest import Newest
from opstui.tui.page_text import PageText
from opstui.tui.screens.knowledge import KnowledgeScreen
from opstui.tui.screens.page import PageScreen
from opstui.tui.ticket_beside import runbooks, similar
from opstui.tui.widgets.textview import TextView
from tests.behaviours.hostile import TEXTS
from tests.tui.draft_desk import DraftDesk
from tests.tui.screen_test import lines_of, opened, text_of, wait_for, wait_text
from tests.tui.shelf import NOW, PAGES, Shelf, page

HOSTILE = "\x1b]52;c;aGk=\x07[/] [@click=app.quit]x[/]\u202e\u200b dns \x9b2J"


def rows_of(query: str, width: int) -> str:
    return rows_text(hit_rows(Shelf().hits(query), query, NOW, width))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_hits_read_as_agreed_at_80_columns() -> None:
    assert rows_of("dns", 80) == HITS


@pytest.mark.parametrize("width", [40, 64, 80, 120])
def test_every_row_fits_and_says_state_owner_and_age(width: int) -> None:
    rows = hit_rows(Shelf().hits("dns"), "dns", NOW, width)
    assert all(width_of(drawn) <= width for row in rows for drawn in row.lines)
    said = " ".join(rows_text(rows).split())
    assert "superseded by runbooks/CoreDNSErrorsHigh" in said
    assert "net-core · changed 21d ago by" in said
    shelf = Overview(pages=Shelf().answer(d.KnowledgePages()), faults=Shelf().faults)
    overview = shelf_rows(shelf, NOW, width)
    assert all(width_of(drawn) <= width for row in overview for drawn in row.lines)
    assert "what is indexed of it is kept" in " ".join(rows_text(overview).split())


def test_that_no_page_answers_is_said_with_the_weak_ones_below_it() -> None:
    said = rows_of("restart", 80).split("\n")
    assert said[0] == " ✗ no page answers this"
    assert said[1].strip().startswith("weak: they share words with it")
    assert any("DNS: restart the cache" in text for text in said[2:])
    assert rows_of("zzz", 80) == " ✗ no page answers this"


def test_the_matched_words_are_marked_by_more_than_colour() -> None:
    spans = marked_line("The disks of orders-db fill up", Marker("disk filling"), 60)
    assert [span.text for span in spans if span.style == "found"] == ["disks", "fill"]


def test_a_long_line_begins_where_its_first_match_shows() -> None:
    drawn = marked_line("x " * 200 + "disk and more", Marker("disk"), 40)
    assert "disk" in "".join(span.text for span in drawn)
    assert width_of(drawn) <= 40


def test_a_page_of_a_megabyte_is_made_a_line_at_a_time() -> None:
    huge = page("runbooks/Huge", "Huge", "line\n" * 200_000, 1)
    text = PageText(huge, NOW, lines=(3, 4), query="line")
    assert len(text) > 200_000
    assert text[len(text) - 3].mark == "line:199999"


# --- the screen -------------------------------------------------------------------------------------------------------


async def test_pages_are_found_as_they_are_typed_and_open_at_the_matched_lines() -> None:
    desk = DraftDesk()
    async with opened(desk, KnowledgeScreen()) as pilot:
        await wait_text(pilot, "4 pages · type to search them")
        overview = text_of(pilot.app)
        assert "1 waits for a person" in overview
        assert "✎ amend  CoreDNSErrorsHigh" in overview
        assert "not reachable (connection refused); what is indexed of it is" in overview
        assert "review overdue 12d" in overview
        await pilot.press(*"dns")
        await wait_text(pilot, "2 pages, 1 strong")
        assert "12  Check whether the upstream resolvers answer" in text_of(pilot.app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, PageScreen))
        await wait_text(pilot, "runbooks/CoreDNSErrorsHigh · owner net-core · changed 21d ago by dana")
        text = pilot.app.screen.query_one(TextView)
        assert text.mark_here() == "line:12"
        await pilot.press("n")
        assert text.mark_here() == "line:13"
        await pilot.press("escape", *"zzz")
        await wait_text(pilot, "✗ no page answers this")
        # The query is there again after a restart.
        assert pilot.app.screen.kept()["query"] == "dnszzz"  # type: ignore[attr-defined]
        await pilot.press("ctrl+u")
        await wait_text(pilot, "4 pages · type to search them")
        await pilot.press("down", "down", "enter")
        await wait_text(pilot, "pages of wiki")
        await pilot.press("escape")
        await wait_text(pilot, "pages that want a look")


async def test_a_slow_answer_never_replaces_a_newer_one_and_never_holds_up_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, slow = DraftDesk(), Event()
    asked: list[str] = []
    answer = desk.shelf.answer

    def slowly(question: d.Question[object]) -> object:
        if isinstance(question, d.KnowledgeSearch):
            asked.append(question.query)
            if question.query == "d":
                slow.wait(30)
        return answer(question)

    monkeypatch.setattr(desk.shelf, "answer", slowly)
    async with opened(desk, KnowledgeScreen()) as pilot:
        await pilot.press("d")
        await wait_for(pilot, lambda: asked == ["d"])
        await pilot.press(*"ns")
        shown = text_of(pilot.app)
        assert " dns" in shown
        assert "searching …" in shown
        assert "no page answers" not in shown
        slow.set()
        await wait_text(pilot, "2 pages, 1 strong")
        assert asked == ["d", "dns"]


async def test_a_search_that_fails_says_why_and_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = DraftDesk()
    answer = desk.shelf.answer

    def broken(question: d.Question[object]) -> object:
        if isinstance(question, d.KnowledgeSearch) and question.query == "d":
            raise StoreDamaged("the index can't be read; it is made anew", file="cache.db")
        return answer(question)

    monkeypatch.setattr(desk.shelf, "answer", broken)
    async with opened(desk, KnowledgeScreen()) as pilot:
        await pilot.press("d")
        await wait_text(pilot, "✗ the index can't be read")
        assert "no page answers" not in text_of(pilot.app)
        assert "searching" not in text_of(pilot.app)
        await pilot.press(*"ns")
        await wait_text(pilot, "2 pages, 1 strong")


async def test_what_cannot_be_asked_is_said_and_the_next_question_is_asked() -> None:
    desk = DraftDesk()
    async with opened(desk, PageScreen("runbooks/Gone")) as pilot:
        await wait_text(pilot, "there is no page runbooks/Gone")
        newest = Newest(pilot.app, "the page")  # type: ignore[arg-type]
        told: list[object] = []
        newest.ask(d.KnowledgePage("runbooks/Gone"), told.append)
        await wait_text(pilot, "there is no page runbooks/Gone in the runbooks")
        newest.ask(d.KnowledgePage("runbooks/DnsOld"), told.append)
        await wait_for(pilot, lambda: told == [PAGES[1]])


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 36), (160, 45)])
async def test_hostile_pages_are_only_text_at_every_size(size: tuple[int, int]) -> None:
    desk, bad = DraftDesk(), SafeText(HOSTILE)
    facts = replace(PAGES[0].facts, owner=bad, author=bad, state=PageState.SUPERSEDED, superseded_by=bad, tags=(bad,))
    made = replace(PAGES[0], doc="runbooks/x", title=bad, text=SafeText(f"{HOSTILE}\n" * 30), facts=facts, problem=bad)
    desk.shelf.pages = {"runbooks/x": made, PAGES[0].doc: PAGES[0]}
    desk.shelf.faults = {HOSTILE: HOSTILE}
    async with opened(desk, KnowledgeScreen("dns"), size=size) as pilot:
        await wait_text(pilot, "2 pages")
        for key in ("down", "enter", "j", "n"):
            await pilot.press(key)
            await pilot.pause()
            shown = "".join(lines_of(pilot.app))
            assert not [char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200b"]


@pytest.mark.parametrize("width", [40, 120])
def test_what_hostile_agents_and_pages_say_stays_in_its_line(width: int) -> None:
    for text in map(clean, TEXTS):
        line = clean_line(text)
        facts = replace(PAGES[0].facts, owner=line, author=line, superseded_by=line)
        hit = replace(Shelf().hits("dns")[0], title=line, text=text, section=line, facts=facts)
        made = replace(PAGES[0], title=line, text=text, facts=facts, problem=line)
        page_row = replace(Shelf().answer(d.KnowledgePages())[0], title=line, facts=facts, problem=line)
        rows = [
            *hit_rows((hit,), text, NOW, width),
            *shelf_rows(Overview(pages=(page_row,), faults={line: line}), NOW, width),
        ]
        assert all(width_of(drawn) <= width for row in rows for drawn in row.lines)
        paras = [*PageText(made, NOW, query=text), *runbooks((hit,), NOW)]
        similar_one = replace(Shelf().similar[0], title=line, shared=(line,), reason=line, by=line, verdict="yes")
        paras += similar((similar_one,), NOW, "UTC", lambda key: key, me="alex", with_system=True)
        said = "".join(para.text for para in paras) + rows_text(rows).replace("\n", "")
        assert not [char for char in said if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e"]


async def test_a_wide_screen_shows_the_page_beside_its_hit_and_what_there_is_beside_both() -> None:
    desk = DraftDesk()
    async with opened(desk, KnowledgeScreen("dns"), size=(160, 45)) as pilot:
        await wait_text(pilot, "Step 16: look at resolver 16")
        assert "✗ wiki" in text_of(pilot.app)
        await pilot.press("down")
        await wait_text(pilot, "! superseded by runbooks/CoreDNSErrorsHigh")
        await wait_text(pilot, "1  Restart it.")


HITS = """\
 ■ CoreDNSErrorsHigh                                                     strong
   runbooks/CoreDNSErrorsHigh:12 › Diagnosis net-core · changed 21d ago by dana
     12  Check whether the upstream resolvers answer: `dig @10.0.3.3 build.int…
     13  A resolver that needs more than 100 ms is a slow one; DNS clients giv…
   weak: they share words with it, and may be about something else
 □ DNS: restart the cache                                                  weak
   runbooks/DnsOld:1                        net-core · changed 620d ago by dana
   ! superseded by runbooks/CoreDNSErrorsHigh
      1  Restart it."""
