"""``opstui themes`` and ``opstui keys``."""

from __future__ import annotations

from pathlib import Path

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, note, say, table
from opstui.core import keys as known_keys
from opstui.core.errors import ConfigError


@click.group()
def themes() -> None:
    """Colours of the app.

    \b
    opstui themes check my-theme.toml
    """


@themes.command("list")
@json_option
@with_invocation
def list_themes(invocation: Invocation, as_json: bool) -> int:
    """The themes there are; yours lie in the folder themes beside the config file."""
    from opstui.tui.themes import load, names

    found = []
    broken = 0
    for name in names(invocation.paths.user_themes):
        try:
            look = load(name, invocation.paths.user_themes)
        except ConfigError as error:
            note(f"opstui: {error}")
            broken = 1
            continue
        found.append({"name": look.name, "title": look.title, "dark": look.dark, "ansi": look.ansi})
    if as_json:
        emit(found)
    else:
        rows = [
            (
                str(look["name"]),
                str(look["title"]),
                "dark" if look["dark"] else "light",
                "16 colours" if look["ansi"] else "",
            )
            for look in found
        ]
        table(("theme", "title", "", ""), rows)
    return broken


@themes.command("check")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_invocation
def check_theme(invocation: Invocation, file: Path | None) -> int:
    """Read a theme file, or all themes, and say what is wrong; exit 2 where something is."""
    from opstui.tui.themes import find, names, read

    user = invocation.paths.user_themes
    paths = [file] if file else [path for name in names(user) if (path := find(name, user))]
    for path in paths:
        look = read(path)
        say(f"{look.name}  fine")
    return 0


@click.command()
@json_option
@with_invocation
def keys(invocation: Invocation, as_json: bool) -> int:
    """Every key of the app, as you have mapped it; exit 2 where [ui.keys] says what can't be."""
    remapped = known_keys.remap(invocation.settings.ui.keys)
    rows = [
        {
            "id": key.id,
            "keys": [known_keys.shown(name) for name in remapped.keys.get(key.id, key.keys)],
            "where": known_keys.GROUPS[key.where],
            "text": key.text,
        }
        for key in known_keys.KEYS
    ]
    if as_json:
        emit(rows)
    else:
        table(
            ("where", "keys", "id", "what"),
            [(str(row["where"]), " ".join(row["keys"]), str(row["id"]), str(row["text"])) for row in rows],
            wide="what",
        )
    for problem in remapped.problems:
        note(f"opstui: {problem}")
    return 2 if remapped.problems else 0
