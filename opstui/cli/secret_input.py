"""Reading a secret from a person or a pipe, and which reference it is for. Never from an argument."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping

from opstui.core.errors import Refused, UsageError
from opstui.core.secrets import LONGEST, SecretRef
from opstui.core.text import clean_line


def reference(name: str, refs: Mapping[str, SecretRef]) -> SecretRef:
    """The keyring reference that ``name`` means: a key of the config, or ``service/name``. Raises UsageError."""
    shown = clean_line(name, limit=100)
    found = refs.get(name)
    if found is not None and found.kind == "keyring":
        return found
    if found is not None:
        raise UsageError(
            f"{shown} is found in {found.kind} {clean_line(found.value[0], limit=100)}, not in the keyring; "
            f'write {{ keyring = "opstui/{_last(name)}" }} in the config first'
        )
    if "/" in name and shown == name and all(name.rpartition("/")[::2]):
        return SecretRef("keyring", (name,))
    kept = ", ".join(key for key, ref in refs.items() if ref.kind == "keyring") or "none"
    raise UsageError(
        f"{shown}: no key of the config that refers to the keyring (there are: {kept}), and no service/name"
    )


def secret_line(prompt: str) -> str:
    """One line: typed without echo on a terminal, else the first of standard input. Raises UsageError for none."""
    if sys.stdin.isatty():
        secret = _typed(prompt)
    else:
        raw = sys.stdin.buffer.readline(LONGEST + 2)
        secret = raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not secret.strip():
        raise UsageError("nothing was given, so nothing was kept")
    return secret.strip()


def _typed(prompt: str) -> str:
    import getpass

    with warnings.catch_warnings():
        # It warns, and then reads with echo, where the terminal's can't be turned off.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            return ""
        except getpass.GetPassWarning:
            raise Refused(
                "this terminal can't hide what is typed, so nothing was read; give it through a pipe"
            ) from None


def _last(name: str) -> str:
    """A name to suggest: ``rt`` for ``tickets.rt.token``."""
    parts = [part for part in name.split(".") if part.replace("-", "a").replace("_", "a").isalnum()]
    return parts[-2] if len(parts) > 1 else "name"
