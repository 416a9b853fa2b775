"""Hiding what must not leave this machine, session by session."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from opstui.core.redaction import OWN_SECRET, PERSONAL, PLACEHOLDER, Placeholders, Span, merged, readable
from opstui.core.text import SafeText

if TYPE_CHECKING:
    from opstui.core.ports import Redactor

EVERYWHERE = 6
"""A secret of at least so many characters that was found once in a session is hidden wherever else it stands."""
PIECE = 4
"""So many characters in a row of a hidden value are not told to an agent in any sentence about it."""
CACHED = 8_000_000
"""Characters of texts whose spans are remembered: a ticket, the pages around it, and what is asked again."""


class Hiding:
    """One session's redaction: the same value has the same placeholder all through it. Safe from several threads.

    Lines stay lines: a key of many lines becomes as many placeholders, so that line numbers hold.
    """

    def __init__(self, redactor: Redactor, key: bytes) -> None:
        self._redactor = redactor
        self._placeholders = Placeholders(key)
        self._secrets: dict[str, str] = {}
        """Value → kind, of secrets that are hidden wherever they stand."""
        self._spans: OrderedDict[str, tuple[Span, ...]] = OrderedDict()
        self._size = 0
        self._lock = threading.RLock()

    def text(self, text: str) -> SafeText:
        """``text`` as a runtime may read it. Raises NotRedacted: nothing may be sent then."""
        with self._lock:
            return self._hide(text, self.spans(text))

    def _hide(self, text: str, spans: Sequence[Span]) -> SafeText:
        return SafeText(self._placeholders.hide(text, line_by_line(text, spans)))

    def learn(self, texts: Iterable[str]) -> None:
        """Look at texts first, so that a secret that one of them gives away is hidden in all. Raises NotRedacted."""
        with self._lock:
            for text in texts:
                self._found(text)

    def spans(self, text: str) -> tuple[Span, ...]:
        """What would be hidden of ``text``: what the rules find, and secrets found elsewhere. Raises NotRedacted."""
        with self._lock:
            # A value that another rule finds here keeps the name that it has already.
            found = [self._as_known(text, span) for span in self._found(text)]
            for value, kind in self._secrets.items():
                found += places(text, value, kind)
            return tuple(merged(found))

    def _as_known(self, text: str, span: Span) -> Span:
        kind = self._secrets.get(text[span.start : span.end], span.kind)
        return span if kind == span.kind or span.kind in PERSONAL else replace(span, kind=kind)

    def _found(self, text: str) -> tuple[Span, ...]:
        known = self._spans.get(text)
        if known is not None:
            self._spans.move_to_end(text)
            return known
        spans = self._redactor.spans(text)
        self._spans[text] = spans
        self._size += len(text)
        while self._size > CACHED and len(self._spans) > 1:
            self._size -= len(self._spans.popitem(last=False)[0])
        for span in spans:
            for part in line_by_line(text, [span]):
                value = text[part.start : part.end]
                if span.kind not in PERSONAL and is_telling(value):
                    self._secrets.setdefault(value, span.kind)
                    # Under each kind it was found as, so that whatever an agent was shown can be turned back.
                    self._placeholders.placeholder(value, span.kind)
        return spans

    def swept(self, text: str) -> SafeText:
        """A text of already hidden parts once more: what is still there of this session's secrets goes too."""
        with self._lock:
            missed = [value for value in self._secrets if value in text]
            if not missed:
                return SafeText(text)
            wanted = re.compile("|".join(re.escape(value) for value in sorted(missed, key=len, reverse=True)))
            return SafeText(around_placeholders(text, lambda part: wanted.sub(self._stands_for, part)))

    def _stands_for(self, match: re.Match[str]) -> str:
        return self._placeholders.placeholder(match.group(), self._secrets[match.group()])

    def restore(self, text: str) -> str:
        """``text`` with this session's placeholders turned back; forged ones stay."""
        return self._placeholders.restore(text)

    def restore_for(
        self, text: str, ticket: str, *, public: bool = False, named: bool = True, sent: bool = False
    ) -> str:
        """``text`` as it may go back to the ticket whose whole text is ``ticket``.

        A value that does not stand in that ticket, and in public every secret, is only named: ``[password removed]``;
        with ``named`` false its placeholder stays. A secret comes back only in what is ``sent``: a draft that waits in
        a file keeps its placeholder.
        """
        values = self.values

        def turned(match: re.Match[str]) -> str:
            value = values.get(match.group())
            if value is None:
                return match.group()
            if match[1] == OWN_SECRET or value not in ticket or (public and match[1] not in PERSONAL):
                return readable(match.group()) if named else match.group()
            return value if sent or match[1] in PERSONAL else match.group()

        return around_placeholders(text, self._placeholders.restore, turned)

    @property
    def values(self) -> Mapping[str, str]:
        """Placeholder → value, of everything that this session hid so far."""
        with self._lock:
            return self._placeholders.values()

    def hide_words(self, text: str, also: Mapping[str, str], *, scan: bool = False) -> SafeText:
        """``text`` with every value hidden that this session hid before, whatever stands around it.

        ``also``: value → kind, hidden however short they are. ``scan``: what the rules find as well. For what an agent
        wrote and was turned back: it can only hold values that it had placeholders of.
        """
        with self._lock:
            found = list(self.spans(text)) if scan else []
            kinds = {value: kind_of(mark) for mark, value in self.values.items() if len(value) >= EVERYWHERE}
            for value, kind in (kinds | dict(also)).items():
                # A text that became one line has one space where there were several.
                for shape in {value, " ".join(value.split())} - {""}:
                    found += places(text, shape, kind)
            return self._hide(text, tuple(merged(found)))

    def without_pieces(self, text: str, named: Mapping[str, str]) -> SafeText:
        """A hidden text in which no ``PIECE`` characters in a row of a ``named`` value (value → kind) are left.

        For a sentence about such a value that quotes a part of it, or was cut inside of it.
        """

        def covered(part: str) -> str:
            marks = self._pieces(part, named)
            told: list[str] = []
            for index, mark in enumerate(marks):
                if not mark:
                    told.append(part[index])
                elif not index or marks[index - 1] != mark:
                    told.append(mark)
            return "".join(told)

        return SafeText(around_placeholders(text, covered))

    def _pieces(self, text: str, named: Mapping[str, str]) -> list[str]:
        """For each character of ``text`` the placeholder of the value that it is a piece of, or nothing."""
        folded, marks = _folded(text), [""] * len(text)
        for value, kind in named.items():
            whole, mark = _folded(value), self._placeholders.placeholder(value, kind)
            for start in range(len(whole) - PIECE + 1):
                found = folded.find(whole[start : start + PIECE])
                while found >= 0:
                    marks[found : found + PIECE] = [mark] * PIECE
                    found = folded.find(whole[start : start + PIECE], found + 1)
        return marks

    @property
    def secrets(self) -> Sequence[str]:
        """Values that are not about people, of everything that this session hid so far."""
        return [value for mark, value in self.values.items() if kind_of(mark) not in PERSONAL]


