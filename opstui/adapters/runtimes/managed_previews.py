"""Previews of what a managed agent is just saying: pieces put together, told a few times a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opstui.core.sessions import RuntimeText
from opstui.core.text import clean

PER_SECOND = 12
"""How often one message's preview is told at most."""
CHARACTERS_PER_SECOND = 400_000
"""A long preview is told less often, so that telling it whole each time costs the same."""
LONGEST = 200_000
"""Code points of a preview; the message itself may be longer."""


class _Preview:
    __slots__ = ("block", "dirty", "due", "length", "pieces", "shown", "stuck")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.block = 0
        self.stuck = False
        self.dirty = False
        self.shown = False
        self.due = 0.0


class Previews:
    """The messages that are being written, by the id of the event that will hold them whole.

    Previews are best effort (managed-agents.md 2.2): a connection opened in the middle of a message gets none of it,
    pieces may stop coming, and the whole message may differ. So a piece without a beginning, or after a gap, is
    dropped, and whoever is never finished is taken back by :meth:`clear`.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Preview] = {}
        self._dirty = 0

    def start(self, event: Any) -> None:
        """An ``event_start``'s ``event``. Thinking has no text, so only messages count."""
        if isinstance(event, Mapping) and event.get("type") == "agent.message":
            name = event.get("id")
            if isinstance(name, str) and name and name not in self._open:
                self._open[name] = _Preview()

    def delta(self, raw: Mapping[str, Any]) -> bool:
        """Take an ``event_delta``; whether there was nothing to tell before it."""
        name = raw.get("event_id")
        preview = self._open.get(name) if type(name) is str else None
        if preview is None or preview.stuck:
            return False
        try:
            given = raw["delta"]
            text = given["content"]["text"]
            block = given.get("index") or 0
        except (KeyError, TypeError, AttributeError):
            return False
        if type(text) is not str or type(block) is not int:
            return False
        if block != preview.block:
            if block != preview.block + 1:
                preview.stuck = True
                return False
            preview.block = block
        if preview.length > LONGEST:
            return False
        preview.pieces.append(text)
        preview.length += len(text)
        if preview.dirty:
            return False
        preview.dirty = True
        self._dirty += 1
        return True

    def settle(self, name: str) -> bool:
        """The whole message came, or never will: forget its preview. Whether any of it had been told."""
        preview = self._open.pop(name, None)
        if preview is None:
            return False
        self._dirty -= preview.dirty
        return preview.shown

    def clear(self) -> list[RuntimeText]:
        """Take back every preview that was told and is not settled."""
        if not self._open:
            return []
        return [RuntimeText(name, "", partial=True) for name in list(self._open) if self.settle(name)]

    def due(self, now: float) -> list[RuntimeText]:
        """What is to be told at ``now`` (monotonic seconds): of each message all that is known of it."""
        if not self._dirty:
            return []
        told = []
        for name, preview in self._open.items():
            if preview.dirty and preview.due <= now:
                text = "".join(preview.pieces)
                preview.pieces = [text]
                preview.dirty, preview.shown = False, True
                self._dirty -= 1
                preview.due = now + max(1 / PER_SECOND, preview.length / CHARACTERS_PER_SECOND)
                told.append(RuntimeText(name, clean(text, limit=LONGEST), partial=True))
        return told

    def next_due(self) -> float | None:
        """When :meth:`due` has something to tell next; None while nothing waits."""
        if not self._dirty:
            return None
        return min(preview.due for preview in self._open.values() if preview.dirty)
