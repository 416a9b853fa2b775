"""What changes on a page: the unified diff that people read, and two changes of one page brought together."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

from opstui.core.frozen import dataclass
from opstui.core.merge import PAIRS_LIMIT

CONTEXT = 3
"""Unchanged lines shown around what changes."""
OURS, PARTING, THEIRS = "<<<<<<< yours", "=======", ">>>>>>> the page now"
"""Around two changes of the same lines, for a person to choose from; nothing with them in it can be accepted."""


def unified(before: str | None, after: str, doc: str) -> tuple[str, ...]:
    """The unified diff of a page, line by line without line ends; empty where nothing changes."""
    old = before.split("\n") if before is not None else []
    if old and old[-1] == "":
        old.pop()
    new = after.split("\n")
    if new and new[-1] == "":
        new.pop()
    names = ("/dev/null" if before is None else f"a/{doc}.md", f"b/{doc}.md")
    made = list(difflib.unified_diff(old, new, *names, n=CONTEXT, lineterm=""))
    if made and before is not None and before.endswith("\n") != after.endswith("\n"):
        made.append("\\ the newline at the end " + ("comes" if after.endswith("\n") else "goes"))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Merged:
    """Two changes of one page, together."""

    text: str
    conflicts: int
    """Places where both changed the same lines; they stand between marks."""


def three_way(base: str, ours: str, theirs: str) -> Merged:
    """What both made of ``base``, line by line; where they differ about the same lines, both between marks."""
    common = base.split("\n")
    own, other = ours.split("\n"), theirs.split("\n")
    out: list[str] = []
    conflicts = 0
    at_base = at_own = at_other = 0
    for start, end, own_start, other_start in _agreed(common, own, other):
        mine = own[at_own:own_start]
        now = other[at_other:other_start]
        was = common[at_base:start]
        if mine == now or now == was:
            out += mine
        elif mine == was:
            out += now
        else:
            conflicts += 1
            out += [OURS, *mine, PARTING, *now, THEIRS]
        length = end - start
        out += common[start:end]
        at_base, at_own, at_other = end, own_start + length, other_start + length
    return Merged("\n".join(out), conflicts)


def is_unsettled(text: str) -> bool:
    """Whether marks of :func:`three_way` still stand in it."""
    lines = text.split("\n")
    return OURS in lines or THEIRS in lines


def _agreed(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of ``base`` that both kept: their bounds, and where they begin in each; the last one is empty."""
    own, other = _kept(base, ours), _kept(base, theirs)
    left = right = 0
    while left < len(own) and right < len(other):
        a, b = own[left], other[right]
        start, end = max(a[0], b[0]), min(a[0] + a[2], b[0] + b[2])
        if start < end:
            yield start, end, a[1] + start - a[0], b[1] + start - b[0]
        if a[0] + a[2] < b[0] + b[2]:
            left += 1
        else:
            right += 1
    yield len(base), len(base), len(ours), len(theirs)


def _kept(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where each stretch that is in both begins, and how long it is. What is the same at both ends is cheap."""
    most = min(len(one), len(other))
    head = next((at for at in range(most) if one[at] != other[at]), most)
    tail = next((at for at in range(most - head) if one[-1 - at] != other[-1 - at]), most - head)
    found = [(0, 0, head)] if head else []
    middle, changed = one[head : len(one) - tail], other[head : len(other) - tail]
    counts = Counter(middle)
    # difflib's time grows with the pairs of equal lines, and a page may hold 10,000 empty ones.
    if sum(counts[line] for line in changed) <= PAIRS_LIMIT:
        blocks = difflib.SequenceMatcher(None, middle, changed, autojunk=False).get_matching_blocks()
        found += [(block.a + head, block.b + head, block.size) for block in blocks if block.size]
    if tail:
        found.append((len(one) - tail, len(other) - tail, tail))
    return found
