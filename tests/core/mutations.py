"""Small edits of a true sentence, each of which makes it false: what checks have to notice."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from opstui.core.checks.atoms import AtomKind, atoms
from opstui.core.documents import Actor, Citation, StepResult, SummaryStatus, Tristate, kind_of

Edit = Callable[[str, random.Random], str | None]


def change_number(text: str, chance: random.Random) -> str | None:
    """Another number in the place of one that stands alone."""
    return _changed(text, AtomKind.NUMBER, chance)


def change_time(text: str, chance: random.Random) -> str | None:
    """Another digit in a date or a clock, so that it is still one."""
    found = [atom for atom in atoms(text) if atom.kind is AtomKind.TIME and atom.text.strip() in text]
    if not found:
        return None
    atom = chance.choice(found)
    words = atom.text.strip()
    places = [match.start() for match in re.finditer(r"(?<=[:\-/ ])\d(?=\d)|(?<=\d)\d", words)]
    chance.shuffle(places)
    for place in places:
        digit = str((int(words[place]) + 1 + chance.randrange(3)) % 10)
        other = words[:place] + digit + words[place + 1 :]
        read = [item for item in atoms(other) if item.kind is AtomKind.TIME]
        if read and (read[0].day, read[0].clock) != (atom.day, atom.clock) and read[0].text.strip() == other:
            return text.replace(words, other, 1)
    return None


def change_identifier(text: str, chance: random.Random) -> str | None:
    """Another letter or digit in an identifier."""
    return _changed(text, AtomKind.IDENTIFIER, chance)


def negate(text: str, chance: random.Random) -> str | None:
    """``not`` taken out, or put in after a verb."""
    out = re.sub(r"\b(?:not |no longer |never )|(?<=\w)n't\b", "", text, count=1)
    if out != text and re.search(r"\w", out):
        return " ".join(out.split())
    if re.search(r"\b(?:nobody|no|none|nothing|neither|without)\b", text, re.IGNORECASE):
        return None  # one more negation would not make it say the opposite
    match = re.search(r"\b(?:is|are|was|were|has|have|does|did|can|will)\b(?= [a-z]{4,})", text)
    return f"{text[: match.end()]} not{text[match.end() :]}" if match else None


def claim_the_end(text: str, _chance: random.Random) -> str | None:
    """A happy end that the source does not tell."""
    if re.search(r"resolved|fixed|recovered|restored", text, re.IGNORECASE):
        return None
    return f"{text.rstrip('.… ')}, now fixed."[:280]


STATES = (
    ("up", "down"), ("healthy", "unhealthy"), ("available", "unavailable"), ("reachable", "unreachable"),
    ("rose", "fell"), ("increased", "decreased"), ("enabled", "disabled"), ("started", "stopped"),
    ("succeeded", "failed"), ("passed", "failed"), ("fails", "succeeds"), ("failed", "succeeded"),
    ("open", "closed"), ("closed", "open"), ("high", "low"), ("full", "empty"), ("ready", "not ready"),
    ("before", "after"), ("above", "below"), ("slow", "fast"), ("running", "stopped"), ("primary", "standby"),
    ("fixed", "still broken"), ("resolved", "still open"), ("recovered", "still failing"), ("true", "false"),
)  # fmt: skip
"""A word of a state, and what makes it another one."""
STRANGERS = ("Marta Kowalski", "Tom", "Yusuf Demir", "ingrid")


def change_state(text: str, chance: random.Random) -> str | None:
    """Another state in the place of the one that is told."""
    found = [pair for pair in STATES if re.search(rf"(?<![\w-]){pair[0]}(?![\w-])", text, re.IGNORECASE)]
    found = [pair for pair in found if not re.search(rf"(?<![\w-]){pair[1]}(?![\w-])", text, re.IGNORECASE)]
    if not found:
        return None
    one, other = chance.choice(found)
    return re.sub(rf"(?<![\w-]){one}(?![\w-])", other, text, count=1, flags=re.IGNORECASE)


def owner_change(people: Sequence[str]) -> Edit:
    """An edit that lets somebody else have done it: one of ``people`` or a stranger."""

    def change(text: str, chance: random.Random) -> str | None:
        named = [name for name in people if len(name) > 2 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
        if not named:
            return None
        name = chance.choice(named)
        others = [other for other in (*people, *STRANGERS) if other.casefold() not in text.casefold()]
        return re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", chance.choice(others), text, count=1)

    return change


EDITS: dict[str, Edit] = {
    "number": change_number,
    "time": change_time,
    "identifier": change_identifier,
    "negation": negate,
    "end": claim_the_end,
    "state": change_state,
}

_BY_CODE = {"head", "not_included", "open_questions", "sla", "severity", "id", "confidence", "confidence_reason", "why"}
_NO_WORDS = {
    "id",
    "type",
    "display",
    "doc_id",
    "relation",
    "label",
    "kind",
    "method",
    "name",
    "verb",
    "title",
    "reason",
}
_WHO = {"owner", "who"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A document with one false thing in it."""

    kind: str
    """``number``, ``time``, …; with ``value`` before it where no sentence was changed."""
    place: str
    before: str
    after: str
    document: Any


