"""A secret in a file that only its owner can read."""

from __future__ import annotations

import os
import shlex
import stat

from opstui.core.errors import CredentialsRefused
from opstui.core.secrets import LONGEST
from opstui.core.text import clean_line


def read_secret_file(path: str) -> str:
    """The file's text without the white space around it. Raises CredentialsRefused, with the command that mends it.

    As ssh does with a private key: it is refused if another user owns it or anybody else may read it.
    """
    name = clean_line(path, limit=300)
    try:
        # Opening a pipe without a writer would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise CredentialsRefused(
            f"file {name}: there is none; write the secret into it, readable for you alone"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file name"
        raise CredentialsRefused(f"file {name}: can't be read ({why})") from None
    with open(handle, "rb") as stream:
        found = os.fstat(handle)
        quoted = clean_line(shlex.quote(path), limit=300)
        if not stat.S_ISREG(found.st_mode):
            raise CredentialsRefused(f"file {name}: this is no ordinary file; keep the secret in one")
        if found.st_uid != os.getuid():
            raise CredentialsRefused(
                f"file {name}: belongs to another user, so it was not read; mend it: chown {os.getuid()} {quoted}"
            )
        if found.st_mode & 0o077:
            raise CredentialsRefused(
                f"file {name}: others can read it (mode {stat.S_IMODE(found.st_mode):04o}), so it was not used; "
                f"mend it: chmod 600 {quoted}"
            )
        raw = stream.read(LONGEST + 1)
    if len(raw) > LONGEST:
        raise CredentialsRefused(f"file {name}: is longer than {LONGEST:,} bytes; that is no secret")
    return raw.decode("utf-8", "replace").strip()


def glance(path: str) -> str:
    """What the file holds, whoever may read it, for the redactor; empty where nothing can be read."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return ""
            raw = stream.read(LONGEST + 1)
    except (OSError, ValueError):
        return ""
    return raw.decode("utf-8", "replace").strip() if len(raw) <= LONGEST else ""
