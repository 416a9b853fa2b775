"""Our cheap frozen dataclasses behave as the standard ones do."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass as standard, field, fields, is_dataclass, replace
from typing import Any

import pytest

from opstui.core.frozen import dataclass, replace as cheap_replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A value."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list)


@standard(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A value."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Ours):
    """A value with more."""

    d: int


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Ordered."""

    one: int
    two: int = 2


@pytest.mark.parametrize("given", [{"a": 1}, {"a": 1, "b": "x"}, {"a": 1, "c": [1]}])
def test_values_defaults_and_words_are_the_standard_ones(given: dict[str, Any]) -> None:
    ours, theirs = Ours(**given), Theirs(**given)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    for item in fields(theirs):
        assert getattr(ours, item.name) == getattr(theirs, item.name)


@pytest.mark.parametrize("given", [{}, {"b": "x"}, {"a": 1, "x": 2}])
def test_what_the_standard_one_refuses_is_refused(given: dict[str, Any]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(**given)


def test_nothing_can_be_set_or_deleted_or_added() -> None:
    value = Ours(a=1)
    for name in ("a", "new"):
        with pytest.raises((FrozenInstanceError, AttributeError)):
            setattr(value, name, 2)
    with pytest.raises(FrozenInstanceError):
        del value.a
    assert not hasattr(value, "__dict__")


def test_equality_needs_the_same_class_and_the_same_values() -> None:
    assert Ours(a=1) == Ours(a=1)
    assert Ours(a=1) != Ours(a=2)
    assert Ours(a=1) != Theirs(a=1)
    assert Pair(1) == Pair(1, 2)
    assert len({Pair(1), Pair(1, 2), Pair(2)}) == 2


def test_children_replacement_matching_and_pickles_work() -> None:
    child = Child(a=1, d=4)
    assert replace(child, a=9) == Child(a=9, d=4)
    assert pickle.loads(pickle.dumps(child)) == child
    assert is_dataclass(child)
    match Pair(3, 4):
        case Pair(one, two):
            assert (one, two) == (3, 4)


def test_order_is_that_of_the_values() -> None:
    assert sorted([Pair(2, 1), Pair(1, 9), Pair(1, 3)]) == [Pair(1, 3), Pair(1, 9), Pair(2, 1)]


def test_positional_arguments_are_checked() -> None:
    for arguments, named in (((), {}), ((1, 2, 3), {}), ((1,), {"one": 1})):
        with pytest.raises(TypeError):
            Pair(*arguments, **named)


def test_replacing_is_the_standard_one_without_its_price() -> None:
    value = Child(a=1, d=4)
    for change in ({}, {"b": "x"}, {"a": 2, "c": [1], "d": 5}):
        assert cheap_replace(value, **change) == replace(value, **change)
    assert cheap_replace(Pair(1), one=3) == Pair(3)
    assert value == Child(a=1, d=4)
    with pytest.raises(TypeError):
        cheap_replace(value, x=1)


def test_values_in_their_places_are_values_by_their_names() -> None:
    assert Pair(1, 3) == Pair(one=1, two=3) == Pair(1, two=3)
    with pytest.raises(TypeError):
        Pair(1, 2, 3)
    with pytest.raises(TypeError):
        Pair(1, 2, two=3)
