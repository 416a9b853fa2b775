"""Cleaning: nothing that a terminal obeys or an eye misses gets through, and what people write stays as it is."""

from __future__ import annotations

import base64
import gzip
import json
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from opstui.core.text import BODY_LIMIT, COMBINING_LIMIT, LINE_LIMIT, SafeText, clean, clean_line, lines

NASTY = (
    "\x00\x07\x08\x1b[]\\\r\n\t \x7f\x84\x85\x9b\x9d\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028"
    "\u2029\u202a\u202e\u2060\u2066\u2069\u3164\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffe\uffff\ue000\U000e0001\U000e0041\U000f0000"
    "\U0010fffd\U0001fffe\ud800\udfff\u0301\u0300\u0488\u20e3\u0e47#*19abeé中عש…😀👨👩👧🏽❤♂↔™⟨⟩"
)
texts = st.text(st.sampled_from(NASTY), max_size=40) | st.text(max_size=60)
VISIBLE_FORMAT = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters that are drawn: signs that number and year are written under."""


def hidden(text: str) -> list[str]:
    """What must not be in a clean text, joiners and variation selectors left to other tests."""
    found = []
    for char in text:
        code, category = ord(char), unicodedata.category(char)
        if char in "\n\t\u200d\ufe0e\ufe0f" or code in VISIBLE_FORMAT:
            continue
        blank = (
            code in (0x34F, 0x115F, 0x1160, 0x3164, 0xFFA0) or 0xFE00 <= code <= 0xFE0D or 0xE0000 <= code <= 0xE0FFF
        )
        if category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or blank or code & 0xFFFE == 0xFFFE:
            found.append(f"{code:04X}")
    return found


@given(texts)
@settings(max_examples=1500)
def test_a_clean_text_holds_nothing_hidden(raw: str) -> None:
    assert hidden(clean(raw)) == []
    assert hidden(clean_line(raw)) == []


def test_no_single_character_of_all_there_are_gets_through_hidden() -> None:
    whole = "".join(f"{chr(code)} " for code in range(0x110000))
    assert hidden(clean(whole, limit=len(whole) * 10)) == []


@given(texts, st.integers(1, 120))
@settings(max_examples=1500)
def test_cleaning_twice_is_cleaning_once(raw: str, limit: int) -> None:
    once = clean(raw, limit=limit)
    assert clean(str(once), limit=limit) == once
    line = clean_line(raw, limit=limit)
    assert clean_line(str(line), limit=limit) == line


@given(texts, st.integers(1, 120))
@settings(max_examples=500)
def test_a_clean_text_is_never_longer_than_its_limit(raw: str, limit: int) -> None:
    assert len(clean(raw, limit=limit)) <= limit
    assert len(clean_line(raw, limit=limit)) <= limit
    assert "\n" not in clean_line(raw, limit=limit)


@given(texts)
def test_a_clean_text_can_be_written_as_utf_8(raw: str) -> None:
    clean(raw).encode("utf-8")


@given(st.binary(max_size=60))
def test_any_bytes_become_text(raw: bytes) -> None:
    assert hidden(clean(raw)) == []


@given(st.text(st.sampled_from("e\u0301\u0300\u0488\u0e47\u20dd\ufe0f😀 "), max_size=30))
def test_marks_are_not_stacked_higher_than_four(raw: str) -> None:
    run = 0
    for char in clean(raw):
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        assert run <= COMBINING_LIMIT


@given(texts)
def test_a_joiner_stays_only_between_emoji(raw: str) -> None:
    text = clean(raw)
    for at, char in enumerate(text):
        if char == "\u200d":
            assert text[at - 1] == "\ufe0f" or ord(text[at - 1]) > 0xA8
            assert at + 1 < len(text)
            assert ord(text[at + 1]) > 0xA8


@pytest.mark.parametrize(
    "text",
    [
        "plain text, with a tab\tand\nlines",
        "família 👨‍👩‍👧 and ❤️ and 👩🏽‍🚒 and 🏳️‍🌈 and 1️⃣ and ⁉️ and ↔️ and ™️",
        "שלום עולם 12:30, تذكرة رقم 42",
        "日本語のチケット、障害発生",
        "naïve café e\u0301 Việt Nam",
        "ประเทศไทย ก็ได้",
        "क्षत्रिय",
        "a – b … “quoted” ≤ 5 µs × 3",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\u202egnp.exe", "⟨202E⟩gnp.exe"),
        ("pay\u200bpal", "pay⟨200B⟩pal"),
        ("x\u200dy", "x⟨200D⟩y"),
        ("a\ufe0f\u200d😀", "a⟨FE0F⟩⟨200D⟩😀"),
        ("1\ufe0f", "1⟨FE0F⟩"),
        ("\x9d52;c;aGk=\x9c", "⟨009D⟩52;c;aGk=⟨009C⟩"),
        ("\U000e0041", "⟨E0041⟩"),
        ("\ud83d", "⟨D83D⟩"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        (b"\xef\xbb\xbf# Title", "# Title"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_what_is_hidden_is_seen(raw: str | bytes, seen: str) -> None:
    assert clean(raw) == seen


def test_a_body_is_cut_at_two_million_characters_and_says_so() -> None:
    text = clean("a" * 10_000_000)
    assert len(text) <= BODY_LIMIT
    assert text.endswith(" more characters")
    assert len(clean("\ud800" * BODY_LIMIT)) <= BODY_LIMIT


def test_a_line_is_one_line_and_ends_where_it_is_cut() -> None:
    assert clean_line("  a\n\n b\t c ") == "a b c"
    long = clean_line("x" * 3000)
    assert len(long) == LINE_LIMIT
    assert long.endswith("…")
    assert clean_line(" " * 5000 + "late") == "late"
    assert clean_line("early" + " " * 5000 + "late") == "early…"


def test_safe_text_is_passed_on_without_a_look() -> None:
    text = SafeText("already")
    assert clean(text) is text


def test_lines_are_split_at_newlines_only() -> None:
    assert lines("a\u2028b\x0bc\nd") == ["a\u2028b\x0bc", "d"]


def test_ordinary_text_costs_less_than_sixty_microseconds_a_kilobyte() -> None:
    ascii_text = "The queue backs up since 03:14; see the runbook, step 4.\n" * 2000
    dashed = "The queue backs up – since 03:14; see the “runbook”, step 4.\n" * 2000
    for text in (ascii_text, dashed):
        best = min(_seconds(text) for _ in range(5))
        assert best / (len(text) / 1024) < 60e-6


def _seconds(text: str) -> float:
    start = time.thread_time()
    clean(text)
    return time.thread_time() - start


def _records(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as records:
        for record in records:
            yield json.loads(record)


def test_nothing_of_the_hostile_corpus_keeps_a_forbidden_byte(shared_data: Path) -> None:
    count = 0
    for record in _records(shared_data / "hostile" / "dev.jsonl.gz"):
        raw: str | bytes
        if "text" in record:
            raw = record["text"]
        elif "b64" in record:
            raw = base64.b64decode(record["b64"])
        else:
            gen = record["gen"]
            raw = gen["prefix"] + gen["unit"] * gen["count"] + gen["suffix"]
        for text in (clean(raw), clean_line(raw)):
            assert hidden(text) == [], record["id"]
            data = text.encode("utf-8")
            for forbidden in record.get("forbid", ()):
                assert bytes.fromhex(forbidden) not in data, record["id"]
        count += 1
    assert count > 500
