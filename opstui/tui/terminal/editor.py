"""The operator's own editor on a text: ``$VISUAL``, else ``$EDITOR``, else ``vi``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Edited:
    """What came out of an editor: a text, or a sentence about why there is none. Never both."""

    text: str | None = None
    problem: str = ""


class EditorPort(Protocol):
    """Something that lets a person edit a text outside of the app."""

    def edit(self, text: str, *, name: str) -> Edited:
        """Blocks until the person is done. ``name`` ends the file's name (``NET-87.md``)."""


class TerminalEditor:
    """Runs the editor in this terminal, with the app out of the way."""

    def __init__(
        self,
        suspend: Callable[[], AbstractContextManager[None]],
        environ: Mapping[str, str],
        *,
        run: Callable[[list[str]], int] | None = None,
    ) -> None:
        self._suspend = suspend
        self._environ = environ
        self._run = run or _run

    def command(self) -> list[str]:
        """The editor's words. Raises ValueError where the variable's quotes don't close."""
        return shlex.split(self._environ.get("VISUAL") or self._environ.get("EDITOR") or "vi") or ["vi"]

    def edit(self, text: str, *, name: str) -> Edited:
        """The text as the editor left it. The file is this user's alone, and gone afterwards whatever happens."""
        try:
            command = self.command()
        except ValueError as error:
            return Edited(problem=f"$VISUAL or $EDITOR can't be read ({error}); nothing was changed")
        if shutil.which(command[0], path=self._environ.get("PATH")) is None:
            return Edited(problem=f"no {command[0]} here: set $EDITOR; nothing was changed")
        safe = "".join(char if char.isalnum() or char in "-._" else "-" for char in name)[-80:] or "text"
        folder = Path(tempfile.mkdtemp(prefix="opstui-"))  # mkdtemp makes it 0700
        try:
            file = folder / safe
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as opened:
                opened.write(text if text.endswith("\n") or not text else text + "\n")
            with self._suspend():
                code = self._run([*command, str(file)])
            if code != 0:
                return Edited(problem=f"{command[0]} ended with {code}; nothing was changed")
            return Edited(text=file.read_bytes().decode("utf-8", "replace").removesuffix("\n"))
        except OSError as error:
            return Edited(problem=f"{command[0]}: {error.strerror or error}; nothing was changed")
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> int:
    return subprocess.run(command, check=False).returncode
