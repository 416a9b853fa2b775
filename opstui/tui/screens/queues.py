"""Queues: the home screen. Views, the ticket table, and a preview of the ticket under the cursor."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from opstui.core.desk import RefreshTickets
from opstui.core.errors import FilterError, OpstuiError
from opstui.core.queues import SortBy, View
from opstui.core.tickets import TicketRef
from opstui.tui.screens.acting import ActsOnTickets
from opstui.tui.screens.base import Topic, ViewState, screen_bindings
from opstui.tui.screens.queues_preview import Previews
from opstui.tui.widgets.lines import OneLine, Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.table import TicketTable
from opstui.tui.widgets.tabs import SORTS, QueueList, Tabs
from opstui.tui.widgets.textview import TextView

QUIET = 2.0
"""Seconds after the last key in which nothing is re-sorted under the cursor."""


class QueuesScreen(ActsOnTickets, Previews):
    """Home."""

    LABEL = "Queues"
    KIND = "queues"
    HINTS = (
        "ticket.summary",
        "ticket.escalation",
        "ticket.acknowledge",
        "ticket.update",
        "ticket.more",
        "list.open",
        "list.filter",
        "app.waiting",
    )
    BINDINGS = screen_bindings("queues")

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0
        self._search = ""
        self._sort = SortBy.URGENCY
        self._at: TicketRef | None = None
        self._late: Timer | None = None
        self._late_changed: frozenset[str] = frozenset()
        self._pane = "table"
        self._filled = False
        self._accounts: Mapping[str, str] = {}

    def compose_body(self) -> ComposeResult:
        """Views, table, preview, with the rows in them."""
        facts = self.facts
        yield Rule(classes="top")
        if facts.notice or not facts.configured:
            yield OneLine(id="notice")
        yield Tabs(id="tabs")
        yield OneLine(id="trouble")
        with Horizontal(id="panes"):
            yield QueueList(id="queues")
            with Horizontal(id="main"):
                with Vertical(id="list"):
                    yield TicketTable(
                        self.desk,
                        self.desk_app.now,
                        self.desk_app.me,
                        with_system=len(facts.systems) > 1,
                        id="table",
                    )
                yield Rule(id="between")
                yield TextView(id="preview", cursor=False)

    def on_mount(self) -> None:
        """Fill the table before the first paint."""
        table = self.table
        table.moved = self._moved
        table.opened = self.action_list_open
        self.queue_list.opened = self.action_list_open
        preview = self.preview
        preview.active = False
        self._ask_queues()
        self._show_view()
        if self.facts.notice or not self.facts.configured:
            palette = self.desk_app.look.palette
            text = (
                self.facts.notice
                or "nothing is configured yet: opstui demo shows it at work, opstui config init begins a config"
            )
            self.query_one("#notice", OneLine).show([(" ", palette.dim), (text, palette.accent)])
        super().on_mount()

    def come_back(self) -> None:
        """Back in view. The first time is right after it was filled: nothing is asked twice before it is seen."""
        if self._filled:
            super().come_back()
        self._filled = True

    @property
    def queue_list(self) -> QueueList:
        """The views as a pane."""
        return self.query_one("#queues", QueueList)

    @property
    def view(self) -> View:
        """The view whose tickets are shown."""
        views = self.facts.views
        return views[min(self._shown, len(views) - 1)] if views else View("All")

    # --- showing ------------------------------------------------------------------------------------------------------

    def _show_view(self, *, at: TicketRef | None = None) -> bool:
        try:
            self.table.show(self.view, self._search, self._sort, at or self._at)
        except FilterError as error:
            self._wrong(error)
            return False
        except OpstuiError as error:
            self.desk_app.say(error.message, "bad")
            return False
        self._at = None
        self._show_tabs()
        return True

    def _wrong(self, error: FilterError) -> None:
        for box in self.query("FilterBox"):
            box.wrong(error)  # type: ignore[attr-defined]
            return
        self.desk_app.say(error.message, "bad")

    def _show_tabs(self) -> None:
        table = self.table
        notes = [SORTS[self._sort]]
        if self._search:
            notes = [f"/{self._search}", f"{table.total()} found"]
        if table.marks:
            notes.append(f"{len(table.marks)} marked")
        above = sum(at < table.top for at in table.news.values())
        below = len(table.news) - above
        more = "+" if table.more_news else ""
        if above:
            notes.append(f"{above}{more} new ↑")
        if below:
            notes.append(f"{below}{more} new ↓")
        now = self.desk_app.now()
        self.query_one("#tabs", Tabs).tell(
            self.facts.views, self._states, self._shown, " · ".join(notes), now, alone=self.queue_list.display
        )
        self.queue_list.tell(self.facts.views, self._states, self._shown, now)
        self._show_trouble(now)

    def on_resize(self) -> None:
        """Other panes may be there now."""
        super().on_resize()
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._show_tabs()
        if self._pane == "queues" and not self.queue_list.display:
            self._to_pane("table")
        self._preview_now()

    # --- changes ------------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """The ticket under the cursor."""
        ref = self.table.current_ref()
        return ViewState(ticket=str(ref) if ref is not None else None)

    def ask_again(self, state: ViewState) -> None:
        """Rows in place at once; their order only when nobody is typing."""
        if not self.is_there:
            return
        if Topic.QUEUES in state.stale:
            self._ask_queues()
        if self._accounts != self.desk_app.status.accounts:
            # Whose tickets are "yours" is known once their system has answered.
            self._accounts = self.desk_app.status.accounts
            self.table.refresh()
        if Topic.TABLE in state.stale:
            quiet = time.monotonic() - self.desk_app.last_key
            self._late_changed |= state.changed
            if state.reordered and quiet >= QUIET:
                self._reload()
            else:
                self.table.update_rows(state.changed) if state.changed else self._update_visible()
                if state.reordered and self._late is None:
                    self._late = self.set_timer(max(0.05, QUIET - quiet), self._reload_when_quiet)
        if Topic.TICKET in state.stale or Topic.SESSIONS in state.stale:
            self._preview_now()
        self._show_tabs()

    def _update_visible(self) -> None:
        table = self.table
        shown = [table.row(at) for at in range(table.top, table.top + table.rows)]
        table.update_rows(frozenset(str(row.ticket.ref) for row in shown if row is not None))

    def _reload_when_quiet(self) -> None:
        self._late = None
        quiet = time.monotonic() - self.desk_app.last_key
        if quiet < QUIET:
            self._late = self.set_timer(QUIET - quiet, self._reload_when_quiet)
        else:
            self._reload()

    def _reload(self) -> None:
        changed, self._late_changed = self._late_changed, frozenset()
        try:
            self.table.reload(changed)
        except OpstuiError as error:
            self.desk_app.say(error.message, "bad")
        self._show_tabs()

    def minute_passed(self) -> None:
        """Ages; and what became stale in silence."""
        self._ask_queues()
        self.table.minute_passed()
        self._preview_now()
        self._show_tabs()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def mover(self) -> Scroller | None:
        """The pane that has the keys."""
        return {"queues": self.queue_list, "table": self.table, "preview": self.preview}[self._pane]

    def acting_on(self) -> tuple[TicketRef, bool] | None:
        """The ticket under the cursor."""
        ref = self.table.current_ref()
        return None if ref is None else (ref, self.table.is_gone())

    def marked(self) -> tuple[TicketRef, ...]:
        """The marked tickets."""
        return tuple(sorted(self.table.marks, key=str))

    def unmark(self) -> None:
        """No ticket is marked any more."""
        self.table.marks.clear()
        self.table.refresh()
        self._show_tabs()

    def action_list_open(self) -> None:
        """``enter``: the view, or the ticket."""
        if self._pane == "queues":
            self.action_list_view(self.queue_list.cursor + 1)
            self._to_pane("table")
            return
        ref = self.table.current_ref()
        if ref is not None:
            self.desk_app.open("ticket", ref=str(ref))

    def action_list_view(self, number: int) -> None:
        """``1`` to ``9``."""
        if 1 <= number <= len(self.facts.views):
            self._shown = number - 1
            self._search = ""
            self._close_filter()
            self.table.cursor = self.table.top = 0
            self._show_view()

    def _panes(self) -> list[str]:
        return [
            *(["queues"] if self.queue_list.display else []),
            "table",
            *(["preview"] if self.preview.display else []),
        ]

    def _to_pane(self, pane: str) -> None:
        self._pane = pane
        self.queue_list.set_active(pane == "queues")
        self.table.set_active(pane == "table")
        self.preview.set_active(pane == "preview")
        self.queue_list.refresh()

    def action_list_next_pane(self) -> None:
        """``tab``."""
        panes = self._panes()
        self._to_pane(panes[(panes.index(self._pane) + 1) % len(panes)])

    def action_list_previous_pane(self) -> None:
        """``shift+tab``."""
        panes = self._panes()
        self._to_pane(panes[(panes.index(self._pane) - 1) % len(panes)])

    def action_list_sort(self) -> None:
        """``,``: the next order."""
        orders = list(SORTS)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self._show_view()

    def action_list_mark(self) -> None:
        """``space``."""
        self.table.toggle_mark()
        self._show_tabs()

    def action_list_mark_all(self) -> None:
        """``V``."""
        self.table.mark_all()
        self._show_tabs()

    def action_list_refresh(self) -> None:
        """``r``."""
        self.desk_app.do(
            RefreshTickets(),
            lambda count: self.desk_app.say(f"asked: {count or 'nothing'} changed", "dim"),
            saying="asking the ticket systems",
        )

    def action_list_copy(self) -> None:
        """``y``: the marked refs, or the one under the cursor."""
        refs = sorted(map(str, self.table.marks)) or [str(ref) for ref in [self.table.current_ref()] if ref is not None]
        if refs:
            self.desk_app.copy("\n".join(refs), refs[0] if len(refs) == 1 else f"{len(refs)} refs")

    def action_list_link(self) -> None:
        """``o``."""
        from opstui.tui.screens.ticket import offer_link

        ref = self.table.current_ref()
        if ref is not None:
            offer_link(self.desk_app, ref)

    # --- filter -------------------------------------------------------------------------------------------------------

    def action_list_filter(self) -> None:
        """``/``."""
        from opstui.tui.widgets.searchbox import FilterBox

        if not self.query("FilterBox"):
            self.mount(FilterBox(self._search, self._filtered, self._filter_done), before="#panes")

    def _filtered(self, text: str) -> None:
        before, self._search = self._search, text
        if self._show_view():
            for box in self.query("FilterBox"):
                box.right()  # type: ignore[attr-defined]
        else:
            self._search = before

    def _filter_done(self, text: str) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        for box in self.query("FilterBox"):
            box.remove()
        self.set_focus(None)

    def go_back(self) -> None:
        """``escape``: the question, the filter's field, the filter, the marks, in this order."""
        if self.drop_question():
            return
        if self.query("FilterBox") or self._search:
            self._close_filter()
            self._search = ""
            self._show_view()
        elif self.table.marks:
            self.unmark()
        elif self._pane != "table":
            self._to_pane("table")

    # --- kept ---------------------------------------------------------------------------------------------------------

    def kept(self) -> Mapping[str, Any]:
        """View, filter, order, ticket, scroll."""
        if not self.is_there:
            return {}
        ref = self.table.current_ref()
        return {
            "view": self.view.name,
            "search": self._search,
            "sort": self._sort.value,
            "at": str(ref) if ref is not None else "",
            "top": self.table.top,
        }

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        self._kept_view = kept.get("view")
        search, sort, at = kept.get("search"), kept.get("sort"), kept.get("at")
        self._search = search if isinstance(search, str) else ""
        if isinstance(sort, str) and sort in [order.value for order in SortBy]:
            self._sort = SortBy(sort)
        if isinstance(at, str) and at:
            try:
                self._at = TicketRef.parse(at)
            except OpstuiError:
                self._at = None
