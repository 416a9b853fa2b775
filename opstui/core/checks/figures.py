"""Numbers in their places: what a number counts, and in which unit.

That a number stands somewhere in a source says little where a source holds many: ``12 backends`` and ``0 resets`` hold
both numbers of ``0 backends``. So the word beside a number has to stand beside the same number there, wherever it
stands beside one at all; and a unit is compared where both name one. Nothing is converted: 90 s and 1.5 min are two
figures until something computes one from the other and can be cited for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from opstui.core.frozen import dataclass

_FIGURE = re.compile(r"(?<![\w.,/:-])(\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)")
_BESIDE = re.compile(
    r"(?:(?P<unit>[a-z]{1,3})\b|\s?(?P<percent>%)|\s(?P<after>[^\W\d_][\w-]{1,40}))?(?![\w/:]|[.,-]\d)", re.IGNORECASE
)
_BEFORE = re.compile(
    r"([^\W\d_][\w.-]{2,40})[\"']?\s?[=:]?\s?[\"']?(?:(?:is|was|are|of|at|to|for|about|only)\s)?\Z", re.IGNORECASE
)
_LIGHT = frozenset(
    "the and for are was were has have had with from that this than then only about over under after before since"
    " until between within more less most least some all any each other new old utc gmt cet est at on in of to by or"
    " is be it its as up out per".split()
)
_UNITS = {
    word: name
    for name, words in {
        "ns": "ns nanosecond nanoseconds",
        "us": "us µs microsecond microseconds",
        "ms": "ms msec millisecond milliseconds",
        "s": "s sec secs second seconds",
        "min": "min mins minute minutes m",
        "h": "h hr hrs hour hours",
        "d": "d day days",
        "w": "w week weeks",
        "%": "% percent pct",
        "kB": "k kb kib ki",
        "MB": "mb mib mi",
        "GB": "g gb gib gi",
        "TB": "t tb tib ti",
    }.items()
    for word in words.split()
}
_NEAR = 40
_LEFT = re.compile(r"(\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)[\s-]?\Z")
_RIGHT = re.compile(
    r"\w*[\"']?\s?[=:]?\s?[\"']?(?:(?:is|was|are|of|at|to|for|about|only)\s)?(\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
)
_NUMBERS = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_AFTER_NUMBER = re.compile(r"\s?(%|[a-zµ]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and what stands beside it."""

    text: str
    key: str
    """Without separators, leading and trailing zeros."""
    before: str = ""
    after: str = ""
    unit: str = ""
    """One of a few names; empty where it has none that is known."""


def plain_number(text: str) -> str:
    """``1,248`` → ``1248``, ``12.50`` → ``12.5``, ``007`` → ``7``, ``91%`` → ``91``."""
    text = text.rstrip("%")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    whole, dot, part = text.partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part.rstrip('0')}".rstrip(".") if dot else whole


@lru_cache(maxsize=2048)
def figures(text: str) -> tuple[Figure, ...]:
    """The numbers of a claim that stand alone, in order."""
    return tuple(_figures(text))


def _figures(text: str) -> Iterator[Figure]:
    for match in _FIGURE.finditer(text):
        right = _BESIDE.match(text, match.end())
        if right is None:
            continue  # the beginning of something else: a path, a date, an identifier
        beside = (right["unit"] or right["percent"] or right["after"] or "").casefold()
        unit = _UNITS.get(beside, "")
        left = _BEFORE.search(text[max(0, match.start() - 52) : match.start()])
        before = left[1].casefold() if left is not None else ""
        yield Figure(
            match[1],
            plain_number(match[1]),
            before="" if before in _LIGHT else before,
            after="" if unit or beside in _LIGHT or right["unit"] else beside,
            unit=unit,
        )


def misplaced(figure: Figure, lines: Sequence[str]) -> bool:
    """Whether the lines (case-folded) hold the number, but beside other words or in another unit only."""
    return _other_unit(figure, lines) or _bound_elsewhere(figure, lines)


def _other_unit(figure: Figure, lines: Sequence[str]) -> bool:
    if not figure.unit:
        return False
    others = False
    for line in lines:
        for match in _NUMBERS.finditer(line):
            if plain_number(match.group()) != figure.key:
                continue
            if match.start() and (line[match.start() - 1].isalnum() or line[match.start() - 1] in "._"):
                continue
            beside = _AFTER_NUMBER.match(line, match.end())
            unit = _UNITS.get(beside[1].casefold(), "") if beside else ""
            if not unit or unit == figure.unit:
                return False
            others = True
    return others


def _bound_elsewhere(figure: Figure, lines: Sequence[str]) -> bool:
    share = "%" if figure.unit == "%" else ""
    for word, right in ((figure.after, False), (figure.before, True), (share, False)):
        if not word:
            continue
        stem = word[:-1] if len(word) > 4 and word.endswith("s") else word
        others = False
        for line in lines:
            at = line.find(stem)
            while at >= 0:
                if at == 0 or not line[at - 1].isalnum() or word == "%":
                    near = line[max(0, at - _NEAR) : at + len(stem) + _NEAR]
                    if any(plain_number(number) == figure.key for number in _NUMBERS.findall(near)):
                        return False
                    beside = _RIGHT.match(line, at + len(stem)) if right else _LEFT.search(line, max(0, at - 16), at)
                    others = others or beside is not None
                at = line.find(stem, at + 1)
        if others:
            return True
    return False
