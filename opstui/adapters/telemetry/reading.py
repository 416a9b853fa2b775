"""One file of telemetry, whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from opstui.adapters.telemetry.figures import BadTelemetry
from opstui.core.observations import Readings
from opstui.core.text import clean_line

FILE_BYTES = 16 * 1024 * 1024
POINTS_LIMIT = 200_000
SERIES_LIMIT = 200


def read_telemetry(file: str) -> Readings:
    """The series, events and log lines of a file. Raises BadTelemetry naming file and line or field."""
    path = Path(file)
    name = str(clean_line(path.name, limit=80))
    try:
        size = path.stat().st_size
        if size > FILE_BYTES:
            raise BadTelemetry(f"{name}: {size:,} bytes; at most {FILE_BYTES:,} are read: export a shorter window")
        raw = path.read_bytes()
    except OSError as error:
        raise BadTelemetry(f"{name}: can't be read ({error.strerror})") from None
    return read_bytes(raw, name)


def read_bytes(raw: bytes, name: str) -> Readings:
    """The same of its content; JSON or, if it does not begin like it, CSV."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadTelemetry(f"{name}:{line}: not UTF-8") from None
    if not text.strip():
        raise BadTelemetry(f"{name}: empty")
    if text.lstrip()[0] in "{[":
        from opstui.adapters.telemetry.json_files import read_json

        found = read_json(text, name)
    else:
        from opstui.adapters.telemetry.csv_files import read_csv

        found = read_csv(text, name)
    if not found.series and not found.told:
        return Readings(notes=(*found.notes, f"{name}: holds no series, no events, no log lines and no named records"))
    if len(found.series) > SERIES_LIMIT:
        raise BadTelemetry(f"{name}: {len(found.series)} series; at most {SERIES_LIMIT} are read: narrow the query")
    points = sum(len(one.points) for one in found.series)
    if points > POINTS_LIMIT:
        raise BadTelemetry(f"{name}: {points:,} points; at most {POINTS_LIMIT:,} are read: widen the step")
    return found
