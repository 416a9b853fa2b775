"""Small edits of a true sentence, each of which makes it false: what checks have to notice."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from opstui.core.checks.atoms import AtomKind, atoms

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


EDITS: dict[str, Edit] = {
    "number": change_number,
    "time": change_time,
    "identifier": change_identifier,
    "negation": negate,
    "end": claim_the_end,
}


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
