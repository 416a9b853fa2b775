"""Series in CSV: a column of times, and a column for each series or one of values with one of names."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import datetime

from opstui.adapters.telemetry.figures import (
    BadTelemetry,
    in_utc,
    is_nothing,
    moment_of,
    number_of,
    point_of,
    unit_of,
    with_unit,
)
from opstui.core.observations import Point, Readings, Series
from opstui.core.text import clean_line

COLUMNS_LIMIT = 200
_TIMES = ("time", "timestamp", "date", "datetime", "ts", "@timestamp", "_time", "at", "time (utc)", "date/time")
_NAMES = ("metric", "metric_name", "metricname", "series", "name", "_field", "measurement")
_VALUES = ("value", "_value", "val", "average")
_UNIT = re.compile(r"\A(.*\S)\s*[\[(]([^\])]{1,16})[\])]\Z")


def read_csv(text: str, file: str) -> Readings:
    """Every series of a CSV text. Raises BadTelemetry naming file, line and column."""
    lines = text.split("\n", 1)
    delimiter = max(",;\t|", key=lines[0].count)
    reader = csv.reader(text.split("\n"), delimiter=delimiter)
    try:
        header = [str(clean_line(cell, limit=160)) for cell in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadTelemetry(f"{file}:{reader.line_num}: not CSV ({clean_line(str(error), limit=120)})") from None
    if len(header) < 2 or not rows:
        raise BadTelemetry(f"{file}:1: a header, a column of times and one of values are wanted")
    if len(header) > COLUMNS_LIMIT:
        raise BadTelemetry(f"{file}:1: more than {COLUMNS_LIMIT} columns; export fewer series")
    clock = _time_column(header, rows, file)
    moments: list[datetime] = []
    naive = False
    for line, row in rows:
        if len(row) != len(header):
            raise BadTelemetry(f"{file}:{line}: {len(row)} columns, but the header has {len(header)}")
        at = moment_of(row[clock])
        if at is None:
            shown = clean_line(row[clock], limit=40)
            raise BadTelemetry(f"{file}:{line}: {header[clock]}: {shown!r} is no time (RFC 3339 or seconds since 1970)")
        naive |= at.tzinfo is None
        moments.append(_utc(at, f"{file}:{line}: {header[clock]}"))
    names = next((at for at, name in enumerate(header) if name.casefold() in _NAMES), None)
    values = next((at for at, name in enumerate(header) if name.casefold() in _VALUES), None)
    if names is not None and values is not None:
        series = _long(header, rows, moments, clock, names, values, file)
    else:
        series = _wide(header, rows, moments, clock, file)
    if not series:
        raise BadTelemetry(f"{file}:1: no column of numbers beside {header[clock]}")
    return Readings(series=tuple(series), notes=(f"{file}: times without a zone are read as UTC",) if naive else ())


def _time_column(header: Sequence[str], rows: Sequence[tuple[int, list[str]]], file: str) -> int:
    for at, name in enumerate(header):
        if name.casefold() in _TIMES:
            return at
    first = rows[0][1]
    for at in range(min(len(header), len(first))):
        if moment_of(first[at]) is not None:
            return at
    raise BadTelemetry(f"{file}:1: no column of times; call one time or timestamp")


def _wide(
    header: Sequence[str], rows: Sequence[tuple[int, list[str]]], moments: Sequence[datetime], clock: int, file: str
) -> list[Series]:
    found: list[Series] = []
    for column, title in enumerate(header):
        cells = [row[column] for _, row in rows]
        if column == clock or not any(number_of(with_unit(cell)[0]) is not None for cell in cells):
            continue
        match = _UNIT.match(title)
        name, unit = (match[1], unit_of(match[2])) if match is not None else (title, "")
        points: list[Point] = []
        for (line, row), at in zip(rows, moments, strict=True):
            value, own = _cell(row[column], f"{file}:{line}: {title}")
            unit = unit or unit_of(own)
            points.append(point_of(at, value))
        found.append(Series(name or f"column {column + 1}", tuple(points), unit))
    return found


def _long(
    header: Sequence[str],
    rows: Sequence[tuple[int, list[str]]],
    moments: Sequence[datetime],
    clock: int,
    names: int,
    values: int,
    file: str,
) -> list[Series]:
    """A row a point: its series is named in the row, and told from others by the columns that hold words."""
    units = next((at for at, name in enumerate(header) if name.casefold() in ("unit", "units")), None)
    labels = [at for at in range(len(header)) if at not in (clock, names, values, units) and header[at]]
    grouped: dict[tuple[str, tuple[tuple[str, str], ...], str], list[Point]] = {}
    for (line, row), at in zip(rows, moments, strict=True):
        value, own = _cell(row[values], f"{file}:{line}: {header[values]}")
        marks = tuple(
            (header[column], str(clean_line(row[column], limit=60))) for column in labels if row[column].strip()
        )
        unit = unit_of(row[units]) if units is not None else unit_of(own)
        key = (str(clean_line(row[names], limit=160)) or header[values], marks, unit)
        grouped.setdefault(key, []).append(point_of(at, value))
    if len(grouped) > COLUMNS_LIMIT:
        raise BadTelemetry(f"{file}: more than {COLUMNS_LIMIT} series; export fewer")
    return [Series(name, tuple(points), unit, marks) for (name, marks, unit), points in grouped.items()]


def _cell(cell: str, where: str) -> tuple[str | None, str]:
    """The number of a cell as written and its unit. Raises BadTelemetry for what is neither a number nor nothing."""
    if is_nothing(cell):
        return None, ""
    value, unit = with_unit(cell)
    if number_of(value) is None:
        raise BadTelemetry(f"{where}: {clean_line(cell, limit=40)!r} is no number")
    return value, unit


def _utc(at: datetime, where: str) -> datetime:
    try:
        return in_utc(at)
    except OverflowError:
        raise BadTelemetry(f"{where}: a time out of range") from None
