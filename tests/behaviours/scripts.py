"""What the scripts of these tests are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.rehearsal.steps import Call, Idle, Say, Step, Think, Use, WaitFor

FIRST, SECOND, THIRD, LAST = (
    "I read the ticket first.",
    "The error rate rose at 09:14 UTC.",
    "Deploy 4711 was rolled back at 09:58 UTC.",
    "The summary is handed in.",
)


def message(text: str, **more: Any) -> dict[str, Any]:
    """An ``agent.message`` event."""
    return {"type": "agent.message", "content": [{"type": "text", "text": text}], **more}


def use(name: str, given: Any = None, call_id: str | None = None) -> Use:
    """A tool call."""
    return Use(name, {} if given is None else given, call_id)


def hand_in(document: Mapping[str, Any]) -> Call:
    """The agent hands in its document and waits for the answer."""
    return Call((use("submit_document", {"document": document}),))


def job(document: Mapping[str, Any], *middle: Step) -> Sequence[Step]:
    """A whole turn around ``middle``: somebody listens, the agent speaks, reads, and in the end hands in a document."""
    return (
        WaitFor("stream", 1),
        Think(input=900, output=40, read=2000, within=(Say(FIRST),)),
        Call((use("get_ticket"),)),
        *middle,
        hand_in(document),
        Say(LAST),
        Idle(),
    )


def turn(*middle: Step) -> Sequence[Step]:
    """A turn without a document."""
    return (WaitFor("stream", 1), Say(FIRST), *middle)
