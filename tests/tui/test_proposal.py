"""The Proposal screen over a real desk: read, edited, answered, accepted with letters, rejected."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.pages.proposal import Proposal, ProposalState
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.accept_page import AcceptScreen
from opstui.tui.screens.proposal import ProposalScreen
from opstui.tui.terminal.editor import Edited
from opstui.tui.widgets.text_field import CommentField
from tests.services.building import Place
from tests.services.pages_world import BODY, PAGE, TITLE, proposed, solved, world
from tests.tui.drive import lines, text, until

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)  # so that the screen names the folder as the config does
    made = world(tmp_path / "home", Path("kb"))
    yield made
    made.close()


@asynccontextmanager
async def opened(
    place: Place, made: Proposal, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[OpstuiApp, Pilot[int], ProposalScreen]]:
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        app.open("proposal", id=made.id)
        await until(pilot, lambda: isinstance(app.screen, ProposalScreen) and app.screen.view is not None)
        screen = app.screen
        assert isinstance(screen, ProposalScreen)
        yield app, pilot, screen


def page() -> str:
    """What stands in the file."""
    return Path("kb/DnsTimeouts.md").read_text()


def page_is(said: str) -> None:
    """Somebody else writes the file."""
    Path("kb/DnsTimeouts.md").write_text(said)


def found(place: Place, made: Proposal) -> Proposal:
    return place.desk.ask(d.ProposalDetail(made.id)).proposal


async def letters(app: OpstuiApp, pilot: Pilot[int], clock: list[float]) -> str:
    await until(pilot, lambda: isinstance(app.screen, AcceptScreen) and app.screen.arming is not None, "the letters")
    clock[0] += 1
    screen = app.screen
    assert isinstance(screen, AcceptScreen)
    assert screen.arming is not None
    return screen.arming.asked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr(AcceptScreen, "monotonic", staticmethod(lambda: moment[0]))
    return moment


async def test_the_screen_reads_as_it_did(place: Place) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, _):
        await until(pilot, lambda: "Verify: Lookups work again." in text(app) and "p accept" in lines(app)[-1])
        # The status line is every screen's, and counts what the background has found out so far.
        drawn = "\n".join(lines(app)[1:]) + "\n"
    golden = GOLDENS / "proposal-80x24.txt"
    if os.environ.get("OPSTUI_WRITE_PICTURES"):
        golden.write_text(drawn)
    assert drawn == golden.read_text()


@pytest.mark.parametrize("size", [(40, 20), (160, 45)])
async def test_page_and_state_are_seen_on_every_screen(place: Place, size: tuple[int, int]) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made, size) as (app, pilot, _):
        assert "a change of runbooks/DnsTimeouts" in text(app)
        assert "waits for you" in text(app)
        await pilot.press("G", "c")
        await until(pilot, lambda: "miguel" in text(app))
        await pilot.press("escape", "v")
        await until(pilot, lambda: "the whole page" in text(app))


async def test_a_page_is_written_with_two_letters_and_with_nothing_less(place: Place, clock: list[float]) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, _):
        await pilot.press("p")
        await letters(app, pilot, clock)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProposalScreen) and "wrong key" in text(app))
        await pilot.press("p", "x", "y")  # too early to count
        asked = await letters(app, pilot, clock)
        assert "+ 1. Ran `kubectl" in text(app)
        assert page() == PAGE
        await pilot.press(*asked)
        await until(pilot, lambda: "written to" in text(app))
        assert page() == made.text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProposalScreen) and "accepted" in text(app))
        await pilot.press("p")
        assert isinstance(app.screen, ProposalScreen)
    assert found(place, made).decided_by == "alex"


async def test_what_changes_while_letters_are_asked_for_takes_them_away(place: Place, clock: list[float]) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, _):
        await pilot.press("p")
        await letters(app, pilot, clock)
        place.desk.do(d.EditProposal(id=made.id, rev=None, text=f"{made.text}more\n")).unwrap()
        await until(pilot, lambda: isinstance(app.screen, ProposalScreen) and "look at it again" in text(app))
    assert page() == PAGE


async def test_a_check_that_blocks_is_answered_with_a_reason_first(place: Place, clock: list[float]) -> None:
    made = proposed(place, solved(place))
    place.desk.do(d.EditProposal(id=made.id, rev=None, text=f"{made.text}Mail maria.santos@acme.example\n")).unwrap()
    async with opened(place, made) as (app, pilot, screen):
        await until(pilot, lambda: "✗ block private" in text(app))
        await pilot.press("p")
        await until(pilot, lambda: "email in line" in lines(app)[-1])
        assert isinstance(app.screen, ProposalScreen)
        await pilot.press("o", "j", "enter")
        await until(pilot, lambda: "(answered: " in text(app))
        await pilot.press("p")
        asked = await letters(app, pilot, clock)
        assert "private answered" in text(app)
        await pilot.press(*asked)
        await until(pilot, lambda: "written to" in text(app))
        assert screen.answers
    assert found(place, made).overridden == {"private": "missing_fact"}


async def test_what_is_typed_into_the_page_is_kept_as_it_is_typed(place: Place) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, screen):
        await pilot.press("e")
        await until(pilot, lambda: screen.editing and screen.query_one("#page", CommentField).has_focus)
        await pilot.press(*"Mind: ")
        await until(pilot, lambda: "Mind: Worked in" in found(place, made).text)
        assert "kept" in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "· edited" in text(app) and "+ Mind: Worked in" in text(app))
        await pilot.press("u")
        await until(pilot, lambda: found(place, made).text == made.text)


async def test_of_two_who_edit_one_page_the_second_is_asked_whose_text_stays(place: Place) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, screen):
        await pilot.press("e")
        await until(pilot, lambda: screen.editing)
        place.desk.do(d.EditProposal(id=made.id, rev=None, text=f"Theirs\n{PAGE}")).unwrap()
        # The screen learns of it, but what is typed is still typed into what stood there.
        await until(pilot, lambda: screen.view is not None and screen.view.proposal.rev > made.rev)
        await pilot.press("X")
        await until(pilot, lambda: "Whose text stays?" in text(app))
        assert found(place, made).text == f"Theirs\n{PAGE}"
        await pilot.press("j", "enter")
        await until(pilot, lambda: not screen.editing and "+ Theirs" in text(app))


async def test_the_page_opens_in_the_operators_editor(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    made = proposed(place, solved(place))

    class Editor:
        def edit(self, text: str, *, name: str) -> Edited:
            assert name == "DnsTimeouts.md"
            return Edited(text.replace("net-core on-call.", "Call net-core.\x1b[2J"))

    monkeypatch.setattr(ProposalScreen, "editor", Editor())
    async with opened(place, made) as (app, pilot, _):
        await pilot.press("E")
        await until(pilot, lambda: "Call net-core.␛[2J" in found(place, made).text)
        await until(pilot, lambda: "kept" in text(app))


async def test_the_palette_leads_to_a_proposal_by_its_page(place: Place) -> None:
    proposed(place, solved(place))
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("colon", *"proposal")
        await until(pilot, lambda: "Proposal for a page: DNS lookups time out" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProposalScreen) and "waits for you" in text(app))


async def test_a_proposal_is_rejected_with_a_reason(place: Place) -> None:
    made = proposed(place, solved(place))
    async with opened(place, made) as (app, pilot, _):
        await pilot.press("D")
        await until(pilot, lambda: "Reject this proposal" in text(app))
        await pilot.press("escape")
        assert found(place, made).state is ProposalState.OPEN
        await pilot.press("D")
        await until(pilot, lambda: "Reject this proposal" in text(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: "rejected" in text(app) and "missing fact" in text(app))
    assert found(place, made).reason == "missing_fact"
    assert page() == PAGE


async def test_a_page_that_changed_is_shown_and_brought_together(place: Place) -> None:
    made = proposed(place, solved(place))
    page_is(f"{PAGE}\n## Later\n\nby hand\n")
    place.desk.do(d.IndexKnowledge()).unwrap()
    async with opened(place, made, (80, 40)) as (app, pilot, _):
        await until(pilot, lambda: "the page was changed since" in text(app))
        assert "+ by hand" in text(app)
        await pilot.press("p")
        assert isinstance(app.screen, ProposalScreen)
        await pilot.press("R")
        await until(pilot, lambda: "the page was changed since" not in text(app))
    assert "by hand" in found(place, made).text


async def test_markup_and_escapes_of_a_page_are_drawn_as_letters(place: Place) -> None:
    hostile = "[@click=app.quit]x[/] [/] \x1b]52;c;eA==\x07 \u202e"
    page_is(PAGE.replace("net-core on-call.", hostile))
    made = proposed(place, solved(place, TITLE, f"{BODY}\n{hostile}"))
    async with opened(place, made, (80, 40)) as (app, pilot, _):
        await until(pilot, lambda: "[@click=app.quit]x[/] [/]" in text(app))
        assert "\x1b" not in text(app)
        assert "\u202e" not in text(app)
