"""Preflight: would tier 2 accept this escalation, and what would they ask back?"""

from __future__ import annotations

from collections.abc import Callable

from opstui.core.documents import EscalationPackage, Preflight, SlaState, StepResult, Tristate

_ITEMS: tuple[tuple[int, str, Callable[[EscalationPackage], bool]], ...] = (
    # weight, question, is it answered
    (14, "Who is affected, and how many?", lambda p: bool(p.impact.claims)),
    (14, "What has been checked, and with what result?", lambda p: bool(p.checked)),
    (
        8,
        "What came of the steps that were tried?",
        lambda p: any(s.result is not StepResult.UNKNOWN for s in p.checked),
    ),
    (10, "What exactly is asked of the receiver?", lambda p: any(a.verb and a.text for a in p.ask)),
    (8, "By when is an answer needed?", lambda p: any(a.deadline is not None for a in p.ask)),
    (8, "How severe is it?", lambda p: p.severity.value is not None),
    (6, "What is the SLA, and where does the clock stand?", lambda p: p.sla.state is not SlaState.NONE),
    (6, "Was data lost?", lambda p: p.impact.data_loss is not Tristate.UNKNOWN),
    (
        8,
        "Which product, version and region?",
        lambda p: sum(map(bool, (p.environment.product, p.environment.version, p.environment.region))) >= 2,
    ),
    (5, "What changed in the 72 hours before?", lambda p: bool(p.changes)),
    (5, "Why is it escalated?", lambda p: p.reason_code is not None),
    (4, "Which team is to take it?", lambda p: p.to_team is not None),
    (2, "Was the customer told anything, and what was promised?", lambda p: p.comms.last_customer_message is not None),
    (2, "Whom can the receiver ask back?", lambda p: bool(p.contacts.escalating_operator)),
)


def preflight(package: EscalationPackage) -> Preflight:
    """How many of tier 2's questions the package answers, 0 to 100, and those left open, the weightiest first."""
    whole = sum(weight for weight, _, _ in _ITEMS)
    missing = [(weight, question) for weight, question, answered in _ITEMS if not answered(package)]
    score = round(100 * (whole - sum(weight for weight, _ in missing)) / whole)
    missing.sort(key=lambda item: -item[0])
    return Preflight(score=score, missing=tuple(question for _, question in missing))
