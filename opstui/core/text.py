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
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\ue000-\uf8ff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)


def clean(raw: str | bytes, *, limit: int = BODY_LIMIT) -> SafeText:
    """Harmless text with the same meaning to a reader; newline and tab survive.

    CR and CRLF become newline; other C0 and DEL become their control pictures, C1, bidi controls, zero-width and
    private characters and lone surrogates become ``⟨HEX⟩``, so that what was hidden is seen. A joiner or variation
    selector between emoji stays. Idempotent: ``clean(clean(x)) == clean(x)``.
    """
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    if isinstance(raw, SafeText) and len(raw) <= limit:
        return raw
    cut = len(raw) > limit
    text = raw[:limit] if cut else raw
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or not _ORDINARY.match(text):
        text = _SUSPECT.sub(_visible, text)
        text = _limit_combining(text)
    if cut:
        text = text[: max(0, limit - 40)] + f"\n… cut: {len(raw) - limit + 40} more characters"
        text = text[:limit] if limit > 80 else text[: max(0, limit - 1)] + "…"
    return SafeText(text)


def clean_line(raw: str | bytes, *, limit: int = LINE_LIMIT) -> SafeText:
    """:func:`clean` for what is one line by nature: newlines and tabs become spaces, runs of them one."""
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    text = clean(raw[: limit * 4])
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return SafeText(line)


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if char in "\u200d\ufe0e\ufe0f":
        text, at = match.string, match.start()
        before = text[at - 1] if at else ""
        after = text[at + 1] if at + 1 < len(text) else ""
        if char == "\u200d" and (_joins(before) or before == "\ufe0f") and _joins(after):
            return char
        if char != "\u200d" and before and (_joins(before) or before in "#*0123456789"):
            return char
    return f"⟨{code:04X}⟩"


def _joins(char: str) -> bool:
    """Whether a zero-width joiner or a variation selector beside this character draws an emoji."""
    return bool(char) and (unicodedata.category(char) in ("So", "Sk") or 0x1F000 <= ord(char) <= 0x1FAFF)


def _limit_combining(text: str) -> str:
    if text.isascii():
        return text
    run = 0
    out: list[str] = []
    for char in text:
        if char > "\u02ff" and unicodedata.combining(char):
            run += 1
            if run > COMBINING_LIMIT:
                continue
        else:
            run = 0
        out.append(char)
    return "".join(out) if len(out) != len(text) else text


def lines(text: str) -> list[str]:
    """The lines that citations count from 1: split at newline only, after cleaning."""
    return text.split("\n")
