"""Review and Confirm over systems that can do less: said before it is typed, refused with the limit, and undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.drafts import Draft, DraftChanges
from opstui.core.errors import Unreachable
from opstui.core.ports import Capabilities
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.terminal.editor import Edited
from opstui.tui.widgets.text_field import CommentField
from tests.tui.drive import lines, text, until
from tests.tui.far_system import CAN, FarPlace, FarTickets

REF = TicketRef("rt", "12")
ISSUES = Capabilities(
    internal_comments=False, fields=("/status", "/assignee", "/tags"), attachments=False, marker_in_comment=True,
    comment_limit=40, comment_note="whoever reads the repository",
    cant={"internal": "an issue has one kind of comment", "attachments": "its API takes no files",
          "/severity": "labels say it"},
)  # fmt: skip

SAID = "Customers in eu-west see errors. Next update at 03:30 UTC."
"""All that a public comment has to say."""

Make = Callable[..., FarPlace]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A place over a system with these capabilities, one ticket on it read whole."""
    places: list[FarPlace] = []

    def built(capabilities: Capabilities = CAN) -> FarPlace:
        far = FarTickets(capabilities=capabilities)
        far.add("12", "DNS timeouts from build agents")
        place = FarPlace(tmp_path, far)
        places.append(place)
        place.poll()
        place.desk.do(d.RefreshTicket(REF)).unwrap()
        return place

    yield built
    for place in places:
        place.close()


@asynccontextmanager
async def reviewing(
    place: FarPlace, changes: DraftChanges | None = None, row: str | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Pilot[int]]:
    """The app on the Review of a new draft."""
    draft = place.desk.do(d.NewDraft(ticket=REF, changes=changes or DraftChanges())).unwrap()
    app = OpstuiApp(place.desk, now=place.clock.now, environ={})
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        await app.push_screen(ReviewScreen(draft.id, row=row))
        await says(pilot, "REVIEW")
        yield pilot


async def says(pilot: Pilot[int], *words: str) -> None:
    app = pilot.app
    assert isinstance(app, OpstuiApp)
    for word in words:
        await until(pilot, lambda word=word: word in text(app), word)


def kept(place: FarPlace) -> Draft:
    (draft,) = place.desk.ask(d.Drafts(ticket=REF))
    return draft


def shown(pilot: Pilot[int]) -> str:
    assert isinstance(pilot.app, OpstuiApp)
    return text(pilot.app)


async def choose(pilot: Pilot[int], words: str) -> None:
    """Take the choice that reads so."""
    await says(pilot, words)
    await pilot.press("g")
    assert isinstance(pilot.app, OpstuiApp)
    app = pilot.app
    for _ in range(20):
        if any(line.startswith("▌") and words in line for line in lines(app)[10:]):
            break
        await pilot.press("j")
    await pilot.press("enter")


async def test_where_every_comment_is_public_it_is_said_before_one_is_written_and_goes_out_as_that(make: Make) -> None:
    place = make(replace(ISSUES, comment_limit=None))
    async with reviewing(place, row="comment") as pilot:
        await says(pilot, "every comment here is PUBLIC: whoever reads the repository")
        await pilot.press("enter", *SAID, "escape")
        await says(pilot, "PUBLIC · whoever reads the repository")
        await until(pilot, lambda: str(getattr(kept(place).comment(), "to", "")) == SAID)
        await pilot.press("v")
        await says(pilot, "rt takes no internal comments: an issue has one kind of comment")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await says(pilot, f"comment  PUBLIC, whoever reads the repository, {len(SAID)} ch", "type  12  to push")


async def test_letters_beyond_what_the_system_takes_are_not_taken_and_the_limit_is_said(make: Make) -> None:
    place = make(ISSUES)
    async with reviewing(place, row="comment") as pilot:
        await pilot.press("enter", *["x"] * 40)
        field = pilot.app.screen.query_one("#comment", CommentField)
        await until(pilot, lambda: len(field.text) == 40)
        await pilot.press("y")
        await says(pilot, "rt takes 40 characters; that was not taken")
        assert field.text == "x" * 40
        await pilot.press("backspace", "z")
        await until(pilot, lambda: field.text == "x" * 39 + "z")
        await until(pilot, lambda: str(getattr(kept(place).comment(), "to", "")) == "x" * 39 + "z")


class Writes:
    """An editor in which somebody writes this."""

    def __init__(self, text: str) -> None:
        self.text = text

    def edit(self, text: str, *, name: str) -> Edited:
        return Edited(self.text)


