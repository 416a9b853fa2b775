"""Ticket: its fields, body and timeline with line numbers, what belongs to it here, and at once a first look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from opstui.core.claims import Citation
from opstui.core.desk import (
    FirstLook,
    FirstLookView,
    JudgeSimilar,
    MarkSeen,
    SimilarTicket,
    SimilarTickets,
    TicketDetail,
    TicketView,
)
from opstui.core.drafts import Draft
from opstui.core.errors import NotFound, OpstuiError
from opstui.core.sessions import Session
from opstui.core.tickets import Ticket, TicketRef
from opstui.tui import ticket_beside, ticket_text
from opstui.tui.reading import Reader
from opstui.tui.screens.acting import ActsOnTickets
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.since import Since
from opstui.tui.terminal.links import first_link, own_host
from opstui.tui.widgets.lines import Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.textview import Para, TextView
from opstui.tui.words import called

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp


class TicketScreen(ActsOnTickets, DeskScreen):
    """One ticket."""

    LABEL = "Ticket"
    KIND = "ticket"
    HINTS = (
        "ticket.summary",
        "ticket.escalation",
        "ticket.acknowledge",
        "ticket.update",
        "ticket.more",
        "list.open",
        "app.waiting",
    )
    BINDINGS = screen_bindings("ticket")

    def __init__(self, ref: TicketRef) -> None:
        super().__init__()
        self.ref = ref
        self._view: TicketView | None = None
        self._look: FirstLookView | None = None
        self._similar: tuple[SimilarTicket, ...] | None = None
        self._was_seen = False
        self._kept: Mapping[str, Any] = {}
        self._since: Since | None = None
        """What the ticket was when the operator looked last, before this screen was opened."""
        self._reader = Reader(self, self._tick)
        self._asked = False
        """Its system was asked for it since it was opened."""

    def compose_body(self) -> ComposeResult:
        """One long text."""
        yield Rule(classes="top")
        yield TextView(id="text")

    def on_mount(self) -> None:
        """Show what is cached before the first paint; the first look comes from a thread."""
        self.text.opened = self.action_list_open
        self._show()
        self.call_after_refresh(self._stand)
        super().on_mount()

    @property
    def text(self) -> TextView:
        """The text."""
        return self.query_one("#text", TextView)

    def _stand(self) -> None:
        cursor, top = self._kept.get("cursor"), self._kept.get("top")
        if isinstance(cursor, int) and isinstance(top, int):
            self.text.go(cursor)
            self.text.top = max(0, min(top, cursor))
            self.text.keep_visible()
            self.text.refresh()
        self._kept = {}

    def _show(self) -> None:
        try:
            view = self.desk.ask(TicketDetail(self.ref))
        except NotFound:
            if self._view is None:
                self._show_nothing()
            return
        changed = self._view is None or view.ticket.version != self._view.ticket.version
        filled = self._view is not None and view.ticket.complete and not self._view.ticket.complete
        self._view = view
        if view.ticket.complete:
            if self._since is None:
                self._since = Since.of(view)
            self._since = self._since.with_fields(view)
            if changed or filled:
                self._mark_seen()
        self._read_if_needed(view)
        self._draw()
        if view.ticket.complete and (changed or filled or self._look is None):
            self.desk_app.ask_slowly(FirstLook(self.ref), self._looked, failed=lambda error: None)
            self._look_for_similar()

    def _mark_seen(self) -> None:
        if not self.facts.read_only and self.is_current:
            self.desk_app.do(MarkSeen(self.ref), failed=lambda error: None)

    def _show_nothing(self) -> None:
        """Not cached yet (opened by name): its system is asked, and what comes is shown."""
        if not self._asked:
            self._read()
        state = self._reader.state(self.ref)
        again = f"{self.desk_app.keymap.shown('list.refresh')} asks again"
        if state.error:
            self.text.show([Para(state.error, "warn"), Para(again, "dim")], stay=False)
        else:
            self.text.show([Para(f"{self.ref} is being fetched …{state.waited}", "dim")], stay=False)

    def _read_if_needed(self, view: TicketView) -> None:
        """Once as it is opened, so that what is read is so; and again when a list brought less than all of it."""
        elsewhere = not view.capabilities.native_filters
        if self._reader.wants(view) or (elsewhere and not self._asked):
            self._read()

    def _read(self, then: Callable[[], None] | None = None) -> None:
        """Read it from its system, in a thread; what is shown stays until it comes, and if it does not."""
        self._asked = True

        def done(ticket: Ticket) -> None:
            self._show()
            if then is not None:
                then()

        def failed(error: OpstuiError) -> None:
            self._draw()
            if self._view is not None and (then is not None or self._view.ticket.complete):
                self.desk_app.say(error.message, "bad" if then is not None else "warn")

        self._reader.read(self.ref, self._view.ticket.version if self._view is not None else "", done, failed)

    def _tick(self) -> None:
        # Only what says how long it has been is drawn again.
        if self.is_there and (self._view is None or not self._view.ticket.complete):
            self._draw()

    def _looked(self, look: FirstLookView) -> None:
        self._look = look
        if self.is_there:
            self._draw()

    def _look_for_similar(self) -> None:
        self.desk_app.ask_slowly(SimilarTickets(self.ref), self._found_similar, failed=lambda error: None)

    def _found_similar(self, tickets: tuple[SimilarTicket, ...]) -> None:
        self._similar = tickets
        if self.is_there:
            self._draw()

    def _draw(self) -> None:
        if self._view is None:
            self._show_nothing()
            return
        facts, now, me = self.facts, self.desk_app.now(), self.desk_app.me(self.ref.system)
        several = len(facts.systems) > 1
        beside = (
            ticket_beside.runbooks(self._look.hits if self._look is not None else None, now),
            ticket_beside.similar(
                self._similar,
                now,
                facts.timezone,
                self.desk_app.keymap.shown,
                me=facts.operator,
                with_system=several,
            ),
        )
        self.text.renew(
            ticket_text.whole(
                self._since.on(self._view) if self._since is not None else self._view,
                self._look,
                now,
                facts.timezone,
                me=me,
                reading=self._reader.state(self.ref),
                beside=beside,
            )
        )

    # --- changes ------------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """This ticket."""
        return ViewState(ticket=str(self.ref))

    def ask_again(self, state: ViewState) -> None:
        """The ticket, or what belongs to it, is another."""
        if self.is_there and state.stale & {Topic.TICKET, Topic.SESSIONS}:
            self._show()
        if self.is_there and Topic.SIMILAR in state.stale and self._similar is not None:
            self._look_for_similar()
        if self.is_there and Topic.KNOWLEDGE in state.stale and self._look is not None:
            self.desk_app.ask_slowly(FirstLook(self.ref), self._looked, failed=lambda error: None)

    def come_back(self) -> None:
        """Back in view. The first time is right after it was filled: ten megabytes are not read and drawn twice."""
        if self._was_seen:
            super().come_back()
        self._was_seen = True

    def minute_passed(self) -> None:
        """Ages."""
        self._draw()

    def on_unmount(self) -> None:
        """Nothing is waited for any more."""
        self._reader.stop()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def label(self) -> str:
        """With the key, so that two tickets are never taken for each other."""
        return f"Ticket {called(self.ref)}"

    def mover(self) -> Scroller | None:
        """The text."""
        return self.text

    def acting_on(self) -> tuple[TicketRef, bool] | None:
        """This ticket."""
        return self.ref, False

    def action_list_open(self) -> None:
        """``enter``: what the line stands for."""
        target = self.text.target()
        app = self.desk_app
        if isinstance(target, Session):
            app.open("session", id=target.id)
        elif isinstance(target, Draft):
            app.open("review", draft=target.id)
        elif isinstance(target, TicketRef):
            app.open("ticket", ref=str(target))
        elif isinstance(target, ticket_text.Page):
            cite = target.citation
            app.open("page", doc=cite.ref, line=cite.line_start, end=cite.line_end)
        elif isinstance(target, Citation):
            if not self.text.jump(f"{target.ref}:{target.line_start}"):
                open_source(app, target, self.ref)
        else:
            app.say("enter opens claims, runbooks, similar tickets, sessions and drafts; tab goes to the next", "dim")

    # --- similar tickets ----------------------------------------------------------------------------------------------

    def action_similar_same(self) -> None:
        """``=``: the ticket on this line is about the same."""
        self._judge(True)

    def action_similar_other(self) -> None:
        """``-``: it is not."""
        self._judge(False)

    def action_similar_undo(self) -> None:
        """``u``: take the answer back."""
        self._judge(None)

    def _judge(self, same: bool | None) -> None:
        app, target = self.desk_app, self.text.target()
        one = next((one for one in self._similar or () if one.ref == target), None)
        if one is None:
            where = f"{app.keymap.shown('list.next_pane')} goes to one" if self._similar else "there is none here"
            app.say(f"this line is no similar ticket; {where}", "dim")
        elif app.facts.read_only:
            app.say("read-only: no answer is kept", "warn")
        elif same is None and one.verdict is None:
            app.say(f"nobody has said anything to {called(one.ref)}", "dim")
        else:
            self.text.stand_on(ticket_beside.similar_mark(one))
            app.do(
                JudgeSimilar(ref=self.ref, other=one.ref, same=same),
                lambda _: self._look_for_similar(),
                saying="your answer",
            )

    def action_list_next_pane(self) -> None:
        """``tab``: to the next line that opens something."""
        self.text.next_target(1)

    def action_list_previous_pane(self) -> None:
        """``shift+tab``."""
        self.text.next_target(-1)

    def action_list_filter(self) -> None:
        """``/``: search in the text."""
        from opstui.tui.widgets.ask import Ask

        self.put_question(
            Ask("Search this ticket", self._found, value=self.text.search, typed=lambda text: self._find(text))
        )

    def _find(self, text: str) -> None:
        if text:
            self.text.find(text, here=True)

    def _found(self, text: str) -> None:
        if text and not self.text.find(text, here=True):
            self.desk_app.say(f"{text[:60]!r} is not here", "dim")

    def action_list_next_match(self) -> None:
        """``n``: the next match, or where nothing is searched the next entry that is new."""
        if self.text.search:
            self.text.find(self.text.search)
        elif not self._next_new(1):
            self.desk_app.say("nothing new since you looked; / searches", "dim")

    def action_list_previous_match(self) -> None:
        """``N``."""
        if self.text.search:
            self.text.find(self.text.search, -1)
        else:
            self._next_new(-1)

    def _next_new(self, by: int) -> bool:
        """To the next entry that came since the operator looked, around the end; whether there is one."""
        if self._view is None or self._since is None:
            return False
        new = self._since.on(self._view).changed_since_seen
        here = self.text.mark_here().partition(":")[0]
        at = new.index(here) + by if here in new else 0 if by > 0 else -1
        return bool(new) and self.text.jump(new[at % len(new)])

    def action_list_refresh(self) -> None:
        """``r``."""
        if self._reader.is_reading(self.ref):
            self.desk_app.say(f"{self.ref.system} is being asked …{self._reader.state(self.ref).waited}", "dim")
        else:
            self._read(lambda: self.desk_app.say(f"as {self.ref.system} has it now", "dim"))

    def action_list_copy(self) -> None:
        """``y``: the line."""
        text = self.text.here()
        if text:
            self.desk_app.copy(text, "line")

    def action_list_link(self) -> None:
        """``o``: the link under the cursor, else the ticket's own, else the first one it holds."""
        offer_link(self.desk_app, self.ref, self.text.here() or "")

    def kept(self) -> Mapping[str, Any]:
        """Ticket, cursor, scroll."""
        return (
            {"ref": str(self.ref), "cursor": self.text.cursor, "top": self.text.top}
            if self.is_there
            else {"ref": str(self.ref)}
        )

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        self._kept = dict(kept)


