from __future__ import annotations

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opstui.core.errors import Unreachable
from opstui.rehearsal import process
from opstui.rehearsal.process import FILE, LAST_WORDS, address, ensure_running

PROJECT = Path(__file__).resolve().parents[2]
ASKING = """
import pathlib, sys
from opstui.rehearsal.process import ensure_running
print(ensure_running(pathlib.Path(sys.argv[1])))
"""


def pid_of(folder: Path) -> int:
    return int(json.loads((folder / FILE).read_text())["pid"])


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home's folder; what was started in it is ended."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv(process.PACE, "0")
    home = tmp_path / "rehearsal"
    yield home
    if address(home) is not None:
        os.kill(pid_of(home), signal.SIGTERM)
        until(lambda: address(home) is None)


def test_it_is_started_once_and_found_again(folder: Path) -> None:
    url = ensure_running(folder)
    assert ensure_running(folder) == url
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / LAST_WORDS).read_bytes() == b""


def test_processes_that_ask_at_once_get_the_same_one(folder: Path) -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", ASKING, str(folder)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        for _ in range(4)
    ]
    assert {one.communicate(timeout=30)[0].strip() for one in asking} == {ensure_running(folder)}


def test_it_outlives_who_started_it_and_answers_with_its_own_key(folder: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", ASKING, str(folder)], cwd=PROJECT, stdout=subprocess.DEVNULL)
    assert starter.wait(30) == 0
    assert os.getsid(pid_of(folder)) == pid_of(folder)
    url = address(folder)
    assert url is not None
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", "/v1/models", headers={"x-api-key": "rehearsal"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_the_file_of_a_dead_process_is_noticed(folder: Path) -> None:
    ensure_running(folder)
    dead = pid_of(folder)
    os.kill(dead, signal.SIGKILL)
    until(lambda: address(folder) is None)
    assert (folder / FILE).exists()
    assert ensure_running(folder)
    assert pid_of(folder) != dead


def test_whoever_else_answers_there_is_not_taken_for_it(folder: Path) -> None:
    url = ensure_running(folder)
    (folder / FILE).write_text(json.dumps({"url": url, "pid": 1}))
    assert address(folder) is None
    (folder / FILE).write_text("{half")
    assert address(folder) is None
    os.kill(_listening(url), signal.SIGTERM)
    until(lambda: not _is_up(url))


def test_it_inherits_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-for-children")
    ensure_running(folder)
    environment = Path(f"/proc/{pid_of(folder)}/environ")
    if not environment.exists():
        pytest.skip("no /proc here, so an environment can't be looked at")
    assert b"sk-ant" not in environment.read_bytes()


def test_it_ends_by_itself_when_nobody_wants_anything(folder: Path) -> None:
    command = [sys.executable, "-m", "opstui.rehearsal", "--folder", str(folder), "--linger", "0.3"]
    running = subprocess.Popen(command, cwd=PROJECT)
    until(lambda: address(folder) is not None)
    assert running.wait(10) == 0
    assert not (folder / FILE).exists()


def test_a_second_one_in_the_same_folder_gives_way(folder: Path) -> None:
    ensure_running(folder)
    command = [sys.executable, "-m", "opstui.rehearsal", "--folder", str(folder)]
    second = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=60, check=False)
    assert second.returncode == 0
    assert b"another" in second.stderr


def test_a_folder_that_cant_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match="could not be started"):
        ensure_running(tmp_path / "file" / "rehearsal")


def test_without_a_folder_it_says_where_it_answers_and_ends_when_told_to() -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "opstui.rehearsal"], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )  # fmt: skip
    assert running.stdout is not None
    with running.stdout:
        url = running.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        running.terminate()
        assert running.wait(10) == 0


def _listening(url: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", process.HEALTH)
        return int(json.loads(connection.getresponse().read())["rehearsal"])
    finally:
        connection.close()


def _is_up(url: str) -> bool:
    try:
        return _listening(url) > 0
    except OSError:
        return False
