"""Whether a workflow's version went through an evaluation. Light: screens ask it wherever they name a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opstui.core.workflows import Workflow
    from opstui.services.setup import Setup

KIND = "evaluation"
"""Of the papers."""
PASSED, FAILED = "passed", "failed"


def subject_of(workflow: str, version: str) -> str:
    """What such a paper is looked up by."""
    return f"{workflow}@{version}"


def is_evaluated(setup: Setup, workflow: Workflow) -> bool:
    """Whether this very version went through an evaluation: with the program, or passed on this desk.

    One without a model reads no instructions, so it counts only where the workflow runs without one.
    """
    if workflow.evaluated:
        return True
    policy = setup.policies.get(workflow.id)
    runs_on = policy.runtime if policy is not None else "offline"
    papers = setup.record.papers(KIND, subject=subject_of(workflow.id, workflow.version), states=(PASSED,), limit=50)
    return any(paper.content["kind"] != "extractive" or paper.content["runtime"] == runs_on for paper in papers)
