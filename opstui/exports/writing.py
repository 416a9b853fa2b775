"""JSON and CSV as bytes that no terminal and no spreadsheet acts on."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opstui.core.text import clean

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z")


def printable(value: Any) -> Any:
    """The same JSON value without control characters in any string, keys included.

    Adapters have cleaned what came from outside; this catches what did not, such as names from the environment.
    """
    if isinstance(value, str):
        return str(clean(str(value))) if _CONTROL.search(value) else value
    if isinstance(value, Mapping):
        return {printable(str(key)): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def json_line(value: Any) -> bytes:
    """One JSON value on one line, UTF-8, with its newline."""
    return json.dumps(printable(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def json_text(value: Any) -> bytes:
    """One JSON value, indented for people, UTF-8, with its newline."""
    return json.dumps(printable(value), ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """RFC 4180 in UTF-8. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(printable(str(value)))
    return "'" + text if text.startswith(_FORMULA) and not _PLAIN_NUMBER.match(text) else text
