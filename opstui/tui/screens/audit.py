"""Audit: who did what, when, to which ticket, with which content; and whether the chain holds."""

from __future__ import annotations

from opstui.core.audit import AuditRecord
from opstui.core.desk import AuditHealth, AuditWindow, VerifyAudit
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, fit, line, pad, wrap
from opstui.tui.screens.base import Topic, ViewState
from opstui.tui.screens.listing import ListScreen
from opstui.tui.times import day_clock
from opstui.tui.words import zone

PAGE = 200


class AuditScreen(ListScreen):
    """The newest rows first; ``enter`` shows a row whole."""

    LABEL = "Audit"
    KIND = "audit"
    HINTS = ("list.open", "list.refresh", "list.copy")
    BINDINGS = only("list.open", "list.refresh", "list.copy")

    def __init__(self) -> None:
        super().__init__()
        self.records: tuple[AuditRecord, ...] = ()
        self.health: AuditHealth | None = None
        self.opened: set[int] = set()
        self._more = True
        self._count = PAGE
        self._verifying = False

    def look(self) -> None:
        """As many rows as were asked for, and the chain."""
        found: list[AuditRecord] = []
        while len(found) < self._count:
            part = self.desk.ask(AuditWindow(before=found[-1].seq if found else 0, count=PAGE))
            found += part
            if len(part) < PAGE:
                break
        self._more = len(found) >= self._count
        self.records = tuple(found)
        if not self._verifying:
            self._verifying = True
            self.desk_app.ask_slowly(VerifyAudit(), self._verified, saying="the audit chain")

    def _verified(self, health: AuditHealth) -> None:
        self._verifying = False
        self.health = health
        self.draw()

    def head(self, width: int) -> list[Line]:
        """Whether the chain holds."""
        health = self.health
        if health is None:
            state = line(("… reading the chain ", "dim"))
        elif health.ok:
            state = line((f"✓ intact, {health.rows} rows ", "good"))
        else:
            state = line((f"✗ BROKEN at row {health.first_broken} ", "bad"))
        first = between(line(" ", ("AUDIT", "strong"), ("  newest first", "dim")), state, width)
        if health is not None and not health.ok and health.reason:
            return [first, fit(line(" ", (health.reason, "bad")), width)]
        return [
            first,
            fit(line(("   " + _columns("seq", "when", "who", "what", "ticket", "content", width), "dim")), width),
        ]

    def rows(self, width: int) -> list[Row]:
        """One line a row; an opened one with everything it holds."""
        tz = zone(self.facts.timezone)
        rows = [Row("rule", (line(("─" * width, "rule")),), stops=False)]
        for record in self.records:
            broken = self.health is not None and self.health.first_broken == record.seq
            who = record.operator if record.actor == "operator" else f"{record.operator} ({record.actor})"
            text = _columns(
                str(record.seq),
                day_clock(record.at, tz),
                who,
                record.action,
                (record.ticket or "").rpartition(":")[2] or "–",
                (record.content_hash or "")[:8] or "–",
                width,
            )
            lines = [fit(line(" ", ("✗", "bad") if broken else " ", " ", (text, "bad" if broken else "")), width)]
            if record.seq in self.opened:
                lines += record_lines(record, width)
            rows.append(Row(f"seq:{record.seq}", tuple(lines)))
        if not self.records:
            rows.append(Row("none", (line("   ", ("nothing was recorded yet", "dim")),), stops=False))
        elif self._more:
            rows.append(Row("more", (line("   ", ("enter shows older rows", "dim")),)))
        return rows

    def open_row(self, key: str) -> None:
        """The whole row, or older ones."""
        if key == "more":
            self._count += PAGE
            self.again()
            return
        seq = int(key.partition(":")[2])
        self.opened ^= {seq}
        self.draw()
        self.row_list.reveal()

    def ask_again(self, state: ViewState) -> None:
        """A row was added."""
        if Topic.AUDIT in state.stale:
            self.again()


def _columns(seq: str, when: str, who: str, what: str, ticket: str, content: str, width: int) -> str:
    if width < 64:
        return pad(when[-8:], 9) + pad(what, 17) + ticket
    wide = 20 if width >= 100 else 14
    return pad(seq, 6) + pad(when, 17) + pad(who, wide) + pad(what, wide + 2) + pad(ticket, 13) + content


def record_lines(record: AuditRecord, width: int) -> list[Line]:
    """Everything a row of the chain holds, wrapped."""
    parts = (
        ("ticket", record.ticket),
        ("session", record.session),
        ("draft", record.draft),
        ("workflow", record.workflow_version),
        ("documents", ", ".join(record.documents) or None),
        ("content", record.content_hash),
        ("override", record.override_reason),
        ("confidence", record.confidence),
        ("detail", record.detail),
        ("previous", record.previous),
        ("hash", record.hash),
    )
    lines: list[Line] = []
    for name, value in parts:
        if value:
            for at, part in enumerate(wrap(str(value), width - 20)):
                lines.append(line("       ", (pad(name if at == 0 else "", 12), "dim"), part))
    return lines
