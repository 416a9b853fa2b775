"""The keyring of the desktop, if it is one that keeps secrets secret.

The keyring package takes whatever backend is installed, among them files in plain text (keyrings.alt) and a null one
that loses what it is given. So the backend is looked at first, and anything that is not known to be safe is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from opstui.core.errors import CredentialsRefused
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

R = TypeVar("R")

SAFE = (
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)
"""Modules whose backends hand secrets to the operating system or the desktop."""
PATIENCE = 30.0
"""Seconds; a locked keyring asks its owner on a desktop, and nobody may sit there."""
INSTEAD = "{ env = … }, { cmd = [ … ] } and { file = … } work without one"


def safe_backend() -> KeyringBackend:
    """The backend to use. Raises CredentialsRefused, saying which one is there and why it is not used."""
    import keyring  # importing it takes 60 ms
    from keyring.backends import chainer, fail

    found = keyring.get_keyring()
    if isinstance(found, chainer.ChainerBackend):
        # It would go on to the next where one fails, and the next may be a file in plain text.
        safe = [one for one in chainer.ChainerBackend.backends if is_safe(one)]
        if safe:
            return safe[0]  # type: ignore[no-any-return]
    elif is_safe(found):
        return found
    if isinstance(found, (fail.Keyring, chainer.ChainerBackend)):
        raise CredentialsRefused(
            f"there is no keyring here (no Secret Service, KWallet or Keychain answers); {INSTEAD}"
        )
    kind = type(found)
    raise CredentialsRefused(
        f"the keyring here is {clean_line(f'{kind.__module__}.{kind.__qualname__}', limit=100)}, which does not keep "
        f"secrets safe, so it was not used; {INSTEAD}"
    )


def is_safe(backend: object) -> bool:
    """Whether this very backend is one of the operating system's or the desktop's."""
    module = type(backend).__module__
    return any(module == one or module.startswith(f"{one}.") for one in SAFE)


def patiently(work: Callable[[], R], *, patience: float = PATIENCE) -> R:
    """What ``work`` answers. Raises CredentialsRefused if it fails or takes longer than ``patience`` seconds.

    Backends raise whatever their bus or binding raises, and may wait for a person for ever; a thread of a pool can be
    left behind, and hands over any error without one being caught here.
    """
    from multiprocessing.pool import ThreadPool  # its threads end with the program; those of concurrent.futures don't

    failed: list[BaseException] = []
    pool = ThreadPool(1)
    try:
        result = pool.apply_async(work, error_callback=failed.append)
        result.wait(patience)
        if not result.ready():
            raise CredentialsRefused(
                f"the keyring did not answer within {patience:.0f} s; it may be locked: unlock it, then try again"
            )
        if not result.successful():
            error = failed[0]
            if isinstance(error, CredentialsRefused):
                raise error
            raise CredentialsRefused(f"the keyring can't be used ({type(error).__name__}); is it unlocked? {INSTEAD}")
        return result.get()
    finally:
        pool.terminate()


def parts(reference: str) -> tuple[str, str]:
    """Service and name of ``service/name``; the name is what follows the last slash. Raises CredentialsRefused."""
    service, _, name = reference.rpartition("/")
    if not service or not name:
        raise CredentialsRefused(f"keyring {clean_line(reference, limit=100)}: write service/name")
    return service, name
