"""The last line against foreign bytes: no control character and no link leaves through a drawn line.

Textual 8.2.8 passes C0, C1 and bidi characters, and OSC 8 links in styles, through to the terminal from every widget
(seen on a real pty). Adapters clean at the door; this filter stands at the other end, for whatever came in another way.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

# Zero-width joiners and variation selectors stay: emoji need them and they move nothing.
HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def harmless(text: str) -> str:
    """``text`` with every character that could act on a terminal replaced by ``�``."""
    return text if text.isascii() and text.isprintable() else HOSTILE.sub("\ufffd", text)


class Guard(LineFilter):
    """Maps what is left of control characters to ``�`` and drops links, in every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, harmless. Ordinary lines come back as they are."""
        for text, style, control in segments:
            if control or (style is not None and style.link) or not text.isprintable():
                break
        else:
            return segments
        return [Segment(harmless(text), _no_link(style), control) for text, style, control in segments if not control]


def _no_link(style: Style | None) -> Style | None:
    return style.update_link(None) if style is not None and style.link else style
