"""Running git on somebody's folder: no hooks, no pager, no filters, no network, nothing locked, and not for long.

A repository's own config can name programs (``core.fsmonitor``, ``core.hooksPath``, ``diff.external``, filters); what
is asked here is only what starts none of them, with those that could be switched off switched off.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from opstui.core.text import clean_line

SECONDS = 10.0
"""The longest that one question may take."""
OUTPUT_LIMIT = 64 * 1024 * 1024

_OFF = (
    "core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false", "index.sparse=false",
    "core.hooksPath=/dev/null", "core.pager=cat", "core.quotePath=false", "core.alternateRefsCommand=",
    "core.attributesFile=/dev/null", "log.showSignature=false", "log.showRoot=true", "diff.external=",
    "protocol.allow=never", "gc.auto=0", "maintenance.auto=false", "commit.gpgSign=false", "advice.detachedHead=false",
)  # fmt: skip
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "TMPDIR")
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C.UTF-8",
}


class GitFailed(Exception):
    """What git said, or why it could not be asked: words for a person."""

    @property
    def distrusts(self) -> bool:
        """Whether the folder belongs to somebody else, which git takes for a trap."""
        return "dubious ownership" in str(self) or "unsafe repository" in str(self)


def lies_in_a_repository(folder: str) -> bool:
    """Whether there is a ``.git`` here or above; costs microseconds and starts nothing."""
    path = Path(folder)
    return any(os.path.lexists(parent / ".git") for parent in (path, *path.parents))


class Git:
    """git, run in ``folder``."""

    def __init__(self, folder: str, *, program: str = "git", seconds: float = SECONDS) -> None:
        self.folder = folder
        self._program = program
        self._seconds = seconds

    def run(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """What it prints. Raises GitFailed."""
        try:
            done = subprocess.run(
                self._command(words), input=stdin, capture_output=True, env=self._env(env), cwd=self.folder,
                timeout=self._seconds, check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git takes longer than {self._seconds:.0f} s") from None
        except (OSError, ValueError) as error:
            raise GitFailed(_not_run(error)) from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(clean_line(said[0] if said else f"git ended with {done.returncode}", limit=200))
        return done.stdout

    def line(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """The same, as one line of text."""
        return self.run(*words, stdin=stdin, env=env).decode("utf-8", "replace").strip("\r\n")

    def pieces(self, *words: str) -> Iterator[bytes]:
        """What it prints, part by part, for as long as somebody takes it and the time is not over."""
        try:
            process = subprocess.Popen(
                self._command(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=self._env(None), cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise GitFailed(_not_run(error)) from None
        assert process.stdout is not None
        deadline, left = time.monotonic() + self._seconds, OUTPUT_LIMIT
        try:
            with process.stdout as stream:
                while left > 0 and (wait := deadline - time.monotonic()) > 0:
                    if not select.select([stream], [], [], wait)[0]:
                        break
                    part = os.read(stream.fileno(), 1 << 16)
                    if not part:
                        break
                    left -= len(part)
                    yield part
        finally:
            process.kill()
            process.wait()

    def _command(self, words: tuple[str, ...]) -> list[str]:
        options = [part for setting in _OFF for part in ("-c", setting)]
        return [self._program, "--no-pager", *options, *words]

    def _env(self, more: Mapping[str, str] | None) -> dict[str, str]:
        # A GIT_DIR or GIT_INDEX_FILE of whoever started the program is about another repository.
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, **_ENVIRONMENT, **(more or {})}


def _not_run(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "git is not installed"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return clean_line(f"git can't be run ({reason})", limit=200)
