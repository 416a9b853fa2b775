"""The filter language: ``severity<=2 assignee:me age>30m svc:pay -status:closed "card declined"``.

One parser, one syntax tree, one evaluator. Terms are separated by spaces and all must match; ``-`` before a term turns
it round; ``a,b`` as a value means either. ``str(filter)`` is a filter that reads back as the same tree.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from opstui.core.errors import FilterError
from opstui.core.frozen import dataclass
from opstui.core.tickets import StatusCategory, TicketRow


@dataclass(frozen=True, slots=True)
class Word:
    """The title holds this text, in any case."""

    text: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against values: ``:`` and ``=`` are any of them; ``<``, ``<=``, ``>`` and ``>=`` have one value."""

    field: str
    """One of :data:`FIELDS`, by its first name."""
    op: str
    values: tuple[str, ...]
    """As typed, without quotes; spans and severities are checked."""


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not match."""

    term: Word | Compare


Term = Word | Compare | Not


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms must match; none matches everything."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(_spell(term) for term in self.terms)


EVERYTHING = Filter()

FIELDS: Mapping[str, tuple[str, ...]] = {
    "severity": ("sev",),
    "status": ("state",),
    "assignee": ("owner",),
    "team": (),
    "svc": ("service", "services"),
    "tag": ("tags",),
    "age": ("created",),
    "updated": (),
    "due": (),
    "ref": ("key",),
    "system": (),
    "title": ("text",),
    "priority": (),
}
"""Every field by its first name, with its other names."""

_NAMES = {name: first for first, others in FIELDS.items() for name in (first, *others)}
_SPANS = ("age", "updated", "due")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(\d{1,9})\s*([smhdw])", re.IGNORECASE)
_WHOLE_SPAN = re.compile(rf"(?:{_SPAN.pattern})+\Z", re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z_]+)(<=|>=|<|>|:|=)")
# A bare word that looks like ``field:value`` or begins with ``-`` or a quote must be spelt in quotes.
_PLAIN_WORD = re.compile(r"""[^\s"\-,][^\s",]*\Z""")
_NOTHING = "none"


# --- reading ----------------------------------------------------------------------------------------------------------


def parse(text: str) -> Filter:
    """Read a filter; empty text matches everything. Raises FilterError that points at the word that is wrong."""
    return Filter(tuple(_Reader(text).terms()))


class _Reader:
    """Where reading stands in a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def terms(self) -> list[Term]:
        found: list[Term] = []
        while True:
            while self.at < len(self.text) and self.text[self.at].isspace():
                self.at += 1
            if self.at >= len(self.text):
                return found
            found.append(self._term())

    def _term(self) -> Term:
        start = self.at
        minus = self.text.startswith("-", self.at)
        self.at += minus
        head = _FIELD.match(self.text, self.at)
        term: Word | Compare
        if head is not None and not self.text.startswith("//", head.end()):
            term = self._comparison(head, start)
        else:
            value, quoted = self._value(stop="")
            if not value and not quoted:
                raise self._error("a lone - turns nothing round: write it directly before a term", start, 1)
            if not value.strip():
                raise self._error("an empty phrase matches nothing: write a word between the quotes", start, self.at)
            term = Word(value)
        return Not(term) if minus else term

    def _comparison(self, head: re.Match[str], start: int) -> Compare:
        name, op = head.group(1).lower(), head.group(2)
        field = _NAMES.get(name)
        if field is None:
            raise self._error(_unknown(head.group(1)), head.start(1), head.end(1))
        self.at = head.end()
        values: list[str] = []
        while True:
            begins = self.at
            value, quoted = self._value(stop=",")
            if not value and not quoted:
                form = f"{name}{op}{_EXAMPLES[field]}"
                raise self._error(f"{name}{op} lacks a value: write for example {form}", head.start(1), self.at)
            values.append(self._checked(field, op, value, begins))
            if not self.text.startswith(",", self.at):
                break
            self.at += 1
        if op in ("<", "<=", ">", ">="):
            if field != "severity" and field not in _SPANS:
                raise self._error(
                    f"{name} has no order: write {name}:{values[0]}", head.start(2), head.end(2)
                )  # fmt: skip
            if len(values) > 1:
                raise self._error(f"{name}{op} takes one value", head.end(), self.at)
        return Compare(field, ":" if op == "=" else op, tuple(values))

    def _value(self, stop: str) -> tuple[str, bool]:
        """A quoted phrase or what comes before the next space (or ``stop``), and whether it was quoted."""
        text, start = self.text, self.at
        if text.startswith('"', start):
            out: list[str] = []
            at = start + 1
            while at < len(text) and text[at] != '"':
                at += text.startswith('\\"', at) or text.startswith("\\\\", at)
                out.append(text[at])
                at += 1
            if at >= len(text):
                # While a phrase is being typed its end is missing; the error says so instead of guessing.
                raise self._error('the quote is not closed: end it with "', start, len(text))
            self.at = at + 1
            if self.at < len(text) and not text[self.at].isspace() and text[self.at] not in (stop or " "):
                end = self.at
                while end < len(text) and not text[end].isspace():
                    end += 1
                raise self._error("a space is missing after the closing quote", self.at, end)
            return "".join(out), True
        at = start
        while at < len(text) and not text[at].isspace() and not (stop and text[at] in stop):
            if text[at] == '"':
                raise self._error("a quote begins in the middle of a word: put a space before it", at, at + 1)
            at += 1
        self.at = at
        return text[start:at], False

    def _checked(self, field: str, op: str, value: str, begins: int) -> str:
        low = value.strip().lower()
        ordered = op in ("<", "<=", ">", ">=")
        if field == "severity":
            low = low.removeprefix("sev").removeprefix("-") if low not in (_NOTHING,) else low
            if low == _NOTHING and not ordered:
                return low
            if low in ("1", "2", "3", "4"):
                return low
            raise self._error(
                "severity is 1 (worst) to 4, or none: write for example severity<=2", begins, self.at
            )  # fmt: skip
        if field in _SPANS:
            if field == "due" and not ordered and low in (_NOTHING, "overdue"):
                return low
            if not _WHOLE_SPAN.match(low):
                more = ", due:none or due:overdue" if field == "due" else ""
                raise self._error(
                    f"{value!r} is no span of time: write for example {field}>30m, with s m h d or w{more}",
                    begins,
                    self.at,
                )
            if not ordered:
                raise self._error(
                    f"{field} needs a comparison: write {field}<{low} or {field}>{low}", begins, self.at
                )  # fmt: skip
            return re.sub(r"\s+", "", low)
        if not value.strip():
            raise self._error(f"an empty value: write for example {field}:{_EXAMPLES[field]}", begins, self.at)
        return value

    def _error(self, message: str, start: int, end: int) -> FilterError:
        return FilterError(message, text=self.text, position=start, length=max(1, end - start))


