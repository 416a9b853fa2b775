"""What was typed and could not be stored (a full disk): at the end it goes into a file wherever there is room."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from opstui.core.drafts import COMMENT_PATH
from opstui.core.frozen import dataclass
from opstui.core.text import clean, clean_line

MANY = 20
"""Files that one end writes at most."""


@dataclass(frozen=True, slots=True)
class Unkept:
    """A text that is only in memory."""

    draft: str
    ticket: str
    """Its key."""
    path: str
    text: str


def asides_in(kept: object) -> dict[str, dict[str, str]]:
    """Texts that were kept aside, by draft and row, out of a view state in which anything may be missing or wrong."""
    if not isinstance(kept, Mapping):
        return {}
    return {
        str(draft): {str(row): str(clean(str(text))) for row, text in texts.items()}
        for draft, texts in list(kept.items())[-MANY:]
        if isinstance(texts, Mapping) and texts
    }


def folders(state: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a file may go, the best place first; the later ones lie on other disks as a rule."""
    home, temporary = environ.get("HOME"), environ.get("TMPDIR")
    return (
        state / "recovered",
        *([Path(home)] if home else []),
        *([Path(temporary)] if temporary else []),
        Path("/tmp"),
        Path("/var/tmp"),
        Path("/dev/shm"),
    )


def write(
    unkept: Sequence[Unkept], places: Sequence[Path], now: datetime, *, command: str = "opstui"
) -> tuple[str, ...]:
    """A file for each text, readable by its owner only; the lines that tell the operator, none where nothing was left.

    Where no folder takes it, the text itself is among the lines.
    """
    lines: list[str] = []
    for number, item in enumerate(unkept[:MANY]):
        what = "comment" if item.path == COMMENT_PATH else item.path.strip("/")
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{item.ticket}-{what}")[:80]
        name = f"opstui-{slug}-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}-{number}.txt"
        lines.append(f"opstui: the {clean_line(what)} you typed for {clean_line(item.ticket)} could not be stored.")
        file = next((folder / name for folder in places if _put(folder, name, item.text)), None)
        if file is None:
            lines += ["No file could be written either, so here it is:", str(clean(item.text))]
        else:
            lines.append(f"It is in {file}")
            if item.path == COMMENT_PATH:
                lines.append(f"Once there is room: {command} draft edit {item.draft} --comment-file {file}")
    return tuple(lines)


def _put(folder: Path, name: str, text: str) -> bool:
    """Write and sync one file; whether all of it is there."""
    file = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        file.unlink(missing_ok=True)
        return False
    return True
