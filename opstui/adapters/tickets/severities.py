"""What a system's words for how bad something is mean: ``"1"`` (worst) to ``"4"``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SEVERITIES = ("1", "2", "3", "4")

_WORDS = {
    "1": "1 sev1 sev-1 s1 p1 p0 priority1 critical blocker highest emergency disaster immediate urgent fatal",
    "2": "2 sev2 sev-2 s2 p2 priority2 high major error",
    "3": "3 sev3 sev-3 s3 p3 priority3 medium moderate normal average warning minor",
    "4": "4 sev4 sev-4 s4 p4 p5 priority4 low lowest trivial planning info informational",
}

WORDS: Mapping[str, str] = {
    **{word: severity for severity, words in _WORDS.items() for word in words.split()},
    **{
        f"{severity}{between}{word}": severity
        for severity, words in _WORDS.items()
        for word in words.split()
        for between in ("-", " - ")
        if word.isalpha()
    },
}
"""Words that mean the same wherever they are used for severity or priority, ServiceNow's ``1 - Critical`` too."""


class Severities:
    """A connection's words: those of its config first, then the connector's, both without regard to case."""

    def __init__(self, own: Mapping[str, str], defaults: Mapping[str, str] = WORDS) -> None:
        self._own = {_folded(word): severity for word, severity in own.items() if severity in SEVERITIES}
        self._spelled = {
            wanted: tuple(word for word, severity in own.items() if severity == wanted) for wanted in SEVERITIES
        }
        self._defaults = {_folded(word): severity for word, severity in defaults.items()}

    def of(self, word: str | None) -> str | None:
        """What ``word`` means; None for none and for one that nobody explained: nothing is guessed."""
        if not word:
            return None
        folded = _folded(word)
        return self._own.get(folded) or self._defaults.get(folded)

    def word(self, severity: str, choices: Iterable[str]) -> str | None:
        """The first of the system's ``choices`` that means ``severity``, one that the config names before others.

        None where none does, so that the writer refuses instead of writing something near it.
        """
        fitting = [choice for choice in choices if self.of(choice) == severity]
        return next((choice for choice in fitting if _folded(choice) in self._own), fitting[0] if fitting else None)

    def written(self, severity: str) -> tuple[str, ...]:
        """The words that the config gives this meaning, as it spells them: for lists whose choices nobody tells."""
        return self._spelled.get(severity, ())


def _folded(word: str) -> str:
    return " ".join(word.split()).casefold()
