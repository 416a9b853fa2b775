"""The handover on screen: walked through, said in other words, read back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from opstui.core.desk import HandoverDetail, Handovers, ReadBackHandover, SettleSection
from opstui.core.document_kinds.handover import SECTIONS
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.handover import HandoverScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.shift import ShiftScreen
from opstui.tui.terminal.editor import Edited
from tests.services.building import Place
from tests.services.night import BOARD, handed, night
from tests.tui.drive import lines, text, until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    night(made)
    yield made
    made.close()


@asynccontextmanager
async def walking(place: Place, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[OpstuiApp, Pilot[int]]]:
    """The screen of a fresh handover, or of the one there is."""
    there = place.desk.ask(Handovers())
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.push_screen(HandoverScreen(there[0].id if there else handed(place).id))
        await until(pilot, lambda: "HANDOVER" in text(app), "the screen is open")
        yield app, pilot


def screen(app: OpstuiApp) -> HandoverScreen:
    assert isinstance(app.screen, HandoverScreen)
    return app.screen


def settled(place: Place) -> int:
    return place.desk.ask(Handovers())[0].settled


def walk(place: Place) -> None:
    """Settle everything, elsewhere."""
    for name in SECTIONS:
        row = place.desk.ask(Handovers())[0]
        place.desk.do(SettleSection(id=row.id, rev=row.rev, section=name)).unwrap()


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (160, 45)])
async def test_it_fits_each_size(place: Place, size: tuple[int, int]) -> None:
    async with walking(place, size) as (app, pilot):
        await pilot.press("j", "c")
        await until(pilot, lambda: "┃" in text(app), "the cited lines show")
        assert all(len(line) <= size[0] for line in lines(app))


async def test_n_settles_section_after_section_and_ends_at_the_read_back(place: Place) -> None:
    async with walking(place) as (app, pilot):
        for count in range(1, len(SECTIONS) + 1):
            await pilot.press("n")
            await until(pilot, lambda wanted=count: settled(place) == wanted)  # type: ignore[misc]
        await until(pilot, lambda: screen(app).rows.cursor == "read_back")
        assert "waits for the read-back" in text(app)


async def test_what_is_typed_is_kept_and_settled_by_its_own_key(place: Place) -> None:
    async with walking(place) as (app, pilot):
        await pilot.press("enter", "ctrl+a", *"Two matter. ")
        await pilot.press("escape")
        await until(pilot, lambda: "typed, not settled" in text(app))
        assert settled(place) == 0
        # On a slow machine it is kept several times while it is typed.
        name = f"handover:{screen(app).handover_id}"
        await until(pilot, lambda: "Two matter. " in str(place.setup.cache.view_state(name)))
    async with walking(place) as (app, pilot):  # the next start has it
        assert "typed, not settled" in text(app)
        await pilot.press("enter", "ctrl+t")
        await until(pilot, lambda: settled(place) == 1)
        view = place.desk.ask(HandoverDetail(screen(app).handover_id))
        assert "Two matter. " in view.sections[0].text


async def test_an_item_is_marked_and_the_section_waits_all_the_same(place: Place) -> None:
    async with walking(place) as (app, pilot):
        await pilot.press("j", "space", "j", "delete")
        find = HandoverDetail(screen(app).handover_id)
        await until(pilot, lambda: [i.mark for i in place.desk.ask(find).sections[0].items] == ["done", "dropped", ""])
        assert settled(place) == 0


async def test_the_editor_writes_a_section_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Written:
        def edit(self, text: str, *, name: str) -> Edited:
            return Edited(f"In short: {len(text.splitlines())} tickets")

    monkeypatch.setattr(HandoverScreen, "editor", Written())
    async with walking(place) as (app, pilot):
        await pilot.press("E", "n")
        await until(pilot, lambda: settled(place) == 1)
        assert place.desk.ask(HandoverDetail(screen(app).handover_id)).sections[0].text == "In short: 3 tickets"


async def test_only_the_receivers_name_closes_it(place: Place) -> None:
    async with walking(place) as (app, pilot):
        walk(place)
        await until(pilot, lambda: "waits for the read-back" in text(app))
        await pilot.press("p", *"bo", "enter")
        await until(pilot, lambda: screen(app).is_editing)
        await pilot.press("Y", "e", "s", "full_stop", "ctrl+t")
        await until(pilot, lambda: "understood otherwise" in text(app))
        await pilot.press(*"db2", "enter")
        await until(pilot, lambda: "What else?" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "type bo" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "not closed" in text(app))
        await pilot.press("p", "enter")
        await until(pilot, lambda: screen(app).is_editing)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "What else?" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "type bo" in text(app))
        await pilot.press(*"bo", "enter")
        await until(pilot, lambda: "still the contact" in text(app))
    view = place.desk.ask(HandoverDetail(place.desk.ask(Handovers())[0].id))
    assert view.read_back is not None
    assert (view.read_back.by, view.read_back.text) == ("bo", "Yes.")
    assert view.read_back.corrections == ("db2",)


async def test_a_closed_one_takes_nothing_more(place: Place) -> None:
    async with walking(place) as (app, pilot):
        walk(place)
        row = place.desk.ask(Handovers())[0]
        place.desk.do(ReadBackHandover(id=row.id, rev=row.rev, by="dana", text="Understood.")).unwrap()
        await until(pilot, lambda: "still the contact" in text(app))
        await pilot.press("g", "enter")
        await until(pilot, lambda: "the handover is closed" in text(app))
        assert not screen(app).is_editing


async def test_one_key_on_the_shift_writes_one_or_opens_the_one_there_is(place: Place) -> None:
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.push_screen(ShiftScreen())
        await until(pilot, lambda: isinstance(app.screen, ShiftScreen) and app.screen.is_there)
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        assert [one.ticket for one in place.setup.record.sessions()] == [BOARD]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ShiftScreen))
        handed(place, again=True)
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, HandoverScreen))
