"""Questions and commands about evaluations and labelled cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opstui.core.tickets import TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """What came of one evaluation of a workflow's version on this desk."""

    id: str
    workflow: str
    version: str
    runtime: str
    model: str | None
    at: datetime
    by: str
    passed: bool
    cases: int
    measures: Mapping[str, float | None]
    """Of ``core.evaluation.MEASURES``; None: nothing was to be measured."""
    cost: int
    """Micro-dollars."""


@dataclass(frozen=True, slots=True)
class Evaluations(Question["tuple[EvaluationRow, ...]"]):
    """Newest first."""

    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluated(Question["Mapping[str, bool]"]):
    """Workflow → whether its present version went through an evaluation, with the program or passed on this desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCase:
    """What a person answered to a check."""

    id: str
    at: datetime
    by: str
    ticket: TicketRef
    workflow: str
    version: str
    check: str
    text: str
    reason: str
    claim: str


@dataclass(frozen=True, slots=True)
class LabelledCases(Question["tuple[LabelledCase, ...]"]):
    """Newest first."""

    workflow: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCase(Command["str"]):
    """A ticket as a case folder, without secrets and personal data; where it is. Raises NotFound, NotRedacted."""

    ref: TicketRef
    folder: str
    workflow: str
    note: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCases(Command["tuple[tuple[str, ...], tuple[str, ...]]"]):
    """Labelled tickets as case folders in ``folder``: names of those made, and of those that were there already."""

    folder: str
    workflow: str | None = None
