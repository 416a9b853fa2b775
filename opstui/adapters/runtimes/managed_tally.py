"""What a managed session used: counted step by step, and made to agree with the service's own figures.

Three things are told: each model request, each stretch of running, and with every ``session.usage`` the difference
between the service's cumulative figures and all that was told before it. So after each of those the sum of what was
told is what the service says, whatever was missed, told twice or told late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from opstui.adapters.runtimes.managed_fields import mapping
from opstui.core.money import CENT
from opstui.core.sessions import RuntimeUsage, Usage

LONGEST_STRETCH = timedelta(days=30)
"""A longer stretch of running is a broken clock."""
MOST = 10**12
"""Of anything; what is more is no count."""


class Tally:
    """One session's sum. Ids are the service's, so history that is told again comes to the same."""

    def __init__(self, counted: Mapping[str, Usage] | None = None) -> None:
        self._counted = dict(counted or {})
        self.total = sum(self._counted.values(), Usage())
        """The sum of everything told, now and to the record of an earlier process."""
        self.late = False
        """What comes next stands before a report that was told already, which held it."""
        self._told: set[str] = set()
        self._since: datetime | None = None
        self._stretch = ""
        self._settled = False

    def knows(self, remote_id: str) -> bool:
        """Whether this step was told, now or to the record of an earlier process."""
        return remote_id in self._told or remote_id in self._counted

    def request(self, remote_id: str, raw: Mapping[str, Any], at: datetime | None) -> list[RuntimeUsage]:
        """A ``span.model_request_end``, also of a request that failed.

        The cache's writes are not told apart by how long they last, so the next report says which cost more.
        """
        self._settled = False
        given = mapping(raw.get("model_usage"))
        usage = Usage(
            input_tokens=_count(given.get("input_tokens")) or 0,
            output_tokens=_count(given.get("output_tokens")) or 0,
            cache_read_tokens=_count(given.get("cache_read_input_tokens")) or 0,
            cache_write_tokens=_count(given.get("cache_creation_input_tokens")) or 0,
        )
        dearer = ("fast",) if given.get("speed") == "fast" else ()
        told = []
        if self.late and not self.knows(remote_id):
            # Taken back first: whoever is killed between the two counts the step itself when it is told again.
            told += self._tell(RuntimeUsage(f"{remote_id}:within", Usage() - usage, at=at, correction=True))
        return told + self._tell(RuntimeUsage(remote_id, usage, at=at, multipliers=dearer))

    def works(self) -> None:
        """A sign of work: the stretch of running goes on after the last report."""
        self._settled = False

    def running(self, remote_id: str, at: datetime | None) -> None:
        """``session.status_running``; one that comes while it runs changes nothing."""
        self._settled = False
        if self._since is None:
            self._since, self._stretch = at, remote_id

    def stopped(self, at: datetime | None) -> list[RuntimeUsage]:
        """Any other status: waiting, rescheduling and idle are free."""
        # A report comes just before the status and holds all of the stretch, also the moment between the two.
        told = [] if self._settled else self._stretch_until(at)
        self._since = None
        return told

    def report(self, remote_id: str, raw: Mapping[str, Any], at: datetime | None) -> list[RuntimeUsage]:
        """A ``session.usage``: the stretch so far, then what brings the sum to the service's own figures."""
        said = mapping(raw.get("usage"))
        told = self._stretch_until(at)
        if self._since is not None and at is not None:
            self._since, self._stretch = at, remote_id
        difference = Usage() if self.late else _figures(said, self.total) - self.total
        told += self._tell(RuntimeUsage(remote_id, difference, reported_micros=list_cost(said), at=at, correction=True))
        self._settled = _number(said.get("active_seconds")) is not None
        return told

    @property
    def is_settled(self) -> bool:
        """Whether the service told its figures since the last sign of work."""
        return self._settled

    def asked(self, remote_id: str, raw: Mapping[str, Any], at: datetime | None) -> list[RuntimeUsage]:
        """The session as it was asked for at the end of a stretch, where no ``session.usage`` came.

        Nothing where it tells no cost, or less than was counted: what is asked for can lag behind what is streamed.
        """
        said = mapping(raw.get("usage"))
        figures, total = _figures(said, self.total), self.total
        behind = figures.output_tokens < total.output_tokens or figures.input_tokens < total.input_tokens
        return [] if behind or list_cost(said) is None else self.report(remote_id, raw, at)

    def _stretch_until(self, at: datetime | None) -> list[RuntimeUsage]:
        if self._since is None or at is None:
            return []
        ran = at - self._since
        if not timedelta(milliseconds=1) <= ran <= LONGEST_STRETCH:
            return []
        step = RuntimeUsage(f"{self._stretch}:running", Usage(running_ms=ran // timedelta(milliseconds=1)), at=at)
        return [] if self.late and not self.knows(step.remote_id) else self._tell(step)

    def _tell(self, step: RuntimeUsage) -> list[RuntimeUsage]:
        if step.remote_id in self._told:
            return []
        self._told.add(step.remote_id)
        known = self._counted.get(step.remote_id)
        if known is not None:
            # The record holds what was told the first time, in whatever order things came then.
            return [replace(step, usage=known)]
        self.total = self.total + step.usage
        return [step]


def list_cost(said: Mapping[str, Any]) -> int | None:
    """The service's list cost in micro-dollars; None where it tells none. Told in whole cents, as a string."""
    cost = mapping(said.get("list_cost"))
    if cost.get("currency", "USD") != "USD":
        return None
    try:
        cents = Decimal(str(cost.get("amount")))
    except InvalidOperation:
        return None
    if not cents.is_finite() or not 0 <= cents <= MOST:
        return None
    return int(cents * CENT)


def _figures(said: Mapping[str, Any], before: Usage) -> Usage:
    """The service's cumulative figures; of what it does not tell, what was counted here."""
    writes = mapping(said.get("cache_creation"))
    short = _count(writes.get("ephemeral_5m_input_tokens"))
    long = _count(writes.get("ephemeral_1h_input_tokens"))
    active = _number(said.get("active_seconds"))
    told = mapping(said.get("server_tool_use"))
    return Usage(
        input_tokens=_or(_count(said.get("input_tokens")), before.input_tokens),
        output_tokens=_or(_count(said.get("output_tokens")), before.output_tokens),
        cache_read_tokens=_or(_count(said.get("cache_read_input_tokens")), before.cache_read_tokens),
        cache_write_tokens=before.cache_write_tokens if short is None and long is None else (short or 0) + (long or 0),
        cache_write_long_tokens=_or(long, before.cache_write_long_tokens),
        running_ms=before.running_ms if active is None else round(active * 1000),
        searches=_or(_count(told.get("web_search_requests")), before.searches),
    )


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _count(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
        return None
    return value
