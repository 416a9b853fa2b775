"""The README says what the program does: every command, option and key of it, and files that exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click

from opstui.cli.root import COMMANDS, root
from opstui.core.keys import GROUPS, KEYS, Key, shown
from tests.architecture.source import PROJECT

README = PROJECT / "README.md"
BEGIN = re.compile(r"<!-- keys: .*? -->\n")
END = "<!-- end of keys -->"


def commands(group: click.Group = root, before: str = "opstui") -> Iterator[str]:
    """Every command that can be typed, spelt out."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def key_table() -> str:
    """The keys as a Markdown table, a row for each group and thing to do."""
    rows = ["| where | keys | what it does | id |", "|---|---|---|---|"]
    for group, where in GROUPS.items():
        of_group = [key for key in KEYS if key.where == group]
        views = [key for key in of_group if key.id.startswith("list.view_")]
        for key in of_group:
            if key in views[1:]:
                continue
            name = "list.view_1 … 9" if key in views else key.id
            text = "views 1 to 9" if key in views else key.text
            rows.append(f"| {where} | {spelt(key) if key not in views else '`1` … `9`'} | {text} | `{name}` |")
            where = ""
    return "\n".join(rows) + "\n"


def spelt(key: Key) -> str:
    """A key's keys, as code."""
    return " ".join(f"`{shown(name)}`" for name in key.keys)


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [command for command in commands() if not re.search(rf"{re.escape(command)}\b", text)]
    assert not missing, "\n".join(missing)


def test_the_readme_names_no_command_that_is_not_there() -> None:
    block = README.read_text(encoding="utf-8").split("## Command line")[1].split("```")[1]
    there = set(commands()) | {"opstui"}
    named = {name.strip() for name in re.findall(r"opstui(?: [a-z][a-z-]*)*", block)}
    assert named <= there | {"opstui run WORKFLOW"}, named - there
    assert len(COMMANDS) >= 10


def test_every_global_option_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    options = [option for param in root.params for option in param.opts if option.startswith("--")]
    assert options
    assert not [option for option in options if f"`{option}" not in text]


def test_the_key_table_is_the_one_of_the_program() -> None:
    text = README.read_text(encoding="utf-8")
    begin = BEGIN.search(text)
    assert begin is not None
    end = text.index(END)
    if os.environ.get("OPSTUI_WRITE_README") == "1":
        README.write_text(text[: begin.end()] + "\n" + key_table() + "\n" + text[end:], encoding="utf-8")
        return
    assert text[begin.end() : end].strip() == key_table().strip(), "OPSTUI_WRITE_README=1 writes it"


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    found = re.findall(r"^python3 -m venv .*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 2
    assert found[0].endswith("opstui demo")
    assert found[1].endswith("-m pytest")


def test_what_the_documents_point_at_exists() -> None:
    missing = []
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (PROJECT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("https://") and not (PROJECT / target).exists():
                missing.append(f"{name}: {target}")
    assert not missing, "\n".join(missing)