def offer_link(app: OpstuiApp, ref: TicketRef, line: str = "") -> None:
    """Show the true host of a link and ask; over ssh it is sent to the clipboard, since no browser is here.

    The link in ``line`` comes first, then the ticket's own, then the first one in its body and timeline.
    """
    link = first_link(line)
    if link is None:
        try:
            ticket = app.desk.ask(TicketDetail(ref)).ticket
        except NotFound:
            ticket = None
        own = str(ticket.url or "") if ticket is not None else ""
        texts = (ticket.body, *(entry.text for entry in ticket.timeline)) if ticket else ()
        found = (one for text in texts if (one := first_link(text)) is not None)
        link = own if own_host(own) is not None else next(found, None)
    host = own_host(link) if link is not None else None
    if link is None or host is None:
        app.say(f"{called(ref)} has no https link", "dim")
    elif app.terminal.ssh:
        app.ask(f"Copy the link to {host}?", lambda: app.copy(link, "link"))
    else:
        app.ask(f"Open {host} in the browser?", lambda: app.open_url(link))


def open_source(app: OpstuiApp, citation: Citation, ticket: TicketRef) -> None:
    """The lines that a citation points at, over the screen."""
    from opstui.tui.screens.source import SourceScreen

    app.push_screen(SourceScreen(citation, ticket))
