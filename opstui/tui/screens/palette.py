"""The palette: every screen by its name, every command that works here, the ticket's workflows and drafts, tickets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.screen import Screen

from opstui.core.boards import shift_ref
from opstui.core.desk import Drafts, SortedTickets, TicketDetail, TicketsWindow, TicketView, WaitingForYou
from opstui.core.drafts import DraftState
from opstui.core.errors import NotFound, OpstuiError, UsageError
from opstui.core.frozen import dataclass
from opstui.core.queues import View
from opstui.core.tickets import TicketRef
from opstui.tui import themes
from opstui.tui.finding import best
from opstui.tui.lines import Line, Row, between, fit, line
from opstui.tui.live_keys import live_keys
from opstui.tui.push_words import STATE_WORDS
from opstui.tui.screens import registry
from opstui.tui.screens.base import DeskScreen
from opstui.tui.screens.find import FindScreen
from opstui.tui.words import called, shape
from opstui.tui.workflow_choices import called_on, in_order, why_unable

TICKETS = 8
"""Tickets offered for what was typed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be chosen."""

    key: str
    text: str
    note: str
    run: Callable[[], None]


class PaletteScreen(FindScreen):
    """Type part of a name; ``enter`` does the first."""

    LABEL = "Palette"
    KIND = "palette"
    PLACEHOLDER = "a screen, a command, a ticket"

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._shown: dict[str, Entry] = {}

    @property
    def _below(self) -> Screen[Any]:
        stack = self.app.screen_stack
        return stack[stack.index(self) - 1]

    def begin(self) -> None:
        """What can be chosen, whatever is typed."""
        below = self._below
        ref = ticket_of(below)
        self.entries = [
            *self._screens(below),
            *self._papers(),
            *self._on_ticket(ref),
            *self._workflows(below, ref),
            *self._commands(below),
            *self._themes(),
        ]

    def _screens(self, below: Screen[Any]) -> list[Entry]:
        return [Entry(f"screen:{kind}", name, "screen", partial(self._go, kind)) for kind, name in registry.PLACES]

    def _papers(self) -> list[Entry]:
        """Proposals for pages and handovers that wait for a person."""
        return [
            Entry(
                f"paper:{item.subject}",
                item.text[:1].upper() + item.text[1:],
                f"from {called(item.ticket)}",
                partial(self._go, item.kind, id=item.subject),
            )
            for item in self.desk.ask(WaitingForYou())
            if item.kind in ("proposal", "handover")
        ]

    def _on_ticket(self, ref: TicketRef | None) -> list[Entry]:
        if ref is None:
            return []
        entries: list[Entry] = []
        open_states = tuple(state for state in DraftState if state.is_open)
        for draft in self.desk.ask(Drafts(ticket=ref, states=open_states)):
            if draft.state in open_states:
                name = (
                    f"Review {called(ref)}" if not entries else f"Review {called(ref)}, {draft.workflow or 'your own'}"
                )
                entries.append(
                    Entry(
                        f"draft:{draft.id}",
                        name,
                        STATE_WORDS[draft.state],
                        partial(self._go, "review", draft=draft.id),
                    )
                )
        entries.append(
            Entry("ticket:here", f"Ticket {called(ref)}", "screen", partial(self._go, "ticket", ref=str(ref)))
        )
        return entries

    def _workflows(self, below: Screen[Any], ref: TicketRef | None) -> list[Entry]:
        """What can be started on the ticket here, and on the shift wherever one stands."""
        if self.facts.read_only or not isinstance(below, DeskScreen):
            return []
        view: TicketView | None = None
        if ref is not None:
            try:
                view = self.desk.ask(TicketDetail(ref))
            except NotFound:
                ref = None
        entries = []
        for flow in in_order(self.facts.workflows):
            if why_unable(self.facts, flow, view):
                continue
            about = ref or shift_ref(self.desk_app.status.shift.id)
            note = "workflow" if flow.evaluated else "workflow, not evaluated"
            run = partial(self._start, below, about, flow.id)
            entries.append(Entry(f"workflow:{flow.id}", called_on(flow, about), note, run))
        return entries

    def _commands(self, below: Screen[Any]) -> list[Entry]:
        entries: list[Entry] = []
        for live in live_keys(below, self.desk_app.keymap):
            if live.group == "while editing text" or live.id in ("app.palette", "list.open"):
                continue
            text = live.text[:1].upper() + live.text[1:]
            entries.append(Entry(f"key:{live.id}", text, live.keys, partial(self._run, live.action, live.node)))
        return entries

    def _themes(self) -> list[Entry]:
        app = self.desk_app
        names = themes.names(app.themes_folder)
        return [
            Entry(f"theme:{name}", f"Theme {name}", "theme", partial(self._wear, name))
            for name in names
            if app.terminal.colours
        ]

    def _tickets(self) -> list[Entry]:
        typed = self.typed.strip()
        if len(typed) < 2:
            return []
        refs = [TicketRef(system, key) for system, key in _keys(typed, self.facts.systems)]
        found = list(self.desk.ask(SortedTickets(refs=tuple(refs))))
        try:
            window = self.desk.ask(TicketsWindow(view=View("everything"), search=typed, count=TICKETS))
            found += [row for row in window.rows if row not in found]
        except OpstuiError:
            pass  # what is typed need not be a filter
        shown = [
            Entry(
                f"ref:{row.ticket.ref}",
                f"{called(row.ticket.ref)}  {row.ticket.title}",
                f"{shape(row.ticket.severity)} ticket",
                partial(self._go, "ticket", ref=str(row.ticket.ref)),
            )
            for row in found
        ]
        return [*shown, *self._elsewhere(typed, {row.ticket.ref for row in found})]

    def _elsewhere(self, typed: str, known: set[TicketRef]) -> list[Entry]:
        """Tickets that are not here, but may be where they come from: a ref as typed, a bare key on each system."""
        system, colon, key = typed.partition(":")
        if " " in typed or (not colon and not any(char.isdigit() for char in typed)):
            return []
        can = self.facts.capabilities
        names = [system] if colon else [name for name in self.facts.systems if not can[name].native_filters]
        entries = []
        for name in names:
            try:
                ref = TicketRef.parse(f"{name}:{key if colon else typed}")
            except UsageError:
                continue
            if name in self.facts.systems and not any(one.system == name and one.key == ref.key for one in known):
                entries.append(
                    Entry(f"ref:{ref}", f"Open {ref}", f"asks {name}", partial(self._go, "ticket", ref=str(ref)))
                )
        return entries[:TICKETS]

    def head(self, width: int) -> list[Line]:
        """What it offers."""
        found = line((f"{len(self._shown)} found ", "dim")) if self.typed.strip() else ()
        return [between(line(" ", ("PALETTE", "strong")), found, width)]

    def rows(self, width: int) -> list[Row]:
        """Best first."""
        found = best(self.typed, [(entry.text, entry) for entry in self.entries])
        found += [entry for entry in self._tickets() if entry not in found]
        typed = self.typed.strip()
        if len(typed) > 2:
            search = partial(self._go, "knowledge", query=typed)
            found.append(Entry("search", f"Search the runbooks: {typed}", "Knowledge", search))
        self._shown = {entry.key: entry for entry in found}
        rows = [
            Row(entry.key, (between(line("   ", entry.text), line((entry.note + " ", "dim")), width),))
            for entry in self._shown.values()
        ]
        return rows or [Row("none", (fit(line("   ", ("nothing has that name", "dim")), width),), stops=False)]

    def draw(self) -> None:
        """The list first: the heading counts it."""
        if self._there:
            self.row_list.show(self.rows)
        super().draw()

    def open_row(self, key: str) -> None:
        """Do it."""
        entry = self._shown.get(key)
        if entry is not None:
            entry.run()

    # --- doing --------------------------------------------------------------------------------------------------------

    def _go(self, kind: str, **arguments: str) -> None:
        app, below = self.desk_app, self._below
        if kind == "queues":
            while len(app.screen_stack) > 1:
                app.pop_screen()
        elif isinstance(below, DeskScreen) and kind == below.KIND and not arguments:
            app.pop_screen()
        else:
            app.switch_screen(registry.screen(kind, arguments))

    def _start(self, below: DeskScreen, ref: TicketRef, workflow: str) -> None:
        from opstui.tui.screens.starting import start

        self.desk_app.pop_screen()
        start(below, ref, workflow)

    def _run(self, action: str, node: Any) -> None:
        app = self.desk_app
        app.pop_screen()

        async def run() -> None:
            await app.run_action(action, node)

        app.call_later(run)

    def _wear(self, name: str) -> None:
        app = self.desk_app
        app.pop_screen()
        app.wear(name)


def _keys(typed: str, systems: tuple[str, ...]) -> list[tuple[str, str]]:
    """System and key that ``typed`` may name: ``rt:12``, or a key alone in every system, as typed and in capitals."""
    if " " in typed:
        return []
    system, colon, key = typed.partition(":")
    key = key if colon else typed
    names = [system] if colon else list(systems)
    return [(name, word) for name in names if name in systems for word in dict.fromkeys((key, key.upper())) if word]


def ticket_of(screen: Screen[Any]) -> TicketRef | None:
    """The ticket that a screen is about, or that stands under its cursor."""
    if not isinstance(screen, DeskScreen):
        return None
    ref = screen.view_state().ticket
    return TicketRef.parse(ref) if ref else None
