"""Every ``--help`` is as agreed, and every option is in the README's section on the command line.

``OPSTUI_WRITE_HELP=1 pytest tests/cli/test_help_texts.py`` writes the texts anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from opstui.cli.root import COMMANDS, EXIT_CODES, GROUPS, root

FOLDER = Path(__file__).parent / "help"
README = Path(__file__).parent.parent.parent / "README.md"
WRITE = "OPSTUI_WRITE_HELP"
WRITING = bool(os.environ.get(WRITE))
"""Read here, before the fixture that keeps the caller's settings from the tests."""


def tree(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from tree(command, (*words, name))
        else:
            yield (*words, name), command


ALL = dict(tree(root))


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "opstui")
def test_help_is_as_agreed(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSTUI_HOME", "/home/alex/opstui")
    done = CliRunner().invoke(root, [*words, "--help"], prog_name="opstui", terminal_width=100)
    assert done.exit_code == 0
    file = FOLDER / f"{'-'.join(words) or 'opstui'}.txt"
    if WRITING:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(done.output, "utf-8")
    assert done.output == file.read_text("utf-8"), f"{WRITE}=1 writes it"


def test_no_help_text_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {"-".join(words) or "opstui" for words in ALL}


def test_the_top_help_has_examples_groups_places_and_exit_codes() -> None:
    text = (FOLDER / "opstui.txt").read_text("utf-8")
    assert text.index("opstui demo") < text.index("Usage:")
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    assert "config.toml" in text
    assert "opstui.jsonl" in text
    assert " ".join(EXIT_CODES.split()) in " ".join(text.split())


def test_every_command_says_what_it_does() -> None:
    assert [words for words, command in ALL.items() if not command.help] == []


def test_every_option_is_in_the_readme() -> None:
    section = README.read_text("utf-8").split("## Command line")[1].split("\n## ")[0]
    missing = [
        f"opstui {' '.join(words)} {option}"
        for words, command in ALL.items()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and f"{option}" not in section
    ]
    assert missing == []
