"""The small parts of the command line: arguments read by hand, tables, exit codes of pushes, crash files."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opstui.cli import main, output
from opstui.cli.crash import CrashGuard, report
from opstui.cli.globals import Globals, app_only
from opstui.cli.output import age, cut, table, waiting, width
from opstui.cli.push import ORDER, exit_code
from opstui.core.drafts import Draft, DraftState, PushRecord, StepState
from opstui.core.tickets import TicketRef

SECRET = "hunter" + str(2)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Globals()),
        ("--demo --read-only --plain --no-mouse", Globals(demo=True, read_only=True, plain=True, no_mouse=True)),
        ("--config c --profile p --theme t", Globals(config="c", profile="p", theme="t")),
        ("demo --fresh", Globals(demo=True, fresh=True)),
        ("--theme t demo", Globals(theme="t", demo=True)),
        ("--theme", None),
        ("--theme --demo", None),
        ("--fresh", None),
        ("demo --plain", None),
        ("queue list", None),
        ("--demo queue", None),
        ("--help", None),
        ("--log-level debug", None),
    ],
)
def test_only_what_starts_the_app_is_read_by_hand(words: str, wanted: Globals | None) -> None:
    assert app_only(words.split()) == wanted


def test_columns_align_by_cells_and_nothing_is_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    table(("ref", "title", "age"), [("a:1", "日本語", "4m"), ("a:22", "e\u0301a", "12h")], right="age", wide="title")
    assert capsys.readouterr().out == "ref   title   age\na:1   日本語   4m\na:22  e\u0301a      12h\n"


def test_cut_counts_cells() -> None:
    assert cut("日本語", 5) == "日本…"
    assert width(cut("日本語", 4)) <= 4
    assert cut("short", 5) == "short"


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0, "now"),
        (59, "now"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d"),
        (-240, "in 4m"),
    ],
)
def test_ages_are_short(seconds: int, wanted: str) -> None:
    assert age(NOON - timedelta(seconds=seconds), NOON) == wanted


def pushed(state: DraftState, **more: Any) -> int:
    ref = TicketRef("local", "A-1")
    record = PushRecord(
        id="P", draft="D", system="local", ticket=ref, payload=b"", fingerprint="f", step=StepState.PLANNED,
        approved_at=NOON, expires_at=NOON,
    )  # fmt: skip
    draft = Draft(
        id="D", ticket=ref, state=state, rev=1, base_version="1", base={}, op_id="P", operator="alex", created_at=NOON,
        updated_at=NOON,
    )  # fmt: skip
    return exit_code(replace(record, **more), draft)


def test_each_end_of_a_push_has_its_exit_code() -> None:
    assert pushed(DraftState.PUSHED) == 0
    assert pushed(DraftState.CONFLICT) == 5
    assert pushed(DraftState.NEEDS_HUMAN) == 1
    assert pushed(DraftState.EDITED) == 1
    assert pushed(DraftState.APPROVED) == 3
    assert pushed(DraftState.APPROVED, credentials=True) == 4
    assert ORDER == (4, 5, 3, 1)


def fail(secret: str) -> None:
    local = secret + "-local"
    raise ValueError(f"could not read {secret} {local}")


def test_a_crash_file_holds_places_and_no_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with CrashGuard({"OPSTUI_HOME": str(tmp_path)}, "queue list") as guard:
        fail(SECRET)
    assert guard.code == 70
    [file] = (tmp_path / "state" / "crash").iterdir()
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in text + capsys.readouterr().err
    assert "builtins.ValueError" in text
    assert "in fail" in text


def test_a_crash_names_what_caused_it() -> None:
    try:
        try:
            fail(SECRET)
        except ValueError as inner:
            raise RuntimeError(SECRET) from inner
    except RuntimeError as error:
        text = report(error, "run")
    assert "builtins.RuntimeError" in text
    assert "builtins.ValueError" in text
    assert SECRET not in text


def test_what_is_meant_to_end_the_program_is_no_crash(tmp_path: Path) -> None:
    for error in (SystemExit(143), KeyboardInterrupt()):
        with pytest.raises(type(error)), CrashGuard({"OPSTUI_HOME": str(tmp_path)}, "x"):
            raise error
    assert not (tmp_path / "state").exists()


def test_a_wait_of_more_than_two_seconds_says_what_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = threading.Event()
    monkeypatch.setattr(output, "PATIENCE", 0.01)

    def what() -> str:
        said.set()
        return "rt to answer"

    with waiting(what):
        assert said.wait(5)
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.join(5)
    assert capsys.readouterr().err == "opstui: waiting: rt to answer\n"


def test_a_short_wait_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting(lambda: "nothing"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_thread_that_fails_leaves_a_crash_file_and_nothing_on_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPSTUI_HOME", str(tmp_path))
    monkeypatch.setattr(threading, "excepthook", main._thread_failed)
    thread = threading.Thread(target=fail, args=(SECRET,), name="opstui-test")
    thread.start()
    thread.join()
    [file] = (tmp_path / "state" / "crash").iterdir()
    assert "thread opstui-test" in file.read_text()
    assert SECRET not in file.read_text()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("cause", "code"), [(SystemExit(143), 143), (KeyboardInterrupt(), 130)])
def test_an_error_in_the_wake_of_a_signal_is_no_crash(tmp_path: Path, cause: BaseException, code: int) -> None:
    with CrashGuard({"OPSTUI_HOME": str(tmp_path)}, "x") as guard:
        try:
            raise cause
        finally:
            fail(SECRET)
    assert guard.code == code
    assert not (tmp_path / "state").exists()
