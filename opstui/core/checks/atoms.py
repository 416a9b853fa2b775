"""Atoms: the times, identifiers, names and numbers of a text, and whether a source holds them.

A date and a clock must stand on one source line: found apart, they may belong to two events. ``8:35`` and ``08:35``
are one clock, ``1,248`` and ``1248`` one number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from opstui.core.checks.figures import plain_number
from opstui.core.frozen import dataclass
from opstui.core.tickets import Ticket

Day = tuple[int | None, int, int]
"""Year (None where the text has none), month, day."""
Clock = tuple[int, int, int | None]
"""Hour, minute, second (None where the text has none)."""


class AtomKind(StrEnum):
    """What an atom is. Times and identifiers that no source holds block; names and numbers warn."""

    TIME = "time"
    IDENTIFIER = "identifier"
    NAME = "name"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Atom:
    """One of them, as written and in the form that is compared."""

    kind: AtomKind
    text: str
    key: str = ""
    """Case-folded identifier, or number without separators."""
    day: Day | None = None
    clock: Clock | None = None
    cut: bool = False
    """The text was cut with ``…`` inside this atom: its beginning is enough."""


_MONTHS = {name: index + 1 for index, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split())}
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?"
_CLOCK = r"(?P<h{0}>[01]?\d|2[0-4]):(?P<m{0}>[0-5]\d)(?::(?P<s{0}>[0-5]\d)(?:[.,]\d{{1,9}})?)?(?![\d])(?!:\d)"
_TOKEN = re.compile(
    rf"""
    (?P<url>[a-z][a-z0-9+.-]{{1,15}}://[^\s<>"'`…]+)
    | (?P<iso>(?<![\w-])(?P<y1>\d{{4}})[-/](?P<o1>0?[1-9]|1[0-2])[-/](?P<d1>0?[1-9]|[12]\d|3[01])(?!\d)
        (?:[T\x20]\x20?{_CLOCK.format(1)})?)
    | (?P<dmy>(?<![\w])(?P<d2>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?[\x20/.-]?\x20?(?P<o2>{_MONTH})(?![a-z])
        (?:[\x20/.,-]\x20?(?P<y2>\d{{4}}|\d{{2}}(?![\d:])))?)
    | (?P<mdy>(?<![\w])(?P<o3>{_MONTH})\x20(?P<d3>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?![\d:])
        (?:,?\x20(?P<y3>\d{{4}})(?![\d:]))?)
    | (?P<clock>(?<![\w:.]){_CLOCK.format(4)}(?:\x20?(?P<ap>[ap]\.?m\b\.?))?)
    | (?P<grouped>(?<![\w.,])\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\w,])%?)
    | (?P<word>(?<![^\W_])[^\W_](?:[\w./:@%+~-]*[\w%])?)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*%?\Z")
_QUANTITY = re.compile(
    r"(\d+(?:[.,]\d+)*)(?:ns|us|ms|s|sec|secs|m|min|mins|h|hr|hrs|d|w|k|ki|kb|kib|m|mi|mb|mib|g|gi|gb|gib|t|ti|tb|tib"
    r"|b|x|th|st|nd|rd|pp|rps|qps|rpm|px)\Z",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z][a-z]+[A-Z][a-z]")
_VERSION = re.compile(r"v?\d+(?:\.\d+){2,}\Z")
_HOST = re.compile(r"[a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})+\Z")
_UNITS = frozenset("KiB MiB GiB TiB kB MB GB TB kHz MHz GHz kWh".split())
"""Capitals inside, and yet no identifiers."""
_WORD_NUMBERS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_AS_WORD = {value: word for word, value in _WORD_NUMBERS.items()}
_WORD_NUMBER = re.compile(rf"\b(?:{'|'.join(list(_WORD_NUMBERS)[2:])})\b", re.IGNORECASE)
"""From two on: ``one`` and ``zero`` are other words too often."""
_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?\s?[+-]\d\d:?\d\d\b")
_JOINERS = re.compile(r"[\s,]*(?:at|T|um|@|,)?[\s,]*\Z")


