"""What the keys do to a row of Review: a field, a conflict, a check, a file."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.core.desk import (
    SettleDraft,
    Transitions,
)
from opstui.core.draft_limits import refused_comment
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftState, OverrideReason
from opstui.tui.drafting import as_typed, dropping, inverse, is_public, may_be_public
from opstui.tui.review_rows import COMMENT, field_name, value_text
from opstui.tui.screens.review_comment import WritesComment
from opstui.tui.screens.review_more import AddsRows
from opstui.tui.screens.review_sources import ShowsSources
from opstui.tui.words import called


class ActsOnRows(AddsRows, WritesComment, ShowsSources):
    """The part of Review that edits, settles, drops and answers rows."""

    def action_review_edit(self) -> None:
        """``enter``: what the row is for."""
        key = self.row()
        finding, field = self.finding(key), self.field(key)
        part = next((part for part in self.parts() if part.key == key), None)
        if part is not None and part.ticket is not None:
            self.desk_app.open("ticket", ref=str(part.ticket))
        elif key == COMMENT:
            self.edit_comment()
        elif field is not None:
            self.edit_field(field.path)
        elif key == "add":
            self.add_row()
        elif key == "editing":
            self.action_review_take_over()
        elif key == "push":
            self._settle()
        elif finding is not None and finding.blocks:
            self.action_review_override()
        elif key.startswith(("claim:", "overlap:", "part:")) or finding is not None:
            self.action_review_source()
        elif key.startswith("aside:"):
            self.desk_app.say("m takes it, t drops it")

    def edit_field(self, path: str) -> None:
        """Ask for its value."""
        if self.review is None or self.keeping is None or not self.may_edit():
            return
        ref, current = self.review.draft.ticket, self.current(path)
        title = f"{called(ref)}: {field_name(path)}"
        if path == "/status":
            self._ask_status(title, current)
        elif path == "/severity":
            choices = [(level, value_text(path, level), word) for level, word in _SEVERITIES]
            self.ask(title, lambda value: self.change(DraftChanges(set={path: value})), choices=choices, chosen=current)
        else:
            before = self.keeping.draft
            alone = path == "/assignee" and self.capabilities.single_assignee
            note = "one name" if alone else "names, with commas" if path in ("/assignee", "/tags") else ""
            keeping = self.keeping

            def done(value: str) -> None:
                if path in keeping.dirty or value != current:
                    keeping.typed(path, value)
                keeping.flush(lambda: self._remember(before))

            self.ask(title, done, value=current, note=note, typed=lambda value: keeping.typed(path, value))

    def _remember(self, before: Draft) -> None:
        assert self.keeping is not None
        if before.ops != self.keeping.draft.ops:
            self.undone.append(("changes", inverse(before, self.keeping.draft)))

    def _ask_status(self, title: str, current: str) -> None:
        """The question stands at once, and fills when the system has told what the ticket can become."""
        assert self.review is not None
        ref, system = self.review.draft.ticket, self.system
        base = as_typed(self.review.draft.base.get("/status"))

        def then(value: str) -> None:
            self.change(DraftChanges(set={"/status": value}))

        def choices(found: tuple[str, ...]) -> list[tuple[str, str, str]]:
            names = list(dict.fromkeys([base, current, *found]))
            return [(name, name, "as it is" if name == base else "") for name in names if name]

        question = self.ask(title, then, choices=choices(()), unable=[("others", f"asking {system} …")], chosen=current)

        def told(found: tuple[str, ...]) -> None:
            if found or self.capabilities.transitions_listed:
                question.renew(choices(found), () if found else [("others", f"{base} can go to no other")])
            elif question.waits:
                self.ask(title, then, value=current, note=f"{system} does not list its statuses")

        self.desk_app.ask_slowly(
            Transitions(ref), told, failed=lambda error: question.renew(choices(()), [("others", error.message)])
        )

    def current(self, path: str) -> str:
        """What the draft would make of a field: its own value, else the ticket's when it was drafted."""
        assert self.review is not None
        op = next((op for op in self.review.draft.ops if op.path == path and path != "/tags"), None)
        if op is not None:
            return as_typed(op.to)
        if path == "/tags":
            from opstui.tui.drafting import tag_ops, tags_with

            return ", ".join(tags_with(self.review.draft.base, tag_ops(self.review.draft)))
        return as_typed(self.review.draft.base.get(path))

    def action_review_theirs(self) -> None:
        """``t``."""
        key, field = self.row(), self.field(self.row())
        if key.startswith("aside:"):
            inner = key.removeprefix("aside:")
            self.undone.append(("aside", (inner, self.aside.pop(inner, ""))))
            self.draw()
            self.desk_app.say("dropped; u brings it back")
        elif field is not None and field.conflict and self.may_edit():
            self.change(DraftChanges(theirs=(field.path,)), f"{field_name(field.path)}: theirs stays")
        else:
            self.desk_app.say("nothing is in conflict on this row", "dim")

    def action_review_mine(self) -> None:
        """``m``."""
        key, field = self.row(), self.field(self.row())
        if key.startswith("aside:") and self.may_edit():
            inner = key.removeprefix("aside:")
            text = self.aside.get(inner, "")
            if inner == COMMENT:
                self.keep_whole(text)
            else:
                self.aside.pop(inner, None)
                self.change(DraftChanges(set={inner.removeprefix("op:"): text}))
        elif field is not None and field.conflict and self.may_edit():
            self.change(
                DraftChanges(mine=(field.path,)),
                f"{field_name(field.path)}: yours replaces {value_text(field.path, field.now)}",
            )
        elif not key.startswith("aside:"):
            self.desk_app.say("nothing is in conflict on this row", "dim")

    def action_review_drop(self) -> None:
        """``delete``: the row's operation leaves the draft."""
        if self.review is None or not self.may_edit():
            return
        key, draft = self.row(), self.review.draft
        field = self.field(key)
        if field is not None:
            self.change(dropping(draft, field.op), f"{field_name(field.path)} left out; u brings it back")
        elif key == COMMENT and draft.comment() is not None:
            self.change(DraftChanges(unset=(COMMENT_PATH,)), "comment left out; u brings it back")
        elif key.startswith("file:"):
            sha256 = key.removeprefix("file:")
            name = next((name for name, _, known in self.review.files if known == sha256), "the file")
            self.change(DraftChanges(detach=(sha256,)), f"{name} left out; u brings it back")
        else:
            self.desk_app.say("this row is not part of the update", "dim")

    def action_review_visibility(self) -> None:
        """``v``: who can read the comment."""
        if self.review is None or not self.may_edit():
            return
        draft, capabilities = self.review.draft, self.capabilities
        public = not is_public(draft)
        workflow = next((item for item in self.facts.workflows if item.id == draft.workflow), None)
        if draft.comment() is None:
            self.desk_app.say("there is no comment", "dim")
        elif public and not may_be_public(draft, workflow_says=workflow is None or workflow.public_comment):
            self.desk_app.say(f"a comment of {draft.workflow} may not be public", "warn")
        elif refusal := refused_comment(draft.ticket.system, "", public, capabilities):
            self.desk_app.say(refusal.partition(";")[0], "warn")
        else:
            self.change(
                DraftChanges(public=public), "the comment is PUBLIC now" if public else "the comment is internal now"
            )

    def action_review_override(self) -> None:
        """``o``: a reason to push in spite of a check."""
        key = self.row()
        finding = self.finding(key)
        if finding is None and self.review is not None and key.startswith("claim:"):
            about = [item for item in self.review.findings if item.claim == key.removeprefix("claim:")]
            finding = next((item for item in about if item.blocks), about[0] if about else None)
        if finding is None or finding.level != "block":
            self.desk_app.say("no check blocks on this row", "dim")
            return
        if not self.may_edit():
            return
        check = finding.id
        choices = [(reason.value, reason.value.replace("_", " "), _REASONS[reason]) for reason in OverrideReason]
        if finding.overridden is not None:
            choices.append(("", "take the answer back", ""))
        self.ask(
            f"{check}: {finding.text}",
            lambda reason: self.change(
                DraftChanges(overrides={check: reason}),
                f"{check} answered: {reason.replace('_', ' ')}" if reason else f"{check} blocks again",
            ),
            choices=choices,
            note="Push in spite of this check? The reason is kept with the update.",
        )

    def action_review_take_over(self) -> None:
        """``T``: the draft is this terminal's from now on."""
        if self.review is not None and self.review.editing is not None and self.may_edit():
            self._presence(take_over=True)
            self.desk_app.say(f"taken over from {self.review.editing.where}")
        else:
            self.desk_app.say("it is open nowhere else", "dim")

    def _settle(self) -> None:
        if self.review is None or self.review.draft.state is not DraftState.NEEDS_HUMAN or self.facts.read_only:
            return
        choices = [
            ("applied", "it is on the ticket, all of it", "the draft is done"),
            ("not", "it is not, or not all of it", "what is missing can be confirmed again"),
        ]
        self.ask(f"{self.ref_key()}: look at the ticket. Did the update arrive?", self._settle_why, choices=choices)

    def _settle_why(self, answer: str) -> None:
        self.ask(
            f"{self.ref_key()}: it is{'' if answer == 'applied' else ' not all'} on the ticket. How do you know?",
            lambda reason: self.desk_app.do(
                SettleDraft(
                    id=self.draft_id, applied=answer == "applied", reason=reason.strip() or "seen by the operator"
                ),
                lambda draft: self.look(),
                saying=f"reading {self.ref_key()} once more",
            ),
            value="",
        )


_SEVERITIES = (("1", "worst"), ("2", "high"), ("3", "medium"), ("4", "low"))
_REASONS: Mapping[OverrideReason, str] = {
    OverrideReason.WRONG_FACT: "the check has a fact wrong",
    OverrideReason.MISSING_FACT: "the source lacks a fact that I know",
    OverrideReason.WRONG_ACTION: "the check asks for the wrong thing",
    OverrideReason.TONE: "it is about tone only",
    OverrideReason.STALE: "the source is older than what I know",
    OverrideReason.POLICY: "our policy allows it",
    OverrideReason.OTHER: "something else",
}
