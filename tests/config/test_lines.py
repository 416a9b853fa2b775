"""The scanner finds the line of every key, whatever stands in the strings between."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from opstui.config.lines import KeyPath, key_lines, line_of

TEXT = '''\
top = 1
a.b."c.d" = 2 # not = a key
[t]
long = """
key = "inside a string"
[not.a.table]
\\""" still inside
"""
lit = \'\'\'
x = 1\'\'\'
list = [
  "y = 2",
  { z = 3 }, # ]
]
after = 1
[[q]]
n = 1
[q.sub]
m = 1
[[q]]
n = 2
["quoted . name"]
"k e y" = 1
'''


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name)
            yield from paths(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from paths(item, (*path, at))


def test_each_key_has_its_line() -> None:
    found = key_lines(TEXT)
    assert found[("top",)] == 1
    assert found[("a", "b", "c.d")] == 2
    assert found[("t", "long")] == 4
    assert found[("t", "lit")] == 9
    assert found[("t", "after")] == 15
    assert found[("q", 0, "n")] == 17
    assert found[("q", 0, "sub", "m")] == 19
    assert found[("q", 1, "n")] == 21
    assert found[("quoted . name", "k e y")] == 23


def test_nothing_is_found_that_is_not_there() -> None:
    known = set(paths(tomllib.loads(TEXT)))
    assert {path for path in key_lines(TEXT) if not isinstance(path[-1], int)} <= known


def test_every_key_has_a_line_its_own_or_its_parents() -> None:
    found = key_lines(TEXT)
    for path in paths(tomllib.loads(TEXT)):
        assert line_of(found, path) is not None
