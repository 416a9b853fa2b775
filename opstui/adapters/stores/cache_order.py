"""Which tickets a view shows, and in what order: filters turned into SQL where that is exact, and tested where not.

The meaning of a filter is ``core.filters`` alone. A term about a field with few different values (a status, a team) is
tried on each of those values, and SQLite selects by the ones that match; terms about titles and keys are tried on
each row that is left; only spans of time are compared in SQL.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_schema import CATEGORIES, LAST, stored_time
from opstui.core import filters
from opstui.core.filters import Compare, Filter, Not, Term, Word
from opstui.core.queues import Queue, SortBy
from opstui.core.text import SafeText
from opstui.core.tickets import Status, TicketRef, TicketRow

_URGENCY = "severity_rank, due_rank, created, id"
_SORTS = {
    SortBy.URGENCY: _URGENCY,
    SortBy.AGE: "created, id",
    SortBy.UPDATED: "updated DESC, id",
    SortBy.DUE: f"due_rank, {_URGENCY}",
    SortBy.STATUS: f"category, {_URGENCY}",
    SortBy.OWNER: f"owner_rank, {_URGENCY}",
    SortBy.REF: "system, key_rank, id",
}
_BY_CATEGORY = "category"
_MEMBERS = (
    "EXISTS (SELECT 1 FROM members m WHERE m.ticket = tickets.id "
    "AND m.queue = (SELECT q.id FROM queues q WHERE q.system = :system AND q.name = :name))"
)
_COLUMNS = {
    "status": ("status", "category"),
    "severity": ("severity",),
    "assignee": ("system", "assignees"),
    "team": ("team",),
    "svc": ("services",),
    "tag": ("tags",),
    "priority": ("priority",),
    "system": ("system",),
}
"""Fields that are tried on their different values, with the columns that a test of them looks at."""
_SPANS = {"age": ":now - created", "updated": ":now - updated", "due": "due - :now"}
_DIFFERENT = 5_000
"""With more different values than this, trying all of them costs more than trying the rows."""
_KEPT = 24
"""Orders that are remembered: a screen asks for the same few again and again while it scrolls."""
_NONE = "\x00"
"""Stands for NULL, which SQL's IN never finds; no clean text holds it."""


class _Looked:
    """As much of a ticket's row as a term looks at. Making a whole ``TicketRow`` costs 8 µs, filling this in 0.3."""

    __slots__ = ("assignees", "priority", "ref", "services", "severity", "status", "tags", "team", "title")
    ref: TicketRef
    status: Status
    title: str


