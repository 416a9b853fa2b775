"""From one ticket to every ticket like it: names, machines, ids and times of the case become words for what they are.

A page tells the next person what to do, so it holds nothing of the requester and nothing of one night (KCS: "no
requester-specific data"). What cannot be told apart from a product's own words stays; a person reads the page anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from opstui.core.checks.atoms import AtomKind, atoms
from opstui.core.documents import ActorType
from opstui.core.extract.units import actor_type
from opstui.core.frozen import dataclass
from opstui.core.tickets import Ticket

NAME, HOST, INSTANCE, ID, TICKET, ADDRESS, LINK, TIME = (
    "[name]", "[host]", "[instance]", "[id]", "[ticket]", "[address]", "[link]", "[time]",
)  # fmt: skip
"""What stands on the page instead."""

_LINK = re.compile(r"[a-z][a-z0-9+.-]{1,15}://[^\s<>\"'`)\]]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_MENTION = re.compile(r"(?<![\w@`])@[a-z][\w.-]{1,38}\w", re.IGNORECASE)
_IP = re.compile(
    r"(?<![\w.:-])(?:(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?|(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}|[0-9a-f:]*::[0-9a-f:]+)"
    r"(?![\w.:-])",
    re.IGNORECASE,
)
_UUID = re.compile(r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.IGNORECASE)
_HEX = re.compile(r"(?<![\w-])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{10,}(?![\w-])", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<![\w.,:/=-])\d{6,}(?![\w.,:%/-])")
_NUMBERED = re.compile(r"(?<!\w)#\d{3,}(?!\w)")
_POD = re.compile(r"(?<![\w.-])[a-z][a-z0-9-]{1,60}-[a-f0-9]{6,10}-[a-z0-9]{5}(?![\w-])")
_MACHINE = re.compile(r"(?<![\w./@-])(?P<stem>[a-z][a-z0-9]*(?:-[a-z0-9]+)*?)-?(?P<number>\d{1,4})(?![\w/]|[.-]\w)")
_REGION = re.compile(r"[a-z]{2}-(?:gov-)?[a-z]+-\d[a-z]?\Z")
_HOST = re.compile(r"(?<![\w./@-])[a-z0-9-]{2,63}(?:\.[a-z0-9-]{2,63}){2,}(?![\w/-]|\.\w)", re.IGNORECASE)
_VERSION = re.compile(r"v?\d+(?:\.[\dA-Za-z]+)*\Z")
_ZONE = r"(?:\s*\b(?:UTC|GMT|CES?T|[ECMP][SD]T|[AP]M)\b|Z\b)?"
_AT_A_TIME = re.compile(
    rf"(?<!\s)\s+(?:at|on|since|as of|by|until|till)\s+\[time\]{_ZONE}(?=[\s.,;:)!?]|\Z)"
    r"(?!\s+(?:to|and|until|till|-|–))",
    re.IGNORECASE,
)
_BEGINS = re.compile(rf"\A(?:(?:at|on|since|around)\s+)?\[time\]{_ZONE}[\s:,–-]+(?=\w)", re.IGNORECASE)
_NO_MACHINES = frozenset(
    "step tier level sev severity phase top stage part version line section page layer type class exit code port"
    " http https ipv utf sha md rfc q h v p s n k m t x priority day week hour minute shard replica stable alpha beta"
    " rc".split()
)
"""Words before a number that are no machine's name: ``step-2``, ``sha256``, ``rc1``."""
_MACHINES = re.compile(
    r"\A(?:[a-z0-9]+-)*(?:host|node|web|db|app|srv|server|vm|worker|agents?|cache|proxy|gw|gateway|router|switch|lb|mq|"
    r"broker|disk|rack|box|machine|desktop|laptop|printer|ap|ip|primary|secondary|master|slave|etcd|redis|kafka|"
    r"postgres|mysql|nginx|haproxy|runner|bastion|jump|mail|mx|ns|dns|fw|storage|store|queue|build|edge|core|leaf|spine"
    r"|pod|instance|member|broker|osd|mon|master|ctrl|control|compute|gpu|hv|esx|nas|san|backup)\Z"
)
_PARTY = re.compile(
    r"(?i:\b(customer|client|tenant|merchant|account|subscriber|partner))(?i:\s+(?:named|called))?\s+"
    r"(?P<who>[A-Z][\w&'-]*[a-z][\w&'-]*(?:\s+(?:[A-Z][\w&'-]+|GmbH|Ltd|Inc|AG|SA))*)"
)
_ORDINARY = frozenset(
    "admin operator support oncall on-call user users team desk service helpdesk root monitoring system customer"
    " network security platform database infrastructure operations engineering nobody unknown me".split()
)
"""Names of accounts that name nobody."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What belongs to the tickets a page is made from."""

    names: tuple[str, ...] = ()
    """People: authors, assignees; longest first."""
    keys: tuple[str, ...] = ()
    """Tickets: keys as people write them."""


