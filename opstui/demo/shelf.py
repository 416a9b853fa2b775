"""The demo's runbooks, in a folder of its own: each as old as it says, and free to be changed there."""

from __future__ import annotations

import os
import tomllib
from datetime import datetime
from pathlib import Path

from opstui.demo.story import HERE, RUNBOOKS, Voice, read_span


def stock(folder: Path, moment: datetime) -> None:
    """Fill ``folder`` (which is not there yet) with the runbooks, dated back from ``moment``. All or nothing.

    Raises OSError.
    """
    ages = {page: read_span(age) for page, age in tomllib.loads((HERE / "shelf.toml").read_text("utf-8")).items()}
    voice = Voice(moment, "")
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    making.mkdir(mode=0o700, parents=True)
    for page in sorted(RUNBOOKS.glob("*.md")):
        made = making / page.name
        made.write_text(f"{voice.say(page.read_text(encoding='utf-8'))}\n", encoding="utf-8")
        changed = (moment - ages[page.stem]).timestamp()
        os.utime(made, (changed, changed))
    making.rename(folder)