_EXAMPLES = {
    "severity": "2",
    "status": "open",
    "assignee": "me",
    "team": "network",
    "svc": "pay",
    "tag": "dns",
    "age": "30m",
    "updated": "1h",
    "due": "30m",
    "ref": "INC-1042",
    "system": "local",
    "title": "dns",
    "priority": "high",
}


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), _NAMES, n=1, cutoff=0.5)
    if near:
        return f"there is no field {name}: did you mean {near[0]}?"
    return f"there is no field {name}: there are {', '.join(FIELDS)}; put a text with a colon in quotes"


# --- writing ----------------------------------------------------------------------------------------------------------


def _spell(term: Term) -> str:
    if isinstance(term, Not):
        return "-" + _spell(term.term)
    if isinstance(term, Word):
        plain = _PLAIN_WORD.match(term.text) and not _FIELD.match(term.text)
        return term.text if plain else _quoted(term.text)
    return f"{term.field}{term.op}{','.join(_spell_value(value) for value in term.values)}"


def _spell_value(value: str) -> str:
    return _quoted(value) if not value or re.search(r'[\s",]', value) or value.startswith("//") else value


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(given: Filter) -> tuple[str, ...]:
    """Texts that a matching title holds, for highlighting."""
    found: list[str] = []
    for term in given.terms:
        if isinstance(term, Word):
            found.append(term.text)
        elif isinstance(term, Compare) and term.field == "title":
            found.extend(term.values)
    return tuple(found)


# --- matching ---------------------------------------------------------------------------------------------------------


