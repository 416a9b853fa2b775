"""Writes what is typed into a draft to the store while it is typed: one save at a time, compare-and-set.

A save that lost because the draft was saved elsewhere is tried again where the other save left our field alone.
Otherwise, and where the draft refuses the text, it is handed to ``lost`` and never written over somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from opstui.core.desk import Desk, DraftReview, EditDraft
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges
from opstui.core.errors import NotFound, OpstuiError, Refused, StaleRevision, UsageError
from opstui.tui.drafting import as_typed, comment_text

AFTER = 0.4
"""Seconds from a key to the save: what a dying process loses at most, and a commit takes milliseconds."""
AGAIN = 2.0
"""Seconds until a save that failed is tried again."""


class Loop(Protocol):
    """What is needed of the app."""

    desk: Desk
    now: Callable[[], datetime]

    def do(self, command: Any, then: Any = None, *, saying: str = "", failed: Any = None) -> None:
        """Give a command in a thread."""


def value_of(draft: Draft, path: str) -> str:
    """What the draft says at ``path``, as typed."""
    if path == COMMENT_PATH:
        return comment_text(draft)
    return next((as_typed(op.to) for op in draft.ops if op.path == path), "")


def changes_of(texts: Mapping[str, str], *, public: bool = False) -> DraftChanges:
    """The changes that write these texts, by path; ``public`` where every comment is."""
    fields = {path: text for path, text in texts.items() if path != COMMENT_PATH}
    comment = texts.get(COMMENT_PATH)
    return DraftChanges(set=fields, comment=comment, public=True if public and comment is not None else None)


class Keeping:
    """The typed texts of one draft that are not in the store yet."""

    def __init__(
        self,
        app: Loop,
        later: Callable[[float, Callable[[], None]], Any],
        draft: Draft,
        *,
        saved: Callable[[Draft], None],
        lost: Callable[[str, str, OpstuiError], None],
        failed: Callable[[OpstuiError], None],
        public: bool = False,
    ) -> None:
        self._public = public
        self._app = app
        self._later = later
        self._saved = saved
        self._lost = lost
        self._failed = failed
        self.draft = draft
        """As last read or written."""
        self.dirty: dict[str, str] = {}
        """Path → text that the store does not have."""
        self.kept_at: datetime | None = None
        self.problem: OpstuiError | None = None
        """Why the last save failed."""
        self._sending: dict[str, str] | None = None
        self._timer: Any = None
        self._waiting: list[Callable[[], None]] = []

    @property
    def busy(self) -> bool:
        """Something typed is not in the store yet."""
        return bool(self.dirty) or self._sending is not None

    def text(self, path: str) -> str:
        """What ``path`` reads with everything typed so far, kept or not."""
        known = self.left()
        return known[path] if path in known else value_of(self.draft, path)

    def left(self) -> dict[str, str]:
        """What the store does not have, by path."""
        return {**(self._sending or {}), **self.dirty}

    def typed(self, path: str, text: str) -> None:
        """``path`` now reads ``text``."""
        self.dirty[path] = text
        if self._timer is None and self._sending is None:
            self._timer = self._later(AFTER, self._due)

    def newer(self, draft: Draft) -> None:
        """The store has this revision."""
        if draft.rev >= self.draft.rev:
            self.draft = draft

    def flush(self, then: Callable[[], None]) -> None:
        """Save now, then call ``then``; it is not called if the text could not be saved."""
        if not self.busy:
            then()
            return
        self._waiting.append(then)
        if self._sending is None:
            self._send()

    def flush_now(self) -> None:
        """Save in this thread: the process is about to end. What cannot be saved is ``left``."""
        texts = self.left()
        if not texts:
            return
        for _ in range(3):
            outcome = self._app.desk.do(EditDraft(id=self.draft.id, rev=self.draft.rev, changes=self._changes(texts)))
            if outcome.value is not None:
                self.draft, self.dirty, self._sending = outcome.value, {}, None
                return
            if not isinstance(outcome.error, StaleRevision) or not self._look_again(texts):
                return

    def _changes(self, texts: Mapping[str, str]) -> DraftChanges:
        return changes_of(texts, public=self._public)

    def _due(self) -> None:
        self._timer = None
        if self.dirty and self._sending is None:
            self._send()

    def _send(self) -> None:
        self._sending, self.dirty = self.dirty, {}
        changes = self._changes(self._sending)
        command = EditDraft(id=self.draft.id, rev=self.draft.rev, changes=changes)
        self._app.do(command, self._sent, failed=self._not_sent)

    def _sent(self, draft: Draft) -> None:
        self._sending = None
        self.problem = None
        self.draft = draft
        self.kept_at = self._app.now()
        self._saved(draft)
        if self.dirty:
            self._send()
            return
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()

    def _not_sent(self, error: OpstuiError) -> None:
        texts = {**(self._sending or {}), **self.dirty}
        self._sending = None
        self.dirty = texts
        if isinstance(error, StaleRevision):
            if self._look_again(texts):
                self._send()
                return
            self._give_up(texts, error)
            return
        if isinstance(error, (Refused, UsageError, NotFound)):
            # Trying again would be refused again: it is being sent, or the value makes no sense.
            self._give_up(texts, error)
            return
        self.problem = error
        self._waiting.clear()
        self._failed(error)
        if self._timer is None:
            self._timer = self._later(AGAIN, self._due)

    def _give_up(self, texts: Mapping[str, str], error: OpstuiError) -> None:
        self.dirty = {}
        self._waiting.clear()
        for path, text in texts.items():
            self._lost(path, text, error)

    def _look_again(self, texts: Mapping[str, str]) -> bool:
        """Take the newest revision; whether the fields we write read there as we knew them."""
        try:
            newest = self._app.desk.ask(DraftReview(self.draft.id)).draft
        except NotFound:
            return False
        ours = all(value_of(newest, path) == value_of(self.draft, path) for path in texts)
        self.draft = newest
        return ours
