"""Blocks of code in Markdown that what stands in them can't close."""

from __future__ import annotations


def fenced(text: str) -> list[str]:
    """Lines of a code block whose fence is longer than any run of backticks inside."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return [fence, *text.split("\n"), fence]
