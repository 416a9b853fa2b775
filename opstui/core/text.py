"""Text from outside, made harmless.

Tickets, runbooks, model output, file names and server errors are hostile until they went through :func:`clean`, which
adapters call at their boundary. What comes out is :class:`SafeText`, the only kind of foreign text that rows, screens
and JSON ever hold. Textual passes every control character on to the terminal (seen on a real pty with 8.2.8), so this
is the first of two lines; ``tui/terminal`` guards the second one.
"""

from __future__ import annotations

import re
import unicodedata


class SafeText(str):
    """Text without control characters other than newline and tab, and without invisible or reordering ones."""

    __slots__ = ()


BODY_LIMIT = 2_000_000
"""Code points kept of one foreign text; what is cut is said in the text."""
LINE_LIMIT = 500
"""Code points kept of a text that is one line by nature: a title, a name, a tag."""
COMBINING_LIMIT = 4
"""Combining marks kept in a row; more are drawn over neighbouring lines by terminals."""

_ORDINARY = re.compile(r"[\n\t\x20-\x7e]*\Z")
# Everything that is not letters, marks, digits, punctuation, symbols or plain spaces is looked at one by one.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\ue000-\uf8ff"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xE0000, 0x10000))
    + "\U000e0000-\U000e0fff\U000efffe\U000effff\U000f0000-\U0010ffff]"
)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
# Marks are no word characters to ``re``, so only such runs can hold too many.
_STACK = re.compile(rf"[^\w\x00-\u02ff]{{{COMBINING_LIMIT + 1},}}")
_SELECTORS = "\u200d\ufe0e\ufe0f"


def clean(raw: str | bytes, *, limit: int = BODY_LIMIT) -> SafeText:
    """Harmless text with the same meaning to a reader; newline and tab survive.

    CR and CRLF become newline; other C0 and DEL become their control pictures, C1, bidi controls, zero-width and
    private characters and lone surrogates become ``⟨HEX⟩``, so that what was hidden is seen. A joiner or variation
    selector between emoji stays. Never longer than ``limit``. Idempotent: ``clean(clean(x)) == clean(x)``.
    """
    if isinstance(raw, bytes):
        # A byte order mark tells how a file is encoded and is no part of its text.
        raw = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    if isinstance(raw, SafeText) and len(raw) <= limit:
        return raw
    text = raw[:limit]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or not _ORDINARY.match(text):
        text = _harmless(text)
    more = len(raw) - limit
    if more > 0 or len(text) > limit:
        text = _cut(text, limit, max(more, 0))
    return SafeText(text)


def clean_line(raw: str | bytes, *, limit: int = LINE_LIMIT) -> SafeText:
    """:func:`clean` for what is one line by nature: newlines and tabs become spaces, runs of them one."""
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    # Spelling out what is hidden makes a text up to eight times as long, and spaces make it shorter.
    taken = raw.lstrip()[: limit * 4]
    line = " ".join(clean(taken, limit=limit * 40).split())
    if len(line) > limit or len(taken) < len(raw.strip()):
        line = line[: limit - 1].rstrip(_SELECTORS + " ") + "…"
    return SafeText(line)


def _harmless(text: str) -> str:
    # Trying each character against all that is suspect takes 36 µs/KB, finding the few beyond ASCII first takes 11.
    runs = _BEYOND_ASCII.findall(text)
    if _CONTROL.search(text) or _SUSPECT.search("".join(runs)):
        text = _SUSPECT.sub(_visible, text)
    if any(len(run) > COMBINING_LIMIT for run in runs):
        text = _STACK.sub(_unstack, text)
    return text


def _cut(text: str, limit: int, more: int) -> str:
    """The first part of ``text`` with a word about the rest; no half of an emoji stays at the end of it."""
    if limit <= 80:
        return text[: max(0, limit - 1)].rstrip(_SELECTORS) + "…"[:limit]
    kept = text[: limit - 40].rstrip(_SELECTORS)
    return f"{kept}\n… cut: {len(text) - len(kept) + more} more characters"


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if char in _SELECTORS and _draws(match.string, match.start()):
        return char
    return f"⟨{code:04X}⟩"


def _draws(text: str, at: int) -> bool:
    """Whether the joiner or variation selector at ``at`` is part of an emoji."""
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if text[at] != "\u200d":
        return _is_emoji(before) or (before != "" and before in "#*0123456789" and after == "\u20e3")
    if before == "\ufe0f" and at > 1:
        return _is_emoji(text[at - 2]) and _is_emoji(after)
    return _is_emoji(before) and _is_emoji(after)


def _is_emoji(char: str) -> bool:
    """Whether a joiner or a variation selector beside this character can draw an emoji."""
    if not char or char < "\u00a9":
        return False
    return char in "\u203c\u2049\u2139\u3030\u303d" or "\U0001f000" <= char <= "\U0001faff" or (
        unicodedata.category(char) == "So" or (unicodedata.category(char) == "Sm" and char >= "\u2190")
    )  # fmt: skip


def _unstack(match: re.Match[str]) -> str:
    """A run of marks without those beyond the limit."""
    run = 0
    out: list[str] = []
    for char in match.group():
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if run <= COMBINING_LIMIT:
            out.append(char)
    return "".join(out)


def lines(text: str) -> list[str]:
    """The lines that citations count from 1: split at newline only, after cleaning."""
    return text.split("\n")
