"""Series, events and log lines in JSON, wherever they stand in it.

Known by name: range queries of Prometheus (``data.result[].metric``, ``values``), GetMetricData and GetMetricStatistics
of CloudWatch (``MetricDataResults``, ``Datapoints``), frames and older targets of Grafana, series of Datadog
(``pointlist``; ``times`` and ``values``). What else is a list of points with times is read by what its fields are
called. Shapes as in the vendors' API references, November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from opstui.adapters.telemetry.figures import (
    BadTelemetry,
    Figure,
    in_utc,
    is_nothing,
    moment_of,
    number_of,
    point_of,
    unit_of,
)
from opstui.adapters.telemetry.happenings import event_of, log_lines, log_of, state_of
from opstui.core.frozen import dataclass
from opstui.core.observations import Observation, Point, Readings, Series
from opstui.core.text import clean_line

DEPTH = 24
TIMES = ("timestamp", "time", "ts", "t", "date", "datetime", "at", "@timestamp", "_time")
STAMPS = ("timestamps", "times", "time", "dates")
VALUES = ("value", "v", "val", "y", "values")
_NAMES = (
    "metric_name", "metricname", "display_name", "metric", "label", "name", "target", "alias", "title", "refid", "id",
)  # fmt: skip
_LISTS = ("values", "datapoints", "data_points", "points", "pointlist", "samples", "data", "history")
_LABELS = ("labels", "dimensions", "tags", "scope", "group_tags")
_GROUPS = 200
STATES_READ = 200


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something stands, and what what stands around it says about it."""

    file: str
    path: str = ""
    name: str = ""
    unit: str = ""
    labels: tuple[tuple[str, str], ...] = ()

    def at(self, key: str | int) -> str:
        """The path of a part: ``data.result[0].values[3]``."""
        part = f"[{key}]" if isinstance(key, int) else str(clean_line(key, limit=60))
        return f"{self.path}{part}" if part.startswith("[") or not self.path else f"{self.path}.{part}"

    def fault(self, key: str | int | None, problem: str) -> BadTelemetry:
        """An error that names the file and the field."""
        where = self.path if key is None else self.at(key)
        return BadTelemetry(f"{self.file}: {where or 'the whole'}: {problem}")


def read_json(text: str, file: str) -> Readings:
    """Every series, event and log line of a JSON text. Raises BadTelemetry naming file and line or field."""
    try:
        whole = json.loads(text, parse_float=Figure, parse_int=Figure, parse_constant=Figure)
    except json.JSONDecodeError as error:
        problem = clean_line(error.msg, limit=120)
        raise BadTelemetry(f"{file}:{error.lineno}: not JSON (column {error.colno}: {problem})") from None
    except RecursionError:
        raise BadTelemetry(f"{file}: nested too deeply") from None
    if isinstance(whole, Mapping) and whole.get("status") == "error" and "error" in whole:
        raise BadTelemetry(f"{file}: error: the query failed: {clean_line(str(whole['error']), limit=160)}")
    found = _Found()
    _walk(whole, _Place(file), found, 0)
    if not found.series and not found.told:
        found.told += _states(whole, "record", 0)
    notes = (f"{file}: times without a zone are read as UTC",) if found.naive else ()
    return Readings(series=tuple(found.series), told=tuple(found.told), notes=notes)


