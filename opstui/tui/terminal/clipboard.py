"""Copying: OSC 52 to the terminal, or a file where that can't carry it. No terminal answers, so it is never claimed."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from opstui.core.frozen import dataclass
from opstui.tui.terminal.environment import Terminal

LIMIT = 74_000
"""Bytes after base64 that terminals take (xterm's limit is the lowest in use)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What to write to the terminal, if anything, and what to tell the operator."""

    sequence: str
    said: str


def copy(text: str, terminal: Terminal, folder: Path) -> Sent:
    """Bytes for the terminal, wrapped for tmux; too long a text goes to a file (0600) in ``folder``."""
    raw = text.encode("utf-8", "replace")
    encoded = base64.b64encode(raw).decode("ascii")
    if len(encoded) > LIMIT:
        file = folder / f"copy-{os.getpid()}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(raw)
        except OSError as error:
            return Sent("", f"too long for the terminal, and not written: {error.strerror}")
        return Sent("", f"too long for the terminal; written to {file}")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if terminal.tmux:
        sequence = "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return Sent(sequence, "sent to terminal")
