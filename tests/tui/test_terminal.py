"""Between app and terminal: what is decided before the start, called, copied, guarded, and left after a crash."""

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from opstui.core.errors import ConfigError
from opstui.tui.terminal import bell, clipboard, crash
from opstui.tui.terminal.driver import forgiving
from opstui.tui.terminal.environment import Terminal, decide, theme_for
from opstui.tui.terminal.guard import HOSTILE, Guard

NOW = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)
GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        (GOOD, 1 << 24),
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm"}, 16),
        ({"TERM": "linux"}, 16),
        (GOOD | {"NO_COLOR": "1"}, 0),
        (GOOD | {"NO_COLOR": ""}, 1 << 24),
    ],
)
def test_colours_are_decided_from_the_environment(environ: dict[str, str], colours: int) -> None:
    assert decide(environ).colours == colours


def test_without_colours_and_with_sixteen_the_theme_is_not_a_choice() -> None:
    assert theme_for(decide(GOOD | {"NO_COLOR": "1"}), "opstui-dark") == "opstui-mono"
    assert theme_for(decide({"TERM": "xterm"}), "opstui-light") == "opstui-ansi"
    assert theme_for(decide(GOOD), "opstui-light") == "opstui-light"


@pytest.mark.parametrize(
    ("more", "setting", "mouse"),
    [
        ({}, "auto", True), ({"SSH_TTY": "/dev/pts/1"}, "auto", False), ({"TMUX": "/tmp/x"}, "auto", False),
        ({"TMUX": "/tmp/x"}, "on", True), ({}, "off", False), ({"TMUX": "/tmp/x"}, True, True), ({}, None, True),
    ],
)  # fmt: skip
def test_the_mouse_is_off_over_ssh_and_in_tmux_unless_asked_for(
    more: dict[str, str], setting: str | bool | None, mouse: bool
) -> None:
    assert decide(GOOD | more, mouse=setting).mouse is mouse


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"TERM": ""}, {}, {"TERM": "unknown"}])
def test_a_terminal_that_can_nothing_is_refused_with_the_reason(environ: dict[str, str]) -> None:
    assert "TERM=" in decide(environ).refuses
    assert decide(GOOD, tty=False).refuses


def test_an_encoding_without_shapes_gets_ascii() -> None:
    assert decide(GOOD, encoding="ANSI_X3.4-1968").ascii
    assert not decide(GOOD, encoding="UTF-8").ascii


# --- attention --------------------------------------------------------------------------------------------------------


def attention(**environ: str) -> bell.Attention:
    return bell.Attention(decide(GOOD | environ), GOOD | environ)


def test_nobody_is_called_who_looks() -> None:
    seen = attention()
    seen.focus()
    assert seen.call("x", 1000.0, focused=True, last_key=0.0) == ""
    assert attention().call("x", 1000.0, focused=True, last_key=990.0) == ""


def test_one_call_a_minute_when_away() -> None:
    away = attention()
    away.focus()
    assert away.call("x", 1000.0, focused=False, last_key=999.0) == "\x07"
    assert away.call("x", 1030.0, focused=False, last_key=999.0) == ""
    assert away.call("x", 1061.0, focused=False, last_key=999.0) == "\x07"


def test_without_focus_reports_a_minute_without_a_key_counts_as_away() -> None:
    assert attention().call("x", 1000.0, focused=True, last_key=900.0) == "\x07"


def test_the_way_to_call_goes_by_the_terminal_and_tmux_gets_the_bell() -> None:
    assert (
        attention(TERM_PROGRAM="iTerm.app").call("two wait", 1e3, focused=True, last_key=0)
        == "\x1b]9;opstui: two wait\x07"
    )
    assert attention(TERM_PROGRAM="iTerm.app", TMUX="x").call("two", 1e3, focused=True, last_key=0) == "\x07"


def test_foreign_text_cannot_leave_a_notification() -> None:
    sent = attention(TERM_PROGRAM="ghostty").call("a\x07\x1b]52;c;x\x07", 1e3, focused=True, last_key=0)
    assert sent.count("\x07") == 1
    assert sent.count("\x1b") == 1