async def test_what_was_written_too_long_in_an_editor_is_kept_aside_with_how_much_it_is(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReviewScreen, "editor", Writes("w" * 45))
    async with reviewing(make(ISSUES), row="comment") as pilot:
        await pilot.press("E")
        await says(pilot, "45 characters, and rt takes 40: 5 too many", "yours, kept aside", "w" * 45)


async def test_what_else_can_be_said_is_offered_and_the_rest_has_its_reason(make: Make) -> None:
    async with reviewing(make(ISSUES)) as pilot:
        await pilot.press("g", "enter")
        await says(
            pilot, "what else?", "severity: labels say it", "a file: its API takes no files", "team: rt can't", "owner"
        )  # fmt: skip


async def test_a_second_person_is_refused_while_it_is_typed_and_the_first_one_stays(make: Make) -> None:
    place = make()
    async with reviewing(place) as pilot:
        await pilot.press("g", "enter")
        await choose(pilot, "owner")
        await says(pilot, "one name")
        await pilot.press(*"dana, bo")
        await says(pilot, "rt gives a ticket to one person, and these are 2: dana, bo")
        await pilot.press("backspace", "backspace", "backspace", "backspace", "enter")
        await until(pilot, lambda: [op.to for op in kept(place).ops] == [["dana"]])
        assert "kept aside" not in shown(pilot)


async def test_a_file_is_attached_refused_with_the_limit_dropped_and_brought_back(make: Make, tmp_path: Path) -> None:
    small, large = tmp_path / "a.log", tmp_path / "b.log"
    small.write_bytes(b"x" * 10)
    large.write_bytes(b"x" * 1001)
    place = make()

    async def attach(pilot: Pilot[int], path: Path) -> None:
        await pilot.press("g")
        await until(pilot, lambda: any("▌  + another" in line for line in shown(pilot).split("\n")))
        await pilot.press("enter")
        await choose(pilot, "a file …")
        await says(pilot, "attach which file?")
        await pilot.press(*str(path), "enter")

    async with reviewing(place) as pilot:
        await attach(pilot, large)
        await says(pilot, "b.log has 1,001 bytes, and rt takes files of at most 1,000")
        await attach(pilot, tmp_path / "none")
        await says(pilot, "nothing was attached: No such file or directory")
        await attach(pilot, small)
        await says(pilot, "files     a.log  10 B")
        await pilot.press("G", "delete")
        await says(pilot, "a.log left out; u brings it back")
        await until(pilot, lambda: not kept(place).ops)
        await pilot.press("u")
        await says(pilot, "files     a.log  10 B")


async def test_the_status_question_stands_at_once_and_fills_when_the_system_answers(make: Make) -> None:
    place = make()
    async with reviewing(place) as pilot:
        place.far.reads.clear()
        await pilot.press("g", "enter")
        await choose(pilot, "status")
        await says(pilot, "others: asking rt …", "as it is")
        place.far.reads.set()
        await choose(pilot, "stalled")
        await says(pilot, "open            stalled")
        assert "asking rt" not in shown(pilot)


async def test_a_status_that_can_not_be_asked_for_says_why_in_its_place(make: Make) -> None:
    place = make()
    async with reviewing(place) as pilot:
        place.far.fail = Unreachable("rt: not reachable (connection refused)", system="rt")
        await pilot.press("g", "enter")
        await choose(pilot, "status")
        await says(pilot, "others: rt: not reachable (connection refused)")


async def test_answers_that_come_late_take_no_keys_from_the_comment(make: Make) -> None:
    place = make()
    async with reviewing(place) as pilot:
        place.far.reads.clear()
        await pilot.press("g", "enter")
        await choose(pilot, "status")
        await says(pilot, "others: asking rt …")
        await pilot.press("escape", "j", "enter", "a")
        field = pilot.app.screen.query_one("#comment", CommentField)
        place.far.reads.set()
        await until(pilot, lambda: place.far.asked[-1].startswith("transitions"))
        await pilot.press("b")
        await until(pilot, lambda: field.text == "ab")
        assert "others" not in shown(pilot)


async def test_a_system_that_takes_no_comment_says_so_and_opens_no_field(make: Make) -> None:
    can = replace(CAN, internal_comments=False, public_comments=False, cant={"/comment": "it is read-only"})
    async with reviewing(make(can), row="comment") as pilot:
        await says(pilot, "this system takes none: it is read-only")
        await pilot.press("enter")
        await says(pilot, "rt takes no comments: it is read-only")
        screen: Any = pilot.app.screen
        assert not screen.editing


async def test_whom_another_system_tells_is_not_claimed(make: Make) -> None:
    async with reviewing(make(), DraftChanges(comment="looking")) as pilot:
        await says(pilot, "internal · only operators see it")
        assert "tells" not in shown(pilot)
