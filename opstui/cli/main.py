"""The entry point: from the arguments to an exit code.

======  ================================================================================
  code  meaning
======  ================================================================================
     0  done
     1  refused by the remote, a check failed, or no such thing
     2  usage or configuration
     3  could not reach, retry may help
     4  credentials missing or refused
     5  conflict, the ticket changed
     6  budget reached
    70  internal error; a crash file was written
   129  hung up
   130  interrupted
   143  terminated
======  ================================================================================
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from opstui.cli.crash import CrashGuard, report, write_crash
from opstui.cli.globals import Globals, app_only

EXIT_INTERRUPTED = 130
COLLECT_AFTER = 3.0
"""Seconds."""


class Signalled(SystemExit):
    """The process was told to end; carries 129 or 143 through every ``finally``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and answer its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        from opstui import __version__

        sys.stdout.write(f"opstui {__version__}\n")
        return 0
    os.umask(0o077)
    # Also where whoever started it ignores interrupts, as scripts do for what they start beside themselves.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _leave)
    # A name from the environment can hold what the terminal's encoding can't; that is no reason to end.
    _stand_in_for_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    threading.excepthook = _thread_failed
    try:
        with CrashGuard(os.environ, _command(arguments)) as guard:
            return _run(arguments)
        return guard.code or 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED  # between two handlers; unhandled, it would end the process by the signal itself
    finally:
        if argv is None:
            _let_go()


def _run(arguments: list[str]) -> int:
    from opstui.core.errors import FilterError, OpstuiError

    try:
        options = app_only(arguments)
        if options is not None:
            return _start_app(options)
        from opstui.cli.root import run_commands

        return run_commands(arguments)
    except OpstuiError as error:
        from opstui.cli.output import note

        note(f"opstui: {error}")
        if isinstance(error, FilterError):
            note(error.pointer())
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _start_app(options: Globals) -> int:
    _collect_later()
    from opstui.cli.app import start_app
    from opstui.cli.invocation import Invocation

    invocation = Invocation(options, os.environ)
    try:
        return start_app(invocation)
    finally:
        invocation.close()


def _collect_later() -> None:
    """No garbage collection until the first screen stands.

    Nearly all that is made until then is modules, which stay: looking through them again and again took 35 of 300 ms.
    Afterwards they are set apart for good.
    """
    gc.disable()

    def begin() -> None:
        gc.freeze()
        gc.enable()

    timer = threading.Timer(COLLECT_AFTER, begin)
    timer.daemon = True
    timer.start()


def _stand_in_for_closed_streams() -> None:
    """A program can be started with its streams closed; then a store's file would become its standard output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _let_go() -> None:
    """The work is done and its exit code known: a signal in the interpreter's own last moments must not change it.

    Nor need those moments be spent on looking for garbage among all that a session imported: 0.6 s.
    """
    gc.freeze()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise Signalled(128 + number)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """A thread's traceback goes to a crash file: on stderr it would be drawn over the app, words and all."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        write_crash(report(failed.exc_value, f"thread {failed.thread.name if failed.thread else ''}"), os.environ)


def _command(arguments: list[str]) -> str:
    """The command's words for a crash file, never its values."""
    words = [word for word in arguments if word.isalpha() and word.islower() and len(word) < 16]
    return " ".join(words[:2]) or "the app"


if __name__ == "__main__":
    sys.exit(main())
