"""Types on a terminal what an agent is just saying, and ends the line when the whole of it is known."""

from __future__ import annotations

from opstui.cli.output import say, write
from opstui.core.text import clean


class Typist:
    """Types one preview at a time, forwards only: what stands on a terminal can't be taken back."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._typed = ""

    def type(self, remote_id: str, text: str) -> None:
        """All that is known of a text so far. Another one that begins meanwhile waits to be whole."""
        text = str(clean(text))
        if self._id is None:
            self._id, self._typed = remote_id, ""
        if remote_id != self._id or not text.startswith(self._typed):
            return
        write(text[len(self._typed) :].encode("utf-8", "replace"))
        self._typed = text

    def end(self, remote_id: str, text: str) -> bool:
        """The whole of a text. False if none of it was typed, so that it is still to be printed."""
        if remote_id != self._id:
            self.stop()
            return False
        text = str(clean(text))
        self._id = None
        if text.startswith(self._typed):
            say(text[len(self._typed) :])
        else:
            # What was shown ahead of it was not what it came to.
            say()
            say(text)
        return True

    def stop(self) -> None:
        """Leave the line, if something was typed on it: other words come, or no more of it."""
        if self._id is not None:
            self._id = None
            if self._typed and not self._typed.endswith("\n"):
                say()
