"""Themes: small TOML files of named roles, read strictly, each a :class:`Palette` and a theme of the widget library.

::

    title = "Dark"
    dark = true
    ansi = false          # true: only the terminal's own sixteen colours
    [roles]
    text = "#d5dae1"      # a colour, then any of bold, dim, italic, underline, reverse
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import Theme

from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass

DEFAULT = "opstui-dark"
ANSI = "opstui-ansi"
MONO = "opstui-mono"
_WORDS = ("bold", "dim", "italic", "underline", "reverse")
_BACKGROUNDS = ("background", "raised", "cursor", "selection")


@dataclass(frozen=True, slots=True)
class Palette:
    """Every style that lines are drawn with. Nothing else is ever drawn with."""

    background: Style
    raised: Style
    """Behind a field that is being typed into."""
    cursor: Style
    """Behind the cursor's row."""
    selection: Style
    text: Style
    strong: Style
    """The important thing of a line."""
    dim: Style
    faint: Style
    """What may be overlooked."""
    rule: Style
    accent: Style
    """The one accent: keys, the cursor's bar, what is active."""
    severity1: Style
    severity2: Style
    severity3: Style
    severity4: Style
    good: Style
    warn: Style
    bad: Style
    code: Style
    quote: Style

    def severity(self, severity: str | None) -> Style:
        """The style of a severity ``"1"`` to ``"4"``."""
        return {"1": self.severity1, "2": self.severity2, "3": self.severity3}.get(severity or "", self.severity4)

    def role(self, name: str) -> Style:
        """A style by its role's name."""
        style = getattr(self, name)
        assert isinstance(style, Style)
        return style


ROLES = tuple(field.name for field in fields(Palette))


@dataclass(frozen=True, slots=True)
class Look:
    """A theme that was read."""

    name: str
    title: str
    dark: bool
    ansi: bool
    palette: Palette
    colours: Mapping[str, str]
    """Role → its colour as written."""

    def textual(self) -> Theme:
        """The same for the widgets of the library (text fields)."""
        colour = self.colours
        variables = {
            "block-cursor-background": colour["accent"],
            "block-cursor-foreground": colour["background"],
            "block-cursor-text-style": "none",
            "input-cursor-background": colour["text"],
            "input-cursor-foreground": colour["background"],
            "input-selection-background": colour["selection"],
            "screen-selection-background": colour["selection"],
            "raised": colour["raised"],
            "cursor-row": colour["cursor"],
            "dim": colour["dim"],
            "faint": colour["faint"],
            "rule": colour["rule"],
            "severity1": colour["severity1"],
        }
        if self.ansi:
            # Every variable that the library's own ANSI themes name; without them its widgets draw black on black.
            variables |= {
                "ansi-background": "ansi_black",
                "ansi-foreground": "ansi_white",
                "border-blurred": "ansi_default",
                "block-cursor-background": "ansi_white",
                "block-cursor-foreground": "ansi_black",
                "input-cursor-background": "ansi_white",
                "input-cursor-foreground": "ansi_black",
                "input-selection-background": "ansi_white",
                "input-selection-foreground": "ansi_black",
                "screen-selection-background": "ansi_white",
                "screen-selection-foreground": "ansi_black",
            }
        return Theme(
            name=self.name,
            primary=colour["accent"],
            secondary=colour["dim"],
            accent=colour["accent"],
            warning=colour["warn"],
            error=colour["bad"],
            success=colour["good"],
            foreground=colour["text"],
            background=colour["background"],
            surface=colour["raised"],
            panel=colour["raised"],
            boost=colour["raised"],
            dark=self.dark,
            ansi=self.ansi,
            variables=variables,
        )


def folders(user: Path | None = None) -> tuple[Path, ...]:
    """Where themes lie: in the package, beside it (an editable install), then the operator's own folder."""
    package = Path(__file__).resolve().parent.parent
    found = [package / "themes", package.parent / "themes"]
    return tuple([*found, user] if user is not None else found)


def find(name: str, user: Path | None = None) -> Path | None:
    """The file of a theme, the first folder that has it."""
    if not name.replace("-", "").replace("_", "").isalnum():
        return None
    return next((path for folder in folders(user) if (path := folder / f"{name}.toml").is_file()), None)


def names(user: Path | None = None) -> list[str]:
    """The themes there are, ours first."""
    seen: dict[str, None] = {}
    for folder in folders(user):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            seen.setdefault(path.stem)
    return list(seen)


def load(name: str, user: Path | None = None) -> Look:
    """Read a theme. Raises ConfigError that names the file and the key."""
    path = find(name, user)
    if path is None:
        raise ConfigError(f"there is no theme {name!r}; there are {', '.join(names(user))}", key="ui.theme")
    return read(path)


def read(path: Path) -> Look:
    """Read a theme's file. Raises ConfigError that names the file and the key."""
    file = str(path)
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not a theme: {error}", file=file) from error
    _only(raw, ("title", "dark", "ansi", "roles"), file, "")
    title, dark, ansi, roles = raw.get("title"), raw.get("dark"), raw.get("ansi", False), raw.get("roles")
    if not isinstance(title, str):
        raise ConfigError("title must be a text", file=file, key="title")
    if not isinstance(dark, bool) or not isinstance(ansi, bool):
        raise ConfigError("dark and ansi must be true or false", file=file, key="dark")
    if not isinstance(roles, dict):
        raise ConfigError("there must be a table [roles]", file=file, key="roles")
    _only(roles, ROLES, file, "roles.")
    colours: dict[str, str] = {}
    styles: dict[str, Style] = {}
    for role in ROLES:
        value = roles.get(role)
        if not isinstance(value, str):
            raise ConfigError(f"roles.{role} is missing or no text", file=file, key=f"roles.{role}")
        colours[role], styles[role] = _style(role, value, file, ansi)
    return Look(path.stem, title, dark, ansi, Palette(**styles), colours)


def _only(table: Mapping[str, object], known: Sequence[str], file: str, prefix: str) -> None:
    for key in table:
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(key, known, 1)
            raise ConfigError(
                f"{prefix}{key} is not known" + (f"; did you mean {prefix}{near[0]}?" if near else ""),
                file=file,
                key=prefix + key,
            )


def _style(role: str, value: str, file: str, ansi: bool) -> tuple[str, Style]:
    colour, *words = value.split()
    if any(word not in _WORDS for word in words):
        raise ConfigError(
            f"roles.{role} = {value!r}: after the colour only {', '.join(_WORDS)}", file=file, key=f"roles.{role}"
        )
    try:
        parsed = Color.parse(colour)
    except ColorParseError:
        raise ConfigError(f"roles.{role} = {value!r} is not a colour", file=file, key=f"roles.{role}") from None
    if parsed.a != 1:
        raise ConfigError(f"roles.{role} = {value!r}: no transparency", file=file, key=f"roles.{role}")
    if ansi and parsed.ansi is None:
        raise ConfigError(
            f"roles.{role} = {value!r}: an ansi theme has ansi_ colours only", file=file, key=f"roles.{role}"
        )
    attributes = dict.fromkeys(words, True)
    paint = parsed.rich_color
    if role in _BACKGROUNDS:
        # A terminal's default background is left alone: named, it would paint over transparency.
        style = Style(bgcolor=None if parsed.ansi == -1 else paint, **attributes)  # type: ignore[arg-type]
    else:
        style = Style(color=paint, **attributes)  # type: ignore[arg-type]
    return colour, style
