"""Fields that text is typed into: the library's, with our own keys, no blinking and a limit."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, TextArea

from opstui.core.text import clean, clean_line
from opstui.tui.keymap import only

COMMENT_LIMIT = 256 * 1024
"""Bytes of a comment. Beyond it the library's text area takes seconds for a key."""


def _quiet(key: str, action: str, text: str) -> Binding:
    return Binding(key, action, text, show=False)


def _no_letter(event: events.Key) -> None:
    """An escape and a letter that come together (tmux, slow links) are alt and a letter: no text."""
    if event.key.startswith("alt+"):
        event.prevent_default()


class CommentField(TextArea, inherit_bindings=False):
    """A comment being written. ``ctrl+e`` and ``ctrl+s`` mean nothing here: terminals and tmux have them already."""

    DEFAULT_CSS = """
    CommentField, CommentField:focus {
        border: none; padding: 0 1 0 5; height: 1fr; background: $raised; scrollbar-size-vertical: 1;
        & .text-area--cursor-line { background: $raised; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *only("text.undo"),
        _quiet("up", "cursor_up", "a line up"),
        _quiet("down", "cursor_down", "a line down"),
        _quiet("left", "cursor_left", "a character left"),
        _quiet("right", "cursor_right", "a character right"),
        _quiet("ctrl+left", "cursor_word_left", "a word left"),
        _quiet("ctrl+right", "cursor_word_right", "a word right"),
        _quiet("home,ctrl+a", "cursor_line_start", "to the start of the line"),
        _quiet("end", "cursor_line_end", "to the end of the line"),
        _quiet("pageup", "cursor_page_up", "a page up"),
        _quiet("pagedown", "cursor_page_down", "a page down"),
        _quiet("shift+up", "cursor_up(True)", "select a line up"),
        _quiet("shift+down", "cursor_down(True)", "select a line down"),
        _quiet("shift+left", "cursor_left(True)", "select to the left"),
        _quiet("shift+right", "cursor_right(True)", "select to the right"),
        _quiet("backspace", "delete_left", "delete to the left"),
        _quiet("delete", "delete_right", "delete to the right"),
        _quiet("ctrl+w", "delete_word_left", "delete a word"),
        _quiet("ctrl+u", "delete_to_start_of_line", "delete to the start of the line"),
        _quiet("ctrl+k", "delete_to_end_of_line", "delete to the end of the line"),
        _quiet("ctrl+y", "redo", "redo"),
    ]

    class Full(Message):
        """More was typed or pasted than a comment holds; it was not taken."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's word
        super().__init__(
            "",
            id=id,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
        )
        self.cursor_blink = False
        self.most: int | None = None
        """Characters that the ticket's system takes; None: as many as there is room for."""

    async def _on_key(self, event: events.Key) -> None:
        _no_letter(event)

    def fill(self, text: str) -> None:
        """Begin with ``text``; it is not a change."""
        with self.prevent(TextArea.Changed):
            self.load_text(text)

    def renew(self, text: str) -> None:
        """Read ``text`` from now on, with the caret at the words it stood at; it is not a change."""
        row, column = self.cursor_location
        before = "\n".join(self.document.lines)
        at = sum(len(line) + 1 for line in self.document.lines[:row]) + column
        self.fill(text)
        after = "\n".join(self.document.lines)
        same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
        if same is not None and at > same:
            at = max(same, len(after) - (len(before) - at))
        above = after[: min(at, len(after))]
        self.move_cursor((above.count("\n"), len(above) - above.rfind("\n") - 1))

    def action_text_undo(self) -> None:
        """Undo typing, never suspend."""
        self.undo()

    def _replace_via_keyboard(self, insert: str, start: Any, end: Any) -> Any:
        # Typed and pasted text comes this way; pasted text is as foreign as a ticket's.
        insert = clean(insert)
        full = len(self.text.encode("utf-8", "replace")) + len(insert.encode("utf-8", "replace")) > COMMENT_LIMIT
        if self.most is not None and insert:
            full = full or len(self.text) - len(self.get_text_range(start, end)) + len(insert) > self.most
        if full:
            self.post_message(self.Full())
            return None
        return super()._replace_via_keyboard(insert, start, end)


class LineField(Input, inherit_bindings=False):
    """One line of text being typed."""

    DEFAULT_CSS = """
    LineField, LineField:focus { border: none; padding: 0 1; height: 1; background: $raised; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _quiet("left", "cursor_left", "a character left"),
        _quiet("right", "cursor_right", "a character right"),
        _quiet("ctrl+left", "cursor_left_word", "a word left"),
        _quiet("ctrl+right", "cursor_right_word", "a word right"),
        _quiet("home,ctrl+a", "home", "to the start"),
        _quiet("end", "end", "to the end"),
        _quiet("backspace", "delete_left", "delete to the left"),
        _quiet("delete", "delete_right", "delete to the right"),
        _quiet("ctrl+w", "delete_left_word", "delete a word"),
        _quiet("ctrl+u", "delete_left_all", "delete to the start"),
        _quiet("ctrl+k", "delete_right_all", "delete to the end"),
    ]

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None, enter: bool = True) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False, max_length=4000)
        self.cursor_blink = False
        if enter:
            self._bindings.bind("enter", "submit", show=False)

    async def _on_key(self, event: events.Key) -> None:
        _no_letter(event)

    def _on_paste(self, event: events.Paste) -> None:
        # The library takes the first line only and as it is; a pasted list of names is one line here.
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(clean_line(event.text))
