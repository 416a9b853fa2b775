"""``opstui redact``: standard input in, what a model would be shown out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT

PASSWORD = "Tundra" + "7!maple"
TOKEN = "ghp" + "_" + "q7Xp2LmV" * 5
OWN = "rehearsal-" + "q7Xp2LmV-own"

Redact = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def redact(environ: dict[str, str]) -> Redact:
    def run(given: bytes, *options: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "opstui", "redact", *options],
            input=given,
            capture_output=True,
            env=environ | more,
            cwd=PROJECT,
            timeout=60,
            check=False,
        )

    return run


def test_text_comes_out_as_it_was_but_for_what_is_hidden(redact: Redact) -> None:
    done = redact(f"Söder:\r\n\tpw is {PASSWORD}\nno newline at the end".encode())
    assert done.returncode == 0
    assert done.stderr == b""
    text = done.stdout.decode()
    assert PASSWORD not in text
    assert text.startswith("Söder:\n\tpw is ⟦S:PASSWORD:")
    assert text.endswith("⟧\nno newline at the end")


def test_json_holds_text_and_spans_in_code_points_of_the_input(redact: Redact) -> None:
    given = f"🔑 é pw: {PASSWORD} and {TOKEN}"
    found = json.loads(redact(given.encode(), "--json").stdout)
    assert set(found) == {"text", "spans"}
    assert [(given[span["start"] : span["end"]], span["kind"]) for span in found["spans"]] == [
        (PASSWORD, "PASSWORD"),
        (TOKEN, "GITHUB_TOKEN"),
    ]


def test_lines_go_one_by_one_and_bad_ones_are_named(redact: Redact) -> None:
    lines = [
        json.dumps({"text": f"pw: {PASSWORD}"}),
        "nope",
        '{"text": 3}',
        "",
        '{"text": "fine", "more": 1}',
        '["text"]',
    ]
    done = redact("\n".join(lines).encode(), "--jsonl")
    assert done.returncode == 1
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(line["spans"]) for line in out] == [1, 0]
    assert out[1]["text"] == "fine"
    told = done.stderr.decode()
    assert all(f"line {number}:" in told for number in (2, 3, 6))
    assert PASSWORD not in told


def test_each_line_is_answered_at_once(environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "opstui", "redact", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        cwd=PROJECT,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for number in range(3):
            running.stdin.write(json.dumps({"text": f"line {number}"}).encode() + b"\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["text"] == f"line {number}"
        running.stdin.close()
        assert running.wait(30) == 0


def test_bytes_that_are_no_text_are_replaced_and_said(redact: Redact) -> None:
    done = redact(b"pw: " + PASSWORD.encode() + b" \xff\xfe\x1b]0;x\x07 end")
    assert done.returncode == 0
    assert PASSWORD.encode() not in done.stdout
    assert b"\x1b" not in done.stdout
    assert b"not UTF-8 from byte" in done.stderr


def test_placeholders_differ_from_run_to_run(redact: Redact) -> None:
    given = f"pw: {PASSWORD}".encode()
    assert redact(given).stdout != redact(given).stdout


def test_nothing_in_is_nothing_out(redact: Redact) -> None:
    done = redact(b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads(redact(b"", "--json").stdout) == {"text": "", "spans": []}


def test_two_forms_at_once_are_a_mistake(redact: Redact) -> None:
    assert redact(b"x", "--json", "--jsonl").returncode == 2


def test_what_the_program_signs_in_with_is_hidden_wherever_it_stands(redact: Redact, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text(
        '[runtimes.managed]\nkind = "managed-agents"\nmodel = "claude-sonnet-5-5"\napi_key = { env = "OWN_KEY" }\n'
    )
    done = redact(f"nobody would guess {OWN} here".encode(), "--json", OPSTUI_CONFIG=str(config), OWN_KEY=OWN)
    assert done.returncode == 0, done.stderr
    assert OWN.encode() not in done.stdout
    assert [span["kind"] for span in json.loads(done.stdout)["spans"]] == ["OWN_SECRET"]
