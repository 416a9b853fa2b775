"""For each kind of document: the rules that write it without a model, and what code adds to one that an agent wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opstui.core.documents import Document
from opstui.core.extract import closure, escalation, guidance, knowledge, reply, shift, summary, triage
from opstui.core.frozen import dataclass
from opstui.core.ports import Extractor
from opstui.core.submissions import Submission


def _as_it_is(document: Any, given: Submission) -> Any:
    return document


def _nothing_refused(document: Any, given: Submission) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one kind of document."""

    extract: Extractor
    computed: Callable[[Submission], Mapping[str, object]]
    """Field → value of each of its kind's ``by_code`` fields, before the document is read."""
    finished: Callable[[Any, Submission], Document] = _as_it_is
    """The document with what can only be computed from the whole of it."""
    refused: Callable[[Any, Submission], Sequence[str]] = _nothing_refused
    """``path: problem`` of what only the session itself can be asked of, such as what its searches returned."""


RULES: Mapping[str, Rules] = {
    "IncidentSummary": Rules(extract=summary.incident_summary, computed=summary.computed),
    "EscalationPackage": Rules(
        extract=escalation.escalation_package,
        computed=escalation.computed,
        finished=escalation.finished,
        refused=lambda package, given: guidance.strange_tickets("related", package.related, given),
    ),
    "Triage": Rules(
        extract=triage.triage,
        computed=triage.computed,
        finished=triage.finished,
        refused=lambda document, given: guidance.strange_tickets("duplicates", document.duplicates, given),
    ),
    "Reply": Rules(extract=reply.reply, computed=reply.computed),
    "ResolutionNotes": Rules(extract=closure.resolution_notes, computed=closure.computed, finished=closure.finished),
    "KBProposal": Rules(extract=knowledge.kb_proposal, computed=knowledge.computed),
    "ShiftHandover": Rules(extract=shift.shift_handover, computed=shift.computed, finished=shift.finished),
}
"""Document schema, by class name → its rules."""
