"""A sentence of a ticket said again as a model says it: other order, other words, the same facts."""

from __future__ import annotations

import random
import re

from opstui.core.checks.atoms import atoms
from opstui.core.extract.claims import cut

_OTHER_WORDS = (
    (r"\bdid not help\b", "had no effect"),
    (r"\bhas no effect\b", "does not help"),
    (r"\bwas rolled out to\b", "went out to"),
    (r"\brestarted\b", "was restarted"),
    (r"\bfailing\b", "showing failures"),
    (r"\breturns\b", "answers with"),
    (r"\bthrows\b", "raises"),
    (r"\bwhen\b", "as soon as"),
    (r"\bbecause\b", "since"),
    (r"\bshould\b", "ought to"),
    (r"\bcannot\b", "can not"),
    (r"\bcan't\b", "cannot"),
    (r"\bdoesn't\b", "does not"),
    (r"\bdon't\b", "do not"),
    (r"\bisn't\b", "is not"),
    (r"\bseems to\b", "apparently does"),
    (r"\bhowever,? ?", "but "),
    (r"\bcustomers\b", "users"),
    (r"\bissue\b", "problem"),
    (r"\bbug\b", "defect"),
    (r"\bcauses\b", "leads to"),
    (r"\balso\b ?", ""),
    (r"\bjust\b ?", ""),
    (r"\bvery\b ?", ""),
    (r"\bcurrently\b ?", ""),
)
_LEADS = ("According to the ticket, ", "It is reported that ", "The reporter states that ", "The log shows: ", "")


def paraphrased(text: str, chance: random.Random) -> str | None:
    """Another wording of ``text`` that says the same; None where no rule applies."""
    said = text
    for pattern, other in chance.sample(_OTHER_WORDS, k=len(_OTHER_WORDS)):
        said = re.sub(pattern, other, said, flags=re.IGNORECASE)
    said = _figures(said, chance)
    parts = re.split(r"(?<=[a-z]), (?=[a-z]{3,} )", said.rstrip(". "))
    if len(parts) == 2 and not re.match(r"(?:and|but|or|which|who|so|not|then|as|since|because|if|when)\b", parts[1]):
        said = f"{parts[1]}, and {parts[0]}" if chance.random() < 0.5 else said
    lead = chance.choice(_LEADS)
    if lead and said[:1].isupper() and said[1:2].islower():
        said = lead + said[0].lower() + said[1:]
    elif lead:
        said = lead + said
    said = " ".join(said.split())
    said = cut(said, 280)
    return said if said.casefold().rstrip(". ") not in text.casefold() else None


def _figures(text: str, chance: random.Random) -> str:
    """Separators, padding and signs as another author writes them."""
    text = re.sub(r"(\d) %", r"\1%", text) if chance.random() < 0.5 else re.sub(r"(\d)%", r"\1 %", text)
    if chance.random() < 0.5:
        text = re.sub(r"(?<![\d:.])0(\d:[0-5]\d)(?!\d)", r"\1", text)
    for atom in atoms(text):
        if atom.kind.value == "number" and re.fullmatch(r"\d{4,6}", atom.text) and text.count(atom.text) == 1:
            if not re.fullmatch(r"(?:19|20)\d\d", atom.text) and chance.random() < 0.5:
                text = text.replace(atom.text, f"{int(atom.text):,}")
    return text
