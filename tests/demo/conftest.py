"""The demo's world on a clock that stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.demo.world import seed
from opstui.testing.builders import OwnClock, OwnRandomness


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.fixture
def open_desk(tmp_path: Path, clock: OwnClock) -> Iterator[Callable[[str], LocalTickets]]:
    """Opens an embedded ticket system by the name of its file."""
    opened = []

    def make(name: str) -> LocalTickets:
        desk = LocalTickets(tmp_path / name, name="local", operator="alex", clock=clock, randomness=OwnRandomness())
        opened.append(desk)
        return desk

    yield make
    for desk in opened:
        desk.close()


@pytest.fixture
def world(open_desk: Callable[[str], LocalTickets], clock: OwnClock) -> LocalTickets:
    """The world as it is born."""
    desk = open_desk("desk.db")
    assert seed(desk, clock) == 16
    return desk
