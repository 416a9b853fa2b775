"""Canonical JSON: the same value has the same bytes, and what has no one spelling is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from opstui.core.canonical import canonical, fingerprint
from opstui.core.errors import UsageError
from opstui.core.text import SafeText

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_reading_it_gives_the_value_back(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(texts, values, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_there_is_no_space_and_no_escape_that_need_not_be() -> None:
    assert canonical({"b": [1, None, True], "a": SafeText("é\n")}) == '{"a":"é\\n","b":[1,null,true]}'.encode()


def test_text_is_not_normalised() -> None:
    assert canonical("é") != canonical("e\u0301")


@pytest.mark.parametrize("value", [1.5, float("nan"), "\ud800", {"a": "\udfff"}, {1: "a"}, b"x", {"a": object()}])
def test_what_has_no_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        canonical(value)


def test_a_value_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UsageError):
        canonical(deep)


def test_a_fingerprint_is_a_sha_256() -> None:
    assert fingerprint(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