def _folded(text: str) -> str:
    """``text`` in lower case, every character in its place."""
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def places(text: str, value: str, kind: str) -> Iterator[Span]:
    """Every place where ``value`` stands in ``text``; it is not empty."""
    at = text.find(value)
    while at >= 0:
        yield Span(at, at + len(value), kind)
        at = text.find(value, at + len(value))


def around_placeholders(
    text: str, words: Callable[[str], str], mark: Callable[[re.Match[str]], str] = re.Match.group
) -> str:
    """``text`` with ``words`` over what stands between its placeholders, and ``mark`` over each of these."""
    parts: list[str] = []
    at = 0
    for match in PLACEHOLDER.finditer(text):
        parts += [words(text[at : match.start()]), mark(match)]
        at = match.end()
    parts.append(words(text[at:]))
    return "".join(parts)


def is_telling(value: str) -> bool:
    """Whether a secret can be looked for everywhere: long enough, and no plain word that a text may hold by chance."""
    if len(value) < EVERYWHERE:
        return False
    plain = value.isalpha() and (value.islower() or value.istitle() or value.isupper())
    return not plain and not (value.isdigit() and len(value) < 8)


def kind_of(placeholder: str) -> str:
    """The kind in ``⟦S:KIND:tag⟧``; empty for anything else."""
    found = PLACEHOLDER.fullmatch(placeholder)
    return found[1] if found else ""


def line_by_line(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans that go over several lines as one for each line, white space at the lines' ends left out."""
    parts: list[Span] = []
    for span in spans:
        if "\n" not in text[span.start : span.end]:
            parts.append(span)
            continue
        at = span.start
        for line in text[span.start : span.end].split("\n"):
            inner = line.strip()
            if inner:
                start = at + line.index(inner)
                parts.append(Span(start, start + len(inner), span.kind))
            at += len(line) + 1
    return parts
