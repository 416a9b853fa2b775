"""Where settings come from: the site's file, the user's file, a profile in either, the environment, flags."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from opstui.config.lines import KeyPath, key_lines, line_of
from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

SIZE_LIMIT = 1_000_000
"""Bytes; nobody writes a longer config file by hand, and a device file has no end."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings, as it was read."""

    label: str
    """What people call it: ``user file``, ``profile night``, ``environment``, ``command line``."""
    data: Mapping[str, Any]
    file: Path | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    prefix: KeyPath = ()
    """Where in the file ``data`` begins."""

    def origin(self, path: KeyPath) -> str:
        """Where this layer has the key: ``user file, line 12`` or the variable's name."""
        if self.file is None:
            return self.label
        line = line_of(self.lines, self.prefix + path)
        return f"{self.label}, line {line}" if line else self.label

    def error(self, path: KeyPath, problem: str) -> ConfigError:
        """The problem, with file, line and key."""
        key = dotted(path)
        place = "" if self.file is not None else f"{self.label}: "
        return ConfigError(
            f"{place}{key}: {problem}" if key else f"{place}{problem}",
            file=clean_line(str(self.file)) if self.file is not None else None,
            line=line_of(self.lines, self.prefix + path) if self.file is not None else None,
            key=key,
        )

    def profile(self, name: str) -> Layer | None:
        """The overlay ``[profiles.NAME]`` of this file, if it has one."""
        profiles = self.data.get("profiles")
        if not isinstance(profiles, dict) or name not in profiles:
            return None
        overlay = profiles[name]
        if not isinstance(overlay, dict):
            raise self.error(("profiles", name), f"a profile is a table: write [profiles.{clean_line(name)}]")
        return Layer(f"profile {clean_line(name)}", overlay, self.file, self.lines, ("profiles", name))

    def profiles(self) -> list[str]:
        """Names of all profiles in this file."""
        profiles = self.data.get("profiles", {})
        if not isinstance(profiles, dict):
            raise self.error(("profiles",), "profiles are tables: write [profiles.NAME]")
        return list(profiles)


def dotted(path: KeyPath) -> str:
    """``queues[1].name``, quoting what TOML would have to quote."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            shown = clean_line(part, limit=60)
            text += ("." if text else "") + (shown if re.fullmatch(r"[A-Za-z0-9_-]+", shown) else f'"{shown}"')
    return text


def read_layer(label: str, file: Path, *, must_exist: bool = False) -> Layer | None:
    """A config file, or None where there is none. Raises ConfigError for what can't be read or is no TOML."""
    shown = clean_line(str(file))
    try:
        with file.open("rb") as stream:
            raw = stream.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        if must_exist:
            raise ConfigError("there is no such file; opstui config init writes one", file=shown) from None
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise ConfigError(f"can't be read: {reason}", file=shown) from None
    if len(raw) > SIZE_LIMIT:
        raise ConfigError(f"is longer than {SIZE_LIMIT:,} bytes; that is no config file", file=shown)
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it as UTF-8", file=shown, line=line) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), shown, text) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", file=shown) from None
    except ValueError:
        # int() refuses more than 4,300 digits with a plain ValueError
        raise ConfigError("holds a number that is too long", file=shown) from None
    return Layer(label, data, file, key_lines(text))


def _syntax(message: str, file: str, text: str) -> ConfigError:
    at = re.search(r"\s*\(at line (\d+), column (\d+)\)", message)
    if at:
        return ConfigError(
            f"not TOML: {clean_line(message[: at.start()])} (column {at[2]})", file=file, line=int(at[1])
        )
    end = text.rstrip("\n").count("\n") + 1
    return ConfigError(
        f"not TOML: {clean_line(re.sub(r' *[(]at end of document[)]', '', message))} at the end", file=file, line=end
    )
