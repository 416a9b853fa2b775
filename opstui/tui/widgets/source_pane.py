"""The cited lines of a source, with some of what stands around them."""

from __future__ import annotations

from opstui.core.desk import SourceView
from opstui.tui.lines import Row, between, fit, line, wrap
from opstui.tui.widgets.row_list import RowList


class SourcePane(RowList):
    """Shows one span at a time; it takes no keys, so the list beside it keeps them."""

    DEFAULT_CSS = """
    SourcePane { display: none; height: 1fr; width: 1fr; }
    SourcePane.-open { display: block; }
    SourcePane.-beside { border-left: solid $rule; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's word
        super().__init__(id=id, cursor=False)
        self.can_focus = False
        self.source: SourceView | None = None

    def open(self, source: SourceView, place: str, *, beside: bool = False) -> None:
        """Show ``source``; ``place`` says which of how many citations it is, ``beside`` that it stands at the right."""
        self.source = source
        self.set_class(beside, "-beside")
        self.add_class("-open")
        self.show(lambda width: source_rows(source, place, width, rule=not beside))
        self.call_after_refresh(self._to_span)

    def close(self) -> None:
        """Hide it."""
        self.source = None
        self.remove_class("-open")

    @property
    def is_open(self) -> bool:
        """Whether it shows."""
        return self.has_class("-open")

    def _to_span(self) -> None:
        """The span in sight, two lines below the top where there is something above it."""
        if self.source is None:
            return
        at = 0
        for row in self.rows:
            if row.key == f"line:{self.source.line_start}":
                break
            at += len(row.lines)
        height = self.scrollable_content_region.height
        self.scroll_to(y=0 if at < height - 2 else max(0, at - 3), animate=False, immediate=True, force=True)


def source_rows(source: SourceView, place: str, width: int, *, rule: bool = True) -> list[Row]:
    """Title, where it is from, and the numbered lines; those of the span carry a bar."""
    span = f"{source.line_start}" if source.line_start == source.line_end else f"{source.line_start}-{source.line_end}"
    head = between(line(" ", (source.ref, "accent"), "  ", (source.title, "strong")), line((place + " ", "dim")), width)
    rows = [Row("rule", (line(("─" * width, "rule")),), stops=False)] if rule else []
    rows.append(Row("head", (head,), stops=False))
    note = f"{source.note} · lines {span}" if source.note else f"lines {span}"
    rows.append(Row("note", (fit(line(" ", (note, "dim")), width),), stops=False))
    digits = max(3, len(str(len(source.lines))))
    for number, text in enumerate(source.lines, 1):
        cited = source.line_start <= number <= source.line_end
        parts = wrap(text, width - digits - 4)
        lines = []
        for at, part in enumerate(parts):
            bar = ("┃", "accent") if cited else (" ", "")
            count = str(number).rjust(digits) if at == 0 else " " * digits
            lines.append(line(bar, (count, "dim" if cited else "faint"), "  ", (part, "strong" if cited else "dim")))
        rows.append(Row(f"line:{number}", tuple(lines), stops=False))
    return rows
