"""What is left behind by an error that nobody expected: a file without locals and without anybody's text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from opstui import __version__
from opstui.core.errors import OpstuiError

EXIT_CRASH = 70


class CrashGuard:
    """Turns an unexpected error into a crash file, four lines on stderr, and exit code 70.

    Leaves ``code`` at None when nothing of the kind happened.
    """

    def __init__(self, environ: Mapping[str, str], command: str) -> None:
        self._environ = environ
        self._command = command
        self.code: int | None = None

    def __enter__(self) -> CrashGuard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        told = _told_to_end(error)
        if told is not None:
            # A signal reaches any line, also the middle of a thread's start; what then fails in letting go is no crash.
            self.code = told
            return True
        self.code = EXIT_CRASH
        place = write_crash(report(error, self._command), self._environ)
        sys.stderr.write(
            f"opstui: internal error ({type(error).__name__}). This is a mistake in the program, not in what you did.\n"
            "Confirmed updates, drafts and sessions are kept; the next start goes on where this one stopped.\n"
            f"Crash file: {place or 'could not be written'}\n"
            "It holds no ticket text and no secrets: please attach it when you report this.\n"
        )
        return True


def _told_to_end(error: BaseException) -> int | None:
    """The exit code of the signal in whose wake this error came, if there was one."""
    seen: set[int] = set()
    current = error.__context__
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, KeyboardInterrupt):
            return 130
        if isinstance(current, SystemExit) and isinstance(current.code, int):
            return current.code
        current = current.__context__
    return None


def report(error: BaseException, command: str) -> str:
    """The text of a crash file. Messages of foreign exceptions may hold anything, so only types and places are kept."""
    import platform

    term = {name: os.environ.get(name, "") for name in ("TERM", "TERM_PROGRAM", "COLORTERM", "LANG")}
    lines = [
        f"opstui {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}, command {command}",
        "terminal " + ", ".join(f"{name}={value[:40]!r}" for name, value in term.items() if value),
    ]
    lines += _chain(error)
    return "\n".join(lines) + "\n"


def _chain(error: BaseException) -> Iterator[str]:
    import traceback  # with platform 15 ms, which only a crash needs

    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield ""
        for frame in traceback.extract_tb(current.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
            if frame.line:
                yield f"    {frame.line}"
        yield f"{type(current).__module__}.{type(current).__qualname__}{_known_words(current)}"
        for inner in current.exceptions if isinstance(current, BaseExceptionGroup) else ():
            yield from _chain(inner)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _known_words(error: BaseException) -> str:
    """The message where its words are ours or the system's."""
    if isinstance(error, OSError) and error.strerror:
        return f": {error.strerror}"
    if isinstance(error, (AttributeError, ImportError, NameError)) and error.name:
        return f": {error.name}"
    return f": {error}" if isinstance(error, OpstuiError) else ""


def write_crash(text: str, environ: Mapping[str, str]) -> Path | None:
    """Write the file, for its owner only; None where even that fails."""
    from opstui.config.paths import Paths

    try:
        folder = Paths.find(environ).crash
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.txt"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, RuntimeError):
        return None
    return path
