"""The estimate of whole sessions, streamed from the stand-in service through the runtime, against its list cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from opstui.adapters.machine import SystemClock
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.rehearsal.service import Rehearsal
from opstui.services.setup import Setup
from opstui.wiring import open_setup
from tests.bench.estimate import CENT, measure


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    opened = open_setup(Settings(), Paths.find({"OPSTUI_HOME": str(tmp_path)}), clock=SystemClock())
    yield replace(opened, shift_budget=None)
    for close in opened.closers:
        close()


def test_sessions_are_estimated_within_two_percent_and_half_a_cent_and_end_with_the_list_cost(setup: Setup) -> None:
    """Two dozen of them; ``tests/bench/estimate.py`` runs hundreds and prints how they are spread."""
    with Rehearsal() as served:
        outcomes = asyncio.run(measure(setup, served, 24, 7))
    exact = sum((one.exact for one in outcomes), Fraction(0))
    assert abs(sum(one.cost.estimate for one in outcomes) - exact) <= exact / 50 + CENT // 2
    assert len({kind for one in outcomes for kind in one.kinds}) >= 5
    assert all(one.cost.is_exact for one in outcomes)
    assert [one.cost.shown for one in outcomes] == [one.cost.reported for one in outcomes]
    # The ledger says the same as the sessions.
    now = setup.clock.now()
    rows = setup.record.ledger(now - timedelta(days=1), now + timedelta(days=1))
    assert sum(row.estimate for row in rows) == sum(one.cost.estimate for one in outcomes)
    assert sum(row.reported or 0 for row in rows) == sum(one.cost.reported or 0 for one in outcomes)
