"""The app over a real desk on a folder of its own: the main path, with the store and the ticket system there really."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.drafts import DraftState
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.ticket import TicketScreen
from opstui.tui.widgets.text_field import CommentField
from tests.services.building import Place
from tests.tui.drive import text, until


@pytest.fixture
def place(tmp_path: Path) -> Any:
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.close()


@asynccontextmanager
async def opened(desk: DeskService, place: Place) -> AsyncIterator[tuple[OpstuiApp, Pilot[int]]]:
    app = OpstuiApp(desk, now=place.clock.now, environ={})
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        yield app, pilot


async def on(pilot: Pilot[int], kind: type[Any]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_there, kind.__name__)


def only_draft(place: Place, ref: TicketRef) -> Any:
    (found,) = place.desk.ask(d.Drafts(ticket=ref))
    return found


async def test_what_is_typed_is_in_the_store_within_a_second_and_the_next_start_stands_there(place: Place) -> None:
    ref = place.ticket("DNS timeouts from build agents", severity="2")
    async with opened(place.desk, place) as (app, pilot):
        assert "DNS timeouts" in text(app)
        await pilot.press("e")
        await on(pilot, ReviewScreen)
        await pilot.press("enter", *"Looking at it")
        await until(pilot, lambda: "kept" in text(app))
        await until(pilot, lambda: str(getattr(only_draft(place, ref).comment(), "to", "")) == "Looking at it")
        await pilot.press("left", "left")
        await until(pilot, lambda: (place.desk.ask(d.ViewState("app")) or {})["stack"][-1].get("caret") == [0, 11])
    # Nothing was closed or left by hand: a second app over the same folder is what comes after a kill.
    async with opened(place.desk, place) as (app, pilot):
        await on(pilot, ReviewScreen)
        field = app.screen.query_one("#comment", CommentField)
        await until(pilot, lambda: field.has_focus)
        assert field.cursor_location == (0, 11)
        await pilot.press("x")
        assert field.text == "Looking at xit"


async def test_acknowledging_again_confirms_the_draft_that_is_there(place: Place) -> None:
    ref = place.ticket("DNS timeouts from build agents", severity="2")
    async with opened(place.desk, place) as (_, pilot):
        for _again in range(2):
            await pilot.press("a")
            await on(pilot, ConfirmScreen)
            await pilot.press("ctrl+g")
            await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
    assert only_draft(place, ref).state is DraftState.EDITED


async def test_a_comment_goes_out_as_it_was_confirmed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = place.ticket("DNS timeouts from build agents", severity="2")
    seconds = [100.0]
    monkeypatch.setattr(ConfirmScreen, "monotonic", staticmethod(lambda: seconds[0]))
    async with opened(place.desk, place) as (_, pilot):
        await pilot.press("e")
        await on(pilot, ReviewScreen)
        await pilot.press("enter", *"Checked.", "ctrl+t")
        await on(pilot, ConfirmScreen)
        screen = pilot.app.screen
        assert isinstance(screen, ConfirmScreen)
        await until(pilot, lambda: "to push" in text(pilot.app))  # type: ignore[arg-type]
        seconds[0] += 1.0
        assert screen.arming is not None
        await pilot.press(*screen.arming.asked)
        await until(pilot, lambda: only_draft(place, ref).state is DraftState.APPROVED)
    assert place.spawned
    assert str(only_draft(place, ref).comment().to) == "Checked."
    assert place.desk.ask(d.VerifyAudit()).ok


async def test_a_change_of_the_ticket_elsewhere_is_on_the_screen_without_a_key(place: Place) -> None:
    ref = place.ticket("DNS timeouts from build agents", severity="3")
    async with opened(place.desk, place) as (app, pilot):
        place.local.change(ref.key, "dana", {"/severity": "1"})
        place.desk.do(d.RefreshTickets()).unwrap()
        await until(pilot, lambda: "▲" in text(app))


async def test_a_summary_is_started_once_however_often_the_key_is_pressed(place: Place) -> None:
    ref = place.ticket("DNS timeouts from build agents", severity="2")
    async with opened(place.desk, place) as (_, pilot):
        await pilot.press("enter")
        await on(pilot, TicketScreen)
        await pilot.press("s")
        await on(pilot, SessionScreen)
        await pilot.press("b")
        await on(pilot, TicketScreen)
        await pilot.press("s")
        await on(pilot, SessionScreen)
        assert len(place.desk.ask(d.Sessions(ticket=ref))) == 1


async def test_read_only_keeps_nothing_but_where_one_stood(tmp_path: Path) -> None:
    first = Place(tmp_path)
    ref = first.ticket("DNS timeouts from build agents", severity="2")
    first.close()
    place = Place(tmp_path, read_only=True)
    try:
        async with opened(place.desk, place) as (app, pilot):
            for key in ("s", "x", "e", "a"):
                await pilot.press(key)
                await until(pilot, lambda: "read-only" in text(app).split("\n")[-1])
            assert not place.desk.ask(d.Drafts(ticket=ref))
            assert not place.desk.ask(d.Sessions(ticket=ref))
    finally:
        place.close()
