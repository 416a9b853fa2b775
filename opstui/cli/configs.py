"""``opstui config``: where the settings are, what they say, whether they are sound."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, note, say, table, write
from opstui.config.settings import Budget, SecretRef
from opstui.core.errors import ConfigError, Refused
from opstui.exports import shapes
from opstui.exports.shapes import money
from opstui.exports.writing import json_text

if TYPE_CHECKING:
    from opstui.core.desk import Drift


@click.group()
def config() -> None:
    """Settings: one TOML file, references to secrets and never secrets.

    \b
    opstui config init
    opstui config show
    """


@config.command("init")
@click.option("--taxonomy", is_flag=True, help="Write a taxonomy.toml beside it instead.")
@with_invocation
def init_config(invocation: Invocation, taxonomy: bool) -> int:
    """Write a config file with everything in it commented out; an existing one is never touched."""
    invocation.writes()
    if taxonomy:
        from opstui.config.taxonomy import taxonomy_file
        from opstui.config.taxonomy_example import TEXT

        file, text = taxonomy_file(invocation.settings, invocation.own_paths), TEXT
    else:
        from opstui.config.example import example_text

        file, text = invocation.own_paths.config_file, example_text()
    write_new(file, text)
    say(str(file))
    note("everything in it is commented out; opstui config check says whether it is sound")
    return 0


def write_new(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises Refused if there is one."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".opstui-", dir=file.parent)
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            # link() fails where the name exists, so nothing is ever overwritten, not even in a race
            os.link(name, file)
        finally:
            os.unlink(name)
    except FileExistsError:
        raise Refused(f"{file} is there already and was not touched; opstui config show prints what it says") from None
    except OSError as error:
        raise Refused(f"{file} could not be written: {error.strerror}") from None


@config.command("path")
@with_invocation
def config_path(invocation: Invocation) -> int:
    """Print where the config file is, or would be."""
    say(str(invocation.own_paths.config_file))
    return 0


@config.command("show")
@json_option
@with_invocation
def show_config(invocation: Invocation, as_json: bool) -> int:
    """Every value, and where it is from. Secrets are shown by reference only."""
    loaded = invocation.loaded
    rows = [
        (key, value, loaded.sources.get(key, _whole(loaded.sources, key))) for key, value in _values(loaded.settings)
    ]
    if as_json:
        emit([{"key": key, "value": value, "source": source} for key, value, source in rows])
    else:
        table(
            ("key", "value", "from"),
            [(key, json.dumps(value, ensure_ascii=False), source) for key, value, source in rows],
            wide="value",
        )
    return 0


@config.command("check")
@json_option
@with_invocation
def check_config(invocation: Invocation, as_json: bool) -> int:
    """Read the config, the taxonomy and the workflows, and say what is wrong with them.

    Exit 2 where something can't be read or makes no sense; 1 where it names what is not there any more: pages, teams,
    fields, workflows, and values of open tickets that the taxonomy does not know.
    """
    loaded = invocation.loaded
    from opstui.config.kinds import missing
    from opstui.tui.themes import find
    from opstui.wiring import check_available

    check_available(loaded.settings)
    theme = loaded.settings.ui.theme
    if find(theme, invocation.own_paths.user_themes) is None:
        source = loaded.sources.get("ui.theme", "default")
        raise ConfigError(f"ui.theme ({source}): there is no theme {theme!r}; opstui themes list names them")
    for name, system in loaded.settings.tickets.items():
        if "token" in missing(system):
            note(f"opstui: tickets.{name}: no token is configured, so it can't be asked (exit 4)")
    for name, pages in loaded.settings.knowledge.items():
        if pages.kind == "confluence" and pages.token is None:
            note(f"opstui: knowledge.{name}: no token is configured, so it can't be asked (exit 4)")
    place = str(invocation.own_paths.config_file)
    found = _drift(invocation)
    if as_json:
        emit([shapes.drift(one) for one in found])
        return 1 if found else 0
    for one in found:
        say(f"{one.check}: {one.text}")
    state = "fine" if loaded.file_exists else "there is none, the defaults hold"
    say(f"{place}: {state if not found else f'sound, but {len(found)} of what is named is not as it says'}")
    return 1 if found else 0


def _drift(invocation: Invocation) -> tuple[Drift, ...]:
    """What the config and the taxonomy name and is not there. Opens nothing where they name nothing."""
    from opstui.config.taxonomy import load_taxonomy, taxonomy_file
    from opstui.core.desk import ConfigDrift

    paths, settings = invocation.paths, invocation.settings
    if not (settings.workflows or load_taxonomy(taxonomy_file(settings, paths)) or paths.user_workflows.is_dir()):
        return ()
    return invocation.desk.ask(ConfigDrift())


@config.command("schema")
@with_invocation
def config_schema(invocation: Invocation) -> int:
    """The JSON schema of the config file, for editors."""
    from opstui.config.schema import schema

    write(json_text(schema()))
    return 0


@config.group("secret")
def secret() -> None:
    """Secrets in the keyring; the config file holds only where they are.

    \b
    opstui config secret set runtimes.managed.api_key
    op read op://ops/rt/token | opstui config secret set opstui/rt
    """


@secret.command("set")
@click.argument("name")
@with_invocation
def set_secret(invocation: Invocation, name: str) -> int:
    """Read one secret and keep it in the keyring under NAME.

    NAME is a key of the config whose value is a keyring reference (runtimes.managed.api_key, tickets.rt.token), or
    service/name. The secret is typed without being shown, or is one line of standard input; never an argument.
    """
    invocation.writes()
    from opstui.cli.secret_input import reference, secret_line
    from opstui.config.references import secret_refs
    from opstui.wiring import open_secrets

    ref = reference(name, secret_refs(invocation.settings))
    store = open_secrets(invocation.settings, invocation.secrets)
    place = store.keyring()  # before anything is typed that nobody could keep
    store.store(ref, secret_line(f"secret for {ref.value[0]} (not shown): "))
    note(f"kept in the keyring ({place}) as {ref.value[0]}; it is used from now on")
    return 0


def _values(value: Any, key: str = "", kind: Any = None) -> Iterator[tuple[str, Any]]:
    from opstui.config.layers import dotted
    from opstui.config.values import hints, unwrap

    if isinstance(value, SecretRef):
        yield key, {value.kind: list(value.value) if value.kind == "cmd" else value.value[0]}
    elif is_dataclass(value) and not isinstance(value, type):
        kinds = hints(type(value))
        for item in fields(value):
            inner = f"{key}.{item.name}" if key else item.name
            yield from _values(getattr(value, item.name), inner, unwrap(kinds[item.name]))
    elif hasattr(value, "items"):
        for name, item in value.items():
            yield from _values(item, f"{key}.{dotted((name,))}")
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for at, item in enumerate(value, start=1):
            yield from _values(item, f"{key}[{at}]")
    else:
        yield key, _plain(value, kind)


def _plain(value: Any, kind: Any) -> Any:
    if kind is Budget:
        return money(value)
    if isinstance(value, tuple):
        return [_plain(item, None) for item in value]
    if isinstance(value, time):
        return value.isoformat("minutes")
    return str(value) if isinstance(value, (Path, Decimal, date)) else value


def _whole(sources: Any, key: str) -> str:
    """The source of ``queues[1].name`` is that of ``queues``."""
    return str(sources.get(key.partition("[")[0], "default"))