def mutants(document: Any, people: Sequence[str], chance: random.Random, *, each: int = 1) -> Iterator[Mutant]:
    """A document per edit that is possible: in each sentence and in each value that an agent can set."""
    by_code = set(kind_of(document).by_code) | _BY_CODE
    edits = EDITS | {"owner": owner_change(people)}
    for item in fields(document):
        if item.name in by_code:
            continue
        for place, value, rebuild in _leaves(getattr(document, item.name), item.name):
            for kind, other in _others(place, value, people, edits, chance, each):
                whole = replace(document, **{item.name: rebuild(other)})
                yield Mutant(kind, place, str(value), str(other), whole)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    if isinstance(value, Citation) or value is None:
        return
    if isinstance(value, tuple):
        for index, part in enumerate(value):
            for inner, leaf, rebuild in _leaves(part, f"{place}.{index}"):
                yield (
                    inner,
                    leaf,
                    lambda new, i=index, r=rebuild: (*value[:i], r(new), *value[i + 1 :]),
                )
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            if item.name in _BY_CODE and not (item.name == "id" and isinstance(value, Actor)):
                continue
            for inner, leaf, rebuild in _leaves(getattr(value, item.name), f"{place}.{item.name}"):
                yield inner, leaf, lambda new, n=item.name, r=rebuild: replace(value, **{n: r(new)})
    else:
        yield place, value, lambda new: new


def _others(
    place: str, value: Any, people: Sequence[str], edits: dict[str, Edit], chance: random.Random, each: int
) -> Iterator[tuple[str, Any]]:
    name = place.rpartition(".")[2]
    if isinstance(value, datetime):
        yield "value time", value + timedelta(minutes=chance.choice((-61, -7, 3, 17, 60 * 24)))
    elif isinstance(value, Enum):
        if isinstance(value, (StepResult, SummaryStatus, Tristate)):
            others = [other for other in type(value) if other is not value and other.value != "unknown"]
            yield "value state", chance.choice(others)
    elif isinstance(value, str) and (name in _WHO or place.endswith(".by.id")):
        others = [other for other in (*people, *STRANGERS) if other.casefold() != value.casefold()]
        yield "value owner", chance.choice(others)
    elif isinstance(value, str) and name not in _NO_WORDS and value:
        for kind, edit in edits.items():
            for _ in range(each):
                if kind == "end" and name not in ("text", "what"):
                    continue
                other = edit(value, chance)
                if other is not None and other != value:
                    yield kind, other


def _changed(text: str, kind: AtomKind, chance: random.Random) -> str | None:
    found = [atom for atom in atoms(text) if atom.kind is kind and text.count(atom.text) == 1]
    if not found:
        return None
    word = chance.choice(found).text
    places = [index for index, char in enumerate(word) if char.isdigit()] or [
        index for index, char in enumerate(word) if char.isalpha()
    ]
    place = chance.choice(places)
    old = word[place]
    if old.isdigit():
        new = str((int(old) + 1 + chance.randrange(8)) % 10)
    else:
        new = chance.choice([char for char in "bdfghkmqxz" if char != old.casefold()])
    return text.replace(word, word[:place] + new + word[place + 1 :], 1)
