"""Confirm: what is sent is seen, and only the letters on the screen send it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual import events

from opstui.core import desk as d
from opstui.core.drafts import DraftChanges, DraftState, Origin, StepState
from opstui.core.errors import Refused
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, TicketRef, TimelineEntry, Visibility
from opstui.tui.arming import ARM_SECONDS, IDLE_SECONDS
from opstui.tui.confirm_lines import confirm_rows
from opstui.tui.lines import rows_text
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.review import ReviewScreen
from tests.tui.draft_desk import NET, SUMMARY, DraftDesk
from tests.tui.screen_test import lines_of, opened, text_of, wait_for, wait_text


class Seconds:
    """A clock that tests move, and letters in the order of the alphabet."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.pairs = iter(["k", "d", "r", "f", "s", "g", "v", "h", "w", "j", "x", "a"])

    def monotonic(self) -> float:
        return self.at

    def choice(self, letters: str) -> str:
        return next(self.pairs)

    def pass_(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(ConfirmScreen, "monotonic", staticmethod(clock.monotonic))
    monkeypatch.setattr(ConfirmScreen, "choice", staticmethod(clock.choice))
    monkeypatch.setattr(ReviewScreen, "monotonic", lambda self: clock.at)
    return clock


@pytest.fixture
def desk() -> DraftDesk:
    return DraftDesk()


async def to_confirm(pilot: Any) -> ConfirmScreen:
    await pilot.press("p")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and "to push" in lines_of(pilot.app)[-1])
    screen = pilot.app.screen
    assert isinstance(screen, ConfirmScreen)
    return screen


ARMED = ARM_SECONDS + 5
"""More than needed: a key's own age is taken off, and the machine may be slow."""


async def test_the_two_letters_push_exactly_what_is_shown(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        screen = await to_confirm(pilot)
        assert lines_of(pilot.app)[-1] == " type  k d  to push     ctrl+g goes back"
        seconds.pass_(ARMED)
        await pilot.press("k", "d")
        await wait_for(pilot, lambda: desk.approved == [draft.id])
        assert screen.confirmation is not None
        approval = next(command for command in desk.commands if isinstance(command, d.ApproveDraft))
        assert approval.fingerprint == screen.confirmation.fingerprint
        await wait_text(pilot, "approved 03:14:09")


async def test_the_comment_is_shown_whole_behind_its_bar(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id), size=(40, 30)) as pilot:
        await to_confirm(pilot)
        barred = [line for line in lines_of(pilot.app) if line.startswith(" ┃")]
        assert " ".join(" ".join(line[2:] for line in barred).split()) == " ".join(SUMMARY.split())


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 40), (160, 45)])
async def test_the_prompt_is_the_lowest_line_at_every_size(
    desk: DraftDesk, seconds: Seconds, size: tuple[int, int]
) -> None:
    draft = desk.new(DraftChanges(comment=SUMMARY * 20))
    async with opened(desk, ReviewScreen(draft.id), size=size) as pilot:
        await to_confirm(pilot)
        lines = lines_of(pilot.app)
        assert lines[-1].startswith(" type  k d  to push")
        assert "ctrl+g goes back" in lines[-1]
        assert len(lines[-1]) <= size[0]
        assert "more lines" in lines[-2]


@pytest.mark.parametrize("early", [("k", "d"), ("k",), ("enter", "space", "y", "k", "d")])
async def test_keys_before_it_is_armed_are_swallowed(desk: DraftDesk, seconds: Seconds, early: tuple[str, ...]) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        await pilot.press(*early)
        assert isinstance(pilot.app.screen, ConfirmScreen)
        seconds.pass_(ARMED)
        assert not desk.approved
        await pilot.press("k", "d")
        await wait_for(pilot, lambda: desk.approved == [draft.id])


