"""Exit codes and where words go."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done

Run = Callable[..., Done]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "demo",
        "nonsense",
        "queue",
        "queue nonsense",
        "queue list --nonsense",
        "queue show",
        "ticket show nonsense",
        "ticket show rt:1",
        "ticket show local:",
        "ticket list severty:1",
        "ticket import /does/not/exist",
        "run incident-summary local",
        "run nonsense local:A-1",
        "run incident-summary local:A-1 --runtime nonsense",
        "run incident-summary local:A-1 --budget nonsense",
        "run incident-summary local:A-1 --budget 0.001",
        "run incident-summary local:A-1 --budget 1e3",
        "run incident-summary local:A-1 --budget 1_0",
        "run incident-summary local:A-1 --budget -1",
        "run incident-summary local:A-1 --budget .5",
        "run incident-summary local:A-1 --events --json",
        "draft new local:A-1 --set severity",
        "draft new local:A-1 --set /severity=1 --set /severity=2",
        "draft new local:A-1 --comment-file /does/not/exist",
        "draft new local:A-1 --override M1=nonsense",
        "draft approve X",
        "draft settle X --reason r",
        "knowledge search",
        "cost --json --csv",
        "--config /does/not/exist queue list",
        "--profile nonsense queue list",
        "--log-level nonsense queue list",
        "--theme",
        "open https://example.com/1",
    ],
)
def test_what_makes_no_sense_is_exit_2_with_words_on_stderr_only(opstui: Run, words: str) -> None:
    done = opstui(*words.split())
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(("opstui: ", "Usage: "))
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        "ticket show local:NOPE",
        "run incident-summary local:NOPE",
        "draft show NOPE",
        "draft edit NOPE",
        "draft approve NOPE --fingerprint 00",
        "draft new local:NOPE",
        "session show NOPE",
        "session resume NOPE",
        "session interrupt NOPE",
        "session export NOPE",
        "queue show NOPE",
    ],
)
def test_what_does_not_exist_is_exit_1(opstui: Run, words: str) -> None:
    done = opstui(*words.split())
    assert (done.code, done.out) == (1, "")
    assert "NOPE" in done.err


@pytest.mark.parametrize("words", ["--version", "--help", "-h", "queue --help", "draft new --help", "config path"])
def test_what_only_tells_is_exit_0_and_opens_nothing(opstui: Run, environ: dict[str, str], words: str) -> None:
    done = opstui(*words.split())
    assert done.code == 0
    assert done.out
    assert not Path(environ["OPSTUI_HOME"]).exists()


def test_a_broken_config_is_exit_2_with_file_and_line(opstui: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[ui]\nthem = "x"\n')
    for words in (("queue", "list"), ("config", "check"), ("doctor",), ("--demo", "queue", "list")):
        done = opstui("--config", file, *words)
        assert done.code == 2
        assert f"{file}:2: ui.them" in done.err
    assert opstui("config", "path", OPSTUI_CONFIG=str(file)).out.strip() == str(file)


def test_config_init_never_touches_a_file_that_is_there(opstui: Run, environ: dict[str, str]) -> None:
    assert opstui("config", "init").code == 0
    file = Path(environ["OPSTUI_HOME"]) / "config.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert opstui("config", "check").code == 0
    file.write_text('[operator]\nname = "kept"\n')
    assert opstui("config", "init").code == 1
    assert "kept" in file.read_text()
    assert [item.name for item in file.parent.iterdir() if item.name.startswith(".")] == []
    shown = {row["key"]: row for row in opstui("config", "show", "--json").json}
    assert shown["operator.name"] == {"key": "operator.name", "value": "kept", "source": "user file, line 2"}


def test_config_show_names_secrets_by_reference_only(opstui: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[tickets.rt]\nkind = "rt"\nurl = "https://x.example"\ntoken = { env = "RT_TOKEN" }\n')
    done = opstui("--config", file, "config", "show", "--json", RT_TOKEN="hunter2")
    shown = {row["key"]: row["value"] for row in done.json}
    assert shown["tickets.rt.token"] == {"env": "RT_TOKEN"}
    assert "hunter2" not in done.out + done.err


def test_the_app_without_a_terminal_names_plain(opstui: Run) -> None:
    for words in ((), ("demo",), ("open", "local:A-1"), ("--demo", "--no-mouse")):
        done = opstui(*words)
        assert done.code == 2
        assert "--plain" in done.err


def test_a_dumb_terminal_is_refused_by_name(environ: dict[str, str]) -> None:
    main, child = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "opstui.cli.main", "demo"],
        stdin=child,
        stdout=child,
        stderr=subprocess.PIPE,
        env=environ | {"TERM": "dumb"},
        check=False,
        timeout=30,
    )
    os.close(main)
    os.close(child)
    assert done.returncode == 2
    assert b"--plain" in done.stderr


def test_a_reader_that_goes_away_is_no_error(environ: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "opstui.cli.main", "--demo", "ticket", "list", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environ,
        check=False,
        timeout=30,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_kept_is_exit_1_and_said(environ: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "opstui.cli.main", "keys"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environ,
            check=False,
            timeout=30,
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert b"internal error" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(environ: dict[str, str], closed: str) -> None:
    command = f'"{sys.executable}" -m opstui.cli.main queue list --json {closed}'
    assert subprocess.run(["sh", "-c", command], env=environ, check=False, timeout=30).returncode == 0


def test_a_signal_after_the_work_is_done_changes_nothing(environ: dict[str, str]) -> None:
    program = (
        "import atexit, os, signal, sys; from opstui.cli import main;"
        "atexit.register(lambda: [os.kill(os.getpid(), number) for number in (2, 15, 1)]);"
        "sys.argv[1:] = ['queue', 'list']; sys.exit(main.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, check=False, timeout=30, stdout=subprocess.DEVNULL
    )
    assert done.returncode == 0


def test_a_theme_that_is_not_there_is_found_by_the_check(opstui: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('[ui]\ntheme = "nonsense"\n')
    done = opstui("config", "check")
    assert (done.code, done.out) == (2, "")
    assert "line 2" in done.err
    assert "nonsense" in done.err


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_a_settle_time_that_is_none_is_exit_2(opstui: Run, seconds: str) -> None:
    done = opstui("queue", "list", OPSTUI_SETTLE_SECONDS=seconds)
    assert (done.code, done.out) == (2, "")
    assert "OPSTUI_SETTLE_SECONDS" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_its_code(environ: dict[str, str], number: int, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "opstui.cli.main", "--demo", "--plain"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.read(2)  # it talks, so its handlers stand
        process.send_signal(number)
        assert process.wait(timeout=20) == code


def test_doctor_exits_1_on_a_fail_only(opstui: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[knowledge.runbooks]\npath = "/does/not/exist"\n')
    assert opstui("doctor", "--offline").code == 0
    probes = opstui("--config", file, "doctor", "--json")
    states = {probe["state"] for probe in probes.json}
    assert probes.code == (1 if "fail" in states else 0)
    assert states & {"warn", "fail"}


def test_help_imports_neither_textual_nor_anthropic(environ: dict[str, str]) -> None:
    code = (
        "import sys; from opstui.cli.main import main; sys.argv = ['opstui', '--help']; main();"
        "bad = {'textual', 'anthropic', 'pydantic', 'apsw', 'keyring', 'httpx2'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_store_that_this_version_does_not_have_is_refused_by_the_check_and_by_every_start(
    opstui: Run, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('[store]\nurl = "postgresql://sam@db.example.com/opstui"\n')
    for words in (("config", "check"), ("queue", "list")):
        done = opstui(*words)
        assert (done.code, done.out) == (2, "")
        assert "opstui: store.url: this version" in done.err
    assert not list((tmp_path / "home").rglob("*.db"))
