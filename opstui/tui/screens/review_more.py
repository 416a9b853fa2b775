"""What else a draft can say: another field, one of the ticket's own, a file; and why its system can't take the rest."""

from __future__ import annotations

from pathlib import Path

from opstui.core.draft_limits import FIELDS, can_set, refused_file, require, why_not
from opstui.core.drafts import DraftChanges
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.tui.review_rows import field_name, value_text
from opstui.tui.screens.review_base import DraftScreen
from opstui.tui.times import size

FILE_LIMIT = 25_000_000
"""Bytes of one attached file, on any system."""
CUSTOM = "/fields/"


class AddsRows(DraftScreen):
    """The part of Review that brings in what the draft does not say yet."""

    def edit_field(self, path: str) -> None:
        """Ask for its value."""

    def free_fields(self) -> list[str]:
        """Paths that the system can write and the draft does not; the ticket's own fields last."""
        if self.review is None:
            return []
        draft, can = self.review.draft, self.capabilities
        own = sorted(path for path in draft.base if path.startswith(CUSTOM))
        named = [path for path in can.fields if path.startswith(CUSTOM) and not path.endswith("*")]
        paths = [*(path for path in FIELDS if can_set(path, can)), *named, *own]
        return [
            path for path in dict.fromkeys(paths) if can_set(path, can) and all(op.path != path for op in draft.ops)
        ]

    def can_add(self) -> bool:
        """Whether anything more can be said."""
        return self.review is not None and bool(
            self.free_fields() or self.capabilities.attachments or "/fields/*" in self.capabilities.fields
        )

    def add_row(self) -> None:
        """Ask which one."""
        if self.review is None or not self.may_edit():
            return
        base, can = self.review.draft.base, self.capabilities
        choices = [(path, field_name(path), value_text(path, base.get(path))) for path in self.free_fields()]
        if "/fields/*" in can.fields:
            choices.append((CUSTOM, "a field by its name …", ""))
        unable = [
            ("other fields" if path == "/fields/*" else field_name(path), why_not(path, can) or f"{self.system} can't")
            for path in (*FIELDS, "/fields/*")
            if not can_set(path, can) and path not in can.fields
        ]
        if can.attachments:
            limit = f"at most {size(can.attachment_limit)}" if can.attachment_limit is not None else ""
            choices.append(("file", "a file …", limit))
        else:
            unable.append(("a file", why_not("attachments", can) or f"{self.system} can't"))
        self.ask(f"{self.ref_key()}: what else?", self._add, choices=choices, unable=unable)

    def _add(self, path: str) -> None:
        if path == "file":
            self.ask(f"{self.ref_key()}: attach which file?", self._attach_file, note="its path; ~ is your home folder")
        elif path == CUSTOM:
            self.ask(f"{self.ref_key()}: which field?", self._name_field, note=f"its name, as {self.system} has it")
        else:
            self.edit_field(path)

    def _name_field(self, name: str) -> None:
        wanted = str(clean_line(name, limit=120)).strip()
        if wanted:
            self.edit_field(CUSTOM + wanted)

    def _attach_file(self, typed: str) -> None:
        if not typed.strip():
            return
        system, can = self.system, self.capabilities

        def read() -> tuple[str, bytes]:
            path = Path(typed.strip()).expanduser()
            try:
                with path.open("rb") as file:
                    # Asked before it is read: a log of two gigabytes would take all memory first.
                    there = file.seek(0, 2)
                    require(refused_file(system, path.name, there, can))
                    if there > FILE_LIMIT:
                        raise UsageError(
                            f"{clean_line(path.name, limit=80)} has {there:,} bytes: {FILE_LIMIT:,} is most"
                        )
                    file.seek(0)
                    return path.name, file.read(FILE_LIMIT)
            except OSError as error:
                said = clean_line(error.strerror or "it can't be read")
                raise UsageError(f"nothing was attached: {said}: {clean_line(str(path), limit=120)}") from None

        def attached(found: tuple[str, bytes]) -> None:
            name, content = found
            self.change(DraftChanges(attach=(found,)), f"{clean_line(name, limit=80)} attached, {size(len(content))}")

        self.desk_app.work_slowly(read, attached, saying="the file")
