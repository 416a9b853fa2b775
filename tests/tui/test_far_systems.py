"""The app over a system that is elsewhere: it is slow, goes away, can do less, and changes under one's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.errors import CredentialsRefused, RateLimited, Unreachable
from opstui.core.ports import Capabilities
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.health import HealthScreen
from opstui.tui.screens.queues import QueuesScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.screens.session import SessionScreen
from opstui.tui.screens.ticket import TicketScreen
from opstui.tui.widgets.table import TicketTable
from opstui.tui.widgets.textview import TextView
from tests.tui.drive import lines, text, until
from tests.tui.far_system import CAN, FarPlace, FarTickets

DNS = TicketRef("rt", "12")


@pytest.fixture
def far() -> FarTickets:
    """Two tickets on a system that answers."""
    made = FarTickets()
    made.add("12", "DNS timeouts from build agents", entries=3)
    made.add("13", "orders-db-2 disk 91 % and growing", severity="3")
    return made


@pytest.fixture
def place(tmp_path: Path, far: FarTickets) -> Iterator[FarPlace]:
    made = FarPlace(tmp_path, far)
    try:
        yield made
    finally:
        made.close()


@asynccontextmanager
async def opened(place: FarPlace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[OpstuiApp, Pilot[int]]]:
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield app, pilot


async def on(pilot: Pilot[int], kind: type[Any]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_there, kind.__name__)


async def says(pilot: Pilot[int], *words: str) -> None:
    """Until all of it stands on the screen."""
    app = pilot.app
    assert isinstance(app, OpstuiApp)
    for word in words:
        await until(pilot, lambda word=word: word in text(app), word)


def table(app: OpstuiApp) -> TicketTable:
    return app.screen.query_one("#table", TicketTable)


def quiet(app: OpstuiApp) -> None:
    """As if the last key were long ago, so that rows may move."""
    app.last_key = -1000.0


# --- queues


async def test_a_queue_that_never_answered_says_that_it_is_asked_and_shows_rows_as_they_come(place: FarPlace) -> None:
    place.far.answers.clear()
    async with opened(place) as (app, pilot):
        await says(pilot, "asking rt …", "Incidents asking")
        await until(pilot, lambda: "list Incidents" in place.far.asked)
        place.clock.move(seconds=3)
        await says(pilot, "asking rt … (3 s)")
        place.far.answers.set()
        await says(pilot, "DNS timeouts", "Incidents 2", "● live")
        assert "asking" not in text(app)


async def test_old_rows_stay_when_the_system_goes_and_a_key_says_why(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        place.far.fail = Unreachable("rt: not reachable (connection refused). What was cached stays", system="rt")
        place.clock.move(minutes=4)
        await pilot.press("r")
        await says(pilot, "offline 4m", "rt: not reachable", "H why")
        assert "DNS timeouts" in text(app)
        await pilot.press("H")
        await on(pilot, HealthScreen)
        await says(pilot, "(connection refused). What was cached stays", "1 of 2 live")
        place.far.fail = None
        await pilot.press("r")
        await says(pilot, "2 of 2 live")
        await pilot.press("escape")
        await on(pilot, QueuesScreen)
        await until(pilot, lambda: "H why" not in text(app))


async def test_a_queue_that_never_answered_at_all_shows_the_words_in_place_of_rows(place: FarPlace) -> None:
    place.far.fail = CredentialsRefused("rt: does not take the token. Set tickets.rt.token in the config")
    place.poll()
    async with opened(place) as (_, pilot):
        await says(pilot, "Incidents error", "Set tickets.rt.token in the config", "nothing of this queue is cached")
        await pilot.press("H")
        await says(pilot, "Doctor (in the palette)")


async def test_a_pause_that_the_system_asks_for_says_until_when(place: FarPlace) -> None:
    place.poll()
    place.clock.move(seconds=20)
    async with opened(place) as (_, pilot):
        await says(pilot, "● live")
        # The desk has begun to keep it live by itself: what is asked for a pause is remembered there.
        await until(pilot, lambda: place.far.asked.count("list Incidents") > 1)
        place.far.fail = RateLimited("rt: asked to wait 6 minutes", system="rt", retry_after=300.0)
        await pilot.press("r")
        await says(pilot, "paused till 03:19", "asked to wait 6 minutes")


async def test_a_queue_that_answers_again_as_before_is_live_without_a_key_or_a_minute(place: FarPlace) -> None:
    place.poll()
    place.clock.move(minutes=5)
    place.far.answers.clear()
    async with opened(place) as (app, pilot):
        await says(pilot, "● stale", "stale 5m")
        place.far.answers.set()
        await until(pilot, lambda: "● live" in lines(app)[0] and "stale" not in text(app))


async def test_changes_in_bulk_leave_the_cursor_on_its_ticket_and_in_sight(place: FarPlace) -> None:
    for number in range(100, 160):
        place.far.add(str(number), f"Request {number}", severity="4")
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "Request 100")
        await pilot.press(*["j"] * 8)
        ref = table(app).current_ref()
        assert ref is not None
        quiet(app)
        for number in range(110, 160):
            place.far.change(str(number), severity="1", title=place.far.tickets[str(number)].title)
        for number in range(200, 240):
            place.far.add(str(number), f"Fresh {number}", severity="2")
        place.far.take_out("13")
        place.poll()
        await until(pilot, lambda: table(app).total() == 62 + 40 - 1)
        await says(pilot, "20+ new ↑")
        assert table(app).current_ref() == ref
        row = lambda: table(app).region.y + table(app).cursor - table(app).top  # noqa: E731
        await until(pilot, lambda: lines(app)[row()].startswith("▌") and ref.key in lines(app)[row()])


async def test_new_and_changed_rows_are_marked_until_they_were_looked_at(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        quiet(app)
        place.far.add("14", "VPN does not connect", severity="2")
        place.far.say("12", "it is 10.0.3.3")
        place.poll()
        row = lambda word: next(line for line in lines(app) if word in line)  # noqa: E731
        await until(pilot, lambda: row("DNS timeouts").endswith(" chg") and row("VPN does").endswith(" new"))
        await pilot.press("g", "enter")
        await on(pilot, TicketScreen)
        await says(pilot, "it is 10.0.3.3")
        await pilot.press("escape")
        await on(pilot, QueuesScreen)
        await until(pilot, lambda: not row("DNS timeouts").endswith(" chg"))
        assert row("VPN does").endswith(" new")


# --- a ticket


async def test_a_ticket_shows_what_is_known_at_once_and_fills_in_under_the_readers_eyes(place: FarPlace) -> None:
    place.far.reads.clear()
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        await pilot.press("enter")
        await on(pilot, TicketScreen)
        await says(pilot, "sev 2 · open", "being read from rt …")
        assert "first look" not in text(app)
        place.clock.move(seconds=4)
        await says(pilot, "(4 s)")
        view = app.screen.query_one("#text", TextView)
        await pilot.press("j")
        here, line = view.here(), view.cursor - view.top
        place.far.reads.set()
        await says(pilot, "note 3", "first look", "about one in eight")
        assert (view.here(), view.cursor - view.top) == (here, line)
        assert "being read" not in text(app)


async def test_a_ticket_that_can_not_be_read_says_why_and_keeps_what_there_is(place: FarPlace) -> None:
    place.poll()
    place.far.reads.clear()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        await pilot.press("enter")
        await says(pilot, "being read from rt …")
        place.far.fail = Unreachable("rt: took too long to answer. What was cached stays", system="rt")
        place.far.reads.set()
        await says(pilot, "not read: rt: took too long to answer", "DNS timeouts")
        place.far.fail = None
        await pilot.press("r")
        await says(pilot, "note 3")
        assert "not read" not in text(app)


async def test_the_preview_reads_the_ticket_on_which_the_cursor_rests(place: FarPlace) -> None:
    place.far.reads.clear()
    place.poll()
    async with opened(place, (120, 40)) as (app, pilot):
        await says(pilot, "being read from rt …")
        place.far.reads.set()
        await says(pilot, "note 3", "about one in eight")
        assert isinstance(app.screen, QueuesScreen)


async def test_what_changed_since_it_was_looked_at_stays_marked_while_it_is_open(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (app, pilot):
        await pilot.press("enter")
        await says(pilot, "note 3")
        await pilot.press("escape")
        await on(pilot, QueuesScreen)
        place.far.become("12", "stalled")
        place.far.say("12", "waits for the vendor")
        place.poll()
        await pilot.press("g", "enter")
        await on(pilot, TicketScreen)
        await says(pilot, "since you looked  status open → stalled · 2 new entries")
        await pilot.press("n")
        view = app.screen.query_one("#text", TextView)
        assert view.mark_here() == "12#4"
        await pilot.press("n")
        assert view.mark_here() == "12#5"
        place.far.say("12", "and again")
        place.poll()
        # It may be read more than once meanwhile, so what counts is what the text says in the end, not where it stands.
        await until(pilot, lambda: "and again" in [para.text for para in view.paras])
        await until(pilot, lambda: "status open → stalled · 3 new entries" in [para.text for para in view.paras])


async def test_a_ticket_that_is_not_here_is_opened_by_its_name_and_asked_for(place: FarPlace) -> None:
    place.far.take_out("12")
    place.far.reads.clear()
    async with opened(place) as (_, pilot):
        await says(pilot, "orders-db-2")
        await pilot.press("colon", *"rt:12")
        await says(pilot, "Open rt:12")
        await pilot.press("enter")
        await on(pilot, TicketScreen)
        await says(pilot, "rt:12 is being fetched …")
        place.far.reads.set()
        await says(pilot, "DNS timeouts", "note 3")
        await pilot.press("escape", "colon", *"rt:99")
        await says(pilot, "Open rt:99")
        await pilot.press("enter")
        await says(pilot, "rt: there is no ticket 99", "r asks again")


async def test_the_link_of_a_ticket_names_its_true_host(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (_, pilot):
        await says(pilot, "DNS timeouts")
        await pilot.press("o")
        await says(pilot, "Open rt.example.com in the browser?")


async def test_your_own_tickets_are_yours_by_the_account_there(place: FarPlace) -> None:
    place.far.change("12", assignees=("alice",))
    place.poll()
    async with opened(place) as (app, pilot):
        await pilot.press("enter")
        await says(pilot, "· you ·")
        await pilot.press("escape")
        await until(pilot, lambda: " you " in next(line for line in lines(app) if "DNS timeouts" in line))


# --- acting


async def test_w_opens_at_once_and_the_statuses_follow_without_moving_the_choice(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        place.far.reads.clear()
        await pilot.press("w")
        await says(pilot, "Take it: assign to me", "Status, snooze, resolve: asking rt …", "one name")
        await pilot.press("j")
        marked = next(line for line in lines(app)[10:] if line.startswith("▌"))
        place.far.reads.set()
        await says(pilot, "Snooze: status stalled", "Resolve: status resolved")
        assert marked in lines(app)[10:]


async def test_w_says_what_the_system_can_not_do_and_why(tmp_path: Path) -> None:
    can = replace(
        CAN, fields=("/severity",), cant={"/assignee": "it has no owners", "/status": "only its rules change it"}
    )
    far = FarTickets(capabilities=can)
    far.add("12", "DNS timeouts from build agents")
    place = FarPlace(tmp_path, far)
    try:
        place.poll()
        async with opened(place) as (_, pilot):
            await says(pilot, "DNS timeouts")
            await pilot.press("w")
            await says(pilot, "Take, reassign: it has no owners", "Status, snooze, resolve: only its rules change it")
            await pilot.press("escape", "a")
            await says(pilot, "rt:12 can't be acknowledged on rt: it has no owners")
            assert not place.desk.ask(d.Drafts())
            assert not [what for what in far.asked if what.startswith("transitions")]
    finally:
        place.close()


async def test_with_the_system_gone_w_still_offers_workflows_and_says_why_no_more(place: FarPlace) -> None:
    place.desk.do(d.RefreshTickets())
    place.desk.do(d.RefreshTicket(DNS)).unwrap()
    async with opened(place) as (_, pilot):
        await says(pilot, "DNS timeouts")
        place.far.fail = Unreachable("rt: not reachable (connection refused)", system="rt")
        await pilot.press("w")
        await says(pilot, "Incident summary", "Status, snooze, resolve: rt: not reachable (connection refused)")
        await pilot.press("escape", "s")
        await on(pilot, SessionScreen)


async def test_a_session_does_not_begin_on_a_ticket_that_was_never_read_whole(place: FarPlace) -> None:
    place.poll()
    place.far.fail = Unreachable("rt: not reachable (connection refused)", system="rt")
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        await pilot.press("s")
        await says(pilot, "rt: not reachable")
        assert isinstance(app.screen, QueuesScreen)
        assert not place.desk.ask(d.Sessions())


async def test_a_slow_system_makes_one_draft_however_often_the_key_is_pressed(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (_, pilot):
        await says(pilot, "DNS timeouts")
        place.far.reads.clear()
        await pilot.press("e", "e", "e")
        await says(pilot, "is being read for your draft")
        place.far.reads.set()
        await on(pilot, ReviewScreen)
        assert len(place.desk.ask(d.Drafts())) == 1


async def test_a_draft_that_comes_late_takes_no_keys_from_what_one_does_meanwhile(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (app, pilot):
        await says(pilot, "DNS timeouts")
        place.far.reads.clear()
        await pilot.press("e", "j")
        place.far.reads.set()
        await says(pilot, "the draft on rt:12 is ready: ! goes to what waits")
        assert isinstance(app.screen, QueuesScreen)
        await pilot.press("exclamation_mark")
        await on(pilot, ReviewScreen)


async def test_acknowledging_names_the_address_and_the_account_on_confirm(place: FarPlace) -> None:
    place.poll()
    async with opened(place) as (_, pilot):
        await says(pilot, "DNS timeouts")
        await pilot.press("a")
        await on(pilot, ConfirmScreen)
        await says(pilot, "CONFIRM  rt:12 → rt as", "to       https://rt.example.com as alice", "owner    – → alice")


async def test_an_alert_is_acknowledged_by_a_silence_with_its_length_and_reason(tmp_path: Path) -> None:
    can = Capabilities(
        public_comments=False, fields=("/status", "/fields/silence_for"), attachments=False, marker_findable=True,
        comment_note="kept with the silence", cant={"/assignee": "Alertmanager has no assignees"},
    )  # fmt: skip
    far = FarTickets("am", can)
    far.statuses = ("silenced",)
    far.add("DiskFull-e7a3", "DiskFull db", severity="3")
    place = FarPlace(tmp_path, far)
    try:
        place.poll()
        async with opened(place) as (_, pilot):
            await says(pilot, "DiskFull db")
            await pilot.press("a")
            await on(pilot, ConfirmScreen)
            await says(pilot, "open → silenced", "silence_for", "→ 2h", "looks into it", "kept with the silence")
            await pilot.press("ctrl+g")
            await on(pilot, QueuesScreen)
            await pilot.press("w")
            await says(pilot, "Silence …", "Take, reassign: Alertmanager has no assignees")
            await pilot.press("G", "k", "enter")
    finally:
        place.close()
