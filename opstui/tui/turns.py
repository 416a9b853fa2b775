"""Keys one at a time: the next one is looked at when the one before has been dealt with, wherever that was.

The library hands a key to the widget with the focus at once, but runs a binding only when the key has come up through
every parent, queue by queue. Keys that come together (a fast hand, ``tmux send-keys``, a slow link) then overtake each
other: letters are inserted before the ``home`` that came first, and ``ctrl+t`` leaves a text whose last letters are
still on their way. So a key waits here until the one before it has gone its whole way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from textual import events
from textual.app import App

PATIENCE = 1.0
"""Seconds until a key that never came to its end (its widget was taken away) holds up the others no longer."""


class TurnTaking(App[int], inherit_bindings=False):
    """An app that deals with one key, or one pasted text, at a time."""

    _turn: events.Event | None = None
    """The key that is on its way."""
    _late: asyncio.TimerHandle | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._queue: deque[events.Key | events.Paste] = deque()

    async def on_event(self, event: events.Event) -> None:
        """Put keys and pasted text in a row; anything else goes on as it comes."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._queue.append(event)
        if self._turn is None:
            await self._take_turn()

    async def _take_turn(self) -> None:
        while self._turn is None and self._queue:
            event = self._turn = self._queue.popleft()
            target = self.focused or (self.screen if self.screen_stack else None)
            passed = await self.key_came(event)
            if passed:
                await super().on_event(event)
            if passed and event.is_forwarded and target is not None:
                self._late = asyncio.get_running_loop().call_later(PATIENCE, self._give_way, event)
                self._follow(event, target)
            else:
                self._done(event)

    def _follow(self, event: events.Event, node: Any) -> None:
        # Goes the way that the key may go, one queue after the other, so that it arrives after the key was handled.
        # A node that takes no more messages passes neither the key nor this on.
        while node is not None and node is not self:
            if node.call_later(self._follow, event, node.parent):
                return
            node = node.parent
        self.call_later(self._come_to_rest, event)

    def _come_to_rest(self, event: events.Event) -> None:
        # What the key did may have put up a screen or moved the focus, which is done through these two queues.
        screen = self.screen if self.screen_stack else None
        if screen is None or not screen.call_later(lambda: self.call_later(self._ended, event)):
            self.call_later(self._ended, event)

    async def _ended(self, event: events.Event) -> None:
        if self._done(event):
            await self._take_turn()

    def _give_way(self, event: events.Event) -> None:
        if self._turn is event:
            self.call_later(self._ended, event)

    def _done(self, event: events.Event) -> bool:
        if self._turn is not event:
            return False
        self._turn = None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self.key_ended(event)
        return True

    async def key_came(self, event: events.Key | events.Paste) -> bool:
        """It is this key's turn; False: it was dealt with already."""
        return True

    def key_ended(self, event: events.Event) -> None:
        """The key was dealt with."""
