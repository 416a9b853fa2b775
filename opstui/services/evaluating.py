"""Runs a workflow over recorded cases, each on a scratch desk of its own, and measures what it wrote."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from opstui.core.checks.measures import alike, as_numbers, measure
from opstui.core.codec import decode
from opstui.core.documents import DOCUMENTS, CitationKind, Document, citations_of
from opstui.core.drafts import DraftState, Origin
from opstui.core.errors import ConfigError
from opstui.core.evaluation import Acceptance, Evaluation, Told
from opstui.core.ids import new_id
from opstui.core.ports import Paper
from opstui.core.sources import SourceSet
from opstui.core.text import clean_line
from opstui.services.evaluated import FAILED, KIND, PASSED, subject_of

if TYPE_CHECKING:
    from opstui.core.desk import Desk, Outcome
    from opstui.core.ids import Clock
    from opstui.core.sessions import Session
    from opstui.core.workflows import Workflow
    from opstui.services.evaluation_cases import Case
    from opstui.services.setup import Setup

Scratch = Callable[["Case"], AbstractContextManager[tuple["Setup", "Desk"]]]
"""A desk of its own for one case: its ticket, its runbooks, its moment."""


def evaluate(
    cases: Sequence[Case],
    scratch: Scratch,
    *,
    runtime: str,
    by: str,
    clock: Clock,
    runs: int = 2,
    budget: int | None = None,
    tell: Callable[[Told], object] = lambda told: None,
) -> Evaluation:
    """Run every case and measure it; ``tell`` hears of each. Nothing more is begun once ``budget`` is reached.

    ``budget`` in micro-dollars, over all runs. Raises ConfigError for a workflow or runtime that there is not.
    """
    found: list[Told] = []
    reached = False
    model: str | None = None
    at = clock.now()
    for case in cases:
        left = None if budget is None else budget - sum(told.cost for told in found)
        if left is not None and left < MINIMUM and runtime_costs(found, runtime):
            reached = True
            break
        with scratch(case) as (setup, desk):
            chosen = setup.runtimes.get(runtime)
            if chosen is None:
                raise ConfigError(f"{runtime}: no such runtime; there are: {', '.join(setup.runtimes)}")
            model = chosen.model
            told = _run_case(case, setup, desk, runtime, runs=runs, budget=left, clock=clock)
        found.append(told)
        tell(told)
    spent = sum(told.cost for told in found)
    reached = reached or (budget is not None and spent >= budget > 0 and len(found) < len(cases))
    return Evaluation(runtime=runtime, model=model, at=at, by=by, told=tuple(found), reached_budget=reached)


LOOK_SECONDS = 0.2
GRACE_SECONDS = 5.0
"""For the interrupt of a session that runs while the program is ended."""
MINIMUM = 10_000
"""Micro-dollars: a session's budget is whole cents."""


def runtime_costs(found: Sequence[Told], runtime: str) -> bool:
    """Whether its sessions so far cost anything: one that is free goes on without money."""
    return any(told.cost for told in found) or not found


def _run_case(
    case: Case, setup: Setup, desk: Desk, runtime: str, *, runs: int, budget: int | None, clock: Clock
) -> Told:
    workflow = setup.workflows.get(case.workflow)
    if workflow is None:
        raise ConfigError(f"{case.name}: there is no workflow {clean_line(case.workflow, limit=60)!r}")
    documents: list[Document] = []
    cost, stop, seconds = 0, "", 0.0
    for number in range(max(1, runs)):
        if budget is not None and number and budget - cost < MINIMUM and cost:
            break
        began = clock.monotonic()
        session, error = _run(case, setup, desk, runtime, None if budget is None else budget - cost)
        if number == 0:
            seconds = clock.monotonic() - began
        if session is not None:
            cost += session.cost.shown
        document = _document(setup, session, case) if session is not None else None
        if document is None:
            stop = error or (session.stop_reason if session is not None else None) or "no document"
            break
        documents.append(document)
    shares: dict[str, float | None] = {}
    lost: list[str] = [f"no document: {stop}"] if not documents else []
    words = 0
    if documents:
        shares, lost, words = measure(documents[0], _sources(documents[0], setup, case), case.ticket, case.wanted)
        if runs > 1:
            shares["stability"] = alike(*documents[:2]) if len(documents) > 1 else 0.0
    return Told(
        case=case.name,
        workflow=workflow.id,
        version=workflow.version,
        runtime=runtime,
        measures=as_numbers(shares),
        words=words,
        cost=cost,
        seconds=round(seconds, 3),
        stop_reason="" if documents else stop,
        lost=tuple(lost[:20]),
    )


