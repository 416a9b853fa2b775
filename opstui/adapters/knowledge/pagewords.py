"""Where the words of a page stand, by the stems that the index itself uses."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import apsw

from opstui.adapters.knowledge.ranking import Words, sections
from opstui.adapters.knowledge.words import telling, words
from opstui.core.knowledge import PageFacts
from opstui.core.text import lines

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""FTS5's, for the index and for every query."""
READ_LIMIT = 200_000
"""Code points of a page in which lines are looked for. All of it is indexed; a runbook has 4,000, the longest of 585
real ones 63,000. A megabyte takes 0.15 s, and twenty such pages may answer one query."""
_KEPT = 4_000_000
"""Code points of pages whose words stay in memory: finding them is most of a search's time."""
_STEMS_KEPT = 50_000
_TOKEN = re.compile(r"[^\W_]+|\n")


class Stems:
    """Words → stems. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # apsw hands a tokenizer out per connection, and a connection serves one thread at a time: hence our own.
        self._connection = apsw.Connection(":memory:")
        name, *arguments = TOKENIZER.split()
        self._tokenize = self._connection.fts5_tokenizer(name, arguments)
        self._known: dict[str, str] = {}
        self._spelled: dict[str, tuple[str, ...]] = {}

    def of(self, found: Iterable[str]) -> list[str]:
        """The stems of words in lower case, in their order."""
        known = self._known
        return [known[word] if word in known else self._learn(word) for word in found]

    def of_word(self, word: str) -> Sequence[str]:
        """The stems of a word as it is written: its own, and those of its parts and of what it is short for."""
        known = self._spelled.get(word)
        if known is None:
            known = tuple(dict.fromkeys(self.of(words(word))))
            if len(self._spelled) >= _STEMS_KEPT:
                self._spelled = {}
            self._spelled[word] = known
        return known

    def _learn(self, word: str) -> str:
        with self._lock:
            if len(self._known) >= _STEMS_KEPT:
                self._known = {}
            tokens = self._tokenize(word.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False)
            first = next(iter(tokens), None)
            stem = str(first[0]) if isinstance(first, tuple) else word
            self._known[word] = stem
            return stem


class PageWords:
    """The words of the pages that were looked at last. Safe to use from any thread."""

    def __init__(self, stems: Stems) -> None:
        self._stems = stems
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[Words, int]] = OrderedDict()
        self._size = 0

    def of(self, content: str, title: str, facts: PageFacts, read: Callable[[], str | None]) -> Words | None:
        """The words of the page with the content hash ``content``; None if ``read`` finds no text any more.

        ``read`` is called only where the words are not known.
        """
        key = (content, title)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        whole = read()
        if whole is None:
            return None
        text = whole[:READ_LIMIT]
        made = page_words(title, facts, text, self._stems, is_cut=len(whole) > READ_LIMIT)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (made, len(text))
                self._size += len(text)
                while self._size > _KEPT:
                    self._size -= self._kept.popitem(last=False)[1][1]
        return made


def page_words(title: str, facts: PageFacts, text: str, stems: Stems, *, is_cut: bool = False) -> Words:
    """Find the words of a page."""
    page_lines = lines(text)
    headings, body_start = sections(page_lines)
    places: dict[str, list[int]] = {}
    written = [False] * len(page_lines)
    # One pass over the whole text: a call per line took twice as long.
    index = 0
    for token in _TOKEN.findall(text):
        if token == "\n":
            index += 1
            continue
        for stem in stems.of_word(token):
            written[index] = True
            lines_with = places.get(stem)
            if lines_with is None:
                places[stem] = [index]
            elif lines_with[-1] != index:
                lines_with.append(index)
    named = frozenset(stems.of(telling(words(title))))
    return Words(
        title=named,
        names=named.union(stems.of(words(" ".join(facts.codes)))),
        places=places,
        written=written,
        headings=headings,
        body_start=body_start,
        is_cut=is_cut,
    )


def names_of(title: str, facts: PageFacts) -> str:
    """What is searched as a page's title: the title, and the error codes and alerts that it says it is about."""
    return "\n".join((title, *facts.codes))
