"""The estimate of whole sessions, streamed from the stand-in service through the program, against its list cost."""

from __future__ import annotations

from decimal import Decimal

from tests.bench.estimate import measure


def test_sessions_are_estimated_within_two_percent_and_half_a_cent() -> None:
    """A dozen of them; ``tests/bench/estimate.py`` runs hundreds and prints how they are spread."""
    results = measure(12, 7)
    assert len({feature for one in results for feature in one.features}) >= 5
    assert [one for one in results if not one.holds] == []
    exact = sum((one.exact for one in results), Decimal(0))
    assert abs(sum((one.estimate for one in results), Decimal(0)) - exact) <= exact / 50 + Decimal("0.005")