def _run(case: Case, setup: Setup, desk: Desk, runtime: str, budget: int | None) -> tuple[Session | None, str]:
    from opstui.core.desk import StartSession

    own = setup.workflows[case.workflow].budget_micros
    amount = own if budget is None else max(MINIMUM, min(own, budget // MINIMUM * MINIMUM))
    start = StartSession(
        ticket=case.ticket.ref,
        workflow=case.workflow,
        runtime=runtime,
        budget_micros=amount,
        again=True,
        here=True,
        page=case.page,
    )
    started = desk.do(start)
    if started.value is None:
        return None, str(clean_line(str(started.error), limit=200))
    ended = _run_to_its_end(desk, started.value.id)
    if ended.error is None:
        return ended.value, ""
    # What it cost until then counts, and it may have handed in its document already.
    return setup.record.session(started.value.id), str(clean_line(str(ended.error), limit=200))


def _run_to_its_end(desk: Desk, session_id: str) -> Outcome[Session]:
    """Run a session. Who ends the program ends the session too: nobody could take it up again on a scratch desk."""
    from opstui.core.desk import InterruptSession, RunSession

    results: list[Outcome[Session]] = []
    runner = threading.Thread(target=lambda: results.append(desk.do(RunSession(session_id))), daemon=True)
    runner.start()
    try:
        while runner.is_alive():
            runner.join(LOOK_SECONDS)
    except (KeyboardInterrupt, SystemExit):
        desk.do(InterruptSession(session_id))
        runner.join(GRACE_SECONDS)
        raise
    if not results:
        raise RuntimeError("the thread that ran the session ended without an answer")
    return results[0]


def _document(setup: Setup, session: Session, case: Case) -> Document | None:
    """What was handed in, with its true words."""
    if session.document is None:
        return None
    workflow = setup.workflows[case.workflow]
    stored: Document = decode(DOCUMENTS[workflow.document], session.document)
    if session.runtime_kind == "extractive":
        return stored
    from opstui.services.redaction import true_words

    return true_words(setup, session, stored, case.ticket)[0]


def _sources(document: Document, setup: Setup, case: Case) -> SourceSet:
    pages, others = {}, {other.ref: other for other in case.others}
    for citation in citations_of(document):
        if citation.kind is CitationKind.DOC and citation.ref not in pages:
            page = setup.knowledge.page(citation.ref)
            if page is not None:
                pages[citation.ref] = page
    return SourceSet(case.ticket, pages=pages.values(), tickets=others.values())


# --- what operators did with it ---------------------------------------------------------------------------------------


def acceptance(setup: Setup, workflow: Workflow, limit: int = 2_000) -> Acceptance:
    """What became of the drafts and page proposals of this version, as far as the record of this desk knows."""
    counts: Counter[str] = Counter()
    for session in setup.record.sessions(limit=limit):
        if session.workflow != workflow.id or session.workflow_version != workflow.version:
            continue
        paper = setup.record.paper("proposal", session.id) if not session.draft else None
        if paper is not None:
            counts["shown"] += 1
            counts["overrides"] += bool(paper.content["overridden"])
            counts["rejected"] += paper.state == "rejected"
            is_edited = paper.content["text"] != paper.content["drafted"]
            counts["edited" if is_edited else "accepted"] += paper.state == "accepted"
            continue
        draft = setup.record.draft(session.draft) if session.draft else None
        if draft is None:
            continue
        counts["shown"] += 1
        counts["overrides"] += bool(draft.overrides)
        if draft.state is DraftState.DISCARDED:
            counts["rejected"] += not (draft.note or "").startswith("replaced by ")
        elif draft.state in (DraftState.APPROVED, DraftState.PUSHING, DraftState.PUSHED):
            counts["edited" if any(op.origin is Origin.AGENT_EDITED for op in draft.ops) else "accepted"] += 1
    return Acceptance(**counts)


# --- keeping ----------------------------------------------------------------------------------------------------------


def keep(setup: Setup, evaluation: Evaluation) -> list[Paper]:
    """Keep what came of each workflow's version, so that it counts as evaluated on this desk once it passed."""
    found = []
    kind = setup.runtimes[evaluation.runtime].kind
    for workflow, version in evaluation.versions.items():
        cases = sum(told.workflow == workflow for told in evaluation.told)
        state = PASSED if evaluation.passed(workflow) else FAILED
        found.append(
            Paper(
                kind=KIND,
                id=new_id(setup.clock, setup.randomness),
                subject=subject_of(workflow, version),
                state=state,
                created_at=evaluation.at,
                content={
                    "workflow": workflow,
                    "version": version,
                    "runtime": evaluation.runtime,
                    "kind": kind,
                    "model": evaluation.model,
                    "by": evaluation.by,
                    "cases": cases,
                    "measures": as_numbers(evaluation.mean(workflow)),
                    "cost": sum(told.cost for told in evaluation.told if told.workflow == workflow),
                },
            )
        )
    setup.record.write(lambda record: [record.put_paper(paper, expected_rev=None) for paper in found])
    return found
