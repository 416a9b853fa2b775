"""The options before the command, and a reader for command lines that hold nothing else.

``opstui`` and ``opstui demo`` start the app, where every millisecond before the first row counts; click alone takes
45 ms to import, so these two are read by hand, and anything else, even a typo, is left to click.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opstui.core.frozen import dataclass

LEVELS = ("debug", "info", "warning", "error")
DEMO_RUNTIMES = ("managed", "messages", "offline")
"""What runs the demo's workflows: the two kinds with a model on the rehearsal, or no model at all."""

_VALUES = {"--config": "config", "--profile": "profile", "--theme": "theme"}
_FLAGS = {"--demo": "demo", "--read-only": "read_only", "--plain": "plain", "--no-mouse": "no_mouse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Globals:
    """Options that every command takes."""

    config: str | None = None
    profile: str | None = None
    demo: bool = False
    read_only: bool = False
    theme: str | None = None
    plain: bool = False
    no_mouse: bool = False
    log_level: str | None = None
    fresh: bool = False
    """Of ``demo``: begin again."""
    runtime: str | None = None
    """Of ``demo``: one of ``DEMO_RUNTIMES``."""


def app_only(argv: Sequence[str]) -> Globals | None:
    """The options, if ``argv`` says nothing but to start the app or the demo; None for anything else."""
    chosen: dict[str, Any] = {}
    words = iter(argv)
    demo_command = False
    for word in words:
        if word in _FLAGS and not demo_command:
            chosen[_FLAGS[word]] = True
        elif word in _VALUES and not demo_command:
            value = next(words, None)
            if value is None or value.startswith("-"):
                return None
            chosen[_VALUES[word]] = value
        elif word == "demo" and not demo_command:
            demo_command = True
            chosen["demo"] = True
        elif word == "--fresh" and demo_command:
            chosen["fresh"] = True
        elif word == "--runtime" and demo_command:
            value = next(words, None)
            if value not in DEMO_RUNTIMES:
                return None
            chosen["runtime"] = value
        else:
            return None
    return Globals(**chosen)
