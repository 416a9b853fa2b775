"""The program's own log: JSON Lines in five files of five megabytes.

It says what the program did, by ids; never what a ticket, a model or a person said, and never a secret. Callers keep
to that: messages are fixed words and ids.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from opstui.config.paths import Paths
from opstui.core.text import clean

LEVELS = ("debug", "info", "warning", "error")
FILE_BYTES, FILES = 5_000_000, 5

_SECRET = re.compile(
    r"(?i)((?:authorization|x-api-key|api[_-]?key|token|password|secret|cookie)[\"']?\s*[:=]\s*[\"']?"
    r"(?:bearer |basic |token )?)[^\s\"',;&]+|(\bsk-[a-z]+-)[\w-]+|(//[^/\s:@]+:)[^@/\s]+@"
)


def without_secrets(text: str) -> str:
    """A second line of defence: what looks like a credential becomes ``…``."""
    return _SECRET.sub(lambda match: (match[1] or match[2] or match[3]) + "…" + ("@" if match[3] else ""), text)


class JsonLines(logging.Formatter):
    """A record as one JSON object: at, level, name, pid, process, text, and of an exception the kind and the way."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "name": record.name,
            "process": self._process,
            "pid": record.process,
            "text": str(clean(without_secrets(record.getMessage()), limit=2000)),
        }
        if record.exc_info and record.exc_info[0] is not None:
            # An exception's own words may quote a ticket, so only its kind and its way are kept.
            kind, _, trace = record.exc_info
            line["traceback"] = str(clean("".join([*traceback.format_tb(trace), kind.__qualname__]), limit=8000))
        return json.dumps(line, ensure_ascii=False)


class PrivateFile(RotatingFileHandler):
    """A rotating file that only its owner can read, opened at the first line."""

    def _open(self) -> Any:
        folder = Path(self.baseFilename).parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        return open(os.open(self.baseFilename, flags, 0o600), "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A log that can't be written (disk full) stops nobody and writes on no screen."""


def start_logging(paths: Paths, *, process: str = "cli", level: str = "info") -> None:
    """Send ``opstui``'s lines to the file, and everything else from warnings up. A second call replaces the first."""
    handler = PrivateFile(paths.log_file, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", delay=True)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    for earlier in [item for item in root.handlers if isinstance(item, PrivateFile)]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("opstui").setLevel(getattr(logging, level.upper()))
    logging.raiseExceptions = False


def level_from(environ: Mapping[str, str]) -> str:
    """``OPSTUI_LOG_LEVEL``, where no flag says otherwise."""
    level = environ.get("OPSTUI_LOG_LEVEL", "").lower()
    return level if level in LEVELS else "info"
