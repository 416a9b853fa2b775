"""The dialogue over a system that is asked over a network: what its lists leave out, and what it can't answer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.core.errors import Unreachable
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket
from opstui.plain.dialogue import Dialogue
from tests.cli.shell import Troubled
from tests.services.building import Place


class Elsewhere(Troubled):
    """Its lists hold no timeline, and it can be gone."""

    gone = False

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        self._answer()
        changes = await super().changed_since(queue, None)
        tickets = [replace(one, body=SafeText(""), timeline=(), complete=False) for one in changes.tickets]
        return replace(changes, tickets=tuple(tickets), anew=True)

    async def ticket(self, key: str) -> Ticket:
        self._answer()
        return await super().ticket(key)

    def stirred(self) -> bool:
        return True

    def _answer(self) -> None:
        if self.gone:
            raise Unreachable("local: not reachable")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    system = Elsewhere(made.local)
    system.capabilities = replace(system.capabilities, instant=False)
    object.__setattr__(made.setup, "systems", {"local": system})
    yield made
    made.close()


def talk(place: Place, *lines: str) -> str:
    said = io.StringIO()
    assert Dialogue(place.desk, io.StringIO("".join(f"{line}\n" for line in lines)), said).run() == 0
    return said.getvalue()


def system(place: Place) -> Any:
    return place.setup.systems["local"]


def test_a_ticket_is_read_with_its_timeline_though_the_list_has_none(place: Place) -> None:
    ref = place.ticket("One", body="as it is")
    place.local.comment(ref.key, "bo", "me too")
    said = talk(place, f"ticket {ref}")
    assert "as it is" in said
    assert "me too" in said
    assert "This is live." in said


def test_while_nobody_answers_it_says_what_is_known_and_since_when(place: Place) -> None:
    ref = place.ticket("One", body="as it is")
    system(place).gone = True
    place.clock.move(minutes=5)
    said = talk(place, "queue", f"ticket {ref}")
    assert "Not all is fresh: local: not reachable" in said
    assert "Queue local: 1 open, offline, asked 2026-11-20" in said
    assert "This is offline. Only what its queue tells is known: the timeline is not." in said


def test_what_others_did_meanwhile_is_said_once_it_is_on_the_ticket(place: Place) -> None:
    ref = place.ticket("One")
    desk = place.desk

    class Meanwhile(Dialogue):
        def _ask(self, prompt: str) -> str | None:
            if prompt.startswith("type "):
                place.local.comment(ref.key, "bo", "wait, it is back")
                from opstui.core.desk import PushApproved

                # What the worker does elsewhere.
                self._pause = lambda seconds: desk.do(PushApproved()).unwrap() and None
                return prompt.removeprefix("type").partition("to push")[0].strip()
            return super()._ask(prompt)

    said = io.StringIO()
    lines = f"ticket {ref}\ncomment\nrestarted it\n.\nconfirm\n"
    assert Meanwhile(desk, io.StringIO(lines), said).run() == 0
    assert "It is on the ticket. Meanwhile there: bo, INC-1001#" in said.getvalue()
