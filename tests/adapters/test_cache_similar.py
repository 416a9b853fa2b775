"""Reading the beginning of a body from a stored content that may be cut anywhere."""

from __future__ import annotations

import json

from hypothesis import given, settings, strategies as st

from opstui.adapters.stores.cache_similar import _body


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab"\\\n\t\x01é😀u0041/[,')), st.integers(0, 60))
def test_what_is_read_of_a_cut_content_is_a_beginning_of_its_body(body: str, cut: int) -> None:
    content = json.dumps([body, {"x": "y"}, None], ensure_ascii=False, separators=(",", ":"))
    assert _body(content) == body
    assert body.startswith(_body(content[:cut]))