@lru_cache(maxsize=4096)
def atoms(text: str) -> tuple[Atom, ...]:
    """The atoms of one text, in order. A date directly before a clock (or after it) is one time."""
    found: list[Atom] = []
    ends: list[int] = []
    for match in _TOKEN.finditer(text):
        atom = _atom(match, text)
        if atom is None:
            continue
        if found and atom.kind is AtomKind.TIME and found[-1].kind is AtomKind.TIME:
            before = found[-1]
            apart = text[ends[-1] : match.start()]
            if _JOINERS.match(apart) and (
                (before.clock is None and atom.day is None) or (before.day is None and atom.clock is None)
            ):
                found[-1] = Atom(
                    AtomKind.TIME,
                    text=before.text + apart + atom.text,
                    day=before.day or atom.day,
                    clock=before.clock or atom.clock,
                )
                ends[-1] = match.end()
                continue
        found.append(atom)
        ends.append(match.end())
    return tuple(found)


def claimed_atoms(text: str) -> list[Atom]:
    """The atoms of a claim. Where it names one date and clocks apart from it, each clock is taken with that date.

    Numbers that are written as words count.
    """
    found = list(atoms(text))
    for match in _WORD_NUMBER.finditer(text):
        found.append(Atom(AtomKind.NUMBER, match.group(), _WORD_NUMBERS[match.group().casefold()]))
    days = [atom for atom in found if atom.day is not None]
    if len(days) == 1 and days[0].clock is None:
        clocks = [atom for atom in found if atom.clock is not None]
        if clocks:
            day = days[0]
            found = [
                Atom(AtomKind.TIME, text=f"{day.text} {atom.text}", day=day.day, clock=atom.clock)
                if atom.clock is not None
                else atom
                for atom in found
                if atom is not day
            ]
    return found


class Evidence:
    """The lines that a claim cites, with what belongs to their sources as a whole, ready to be asked for atoms."""

    __slots__ = ("_folded", "_lines", "_moments")

    def __init__(self, lines: Sequence[str], moments: Iterable[datetime] = (), names: Iterable[str] = ()) -> None:
        self._lines = lines
        self._folded = [line.casefold() for line in (*lines, *names)]
        self._moments = [_of_moment(moment) for moment in moments]

    def holds(self, atom: Atom, *, to_the_minute: bool = False) -> bool:
        """Whether the atom stands there. ``to_the_minute``: its seconds count only where a source has some."""
        if atom.kind is AtomKind.TIME:
            if to_the_minute and atom.clock is not None and atom.clock[2] is not None and self._holds_time(atom):
                return True
            return self._holds_time(atom, whole=not to_the_minute) or any(
                _same_time(atom, _of_moment(moment)) for moment in _with_offsets(self._lines)
            )
        if atom.kind is AtomKind.NUMBER:
            return self._holds_number(atom)
        return any(_stands_in(atom.key, line, cut=atom.cut) for line in self._folded) or (
            not atom.cut and any(_is_told_in(atom, line) for line in self._folded)
        )

    @property
    def folded(self) -> Sequence[str]:
        """The lines and names, case-folded."""
        return self._folded

    def _holds_time(self, wanted: Atom, *, whole: bool = True) -> bool:
        if any(_same_time(wanted, moment) for moment in self._moments):
            return True
        if not whole and wanted.clock is not None:
            wanted = Atom(wanted.kind, wanted.text, day=wanted.day, clock=(*wanted.clock[:2], None))
        # Reading times is what costs (about 1 ms for 1,500 characters), so only lines with the right digits are read.
        digits = f":{wanted.clock[1]:02d}" if wanted.clock is not None else str(wanted.day[2]) if wanted.day else ""
        for text in self._lines:
            if digits not in text:
                continue
            line = [atom for atom in atoms(text) if atom.kind is AtomKind.TIME]
            if wanted.day is None or wanted.clock is None:
                if any(_same_time(wanted, atom) for atom in line):
                    return True
                continue
            if any(_same_time(wanted, atom) for atom in line if atom.day is not None and atom.clock is not None):
                return True
            # A line that names the clock alone takes the date from elsewhere on it, or from its entry's own time.
            days = [atom.day for atom in line if atom.day is not None and atom.clock is None]
            days += [moment.day for moment in self._moments if moment.day is not None]
            clocks = [atom.clock for atom in line if atom.clock is not None and atom.day is None]
            if any(_same_day(wanted.day, day) for day in days) and any(_same_clock(wanted.clock, c) for c in clocks):
                return True
        return False

    def _holds_number(self, wanted: Atom) -> bool:
        word = _AS_WORD.get(wanted.key)
        for text in self._lines:
            # Reading a line costs (about 1 ms for 1,500 characters), so only lines with the right digits are read.
            if wanted.key in (text.replace(",", "") if "," in text else text):
                numbers = [atom.key for atom in atoms(text) if atom.kind is AtomKind.NUMBER]
                if wanted.key in numbers or (wanted.cut and any(one.startswith(wanted.key) for one in numbers)):
                    return True
            if word is not None and re.search(rf"\b{word}\b", text, re.IGNORECASE):
                return True
        # ``web-001, -002``: the end of a name that stands there whole.
        return wanted.text.startswith("0") and any(_ends_a_name(wanted.text, line) for line in self._folded)


