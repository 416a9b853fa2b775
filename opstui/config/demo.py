"""The settings of the demo: the operator's own taste, and ticket systems, runbooks and runtimes of its own."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from opstui.config.settings import Rate, RateSettings, RuntimeSettings, Settings, WorkflowSettings

RUNTIMES = {"managed": "managed", "messages": "messages", "offline": "offline"}
"""What ``opstui demo --runtime`` takes → the runtime's name in the demo."""
WORKFLOWS = (
    "incident-summary",
    "escalation-package",
    "triage",
    "reply",
    "closure",
    "knowledge-update",
    "shift-handover",
)
MODEL = "rehearsal"
"""The model of the stand-in service; its words are the extractive engine's."""


def demo_settings(own: Settings, runtime: str | None = None) -> Settings:
    """The demo's settings; ``runtime`` (of ``RUNTIMES``) runs its workflows, by default the one without a model.

    Nothing that reaches out is taken over: no ticket system, no runbooks, no runtime, no key, no proxy. The runtimes
    with a model have no address here: the wiring gives them that of the stand-in on this machine.
    """
    name = RUNTIMES.get(runtime or "", "offline")
    return Settings(
        operator=own.operator,
        shift=own.shift,
        ui=own.ui,
        runtimes=MappingProxyType({
            "offline": RuntimeSettings(kind="extractive"),
            "managed": RuntimeSettings(kind="managed-agents", model=MODEL, effort="medium"),
            "messages": RuntimeSettings(kind="messages", model=MODEL, rates=_rates(input="0", output="0", hour="0.35")),
        }),
        workflows=MappingProxyType({
            workflow: WorkflowSettings(runtime=name, fallback="offline") for workflow in WORKFLOWS
        }),
        # Sonnet 5.5's list prices of October 2026, so that a rehearsal costs what the real thing would.
        rates=MappingProxyType({MODEL: _rates(input="2", output="10", cache_write="2.50", cache_read="0.10")}),
    )  # fmt: skip


def _rates(**dollars: str) -> RateSettings:
    return RateSettings(**{name: Rate(Decimal(value)) for name, value in dollars.items()})
