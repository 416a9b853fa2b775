"""Files that options name: read up to a limit, as they are or as text."""

from __future__ import annotations

import sys
from pathlib import Path

from opstui.core.errors import UsageError
from opstui.core.text import clean_line


def text_of(file: str, option: str, limit: int) -> str:
    """The text of a file, of standard input for ``-``; at most ``limit`` bytes of UTF-8. Raises UsageError.

    ``option`` is what names the file, for what is said of it.
    """
    raw = sys.stdin.buffer.read(limit + 1) if file == "-" else _read(file, option, limit)
    try:
        return _within(raw, file, option, limit).decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise UsageError(f"{option} {clean_line(file, limit=80)}: not UTF-8") from None


def content_of(file: str, option: str, limit: int) -> bytes:
    """The bytes of a file, at most ``limit``. Raises UsageError."""
    return _within(_read(file, option, limit), file, option, limit)


def _read(file: str, option: str, limit: int) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        reason = error.strerror or "it can't be read"
        raise UsageError(f"{option} {clean_line(file, limit=80)}: {reason}") from None


def _within(raw: bytes, file: str, option: str, limit: int) -> bytes:
    if len(raw) > limit:
        raise UsageError(f"{option} {clean_line(file, limit=80)}: longer than {limit:,} bytes")
    return raw