def identifiers(text: str) -> list[str]:
    """The identifiers of a text as written, each once, in order."""
    return list(dict.fromkeys(atom.text for atom in atoms(text) if atom.kind is AtomKind.IDENTIFIER and not atom.cut))


def ticket_identifiers(ticket: Ticket, limit: int = 20_000) -> list[str]:
    """The identifiers of a ticket's title, body and entries (their first ``limit`` characters), each once."""
    text = "\n".join([ticket.title, ticket.body[:limit], *(entry.text[:2000] for entry in ticket.timeline)])[:limit]
    return list(dict.fromkeys(name for line in text.split("\n") for name in identifiers(line[:2000])))


def shared_identifiers(one: Ticket, other: Ticket, limit: int = 5) -> tuple[str, ...]:
    """Identifiers that both tickets name, in the first one's words and order."""
    theirs = {name.casefold() for name in ticket_identifiers(other)}
    shared = [name for name in ticket_identifiers(one) if name.casefold() in theirs and len(name) > 3]
    return tuple(shared[:limit])


def _atom(match: re.Match[str], text: str) -> Atom | None:
    cut = text.startswith("…", match.end())
    if match["iso"]:
        day = (int(match["y1"]), int(match["o1"]), int(match["d1"]))
        return Atom(AtomKind.TIME, match.group(), day=day, clock=_clock(match, "1"), cut=cut)
    if match["dmy"] or match["mdy"]:
        index = "2" if match["dmy"] else "3"
        if match[f"o{index}"] == "may":  # the verb: "it may 3 times"
            return Atom(AtomKind.NUMBER, match[f"d{index}"], plain_number(match[f"d{index}"]), cut=cut)
        month = _MONTHS[match[f"o{index}"][:3].casefold()]
        year = match[f"y{index}"]
        number = None if year is None else int(year) + (2000 if len(year) == 2 else 0)
        return Atom(AtomKind.TIME, match.group(), day=(number, month, int(match[f"d{index}"])), cut=cut)
    if match["clock"]:
        hour, minute, second = _clock(match, "4") or (0, 0, None)
        if match["ap"]:
            hour = hour % 12 + (12 if match["ap"].casefold().startswith("p") else 0)
        return Atom(AtomKind.TIME, match.group(), clock=(hour, minute, second), cut=cut)
    if match["grouped"]:
        return Atom(AtomKind.NUMBER, match.group(), plain_number(match.group()), cut=cut)
    if match["url"]:
        url = match.group().rstrip(".,;:!?)]}'\"")
        return Atom(AtomKind.IDENTIFIER, url, url.casefold(), cut=cut and len(url) == len(match.group()))
    return _word(match.group(), cut)


def _word(word: str, cut: bool) -> Atom | None:
    word = word.rstrip("/:.+~@-") or word
    if word.isalpha():
        if word in _UNITS:
            return None
        return Atom(AtomKind.IDENTIFIER, word, word.casefold(), cut=cut) if _CAMEL.search(word) else None
    if _VERSION.match(word):
        return Atom(AtomKind.IDENTIFIER, word, word.casefold(), cut=cut)
    if _NUMBER.match(word):
        return Atom(AtomKind.NUMBER, word, plain_number(word), cut=cut)
    quantity = _QUANTITY.match(word)
    if quantity:
        return Atom(AtomKind.NUMBER, word, plain_number(quantity[1]), cut=cut)
    has_digit = any(char.isdigit() for char in word)
    has_letter = any(char.isalpha() for char in word)
    if (
        (has_digit and has_letter)
        or ("_" in word.strip("_") and has_letter)
        or _CAMEL.search(word)
        or _HOST.match(word)
        or word.count("/") > 1
        or (has_digit and sum(word.count(mark) for mark in ".:-/") > 1)
    ):
        return Atom(AtomKind.IDENTIFIER, word, word.casefold(), cut=cut)
    if has_digit:
        return Atom(AtomKind.NUMBER, word, plain_number(word), cut=cut)
    if "-" in word and has_letter:
        return Atom(AtomKind.NAME, word, word.casefold(), cut=cut)
    return None


