"""Text as the numbers that a BERT model reads: its tokenizer, uncased, from the model's own vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

_WORD_LIMIT = 100
"""Letters; a longer word is one unknown piece, as in the original."""
_PIECES_KEPT = 20_000


class WordPiece:
    """Words are cut into the longest pieces that the vocabulary has (BERT, ``tokenization.py``)."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._begin, self._end = self._ids["[CLS]"], self._ids["[SEP]"]
        self._unknown = self._ids["[UNK]"]
        self._known: dict[str, tuple[int, ...]] = {}

    def ids(self, text: str, limit: int) -> list[int]:
        """At most ``limit`` numbers, the marks of begin and end among them."""
        found = [self._begin]
        for word in _words(text):
            found += self._pieces(word)
            if len(found) >= limit - 1:
                break
        return [*found[: limit - 1], self._end]

    def _pieces(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= _PIECES_KEPT:
                self._known = {}
            known = self._known[word] = tuple(self._cut(word)) if len(word) <= _WORD_LIMIT else (self._unknown,)
        return known

    def _cut(self, word: str) -> list[int]:
        found = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in self._ids), 0)
            if not end:
                return [self._unknown]
            found.append(self._ids[mark + word[start:end]])
            start = end
        return found


def _words(text: str) -> Iterator[str]:
    """Lower case, without accents; each mark of punctuation and each Chinese character is a word of its own."""
    word = ""
    for char in unicodedata.normalize("NFD", text.lower()):
        if char.isascii() and char.isalnum():
            word += char
            continue
        kind = unicodedata.category(char)
        if kind == "Mn" or (kind.startswith("C") and not char.isspace()) or char == "\ufffd":
            continue
        stands_alone = kind.startswith("P") or (char.isascii() and char.isprintable()) or "\u3400" <= char <= "\u9fff"
        if char.isspace() or stands_alone:
            if word:
                yield word
            word = ""
            if not char.isspace():
                yield char
            continue
        word += char
    if word:
        yield word
