"""Money: integer micro-dollars inside, decimal strings of US dollars outside; never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from opstui.core.errors import UsageError

MICRO = 1_000_000
CENT = 10_000
"""Micro-dollars."""
LARGEST = Decimal(10**12)
"""Dollars; nothing here costs more, and larger exponents make numbers that fill the memory."""


def micros(dollars: str | Decimal) -> int:
    """Micro-dollars of a decimal string, rounded half even. Raises UsageError for what is no sensible number."""
    try:
        value = Decimal(dollars)
        if not value.is_finite() or not -LARGEST <= value <= LARGEST:
            raise InvalidOperation
        return int((value * MICRO).to_integral_value(rounding=ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError):
        raise UsageError(f"{str(dollars)[:40]!r} is not an amount of dollars: write 0.50") from None


def dollars(amount: int, *, places: int = 4) -> str:
    """``"0.0866"``: micro-dollars as a decimal string with at least two and at most ``places`` decimals."""
    value = (Decimal(amount) / MICRO).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    text = f"{value:f}"
    if "." in text:
        whole, _, part = text.partition(".")
        text = f"{whole}.{part.rstrip('0').ljust(2, '0')}"
    return text


def cents(amount: int) -> str:
    """``"0.09"``: two decimals, for the screen."""
    return f"{(Decimal(amount) / MICRO).quantize(Decimal('0.01'), rounding=ROUND_HALF_EVEN):f}"
