"""What can be done about a session that stands still or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core import stops
from opstui.core.desk import Choices
from opstui.core.money import CENT
from opstui.core.sessions import Session, SessionStatus

if TYPE_CHECKING:
    from opstui.services.setup import Setup

TAKEN_UP_AGAIN = (
    stops.CREDENTIALS, stops.RATE_LIMITED, stops.UNREACHABLE, stops.INTERNAL_ERROR, stops.NOT_CONFIGURED,
    stops.STORE_FULL,
)  # fmt: skip
"""Why a session failed here though it may go on over there."""


def choices(setup: Setup, session: Session) -> Choices:
    """See ``core.desk.SessionChoices``; nothing while it runs."""
    if session.status.is_live:
        return Choices(text="")
    stop = stops.stop(session.stop_reason)
    runtime = setup.runtimes.get(session.runtime)
    fallback = fallback_of(setup, session)
    stands = session.status is SessionStatus.IDLE
    possible = {
        "message": stands and runtime is not None and runtime.takes_messages,
        "raise": stands,
        "fallback": bool(fallback),
        "again": runtime is not None,
        "resume": session.status is SessionStatus.FAILED and may_live(setup, session),
    }
    wanted = [*stop.choices]
    if possible["resume"] and "resume" not in wanted:
        wanted.insert(0, "resume")
    if stands and "message" not in wanted and session.stop_reason != stops.BUDGET_REACHED:
        wanted.append("message")
    text = stop.text
    if session.document is not None and session.stop_reason == stops.END_TURN:
        text = "done: its draft is ready"
    return Choices(
        text=text,
        choices=tuple(choice for choice in wanted if possible[choice]),
        fallback=fallback,
        least_budget=least_budget(session),
    )


def fallback_of(setup: Setup, session: Session) -> str:
    """The runtime that does the workflow when the session's own can't; empty: there is none."""
    policy = setup.policies.get(session.workflow)
    for name in (policy.fallback if policy else "offline", "offline"):
        if name in setup.runtimes and name != session.runtime:
            return name
    return ""


def may_live(setup: Setup, session: Session) -> bool:
    """Whether a session that failed here may go on over there, so that it can be taken up again."""
    return (
        session.remote_id is not None
        and session.stop_reason in TAKEN_UP_AGAIN
        and session.runtime in setup.runtimes
        and session.runtime_kind != "extractive"
    )


def least_budget(session: Session) -> int:
    """The smallest budget in micro-dollars that lets the session go on: above what it cost, in whole cents."""
    spent = max(session.cost.shown, session.cost.reported or 0)
    return (spent // CENT + 1) * CENT
