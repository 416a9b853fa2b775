"""The text of a section, and of a read-back: written in place or in ``$EDITOR``, kept as it is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import TextArea

from opstui.core.handovers import TEXT_LIMIT
from opstui.tui.handover_rows import READ_BACK
from opstui.tui.screens.handover_base import ShowsHandover
from opstui.tui.terminal.editor import EditorPort, TerminalEditor
from opstui.tui.widgets.text_field import CommentField


class WritesWords(ShowsHandover):
    """The part of the screen where text is typed."""

    editor: ClassVar[EditorPort | None] = None
    """In place of the terminal's editor, for those who have no terminal."""
    writing = ""
    """The section whose text the field holds, or ``read_back``."""

    def action_handover_next(self) -> None:
        """``n``: see the screen."""

    def action_handover_read_back(self) -> None:
        """``p``: see the screen."""

    def read_back_written(self) -> None:
        """The receiver's words are there: see the screen."""

    def action_handover_edit(self) -> None:
        """``enter``: the section's text as a field; on the last row the read-back."""
        if self.rows.cursor == READ_BACK:
            self.action_handover_read_back()
            return
        section = self.section()
        if section is not None and self.may_change():
            self.write(section.name, self.typed.get(section.name, section.text if section.items else ""))

    def write(self, name: str, text: str) -> None:
        """Open the field on a section's text, or on the read-back."""
        field = self.query_one("#words", CommentField)
        field.most = TEXT_LIMIT
        field.fill(text)
        self.in_field = field.text
        self.writing = name
        self.add_class("-editing")
        field.move_cursor(field.document.end)
        field.focus()
        self.call_after_refresh(self.rows.reveal)
        self.show_frame()

    def leave_field(self) -> None:
        """Make it rows again; what was typed stays."""
        self.take_typed()
        self.remove_class("-editing")
        self.writing = ""
        self.rows.focus()
        self.draw()
        self.show_frame()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Kept as it is typed."""
        event.stop()
        self.take_typed()

    def on_comment_field_full(self, event: CommentField.Full) -> None:
        """Too much."""
        event.stop()
        self.desk_app.say(f"at most {TEXT_LIMIT:,} characters; that was not taken", "warn")

    def take_typed(self) -> None:
        """The library tells of the last letters a moment later."""
        if not self.is_editing or not self.query("#words"):
            return
        text = self.query_one("#words", CommentField).text
        if text != self.in_field:
            self.in_field = text
            self.keep_text(self.writing, text)

    def action_text_confirm(self) -> None:
        """``ctrl+t``: what was typed is settled; of the read-back, on to its end."""
        name = self.writing
        self.leave_field()
        if name == READ_BACK:
            self.read_back_written()
        else:
            self.action_handover_next()

    def action_text_editor(self) -> None:
        """``ctrl+o``: go on in the editor."""
        name, text = self.writing, self.query_one("#words", CommentField).text
        self.leave_field()
        self._in_editor(name, text)

    def action_handover_editor(self) -> None:
        """``E``: the section's text in ``$EDITOR``."""
        section = self.section()
        if section is not None and self.may_change():
            self._in_editor(section.name, self.typed.get(section.name, section.text if section.items else ""))

    def _in_editor(self, name: str, text: str) -> None:
        port = type(self).editor or TerminalEditor(self.app.suspend, self.desk_app.environ)
        edited = port.edit(text, name=f"handover-{name}.txt")
        if edited.problem:
            self.desk_app.say(edited.problem, "warn")
        elif edited.text is not None and edited.text != text:
            self.keep_text(name, edited.text[:TEXT_LIMIT])
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text's own keys only while text is edited, and then none of the others."""
        if action in ("text_editor", "text_confirm"):
            return self.is_editing
        if self.is_editing and action.startswith("handover_"):
            return False
        return super().check_action(action, parameters)
