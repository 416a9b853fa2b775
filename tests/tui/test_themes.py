"""Themes: all of ours are sound and readable; a bad one is an error that names its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color

from opstui.core.errors import ConfigError
from opstui.tui import themes

OURS = ["opstui-ansi", "opstui-colour-blind", "opstui-dark", "opstui-high-contrast", "opstui-light", "opstui-mono"]
GOOD = (themes.find("opstui-dark") or Path()).read_text("utf-8")


def test_ours_are_found_without_being_installed() -> None:
    assert set(OURS) <= set(themes.names())


@pytest.mark.parametrize("name", OURS)
def test_a_theme_of_ours_is_sound(name: str) -> None:
    look = themes.load(name)
    assert look.textual().name == name
    assert all(isinstance(look.palette.role(role), Style) for role in themes.ROLES)


@pytest.mark.parametrize(
    ("name", "least"),
    [("opstui-dark", 4.5), ("opstui-light", 4.5), ("opstui-colour-blind", 4.5), ("opstui-high-contrast", 7.0)],
)
def test_what_must_be_read_has_contrast_also_under_the_cursor(name: str, least: float) -> None:
    colours = themes.load(name).colours
    grounds = {"background", "raised", "cursor", "selection", "rule"}
    low = [
        (role, ground)
        for role in sorted(set(themes.ROLES) - grounds)
        for ground in ("background", "raised", "cursor")
        if contrast(colours[role], colours[ground]) < (floor(role, ground, least))
    ]
    assert not low


def floor(role: str, ground: str, least: float) -> float:
    """Faint is for labels and line numbers beside brighter text; the row of the cursor may dim it a little."""
    return least if ground == "background" or (role != "faint" and least == 4.5) else least * 0.75


def contrast(one: str, other: str) -> float:
    def light(text: str) -> float:
        parts = [part / 255 for part in Color.parse(text).rgb]
        red, green, blue = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_monochrome_theme_has_no_colour_at_all() -> None:
    assert set(themes.load("opstui-mono").colours.values()) == {"ansi_default"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('title = "Dark"', 'titel = "Dark"'), "titel is not known; did you mean title?"),
        (('text = "#d5dae1"', 'tekst = "#d5dae1"'), "roles.tekst is not known; did you mean roles.text?"),
        (('text = "#d5dae1"', 'text = "#d5dae"'), "roles.text"),
        (('text = "#d5dae1"', 'text = "#d5dae1 blink"'), "roles.text"),
        (('text = "#d5dae1"', 'text = "red 50%"'), "roles.text"),
        (('text = "#d5dae1"', ""), "roles.text is missing"),
        (("dark = true", 'dark = "yes"'), "dark and ansi must be true or false"),
        (("ansi = false", "ansi = true"), "an ansi theme has ansi_ colours only"),
        (("[roles]", "[roles"), "not a theme"),
    ],
)
def test_a_bad_theme_names_the_file_and_the_key(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in GOOD
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        themes.load("mine", tmp_path)
    assert said in caught.value.message
    assert str(file) in caught.value.message


def test_a_theme_of_ones_own_is_found_in_the_users_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    assert themes.load("mine", tmp_path).title == "Dark"
    assert "mine" in themes.names(tmp_path)


@pytest.mark.parametrize("name", ["../opstui-dark", "nothing", "a/b", ""])
def test_a_name_that_is_no_theme_says_which_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match="opstui-dark"):
        themes.load(name)