class _Found:
    """What was read so far."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.told: list[Observation] = []
        self.naive = False

    def moment(self, value: Any, place: _Place, key: str | int) -> datetime:
        """The time of a point. Raises BadTelemetry."""
        at = moment_of(value)
        if at is None:
            raise place.fault(key, f"{_shown(value)} is no time (RFC 3339 or seconds since 1970)")
        self.naive |= at.tzinfo is None
        try:
            return in_utc(at)
        except OverflowError:
            raise place.fault(key, "a time out of range") from None

    def add(self, place: _Place, points: Sequence[Point], *, name: str = "", unit: str = "") -> None:
        """Keep a series; one without points is none."""
        if points:
            called = name or place.name or "the series"
            self.series.append(Series(called, tuple(points), unit or place.unit, place.labels))


def _walk(node: Any, place: _Place, found: _Found, depth: int) -> None:
    if depth > DEPTH:
        raise place.fault(None, "nested too deeply")
    if isinstance(node, Mapping):
        inner = _described(node, place)
        if _frame(node, inner, found) or _parallel(node, inner, found) or _sample(node, inner, found):
            return
        for key, value in node.items():
            if isinstance(value, str) and "\n" in value:
                found.told += log_lines(value, inner.name)
            elif isinstance(value, (Mapping, list)) and str(key).casefold() not in _LABELS:
                named = inner.name if str(key).casefold() in (*_LISTS, "results", "result", "series") else ""
                below = _Place(inner.file, inner.at(str(key)), named or _word(str(key)), inner.unit, inner.labels)
                _walk(value, below, found, depth + 1)
    elif isinstance(node, list) and node:
        if all(isinstance(item, Mapping) for item in node) and _time_key(node[0]) is not None:
            _rows(node, place, found)
        elif _is_pair(node[0]):
            _pairs(node, place, found)
        else:
            for index, item in enumerate(node):
                if isinstance(item, (Mapping, list)):
                    below = _Place(place.file, place.at(index), place.name, place.unit, place.labels)
                    _walk(item, below, found, depth + 1)


def _states(node: Any, kind: str, depth: int) -> Iterator[Observation]:
    """What the outermost records that have a name say, in a file without any times."""
    if isinstance(node, Mapping) and depth < DEPTH:
        for key, value in node.items():
            yield from _states(value, _word(key), depth + 1)
    elif isinstance(node, list) and depth < DEPTH:
        for item in node[:STATES_READ]:
            state = state_of(item, kind.removesuffix("s"))
            if state is not None:
                yield state
            else:
                yield from _states(item, kind, depth + 1)


def _described(node: Mapping[str, Any], place: _Place) -> _Place:
    """The place with the name, unit and labels that an object gives to what it holds."""
    low = {str(key).casefold(): value for key, value in node.items()}
    name, labels, unit = place.name, place.labels, place.unit
    metric = low.get("metric")
    if isinstance(metric, Mapping):
        name = _word(metric.get("__name__") or "the query")
        labels = _labels({key: value for key, value in metric.items() if key != "__name__"})
    else:
        name = next((_word(low[key]) for key in _NAMES if _is_word(low.get(key))), name)
    labels = next((_labels(low[key]) for key in _LABELS if low.get(key)), labels)
    given = low.get("unit", low.get("units"))
    if isinstance(given, list):  # Datadog: what is measured, and per what
        words = [str(part.get("short_name") or part.get("name") or "") for part in given if isinstance(part, Mapping)]
        unit = unit_of("/".join(filter(None, words))) or unit
    elif _is_word(given):
        unit = unit_of(str(given))
    return _Place(place.file, place.path, name, unit, labels)


def _frame(node: Mapping[str, Any], place: _Place, found: _Found) -> bool:
    """A data frame of Grafana: a schema with fields, and a column of values for each."""
    schema, data = node.get("schema"), node.get("data")
    if not isinstance(schema, Mapping) or not isinstance(data, Mapping):
        return False
    fields, columns = schema.get("fields"), data.get("values")
    if not isinstance(fields, list) or not isinstance(columns, list):
        return False
    if len(fields) != len(columns):
        raise place.fault("data.values", f"{len(columns)} columns for {len(fields)} fields")
    kinds = [field.get("type") if isinstance(field, Mapping) else None for field in fields]
    if "time" not in kinds:
        return True  # a table without times is no series
    moments = columns[kinds.index("time")]
    for index, (field, column) in enumerate(zip(fields, columns, strict=True)):
        if kinds[index] != "number" or not isinstance(field, Mapping):
            continue
        given = field.get("config")
        config: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        title = config.get("displayNameFromDS") or config.get("displayName") or field.get("name")
        unit = unit_of(str(config["unit"])) if _is_word(config.get("unit")) else ""
        labels = _labels(field.get("labels") or {})
        name = _word(title) if title not in ("Value", "value") else _word(schema.get("name") or place.name)
        inner = _Place(place.file, place.at(f"data.values[{index}]"), name, unit, labels)
        found.add(inner, _columns(moments, column, inner, found))
    return True


def _parallel(node: Mapping[str, Any], place: _Place, found: _Found) -> bool:
    """A list of times beside one of values, or beside a list of such lists."""
    stamps = next((key for key in node if str(key).casefold() in STAMPS and _is_times(node[key])), None)
    if stamps is None:
        return False
    read = False
    for key, column in node.items():
        if key == stamps or not isinstance(column, list) or not column:
            continue
        if isinstance(column[0], list):
            about = node.get("series")
            for index, part in enumerate(column):
                more = about[index] if isinstance(about, list) and index < len(about) else {}
                below = _Place(place.file, place.at(f"{key}[{index}]"), place.name, place.unit, place.labels)
                inner = _described(more, below) if isinstance(more, Mapping) else below
                found.add(inner, _columns(node[stamps], part, inner, found))
                read = True
        elif any(number_of(value) is not None for value in column):
            inner = _Place(place.file, place.at(key), place.name, place.unit, place.labels)
            name = "" if str(key).casefold() in VALUES else f"{place.name} {_word(key)}".strip()
            found.add(inner, _columns(node[stamps], column, inner, found), name=name)
            read = True
    return read


def _columns(moments: Any, column: Any, place: _Place, found: _Found) -> list[Point]:
    if not isinstance(moments, list) or not isinstance(column, list) or len(moments) != len(column):
        raise place.fault(None, "there are not as many values as times")
    return [
        _point(found.moment(at, place, index), value, place, index)
        for index, (at, value) in enumerate(zip(moments, column, strict=True))
    ]


def _sample(node: Mapping[str, Any], place: _Place, found: _Found) -> bool:
    """One point of Prometheus: ``value: [time, "1"]``, of an instant query."""
    value = node.get("value")
    if isinstance(node.get("metric"), Mapping) and isinstance(value, list) and len(value) == 2:
        inner = _Place(place.file, place.at("value"), place.name, place.unit, place.labels)
        found.add(inner, [_point(found.moment(value[0], inner, 0), value[1], inner, 1)])
        return True
    return False


def _pairs(rows: Sequence[Any], place: _Place, found: _Found) -> None:
    """Points of two: time and value, or value and time as older targets of Grafana have them."""
    clock = 0 if all(_is_pair(row) and moment_of(row[0]) is not None for row in rows) else 1
    points = []
    for index, row in enumerate(rows):
        if not _is_pair(row):
            raise place.fault(index, "a time and a value are wanted")
        points.append(_point(found.moment(row[clock], place, index), row[1 - clock], place, index))
    found.add(place, points)


def _rows(rows: Sequence[Mapping[str, Any]], place: _Place, found: _Found) -> None:
    """Objects with a time each: events, log lines, or points with one or more values."""
    told = [one for row in rows for one in (event_of(row) or log_of(row),) if one is not None]
    if told:
        found.told += told
        return
    clock = _time_key(rows[0]) or ""
    numbers = [key for key in rows[0] if key != clock and any(number_of(row.get(key)) is not None for row in rows)]
    words = [
        key
        for key in rows[0]
        if key not in (clock, *numbers) and all(row.get(key) is None or _is_word(row.get(key)) for row in rows)
    ]
    grouped: dict[tuple[tuple[str, str], ...], list[tuple[int, Mapping[str, Any]]]] = {}
    for index, row in enumerate(rows):
        marks = tuple((str(key), _word(row[key])) for key in words if _is_word(row.get(key)))
        grouped.setdefault(marks, []).append((index, row))
    if len(grouped) > _GROUPS:
        raise place.fault(None, f"more than {_GROUPS} different series; export fewer")
    for marks, group in grouped.items():
        own = {key.casefold(): value for key, value in marks}
        unit = unit_of(own.pop("unit", own.pop("units", ""))) or place.unit
        name = next((own.pop(key) for key in _NAMES if own.get(key)), place.name)
        labels = (*place.labels, *((key, value) for key, value in marks if key.casefold() in own))
        inner = _Place(place.file, place.path, name, unit, labels)
        for key in numbers:
            title = name if str(key).casefold() in VALUES else f"{name} {_word(key)}".strip()
            points = [
                _point(
                    found.moment(row.get(clock), inner, f"[{index}].{clock}"), row.get(key), inner, f"[{index}].{key}"
                )
                for index, row in group
            ]
            found.add(inner, points, name=title, unit=unit)


def _point(at: datetime, value: Any, place: _Place, key: str | int) -> Point:
    if number_of(value) is None and not is_nothing(value):
        raise place.fault(key, f"{_shown(value)} is no number")
    return point_of(at, value)


def _time_key(row: Mapping[str, Any]) -> str | None:
    """The field that holds a row's time, by its name; events have two."""
    low = {str(key).casefold(): str(key) for key in row}
    named = (low[key] for key in (*TIMES, "last_time", "lasttimestamp", "first_time", "firsttimestamp") if key in low)
    return next((key for key in named if moment_of(row[key]) is not None), None)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and any(moment_of(part) is not None for part in value)


def _is_times(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and moment_of(value[0]) is not None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Figure) and bool(value.strip())


def _word(value: Any) -> str:
    return str(clean_line(str(value), limit=160))


def _shown(value: Any) -> str:
    return repr(str(clean_line(str(value), limit=40)))


def _labels(value: Any) -> tuple[tuple[str, str], ...]:
    """Labels as pairs: an object, a list of words, CloudWatch's ``[{Name, Value}]``, or one text."""
    pairs: Iterator[tuple[str, str]]
    if isinstance(value, Mapping):
        pairs = ((_word(key), _word(item)) for key, item in value.items() if isinstance(item, str))
    elif isinstance(value, list):
        pairs = (_label(item) for item in value)
    else:
        pairs = iter((_label(value),))
    return tuple(sorted({pair for pair in pairs if pair[1]}))[:8]


def _label(item: Any) -> tuple[str, str]:
    if isinstance(item, Mapping):
        low = {str(key).casefold(): val for key, val in item.items()}
        return _word(low.get("name", "")), _word(low.get("value", ""))
    key, mark, value = str(item).partition(":")
    return (_word(key), _word(value)) if mark else ("tag", _word(item) if isinstance(item, str) else "")
