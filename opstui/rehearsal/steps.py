"""The steps that a script is made of: what the service does, or does wrong, one thing after the other.

A step that acts as the agent (:class:`Say`, :class:`Think`, :class:`Call`, :class:`Flood`) starts the session running
first if it is idle. A script begins with the session's first message. An interrupt ends it, unless it waits for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from opstui.core.frozen import dataclass

# --- what an agent does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Emit:
    """Any event. ``id`` and ``processed_at`` are made unless the event has these keys (also when null or wrong)."""

    event: Mapping[str, Any]
    keep: bool = True
    """It goes into the history."""
    live: bool = True
    """It goes to the open streams."""
    without: tuple[str, ...] = ()
    """Keys that are left out on the wire and in the history, ``id`` and ``processed_at`` too."""


@dataclass(frozen=True, slots=True)
class Say:
    """An ``agent.message``, with its preview."""

    text: str
    pieces: int = 6
    """How many deltas; 0: no preview."""
    pause: float = 0.0
    """Seconds between deltas."""
    start: bool = True
    """False: deltas without an ``event_start``."""
    gap: bool = False
    """The deltas speak of a content block that was never begun."""
    shed: int = 0
    """How many of the last deltas are never sent."""
    preview: str | None = None
    """What the preview says, where it differs from the message."""
    final: bool = True
    """False: the message itself never comes."""


@dataclass(frozen=True, slots=True)
class Think:
    """A model request: its span, what happens within, and what it used. Waits at the budget, if that is reached."""

    input: int = 0
    output: int = 0
    read: int = 0
    write: int = 0
    write_long: int = 0
    """Written to the cache for an hour; spans do not tell these from ``write``."""
    searches: int = 0
    seconds: float = 0.0
    """How much later it ends, by the session's own clock; nobody waits for it."""
    within: tuple[Step, ...] = ()
    thinking: bool = True
    """It tells that it thinks."""
    span: bool = True
    """False: charged, but nobody is told (a grader)."""
    is_error: bool = False
    model: str | None = None
    """Priced as another model."""


@dataclass(frozen=True, slots=True)
class Use:
    """One tool call inside :class:`Call`."""

    name: str
    input: Any = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Custom tool calls, several at once; ``wait``: idle until all are answered, then running again."""

    calls: tuple[Use, ...]
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Await:
    """Idle (``requires_action``) until every open tool call is answered, said again as answers come; then running."""


@dataclass(frozen=True, slots=True)
class Running:
    """``session.status_running``."""


@dataclass(frozen=True, slots=True)
class ReportUsage:
    """``session.usage``; with ``cents`` a list cost of one's own, with ``absent`` none at all from here on."""

    cents: int | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    """``session.usage`` and ``session.status_idle``. ``event_ids`` default to the open calls."""

    reason: str | Mapping[str, Any] = "end_turn"
    details: Mapping[str, Any] | None = None
    """``stop_details`` of a refusal."""
    usage: bool = True
    lag: float | None = None
    """Seconds that ``GET`` goes on saying ``running``."""


@dataclass(frozen=True, slots=True)
class Fail:
    """``session.error``; ``status`` is ``retrying``, ``exhausted`` or ``terminal``."""

    type: str = "model_overloaded_error"
    status: str = "retrying"
    message: str = "The model is overloaded."
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reschedule:
    """``session.status_rescheduled``: not running, and free."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """The session ends for good."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Somebody deletes the session: a last word, the streams end, and then it is not found."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Grade the outcome that was defined; ``result`` as in ``span.outcome_evaluation_end``."""

    result: str = "satisfied"
    explanation: str = "Every criterion of the rubric is met."
    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class AnswerElsewhere:
    """Another client answers every open tool call."""

    text: str = "answered by another client"


# --- waiting and time -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Until ``count`` more events of ``type`` were sent to the session (those before the script's start are behind it).

    ``stream`` and ``list`` wait until that many streams were opened or listings made in the session's whole life.
    """

    type: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Sleep:
    """Real seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pass:
    """The session's time moves on by so many seconds at once; what runs meanwhile costs."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Skew:
    """From here on ``processed_at`` is off by so many seconds; nothing else is."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do:
    """Call a function on the service's own thread: rotate the key, add a fault."""

    action: Callable[[], object]


# --- what goes wrong on the wire --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes down every open stream, as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Every open stream breaks; with an event, in the middle of its frame. The history has it."""

    event: Mapping[str, Any] | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Eof:
    """Every open stream ends cleanly; with an event, after a frame whose blank line is missing. The history has it."""

    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Open streams get nothing any more, not even pings, and stay open."""


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """``event: error`` down every open stream, which then ends."""

    type: str = "overloaded_error"
    message: str = "Overloaded"
    ends: bool = True


@dataclass(frozen=True, slots=True)
class DataOnly:
    """A frame without its ``event:`` line; the history has the event."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drip:
    """An event, a few bytes at a time."""

    event: Mapping[str, Any]
    size: int = 1
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Again:
    """Tell the last ``count`` events of the history once more, under the same ids."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class Swapped:
    """Tell these events in this order though their times run backwards, one second each."""

    events: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Flood:
    """One message as so many deltas, at so many a second (0: as fast as it goes)."""

    deltas: int = 5_000
    per_second: int = 5_000
    piece: str = "word "


@dataclass(frozen=True, slots=True)
class Burst:
    """So many short messages at once."""

    messages: int = 1_000
    text: str = "message"


@dataclass(frozen=True, slots=True)
class Ping:
    """A keep-alive; as a comment line if wanted."""

    comment: bool = False


Step = (
    Emit | Say | Think | Call | Await | Running | ReportUsage | Idle | Fail | Reschedule | Terminate | Delete | Evaluate
    | AnswerElsewhere | WaitFor | Sleep | Pass | Skew | Do | Raw | Cut | Eof | Silence | ErrorFrame | DataOnly | Drip
    | Again | Swapped | Flood | Burst | Ping
)  # fmt: skip
