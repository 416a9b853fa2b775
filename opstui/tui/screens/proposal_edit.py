"""The page of a proposal, edited in place or in ``$EDITOR``; what is typed is kept as it is typed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.timer import Timer
from textual.widgets import TextArea

from opstui.core.desk import EditProposal, ProposalView
from opstui.core.errors import OpstuiError, StaleRevision
from opstui.core.pages.proposal import Proposal, ProposalState
from opstui.core.text import clean
from opstui.tui.lines import Line, line
from opstui.tui.screens.base import DeskScreen
from opstui.tui.terminal.editor import EditorPort, TerminalEditor
from opstui.tui.times import clock
from opstui.tui.widgets.ask import Ask
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import COMMENT_LIMIT, CommentField
from opstui.tui.words import zone

PAUSE = 0.4
"""Seconds after a key in which more is typed, before the text is kept."""


class EditsPage(DeskScreen):
    """The part of the Proposal screen where text is typed."""

    editor: ClassVar[EditorPort | None] = None
    """In place of the terminal's editor, for those who have no terminal."""
    view: ProposalView | None = None
    _typed: str | None = None
    """What stands in the field and is not kept yet."""
    _into: Proposal | None = None
    """What it is typed into: somebody else's edit meanwhile is not overwritten unseen."""
    _saving = False
    _problem = ""
    _kept_at: Line = ()
    _timer: Timer | None = None
    _undone: tuple[str, ...] = ()
    """Texts as they were before each edit of this visit."""

    def look(self) -> None:
        """Ask again."""

    def draw(self) -> None:
        """Draw again."""

    @property
    def editing(self) -> bool:
        """Whether the page is a text field now."""
        return self.has_class("-editing")

    def may_decide(self) -> bool:
        """Whether anything can be changed here; else why not is said."""
        proposal = self.view.proposal if self.view is not None else None
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is changed or written", "warn")
        elif proposal is not None and proposal.state is not ProposalState.OPEN:
            self.desk_app.say(f"it was {proposal.state.value} by {proposal.decided_by} already", "dim")
        elif proposal is not None:
            return True
        return False

    def keeping_line(self) -> Line:
        """Whether what was typed is kept; empty while nothing was."""
        if self._problem:
            return line(("NOT KEPT ", "bad"))
        if self._saving or self._typed is not None:
            return line(("keeping … ", "dim"))
        return self._kept_at

    # --- in place -----------------------------------------------------------------------------------------------------

    def action_proposal_edit(self) -> None:
        """``e``: the page as a text field."""
        if self.view is None or not self.may_decide():
            return
        text = self.view.proposal.text
        if len(text.encode("utf-8", "replace")) > COMMENT_LIMIT:
            self.desk_app.say("it is too long to be edited here: E opens it in $EDITOR", "warn")
            return
        field = self.query_one("#page", CommentField)
        field.fill(text)
        self._undone = (*self._undone, text)
        self._into = self.view.proposal
        self.add_class("-editing")
        field.move_cursor((self._first_change(), 0))
        field.focus()
        self.draw()

    def _first_change(self) -> int:
        """The line where the page begins to differ, from 0: that is what one wants to read first."""
        assert self.view is not None
        before, after = (self.view.proposal.base or "").split("\n"), self.view.proposal.text.split("\n")
        if self.view.proposal.base is None:
            return 0
        return next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)

    def leave_page(self) -> None:
        """Make it rows again; the text stays."""
        self._take()
        self.remove_class("-editing")
        self.query_one("#rows", RowList).focus()
        self._save()
        self.draw()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Kept a moment after it was typed."""
        event.stop()
        if self.editing:
            self._take()
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(PAUSE, self._save)
            self.query_one("#proposal-head", Spans).show(self.heading)

    def heading(self, width: int) -> list[Line]:
        """The lines above the rows."""
        return []

    def _take(self) -> None:
        text = self.query_one("#page", CommentField).text
        if self._into is not None and text.rstrip("\n") != self._into.text.rstrip("\n"):
            self._typed = text

    def on_comment_field_full(self, event: CommentField.Full) -> None:
        """Too much for the field."""
        event.stop()
        self.desk_app.say(f"a page edited here holds {COMMENT_LIMIT // 1024} kB; that was not taken", "warn")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text's own keys only while there is text being edited, and the others only while there is none."""
        if action == "text_editor":
            return self.editing
        if action.startswith("proposal_"):
            return not self.editing
        return super().check_action(action, parameters)

    def action_text_editor(self) -> None:
        """``ctrl+o``: leave the field, then the editor."""
        self.leave_page()
        self.action_proposal_editor()

    # --- in the editor ------------------------------------------------------------------------------------------------

    def action_proposal_editor(self) -> None:
        """``E``: the whole page in ``$EDITOR``."""
        if self.view is None or not self.may_decide():
            return
        port = type(self).editor or TerminalEditor(self.app.suspend, self.desk_app.environ)
        self._into = self._into or self.view.proposal
        before = self._typed if self._typed is not None else self.view.proposal.text
        name = self.view.proposal.doc.rpartition("/")[2] or "page"
        edited = port.edit(before, name=f"{name}.md")
        self.refresh(layout=True)
        if edited.text is None:
            self.desk_app.say(edited.problem, "bad")
        elif edited.text.rstrip("\n") == before.rstrip("\n"):
            self.desk_app.say("nothing was changed", "dim")
        else:
            self._undone = (*self._undone, before)
            self._typed = str(clean(edited.text))
            self._save()

    def action_proposal_undo(self) -> None:
        """``u``: the page as it was before the last edit of this visit."""
        if self.view is None or not self.may_decide():
            return
        while self._undone and self._undone[-1].rstrip("\n") == self.view.proposal.text.rstrip("\n"):
            self._undone = self._undone[:-1]
        if not self._undone:
            self.desk_app.say("nothing was edited here", "dim")
            return
        *rest, self._typed = self._undone
        self._undone = tuple(rest)
        self._into = self.view.proposal
        self._save()

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        """Keep what was typed, one save after the other."""
        if self._saving:
            return
        if self._typed is None or self._into is None:
            # Nothing is left to keep: what comes next is typed into whatever is there then.
            self._into = self._into if self.editing else None
            return
        self._saving, text, self._typed = True, self._typed, None

        def kept(proposal: Proposal) -> None:
            self._saving, self._problem = False, ""
            now = clock(self.desk_app.now(), zone(self.facts.timezone))
            self._kept_at = line((f"kept {now} ", "good"))
            self._into = proposal
            self._save()
            self.look()

        def failed(error: OpstuiError) -> None:
            self._saving = False
            if self._typed is None:
                self._typed = text
            self._problem = error.message
            self.draw()
            if isinstance(error, StaleRevision):
                self._ask_whose(error.current)
            else:
                self.desk_app.say(f"not kept: {error.message}", "bad")

        command = EditProposal(id=self._into.id, rev=self._into.rev, text=text)
        self.desk_app.do(command, kept, failed=failed, saying="keeping the page")

    def _ask_whose(self, current: int) -> None:
        def chosen(whose: str) -> None:
            self._problem = ""
            if whose == "mine" and self._into is not None:
                self._into = replace(self._into, rev=current)
                self._save()
                return
            self._typed = self._into = None
            self.remove_class("-editing")
            self.query_one("#rows", RowList).focus()
            self.look()

        choices = [("mine", "keep mine", "theirs is replaced"), ("theirs", "take theirs", "what I typed goes")]
        self.put_question(Ask("Somebody else edited this page meanwhile. Whose text stays?", chosen, choices=choices))

    def saving(self) -> None:
        """Write down at once what was typed: the terminal hangs up."""
        if self.editing:
            self._take()
        if self._typed is not None and self._into is not None:
            self.desk.do(EditProposal(id=self._into.id, rev=self._into.rev, text=self._typed))

    def unsaved(self) -> str:
        """What would be lost."""
        return "the page is not kept yet" if self._problem else ""
