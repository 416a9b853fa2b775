"""Objects of JSON that somebody pasted or a monitor sent: what they say of one thing, in a line that can be quoted.

``{"name": "web-1", "ready": false, "restart_count": 8}`` tells more than each of its lines. A series is told by what it
is called; that it moved is read off its points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opstui.core.frozen import dataclass

LINES = 12
"""Of one object: more can't be cited."""
OBJECTS = 40
"""Of one text."""
MOVED = 0.5
"""Share of the largest value by which the points of a series have to differ."""

_SCALAR = r"(?:\"(?:[^\"\\]|\\.){0,300}\"|-?\d[\d.eE+-]*|true|false|null)"
_PAIR = rf"\"[\w .:/-]{{1,60}}\"\s*:\s*{_SCALAR}"
_LINE = re.compile(rf"\s*({_PAIR}),?\s*\Z")
_RUN = re.compile(rf"{_PAIR}(?:,\s*{_PAIR}){{1,11}}")
_NAMED = re.compile(
    r"\"[\w.-]*(?:name|identifier|metric|statement|sql|query|event|instance|node|pod|host|label|queue|topic|resource"
    r"|deployment|id)\"\s*:\s*\"",
    re.IGNORECASE,
)
_ODD = re.compile(
    r"\"[\w-]*(?:ready|healthy|running|connected|in_sync|synced|reachable|enabled)\"\s*:\s*\"?(?:false|unknown|no)\b"
    r"|\"[\w-]*(?:unavailable|errors?|failed|failures|restarts?|restart_count|lag|unhealthy|dropped|lost|pending|waiting"
    r"|rejected|timeouts?|deadlocks?|throttled|oom\w*)[\w-]*\"\s*:\s*\"?0*[1-9]"
    r"|:\s*\"[\w :-]*(?:backoff|pending|failed|failure|error|notready|nodelost|unknown|oomkilled|alert(?!name)|critical"
    r"|degraded|unavailable|evicted|full|throttl\w*|lost|down|exceeded)\b",
    re.IGNORECASE,
)
_PRESSURE = re.compile(r"\"[\w-]*pressure\"\s*:\s*\"?true\b", re.IGNORECASE)
_TOLD = re.compile(r"\"(?:message|msg|description|summary|detail|details|text)\"\s*:\s*\"[^\"]* ", re.IGNORECASE)
"""A sentence, which is quoted by itself."""
_POINT = re.compile(
    r"(?:\"(?:value|avg|average|max|maximum|sum|y)\"\s*:\s*|[\[,]\s*|^\s*)(-?\d+(?:\.\d+)?)(?=\s*[,\]}]|\s*\Z)"
)
_POINTS_READ = 400


@dataclass(frozen=True, slots=True)
class Found:
    """One object's own values, or those of them that stand together."""

    start: int
    """First line, counted from 0."""
    end: int
    text: str
    """White space is all that differs from the lines."""
    is_odd: bool
    """It says that something is not as it should be, or heads a series that moved."""


def objects(lines: Sequence[str]) -> list[Found]:
    """The objects in a text, in order."""
    found: list[Found] = []
    for start, end, text in _runs(lines):
        if len(found) == OBJECTS:
            break
        if len(text) < 12 or not _NAMED.search(text) or _TOLD.search(text):
            continue
        odd = bool(_ODD.search(text) or _PRESSURE.search(text)) or _moves(lines, end, text)
        found.append(Found(start, end, text, odd))
    return found


def _runs(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    block: list[str] = []
    for number, line in enumerate([*lines, ""]):
        match = _LINE.match(line)
        if match is not None and len(block) < LINES:
            block.append(line.strip())
            continue
        if len(block) > 1:
            yield number - len(block), number - 1, " ".join(" ".join(block).split()).rstrip(",")
        block = [line.strip()] if match is not None else []
        if match is None and line.count('":') > 1:
            for run in _RUN.finditer(line[:20_000]):
                yield number, number, " ".join(run.group().split())


def _moves(lines: Sequence[str], end: int, text: str) -> bool:
    """Whether the numbers that come next, up to the next object with a name, are points that differ much."""
    values: list[float] = []
    line = lines[end]
    at = line.find(text)
    rest = [line[at + len(text) :] if at >= 0 else "", *lines[end + 1 : end + 1 + _POINTS_READ]]
    for piece in rest:
        heading = _NAMED.search(piece)
        values += [float(number) for number in _POINT.findall(piece[: heading.start()] if heading else piece)]
        if heading or len(values) > _POINTS_READ:
            break
    if len(values) < 4:
        return False
    most = max(abs(value) for value in values)
    return most > 0 and (max(values) - min(values)) / most >= MOVED
