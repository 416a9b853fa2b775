"""Secrets by reference, resolved when they are needed and kept nowhere but in this process's memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from opstui.adapters.secrets.commands import run_for_secret
from opstui.adapters.secrets.files import glance, read_secret_file
from opstui.adapters.secrets.keyrings import parts, patiently, safe_backend
from opstui.adapters.secrets.variables import OTHER_VARIABLES, SDK_VARIABLES
from opstui.core.errors import CredentialsRefused
from opstui.core.secrets import SecretRef, unfit
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SHORTEST = 6
"""Characters; to match anything shorter would cut holes into ordinary words."""


class SecretStore:
    """Implements ``core.secrets.Secrets``. Safe to use from any thread."""

    def __init__(
        self,
        environ: Mapping[str, str],
        refs: Sequence[SecretRef],
        *,
        backend: Callable[[], KeyringBackend] = safe_backend,
    ) -> None:
        """``environ`` is read when it is needed; ``refs`` is what the settings refer to."""
        self._environ = environ
        self._backend = backend
        self._variables = (*dict.fromkeys([ref.value[0] for ref in refs if ref.kind == "env"]), *SDK_VARIABLES)
        self._files = tuple(dict.fromkeys(ref.value[0] for ref in refs if ref.kind == "file"))
        self._taken: dict[str, str] = {}
        self._handed_out: dict[str, None] = {}
        self._guard = threading.Lock()

    # --- the port

    def get(self, ref: SecretRef) -> str:
        """See ``Secrets``."""
        secret = self._read(ref)
        problem = unfit(secret)
        if problem:
            raise CredentialsRefused(f"{_named(ref)}: what is there {problem}; keep the bare secret there")
        with self._guard:
            self._handed_out[secret] = None
        return secret

    def known(self) -> tuple[str, ...]:
        """See ``Secrets``."""
        with self._guard:
            found = dict.fromkeys((*self._handed_out, *self._taken.values()))
        for name in (*self._variables, *OTHER_VARIABLES):
            found[self._environ.get(name, "").strip()] = None
        for path in self._files:
            found[glance(path)] = None
        return tuple(secret for secret in found if len(secret) >= SHORTEST)

    def store(self, ref: SecretRef, secret: str) -> None:
        """See ``Secrets``; it is read back before it is believed."""
        if ref.kind != "keyring":
            raise CredentialsRefused(f"{_named(ref)}: only a keyring can be written to")
        problem = unfit(secret)
        if problem:
            raise CredentialsRefused(f"{_named(ref)}: nothing was kept, what was given {problem}")
        service, name = parts(ref.value[0])

        def keep() -> bool:
            backend = self._backend()
            backend.set_password(service, name, secret)
            return backend.get_password(service, name) == secret

        if not patiently(keep):
            raise CredentialsRefused(f"{_named(ref)}: the keyring took it and does not give it back; it is not kept")
        with self._guard:
            self._handed_out[secret] = None

    def keyring(self) -> str:
        """See ``Secrets``."""
        return clean_line(str(patiently(lambda: str(self._backend().name))), limit=60)

    # --- processes

    def sdk_key(self) -> str | None:
        """What the SDK would take from the environment; None: only its own profile files and federation are left.

        Hand it over as the key: a process whose variables were taken can't find it there.
        """
        for name in SDK_VARIABLES:
            secret = self._variable(name).strip()
            if secret and not unfit(secret):
                with self._guard:
                    self._handed_out[secret] = None
                return secret
        return None

    def take_over(self, given: Mapping[str, str]) -> None:
        """Keep variables that stand in no environment any more: this process took them out, or never had them."""
        with self._guard:
            self._taken.update(given)

    def without_secrets(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` as a child process may have it."""
        hidden = {*self._variables, *OTHER_VARIABLES}
        return {name: value for name, value in environ.items() if name not in hidden}

    # --- parts

    def _read(self, ref: SecretRef) -> str:
        if ref.kind == "env":
            secret = self._variable(ref.value[0])
            if not secret:
                raise CredentialsRefused(
                    f"{_named(ref)}: the variable is not set; export it in the shell that starts opstui"
                )
            return secret
        if ref.kind == "file":
            return read_secret_file(ref.value[0])
        if ref.kind == "cmd":
            return run_for_secret(ref.value, self.without_secrets(self._environ))
        service, name = parts(ref.value[0])
        try:
            secret = patiently(lambda: self._backend().get_password(service, name) or "")
        except CredentialsRefused as error:
            raise CredentialsRefused(f"{_named(ref)}: {error}") from None
        if not secret:
            raise CredentialsRefused(
                f"{_named(ref)}: nothing is kept there; opstui config secret set {clean_line(ref.value[0])} keeps one"
            )
        return secret

    def _variable(self, name: str) -> str:
        with self._guard:
            return self._taken.get(name) or self._environ.get(name, "")


def _named(ref: SecretRef) -> str:
    """The reference as a message names it: of a command the program alone, its arguments may say too much."""
    return f"{ref.kind} {clean_line(ref.value[0], limit=200)}"
