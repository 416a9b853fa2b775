"""The op id in a comment's last line, for systems that have no better place for it: ``[opstui:01J…]``."""

from __future__ import annotations

import re

from opstui.core.ids import CROCKFORD

_LINE = re.compile(rf"[ \t]*\[opstui:([{CROCKFORD}]{{26}})\][ \t]*")


def marked(text: str, op_id: str) -> str:
    """``text`` with the op id as its last line, after an empty one."""
    line = f"[opstui:{op_id}]"
    return f"{text}\n\n{line}" if text else line


def unmarked(text: str) -> tuple[str, str | None]:
    """What :func:`marked` was given: the text and the op id; None where the last line is no marker.

    Systems take blanks off the end of a text and put line ends of their own in, so both are allowed around the marker.
    A marker anywhere else is something that a person quoted.
    """
    before, newline, last = text.rstrip().rpartition("\n")
    found = _LINE.fullmatch(last)
    if found is None:
        return text, None
    # What stands before the newline may be the other half of a CRLF.
    kept = before.removesuffix("\r") if newline else ""
    kept = kept[: -len(empty)] if (empty := _empty_line(kept)) else kept
    return kept, found.group(1)


def _empty_line(text: str) -> str:
    """The end of ``text`` that is the empty line before the marker."""
    found = re.search(r"\r?\n[ \t]*\Z", text)
    return found.group() if found else ""
