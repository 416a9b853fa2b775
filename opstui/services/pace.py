"""How often a remote system is asked: rules of time alone, without a clock."""

from __future__ import annotations

from opstui.core.pauses import RETRY_AFTER_LIMIT

QUIET_FACTOR = 4.0
"""A queue in which nothing happens, and at which nobody looks, is asked this much less often in the end."""
QUIET_GROWTH = 1.5
HIDDEN_FACTOR = 5.0
"""The same while the operator has another window in front."""
REFUSED_FACTOR = 4.0
"""The same where the system says no: only a person can mend that."""
JITTER = 0.1


def pause(poll: float, *, quiet: int, looked: bool, hidden: bool, refused: bool = False, failures: int = 0) -> float:
    """Seconds from one question to the next.

    ``quiet``: answers in a row that told of no change; ``looked``: somebody looks at it, or has done so lately;
    ``failures`` in a row: where the system said no (``refused``) they make the pause longer; where it was not reached
    they do not, so that its return is noticed within a poll.
    """
    if hidden:
        return poll * HIDDEN_FACTOR
    if failures:
        return poll * min(REFUSED_FACTOR, QUIET_GROWTH ** (failures - 1)) if refused else poll
    return poll if looked else poll * min(QUIET_FACTOR, QUIET_GROWTH**quiet)


def asked_pause(seconds: float | None) -> float | None:
    """A pause that a system asked for, between one second and five minutes; None where it asked for none."""
    return None if seconds is None else max(1.0, min(RETRY_AFTER_LIMIT, seconds))


def jittered(seconds: float, chance: float) -> float:
    """``seconds`` ± 10 %, so that the desks of a team drift apart; ``chance`` is in [0, 1)."""
    return seconds * (1 - JITTER + 2 * JITTER * chance)
