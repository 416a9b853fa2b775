"""Why a session stands still or is over: one word each, what it means for a person, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.core.frozen import dataclass

END_TURN = "end_turn"
DONE = "done"
INTERRUPTED = "interrupted"
BUDGET_REACHED = "budget_reached"
REFUSED = "refused"
RETRIES_EXHAUSTED = "retries_exhausted"
TERMINATED = "terminated"
DELETED = "deleted"
ARCHIVED = "archived"
CREDENTIALS = "credentials_refused"
UNREACHABLE = "unreachable"
RATE_LIMITED = "rate_limited"
REJECTED = "rejected"
NO_DOCUMENT = "no_document"
NOT_REDACTED = "not_redacted"
INTERNAL_ERROR = "internal_error"
NOT_CONFIGURED = "not_configured"
STORE_FULL = "store_full"


@dataclass(frozen=True, slots=True)
class Stop:
    """What a stop reason means."""

    text: str
    """A sentence for the operator."""
    choices: tuple[str, ...] = ()
    """``raise`` the budget, ``message`` the agent, ``fallback`` runtime, ``again`` on the same one, ``resume``."""
    exit_code: int = 1
    """What ``opstui run`` ends with, unless an accepted document makes it 0."""
    despite_document: bool = True
    """Whether that code holds even if a document was accepted before."""


STOPS: Mapping[str, Stop] = {
    END_TURN: Stop("the agent is done and waits for a message", ("message",), 1, False),
    DONE: Stop("done", (), 1, False),
    INTERRUPTED: Stop("interrupted; what it had said is kept", ("message", "again", "fallback"), 1, False),
    BUDGET_REACHED: Stop("the budget is used up and nothing more is spent; nothing is lost", ("raise", "fallback"), 6),
    REFUSED: Stop("the model refused to go on", ("fallback", "again"), 1),
    RETRIES_EXHAUSTED: Stop("the service gave up after several tries", ("message", "again", "fallback"), 1),
    TERMINATED: Stop("the service ended the session", ("again", "fallback"), 1),
    DELETED: Stop("the session was deleted elsewhere; what was recorded here is kept", ("again", "fallback"), 1),
    ARCHIVED: Stop("put away at the end of its shift; its log is kept", ("again", "fallback"), 1, False),
    CREDENTIALS: Stop(
        "the key was refused: opstui doctor tests it, opstui config secret set stores another", ("again", "fallback"), 4
    ),
    UNREACHABLE: Stop("the service could not be reached", ("again", "fallback"), 3),
    RATE_LIMITED: Stop("the service asks for a long pause", ("again", "fallback"), 3),
    REJECTED: Stop("the service did not take the request", ("again", "fallback"), 1),
    NO_DOCUMENT: Stop("ended without a document that passes the checks", ("again", "fallback"), 1),
    NOT_REDACTED: Stop("the text could not be redacted, so nothing was sent", ("fallback",), 1),
    STORE_FULL: Stop("there was no room on the disk to record it; with room again it can be resumed", ("fallback",), 1),
    NOT_CONFIGURED: Stop("its runtime or workflow is no longer in the config", ("again", "fallback"), 1),
    INTERNAL_ERROR: Stop("the program broke while it ran; a crash file says where", ("again", "fallback"), 70),
}


def stop(reason: str | None) -> Stop:
    """What ``reason`` means; a reason that is not known here is told as it is."""
    if reason is None:
        return Stop("", ())
    return STOPS.get(reason, Stop(f"stopped: {reason}", ("message", "again", "fallback"), 1, False))
