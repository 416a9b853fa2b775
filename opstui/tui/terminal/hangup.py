"""Hang-up and termination: what was typed is saved and the process ends, even if nobody reads the terminal any more.

The event loop blocks when a dead ssh link stops taking output (the library's writer queue fills up), so the end must
not depend on it: a thread of its own waits for the signal, asks the loop to save, and does without it if need be.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp

SAVE = 3.0
"""Seconds that the loop gets to save; then the watching thread saves itself."""
CLOSE = 2.0
"""Seconds for each step after that. All together stays well under ten."""


@contextmanager
def watched(app: OpstuiApp) -> Iterator[None]:
    """While the app runs: SIGHUP ends it with 129, SIGTERM with 143."""
    caught = threading.Event()
    over = threading.Event()
    codes: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        codes.append(128 + number)
        caught.set()

    def watch() -> None:
        caught.wait()
        if not over.is_set():
            _end(app, codes[0], over)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGHUP, signal.SIGTERM)}
    threading.Thread(target=watch, name="hang-up", daemon=True).start()
    try:
        yield
    finally:
        if not codes:
            over.set()
            caught.set()
            for number, handler in before.items():
                signal.signal(number, handler)
        else:
            over.set()


def leave(app: OpstuiApp, code: int) -> None:
    """The terminal is gone without a signal: the same end, begun from the loop."""
    app.last_words()
    threading.Thread(target=_close_and_exit, args=(app, code), daemon=True).start()


def _end(app: OpstuiApp, code: int, over: threading.Event) -> None:
    saved = threading.Event()

    def save() -> None:
        app.last_words()
        saved.set()
        if code == 143:
            # The terminal is still there: leave it as it was found.
            app.exit(None, return_code=code)

    loop = app._loop
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(save)
    if not saved.wait(SAVE):
        # The loop stands still in a write to the dead terminal, so nothing else touches what is saved here.
        helper = threading.Thread(target=app.last_words, daemon=True)
        helper.start()
        helper.join(CLOSE)
    if code == 143 and over.wait(CLOSE):
        return
    _close_and_exit(app, code)


def _close_and_exit(app: OpstuiApp, code: int) -> None:
    closing = threading.Thread(target=app.desk.close, daemon=True)
    closing.start()
    closing.join(CLOSE)
    os._exit(code)
