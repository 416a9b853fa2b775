"""Vectors of pages, made by a process of their own that has time: ``python -m opstui.adapters.knowledge.vectors``.

585 pages take four minutes of one core, so this is nothing for a process that paints, answers or runs a session. It
is told the file on its input, runs at the lowest priority, one at a time for each file, keeps each page's vectors as
they are made, and ends when there is nothing left to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw

from opstui.adapters.knowledge.chunks import chunks
from opstui.adapters.knowledge.minilm import NAME, MiniLM, folder, is_genuine
from opstui.adapters.sqlite import Database
from opstui.core.errors import OpstuiError

log = logging.getLogger("opstui.knowledge")

_BATCH = 8
"""Texts that go through the model at once: more need more memory and are no faster on one core."""
_PAGES = 20
"""Pages looked up at a time, so that what changed meanwhile is not made in vain."""
NOT_GENUINE = 3
"""What the process ends with where the model is not the one that was published."""


def missing(database: Database, limit: int) -> list[tuple[str, str, str]]:
    """Content hash, title and text of pages without vectors."""
    return [
        (str(content), str(title), str(text))
        for content, title, text in database.read(
            "SELECT p.hash, p.title, p.text FROM knowledge_page p WHERE NOT EXISTS"
            " (SELECT 1 FROM knowledge_vectors v WHERE v.hash = p.hash AND v.model = ?)"
            " GROUP BY p.hash ORDER BY p.id LIMIT ?",
            (NAME, limit),
        )
    ]


def is_any_missing(database: Database) -> bool:
    """Whether there is something to do."""
    sql = (
        "SELECT 1 FROM knowledge_page p WHERE NOT EXISTS"
        " (SELECT 1 FROM knowledge_vectors v WHERE v.hash = p.hash AND v.model = ?) LIMIT 1"
    )
    return bool(database.read(sql, (NAME,)))


def make_all(database: Database, model: MiniLM) -> int:
    """Make what is missing and forget what no page has any more; how many pages were done."""
    done = 0
    while pages := missing(database, _PAGES):
        for content, title, text in pages:
            vectors = encoded(model, chunks(title, text))

            def keep(connection: apsw.Connection, content: str = content, vectors: bytes = vectors) -> None:
                connection.execute(
                    "INSERT OR IGNORE INTO knowledge_vectors(hash, model, vectors) VALUES (?, ?, ?)",
                    (content, NAME, vectors),
                )

            database.write(keep)
            done += 1
    if done:
        database.write(
            lambda connection: connection.execute(
                "DELETE FROM knowledge_vectors WHERE hash NOT IN (SELECT hash FROM knowledge_page)"
            )
        )
    return done


def encoded(model: MiniLM, texts: Sequence[str]) -> bytes:
    """The vectors of the texts in their order, 16 bits a number."""
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    rows: dict[int, bytes] = {}
    for start in range(0, len(order), _BATCH):
        part = order[start : start + _BATCH]
        for number, row in zip(part, model.vectors([texts[number] for number in part]), strict=True):
            rows[number] = row.astype("<f2").tobytes()
    return b"".join(rows[number] for number in range(len(texts)))


def start_maker(file: Path) -> subprocess.Popen[bytes] | None:
    """Start the process for a file; None where it can't be started. It outlives us on purpose, and ends by itself."""
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "opstui.adapters.knowledge.vectors"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            close_fds=True,
        )
    except OSError as error:
        log.warning("the process that makes vectors can't be started: %s", error.strerror)
        return None
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin:
        child.stdin.write(json.dumps({"file": str(file)}).encode())
    # Somebody has to take note of its end: a screen that is open for days would collect zombies.
    threading.Thread(target=child.wait, name="vectors-end", daemon=True).start()
    return child


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[bool]:
    """Whether no other process makes vectors for the file; until the end of the block."""
    with file.with_name(f"{file.name}.vectors").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> int:
    """The process."""
    file = Path(json.load(sys.stdin)["file"])
    os.nice(19)
    place = folder()
    if place is None or not file.exists():
        return 1
    if not is_genuine(place):
        return NOT_GENUINE
    with _alone(file) as is_alone:
        if not is_alone:
            return 0
        database = Database(file, full_sync=False)
        try:
            make_all(database, MiniLM(place))
        except OpstuiError:
            return 1  # the file is busy, full or gone: whoever looks at it next starts another
        finally:
            database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
