"""Where a command writes: data to stdout, words to stderr, and no colour, pager or spinner anywhere."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from opstui.core.errors import Refused
from opstui.core.text import clean


def write(data: bytes) -> bool:
    """Write to stdout at once; False once nobody reads any more.

    A reader that has seen enough (``| head``) stops the writing and never the work: the command goes on to its own
    end and exit code. Raises Refused where what is written can't be kept (a full disk).
    """
    try:
        stream = sys.stdout
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            stream.write(data.decode())
        else:
            stream.flush()
            buffer.write(data)
        stream.flush()
    except BrokenPipeError:
        _write_no_more()
        return False
    except OSError as error:
        _write_no_more()
        raise Refused(f"standard output can't be written ({error.strerror}); what was done is done") from None
    return True


def _write_no_more() -> None:
    """The interpreter flushes stdout once more at its end, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(value: Any) -> bool:
    """One JSON value: on one line for a program, indented on a terminal."""
    from opstui.exports.writing import json_line, json_text

    return write(json_text(value) if sys.stdout.isatty() else json_line(value))


def emit_line(value: Any) -> bool:
    """One JSON value on one line."""
    from opstui.exports.writing import json_line

    return write(json_line(value))


def say(text: str = "") -> bool:
    """A line of data for a person."""
    return write(str(clean(text)).encode("utf-8", "replace") + b"\n")


def on_terminal() -> bool:
    """Whether a person reads stdout as it comes."""
    return sys.stdout.isatty()


def note(text: str) -> None:
    """Words, to stderr."""
    try:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        sys.stderr.write(str(clean(text)).encode(encoding, "replace").decode(encoding) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


PATIENCE = 2.0
"""Seconds after which a wait is said."""


@contextmanager
def waiting(what: Callable[[], str]) -> Iterator[None]:
    """Say on stderr what is waited for, once, if it takes longer than two seconds."""
    timer = threading.Timer(PATIENCE, lambda: note(f"opstui: waiting: {what()}"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def width(text: str) -> int:
    """Cells that a terminal needs for one line of text."""
    if text.isascii():
        return len(text)
    cells = 0
    for char in text:
        if unicodedata.combining(char) or char in "\u200d\ufe0f":
            continue
        cells += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return cells


def cut(text: str, cells: int) -> str:
    """``text`` in at most ``cells`` cells, with ``…`` where something is left out."""
    if width(text) <= cells:
        return text
    kept, used = "", 0
    for char in text:
        used += width(char)
        if used > cells - 1:
            break
        kept += char
    return kept + "…" if cells > 0 else ""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "", wide: str = "") -> None:
    """Aligned columns, two blanks apart. ``right`` names columns to align right, ``wide`` the one that gives way.

    On a terminal a row is one line, so the wide column is cut; in a pipe nothing is.
    """
    lines = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not lines:
        return
    widths = [max(width(line[at]) for line in [list(header), *lines]) for at in range(len(header))]
    if wide in header and sys.stdout.isatty():
        at = header.index(wide)
        room = shutil.get_terminal_size().columns - sum(widths) - 2 * (len(widths) - 1) + widths[at]
        widths[at] = max(12, min(widths[at], room))
    rights = right.split()
    for line in [list(header), *lines]:
        cells = []
        for at, cell in enumerate(line):
            shown = cut(cell, widths[at])
            gap = " " * (widths[at] - width(shown))
            cells.append(gap + shown if header[at] in rights else shown + gap)
        if not say("  ".join(cells).rstrip()):
            return


def clock(moment: datetime | None) -> str:
    """A time for people: RFC 3339 in UTC to the second, ``–`` for none."""
    return "–" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def age(since: datetime | None, now: datetime) -> str:
    """``now``, ``4m``, ``2h``, ``3d``; ``in 4m`` for what is still to come, ``–`` for never."""
    if since is None:
        return "–"
    seconds = (now - since).total_seconds()
    ahead = seconds < -59
    minutes = int(abs(seconds) // 60)
    if minutes < 1:
        return "now"
    text = f"{minutes}m" if minutes < 60 else f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"
    return f"in {text}" if ahead else text
