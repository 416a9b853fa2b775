"""A secret that another program prints: ``op read``, ``pass show``, ``vault kv get``."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from opstui.core.errors import CredentialsRefused
from opstui.core.secrets import LONGEST
from opstui.core.text import clean_line

PATIENCE = 30.0
"""Seconds, as configuration.md promises."""


def run_for_secret(words: Sequence[str], environ: Mapping[str, str], *, patience: float = PATIENCE) -> str:
    """What the program prints, without its last newline. Raises CredentialsRefused.

    No shell; nothing to read from; ``environ`` is all the environment it gets. What it says on stderr is shown to
    nobody: helpers print what they were given when they fail.
    """
    name = clean_line(words[0], limit=100)
    try:
        child = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=dict(environ), cwd="/", start_new_session=True, close_fds=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise CredentialsRefused(f"cmd {name}: there is no such program on the path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a command"
        raise CredentialsRefused(f"cmd {name}: could not be started ({why})") from None
    with child:
        raw = _read(child, time.monotonic() + patience)
        if raw is None:
            _end(child)
            raise CredentialsRefused(
                f"cmd {name}: no answer within {patience:.0f} s, so it was ended; does it wait to be unlocked? "
                "Unlock it, then try again"
            )
        if len(raw) > LONGEST:
            _end(child)
            raise CredentialsRefused(f"cmd {name}: printed more than {LONGEST:,} bytes; that is no secret")
        code = child.wait()
    if code != 0:
        how = f"exit {code}" if code > 0 else f"signal {-code}"
        raise CredentialsRefused(f"cmd {name}: failed ({how}); run it by hand to see what it says")
    return raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


def _read(child: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """Everything up to a little more than is allowed; None if it is not at its end by then.

    The end is that of the program: one that it left behind in the background may hold the pipe open.
    """
    assert child.stdout is not None
    found = bytearray()
    handle = child.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while len(found) <= LONGEST:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if not selector.select(min(left, 0.1)):
                if child.poll() is not None:
                    return bytes(found)
                continue
            piece = os.read(handle, 65_536)
            if not piece:
                break
            found += piece
    try:
        child.wait(max(0.1, deadline - time.monotonic()) if len(found) <= LONGEST else 0.1)
    except subprocess.TimeoutExpired:
        return None if len(found) <= LONGEST else bytes(found)
    return bytes(found)


def _end(child: subprocess.Popen[bytes]) -> None:
    """It and what it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
