"""One run of the program: its options, its settings, and its desk once somebody needs it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from opstui.cli.globals import Globals
from opstui.cli.output import note
from opstui.config.paths import Paths
from opstui.core.errors import ReadOnly, UsageError
from opstui.core.text import clean_line

if TYPE_CHECKING:  # importing these costs 90 ms, which --help and a typo need not pay
    from opstui.config.load import Loaded
    from opstui.config.settings import Settings
    from opstui.core.desk import Command, Desk, Outcome
    from opstui.core.tickets import TicketRef

A = TypeVar("A")


class Invocation:
    """What commands are handed. The desk opens at first use and is closed by :meth:`close`."""

    def __init__(self, options: Globals, environ: MutableMapping[str, str], desk: Desk | None = None) -> None:
        """``environ`` loses its secrets when the desk opens."""
        self.options = options
        self.environ = environ
        self._desk = desk
        self._own: Settings | None = None

    @cached_property
    def own_paths(self) -> Paths:
        """The operator's own places, the demo's folder among them."""
        paths = Paths.find(self.environ)
        return paths.with_config(Path(self.options.config)) if self.options.config else paths

    @cached_property
    def paths(self) -> Paths:
        """The places this run works in: the operator's, or the demo's."""
        return self.own_paths.demo() if self.options.demo else self.own_paths

    @cached_property
    def loaded(self) -> Loaded:
        """The settings. Raises ConfigError.

        The demo keeps who you are, your shifts and your looks; ticket systems, runbooks, runtimes and network are its
        own, so it never touches anything real. ``--runtime`` of ``opstui demo`` says which of its runtimes works there.
        """
        from opstui.config.load import load

        flags = {"ui.theme": self.options.theme, "ui.mouse": "off" if self.options.no_mouse else None}
        loaded = load(self.own_paths, environ=self.environ, profile=self.options.profile, flags=flags)
        if self.options.demo:
            from opstui.config.demo import demo_settings

            self._own = loaded.settings
            loaded = replace(loaded, settings=demo_settings(loaded.settings, self.options.runtime))
        return loaded

    @property
    def name(self) -> str:
        """How a command that works in the same places begins, to be shown."""
        return "opstui --demo" if self.options.demo else "opstui"

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.loaded.settings

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """What stood in the environment for a secret, and stands there no more: no child process inherits it.

        In the demo those of the operator's own config too: it needs none, and its children must not see them either.
        """
        from opstui.wiring import take_secrets

        settings = self.settings
        return take_secrets(self._own or settings, self.environ)

    @property
    def desk(self) -> Desk:
        """The desk over this run's places. Raises ConfigError, StoreDamaged, StoreFull."""
        if self._desk is None:
            from opstui.config.logs import level_from, start_logging
            from opstui.wiring import open_desk

            secrets = self.secrets
            start_logging(self.paths, level=self.options.log_level or level_from(self.environ))
            self._desk = open_desk(
                self.settings,
                self.paths,
                demo=self.options.demo,
                read_only=self.options.read_only,
                configured=self.loaded.file_exists or self.options.demo,
                secrets=secrets,
            )
            from opstui.core.desk import DeskFacts

            trouble = self._desk.ask(DeskFacts()).store
            if trouble:
                note(f"opstui: {trouble}")
        return self._desk

    def do(self, command: Command[A]) -> Outcome[A]:
        """Do, and raise what went wrong."""
        outcome = self.desk.do(command)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def writes(self) -> None:
        """Say that this command changes something. Raises ReadOnly, before anything is opened."""
        if self.options.read_only:
            raise ReadOnly("--read-only: nothing was changed; leave it out to do this")

    def ref(self, text: str, *, boards: bool = False) -> TicketRef:
        """A ticket of a configured system, with ``boards`` a shift's board. Raises UsageError, before any request."""
        from opstui.core.tickets import BOARD_SYSTEM, TicketRef

        ref = TicketRef.parse(text)
        if boards and ref.system == BOARD_SYSTEM:
            return ref
        systems = self.settings.tickets
        if ref.system not in systems:
            raise UsageError(f"{clean_line(ref.system)}: no such ticket system; there are: {', '.join(systems)}")
        return ref

    def close(self) -> None:
        """Let go of the desk."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None
