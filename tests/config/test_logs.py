"""The log is JSON Lines, for its owner only, and holds nothing that looks like a credential."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.config.logs import JsonLines, PrivateFile, start_logging, without_secrets
from opstui.config.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield Paths.find({"OPSTUI_HOME": str(tmp_path)})
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.raiseExceptions = True


def test_a_line_is_json_with_time_level_and_process(paths: Paths) -> None:
    start_logging(paths, process="worker")
    logging.getLogger("opstui.test").info("started\x1b[31m")
    line = json.loads(paths.log_file.read_text("utf-8"))
    assert line["process"] == "worker"
    assert line["level"] == "info"
    assert "\x1b" not in line["text"]
    assert stat.S_IMODE(paths.log_file.stat().st_mode) == 0o600


def test_an_exception_is_told_by_its_kind_and_its_way_and_not_by_its_words(paths: Paths) -> None:
    start_logging(paths)
    try:
        raise KeyError("what the ticket says")
    except KeyError as error:
        logging.getLogger("opstui.test").error("session %s crashed", "01J", exc_info=error)
    line = json.loads(paths.log_file.read_text("utf-8"))
    assert line["text"] == "session 01J crashed"
    assert line["traceback"].endswith("KeyError")
    assert "test_logs.py" in line["traceback"]


def test_the_level_decides_what_is_written(paths: Paths) -> None:
    start_logging(paths, level="error")
    logging.getLogger("opstui.test").warning("not this")
    assert not paths.log_file.exists()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2",
        "token=hunter2",
        '{"api_key": "hunter2"}',
        "https://alex:hunter2@rt.example.com/x",
        "key sk-ant-hunter2",
    ],
)
def test_what_looks_like_a_credential_is_left_out(text: str) -> None:
    assert "hunter2" not in without_secrets(text)


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    handler = PrivateFile(tmp_path / "file" / "log" / "opstui.jsonl", delay=True)
    handler.setFormatter(JsonLines("test"))
    handler.handle(logging.LogRecord("opstui", logging.INFO, "", 0, "text", None, None))
    assert capsys.readouterr().err == ""
