"""The comment of a draft, written in place or in ``$EDITOR``."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import TextArea

from opstui.core.draft_limits import refused_comment, takes_comments, too_long
from opstui.core.drafts import COMMENT_PATH, DraftChanges
from opstui.core.text import clean, clean_line
from opstui.tui.drafting import comment_text, inverse
from opstui.tui.review_rows import COMMENT, field_name
from opstui.tui.screens.review_base import DraftScreen
from opstui.tui.terminal.editor import EditorPort, TerminalEditor
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import COMMENT_LIMIT, CommentField

CHOSEN = ("/status", "/severity")
"""Fields whose values are chosen, not written."""


class WritesComment(DraftScreen):
    """The part of Review where text is typed."""

    editor: ClassVar[EditorPort | None] = None
    """In place of the terminal's editor, for those who have no terminal."""

    def edit_comment(self) -> None:
        """Make the comment a text field, with the caret where it was."""
        if self.keeping is None or not self.may_edit():
            return
        if not takes_comments(self.capabilities):
            self.desk_app.say(refused_comment(self.system, "", False, self.capabilities) or "", "warn")
            return
        field = self.query_one("#comment", CommentField)
        field.most = self.capabilities.comment_limit
        rows = self.query_one("#rows", RowList)
        self._before_editing = self.keeping.draft
        field.fill(self.keeping.text(COMMENT_PATH))
        self._in_field = field.text
        self.add_class("-editing")
        rows.cursor = COMMENT
        self.draw()
        caret, self._caret, self._reopen = self._caret, None, False
        field.move_cursor(caret if caret is not None else field.document.end)
        field.focus()
        self.show_frame()

    def leave_comment(self) -> None:
        """Make it rows again; the text stays, and all of it is one step to undo."""
        self.take_typed()
        before, self._before_editing = self._before_editing, None
        self._caret = self.query_one("#comment", CommentField).cursor_location
        self.remove_class("-editing")
        rows = self.query_one("#rows", RowList)
        rows.styles.height = "1fr"
        rows.focus()
        if self.keeping is not None:

            def remember() -> None:
                assert self.keeping is not None
                if before is not None and comment_text(before) != comment_text(self.keeping.draft):
                    self.undone.append(("changes", inverse(before, self.keeping.draft)))

            self.keeping.flush(remember)
        self.draw()
        self.call_after_refresh(rows.reveal)
        self.show_frame()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Kept as it is typed."""
        event.stop()
        if self.editing:
            self.take_typed()
            self.query_one("#review-head", Spans).show(self.heading)

    def take_typed(self) -> None:
        """Know every letter that stands in the field: the library tells of the last ones a moment later."""
        if not self.editing or self.keeping is None or not self.query("#comment"):
            return
        text = self.query_one("#comment", CommentField).text
        if text != self._in_field:
            self._in_field = text
            self.keeping.typed(COMMENT_PATH, text)

    def on_comment_field_full(self, event: CommentField.Full) -> None:
        """Too much for a comment."""
        event.stop()
        most = self.capabilities.comment_limit
        room = (
            f"a comment holds {COMMENT_LIMIT // 1024} kB"
            if most is None
            else f"{self.system} takes {most:,} characters"
        )
        self.desk_app.say(f"{room}; that was not taken", "warn")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text's own keys only while there is text being edited."""
        if action in ("text_editor", "text_confirm"):
            return self.editing
        return super().check_action(action, parameters)

    def action_text_confirm(self) -> None:
        """``ctrl+t``: leave the field, then Confirm."""
        self.leave_comment()
        self.action_review_confirm()

    def action_text_editor(self) -> None:
        """``ctrl+o``: leave the field, then the editor."""
        self.leave_comment()
        self.action_review_editor()

    def action_review_editor(self) -> None:
        """``E``: the row's text in ``$EDITOR``; the comment where the row has none."""
        if self.keeping is None or not self.may_edit():
            return
        field = self.field(self.row())
        path = field.path if field is not None and field.path not in CHOSEN else COMMENT_PATH
        self.keeping.flush(lambda: self._in_editor(path))

    def _in_editor(self, path: str) -> None:
        assert self.keeping is not None
        port = type(self).editor or TerminalEditor(self.app.suspend, self.desk_app.environ)
        is_comment = path == COMMENT_PATH
        before = comment_text(self.keeping.draft) if is_comment else self.current(path)
        name = self.ref_key() if is_comment else f"{self.ref_key()}-{field_name(path)}"
        edited = port.edit(before, name=f"{name}.md" if is_comment else f"{name}.txt")
        self.refresh(layout=True)
        if edited.text is None:
            self.desk_app.say(edited.problem, "bad")
            return
        text = str(clean(edited.text))
        if not is_comment:
            # A field is one line; lines of a list are its parts.
            between = ", " if path in ("/assignee", "/tags") else " "
            text = str(clean_line(between.join(part.strip().rstrip(",") for part in text.split("\n") if part.strip())))
        if len(text.encode("utf-8", "replace")) > COMMENT_LIMIT:
            self._was_lost(COMMENT_PATH, text)
            self.desk_app.say(f"a comment holds {COMMENT_LIMIT // 1024} kB; yours is kept aside", "warn")
        elif is_comment and (long := too_long(self.system, len(text), self.capabilities)):
            self._was_lost(COMMENT_PATH, text)
            self.desk_app.say(f"{long}; yours is kept aside", "warn")
        elif text == before:
            self.desk_app.say("nothing was changed", "dim")
        elif is_comment:
            self.keep_whole(text)
        else:
            self.change(DraftChanges(set={path: text}), f"{field_name(path)}: changed")

    def current(self, path: str) -> str:
        """What the draft would make of a field."""
        return ""

    def keep_whole(self, text: str) -> None:
        """A whole comment at once: compare-and-set like any other, and aside if somebody else was faster."""
        assert self.keeping is not None
        before = self.keeping.draft
        self.keeping.typed(COMMENT_PATH, text)

        def kept() -> None:
            assert self.keeping is not None
            self.undone.append(("changes", inverse(before, self.keeping.draft)))
            self.aside.pop(COMMENT, None)
            self.look()
            self.query_one("#rows", RowList).cursor = COMMENT

        self.keeping.flush(kept)
