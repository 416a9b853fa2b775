"""The same desk, line by line: for screen readers, dumb terminals and pipes.

One command a line, answers in whole sentences or short lists, nothing ever redrawn, no colour, no escape sequence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TextIO

from opstui.core.approval import key_suffix, prompt_letters
from opstui.core.desk import (
    ApproveDraft,
    Confirm,
    Confirmation,
    Desk,
    DeskFacts,
    DiscardDraft,
    DraftReview,
    Drafts,
    Draw,
    EditDraft,
    FirstLook,
    NewDraft,
    PushOf,
    Queues,
    RefreshTicket,
    RefreshTickets,
    StatusLine,
    TicketDetail,
    TicketsWindow,
    TicketView,
)  # fmt: skip
from opstui.core.drafts import DraftChanges, DraftState
from opstui.core.errors import FilterError, NotFound, OpstuiError, UsageError
from opstui.core.money import cents
from opstui.core.queues import Health, View
from opstui.core.sessions import Session
from opstui.core.text import clean, clean_line
from opstui.core.tickets import TicketRef
from opstui.plain.sessions import SessionTalk
from opstui.plain.words import HELP, arrival, clock, confirm_lines, review_lines, ticket_lines

PAGE = 15
PUSH_WAIT = 90.0
LOOK = 0.2


def run_plain(desk: Desk, stdin: TextIO, stdout: TextIO) -> int:
    """Talk until ``quit`` or the end of the input; the exit code. What fails says why, and the talk goes on."""
    return Dialogue(desk, stdin, stdout).run()


class Dialogue:
    """Where the talk stands: the open ticket, its draft, the last list."""

    def __init__(
        self,
        desk: Desk,
        stdin: TextIO,
        stdout: TextIO,
        *,
        draw: Callable[[str], str] | None = None,
        seconds: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._desk = desk
        self._draw = draw or (lambda letters: desk.ask(Draw(letters)))
        self._seconds = seconds
        self._pause = pause
        self._in = stdin
        self._out = stdout
        self._ticket: TicketRef | None = None
        self._draft: str | None = None
        self._view: View | None = None
        self._first = 0
        self._listed: tuple[TicketRef, ...] = ()
        self._sessions = SessionTalk(desk, self._say, seconds=seconds, pause=pause)
        self._commands: Mapping[str, Callable[[str], None]] = {
            "help": lambda rest: self._say(HELP),
            "?": lambda rest: self._say(HELP),
            "queue": self._queue,
            "queues": self._queue,
            "more": self._more,
            "find": self._find,
            "ticket": self._open,
            "look": self._look,
            "summary": lambda rest: self._run("incident-summary", rest),
            "escalation": lambda rest: self._run("escalation-package", rest),
            "sessions": lambda rest: self._sessions.listed(self._ticket),
            "session": self._sessions.told,
            "follow": lambda rest: self._came(self._sessions.followed(rest)),
            "message": lambda rest: self._came(self._sessions.message(rest)),
            "interrupt": lambda rest: self._came(self._sessions.interrupt()),
            "raise": lambda rest: self._came(self._sessions.raise_budget(rest)),
            "fallback": lambda rest: self._came(self._sessions.fall_back()),
            "resume": lambda rest: self._came(self._sessions.resume()),
            "draft": self._read_draft,
            "comment": self._comment,
            "set": self._set,
            "theirs": lambda rest: self._settle(DraftChanges(theirs=(rest,))),
            "mine": lambda rest: self._settle(DraftChanges(mine=(rest,))),
            "override": self._override,
            "discard": self._discard,
            "confirm": self._confirm,
            "status": self._status,
        }

    def run(self) -> int:
        """The loop."""
        facts = self._desk.ask(DeskFacts())
        kind = "Demo. " if facts.demo else "Read-only. " if facts.read_only else ""
        if facts.rehearsal:
            kind += "Runtimes with a model are a rehearsal on this machine, without a model. "
        self._say(f"opstui, {kind}operator {facts.operator}. Type help for the commands, quit to leave.")
        if facts.notice:
            self._say(facts.notice)
        try:
            self._refresh()
            self._queue("")
            while True:
                line = self._ask("> ")
                if line is None or line.strip().lower() in ("quit", "exit", "q"):
                    self._say("Bye.")
                    return 0
                self._carry_out(line.strip())
        except BrokenPipeError:
            return 0

    def _carry_out(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not word:
            return
        command = self._commands.get(word.lower())
        try:
            if command is not None:
                command(rest.strip())
            elif word.isdigit() or ":" in word:
                self._open(line)
            else:
                self._say(f"There is no command {clean_line(word, limit=40)}. Type help for the commands.")
        except FilterError as error:
            self._say(f"{error}\n{error.pointer()}")
        except OpstuiError as error:
            self._say(f"Not done: {error}")

    # --- reading

    def _refresh(self) -> None:
        error = self._desk.do(RefreshTickets(older_than_poll=True)).error
        if error is not None:
            self._say(f"Not all is fresh: {error}")

    def _queue(self, rest: str) -> None:
        self._refresh()
        states = self._desk.ask(Queues())
        if rest:
            names = {state.name.lower(): state.name for state in states}
            if rest.lower() not in names:
                raise NotFound(
                    f"there is no queue {clean_line(rest, limit=60)}; there are: {', '.join(names.values())}"
                )
            name = names[rest.lower()]
            self._list(View(name=name, queue=name))
            return
        for state in states:
            asked = f", asked {clock(state.fetched_at)}" if state.fetched_at and state.state is not Health.LIVE else ""
            error = f", {state.error}" if state.error else ""
            self._say(f"Queue {state.name}: {state.open} open, {state.state.value}{asked}{error}")

    def _find(self, rest: str) -> None:
        self._refresh()
        self._list(View(name="find", filter=rest))

    def _list(self, view: View) -> None:
        self._view, self._first, self._listed = view, 0, ()
        self._more("")

    def _more(self, rest: str) -> None:
        if self._view is None:
            raise UsageError("there is no list yet: type queue and a name, or find and a filter")
        window = self._desk.ask(TicketsWindow(view=self._view, first=self._first, count=PAGE))
        for at, row in enumerate(window.rows, start=self._first + 1):
            found = row.ticket
            owner = f", {', '.join(found.assignees)}" if found.assignees else ""
            waits = ", waits for you" if row.needs_you else ""
            self._say(
                f"{at}. severity {found.severity or 'none'}, {found.ref}, {found.title}, "
                f"{found.status.raw}{owner}{waits}"
            )
        self._listed += tuple(row.ticket.ref for row in window.rows)
        self._first += len(window.rows)
        left = window.total - self._first
        self._say(f"{left} more: type more." if left > 0 else f"{window.total} in all.")

    def _open(self, rest: str) -> None:
        if rest.isdigit() and len(rest) < 9:
            if not 1 <= int(rest) <= len(self._listed):
                raise NotFound(f"the last list has no line {rest}")
            ref = self._listed[int(rest) - 1]
        else:
            ref = TicketRef.parse(rest)
        self._refresh()
        view = self._whole(ref)
        self._ticket = view.ticket.ref
        self._draft = next((draft.id for draft in view.drafts if draft.state.is_open), None)
        for line in ticket_lines(view.ticket):
            self._say(line)
        rest = "" if view.ticket.complete else " Only what its queue tells is known: the timeline is not."
        self._say(f"This is {view.state}.{rest}")
        for session in view.sessions:
            if session.status.is_live:
                self._say(f"A session works on it, {session.workflow} on {session.runtime}: type follow {session.id}.")
        if self._draft:
            self._say("It has a draft: type draft.")

    def _whole(self, ref: TicketRef) -> TicketView:
        """The ticket with its timeline, or what is known of it while its system does not answer. Raises NotFound."""
        try:
            view = self._desk.ask(TicketDetail(ref))
        except NotFound:
            # Some systems also know a ticket by another name than the one they show.
            return self._desk.ask(TicketDetail(self._desk.do(RefreshTicket(ref)).unwrap().ref))
        if view.ticket.complete:
            return view
        error = self._desk.do(RefreshTicket(ref)).error
        if error is not None:
            self._say(f"Not all is fresh: {error}")
        return self._desk.ask(TicketDetail(ref))

    def _look(self, rest: str) -> None:
        found = self._desk.ask(FirstLook(self._opened()))
        for claim in found.claims:
            where = ", ".join(citation.ref for citation in claim.citations)
            self._say(f"{claim.text} [{where or 'no source'}]")
        for hit in found.hits:
            self._say(
                f"Runbook {hit.title}, {hit.doc}, lines {hit.line_start} to {hit.line_end}, {hit.strength.value}."
            )

    def _status(self, rest: str) -> None:
        status = self._desk.ask(StatusLine())
        limit = f" of {cents(status.limit)}" if status.limit is not None else ""
        self._say(
            f"{status.shift.name} shift until {clock(status.shift.end)}. {status.running} sessions run, "
            f"{status.waiting} things wait for you. About {cents(status.estimate)}{limit} dollars. "
            f"Queues: {status.health}."
        )
        for problem in (status.worker, status.store):
            if problem:
                self._say(problem)

    # --- sessions

    def _run(self, workflow: str, runtime: str) -> None:
        self._came(self._sessions.run(self._opened(), workflow, runtime))

    def _came(self, session: Session) -> None:
        """What the session wrote is the draft that is spoken of from now on."""
        if session.draft and session.ticket == self._ticket:
            self._draft = session.draft

    # --- drafts

    def _read_draft(self, rest: str) -> None:
        if rest:
            self._draft = rest
        review = self._desk.ask(DraftReview(self._drafted()))
        found = review.draft
        self._ticket = found.ticket
        for line in review_lines(review):
            self._say(line)
        self._say("Type comment or set to change it, confirm to send it.")

    def _comment(self, rest: str) -> None:
        self._opened()
        self._say("Write the comment; a line with a single dot ends it, end of input leaves it as it was.")
        lines: list[str] = []
        while (line := self._ask("")) is not None:
            if line == ".":
                self._change(DraftChanges(comment=str(clean("\n".join(lines)))))
                return
            lines.append(line)
        self._say("Nothing was changed.")

    def _set(self, rest: str) -> None:
        path, _, value = rest.partition(" ")
        if not path.startswith("/"):
            raise UsageError("write it like: set /status waiting")
        self._change(DraftChanges(set={path: value.strip()}))

    def _settle(self, changes: DraftChanges) -> None:
        self._desk.do(EditDraft(id=self._drafted(), rev=None, changes=changes)).unwrap()
        self._say("Kept in the draft.")

    def _override(self, rest: str) -> None:
        check, _, reason = rest.partition(" ")
        if not reason.strip():
            raise UsageError("write it like: override M2 wrong_fact")
        self._settle(DraftChanges(overrides={check: reason.strip()}))

    def _change(self, changes: DraftChanges) -> None:
        ref = self._opened()
        if self._draft is None:
            self._draft = self._desk.do(NewDraft(ticket=ref, changes=changes)).unwrap().id
        else:
            self._desk.do(EditDraft(id=self._draft, rev=None, changes=changes)).unwrap()
        self._say("Kept in the draft.")

    def _discard(self, rest: str) -> None:
        self._desk.do(DiscardDraft(self._drafted())).unwrap()
        self._draft = None
        self._say("The draft is put away.")

    def _confirm(self, rest: str) -> None:
        draft = self._drafted()
        shown = self._desk.ask(Confirm(draft))
        for line in confirm_lines(shown):
            self._say(line)
        wanted = self._to_type(shown)
        answer = self._ask(f"type  {' '.join(wanted)}  to push, anything else goes back: ")
        if answer is None or answer.replace(" ", "").lower() != wanted.lower():
            self._say("Not pushed.")
            return
        self._desk.do(ApproveDraft(id=draft, fingerprint=shown.fingerprint)).unwrap()
        self._say("Approved. Sending.")
        self._desk.live()
        self._say(self._sent(draft))

    def _sent(self, draft: str) -> str:
        deadline = self._seconds() + PUSH_WAIT
        while True:
            state = self._desk.ask(DraftReview(draft)).draft
            if state.state is DraftState.PUSHED:
                self._draft = None
                return arrival(self._desk.ask(PushOf(draft)))
            if state.state not in (DraftState.APPROVED, DraftState.PUSHING):
                return f"Not pushed: {state.note or state.state.value}."
            if self._seconds() > deadline:
                push = self._desk.ask(PushOf(draft))
                why = push.error if push and push.error else "it is still being sent"
                return f"Not yet known: {why}. Type draft later."
            self._pause(LOOK)

    def _to_type(self, shown: Confirmation) -> str:
        """Two letters that nobody knew before; the key's end for what must not be pushed by habit."""
        if shown.needs_key_suffix:
            return key_suffix(shown.ticket)
        return prompt_letters(self._draw)

    # --- words

    def _opened(self) -> TicketRef:
        if self._ticket is None:
            raise UsageError("no ticket is open: type ticket and its ref")
        return self._ticket

    def _drafted(self) -> str:
        if self._draft is None and self._ticket is not None:
            found = self._desk.ask(Drafts(ticket=self._ticket))
            self._draft = next((draft.id for draft in found if draft.state.is_open), None)
        if self._draft is None:
            raise NotFound("there is no draft: type summary, escalation or comment first")
        return self._draft

    def _say(self, text: str) -> None:
        self._out.write(str(clean(text)) + "\n")
        self._out.flush()

    def _ask(self, prompt: str) -> str | None:
        """The next line; None at the end of the input."""
        self._out.write(prompt)
        self._out.flush()
        line = self._in.readline(100_000)
        return None if not line else str(clean(line.rstrip("\r\n")))