def particulars(tickets: Iterable[Ticket]) -> Particulars:
    """The people and keys of some tickets."""
    names: dict[str, None] = {}
    keys: dict[str, None] = {}
    for ticket in tickets:
        # A key that is but a number is not told from any other one.
        keys.update(dict.fromkeys((str(ticket.ref), ticket.ref.called)))
        people = [str(name) for name in ticket.assignees]
        people += [str(entry.author) for entry in ticket.timeline if _is_person(str(entry.author))]
        for person in people:
            for name in (person, *re.split(r"[\s,]+", person)):
                plain = name.strip(" ,.;:()<>\"'")
                if len(plain) >= 3 and plain.casefold() not in _ORDINARY:
                    names.setdefault(plain)
    longest = sorted(names, key=lambda name: (-len(name), name))
    return Particulars(tuple(longest), tuple(sorted(keys, key=lambda key: (-len(key), key))))


def general(text: str, given: Particulars) -> str:
    """``text`` without what belongs to one case; idempotent."""
    text = _LINK.sub(LINK, text)
    text = _EMAIL.sub(ADDRESS, text)
    for key in given.keys:
        text = _any_of((key,)).sub(TICKET, text)
        stem, dash, number = key.rpartition("-")
        if dash and stem.isupper() and number.isdigit():
            text = re.sub(rf"(?<![\w-]){re.escape(stem)}-\d+(?![\w-])", TICKET, text)
    text = _times(text)
    text = _IP.sub(_address, text)
    text = _UUID.sub(ID, text)
    text = _POD.sub(INSTANCE, text)
    text = _HOST.sub(_host, text)
    text = _MACHINE.sub(_machine, text)
    text = _HEX.sub(ID, text)
    text = _LONG_NUMBER.sub(ID, _NUMBERED.sub(ID, text))
    text = _PARTY.sub(lambda match: f"{match[1]} {NAME}", text)
    text = _MENTION.sub(NAME, text)
    return _any_of(given.names).sub(NAME, text) if given.names else text


@lru_cache(maxsize=64)
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the names as a whole, the first that fits: one look at a text, however many people a ticket has."""
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(_written, names))})(?![\w-])")


def _written(name: str) -> str:
    # A short name may be a word of the language, so it counts as it is written and as people write names: tom, Tom.
    if len(name) > 3:
        return f"(?i:{re.escape(name)})"
    return "|".join(dict.fromkeys((re.escape(name), re.escape(name.capitalize()))))


def _is_person(author: str) -> bool:
    return bool(author) and actor_type(author, None) is not ActorType.AUTOMATION


def _times(text: str) -> str:
    """Dates and clock times of the case. ``every 5 minutes`` is no such time, and neither is a number."""
    for atom in atoms(text):
        if atom.kind is AtomKind.TIME and (
            atom.clock is not None or (atom.day is not None and atom.day[0] is not None)
        ):
            text = text.replace(atom.text, TIME, 1)
    # ``restarted it at [time] UTC`` says no more than ``restarted it``.
    return _BEGINS.sub("", _AT_A_TIME.sub("", text))


def _address(match: re.Match[str]) -> str:
    found = match.group()
    octets = re.findall(r"\d+", found.partition("/")[0])
    if "." in found and any(int(octet) > 255 for octet in octets):
        return found
    if found.startswith(("127.", "0.0.0.0")) or found in ("::1", "::"):
        return found  # the same on every machine
    return ADDRESS


def _host(match: re.Match[str]) -> str:
    found = match.group()
    last = found.rpartition(".")[2]
    if (
        _VERSION.match(found)
        or not last.isalpha()
        or last.casefold() in ("md", "yaml", "yml", "json", "conf", "log", "gz")
    ):
        return found
    return HOST


def _machine(match: re.Match[str]) -> str:
    """A name that ends with a number: a machine where the word before it is one, or several words are joined."""
    found, stem = match.group(), match["stem"].rstrip("-")
    if _REGION.match(found) or stem.rpartition("-")[2] in _NO_MACHINES:
        return found
    # ``print-07``: people count in two digits what there is a row of.
    is_one = stem.count("-") >= 1 or match["number"].startswith("0") or _MACHINES.match(stem)
    joined = found[len(stem) :].startswith("-") and is_one
    return INSTANCE if joined or (_MACHINES.match(stem) and len(found) > len(stem) + 1) else found
