"""Real hostile texts in Review and Confirm: no crash, nothing wider than its line, nothing raw, no stall."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from rich.segment import Segment
from textual.color import Color

from opstui.core import desk as d
from opstui.core.drafts import DraftChanges
from opstui.core.text import clean, clean_line
from opstui.tui.confirm_lines import confirm_rows
from opstui.tui.lines import Row, text_of, width_of
from opstui.tui.review_rows import Shown, review_rows
from opstui.tui.terminal.guard import HOSTILE, Guard
from tests.tui.draft_desk import BLOCK, CLAIMS, WARN, DraftDesk

LONGEST = 200_000
"""Characters: adapters cut what is longer than a body may be."""


def texts(folder: Path) -> Iterator[str | bytes]:
    """The payloads of the corpus, as they would arrive."""
    with gzip.open(folder / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if isinstance(record.get("text"), str):
                yield record["text"]
            elif isinstance(record.get("b64"), str):
                yield base64.b64decode(record["b64"])


def check(rows: list[Row], width: int) -> None:
    for row in rows:
        for line in row.lines:
            drawn = Guard().apply([Segment(span.text) for span in line], Color.parse("black"))
            assert not HOSTILE.search("".join(segment.text for segment in drawn))
            assert width_of(line) - (len(text := "".join(s.text for s in line)) - len(text.rstrip())) <= width, text_of(
                line
            )


def test_hostile_texts_stay_in_their_lines(shared_data: Path) -> None:
    slowest, count = 0.0, 0
    for raw in texts(shared_data):
        desk = DraftDesk()
        text, short = clean(raw, limit=LONGEST), clean_line(raw)
        desk.claims = tuple(replace(claim, text=str(short)) for claim in CLAIMS)
        desk.findings = (replace(WARN, text=str(short)), replace(BLOCK, text=str(short)))
        desk.tells = (str(short),)
        desk.change("NET-87", title=short)
        draft = desk.new(
            DraftChanges(comment=str(text), set={"/team": str(short)}, attach=((str(short) or "x", b"x"),)),
            note=str(short),
        )
        review, confirmation = desk.ask(d.DraftReview(draft.id)), None
        desk.findings = ()
        confirmation = desk.ask(d.Confirm(draft.id))
        started = time.thread_time()
        for width in (40, 80):
            check(review_rows(Shown(review=review, now=desk.clock, tz=UTC), width), width)
            check(confirm_rows(confirmation, width), width)
        slowest = max(slowest, time.thread_time() - started)
        count += 1
    assert count > 100
    assert slowest < 3.0, "four drawings of one text, each with the guard over every line"


def test_a_quarter_of_a_megabyte_is_drawn_at_once() -> None:
    desk = DraftDesk()
    for comment in ("x" * 250_000, "word " * 50_000, "\n" * 100_000, "プ" * 80_000):
        draft = desk.new(DraftChanges(comment=comment))
        review = desk.ask(d.DraftReview(draft.id))
        started = time.thread_time()
        review_rows(Shown(review=review, now=desk.clock, tz=UTC), 80)
        assert time.thread_time() - started < 1.5
