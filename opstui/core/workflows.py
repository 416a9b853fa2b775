"""Workflows: narrow jobs with a contract, as data, and the policy that code enforces for them."""

from __future__ import annotations

from datetime import date

from opstui.core.claims import Finding
from opstui.core.drafts import Draft
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One folder under ``workflows/``: ``workflow.toml``, ``system.md``, ``rubric.md``."""

    id: str
    title: str
    version: str
    """First 16 hex digits of the SHA-256 over the three files: it goes on sessions, documents and audit rows."""
    note: str
    document: str
    """Document schema, by class name."""
    tools: tuple[str, ...]
    fields: tuple[str, ...]
    """Paths its draft may touch; ``/comment`` and ``/attachments`` among them."""
    public_comment: bool
    second_person: bool
    """Whoever began the draft may not be the one who approves it."""
    budget_micros: int
    review_by: date | None
    system: str
    rubric: str | None
    evaluated: bool = False
    """Whether this very version has been run through its evaluation; a version that was not is marked."""

    @property
    def is_about_the_shift(self) -> bool:
        """Whether it is written from the board of a shift, wherever it is started."""
        return self.document == "ShiftHandover"

    @property
    def changes_a_page(self) -> bool:
        """Whether what it makes goes to a runbook page and not to the ticket."""
        return self.document == "KBProposal"

    def allows(self, path: str) -> bool:
        """Whether its draft may touch the path; ``/fields/*`` stands for all of its kind."""
        return path in self.fields or (path.startswith("/fields/") and "/fields/*" in self.fields)


ALL_FIELDS = ("/comment", "/attachments", "/status", "/severity", "/assignee", "/team", "/tags", "/fields/*")
"""What an operator's own draft may touch."""


def policy_findings(draft: Draft, workflow: Workflow | None) -> list[Finding]:
    """Blocking findings for operations that the draft's workflow does not allow.

    An operation whose origin is the operator is the operator's own and allowed everywhere; what an agent proposed,
    also after edits, must stay within its workflow's fields, and its comment public only where the workflow says so.
    """
    if workflow is None:
        return []
    found = []
    for op in draft.ops:
        if op.origin.value == "operator":
            continue
        if not workflow.allows(op.path):
            found.append(Finding(id="policy", level="block", text=f"{workflow.id} may not change {op.path}"))
        public = op.visibility is not None and op.visibility.value == "public"
        if op.path == "/comment" and public and not workflow.public_comment:
            found.append(Finding(id="policy", level="block", text=f"a comment of {workflow.id} may not be public"))
    return found


def refused_by_policy(draft: Draft, workflow: Workflow | None, *, by: str) -> str | None:
    """Why ``by`` may not approve or send this draft as it is; None where the policy has nothing against it."""
    if workflow is None:
        return None
    if workflow.second_person and by == draft.operator:
        return f"{workflow.id} wants a second person: {by} began this draft, so somebody else has to approve it"
    return next((finding.text for finding in policy_findings(draft, workflow)), None)
