"""Who pulls in whom, seen in a fresh interpreter: a lint of direct edges can't see what an import really costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

# Imports a room completely and prints the top-level names that came with it, with opstui's rooms spelt out.
_PROBE = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
room = sys.argv[1]
module = importlib.import_module(room)
names = [room]
if hasattr(module, "__path__"):
    names += [found.name for found in pkgutil.walk_packages(module.__path__, room + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
pulled = set()
for name in set(sys.modules) - before:
    first, _, rest = name.partition(".")
    pulled.add(f"opstui.{rest.partition('.')[0]}" if first == "opstui" and rest else first)
pulled = {name for name in pulled - set(sys.stdlib_module_names) if not name.startswith("_sysconfigdata")}
print(json.dumps(sorted(pulled - {"opstui"})))
"""

# What comes with textual whichever part of it is imported.
_TEXTUAL = frozenset(
    "linkify_it markdown_it mdit_py_plugins mdurl platformdirs pygments rich textual typing_extensions uc_micro".split()
)

ROOMS = {
    "opstui.core": {"opstui.core"},
    "opstui.services": {"opstui.services", "opstui.core"},
    "opstui.adapters": {"opstui.adapters", "opstui.core", "apsw"},
    "opstui.config": {"opstui.config", "opstui.core", "platformdirs", "tomli_w"},
    "opstui.cli": {"opstui.cli", "opstui.config", "opstui.core", "opstui.exports", "click", "platformdirs", "tomli_w"},
    "opstui.tui": {"opstui.tui", "opstui.core", *_TEXTUAL},
    "opstui.plain": {"opstui.plain", "opstui.core"},
    "opstui.exports": {"opstui.exports", "opstui.core"},
    "opstui.demo": {"opstui.demo", "opstui.core"},
    "opstui.rehearsal": {"opstui.rehearsal", "opstui.core"},
}


@cache
def pulled_in(room: str) -> set[str]:
    answer = subprocess.run(
        [sys.executable, "-c", _PROBE, room], capture_output=True, text=True, check=False, cwd=PROJECT, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_pulls_in_nothing_but_what_it_may(room: str) -> None:
    assert pulled_in(room) - ROOMS[room] == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["queue", "--help"], ["keys"]])
def test_words_on_the_command_line_need_neither_the_screen_nor_a_model(arguments: list[str], tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from opstui.cli.main import main
        sys.argv = ["opstui", *sys.argv[1:]]
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
        heavy = {"textual", "rich", "anthropic", "pydantic", "httpx2", "keyring", "apsw"} & set(sys.modules)
        print(code or 0, *sorted(heavy), file=sys.stderr)
    """)
    answer = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "OPSTUI_HOME": str(tmp_path)}, cwd=PROJECT,
    )  # fmt: skip
    assert answer.stderr.strip().splitlines()[-1:] == ["0"], answer.stderr
    assert answer.stdout
