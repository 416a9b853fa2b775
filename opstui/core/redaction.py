"""Placeholders: what stands in a text in place of a secret on its way to a runtime, and back again.

``⟦S:KIND:tag⟧``. The tag is an HMAC of the value under the session's own key, so that the same value gets the same
placeholder all through a session, and nobody can guess it or forge one: look-alikes in the input are made harmless.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from opstui.core.frozen import dataclass

PLACEHOLDER = re.compile(r"⟦S:([A-Z][A-Z0-9_]{0,31}):([0-9a-f]{8})⟧")
_LOOKALIKE = re.compile(r"⟦(\\*)(?=S:)")
"""``⟦S:`` in a source gets a backslash, so that it is read by people and taken for a placeholder by nobody; what has
one already gets one more, so that nothing is lost on the way back."""
_ESCAPED = re.compile(r"⟦\\(\\*)(?=S:)")
_HIDDEN = re.compile(f"{PLACEHOLDER.pattern}|{_ESCAPED.pattern}")
PERSONAL = frozenset(("EMAIL", "PHONE", "IBAN", "CARD", "PERSON", "ADDRESS", "IP", "MAC", "BIRTHDAY", "ID_NUMBER"))
"""Kinds that are about people; every other kind is a secret."""

OWN_SECRET = "OWN_SECRET"
"""What this program itself signs in with, wherever it was found: turned back for nobody."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text that must not leave this machine. Offsets are code points, half-open."""

    start: int
    end: int
    kind: str
    """Upper case: ``PASSWORD``, ``GITHUB_TOKEN``, ``EMAIL``, …"""


class Placeholders:
    """One session's values and what stands for them. Holds secrets: never logged, stored or shown as it is."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._values: dict[str, str] = {}

    def hide(self, text: str, spans: Iterable[Span]) -> str:
        """``text`` with every span replaced, and every look-alike of a placeholder made harmless.

        Spans may overlap: what any of them covers is covered. Raises ValueError for one outside the text.
        """
        parts: list[str] = []
        at = 0
        for span in merged(spans):
            if not 0 <= span.start < span.end <= len(text):
                raise ValueError("a span outside its text")
            parts.append(_harmless(text[at : span.start]))
            parts.append(self.placeholder(text[span.start : span.end], span.kind))
            at = span.end
        parts.append(_harmless(text[at:]))
        return "".join(parts)

    def placeholder(self, value: str, kind: str) -> str:
        """What stands for ``value`` in this session."""
        tag = hmac.new(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), sha256).hexdigest()[:8]
        made = f"⟦S:{kind}:{tag}⟧"
        self._values[made] = value
        return made

    def restore(self, text: str) -> str:
        """``text`` with the placeholders of this session turned back; others stay."""

        def value(match: re.Match[str]) -> str:
            if match[1] is None:
                return f"⟦{match[3]}"
            return self._values.get(match.group(), match.group())

        return _HIDDEN.sub(value, text)

    def values(self) -> Mapping[str, str]:
        """Placeholder → value, as far as this session hid any."""
        return dict(self._values)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap made one; the kind of the longest of them stays.

    A secret's kind comes before that of personal data, which may be shown where a secret may not: the password in
    ``https://name:password@example.com`` looks like the beginning of an e-mail address.
    """
    found: list[Span] = []
    best = (False, 0)
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        weight = (span.kind not in PERSONAL, span.end - span.start)
        if found and span.start < found[-1].end:
            last = found[-1]
            kind = span.kind if weight > best else last.kind
            best = max(best, weight)
            found[-1] = Span(last.start, max(last.end, span.end), kind)
        else:
            found.append(span)
            best = weight
    return found


def readable(text: str) -> str:
    """``text`` with placeholders as people read them where the value has no business: ``[password removed]``."""
    return PLACEHOLDER.sub(lambda match: f"[{match[1].lower().replace('_', ' ')} removed]", text)


def _harmless(text: str) -> str:
    return _LOOKALIKE.sub(lambda match: f"⟦\\{match[1]}", text)
