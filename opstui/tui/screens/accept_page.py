"""The last look at a page before it is written: the difference, where it goes, and the letters that write it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult

from opstui.core.desk import AcceptProposal, ProposalDetail, ProposalView
from opstui.core.errors import OpstuiError
from opstui.core.pages.proposal import Proposal
from opstui.tui.confirm_lines import prompt_line
from opstui.tui.lines import Line, Row, between, fit, line, wrap
from opstui.tui.proposal_rows import diff_rows
from opstui.tui.push_words import wrapped
from opstui.tui.screens.base import Topic, ViewState, screen_bindings
from opstui.tui.screens.letters import LettersScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.sevlane import SevLane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.statusline import StatusLine

WRONG_KEY = "not written: wrong key"


class AcceptScreen(LettersScreen):
    """What would be written, and nothing else. Whatever changes meanwhile closes it."""

    LABEL = "Accept"
    KIND = "confirm"
    BINDINGS = screen_bindings("confirm")
    DEFAULT_CSS = """
    AcceptScreen #accept-head { height: auto; max-height: 40%; }
    AcceptScreen #prompt { height: auto; max-height: 60%; }
    """

    def __init__(self, view: ProposalView, answers: Mapping[str, str]) -> None:
        super().__init__()
        self.view = view
        self.answers = dict(answers)
        self.problem = ""
        """Why it could not be written."""
        self.where = ""
        """Where it went, once it was written."""
        self._writing = False

    def compose(self) -> ComposeResult:
        """Like Confirm: the lowest line is the prompt."""
        yield StatusLine(id="status")
        yield SevLane(id="lane")
        yield Spans(id="accept-head")
        yield RowList(id="what", cursor=False)
        yield Spans(id="prompt")

    def on_mount(self) -> None:
        """Draw the letters."""
        self.query_one("#accept-head", Spans).show(self._head)
        self.query_one("#what", RowList).show(self._rows)
        self.query_one("#prompt", Spans).show(self.prompt_lines)
        self.draw_letters()
        self.watch_letters()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def _head(self, width: int) -> list[Line]:
        found = self.view.proposal
        left = line(" ", ("ACCEPT", "strong"), "  ", (found.doc, "accent"), (" as ", "dim"), self.facts.operator)
        lines = [between(left, line((self.view.text_hash[:8] + " ", "dim")), width)]
        lines += [line(" ", (part, "")) for part in wrap(self.view.place, width - 2)]
        for check, reason in self.answers.items():
            lines.append(fit(line(" ", ("~", "warn"), f" {check} answered: {reason.replace('_', ' ')}"), width))
        return [*lines, line(("─" * width, "rule"))]

    def _rows(self, width: int) -> list[Row]:
        return [row._replace(stops=False) for row in diff_rows(self.view.diff, width, "diff")]

    def prompt_lines(self, width: int) -> list[Line]:
        """What to type; after it what came of it."""
        above = [self.more_line(width)]
        back = self.desk_app.keymap.keys("confirm.back")[-1]
        goes_back = fit(line(" ", (f"{back} goes back", "dim")), width)
        if self.problem:
            return [*above, *wrapped(line(" ", ("✗", "bad"), " ", (self.problem, "bad")), width), goes_back]
        if self.where:
            return [*above, *wrapped(line(" ", ("✓", "good"), " ", (self.where, "good")), width), goes_back]
        if self._writing:
            return [*above, fit(line(" ", ("…", "accent"), " writing, after a last look at the page"), width)]
        return above if self.arming is None else [*above, prompt_line(self.arming, back, width, "write")]

    # --- the letters --------------------------------------------------------------------------------------------------

    def takes_letters(self) -> bool:
        """Until they were typed."""
        return not (self.problem or self.where or self._writing)

    def wrong_letter(self) -> None:
        """Nothing is written."""
        self._close(WRONG_KEY)

    def right_letters(self) -> None:
        """Write just what is shown."""
        self._writing = True
        self.show_prompt()
        found = self.view.proposal
        command = AcceptProposal(id=found.id, rev=found.rev, overrides=self.answers, text_hash=self.view.text_hash)
        self.desk_app.do(command, self._was_written, failed=self._not_written, saying="writing the page")

    def _was_written(self, proposal: Proposal) -> None:
        self._writing = False
        self.where = proposal.where or "written"
        self.show_prompt()

    def _not_written(self, error: OpstuiError) -> None:
        self._writing = False
        self.problem = f"not written: {error.message}"
        self.show_prompt()

    def _close(self, said: str) -> None:
        if not self._left:
            self._left = True
            self.desk_app.pop_screen()
            self.desk_app.say(said, "warn")

    # --- changes ------------------------------------------------------------------------------------------------------

    def ask_again(self, state: ViewState) -> None:
        """Whatever changed the proposal or the page voids what is shown."""
        if (
            not self.is_there
            or self._left
            or not self.takes_letters()
            or not state.stale & {Topic.PAPERS, Topic.KNOWLEDGE}
        ):
            return

        def look(fresh: ProposalView) -> None:
            if self.takes_letters() and (fresh.text_hash, fresh.now, fresh.proposal.rev, fresh.place) != (
                self.view.text_hash, self.view.now, self.view.proposal.rev, self.view.place,
            ):  # fmt: skip
                self._close("not written: the page or its proposal changed; look at it again")

        self.desk_app.ask_slowly(
            ProposalDetail(self.view.proposal.id),
            look,
            failed=lambda error: self._close(f"not written: {error.message}"),
        )
