"""Measures the redactor on labelled texts. By hand: ``python tests/adapters/redaction/measure.py [FOLDER] [--misses]``.

FOLDER holds ``dev.jsonl.gz``; without it, ``redaction`` in the folder that OPSTUI_TEST_DATA names. A labelled value
leaks if a run of six of its characters is left uncovered (all of it, where it is shorter); a negative is touched if
any of it is covered.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opstui.adapters.redaction.engine import Re2Redactor

LEAK = 6
POSITIVE = ("secret", "pii", "secret_line")


@dataclass
class Figures:
    """What was measured."""

    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Leaked, or touched."""
    misses: list[str] = field(default_factory=list)
    seconds: float = 0.0
    characters: int = 0

    def rate(self, cls: str) -> float:
        """Share of the labels of a class that are as they should be; 1 where there are none."""
        seen = sum(count for (one, _), count in self.seen.items() if one == cls)
        wrong = sum(count for (one, _), count in self.wrong.items() if one == cls)
        return 1 - wrong / seen if seen else 1.0

    @property
    def ms_per_kb(self) -> float:
        """Milliseconds per thousand characters."""
        return self.seconds * 1e6 / max(1, self.characters)


def data_folder() -> Path:
    """Where the labelled texts are."""
    root = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("OPSTUI_TEST_DATA", root.parent / "shared" / "data")) / "redaction"


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every labelled text."""
    for file in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def leaks(start: int, end: int, covered: set[int]) -> bool:
    """Whether a long enough run of the value is left."""
    run = longest = 0
    for at in range(start, end):
        run = 0 if at in covered else run + 1
        longest = max(longest, run)
    return longest >= min(LEAK, end - start)


def measure(folder: Path) -> Figures:
    """Run the redactor over every text there."""
    figures = Figures()
    redactor = Re2Redactor(tuple)
    redactor.spans("warm up: password=Foo123!bar")
    for record in records(folder):
        text = record["text"]
        begun = time.process_time()
        spans = redactor.spans(text)
        figures.seconds += time.process_time() - begun
        figures.characters += len(text)
        covered = {at for span in spans for at in range(span.start, span.end)}
        for label in record["spans"]:
            start, end, key = label["start"], label["end"], (label["cls"], label["kind"])
            figures.seen[key] += 1
            whole_line = label["cls"] == "secret_line"
            if label["cls"] in POSITIVE:
                bad = not covered & set(range(start, end)) if whole_line else leaks(start, end, covered)
            else:
                bad = bool(covered & set(range(start, end)))
            if bad:
                figures.wrong[key] += 1
                told = [
                    (text[span.start : span.end], span.kind) for span in spans if span.start < end and span.end > start
                ]
                figures.misses.append(f"{key[0]:11} {key[1]:22} {text[max(0, start - 40) : end][:200]!r} {told}")
    return figures


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    found = measure(Path(given[0]) if given else data_folder())
    for (cls, kind), count in sorted(found.seen.items()):
        if found.wrong[cls, kind]:
            print(f"{cls:12} {kind:30} {count - found.wrong[cls, kind]:4} of {count}")
    for cls in dict.fromkeys(cls for cls, _ in found.seen):
        print(f"{cls:12} {found.rate(cls):.2%} of {sum(n for (one, _), n in found.seen.items() if one == cls)}")
    print(f"{found.ms_per_kb:.3f} ms/KB")
    if "--misses" in sys.argv:
        print("\n".join(found.misses))
