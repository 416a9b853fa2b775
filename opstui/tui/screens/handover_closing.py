"""The end of a handover: who receives it says what they understood, what had to be corrected, and who they are."""

from __future__ import annotations

from opstui.core.desk import HandoverView, ReadBackHandover
from opstui.core.handovers import CORRECTIONS
from opstui.tui.handover_rows import READ_BACK
from opstui.tui.screens.handover_words import WritesWords
from opstui.tui.words import zone

BY = "read_back:by"
"""Under it the receiver's name is kept until the end."""
CORRECTED = "read_back:corrections"
"""Under it the corrections are kept, one a line."""


class ReadsBack(WritesWords):
    """The part of the screen that closes a handover. Never by ``enter`` alone: the last answer is the name."""

    def action_handover_read_back(self) -> None:
        """``p``: who reads it back, then their words."""
        from opstui.tui.widgets.ask import Ask

        if self.view is None or not self.may_change():
            return
        left = [section.title for section in self.view.sections if section.settled is None]
        if left:
            self.desk_app.say(f"not settled yet: {', '.join(left)}", "warn")
            return

        def named(name: str) -> None:
            if not name.strip():
                self.desk_app.say("who reads it back? A name is wanted", "warn")
                return
            self.keep_text(BY, name.strip())
            self.write(READ_BACK, self.typed.get(READ_BACK, ""))

        self.put_question(
            Ask(
                "Who comes on duty and reads it back?",
                named,
                value=self.typed.get(BY, ""),
                note="their name; then they say in their own words what they understood",
            )
        )

    def read_back_written(self) -> None:
        """The words are there: what had been understood otherwise, one after the other."""
        from opstui.tui.widgets.ask import Ask

        if not self.typed.get(READ_BACK, "").strip():
            self.desk_app.say("a read-back is in the receiver's own words; nothing was closed", "warn")
            return
        found = self._corrections()

        def given(text: str) -> None:
            if text.strip() and len(found) < CORRECTIONS:
                self.keep_text(CORRECTED, "\n".join([*found, text.strip()]))
                self.read_back_written()
            else:
                self._sign(tuple(self._corrections()))

        so_far = f"{len(found)} so far; " if found else ""
        title = "What had been understood otherwise?" if not found else "What else?"
        self.put_question(Ask(title, given, note=f"{so_far}one correction a line; an empty line goes on"))

    def _corrections(self) -> list[str]:
        return [line for line in self.typed.get(CORRECTED, "").split("\n") if line.strip()]

    def _sign(self, corrections: tuple[str, ...]) -> None:
        from opstui.tui.widgets.ask import Ask

        by = self.typed.get(BY, "")

        def signed(name: str) -> None:
            if name.strip().casefold() != by.casefold():
                self.desk_app.say(f"not closed: that was not {by}", "warn")
                return
            assert self.view is not None
            command = ReadBackHandover(
                id=self.handover_id, rev=self.view.row.rev, by=by, text=self.typed[READ_BACK], corrections=corrections
            )
            self.desk_app.do(command, closed, saying="closing the handover", failed=self.refused)

        def closed(view: HandoverView) -> None:
            self.view = view
            self.forget(BY, READ_BACK, CORRECTED)
            if self.is_there:
                self.draw()
                until = view.row.contact_until
                clock = f"{until.astimezone(zone(self.facts.timezone)):%H:%M}" if until is not None else ""
                self.desk_app.say(f"closed; until {clock} {view.row.outgoing} is still the contact")

        count = len(corrections)
        words = f"{count} correction{'s' if count > 1 else ''}" if count else "nothing to correct"
        self.put_question(
            Ask(f"Close the handover: type {by}", signed, note=f"{words}; it can't be changed afterwards")
        )
