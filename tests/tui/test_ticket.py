"""Ticket: everything about one, at once, and huge or hostile ones too."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from opstui.core.desk import JudgeSimilar
from opstui.core.text import SafeText, clean
from opstui.core.tickets import TicketRef
from opstui.tui.screens.page import PageScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.ticket import TicketScreen
from opstui.tui.widgets.textview import Para, TextView
from tests.tui.drive import SIZES, lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk, build_ticket

NET = TicketRef("local", "NET-87")


def open_at(key: str = "NET-87") -> dict[str, TicketRef]:
    return {"open_ref": TicketRef("local", key)}


def reader(app: object) -> TextView:
    screen = app.screen  # type: ignore[attr-defined]
    assert isinstance(screen, TicketScreen)
    return screen.text


@pytest.mark.parametrize("size", SIZES)
async def test_title_facts_body_and_timeline_are_there(size: tuple[int, int]) -> None:
    desk = ScriptedDesk()
    async with shown(desk, size, **open_at()) as (app, pilot):
        await until(pilot, lambda: "first look" in text(app))
        whole = "\n".join(para.text or "".join(bit for bit, _ in para.bits) for para in reader(app).paras)
        for words in (
            "DNS timeouts from build agents",
            "sev 2",
            "Lookups from the build agents",
            "restarted node-local-dns",
        ):
            assert words in whole
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {size[0]}


async def test_the_first_look_comes_from_a_thread_and_says_that_it_is_being_made() -> None:
    desk = ScriptedDesk()
    answer = desk._first_look
    may_answer = threading.Event()

    def slow(ref: TicketRef) -> object:
        assert may_answer.wait(20)
        return answer(ref)

    desk._first_look = slow  # type: ignore[assignment,method-assign]
    async with shown(desk, **open_at()) as (app, pilot):
        assert "reading …" in text(app)
        await pilot.press("j")
        assert reader(app).cursor == 1
        may_answer.set()
        await until(pilot, lambda: "did not help" in text(app))


async def test_a_claim_jumps_to_its_line_and_a_runbook_opens_beside_it() -> None:
    desk = ScriptedDesk()
    async with shown(desk, **open_at()) as (app, pilot):
        await until(pilot, lambda: "did not help" in text(app))
        await pilot.press("tab", "tab", "enter")
        view = reader(app)
        para = view.para_at(view.cursor)
        assert para is not None
        assert view.paras[para].mark == "NET-87#2:1"
        await pilot.press("g", "tab", "tab", "tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, PageScreen))
        await until(pilot, lambda: "12  Check whether the upstream" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TicketScreen))


async def test_a_similar_ticket_takes_a_yes_or_a_no_that_can_be_taken_back_and_opens() -> None:
    desk = ScriptedDesk()
    async with shown(desk, (80, 24), **open_at()) as (app, pilot):
        await until(pilot, lambda: "= same  - not" in text(app))
        await until(pilot, lambda: "! superseded by runbooks/CoreDNSErrorsHigh" in text(app))
        await pilot.press("equals_sign")
        assert "this line is no similar ticket" in lines(app)[-1]
        reader(app).jump("similar:local:DESK-2199")
        await pilot.press("equals_sign")
        await until(pilot, lambda: "the same, you 03:14 · both name 10.0.3.3" in text(app))
        await pilot.press("minus")
        await until(pilot, lambda: "not the same, you 03:14" in text(app))
        assert "u takes it back" in text(app)
        await pilot.press("u")
        await until(pilot, lambda: "= same  - not" in text(app))
        said = [command.same for command in desk.commands if isinstance(command, JudgeSimilar)]
        assert said == [True, False, None]
        await pilot.press("enter")
        await until(pilot, lambda: lines(app)[0].endswith("Ticket DESK-2199"))


async def test_that_no_runbook_answers_is_said_on_the_ticket() -> None:
    desk = ScriptedDesk()
    desk.shelf.pages = {}
    async with shown(desk, **open_at()) as (app, pilot):
        await until(pilot, lambda: "runbooks  no page answers this" in text(app))


async def test_sessions_and_drafts_of_the_ticket_open_with_enter() -> None:
    desk = ScriptedDesk()
    desk.add_session("NET-87")
    async with shown(desk, **open_at()) as (app, pilot):
        await until(pilot, lambda: "incident summary" in text(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))


async def test_an_entry_that_comes_in_is_shown_without_moving_the_reader() -> None:
    desk = ScriptedDesk()
    async with shown(desk, **open_at()) as (app, pilot):
        await until(pilot, lambda: "did not help" in text(app))
        await pilot.press("j", "j", "j")
        line = lines(app)[reader(app).region.y + 3]
        ticket = desk.tickets[NET]
        late = replace(ticket.timeline[-1], id="NET-87#4", text=SafeText("it is 10.0.3.3"))
        desk.change("NET-87", timeline=(*ticket.timeline, late), version="1184")
        await until(pilot, lambda: any(para.mark == "NET-87#4" for para in reader(app).paras))
        await until(pilot, lambda: lines(app)[reader(app).region.y + 3] == line, "the line stands where it stood")
        assert reader(app).cursor - reader(app).top == 3


async def test_search_goes_to_matches_and_n_to_the_next() -> None:
    async with shown(ScriptedDesk(), **open_at()) as (app, pilot):
        await until(pilot, lambda: "did not help" in text(app))
        await pilot.press("slash")
        await until(pilot, lambda: app.focused is not None)
        await pilot.press(*"lookups", "enter")
        await until(pilot, lambda: "Lookups" in reader(app).here())
        first = reader(app).cursor
        await pilot.press("n")
        assert "Lookups" in reader(app).here()
        assert reader(app).cursor != first
        await pilot.press("N")
        assert reader(app).cursor == first


@pytest.mark.parametrize(
    "body",
    ["x" * 2_000_000, "word " * 400_000, "line\n" * 131_000, "\n" * 1_000_000, "漢字" * 500_000],
    ids=["one word", "one line", "131,000 lines", "a million blank lines", "wide characters"],
)
async def test_a_huge_body_opens_and_answers_keys_within_a_second(body: str) -> None:
    ticket = build_ticket("BIG-1", "Two megabytes", body=body)
    desk = ScriptedDesk({ticket.ref: ticket})
    async with shown(desk, **open_at("BIG-1")) as (app, pilot):
        await until(pilot, lambda: "Two megabytes" in text(app))
        for key in ("j", "pagedown", "pagedown", "k"):
            before = time.process_time()
            await pilot.press(key)
            assert time.process_time() - before < 1.5, key


async def test_markup_and_control_characters_are_only_text() -> None:
    hostile = "[/] [@click=app.quit]x[/] [INC-12] down [link=file:///etc/passwd]c[/link]"
    ticket = build_ticket(
        "H-1", hostile, body=f"{hostile}\n\x1b]52;c;aGk=\x07\x9b31m\u202egnp", entries=(("comment", hostile, hostile),)
    )
    desk = ScriptedDesk({ticket.ref: ticket})
    async with shown(desk, (160, 45), **open_at("H-1")) as (app, pilot):
        await until(pilot, lambda: "first look" in text(app))
        assert text(app).count("[@click=app.quit]x[/]") >= 3
        assert not any(char in text(app) for char in "\x1b\x9b\x07\u202e")
        assert all(
            not (segment.style and segment.style.link)
            for strip in app.screen._compositor.render_strips()
            for segment in strip
        )


def test_a_text_is_wrapped_only_as_far_as_it_was_looked_at() -> None:
    view = TextView()
    view.paras = [Para(str(number)) for number in range(100_000)]
    view._width = 80
    view._ensure(50)
    assert len(view._lines) == 50


def test_cleaned_tabs_have_a_width() -> None:
    view = TextView()
    view.paras = [Para(clean("a\tb"))]
    view._width = 80
    view._ensure(1)
    assert view._lines[0].text == "a   b"
