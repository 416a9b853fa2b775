"""Doctor: what is configured and reachable, and how to mend what is not."""

from __future__ import annotations

from opstui.core.desk import Doctor
from opstui.core.errors import OpstuiError
from opstui.core.ports import Probe
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, line, pad, wrap
from opstui.tui.screens.listing import ListScreen

MARKS = {"pass": ("✓ PASS", "good"), "warn": ("~ WARN", "warn"), "fail": ("✗ FAIL", "bad")}


class DoctorScreen(ListScreen):
    """Every probe with its fix."""

    LABEL = "Doctor"
    KIND = "doctor"
    HINTS = ("list.refresh", "list.copy")
    BINDINGS = only("list.refresh", "list.copy")

    def __init__(self) -> None:
        super().__init__()
        self.probes: tuple[Probe, ...] | None = None
        self.asking = False
        """Systems and runtimes have not answered yet."""

    def look(self) -> None:
        """May take seconds, so in a thread: first what is on this machine, then what is asked over the network."""
        self.asking = True
        self.desk_app.ask_slowly(Doctor(offline=True), self._found_here, failed=lambda error: None)
        self.desk_app.ask_slowly(Doctor(), self._found, saying="the services to answer", failed=self._failed)

    def _found_here(self, probes: tuple[Probe, ...]) -> None:
        if self.asking and self.is_there:
            known = {probe.check for probe in probes}
            self.probes = (*probes, *(probe for probe in self.probes or () if probe.check not in known))
            self.draw()

    def _found(self, probes: tuple[Probe, ...]) -> None:
        self.probes, self.asking = probes, False
        if self.is_there:
            self.draw()

    def _failed(self, error: OpstuiError) -> None:
        self.asking = False
        self.desk_app.say(error.message, "bad")

    def head(self, width: int) -> list[Line]:
        """How many of each."""
        if self.probes is None:
            return [line(" ", ("DOCTOR", "strong"), ("  looking …", "dim")), ()]
        counts = {state: sum(1 for probe in self.probes if probe.state == state) for state in MARKS}
        right = line(
            (f"{counts['pass']} pass  ", "good"), (f"{counts['warn']} warn  ", "warn" if counts["warn"] else "dim"),
            (f"{counts['fail']} fail ", "bad" if counts["fail"] else "dim"),
        )  # fmt: skip
        left = line(" ", ("DOCTOR", "strong"), ("  asking systems and runtimes …" if self.asking else "", "dim"))
        return [between(left, right, width), line(("─" * width, "rule"))]

    def rows(self, width: int) -> list[Row]:
        """What fails first."""
        order = {"fail": 0, "warn": 1, "pass": 2}
        rows = []
        for probe in sorted(self.probes or (), key=lambda probe: order.get(probe.state, 3)):
            word, role = MARKS.get(probe.state, (probe.state, ""))
            name = 22 if width >= 64 else 0
            lines: list[Line] = []
            if not name:
                lines.append(line(" ", (word, role), "  ", (probe.check, "strong")))
            for at, part in enumerate(wrap(probe.text, width - 10 - name - 1)):
                if name and at == 0:
                    lines.append(line(" ", (word, role), "   ", (pad(probe.check, name - 1), "strong"), " ", part))
                else:
                    lines.append(line(" " * (10 + name), part))
            if probe.fix and probe.state != "pass":
                for at, part in enumerate(wrap(probe.fix, width - 12 - name - 1)):
                    lines.append(line(" " * (10 + name), ("→ " if at == 0 else "  ", "accent"), (part, "dim")))
            rows.append(Row(f"{probe.check}:{probe.text}", tuple(lines)))
        return rows
