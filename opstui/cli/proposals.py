"""``opstui knowledge proposals`` and ``proposal``: pages that sessions propose, decided about by a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from opstui.cli.files import text_of
from opstui.cli.invocation import Invocation
from opstui.cli.options import CommandMayBeLeftOut, json_option, limit_option, with_invocation
from opstui.cli.output import age, emit, note, say, table
from opstui.cli.tickets import now
from opstui.core.desk import (
    AcceptProposal,
    Command,
    EditProposal,
    ProposalDetail,
    Proposals,
    ProposalView,
    RebaseProposal,
    RejectProposal,
)
from opstui.core.drafts import OverrideReason
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.exports import proposals as shapes

if TYPE_CHECKING:
    from opstui.core.pages.proposal import Proposal

PAGE_BYTES = 2_000_000
"""Of a page's text that is read from a file."""
STATES = ("open", "accepted", "rejected")
REASONS = ", ".join(OverrideReason)

rev_option = click.option(
    "--rev", type=click.IntRange(1), metavar="N", help="Only if the proposal is still at this revision."
)


@click.command("proposals")
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only those; open ones without it.")
@click.option("--all", "everything", is_flag=True, help="Those that were decided too.")
@limit_option
@json_option
@with_invocation
def list_proposals(
    invocation: Invocation, state: tuple[str, ...], everything: bool, limit: int | None, as_json: bool
) -> int:
    """Pages that sessions propose and that wait for a person, the newest first."""
    states = None if everything else state or ("open",)
    found = invocation.desk.ask(Proposals(states=states, limit=limit or 1_000_000))
    if as_json:
        emit([shapes.proposal(item) for item in found])
        return 0
    moment = now()
    table(
        ("proposal", "what", "page", "ticket", "state", "age", "title"),
        [
            (
                item.id,
                item.kind.value,
                item.doc or "–",
                item.ticket,
                item.state.value,
                age(item.created_at, moment),
                item.title,
            )
            for item in found
        ],
        right="age",
        wide="title",
    )
    return 0


@click.group("proposal", cls=CommandMayBeLeftOut, instead="show")
def proposal() -> None:
    """One proposal for a page: read it, edit it, accept it or reject it. Nothing is written before you accept it.

    \b
    opstui knowledge proposal 01J…             the difference, and what speaks against it
    opstui knowledge proposal 01J… --diff      the difference alone, for patch or a pager
    opstui knowledge proposal accept 01J…
    """


@proposal.command("show")
@click.argument("proposal_id", metavar="ID")
@click.option("--diff", "only_diff", is_flag=True, help="Print the unified diff and nothing else.")
@click.option("--page", "only_page", is_flag=True, help="Print the page as it would be and nothing else.")
@json_option
@with_invocation
def show_proposal(invocation: Invocation, proposal_id: str, only_diff: bool, only_page: bool, as_json: bool) -> int:
    """The difference, where it would be written, and what speaks against it."""
    if only_diff + only_page + as_json > 1:
        raise UsageError("--diff, --page and --json exclude each other")
    view = invocation.desk.ask(ProposalDetail(proposal_id))
    if only_diff:
        for line in view.diff:
            say(line)
    elif only_page:
        say(view.proposal.text.removesuffix("\n"))
    else:
        _print(view, as_json)
    return 0


@proposal.command("edit")
@click.argument("proposal_id", metavar="ID")
@click.option("--file", "file", metavar="F", required=True, help="The whole page as it should be; - is standard input.")
@rev_option
@json_option
@with_invocation
def edit_proposal(invocation: Invocation, proposal_id: str, file: str, rev: int | None, as_json: bool) -> int:
    """Set the page's text; nothing is written to its source yet."""
    text = text_of(file, "--file", PAGE_BYTES).replace("\r\n", "\n")
    return _change(invocation, EditProposal(id=proposal_id, rev=rev, text=text), as_json)


@proposal.command("rebase")
@click.argument("proposal_id", metavar="ID")
@rev_option
@json_option
@with_invocation
def rebase_proposal(invocation: Invocation, proposal_id: str, rev: int | None, as_json: bool) -> int:
    """Bring it onto the page as it is now, after somebody else changed that."""
    return _change(invocation, RebaseProposal(id=proposal_id, rev=rev), as_json)


@proposal.command("accept")
@click.argument("proposal_id", metavar="ID")
@click.option(
    "--override", "overrides", multiple=True, metavar="CHECK=REASON", help=f"Answer a blocking check: {REASONS}."
)
@click.option(
    "--sha256", "digest", metavar="SHA", help="Only if this is what would be written, as the proposal shows it."
)
@rev_option
@json_option
@with_invocation
def accept_proposal(
    invocation: Invocation,
    proposal_id: str,
    overrides: tuple[str, ...],
    digest: str | None,
    rev: int | None,
    as_json: bool,
) -> int:
    """Write the page: the file, or a commit on a branch of its own in a git repository."""
    reasons = _answers(overrides)
    return _change(invocation, AcceptProposal(id=proposal_id, rev=rev, overrides=reasons, text_hash=digest), as_json)


@proposal.command("reject")
@click.argument("proposal_id", metavar="ID")
@click.option(
    "--reason",
    type=click.Choice([str(reason.value) for reason in OverrideReason]),
    required=True,
    help="Why, for the audit log.",
)
@rev_option
@json_option
@with_invocation
def reject_proposal(invocation: Invocation, proposal_id: str, reason: str, rev: int | None, as_json: bool) -> int:
    """Put it away; nothing is written."""
    return _change(invocation, RejectProposal(id=proposal_id, rev=rev, reason=reason), as_json)


def _change(invocation: Invocation, command: Command[Proposal], as_json: bool) -> int:
    invocation.writes()
    outcome = invocation.do(command)
    if outcome.notice:
        note(outcome.notice)
    _print(invocation.desk.ask(ProposalDetail(outcome.unwrap().id)), as_json)
    return 0


def _print(view: ProposalView, as_json: bool) -> None:
    if as_json:
        emit(shapes.proposal_view(view))
        return
    found = view.proposal
    edited = f", edited by {found.edited_by}" if found.is_edited else ""
    what = f"{found.kind.value} {found.doc or '(no page yet)'}"
    say(f"proposal {found.id}  {what}  {found.state.value}  rev {found.rev}{edited}")
    say(found.title)
    say(f"from {found.ticket} by {found.workflow} ({found.engine}); rests on {', '.join(found.evidence)}")
    if found.state.value == "open":
        say(f"reviewer {found.reviewer or 'not known'}, to be reviewed by {found.review_by or '–'}")
        say(f"{'would be' if view.can_write else 'not'} written: {view.place}")
    else:
        at = f" {found.decided_at:%Y-%m-%d %H:%M} UTC" if found.decided_at is not None else ""
        why = f", {found.reason}" if found.reason else f": {found.where}" if found.where else ""
        say(f"{found.state.value} by {found.decided_by}{at}{why}")
    for question in found.questions:
        say(f"open: {question}")
    for finding in view.findings:
        say(f"{finding.level} {finding.id}: {finding.text}")
    if view.theirs:
        say()
        say("the page has changed since:")
        for line in view.theirs:
            say(f"  {line}")
    say()
    for line in view.diff:
        say(line)
    if found.state.value == "open":
        say()
        say(f"sha256 {view.text_hash}")


def _answers(words: Iterable[str]) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or value not in list(OverrideReason):
            raise UsageError(
                f"--override {clean_line(word, limit=60)}: write it like private=other; reasons: {REASONS}"
            )
        pairs[name] = value
    return pairs
