"""A session as it goes on: what is stored of it, what it is just saying, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from opstui.core.desk import Choices, Desk, SessionChoices, SessionDetail, SessionEvents, SessionPreview
from opstui.core.errors import NotFound
from opstui.core.sessions import Session
from opstui.tui.session_stands import Now, since, tail
from opstui.tui.session_text import Block, Transcript, take

PAGE = 1000
"""Events asked for at once."""
PAGES = 4
"""Pages taken in one look; a longer history comes with the next looks, so that keys are answered in between."""
LINGER = timedelta(seconds=1)
"""A preview that the desk tells no more of is shown this long: its whole text may be on its way through the store."""


class Following:
    """One session, followed. Asks the desk; draws nothing."""

    def __init__(self, desk: Desk, session_id: str, key: Callable[[str], str]) -> None:
        self.id = session_id
        self.session: Session | None = None
        self.transcript = Transcript()
        self.choices: Choices | None = None
        self.previews: tuple[tuple[str, str], ...] = ()
        self._desk = desk
        self._key = key
        self._told: tuple[str, datetime] | None = None
        self._gone: dict[str, datetime] = {}
        """Preview → since when the desk tells no more of it."""
        self._dirty = 0
        """The first stored block that may differ from what was shown."""
        self._stored = 0
        """How many blocks of what was shown last were stored ones."""
        self._document = ("", "")
        """What the document is called, and all that it says."""

    def look(self) -> Session:
        """The session as it stands now. Raises NotFound."""
        before, self.session = self.session, self._desk.ask(SessionDetail(self.id))
        session = self.session
        if before is None or (before.status, before.rev) != (session.status, session.rev):
            still = not session.status.is_live
            try:
                self.choices = self._desk.ask(SessionChoices(self.id)) if still else None
            except NotFound:
                self.choices = None
            if still:
                self._told = None
        return session

    def tell(self, what: str, now: datetime) -> None:
        """The owner was told something; it shows until the session stands still, or something new happens."""
        self._told = (what, now)

    def unfold(self, name: str, text: str) -> None:
        """The newest document in full, for its line in the transcript."""
        self._document = (name, text)
        self._dirty = 0

    def read(self, now: datetime) -> bool:
        """Take in what happened since; whether there is more."""
        for _ in range(PAGES):
            after = self.transcript.since(now)
            events = self._desk.ask(SessionEvents(id=self.id, after=after, limit=PAGE))
            if not events:
                return False
            self.transcript, changed = take(self.transcript, events)
            self._dirty = min(self._dirty, changed)
            if any(event.type == "error" for event in events):
                # It says what became of it: an interrupt that could not be delivered is waited for no longer.
                self._told = None
            if len(events) < PAGE:
                return False
        return True

    def listen(self, now: datetime) -> None:
        """What is just being said. A preview gives way to its whole text, and goes if none comes."""
        if self.session is None or not self.session.status.is_live:
            self.previews = ()
            return
        told = dict(self._desk.ask(SessionPreview(self.id)))
        stored = self.transcript.ids
        for remote_id, text in self.previews:
            if remote_id in told:
                self._gone.pop(remote_id, None)
            elif now - self._gone.setdefault(remote_id, now) < LINGER:
                told = {remote_id: text, **told}
            else:
                del self._gone[remote_id]
        self.previews = tuple((remote_id, text) for remote_id, text in told.items() if text and remote_id not in stored)

    def blocks(self, now: datetime) -> tuple[tuple[Block, ...], int]:
        """All there is to read, and the index of the first block that may differ from the last time."""
        session, transcript = self.session, self.transcript
        if session is None:
            return (), 0
        found = transcript.blocks
        ends = tail(Now(session, now, transcript, self.previews, self.choices, self._told, self._key))
        if any(block.kind == "stand" for block in ends):
            # It says the same, with the reason.
            while found and found[-1].kind == "end" and found[-1].name == "session":
                found = found[:-1]
        name, text = self._document
        accepted = [index for index, block in enumerate(found) if block.kind == "document"] if text else []
        if accepted:
            last = accepted[-1]
            found = (*found[:last], replace(found[last], name=name, detail=text), *found[last + 1 :])
        asked = sorted(index for index in transcript.asked if index < len(found))
        if asked:
            waiting = list(found)
            for index in asked:
                waited = since(found[index].at, now)
                state = (f"{waited} …" if waited else "…") if session.status.is_live else "never answered"
                waiting[index] = replace(found[index], state=state)
            found = tuple(waiting)
        spoken = tuple(Block(remote_id, "text", text, open=True) for remote_id, text in self.previews)
        first = min([self._dirty, self._stored, len(found), *asked[:1]])
        self._dirty, self._stored = len(transcript.blocks), len(found)
        return (*found, *spoken, *ends), first

    @property
    def streams(self) -> bool:
        """Whether something may happen at any moment."""
        return self.session is not None and self.session.status.is_live
