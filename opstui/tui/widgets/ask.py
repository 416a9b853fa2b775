"""Small questions at the foot of a screen: one of a few, or one line of text. Part of the screen, never over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, fit, line, wrap
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import LineField

ROWS = 9
"""Choices in sight at once; on half of the screen more, where there are so many lines."""


class Choices(RowList):
    """The choices of a question; the keys are those of every list."""

    BINDINGS = only("list.open")

    def action_list_open(self) -> None:
        """Take the choice under the cursor."""
        ask = self.parent
        assert isinstance(ask, Ask)
        ask.answer(self.cursor)


class Ask(Vertical):
    """A question. It says what it is about, answers once, and goes away; ``escape`` is no answer.

    With ``choices`` (value, text, note) it is a list, with none of them chosen for what changes a ticket; below them
    stands dim what is ``unable`` (text, reason), and under the question what ``details`` has to say of the choice under
    the cursor. Without, it is a line of text that starts as ``value``.
    """

    DEFAULT_CSS = """
    Ask { height: auto; max-height: 70%; background: $background; }
    Ask > Spans { height: auto; }
    """

    def __init__(
        self,
        title: str,
        then: Callable[[str], None],
        *,
        choices: Sequence[tuple[str, str, str]] = (),
        unable: Sequence[tuple[str, str]] = (),
        chosen: str | None = None,
        value: str = "",
        typed: Callable[[str], None] | None = None,
        note: str = "",
        closed: Callable[[], None] | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._then = then
        self._choices = tuple(choices)
        self._unable = tuple(unable)
        self._chosen = chosen
        self._value = value
        self._typed = typed
        self._note = note
        self._on_close = closed
        self._details = details or {}

    def compose(self) -> ComposeResult:
        """A rule, the question, the field."""
        yield Spans(id="ask-title")
        if self._choices or self._unable:
            yield Choices(id="ask-choices")
        else:
            yield LineField(self._value, id="ask-line")

    def on_mount(self) -> None:
        """Take the keys."""
        self.query_one("#ask-title", Spans).show(self._title_lines)
        if self._choices or self._unable:
            rows = self.query_one("#ask-choices", Choices)
            rows.cursor = self._chosen
            self._show_choices(rows)
            rows.focus()
            if self._details:
                # Only now is it known which choice the cursor stands on.
                self.call_after_refresh(lambda: self.query_one("#ask-title", Spans).show(self._title_lines))
        else:
            field = self.query_one("#ask-line", LineField)
            field.cursor_position = len(self._value)
            field.focus()

    def _title_lines(self, width: int) -> list[Line]:
        lines = [line(("─" * width, "rule"))]
        lines += [line(" ", (part, "strong")) for part in wrap(self._title, width - 2)]
        if self._note:
            lines += [line(" ", (part, "dim")) for part in wrap(self._note, width - 2)]
        if self._details:
            # As many lines for each of them: nothing jumps while the cursor goes down.
            rows = self.query("#ask-choices")
            said = self._details.get(rows.last(Choices).cursor or "", "") if rows else ""
            parts = wrap(said, width - 2)
            most = max(len(wrap(one, width - 2)) for one in self._details.values())
            lines += [line(" ", (part, "dim")) for part in (*parts, *[""] * (most - len(parts)))]
        return lines

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """Another choice: what there is to say of it."""
        event.stop()
        if self._details:
            self.query_one("#ask-title", Spans).show(self._title_lines)

    def _choice_rows(self, width: int) -> list[Row]:
        rows = []
        for value, text, note in self._choices:
            left = line("   ", text)
            rows.append(Row(value, (between(left, line((note + " ", "dim")), width) if note else fit(left, width),)))
        for text, why in self._unable:
            parts = wrap(f"{text}: {why}", width - 5)
            drawn = tuple(line("   " if at == 0 else "     ", (part, "faint")) for at, part in enumerate(parts))
            rows.append(Row(f"unable:{text}", drawn, stops=False))
        return rows

    def _show_choices(self, rows: Choices) -> None:
        rows.show(self._choice_rows)
        # It has no width of its own yet when it is put up.
        drawn = self._choice_rows(max(20, self.app.size.width))
        rows.styles.height = min(sum(len(row.lines) for row in drawn), max(ROWS, self.app.size.height // 2))

    @property
    def waits(self) -> bool:
        """Whether it still waits for its answer."""
        return self.is_attached and not self.has_class("-answered")

    def renew(self, choices: Sequence[tuple[str, str, str]], unable: Sequence[tuple[str, str]] = ()) -> None:
        """Others may be chosen now; the cursor stays on its choice."""
        self._choices, self._unable = tuple(choices), tuple(unable)
        if self.waits and self.query("#ask-choices"):
            self._show_choices(self.query_one("#ask-choices", Choices))

    def say(self, note: str) -> None:
        """Say something under the question: why an answer was not taken."""
        self._note = note
        self.query_one("#ask-title", Spans).show(self._title_lines)

    def answer(self, value: str | None) -> None:
        """Give the answer and go away."""
        if value is None:
            return
        self.close()
        self._then(value)

    def close(self) -> None:
        """Go away without an answer."""
        if self._on_close is not None:
            self._on_close()
        # It is gone for keys and footer at once, and from the screen a moment later.
        self.add_class("-answered")
        self.remove()
        if isinstance(self.screen, DeskScreen):
            self.screen.show_frame()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed is kept as it is typed."""
        event.stop()
        if self._typed is not None and event.value != self._value:
            self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter ends a line."""
        event.stop()
        self.answer(event.value)
