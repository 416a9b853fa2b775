"""What the desk tells of evaluations and labelled cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.core.desk.evaluations import EvaluationRow, LabelledCase
from opstui.core.desk.verbs import Outcome
from opstui.core.errors import Refused, UsageError
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.services import evaluated as standing, labelled
from opstui.services.evaluation_cases import Case

if TYPE_CHECKING:
    from opstui.core.desk.evaluations import Evaluations, ExportCases, LabelledCases, RecordCase
    from opstui.core.tickets import Ticket
    from opstui.services.setup import Setup

MOST = 500


def evaluations(setup: Setup, question: Evaluations) -> tuple[EvaluationRow, ...]:
    """See ``Evaluations``."""
    found = []
    for paper in setup.record.papers(standing.KIND, limit=MOST):
        content = paper.content
        if question.workflow not in (None, content["workflow"]):
            continue
        found.append(
            EvaluationRow(
                id=paper.id,
                workflow=str(content["workflow"]),
                version=str(content["version"]),
                runtime=str(content["runtime"]),
                model=content.get("model"),
                at=paper.created_at,
                by=str(content["by"]),
                passed=paper.state == standing.PASSED,
                cases=int(content["cases"]),
                measures=dict(content["measures"]),
                cost=int(content["cost"]),
            )
        )
    return tuple(found)


def evaluated(setup: Setup) -> Mapping[str, bool]:
    """See ``Evaluated``."""
    return {name: standing.is_evaluated(setup, workflow) for name, workflow in setup.workflows.items()}


def labelled_cases(setup: Setup, question: LabelledCases) -> tuple[LabelledCase, ...]:
    """See ``LabelledCases``."""
    return tuple(
        LabelledCase(
            id=paper.id,
            at=paper.created_at,
            by=str(paper.content["by"]),
            ticket=TicketRef.parse(paper.subject),
            workflow=str(paper.content["workflow"]),
            version=str(paper.content["version"]),
            check=str(paper.content["check"]),
            text=str(paper.content["text"]),
            reason=str(paper.content["reason"]),
            claim=str(paper.content["claim"]),
        )
        for paper in setup.record.papers(labelled.KIND, limit=MOST)
        if question.workflow in (None, paper.content["workflow"])
    )


def record_case(setup: Setup, read: Callable[[TicketRef], Ticket], command: RecordCase) -> Outcome[str]:
    """See ``RecordCase``; ``read`` gives a ticket as it is now."""
    if command.workflow not in setup.workflows:
        names = ", ".join(setup.workflows)
        raise UsageError(f"{clean_line(command.workflow, limit=60)}: no such workflow; there are: {names}")
    if command.ref.system == BOARD_SYSTEM:
        from opstui.services.board import board

        ticket = board(setup, command.ref)
    else:
        ticket = read(command.ref)
    folder = Path(command.folder).expanduser()
    case = Case(name=folder.name, workflow=command.workflow, at=setup.clock.now(), ticket=ticket, page=command.page)
    try:
        return Outcome(str(labelled.record_case(setup, case, folder, note=command.note)))
    except FileExistsError:
        raise Refused(f"{clean_line(str(folder), limit=120)} is there already; nothing was written") from None
    except OSError as error:
        raise Refused(f"the case can't be written ({error.strerror}); {clean_line(str(folder), limit=120)}") from None


def export_cases(setup: Setup, command: ExportCases) -> Outcome[tuple[tuple[str, ...], tuple[str, ...]]]:
    """See ``ExportCases``."""
    try:
        made, there = labelled.export(setup, Path(command.folder).expanduser(), command.workflow)
    except OSError as error:
        raise Refused(f"the cases can't be written ({error.strerror})") from None
    return Outcome((tuple(made), tuple(there)))