async def test_a_first_letter_typed_early_never_counts(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        await pilot.press("k")
        seconds.pass_(ARMED)
        await pilot.press("d")
        await wait_text(pilot, "not pushed: wrong key")
        assert not desk.approved


async def test_type_ahead_that_waited_in_a_busy_loop_is_early(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        screen = await to_confirm(pilot)
        seconds.pass_(ARMED)
        for letter in "kd":
            event = events.Key(letter, letter)
            event.time = time.monotonic() - 6  # typed before the letters were drawn, handled now
            screen.post_message(event)
        await pilot.pause()
        assert not desk.approved
        assert isinstance(pilot.app.screen, ConfirmScreen)


@pytest.mark.parametrize("key", ["enter", "space", "y", "x", "tab", "ctrl+k", "alt+k", "K_", "1"])
async def test_a_wrong_key_closes_it_and_review_says_so(desk: DraftDesk, seconds: Seconds, key: str) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        screen = await to_confirm(pilot)
        seconds.pass_(ARMED)
        if "+" in key or "_" in key:
            screen.post_message(events.Key(key, "k" if "alt" in key else None))
        else:
            await pilot.press(key)
        await wait_text(pilot, "not pushed: wrong key")
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert desk.drafts[draft.id].note == "not pushed: wrong key"
        assert not desk.approved


async def test_after_a_wrong_key_review_is_deaf_for_half_a_second(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        await pilot.press("x")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))
        for key in ("p", "D", "delete", "q", "escape"):
            await pilot.press(key)
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert desk.drafts[draft.id].state is DraftState.PROPOSED
        seconds.pass_(ARM_SECONDS + 0.01)
        await pilot.press("p")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert " type  r f  to push" in lines_of(pilot.app)[-1]


async def test_paste_and_mouse_push_nothing(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        screen = await to_confirm(pilot)
        seconds.pass_(ARMED)
        pilot.app.post_message(events.Paste("kd"))
        await pilot.pause()
        await pilot.click(offset=(7, 23))
        await pilot.click(offset=(9, 23))
        assert pilot.app.screen is screen
        assert not desk.approved
        await pilot.press("k")
        pilot.app.post_message(events.Paste("d"))
        await pilot.pause()
        assert not desk.approved


async def test_resize_draws_new_letters_and_arms_again(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        await pilot.press("k")
        await pilot.resize_terminal(100, 30)
        await wait_for(pilot, lambda: "k d" not in lines_of(pilot.app)[-1])
        first, second = lines_of(pilot.app)[-1].split()[1:3]
        await pilot.press(first, second)
        assert not desk.approved
        assert isinstance(pilot.app.screen, ConfirmScreen)
        seconds.pass_(ARMED)
        await pilot.press(first, second)
        await wait_for(pilot, lambda: desk.approved == [draft.id])


@pytest.mark.parametrize("event", [events.AppFocus, events.AppBlur])
async def test_a_focus_report_draws_new_letters(desk: DraftDesk, seconds: Seconds, event: Any) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        pilot.app.post_message(event())
        await wait_for(pilot, lambda: "k d" not in lines_of(pilot.app)[-1])


async def test_a_minute_without_a_key_draws_new_letters(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(IDLE_SECONDS - 1)
        await pilot.pause(0.15)
        assert "k d" in lines_of(pilot.app)[-1]
        seconds.pass_(2)
        await wait_for(pilot, lambda: " r f " in lines_of(pilot.app)[-1])


async def test_a_public_comment_asks_for_the_end_of_the_key(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new(
        DraftChanges(comment="We are on it.", public=True), ref=TicketRef("local", "PAY-1042"), origin=Origin.OPERATOR
    )
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        assert lines_of(pilot.app)[-1] == " type  1042  to push    ctrl+g goes back"
        assert "PUBLIC, 13 characters" in text_of(pilot.app)
        seconds.pass_(ARMED)
        await pilot.press("1", "0")
        await pilot.resize_terminal(90, 30)
        await wait_for(pilot, lambda: "type  1042" in lines_of(pilot.app)[-1])
        await pilot.press("1", "0", "4", "2")
        assert not desk.approved
        seconds.pass_(ARMED)
        await pilot.press("1", "0", "4", "2")
        await wait_for(pilot, lambda: desk.approved == [draft.id])


@pytest.mark.parametrize("key", ["escape", "ctrl+g", "q"])
async def test_it_goes_back_at_any_moment_and_pushes_nothing(desk: DraftDesk, seconds: Seconds, key: str) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        await pilot.press(key)
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))
        assert not desk.approved
        assert desk.drafts[draft.id].note is None


async def test_a_change_of_the_draft_closes_it_and_says_so(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        await pilot.press("k")
        desk.elsewhere(draft.id, DraftChanges(comment="another text"))
        await wait_text(pilot, "not pushed: the draft or its ticket changed")
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert not desk.approved


async def test_a_change_of_the_same_field_closes_it_and_shows_the_conflict(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        desk.change("NET-87", assignees=(SafeText("miguel"),), version="1184")
        await wait_text(pilot, "not pushed: NET-87: /assignee changed")
        await wait_text(pilot, "t theirs m mine")


async def test_a_comment_of_somebody_else_is_shown_and_stops_nothing(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    ticket = desk.tickets[NET]
    entry = TimelineEntry(
        "NET-87#4", desk.clock, SafeText("dana"), EntryKind.COMMENT, Visibility.INTERNAL, SafeText("me too")
    )
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        desk.change("NET-87", timeline=(*ticket.timeline, entry), version="1184")
        await wait_text(pilot, "! dana comment: me too")
        seconds.pass_(ARMED)
        await pilot.press(*lines_of(pilot.app)[-1].split()[1:3])
        await wait_for(pilot, lambda: desk.approved == [draft.id])


async def test_after_the_letters_the_push_is_followed_to_its_end(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        await pilot.press("k", "d")
        await wait_text(pilot, "approved 03:14:09")
        desk.step(draft.id, DraftState.PUSHING, StepState.SENDING, sent_at=desk.clock, attempts=1)
        await wait_text(pilot, "sending since 03:14:09")
        desk.step(draft.id, DraftState.PUSHING, StepState.UNKNOWN, accepted=True)
        await wait_text(pilot, "sent 03:14:09 · reading back")
        desk.clock += timedelta(seconds=8)
        desk.step(draft.id, DraftState.PUSHING, StepState.UNKNOWN, accepted=False)
        await wait_text(pilot, "unknown: looking, 52 s")
        desk.clock += timedelta(seconds=1)
        await wait_text(pilot, "unknown: looking, 51 s")
        desk.step(
            draft.id, DraftState.PUSHED, StepState.VERIFIED, finished_at=desk.clock, done=True, remote_id="NET-87#4"
        )
        await wait_text(pilot, "on the ticket 03:14:18 · NET-87#4")
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))
        await wait_text(pilot, "on the ticket")


async def test_a_refusal_is_said_and_can_be_left(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        desk.fail = Refused("a second person has to approve this")
        seconds.pass_(ARMED)
        await pilot.press("k", "d")
        await wait_text(pilot, "not pushed: a second person has to approve this")
        await pilot.press("k", "d", "enter")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        await pilot.press("q")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))


async def test_what_is_shown_must_be_what_the_fingerprint_is_of(
    desk: DraftDesk, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.new()
    true = desk._confirm
    monkeypatch.setattr(desk, "_confirm", lambda found: replace(true(found), payload=b"{}"))
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("p")
        await wait_text(pilot, "the fingerprint is not that of the bytes")
        assert not isinstance(pilot.app.screen, ConfirmScreen)


async def test_opened_without_review_a_wrong_key_still_ends_in_review(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    async with opened(desk, ConfirmScreen(draft.id)) as pilot:
        await wait_text(pilot, "to push")
        seconds.pass_(ARMED)
        await pilot.press("x")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))
        await wait_text(pilot, "not pushed: wrong key")


async def test_with_nothing_to_confirm_it_shows_review_instead(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new()
    desk.change("NET-87", assignees=(SafeText("miguel"),), version="1184")
    async with opened(desk, ConfirmScreen(draft.id)) as pilot:
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen))
        await wait_text(pilot, "changed on the ticket since the draft was made")


async def test_ctrl_t_in_the_text_saves_it_first(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new(DraftChanges(comment="before"))
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "!", "ctrl+t")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await wait_text(pilot, "┃before!")


async def test_scrolling_reads_on_and_is_no_answer(desk: DraftDesk, seconds: Seconds) -> None:
    draft = desk.new(DraftChanges(comment="\n".join(f"line {number}" for number in range(60))))
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await to_confirm(pilot)
        seconds.pass_(ARMED)
        await pilot.press("down", "pagedown", "end")
        await wait_text(pilot, "┃line 59")
        assert lines_of(pilot.app)[-1].startswith(" type  k d  to push")
        await pilot.press("home")
        await wait_text(pilot, "┃line 0")


HOSTILE = "\x1b]52;c;aGk=\x07[/] [@click=app.quit]x[/]\u202e\u200b プリンタ \x9b2J"


@pytest.mark.parametrize("size", [(40, 20), (120, 40)])
async def test_hostile_text_is_only_text(desk: DraftDesk, seconds: Seconds, size: tuple[int, int]) -> None:
    desk.tells = (HOSTILE,)
    draft = desk.new(DraftChanges(comment=HOSTILE * 3, set={"/assignee": HOSTILE}, attach=((HOSTILE, b"x"),)))
    desk.change("NET-87", title=SafeText(HOSTILE))
    async with opened(desk, ReviewScreen(draft.id), size=size) as pilot:
        await to_confirm(pilot)
        shown = text_of(pilot.app).replace("\n", "")
        assert not [char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200b"]
        assert lines_of(pilot.app)[-1].startswith(" type  k d  to push")


def test_a_long_value_is_shown_whole() -> None:
    desk = DraftDesk()
    draft = desk.new(DraftChanges(set={"/assignee": ", ".join(f"person{number}" for number in range(30))}))
    shown = rows_text(confirm_rows(desk.ask(d.Confirm(draft.id)), 40))
    assert all(f"person{number}" in " ".join(shown.split()) for number in range(30))


def test_it_fits_forty_columns_as_agreed() -> None:
    desk = DraftDesk()
    draft = desk.new(
        DraftChanges(comment="DNS lookups from the build agents have\nfailed.", set={"/status": "investigating"})
    )
    assert rows_text(confirm_rows(desk.ask(d.Confirm(draft.id)), 40)) == GOLDEN


GOLDEN = """\
 ◆ DNS timeouts from build agents
────────────────────────────────────────
 status   open → investigating
 comment  internal, 46 ch, dana +1
 ┃DNS lookups from the build agents
 ┃have
 ┃failed."""
