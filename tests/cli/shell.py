"""The command line in this process, over a desk that a test holds in its hands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.root import run_commands
from opstui.core.errors import OpstuiError
from opstui.core.ports import Sent, Update
from tests.services.building import Place


class Troubled(LocalTickets):
    """The embedded system behind a connection that does to an update what a test says, by ticket."""

    def __init__(self, inner: LocalTickets) -> None:
        self.__dict__.update(inner.__dict__)
        self.capabilities = replace(inner.capabilities, atomic=False, marker_findable=False, settle_seconds=0.05)
        self.trouble: dict[str, Callable[[Update], Update]] = {}
        self.sent: list[Update] = []

    async def send(self, update: Update) -> Sent:
        self.sent.append(update)
        changed = self.trouble.get(update.ticket.key, lambda same: same)(update)
        return await super().send(changed)


class Shell:
    """The command line over a desk that a test holds in its hands."""

    def __init__(self, place: Place, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self.place = place
        self.system = Troubled(place.local)
        self._captured = capsysbinary
        object.__setattr__(place.setup, "systems", {**place.setup.systems, "local": self.system})
        self.err = ""

    def __call__(self, *words: str) -> int:
        try:
            code = run_commands(list(words), Borrowed(Globals(), {}, self.place.desk))
        except OpstuiError as error:
            code = error.exit_code
        self.out, self.err = (text.decode() for text in self._captured.readouterr())
        return code

    def json(self, *words: str) -> Any:
        self(*words, "--json")
        return json.loads(self.out)

    def approved(self, title: str = "Checkout answers 5xx", *options: str) -> tuple[str, str]:
        """A ticket's key, and the draft that was approved for it."""
        ref = self.place.ticket(title)
        draft = self.json("draft", "new", str(ref), *(options or ("--set", "/severity=1")))
        assert self("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]) == 0
        return ref.key, draft["id"]


class Borrowed(Invocation):
    """Leaves the desk open: it is the test's."""

    def close(self) -> None:
        pass
