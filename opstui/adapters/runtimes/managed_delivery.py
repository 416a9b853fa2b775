"""What is sent to a managed session: events until the service took them, and a new budget."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opstui.adapters.runtimes.anthropic_client import SAID_FROM, pause
from opstui.adapters.runtimes.anthropic_errors import asked_pause
from opstui.adapters.runtimes.managed_fields import time_of
from opstui.adapters.runtimes.managed_wire import Trying, Wire, insist
from opstui.core.errors import CredentialsRefused, Refused, Unreachable
from opstui.core.money import CENT, cents
from opstui.core.sessions import RuntimeNotice

if TYPE_CHECKING:
    from opstui.core.ids import Clock, Randomness

LONGEST_PAUSE = 60.0
"""Seconds between two tries, whatever the service asks."""


class Delivery:
    """Sends one session's events that do no harm twice."""

    def __init__(
        self,
        wire: Wire,
        session: str,
        *,
        clock: Clock,
        randomness: Randomness,
        tell: Callable[[RuntimeNotice], None],
        name: Callable[[str], str],
    ) -> None:
        self._wire = wire
        self._session = session
        self._clock = clock
        self._randomness = randomness
        self._tell = tell
        self._name = name
        """A kind of notice → an id that no other has."""
        self._woken = asyncio.Event()
        self._closed = False

    async def post(self, events: Sequence[Mapping[str, Any]], what: str, limit: float | None) -> None:
        """Send ``events`` until that worked or ``limit`` seconds are over. Raises Unreachable, and Refused at once."""
        started = self._clock.monotonic()
        attempt = 0
        notice = ""
        while not self._closed:
            try:
                await self._wire.send(self._session, events)
                return
            except Unreachable as error:
                attempt += 1
                gone = self._clock.monotonic() - started
                seconds = min(pause(error, attempt, self._randomness), LONGEST_PAUSE)
                if limit is not None and gone + max(seconds, asked_pause(error) or 0.0) > limit:
                    raise
                if gone + seconds > SAID_FROM:
                    notice = notice or self._name("waits")
                    until = self._clock.now() + timedelta(seconds=seconds)
                    text = f"{what} is not delivered yet: {error.message}; trying again in {math.ceil(seconds)} s"
                    self._tell(RuntimeNotice(notice, text, at=self._clock.now(), until=until))
                self._woken.clear()
                try:
                    await asyncio.wait_for(self._woken.wait(), seconds)
                except TimeoutError:
                    continue

    def wake(self) -> None:
        """Try again at once what waits to be tried again."""
        self._woken.set()

    def close(self) -> None:
        """Try nothing any more."""
        self._closed = True
        self.wake()


async def raise_budget(wire: Wire, session: str, budget_micros: int, trying: Trying) -> datetime | None:
    """Let a session cost more, and say when the service did so, by its own clock; None where it does not tell.

    Raises Refused for a budget that is spent already, or of a session that was made without one, and Unreachable.
    """
    amount = str(max(1, budget_micros // CENT))
    budget: Any = {"type": "limit", "max_list_cost": {"amount": amount, "currency": "USD"}}

    async def update() -> Mapping[str, Any]:
        return await wire.ask(lambda client: client.beta.sessions.with_raw_response.update(session, budget=budget))

    name = wire.endpoint.name
    try:
        updated = await insist(update, trying)
    except CredentialsRefused:
        raise
    except Refused as error:
        why = f"{error.reason} {error.message}"
        if "budget_not_raised" in why:
            raise Refused(
                f"{name}: ${cents(budget_micros)} is not more than the session cost already; nothing was changed",
                reason="budget_not_raised",
            ) from None
        if "budget_create_only" in why:
            raise Refused(
                f"{name}: this session was made without a budget, so it can't get one", reason="budget_create_only"
            ) from None
        raise
    return time_of({"processed_at": updated.get("updated_at")})
