"""The taxonomy: the values that triage, routing and documents may use, and the words that people use for them.

A value that is not in it is reported and never invented. ``Orders DB``, ``orders_db`` and ``orders-db`` are one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from itertools import pairwise
from typing import Any

from opstui.core.frozen import dataclass

KINDS: Mapping[str, str] = {
    "category": "categories",
    "service": "services",
    "severity": "severities",
    "team": "teams",
    "request_type": "request_types",
}
"""What a document calls one of them → the table of the file that holds all of that kind."""
SEVERITIES = ("1", "2", "3", "4")
"""The ids that severities have; ``"1"`` is the worst."""
LONGEST = 6
"""Words of the longest name that is looked for in a text."""

_WORD = re.compile(r"[^\W_]+")
_JOINS = frozenset("-_.@/")
"""Between letters they make one word of two: a path, an address, a name of a machine."""
_LETTER = re.compile(r"[^\W\d_]")
_DIGITS = re.compile(r"-\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One value."""

    id: str
    title: str = ""
    aliases: tuple[str, ...] = ()
    """Other names of it, in tickets and on pages."""
    signs: tuple[str, ...] = ()
    """Words that speak for it without naming it: ``replica lag`` for the category database."""
    team: str | None = None
    """Of a service: the id of the team that looks after it."""
    runbook: str | None = None
    """Of a service: the id of the page to begin with."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Ticket system → what that one calls it, where it is not the id."""

    def called(self, system: str) -> str:
        """The value as the ticket system takes it."""
        return self.names.get(system, self.id)

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that names it."""
        return tuple(dict.fromkeys(word for word in (self.id, self.title, *self.aliases, *self.names.values()) if word))


@dataclass(frozen=True, slots=True)
class Mention:
    """A term that a text names, or has a sign of."""

    term: Term
    word: str
    """As it stands there."""
    is_name: bool
    at: int
    """Where it begins, in code points."""


class Taxonomy:
    """All values. Without any, every value is unknown."""

    def __init__(
        self,
        *,
        services: Iterable[Term] = (),
        teams: Iterable[Term] = (),
        categories: Iterable[Term] = (),
        severities: Iterable[Term] = (),
        request_types: Iterable[Term] = (),
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """``fields``: kind → the custom field of a ticket that holds it, where a system has one."""

        def by_id(terms: Iterable[Term]) -> Mapping[str, Term]:
            return {term.id: term for term in terms}

        self.services = by_id(services)
        self.teams = by_id(teams)
        self.categories = by_id(categories)
        self.severities = by_id(severities)
        self.request_types = by_id(request_types)
        self.fields: Mapping[str, str] = dict(fields or {})

    def __bool__(self) -> bool:
        return any(self.terms(kind) for kind in KINDS)

    def terms(self, kind: str) -> Mapping[str, Term]:
        """The terms of a kind (``service`` or ``services``) by id, in the file's order. Raises KeyError."""
        found: Mapping[str, Term] = getattr(self, KINDS[kind] if kind in KINDS else _known_table(kind))
        return found

    def resolve(self, kind: str, word: str | None) -> Term | None:
        """The term that a word names: by id, title, alias, or what a ticket system calls it."""
        return self._names[KINDS.get(kind, kind)].get(plain(word or ""))

    def mentions(self, kind: str, text: str) -> Iterator[Mention]:
        """Every term of a kind that a text names or has a sign of, in order; of two that overlap the longer.

        A name without a letter, such as the severity ``1``, is in everything and no mention.
        A name ends where the word does: ``db`` is not in ``orders-db-2``, but ``orders-db`` is, of which that is one.
        """
        table = KINDS.get(kind, kind)
        names, signs = self._names[table], self._signs[table]
        if not names and not signs:
            return
        places = [(match.start(), match.end(), match.group().casefold()) for match in _WORD.finditer(text)]
        number = 0
        begins = self._begins[table]
        while number < len(places):
            found = 0
            if places[number][2] not in begins:
                number += 1
                continue
            for count in range(min(LONGEST, len(places) - number), 0, -1):
                start, end = places[number][0], places[number + count - 1][1]
                if not _stands_alone(text, start, end):
                    continue
                words = " ".join(place[2] for place in places[number : number + count])
                term = names.get(words) or signs.get(words)
                if term is not None and _LETTER.search(words) and not _parted(text, places[number : number + count]):
                    yield Mention(term, text[start:end], words in names, start)
                    found = count
                    break
            number += found or 1

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, Term]]:
        return {
            table: {plain(word): term for term in reversed([*self.terms(kind).values()]) for word in term.words}
            for kind, table in KINDS.items()
        }

    @cached_property
    def _begins(self) -> Mapping[str, frozenset[str]]:
        """The first word of everything that is looked for: most words of a text are none."""
        return {
            table: frozenset(words.partition(" ")[0] for words in (*self._names[table], *self._signs[table]))
            for table in KINDS.values()
        }

    @cached_property
    def _signs(self) -> Mapping[str, Mapping[str, Term]]:
        return {
            table: {plain(word): term for term in reversed([*self.terms(kind).values()]) for word in term.signs}
            for kind, table in KINDS.items()
        }


def plain(word: str) -> str:
    """A word as it is compared: small letters and digits, one blank between its parts."""
    return " ".join(_WORD.findall(word.casefold()))


def collisions(terms: Iterable[Term]) -> Iterator[tuple[str, str, str]]:
    """Each word that names two terms of one kind: the word, and both ids in order."""
    owners: dict[str, str] = {}
    for term in terms:
        for word in term.words:
            first = owners.setdefault(plain(word), term.id)
            if first != term.id:
                yield word, first, term.id


def to_json(taxonomy: Taxonomy) -> dict[str, Any]:
    """What an agent is told of it: table → terms, without what is empty."""
    return {
        table: [
            {
                key: list(value) if isinstance(value, tuple) else value
                for key in ("id", "title", "aliases", "signs", "team")
                if (value := getattr(term, key))
            }
            for term in taxonomy.terms(kind).values()
        ]
        for kind, table in KINDS.items()
    }


def from_json(value: Mapping[str, Any]) -> Taxonomy:
    """The other way round; what is no text is left out."""
    tables: dict[str, list[Term]] = {}
    for table in KINDS.values():
        rows = [row for row in value.get(table) or () if isinstance(row, Mapping) and isinstance(row.get("id"), str)]
        tables[table] = [
            Term(
                id=row["id"],
                title=str(row.get("title") or ""),
                aliases=tuple(str(word) for word in row.get("aliases") or ()),
                signs=tuple(str(word) for word in row.get("signs") or ()),
                team=str(row["team"]) if row.get("team") else None,
            )
            for row in rows
        ]
    return Taxonomy(**tables)  # type: ignore[arg-type]


def _known_table(kind: str) -> str:
    if kind not in KINDS.values():
        raise KeyError(kind)
    return kind


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing is joined to a stretch of text; a number behind a dash tells one of several apart."""
    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    if before in _JOINS and text[max(0, start - 2) : start - 1].isalnum():
        return False
    if _DIGITS.match(after):
        return True
    return not (after[:1] in _JOINS and after[1:].isalnum())


def _parted(text: str, places: list[tuple[int, int, str]]) -> bool:
    """Whether the words of a name stand in different sentences or lines."""
    return any(
        len(gap) > 3 or any(char in ".!?;:,()\n" for char in gap)
        for (_, end, _), (start, _, _) in pairwise(places)
        for gap in (text[end:start],)
    )
