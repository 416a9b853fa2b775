"""What the terminal can do, decided from the environment before the app is built."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """What was decided."""

    colours: int
    """0 (``NO_COLOR``), 16, 256 or 16,777,216."""
    mouse: bool
    ascii: bool
    """The encoding can't show box characters and shapes."""
    tmux: bool
    ssh: bool
    refuses: str = ""
    """Why the full-screen app can't run here; empty: it can."""


def decide(
    environ: Mapping[str, str], *, tty: bool = True, encoding: str | None = "utf-8", mouse: str | bool | None = None
) -> Terminal:
    """Read the environment. ``mouse`` is the setting: ``auto``, ``on``, ``off``, or a flag that wins."""
    term = environ.get("TERM", "").strip().lower()
    tmux = bool(environ.get("TMUX")) or term.startswith(("tmux", "screen"))
    ssh = any(environ.get(name) for name in ("SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT"))
    refuses = ""
    if not tty:
        refuses = "the full-screen app needs a terminal"
    elif term in ("dumb", "unknown", ""):
        refuses = f"TERM={term or '(not set)'} can't show a full-screen app"
    if isinstance(mouse, bool):
        wanted = mouse
    elif mouse in ("on", "off"):
        wanted = mouse == "on"
    else:
        # After a dropped ssh or a tmux re-attach terminals fall back to mouse bytes that no decoder understands.
        wanted = not (tmux or ssh)
    plain = (encoding or "").lower().replace("-", "").replace("_", "") not in ("utf8", "")
    return Terminal(_colours(environ, term), wanted, plain, tmux, ssh, refuses)


def _colours(environ: Mapping[str, str], term: str) -> int:
    if environ.get("NO_COLOR"):
        return 0
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return 1 << 24
    # The library draws on the same reading of TERM: anything else gets the sixteen colours.
    return 256 if term.rpartition("-")[2] in ("256color", "kitty") else 16


def theme_for(terminal: Terminal, wanted: str) -> str:
    """The theme to start with: without colour, or with sixteen, the one that is made for it, whatever is wanted."""
    if terminal.colours == 0:
        return "opstui-mono"
    if terminal.colours == 16 and wanted != "opstui-mono":
        return "opstui-ansi"
    return wanted