def _clock(match: re.Match[str], index: str) -> Clock | None:
    if match[f"h{index}"] is None:
        return None
    second = match[f"s{index}"]
    return int(match[f"h{index}"]), int(match[f"m{index}"]), int(second) if second is not None else None


def _of_moment(moment: datetime) -> Atom:
    return Atom(
        AtomKind.TIME,
        "",
        day=(moment.year, moment.month, moment.day),
        clock=(moment.hour, moment.minute, moment.second),
    )


def _with_offsets(lines: Sequence[str]) -> Iterator[datetime]:
    """Moments that are written with another zone's offset: in UTC they have other digits."""
    for line in lines:
        if ":" not in line or not ("+" in line or "-" in line):
            continue
        for match in _OFFSET.finditer(line):
            try:
                moment = datetime.fromisoformat(match.group().replace(" +", "+").replace(" -", "-").replace(",", "."))
            except ValueError:
                continue
            if moment.utcoffset():
                yield moment.astimezone(UTC)


def _ends_a_name(text: str, line: str) -> bool:
    at = line.find(f"-{text}")
    while at >= 0:
        if at and line[at - 1].isalnum() and not line[at + 1 + len(text) : at + 2 + len(text)].isalnum():
            return True
        at = line.find(f"-{text}", at + 1)
    return False


def _same_time(wanted: Atom, there: Atom) -> bool:
    if wanted.day is not None and not (there.day is not None and _same_day(wanted.day, there.day)):
        return False
    return wanted.clock is None or (there.clock is not None and _same_clock(wanted.clock, there.clock))


def _same_day(wanted: Day, there: Day) -> bool:
    return wanted[1:] == there[1:] and (wanted[0] is None or there[0] is None or wanted[0] == there[0])


def _same_clock(wanted: Clock, there: Clock) -> bool:
    return wanted[:2] == there[:2] and (wanted[2] is None or wanted[2] == there[2])


def _is_told_in(wanted: Atom, line: str) -> bool:
    """Whether it is cut out of the line in the same way: ``-Dname`` and ``_name_`` hold a name between their marks."""
    at = line.find(wanted.key)
    while at >= 0:
        end = at + len(wanted.key)
        near = line[max(0, at - 2) : end + 2]
        if at and not line[at - 1].isalnum() and any(atom.key == wanted.key for atom in atoms(near)):
            return True
        if at and line[at - 1] in "-_*" and not line[at - 2 : at - 1].isalnum() and not line[end : end + 1].isalnum():
            return True
        at = line.find(wanted.key, at + 1)
    return False


def _stands_in(name: str, line: str, *, cut: bool = False) -> bool:
    """Whether ``name`` stands in ``line`` as a whole: ``web-1`` is not in ``web-12``, but in ``web-1.example.com``."""
    at = line.find(name)
    while at >= 0:
        before = line[at - 1] if at else ""
        after = line[at + len(name) :][:2]
        # What follows an escaped newline in a quoted JSON text is the beginning of a word, not "n" plus the word.
        starts = (
            not before
            or not (before.isalnum() or before in "_-")
            or (before in "nrt" and line[at - 2 : at - 1] == "\\")
        )
        if starts and before == "." and name[0].isdigit() and line[at - 2 : at - 1].isdigit():
            starts = False
        ends = (
            cut
            or not after
            or (
                not (after[0].isalnum() or after[0] == "_")
                and not (after[0] in "-" and len(after) > 1 and after[1].isalnum())
                and not (after[0] in "." and len(after) > 1 and name[-1].isdigit() and after[1].isdigit())
            )
        )
        if starts and ends:
            return True
        at = line.find(name, at + 1)
    return False
