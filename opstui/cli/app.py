"""The full-screen app, and the plain dialogue for who can't or won't use it."""

from __future__ import annotations

import sys

from opstui.cli.invocation import Invocation
from opstui.cli.output import note
from opstui.core.errors import UsageError
from opstui.core.tickets import TicketRef


def start_app(invocation: Invocation, open_ref: TicketRef | None = None) -> int:
    """Start the face that was asked for. Raises UsageError where the app has no terminal to run on."""
    options = invocation.options
    if not options.plain:
        need_terminal(invocation)
    if options.fresh:
        set_demo_aside(invocation)
    if options.plain:
        from opstui.plain.dialogue import run_plain

        return run_plain(invocation.desk, sys.stdin, sys.stdout)
    desk = invocation.desk
    from opstui.tui.app import run_app

    return run_app(desk, theme=None, mouse=None, open_ref=open_ref, themes_folder=invocation.paths.user_themes)


def need_terminal(invocation: Invocation) -> None:
    """Raises UsageError where a full-screen app can't be drawn, before anything is opened."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the app needs a terminal, and this is none; --plain runs the same as a dialogue, "
            "and opstui --help lists the commands for scripts"
        )
    if invocation.environ.get("TERM", "dumb") in ("", "dumb"):
        raise UsageError("the app can't draw on TERM=dumb; opstui --plain runs the same as a dialogue")


def set_demo_aside(invocation: Invocation) -> None:
    """Move the demo's folder out of the way, keeping it. Raises Busy while it is played, Refused where it fails."""
    from opstui.wiring import set_demo_aside as move

    aside = move(invocation.own_paths)
    if aside is not None:
        note(f"the old demo is kept in {aside}")
