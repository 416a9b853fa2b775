"""Who did it: the people and teams that a claim names have to be those of what it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from opstui.core.checks.alignment import swapped
from opstui.core.checks.spans import Cited
from opstui.core.tickets import Ticket

_DID = (
    r"restarted|rebooted|rolled|reverted|deployed|drained|cordoned|cleared|purged|flushed|killed|increased|raised|lowered"
    r"|extended|scaled|blocked|disabled|enabled|rotated|revoked|deleted|removed|added|moved|silenced|muted|renewed"
    r"|replaced|switched|redeployed|paused|resumed|stopped|started|applied|patched|tried|checked|verified|confirmed"
    r"|compared|inspected|investigated|reported|reports|says|said|asked|asks|told|wrote|writes|found|suspects|suspected"
    r"|noticed|saw|sees|called|paged|escalated|approved|closed|reopened|acknowledged|assigned|took|takes|ran|set|put"
)
_SUBJECT = re.compile(rf"\A([A-Z][a-z]{{2,20}}(?: [A-Z][a-z]{{2,20}})?) (?:has |had )?(?:{_DID})\b")
_NAMED = re.compile(
    r"\b(?:by|told|asked|asks|assigned to|escalated to|handed to|owner:?|paged|according to|tells)"
    r" (?:the )?([A-Z][a-z]{2,20}(?: [A-Z][a-z]{2,20})?)\b(?![.-]\w)"
)
_NOBODY = frozenset(
    "nobody someone somebody everyone everybody support operations engineering customers customer users user clients"
    " engineer engineers operator operators team teams staff management monitoring they this that these those it he she"
    " the another other one several both all none there here when after before since service vendor somebody"
    " database application server host node pod container deployment kubernetes cluster alert monitor ticket page"
    " restart restarting recovery it's system systems logs log metrics traffic errors error latency load memory disk"
    " monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december".split()
)


def strangers(text: str, cited: Cited, people: Sequence[str]) -> list[str]:
    """People that the text names and that neither the cited lines nor who wrote them name, each once.

    Known are ``people``, those of the ticket; of others, whoever is written large where somebody acts or is addressed.
    """
    there = f"{cited.words} {' '.join(cited.names).casefold()}"
    found = [name for name in _mentioned(text, people) if not _stands(name, there)]
    for name in _made(text):
        if not any(_stands(part, there) for part in name.casefold().split()) and name.casefold() not in found:
            found.append(name)
    for theirs, ours in swapped(text, cited.text):
        # In a sentence that is the same but for a few words, a name stands where others do.
        was_somebody = any(word in people for word in theirs.casefold().split())
        for word in ours.split():
            low = word.casefold()
            is_name = word.isalpha() and (word.istitle() or (was_somebody and word == ours.split()[-1]))
            if is_name and low not in _NOBODY and not _stands(low, there) and low[:4] not in theirs.casefold():
                if was_somebody or not text.startswith(word):
                    found.append(word)
    return list(dict.fromkeys(found))


def is_named(who: str, cited: Cited, also: Sequence[str] = ()) -> bool:
    """Whether somebody is the author of what is cited, is named there, or is one of ``also``."""
    low = who.casefold().strip()
    return (
        not low
        or any(low == name.casefold() for name in (*cited.names, *also))
        or _stands(low, cited.words)
        or _stands(low, " ".join(cited.names).casefold())
    )


def people_of(ticket: Ticket) -> tuple[str, ...]:
    """Who wrote in the ticket or has it, each once, in small letters."""
    names = [str(entry.author) for entry in ticket.timeline]
    names += [str(name) for name in ticket.assignees]
    return tuple(dict.fromkeys(name.casefold() for name in names if len(name) > 2))


def _mentioned(text: str, people: Sequence[str]) -> Iterator[str]:
    low = text.casefold()
    for name in people:
        if name in low and _stands(name, low):
            yield name


def _made(text: str) -> Iterator[str]:
    subject = _SUBJECT.match(text)
    if subject and subject[1].casefold() not in _NOBODY and subject[1].split()[0].casefold() not in _NOBODY:
        yield subject[1]
    for match in _NAMED.finditer(text):
        if match[1].casefold() not in _NOBODY and match[1].split()[0].casefold() not in _NOBODY:
            yield match[1]


@lru_cache(maxsize=1024)
def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w@.-]){re.escape(name)}(?![\w-]|\.\w)")


def _stands(name: str, text: str) -> bool:
    return name in text and _whole(name).search(text) is not None
