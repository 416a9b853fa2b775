"""Files that monitoring exports: each shape gives its series, and what is wrong is said with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.telemetry import reading
from opstui.adapters.telemetry.figures import BadTelemetry
from opstui.adapters.telemetry.reading import read_bytes, read_telemetry
from opstui.core.observations import called, observe

T0 = 1_795_168_860  # 2026-11-20 10:01:00 UTC
RISE = "between 10:01 and 10:02 UTC on 2026-11-20."


def told(content: Any, name: str = "file.json") -> list[str]:
    raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    found = read_bytes(raw, name)
    return [one.text for series in found.series for one in observe(series)] + [one.text for one in found.told]


PROMETHEUS = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [
            {"metric": {"__name__": "lag_seconds", "instance": "db-2"}, "values": [[T0, "15"], [T0 + 60, "1248.50"]]}
        ],
    },
}
INSTANT = {"data": {"resultType": "vector", "result": [{"metric": {"__name__": "up"}, "value": [T0, "0"]}]}}
METRIC_DATA = {
    "MetricDataResults": [
        {
            "Id": "m1",
            "Label": "ReplicaLag",
            "Timestamps": ["2026-11-20T10:02:00Z", "2026-11-20T10:01:00+00:00"],
            "Values": [1248.0, 15.0],
        }
    ]
}
STATISTICS = {
    "Label": "CPUUtilization",
    "Datapoints": [
        {"Timestamp": "2026-11-20T10:01:00Z", "Average": 12.5, "Unit": "Percent"},
        {"Timestamp": "2026-11-20T10:02:00Z", "Average": 97.25, "Unit": "Percent"},
    ],
}
FRAME = {
    "schema": {
        "fields": [
            {"name": "Time", "type": "time"},
            {"name": "Value", "type": "number", "labels": {"pod": "api-1"}, "config": {"displayName": "errors"}},
        ]
    },
    "data": {"values": [[T0 * 1000, T0 * 1000 + 60_000], [1, 90]]},
}
TARGET = [{"target": "upper_50", "datapoints": [[622, T0 * 1000], [365, T0 * 1000 + 60_000]]}]
POINTLIST = {
    "series": [
        {
            "metric": "system.cpu.idle",
            "scope": "host:web-1",
            "unit": [{"short_name": "%"}, None],
            "pointlist": [[T0 * 1000.0, 90.5], [T0 * 1000.0 + 60_000, 12.25]],
        }
    ]
}
COLUMNS = {
    "data": {
        "attributes": {
            "series": [{"group_tags": ["env:prod"], "unit": [{"short_name": "B"}, None]}],
            "times": [T0 * 1000, T0 * 1000 + 60_000],
            "values": [[15, 99]],
        }
    }
}
OWN = {
    "metrics": [
        {
            "metric_name": "ReplicaLag",
            "unit": "Seconds",
            "dimensions": [{"Name": "Instance", "Value": "orders-2"}],
            "data_points": [
                {"timestamp": "2026-11-20T10:01:00Z", "value": 15},
                {"timestamp": "2026-11-20T11:02:00+01:00", "value": 1248},
            ],
        }
    ]
}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PROMETHEUS, f"lag_seconds (instance=db-2) rose from 15 to 1248.50 {RISE}"),
        (INSTANT, "up was 0 at 10:01 UTC on 2026-11-20."),
        (METRIC_DATA, f"ReplicaLag rose from 15.0 to 1248.0 {RISE}"),
        (STATISTICS, f"CPUUtilization Average rose from 12.5 % to 97.25 % {RISE}"),
        ({"results": {"A": {"frames": [FRAME]}}}, f"errors (pod=api-1) rose from 1 to 90 {RISE}"),
        (TARGET, f"upper_50 fell from 622 to 365 {RISE}"),
        (POINTLIST, f"system.cpu.idle (host=web-1) fell from 90.5 % to 12.25 % {RISE}"),
        (COLUMNS, f"attributes (env=prod) rose from 15 B to 99 B {RISE}"),
        (OWN, f"ReplicaLag (Instance=orders-2) rose from 15 s to 1248 s {RISE}"),
    ],
    ids=["prometheus", "instant", "cloudwatch data", "statistics", "frame", "target", "pointlist", "columns", "own"],
)
def test_series_of_each_kind_are_read_with_their_numbers_as_written(content: Any, sentence: str) -> None:
    assert told(content) == [sentence]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,lag (s)\n2026-11-20T10:01:00Z,15\n2026-11-20T10:02:00Z,1248\n", f"lag rose from 15 s to 1248 s {RISE}"),
        ("time,cpu\n2026/11/20 10:01:00,8\n2026/11/20 10:02:00,91\n", f"cpu rose from 8 to 91 {RISE}"),
        ("Time;cpu\n2026-11-20 10:01:00;8%\n2026-11-20 10:02:00;91%\n", f"cpu rose from 8 % to 91 % {RISE}"),
        (
            "timestamp,metric,host,value\n1795168860,lag,db-1,3\n1795168920,lag,db-1,30\n",
            f"lag (host=db-1) rose from 3 to 30 {RISE}",
        ),
    ],
    ids=["wide", "slashes", "semicolons and units", "long"],
)
def test_csv_is_read_wide_and_long(text: str, sentence: str) -> None:
    assert told(text, "lag.csv") == [sentence]


def test_an_empty_cell_is_no_data_and_a_time_without_a_zone_is_said_to_be_utc() -> None:
    found = read_bytes(b"time,lag\n2026-11-20 10:01,5\n2026-11-20 10:02,\n2026-11-20 10:03,NaN\n", "lag.csv")
    assert [point.value for point in found.series[0].points] == [5.0, None, None]
    assert found.notes == ("lag.csv: times without a zone are read as UTC",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "time,x\n2026-11-20,hello\n2026-11-21,3\n", "a.csv:2: x: 'hello' is no number"),
        ("a.csv", "time,x\nsoon,3\n", "a.csv:2: time: 'soon' is no time"),
        ("a.csv", "time,x\n2026-11-20,3,4\n", "a.csv:2: 3 columns, but the header has 2"),
        ("a.csv", "x,y\n1,2\n", "a.csv:1: no column of times"),
        ("a.json", '{"a": [1,\n 2,}', "a.json:2: not JSON"),
        (
            "a.json",
            '{"datapoints": [{"time": "2026-11-20T10:01:00Z", "value": 1}, {"time": "soon", "value": 2}]}',
            "a.json: datapoints[1].time: 'soon' is no time",
        ),
        (
            "a.json",
            json.dumps({"Timestamps": ["2026-11-20T10:01:00Z"], "Values": [1, 2]}),
            "a.json: Values: there are not as many values as times",
        ),
        (
            "a.json",
            '{"status": "error", "error": "query timed out"}',
            "a.json: error: the query failed: query timed out",
        ),
        ("a.json", "[" * 3000, "a.json"),
        ("a.json", "  ", "a.json: empty"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_line_or_field(name: str, text: str, said: str) -> None:
    with pytest.raises(BadTelemetry) as failed:
        read_bytes(text.encode(), name)
    assert failed.value.message.startswith(said)


def test_events_logs_and_states_are_told_as_they_were_recorded() -> None:
    events = [
        {
            "reason": "BackOff",
            "message": "restart failed",
            "count": 8,
            "involved_object": "Pod/api-1",
            "first_time": "2026-04-18T10:05:00Z",
            "last_time": "2026-04-18T10:45:00Z",
        }
    ]
    logs = [{"timestamp": "2026-04-18T10:45:09Z", "status": "warn", "service": "api", "message": "heap in use 496Mi"}]
    states = {"pods": [{"name": "api-1", "phase": "Running", "containers": [{"ready": False, "restart_count": 8}]}]}
    assert told({"warning_events": events, "logs": logs}) == [
        "BackOff of Pod/api-1 was recorded 8 times between 10:05 and 10:45 UTC on 2026-04-18: restart failed",
        "Log line (warn) of api at 10:45:09 UTC on 2026-04-18: heap in use 496Mi",
    ]
    assert told(states) == ["pod api-1: phase Running, ready false, restart_count 8"]


def test_nothing_in_a_file_is_a_note_and_no_series() -> None:
    found = read_bytes(b'{"events": []}', "none.json")
    assert (found.series, found.told) == ((), ())
    assert "none.json: holds no series" in found.notes[0]


def test_names_and_messages_from_a_file_are_cleaned() -> None:
    hostile = {"metric": {"__name__": "up\x1b]52;c;eA==\x07", "pod": "a\u202eb"}, "values": [[T0, "1"]]}
    series = read_bytes(json.dumps({"data": {"result": [hostile]}}).encode(), "x.json").series[0]
    assert not any(char in called(series) for char in "\x1b\x07\u202e")


def test_files_have_a_size_and_points_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "big.csv"
    file.write_text("time,x\n2026-11-20,1\n2026-11-21,2\n", "utf-8")
    assert len(read_telemetry(str(file)).series) == 1
    monkeypatch.setattr(reading, "POINTS_LIMIT", 1)
    with pytest.raises(BadTelemetry, match="2 points; at most 1 are read"):
        read_telemetry(str(file))
    monkeypatch.setattr(reading, "FILE_BYTES", 10)
    with pytest.raises(BadTelemetry, match="at most 10 are read"):
        read_telemetry(str(file))
    with pytest.raises(BadTelemetry, match=r"gone\.csv: can't be read"):
        read_telemetry(str(tmp_path / "gone.csv"))


KEYS = st.sampled_from(
    "data result metric values value time timestamp Timestamps Values Datapoints series times pointlist schema fields "
    "frames unit labels name type message first_time last_time count Label config attributes __name__ logs".split()
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**22), 10**22),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["2026-11-20T10:01:00Z", "NaN", "1795168860", "9999-12-31T23:59:59-23:59", "x\nline", T0]),
)
NESTED = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(KEYS, part, max_size=5), max_leaves=25
)


@given(NESTED)
def test_any_json_is_read_or_refused_in_words(value: Any) -> None:
    try:
        found = told(value)
    except BadTelemetry as refused:
        assert refused.message.startswith("file.json")  # noqa: PT017
    else:
        assert not any("\n" in text for text in found)
