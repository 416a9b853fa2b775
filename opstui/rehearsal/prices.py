"""What the stand-in charges: public list prices as of November 2026, summed exactly.

Kept apart from the program's own rate cards on purpose: tests compare the two, so they must not share a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction

from opstui.core.frozen import dataclass

HOUR = Fraction("0.08")
"""Dollars per hour of running."""
SEARCH = Fraction("0.01")
"""Dollars per web search."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per million tokens."""

    input: str
    write: str
    """To last five minutes."""
    write_long: str
    """To last an hour."""
    read: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What one model request used."""

    input: int = 0
    output: int = 0
    read: int = 0
    write: int = 0
    """Written to last five minutes."""
    write_long: int = 0
    """Written to last an hour."""
    searches: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            input=self.input + other.input,
            output=self.output + other.output,
            read=self.read + other.read,
            write=self.write + other.write,
            write_long=self.write_long + other.write_long,
            searches=self.searches + other.searches,
        )


_OPUS = Prices("5", "6.25", "10", "0.50", "25")
_SONNET_4 = Prices("3", "3.75", "6", "0.30", "15")
_SONNET = Prices("2", "2.50", "4", "0.10", "10")
_HAIKU_4 = Prices("1", "1.25", "2", "0.10", "5")
_HAIKU_LONG = Prices("0.50", "0.625", "1.00", "0.05", "2.50")
_TABLE: Mapping[str, Prices] = {
    "claude-fable-5-1": Prices("10", "12.50", "20", "0.25", "50"),
    "claude-fable-5": Prices("10", "12.50", "20", "1.00", "50"),
    "claude-opus-5-5": Prices("4", "5", "8", "0.20", "20"),
    "claude-opus-5": _OPUS,
    "claude-opus-4-8": _OPUS,
    "claude-opus-4-7": _OPUS,
    "claude-opus-4-6": _OPUS,
    "claude-opus-4-5": _OPUS,
    "claude-opus-4-5-20251101": _OPUS,
    "claude-sonnet-5-5": _SONNET,
    "rehearsal": _SONNET,
    "claude-sonnet-5": Prices("2", "2.50", "4", "0.20", "10"),
    "claude-sonnet-4-6": _SONNET_4,
    "claude-sonnet-4-5": _SONNET_4,
    "claude-sonnet-4-5-20250929": _SONNET_4,
    "claude-haiku-5-5": Prices("0.10", "0.125", "0.20", "0.01", "0.50"),
    "claude-haiku-4-5": _HAIKU_4,
    "claude-haiku-4-5-20251001": _HAIKU_4,
}
_SONNET_CHEAPER = datetime(2026, 10, 7, tzinfo=UTC)
"""From here on reading Sonnet 5.5's cache costs half of what it did at launch."""
_HAIKU_LIMIT = 100_000
"""A whole prompt of more tokens makes a Haiku 5.5 request five times as dear."""


def has_price(model: str) -> bool:
    """Whether a session on ``model`` can have a budget."""
    return model in _TABLE


def token_cost(model: str, tokens: Tokens, at: datetime, *, geo: str | None = None) -> Fraction:
    """Dollars of one model request with its searches; a model without a price costs only those."""
    searches = tokens.searches * SEARCH
    prices = _TABLE.get(model)
    if prices is None:
        return searches
    if model == "claude-haiku-5-5" and tokens.input + tokens.read + tokens.write + tokens.write_long > _HAIKU_LIMIT:
        prices = _HAIKU_LONG
    read = "0.20" if prices is _SONNET and at < _SONNET_CHEAPER else prices.read
    sum_of = (
        tokens.input * Fraction(prices.input)
        + tokens.write * Fraction(prices.write)
        + tokens.write_long * Fraction(prices.write_long)
        + tokens.read * Fraction(read)
        + tokens.output * Fraction(prices.output)
    )
    return sum_of / _MILLION * (Fraction(11, 10) if geo == "us" else 1) + searches


def running_cost(milliseconds: int) -> Fraction:
    """Dollars of a stretch of running."""
    return milliseconds * HOUR / 3_600_000


def cents(dollars: Fraction) -> int:
    """The nearest cent, halves up."""
    return int((dollars * 100 + Fraction(1, 2)) // 1)
