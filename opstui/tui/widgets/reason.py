"""Why something is asked, in as many lines as it takes, above the question in the lowest line."""

from __future__ import annotations

from opstui.tui.lines import Line, line, wrap
from opstui.tui.widgets.spans import Spans

LONGEST = 600
"""Characters of a reason; a server may have said a page."""


class Reason(Spans):
    """A rule and the reason. It takes no keys."""

    DEFAULT_CSS = "Reason { height: auto; max-height: 40%; background: $background; }"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason if len(reason) <= LONGEST else reason[: LONGEST - 1] + "…"

    def on_mount(self) -> None:
        """Draw it."""
        self.show(self._lines)

    def _lines(self, width: int) -> list[Line]:
        lines = [line(("─" * width, "rule"))]
        for number, part in enumerate(wrap(self._reason, width - 4)):
            lines.append(line((" ✗ " if number == 0 else "   ", "bad"), part))
        return lines
