"""Compiles the package when it is installed in place, as pip does for wheels.

Uncompiled, a start takes twice as long.
"""

from __future__ import annotations

import compileall
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileInPlace(BuildHookInterface):  # type: ignore[type-arg]
    """Runs in the interpreter that installs, so what it writes fits the one that starts."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Only for ``pip install -e``; a wheel holds no compiled files."""
        if version == "editable":
            compileall.compile_dir(Path(self.root) / "opstui", quiet=2, workers=1)
