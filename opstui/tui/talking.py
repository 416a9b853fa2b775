"""Talking: to the desk in threads, and to the operator in the lowest line. And the end, when it breaks."""

from __future__ import annotations

import sys
import threading
from asyncio import Future, get_running_loop
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from textual.actions import ActionParseResult
from textual.app import ScreenError
from textual.css.query import NoMatches
from textual.dom import DOMNode

from opstui.core.desk import Command, Desk, Facts, Question
from opstui.core.errors import OpstuiError
from opstui.tui.screens.base import DeskScreen
from opstui.tui.terminal import crash
from opstui.tui.turns import TurnTaking

A = TypeVar("A")


class TalkingApp(TurnTaking, inherit_bindings=False):
    """An app that never waits for the desk, and never ends because the desk said no."""

    desk: Desk
    facts: Facts
    now: Callable[[], datetime]
    notice_shown: tuple[str, str] | None
    """Text and role of what stands in the lowest line."""
    notices: list[tuple[datetime, str, str]]
    """Moment, text and role of what was said, newest last."""
    crashed: crash.Report | None
    _question: tuple[Callable[[], None], str] | None

    def do(
        self,
        command: Command[A],
        then: Callable[[A], None] | None = None,
        *,
        saying: str = "",
        failed: Callable[[OpstuiError], None] | None = None,
    ) -> None:
        """Give the desk a command in a thread, then call ``then`` with its value on the UI thread.

        An error becomes a notice (or goes to ``failed``). After two seconds ``saying`` is shown as what is waited for.
        """
        self._go(lambda: self.desk.do(command), then, saying, failed, outcome=True)

    def ask_slowly(
        self,
        question: Question[A],
        then: Callable[[A], None],
        *,
        saying: str = "",
        failed: Callable[[OpstuiError], None] | None = None,
    ) -> None:
        """Ask a question that may take long, in a thread; otherwise like :meth:`do`."""
        self._go(lambda: self.desk.ask(question), then, saying, failed, outcome=False)

    def work_slowly(self, work: Callable[[], A], then: Callable[[A], None], *, saying: str = "") -> None:
        """Do ``work`` (which may raise an error of the tree) in a thread; otherwise like :meth:`do`."""
        self._go(work, then, saying, None, outcome=False)

    def _go(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None] | None,
        saying: str,
        failed: Callable[[OpstuiError], None] | None,
        *,
        outcome: bool,
    ) -> None:
        async def run() -> None:
            timer = self.set_timer(2.0, lambda: self.say(f"waiting: {saying}", "dim")) if saying else None
            try:
                answer = await self._in_thread(work)
                error = answer.error if outcome else None
            except OpstuiError as raised:
                answer, error = None, raised
            if timer is not None:
                timer.stop()
            if not self.is_running:
                return
            if error is not None:
                if failed is not None:
                    failed(error)
                else:
                    self.say(error.message, "bad")
                return
            if outcome and answer.notice:
                self.say(answer.notice)
            elif self.notice_shown and self.notice_shown[0] == f"waiting: {saying}":
                self.unsay()
            if then is not None:
                try:
                    then(answer.value if outcome else answer)
                except OpstuiError as raised:
                    self.say(raised.message, "bad")

        self.background(run())

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` on the loop beside everything else; what it raises is a crash like any other."""
        self.run_worker(work, exit_on_error=True)

    def _thread(self, work: Callable[[], object]) -> None:
        threading.Thread(target=work, daemon=True).start()

    async def _in_thread(self, work: Callable[[], A]) -> A:
        # Daemon threads, not the loop's executor: that one is joined at exit, behind whatever hangs on a network.
        loop = get_running_loop()
        future: Future[A] = loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if not future.done():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(value)

        def target() -> None:
            value: Any = None
            raised: BaseException | None = None
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001 - handed on to the waiting coroutine, whatever it is
                raised = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, value, raised)

        self._thread(target)
        return await future

    # --- words --------------------------------------------------------------------------------------------------------

    def say(self, text: str, role: str = "accent") -> None:
        """Show ``text`` in the lowest line until the next key. ``role``: accent, dim, warn, bad, good."""
        self.notices = [*self.notices[-199:], (self.now(), text, role)]
        self.notice_shown = (text, role)
        if self._running and isinstance(self.screen, DeskScreen):
            self.screen.show_frame()

    def unsay(self) -> None:
        """Back to the hints."""
        if self.notice_shown is not None:
            self.notice_shown = None
            if isinstance(self.screen, DeskScreen):
                self.screen.show_frame()

    def ask(self, question: str, yes: Callable[[], None], *, because: str = "") -> None:
        """Ask in the lowest line, with the reason above it; only ``y`` means yes, and any other key no."""
        self._question = (yes, question)
        if because and isinstance(self.screen, DeskScreen):
            self.screen.put_reason(because)
        self.say(f"{question}  y yes, any other key no", "warn")

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key is bound to; what the desk refuses is a notice, never the end."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except OpstuiError as error:
            self.say(error.message, "bad")
            return True

    # --- when it breaks -----------------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        if isinstance(error, NoMatches | ScreenError) and (self._exit or self._closing or not self._running):
            # A screen that was still being put up while the program ends finds its widgets gone.
            return
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._crash(error)

    def _fatal_error(self) -> None:
        self._crash(sys.exc_info()[1])

    def panic(self, *renderables: Any) -> None:
        """The library gives up: with a crash file and exit code 70, never with local variables on the screen."""
        self._crash(sys.exc_info()[1])

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()

    def _crash(self, error: BaseException | None) -> None:
        self._return_code = 70
        if self.crashed is None:
            self.crashed = crash.write(error, Path(self.facts.crash_folder), self.now())
        self._close_messages_no_wait()