def matches(given: Filter, row: TicketRow, *, me: Mapping[str, str], now: datetime) -> bool:
    """Whether a ticket is in; ``me`` maps system → account. For many rows use :func:`matcher`."""
    return matcher(given, me=me, now=now)(row)


def matcher(given: Filter, *, me: Mapping[str, str], now: datetime) -> Callable[[TicketRow], bool]:
    """A test for many rows at one moment: values are prepared once."""
    tests = [_test(term, me, now) for term in given.terms]
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


_Test = Callable[[TicketRow], bool]


def _test(term: Term, me: Mapping[str, str], now: datetime) -> _Test:
    if isinstance(term, Not):
        inner = _test(term.term, me, now)
        return lambda row: not inner(row)
    if isinstance(term, Word):
        text = term.text.casefold()
        return lambda row: text in row.title.casefold()
    if term.field == "severity":
        return _severity_test(term)
    if term.field in _SPANS:
        return _span_test(term, now)
    return _text_test(term, me)


def _severity_test(term: Compare) -> _Test:
    if term.op == ":":
        allowed = {None if value == _NOTHING else value for value in term.values}
        return lambda row: row.severity in allowed
    value, compare = term.values[0], _COMPARE[term.op]
    return lambda row: row.severity is not None and compare(row.severity, value)


_COMPARE: Mapping[str, Callable[..., bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def span(text: str) -> timedelta:
    """``1h30m`` as a span of time; at most some 2,700 years, which is longer than any ticket lives."""
    seconds = sum(int(number) * _UNITS[unit.lower()] for number, unit in _SPAN.findall(text))
    return timedelta(seconds=min(seconds, 86_400_000_000))


def _span_test(term: Compare, now: datetime) -> _Test:
    if term.op == ":":
        none, overdue = _NOTHING in term.values, "overdue" in term.values
        return lambda row: none if row.due_at is None else overdue and row.due_at < now
    length, compare = span(term.values[0]), _COMPARE[term.op]
    if term.field == "age":
        return lambda row: compare(now - row.created_at, length)
    if term.field == "updated":
        return lambda row: compare(now - row.updated_at, length)
    return lambda row: row.due_at is not None and compare(row.due_at - now, length)


def _text_test(term: Compare, me: Mapping[str, str]) -> _Test:
    values = [value.casefold() for value in term.values]
    match term.field:
        case "status":
            return lambda row: any(_is_status(row, value) for value in values)
        case "assignee":
            accounts = {system: account.casefold() for system, account in me.items()}
            return lambda row: any(_is_assigned(row, value, accounts) for value in values)
        case "svc":
            return lambda row: _holds(row.services, values)
        case "tag":
            return lambda row: _is_one(row.tags, values)
        case "team":
            return lambda row: _is_one((row.team,) if row.team else (), values)
        case "priority":
            return lambda row: _is_one((row.priority,) if row.priority else (), values)
        case "system":
            return lambda row: row.ref.system.casefold() in values
        case "ref":
            return lambda row: row.ref.key.casefold() in values or str(row.ref).casefold() in values
        case _:
            return lambda row: any(value in row.title.casefold() for value in values)


def _is_status(row: TicketRow, value: str) -> bool:
    category = row.status.category.value
    if category == value or row.status.raw.casefold() == value:
        return True
    return value == StatusCategory.CLOSED.value and category == StatusCategory.RESOLVED.value


def _is_assigned(row: TicketRow, value: str, accounts: Mapping[str, str]) -> bool:
    if value == _NOTHING:
        return not row.assignees
    if value == "me":
        # Without an account on that system nothing there is mine, whatever somebody calls himself.
        account = accounts.get(row.ref.system)
        return account is not None and any(name.casefold() == account for name in row.assignees)
    return any(name.casefold() == value for name in row.assignees)


def _holds(given: Sequence[str], values: Sequence[str]) -> bool:
    folded = [item.casefold() for item in given]
    return any(not folded if value == _NOTHING else any(value in item for item in folded) for value in values)


def _is_one(given: Sequence[str], values: Sequence[str]) -> bool:
    folded = [item.casefold() for item in given]
    return any(not folded if value == _NOTHING else value in folded for value in values)
