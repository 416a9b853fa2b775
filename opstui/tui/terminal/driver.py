"""The library's driver, made to survive what terminals really send, and to say when the terminal is gone."""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder
from functools import partial
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.driver import Driver

    from opstui.tui.app import OpstuiApp


def driver_class() -> type[Driver] | None:
    """The driver to use on this platform; None: the library's choice."""
    try:
        from textual.drivers import linux_driver
    except ImportError:
        return None
    # After a tmux re-attach terminals send X10 mouse reports, whose bytes beyond column 95 are no UTF-8; the strict
    # decoder of 8.2.8 then ends the program (textual issue 6668). Pinned version, and a test on a real pty.
    linux_driver.getincrementaldecoder = forgiving  # type: ignore[assignment,attr-defined]

    class GuardedDriver(linux_driver.LinuxDriver):
        """Reads until the terminal is gone, and says so instead of printing a traceback."""

        def _run_input_thread(self) -> None:
            try:
                self.run_input_thread()
            except OSError:
                app = cast("OpstuiApp", self._app)
                app.call_later(app.terminal_gone)
            except Exception as error:  # noqa: BLE001 - the end of a thread: whatever it is becomes a crash file
                self._app.call_later(self._app._handle_exception, error)

    return GuardedDriver


def forgiving(encoding: str) -> partial[IncrementalDecoder]:
    """An incremental decoder that replaces what it can't read."""
    return partial(getincrementaldecoder(encoding), errors="replace")
