"""The runtime without a model.

It needs no network and no key, gives the same document for the same ticket, and costs nothing. It is the embedded
default, the fallback, and the baseline for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.errors import Refused
from opstui.core.ports import Probe

if TYPE_CHECKING:
    from opstui.adapters.runtimes.extractive_session import ExtractiveSession
    from opstui.core.ids import Clock
    from opstui.core.ports import SessionBrief


class ExtractiveRuntime:
    """Writes documents by rules. Takes no messages; a session ends by itself."""

    kind = "extractive"
    engine = "extractive"
    model: str | None = None
    takes_messages = False
    parallel = 8

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock

    async def start(self, brief: SessionBrief) -> ExtractiveSession:
        """Open a session. Raises Refused for a workflow whose document no rules exist for."""
        # Here, because the rules cost 60 ms to load and the process that paints never runs a session.
        from opstui.adapters.runtimes.extractive_session import ExtractiveSession
        from opstui.core.extract.registry import RULES

        rules = RULES.get(brief.workflow.document)
        if rules is None:
            raise Refused(
                f"{self.name}: there are no rules for a {brief.workflow.document}; choose a runtime with a model"
            )
        return ExtractiveSession(brief, rules.extract, self._clock)

    def probe(self) -> list[Probe]:
        """Nothing to reach."""
        from opstui.core.extract.registry import RULES

        return [Probe(f"runtime {self.name}", "pass", f"writes {', '.join(RULES)} by rules, no model, no network")]
