"""Source: what a citation points at, with its lines lit."""

from __future__ import annotations

from textual.app import ComposeResult

from opstui.core.claims import Citation
from opstui.core.desk import Source, SourceView
from opstui.core.errors import OpstuiError
from opstui.core.tickets import TicketRef
from opstui.tui.screens.base import DeskScreen, screen_bindings
from opstui.tui.widgets.lines import Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.textview import Para, TextView


def source_paras(source: SourceView) -> list[Para]:
    """Title, where it is from, and numbered lines; the cited ones are lit."""
    width = max(2, len(str(len(source.lines))))
    return [
        Para(source.title, "strong", lead=((f"{source.ref}  ", "accent"),)),
        Para(source.note, "dim"),
        Para(),
        *(
            Para(
                text,
                "strong" if source.line_start <= number <= source.line_end else "text",
                lead=(
                    (
                        f"{number:>{width + 1}}  ",
                        "accent" if source.line_start <= number <= source.line_end else "faint",
                    ),
                ),
                indent=width + 3,
                mark=f"line:{number}",
                lit=source.line_start <= number <= source.line_end,
            )
            for number, text in enumerate(source.lines, 1)
        ),
    ]


class SourceScreen(DeskScreen):
    """A source."""

    LABEL = "Source"
    KIND = "help"
    HINTS = ("app.back",)
    BINDINGS = screen_bindings("help")

    def __init__(self, citation: Citation, ticket: TicketRef) -> None:
        super().__init__()
        self._citation = citation
        self._ticket = ticket

    def compose_body(self) -> ComposeResult:
        """Its text."""
        yield Rule(classes="top")
        yield TextView(id="text")

    def on_mount(self) -> None:
        """Show it, at the cited lines."""
        text = self.query_one("#text", TextView)
        try:
            text.show(source_paras(self.desk.ask(Source(citation=self._citation, ticket=self._ticket))), stay=False)
        except OpstuiError as error:
            text.show([Para(error.message, "warn")], stay=False)
        self.call_after_refresh(lambda: text.jump(f"line:{self._citation.line_start}"))
        super().on_mount()

    def mover(self) -> Scroller | None:
        """The text."""
        return self.query_one("#text", TextView)

    def action_list_copy(self) -> None:
        """``y``: the line."""
        text = self.query_one("#text", TextView).here()
        if text:
            self.desk_app.copy(text, "line")

    def action_list_open(self) -> None:
        """``enter``: back to where it was asked for."""
        self.go_back()
