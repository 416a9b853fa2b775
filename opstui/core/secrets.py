"""References to secrets, and who resolves them. A secret itself is never a setting, a row, a message or an argument."""

from __future__ import annotations

from typing import Literal, Protocol

from opstui.core.frozen import dataclass

SecretKind = Literal["env", "keyring", "cmd", "file"]

LONGEST = 65_536
"""Bytes; no token, key or password is longer, and a device file has no end."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is found. The secret itself is never in a config file."""

    kind: SecretKind
    value: tuple[str, ...]
    """The variable, ``service/name`` of a keyring, the file, or the command with its arguments, run without a shell."""

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(self.value)}"


class Secrets(Protocol):
    """Resolves references, late, and remembers in memory what it handed out."""

    def get(self, ref: SecretRef) -> str:
        """The secret. Raises CredentialsRefused, naming the reference and what to do, where there is none.

        Asked each time it is needed: a rotated secret is the new one. A command is run without a shell, for at most
        30 seconds, without the environment's secrets. May take as long as that: from a thread.
        """

    def known(self) -> tuple[str, ...]:
        """Every secret of at least 6 characters that this process knows of, for the redactor's exact match.

        What was handed out so far, the variables and files that the settings refer to, and the variables from which
        the SDK takes credentials.
        """

    def store(self, ref: SecretRef, secret: str) -> None:
        """Keep ``secret`` where a ``keyring`` reference points. Raises CredentialsRefused: there is no safe keyring."""

    def keyring(self) -> str:
        """What the keyring is called. Raises CredentialsRefused where there is none, or none that is safe."""


def unfit(secret: str) -> str:
    """Why this can't be a secret that goes into a header, in words that don't hold it; empty where it can."""
    if not secret:
        return "is empty"
    if not secret.isascii():
        return "holds characters that are not ASCII"
    if not secret.isprintable():
        return "holds control characters, perhaps a second line"
    if secret != secret.strip():
        return "begins or ends with a blank"
    return "is too long" if len(secret) > LONGEST else ""
