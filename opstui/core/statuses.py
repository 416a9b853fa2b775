"""Words for statuses across systems, and the pick of the one that a ticket can take."""

from __future__ import annotations

from collections.abc import Sequence

RESOLVED = ("resolved", "solved", "fixed", "done", "closed")
"""Statuses that say that it is over, the plainest first."""


def pick(transitions: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The status among ``transitions`` that says what ``wanted`` says, best first; None if there is none."""
    by_word = {status.casefold(): status for status in transitions}
    return next((by_word[word] for word in wanted if word in by_word), None)
