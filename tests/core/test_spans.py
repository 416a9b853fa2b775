"""Spans that overlap become one, and what has to stay hidden longest gives it its kind."""

from __future__ import annotations

import pytest

from opstui.core.redaction import Span, merged


@pytest.mark.parametrize(
    ("spans", "wanted"),
    [
        ([Span(0, 8, "URL_PASSWORD"), Span(0, 30, "EMAIL")], [Span(0, 30, "URL_PASSWORD")]),
        ([Span(0, 30, "EMAIL"), Span(20, 25, "TOKEN"), Span(24, 40, "PHONE")], [Span(0, 40, "TOKEN")]),
        ([Span(0, 10, "TOKEN"), Span(5, 30, "PRIVATE_KEY")], [Span(0, 30, "PRIVATE_KEY")]),
        ([Span(0, 10, "PHONE"), Span(5, 30, "EMAIL")], [Span(0, 30, "EMAIL")]),
        ([Span(10, 20, "EMAIL"), Span(0, 10, "TOKEN")], [Span(0, 10, "TOKEN"), Span(10, 20, "EMAIL")]),
    ],
)
def test_a_secret_beside_personal_data_stays_a_secret(spans: list[Span], wanted: list[Span]) -> None:
    assert merged(spans) == wanted