class Orders:
    """Orders of the cached tickets, remembered until something rings."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._last = -1
        self._orders: dict[tuple[Any, ...], Sequence[int]] = {}
        self._values: dict[tuple[str, ...], tuple[int, set[tuple[Any, ...]]]] = {}
        """Columns → how far rows were looked at, and the values that were found; some may be gone by now."""

    def order(
        self, *, queue: Queue | None, filter_text: str, sort: SortBy, me: Mapping[str, str], now: datetime
    ) -> Sequence[int]:
        """See ``SqliteCache.order``."""
        wanted = filters.parse(filter_text)
        # Only spans of time change by themselves, and ages are shown in whole minutes.
        minute = stored_time(now) // 60_000_000 if any(_is_span(term) for term in wanted.terms) else 0
        key = (queue, filter_text, sort, tuple(sorted(me.items())), minute)
        last = self._database.bell.last()
        with self._lock:
            if last != self._last:
                self._last, self._orders = last, {}
            known = self._orders.get(key)
        if known is not None:
            return known
        order = self._select(queue, wanted, sort, me, now, last)
        with self._lock:
            if last == self._last:
                if len(self._orders) >= _KEPT:
                    self._orders.pop(next(iter(self._orders)))
                self._orders[key] = order
        return order

    def counts(self, *, queue: Queue | None, filter_text: str, me: Mapping[str, str], now: datetime) -> tuple[int, int]:
        """See ``SqliteCache.counts``."""
        wanted = filters.parse(filter_text)
        conditions, rest, params = self._conditions(queue, wanted, me, now, self._database.bell.last())
        if not rest:
            # Two short walks along an index each: counting both at once would read every row.
            count = f"SELECT count(*) FROM tickets WHERE {' AND '.join(conditions)}"
            unseen = f"{count} AND noticed > seen"
            return int(self._database.read(count, params)[0][0]), int(self._database.read(unseen, params)[0][0])
        ids = self.order(queue=queue, filter_text=filter_text, sort=SortBy.URGENCY, me=me, now=now)
        new = {number for (number,) in self._database.read("SELECT id FROM tickets WHERE noticed > seen")}
        return len(ids), len(new.intersection(ids))

    def _conditions(
        self, queue: Queue | None, wanted: Filter, me: Mapping[str, str], now: datetime, last: int
    ) -> tuple[list[str], list[Term], dict[str, Any]]:
        """SQL that selects, the terms that must be tested row by row, and the parameters."""
        conditions: list[str] = ["listed > 0"]
        rest: list[Term] = []
        params: dict[str, Any] = {"now": stored_time(now)}
        for term in wanted.terms:
            condition = self._condition(term, params, me, now, last)
            if condition is None:
                rest.append(term)
            elif condition:
                conditions.append(condition)
        if queue is not None:
            params |= {"system": queue.system, "name": queue.name}
            conditions.append(_MEMBERS)
        return conditions, rest, params

    def _select(
        self, queue: Queue | None, wanted: Filter, sort: SortBy, me: Mapping[str, str], now: datetime, last: int
    ) -> Sequence[int]:
        conditions, rest, params = self._conditions(queue, wanted, me, now, last)
        # Without a condition, or with one on categories, the covering index answers alone; with any other, reading the
        # narrow table in its own order and sorting is three times as fast as following that index row by row.
        covered = not rest and all(item.startswith(("listed", _BY_CATEGORY, _MEMBERS)) for item in conditions)
        source = "tickets" if covered else "tickets NOT INDEXED"
        where = f"FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {_SORTS[sort]}"
        if not rest:
            # One row instead of 10,000: at each row the interpreter's lock is let go of, and waited for while another
            # thread works. SQLite keeps the order of a subquery under any aggregate but count, min and max.
            [(ids,)] = self._database.read(f"SELECT json_group_array(id) FROM (SELECT id {where})", params)
            order: Sequence[int] = json.loads(ids)
            return order
        test = filters.matcher(Filter(tuple(rest)), me=me, now=now)
        columns = tuple(dict.fromkeys(column for term in rest for column in _columns(term)))
        rows = self._database.read(f"SELECT id, {', '.join(columns)} {where}", params)
        looked = _Looked()
        row = cast(TicketRow, looked)
        if columns == ("title",):  # what is typed at each key: 10,000 titles in 10 ms
            found: list[int] = []
            for number, title in rows:
                looked.title = title
                if test(row):
                    found.append(number)
            return found
        return [number for number, *values in rows if _fill(looked, columns, values) and test(row)]

    def _condition(
        self, term: Term, params: dict[str, Any], me: Mapping[str, str], now: datetime, last: int
    ) -> str | None:
        """SQL that selects exactly what matches ``term``, empty where that is everything.

        None where rows must be tested one by one.
        """
        inner = term.term if isinstance(term, Not) else term
        if isinstance(inner, Word):
            return None
        if inner.field in _SPANS:
            sql = _span(inner, params)
            return f"NOT coalesce({sql}, 0)" if isinstance(term, Not) else sql
        columns = _COLUMNS.get(inner.field)
        values = self._different(columns, last) if columns else None
        if columns is None or values is None:
            return None
        test = filters.matcher(Filter((term,)), me=me, now=now)
        looked = _Looked()
        row = cast(TicketRow, looked)
        matching = {one for one in values if _fill(looked, columns, one) and test(row)}
        if len(matching) == len(values):
            return ""  # "system:local" where there is no other system: without it the covering index serves
        if inner.field == "status":
            categories = {category for _, category in matching}
            if not any(category in categories for _, category in values - matching):
                # "-status:closed" is about categories alone, and numbers compare four times as fast as words.
                return f"{_BY_CATEGORY} IN ({', '.join(str(int(category)) for category in sorted(categories))})"
        name = f"v{len(params)}"
        chosen = [[_NONE if value is None else value for value in one] for one in matching]
        params[name] = json.dumps(chosen, ensure_ascii=False)
        left = ", ".join(f"ifnull({column}, char(0))" for column in columns)
        right = ", ".join(f"value ->> {place}" for place in range(len(columns)))
        return f"({left}) IN (SELECT {right} FROM json_each(:{name}))"

    def _different(self, columns: tuple[str, ...], last: int) -> set[tuple[Any, ...]] | None:
        """Every combination of values that the columns have; None if there are too many.

        Values that no ticket has any more do no harm, so only rows that changed since are looked at: at 100,000
        tickets the first look takes 60 ms, the next one after a change some microseconds.
        """
        with self._lock:
            upto, known = self._values.get(columns, (-1, set()))
        if upto < last and len(known) <= _DIFFERENT:
            # The first look is at everything, and an index may answer it; "stamp > -1" would make it read every row.
            since = f" WHERE stamp > {int(upto)}" if upto >= 0 else ""
            found = self._database.read(f"SELECT DISTINCT {', '.join(columns)} FROM tickets{since}")
            known = known.union(found)
            with self._lock:
                self._values[columns] = (last, known)
        return known if len(known) <= _DIFFERENT else None


def _is_span(term: Term) -> bool:
    inner = term.term if isinstance(term, Not) else term
    return isinstance(inner, Compare) and inner.field in _SPANS


def _span(term: Compare, params: dict[str, Any]) -> str:
    if term.op == ":":
        tests = {"none": "due IS NULL", "overdue": "due < :now"}
        return f"({' OR '.join(tests[value] for value in term.values)})"
    length = filters.span(term.values[0])
    name = f"v{len(params)}"
    params[name] = min(length.days * 86_400_000_000 + length.seconds * 1_000_000, LAST)
    return f"({_SPANS[term.field]} {term.op} :{name})"


def _columns(term: Term) -> tuple[str, ...]:
    """The columns that a test of ``term`` looks at."""
    inner = term.term if isinstance(term, Not) else term
    if isinstance(inner, Word):
        return ("title",)
    return ("system", "key") if inner.field == "ref" else _COLUMNS.get(inner.field, ("title",))


def _fill(looked: _Looked, columns: Sequence[str], values: Sequence[Any]) -> bool:
    """Give ``looked`` these columns' values; always true, so that it can stand in a condition."""
    given = dict(zip(columns, values, strict=True))
    for column, value in given.items():
        if column in ("assignees", "services", "tags"):
            setattr(looked, column, () if value == "[]" else tuple(json.loads(value)))
        elif column == "system":
            looked.ref = TicketRef(value, given.get("key", ""))
        elif column == "status":
            looked.status = Status(SafeText(value), CATEGORIES[given["category"]])
        elif column not in ("category", "key"):
            setattr(looked, column, value)
    return True
