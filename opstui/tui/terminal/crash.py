"""When the program breaks: a file for whoever mends it, four lines for the operator, and nothing secret in either."""

from __future__ import annotations

import os
import platform
import re
import traceback
from datetime import datetime
from pathlib import Path

from opstui.core.errors import OpstuiError
from opstui.core.frozen import dataclass
from opstui.core.text import clean, clean_line

_SECRET = re.compile(
    r"(?i)(bearer|basic)\s+\S+"
    r"|(authorization|api[_-]?key|token|secret|passwd|password|cookie|session)(['\"]?\s*[:=]\s*)['\"]?[^\s'\",;)]+"
    r"|\b(sk|pk|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{6,}"
    r"|\b[A-Za-z0-9+/_-]{32,}={0,2}"
    r"|://[^/\s@]+@"
)


_SPEAKS_OF_CODE = (OpstuiError, AttributeError, NameError, ImportError)
"""Whose messages are kept: ours hold no secret, these name code. Any other may quote data, headers, a ticket."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is left of a crash."""

    file: Path | None
    """None: it could not be written."""
    lines: tuple[str, ...]
    """For stderr."""


def redact(text: str) -> str:
    """``text`` without what looks like a credential; lengths are not kept."""
    return _SECRET.sub("[hidden]", text)


def write(error: BaseException | None, folder: Path, now: datetime) -> Report:
    """Write the crash file, 0600 in a 0700 folder: types, redacted messages and places, never local variables."""
    # What a thread of the library's broke on comes wrapped in an error that has no place of its own.
    inner = getattr(error, "error", None)
    error = inner if isinstance(inner, BaseException) else error
    where = "unknown place"
    if error is not None and error.__traceback__ is not None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
    name = type(error).__name__ if error is not None else "unknown error"
    file = folder / f"crash-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as out:
            out.write(_content(error, now))
    except OSError as problem:
        lines = _lines(name, where, f"No crash file: {clean_line(str(problem))}")
        return Report(None, lines)
    return Report(file, _lines(name, where, f"Where it broke, without any of your data: {file}"))


def _lines(name: str, where: str, file: str) -> tuple[str, ...]:
    return (
        f"opstui: stopped by an internal error ({name} at {where}).",
        "Drafts and what was typed are kept; sessions and pushes go on in the worker.",
        file,
        "Start opstui again to stand where it stopped.",
    )


def _content(error: BaseException | None, now: datetime) -> str:
    from importlib.metadata import PackageNotFoundError, version

    def installed(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    parts = [
        f"opstui {installed('opstui')} · textual {installed('textual')}",
        f"Python {platform.python_version()} · {platform.system()}",
        f"{now:%Y-%m-%dT%H:%M:%SZ} · TERM={clean_line(os.environ.get('TERM', ''))}",
    ]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts.append("")
        said = f": {redact(clean(str(error), limit=300))}" if isinstance(error, _SPEAKS_OF_CODE) else ""
        parts.append(f"{type(error).__module__}.{type(error).__name__}{said}")
        parts += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or error.__context__
    return "\n".join(parts) + "\n"