# --- clipboard --------------------------------------------------------------------------------------------------------


def where(**changes: bool) -> Terminal:
    return Terminal(**{"colours": 256, "mouse": False, "ascii": False, "tmux": False, "ssh": False} | changes)  # type: ignore[arg-type]


def test_copying_says_sent_and_never_copied(tmp_path: Path) -> None:
    sent = clipboard.copy("local:NET-87", where(), tmp_path)
    assert sent.said == "sent to terminal"
    assert base64.b64decode(sent.sequence[7:-1]) == b"local:NET-87"


def test_tmux_gets_it_wrapped(tmp_path: Path) -> None:
    sent = clipboard.copy("x", where(tmux=True), tmp_path).sequence
    assert sent.startswith("\x1bPtmux;\x1b\x1b]52;")
    assert sent.endswith("\x1b\\")


def test_what_is_too_long_goes_to_a_file_that_only_the_operator_reads(tmp_path: Path) -> None:
    sent = clipboard.copy("x" * 80_000, where(), tmp_path / "copies")
    file = next((tmp_path / "copies").iterdir())
    assert sent.sequence == ""
    assert str(file) in sent.said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# --- guard ------------------------------------------------------------------------------------------------------------


@given(st.text())
def test_nothing_hostile_passes_the_guard(text: str) -> None:
    for segment in Guard().apply([Segment(text, Style(link="file:///etc/passwd"))], Color(0, 0, 0)):
        assert not HOSTILE.search(segment.text)
        assert len(segment.text) == len(text)
        assert segment.style is None or segment.style.link is None


def test_an_ordinary_line_is_not_touched() -> None:
    line = [Segment("▲ PAY-1042 プリンタ 👩‍🚒", Style(bold=True))]
    assert Guard().apply(line, Color(0, 0, 0))[0].text == line[0].text


def test_control_segments_from_a_line_are_dropped() -> None:
    assert Guard().apply([Segment("\x1b[2J", None, [(1,)])], Color(0, 0, 0)) == []  # type: ignore[list-item]


def test_mouse_bytes_that_are_no_utf8_are_replaced() -> None:
    decode = forgiving("utf-8")().decode
    assert decode(b"\x1b[M \xf0\xff") + decode(b"q", True) != ""


def test_the_driver_reads_with_the_forgiving_decoder() -> None:
    from textual.drivers import linux_driver

    from opstui.tui.terminal.driver import driver_class

    made = driver_class()
    assert made is not None
    assert linux_driver.getincrementaldecoder is forgiving  # type: ignore[comparison-overlap]


# --- crash ------------------------------------------------------------------------------------------------------------


def broken() -> BaseException:
    token = "SECRET-TOKEN-123"
    try:
        raise RuntimeError(f"no luck with Authorization: Bearer {token}")
    except RuntimeError as error:
        return error


def test_a_crash_file_has_places_and_no_values(tmp_path: Path) -> None:
    report = crash.write(broken(), tmp_path / "crash", NOW)
    assert report.file is not None
    written = report.file.read_text("utf-8")
    assert "builtins.RuntimeError" in written
    assert "in broken" in written
    assert "SECRET" not in written
    assert "no luck" not in written
    assert stat.S_IMODE(report.file.stat().st_mode) == 0o600
    assert len(report.lines) == 4
    assert not any("SECRET" in line for line in report.lines)


def test_our_own_errors_keep_their_message_without_credentials(tmp_path: Path) -> None:
    report = crash.write(ConfigError("api_key = 'sk-abcdef123456' in https://me:pw@host"), tmp_path, NOW)
    assert report.file is not None
    written = report.file.read_text("utf-8")
    assert "ConfigError: [hidden]" in written
    assert "sk-abc" not in written
    assert "me:pw" not in written


def test_a_crash_without_a_folder_still_says_its_four_lines() -> None:
    report = crash.write(broken(), Path("/proc/nowhere"), NOW)
    assert report.file is None
    assert len(report.lines) == 4
