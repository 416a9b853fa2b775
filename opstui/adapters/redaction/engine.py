"""The redactor: every rule whose anchor stands in a text, on google-re2, in linear time and within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from opstui.adapters.redaction.known import occurrences
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.core.errors import NotRedacted
from opstui.core.redaction import OWN_SECRET, Span, merged

if TYPE_CHECKING:
    from types import ModuleType

LIMIT_SECONDS = 2.0
LIMIT_PER_MEGABYTE = 20.0
"""Seconds more per million bytes."""
NEARBY = 80
LETTERS = r"a-zA-Z\x{c0}-\x{1fff}\x{2c00}-\x{2dff}\x{3040}-\x{d7ff}"
"""Stands for ``\\p{L}`` in rules: as precise as they need, and a tenth of the states."""
_CONTINUATION = bytes(range(0x80, 0xC0))
_MAX_MEM = 64 << 20


class Re2Redactor:
    """``ports.Redactor``. Safe to call from several threads; compiles a rule when a text first asks for it."""

    def __init__(self, known: Callable[[], Sequence[str]], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._known = known
        self._monotonic = monotonic

    def spans(self, text: str) -> tuple[Span, ...]:
        """See the port: in order, not overlapping, code points. Raises NotRedacted."""
        if not text:
            return ()
        started = self._monotonic()
        data = text.encode("utf-8", "surrogatepass")
        allowed = LIMIT_SECONDS + LIMIT_PER_MEGABYTE * len(data) / 1e6
        found = [Span(start, end, OWN_SECRET) for start, end in occurrences(text, self._known())]
        # Our own secrets are told apart from what a rule would call them.
        own = {(span.start, span.end) for span in found}
        for span in _in_code_points(text, data, list(self._matches(text, data, started + allowed))):
            if (span.start, span.end) not in own:
                found.append(span)
        return tuple(merged(found))

    def _matches(self, text: str, data: bytes, deadline: float) -> Iterator[tuple[int, int, str]]:
        re2 = _library()
        for index in _wanted(text.lower()):
            rule = _rules()[index]
            try:
                for start, end in _found(_compiled(index), rule, data):
                    yield start, end, rule.kind
                    if self._monotonic() > deadline:
                        raise NotRedacted(_TOO_LONG)
            except re2.error as error:
                raise NotRedacted(f"the redactor's rule for {rule.kind} broke; nothing was sent") from error
            if self._monotonic() > deadline:
                raise NotRedacted(_TOO_LONG)


_TOO_LONG = (
    "looking for secrets took too long; nothing was sent. Shorten the ticket or page, or use the offline runtime"
)


def _found(compiled: Any, rule: Rule, data: bytes) -> Iterator[tuple[int, int]]:
    """Where the rule's value stands, in bytes; it looks again right behind each value, so that neighbours are seen."""
    at = 0
    while at <= len(data):
        match = compiled.search(data, at)
        if match is None:
            return
        group = max((number for number in range(1, compiled.groups + 1) if match.start(number) >= 0), default=0)
        start, end = match.span(group)
        kept = _kept(rule, data, match, start, end)
        if kept > start:
            yield start, kept
        # What was no value may be the word before one: «hmac secret …». Else on from where the value ends.
        on = kept if kept > start else start if group else end
        at = max(on, match.start() + 1, at + 1)


def _kept(rule: Rule, data: bytes, match: Any, start: int, end: int) -> int:
    """Where the value ends, trimmed; ``start`` where it is none."""
    if end <= start:
        return start
    value = data[start:end].decode("utf-8", "replace")
    if rule.trim is not None:
        value = value[: rule.trim(value)]
        if not value:
            return start
        end = start + len(value.encode("utf-8", "surrogatepass")) if "\ufffd" not in value else end
    if rule.check is None:
        return end
    before = data[max(0, start - NEARBY) : start].rpartition(b"\n")[2].decode("utf-8", "ignore")
    after = data[end : end + NEARBY].partition(b"\n")[0].decode("utf-8", "ignore")
    groups = tuple((one or b"").decode("utf-8", "replace") for one in match.groups())
    return end if rule.check(Hit(value, groups, before, after)) else start


def _in_code_points(text: str, data: bytes, found: Sequence[tuple[int, int, str]]) -> list[Span]:
    """Stretches of bytes as code points, in one pass over the text, widened to whole characters."""
    if len(text) == len(data):
        return [Span(start, end, kind) for start, end, kind in found]
    points: dict[int, int] = {}
    at = counted = 0
    for start, end, _kind in found:
        points[start] = points[end] = 0
    for offset in sorted(points):
        # A character has one byte that is no continuation; a bound within one counts as behind its first byte.
        counted += len(data[at:offset].translate(None, _CONTINUATION))
        at = offset
        points[offset] = counted
    spans = []
    for start, end, kind in found:
        inside = start < len(data) and data[start] & 0xC0 == 0x80
        spans.append(Span(points[start] - inside, points[end], kind))
    return spans


@cache
def _rules() -> tuple[Rule, ...]:
    from opstui.adapters.redaction import (
        cloud_rules,
        command_rules,
        device_rules,
        key_rules,
        name_rules,
        people_rules,
        request_rules,
        service_rules,
        ticket_rules,
    )

    return (
        *key_rules.RULES,
        *cloud_rules.RULES,
        *service_rules.RULES,
        *request_rules.RULES,
        *command_rules.RULES,
        *device_rules.RULES,
        *ticket_rules.RULES,
        *people_rules.RULES,
        *name_rules.RULES,
    )


def _wanted(lower: str) -> list[int]:
    """Rules that may match, in order: one of their anchors is there. Each anchor is looked for once."""
    by_anchor = _by_anchor()
    return sorted({index for anchor in by_anchor if anchor in lower for index in by_anchor[anchor]})


@cache
def _by_anchor() -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for index, rule in enumerate(_rules()):
        for anchor in rule.anchors:
            found.setdefault(anchor, []).append(index)
    return {anchor: tuple(rules) for anchor, rules in found.items()}


@cache
def _compiled(index: int) -> Any:
    re2 = _library()
    options = re2.Options()
    options.max_mem = _MAX_MEM
    options.log_errors = False
    return re2.compile(_rules()[index].pattern.replace(r"\p{L}", LETTERS).encode("utf-8"), options)


@cache
def _library() -> ModuleType:
    # Only a session and `opstui redact` pay for it.
    try:
        import re2
    except ImportError as error:
        raise NotRedacted(f"google-re2 is missing ({error}), so nothing can be redacted and nothing was sent") from None
    return re2  # type: ignore[no-any-return]
