"""``opstui draft``: proposed updates, from the first word to consent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from opstui.cli.files import content_of, text_of
from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, limit_option, with_invocation
from opstui.cli.output import age, emit, note, say, table
from opstui.cli.tickets import now
from opstui.core.desk import (
    ApproveDraft,
    Command,
    DiscardDraft,
    DraftReview,
    Drafts,
    EditDraft,
    NewDraft,
    RestoreDraft,
    Review,
    SettleDraft,
)
from opstui.core.drafts import Draft, DraftChanges, DraftState, OpKind, OverrideReason
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.exports import shapes

F = TypeVar("F", bound=Callable[..., Any])

FILE_LIMIT = 25_000_000
"""Bytes of one attached file."""
COMMENT_LIMIT = 1_000_000
NO_ANSWERS: Mapping[str, str] = {}


def change_options(function: F) -> F:
    """What ``draft new`` and ``draft edit`` have in common."""
    for option in (
        click.option(
            "--override",
            "overrides",
            multiple=True,
            metavar="CHECK=REASON",
            help=f"Answer a blocking check: {', '.join(OverrideReason)}.",
        ),
        click.option("--attach", multiple=True, metavar="F", type=click.Path(path_type=Path), help="Attach this file."),
        click.option("--public/--internal", default=None, help="Whether the requester sees the comment."),
        click.option("--comment-file", metavar="F", help="The comment's text; - is standard input."),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="PATH=VALUE",
            help="/status, /severity, /assignee, /team, /tags, /fields/NAME; an empty value clears.",
        ),
    ):
        function = option(function)
    return function


@click.group()
def draft() -> None:
    """Drafts: proposed updates. Nothing is sent that was not approved by its fingerprint.

    \b
    opstui draft new local:INC-1042 --set /status=waiting --comment-file note.txt
    opstui draft show 01J… --json
    opstui draft approve 01J… --fingerprint 9f2c…
    """


@draft.command("list")
@click.option("--ticket", "ref", metavar="REF", help="Only those of this ticket.")
@click.option("--open", "only_open", is_flag=True, help="Leave out the pushed and the discarded ones.")
@limit_option
@json_option
@with_invocation
def list_drafts(invocation: Invocation, ref: str | None, only_open: bool, limit: int | None, as_json: bool) -> int:
    """Drafts, the newest first."""
    wanted = invocation.ref(ref) if ref else None
    states = tuple(state for state in DraftState if state.is_open) if only_open else None
    found = invocation.desk.ask(Drafts(ticket=wanted, states=states, limit=limit or 1_000_000))
    if as_json:
        emit([shapes.draft(invocation.desk.ask(DraftReview(item.id))) for item in found])
        return 0
    moment = now()
    table(
        ("draft", "ticket", "state", "by", "changes", "kept", "note"),
        [
            (
                item.id,
                str(item.ticket),
                item.state.value,
                item.workflow or item.operator,
                " ".join(op.path for op in item.ops) or "–",
                age(item.updated_at, moment),
                item.note or "",
            )
            for item in found
        ],
        right="kept",
        wide="note",
    )
    return 0


@draft.command("show")
@click.argument("draft_id", metavar="ID")
@json_option
@with_invocation
def show_draft(invocation: Invocation, draft_id: str, as_json: bool) -> int:
    """A draft: what it changes, what the checks say, and the fingerprint that approves it."""
    return _print(invocation, draft_id, as_json)


@draft.command("new")
@click.argument("ref")
@change_options
@json_option
@with_invocation
def new_draft(
    invocation: Invocation,
    ref: str,
    sets: tuple[str, ...],
    comment_file: str | None,
    public: bool | None,
    attach: tuple[Path, ...],
    overrides: tuple[str, ...],
    as_json: bool,
) -> int:
    """A new draft of your own on the ticket REF."""
    wanted = invocation.ref(ref)
    changes = read_changes(sets, comment_file, public, attach, overrides)
    invocation.writes()
    made = invocation.do(NewDraft(ticket=wanted, changes=changes)).unwrap()
    return _print(invocation, made.id, as_json, changes.overrides)


@draft.command("edit")
@click.argument("draft_id", metavar="ID")
@change_options
@click.option("--theirs", multiple=True, metavar="PATH", help="Settle a conflict: what is on the ticket stays.")
@click.option("--mine", multiple=True, metavar="PATH", help="Settle a conflict: the draft's value is set all the same.")
@click.option("--drop", multiple=True, metavar="PATH", help="Leave this change out again; /comment too.")
@click.option("--rev", type=click.IntRange(1), metavar="N", help="Only if the draft is still at this revision.")
@json_option
@with_invocation
def edit_draft(
    invocation: Invocation,
    draft_id: str,
    sets: tuple[str, ...],
    comment_file: str | None,
    public: bool | None,
    attach: tuple[Path, ...],
    overrides: tuple[str, ...],
    theirs: tuple[str, ...],
    mine: tuple[str, ...],
    drop: tuple[str, ...],
    rev: int | None,
    as_json: bool,
) -> int:
    """Change a draft. An approval that was not yet acted upon is withdrawn."""
    changes = read_changes(sets, comment_file, public, attach, overrides, theirs=theirs, mine=mine, drop=drop)
    return _change(invocation, EditDraft(id=draft_id, rev=rev, changes=changes), as_json, changes.overrides)


@draft.command("approve")
@click.argument("draft_id", metavar="ID")
@click.option("--fingerprint", metavar="SHA", required=True, help="The whole fingerprint, as draft show prints it.")
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="CHECK=REASON",
    help=f"Answer a blocking check first: {', '.join(OverrideReason)}.",
)
@json_option
@with_invocation
def approve_draft(
    invocation: Invocation, draft_id: str, fingerprint: str, overrides: tuple[str, ...], as_json: bool
) -> int:
    """Consent to send exactly what draft show printed. A running worker or opstui push sends it."""
    reasons = _pairs(overrides, "--override")
    return _change(
        invocation, ApproveDraft(id=draft_id, fingerprint=fingerprint, here=True, overrides=reasons), as_json, reasons
    )


@draft.command("settle")
@click.argument("draft_id", metavar="ID")
@click.option("--applied/--not-applied", "applied", default=None, help="Whether you saw the update on the ticket.")
@click.option("--reason", metavar="R", required=True, help="How you know, for the audit log.")
@json_option
@with_invocation
def settle_draft(invocation: Invocation, draft_id: str, applied: bool | None, reason: str, as_json: bool) -> int:
    """Answer for a draft that needs a person: did the update arrive?"""
    if applied is None:
        raise UsageError("say --applied or --not-applied")
    return _change(invocation, SettleDraft(id=draft_id, applied=applied, reason=reason), as_json)


@draft.command("discard")
@click.argument("draft_id", metavar="ID")
@json_option
@with_invocation
def discard_draft(invocation: Invocation, draft_id: str, as_json: bool) -> int:
    """Put a draft away; draft restore brings it back."""
    return _change(invocation, DiscardDraft(draft_id), as_json)


@draft.command("restore")
@click.argument("draft_id", metavar="ID")
@json_option
@with_invocation
def restore_draft(invocation: Invocation, draft_id: str, as_json: bool) -> int:
    """Bring a discarded draft back."""
    return _change(invocation, RestoreDraft(draft_id), as_json)


def read_changes(
    sets: Iterable[str],
    comment_file: str | None,
    public: bool | None,
    attach: Iterable[Path],
    overrides: Iterable[str] = (),
    *,
    theirs: tuple[str, ...] = (),
    mine: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
) -> DraftChanges:
    """The changes that the options ask for; files are read now. Raises UsageError."""
    return DraftChanges(
        set=_pairs(sets, "--set"),
        unset=drop,
        comment=None if comment_file is None else _comment(comment_file),
        public=public,
        attach=tuple(_file(path) for path in attach),
        theirs=theirs,
        mine=mine,
        overrides=_pairs(overrides, "--override"),
    )


def _pairs(words: Iterable[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or (option == "--set" and not name.startswith("/")):
            example = "/status=waiting" if option == "--set" else "M2=other"
            raise UsageError(f"{option} {clean_line(word, limit=60)!r}: write it like {example}")
        if name in pairs:
            raise UsageError(f"{option} names {clean_line(name, limit=60)} twice")
        if option == "--override" and value and value not in list(OverrideReason):
            raise UsageError(f"{option} {clean_line(word, limit=60)}: the reasons are {', '.join(OverrideReason)}")
        pairs[name] = value
    return pairs


def _comment(file: str) -> str:
    # The newline that ends a text file's last line belongs to the file, not to the comment.
    return text_of(file, "--comment-file", COMMENT_LIMIT).rstrip("\r\n")


def _file(path: Path) -> tuple[str, bytes]:
    return str(clean_line(path.name, limit=200)), content_of(str(path), "--attach", FILE_LIMIT)


def _change(
    invocation: Invocation, command: Command[Draft], as_json: bool, answered: Mapping[str, str] = NO_ANSWERS
) -> int:
    invocation.writes()
    outcome = invocation.do(command)
    if outcome.notice:
        note(outcome.notice)
    return _print(invocation, outcome.unwrap().id, as_json, answered)


def _print(invocation: Invocation, draft_id: str, as_json: bool, answered: Mapping[str, str] = NO_ANSWERS) -> int:
    review = invocation.desk.ask(DraftReview(draft_id))
    names = {finding.id for finding in review.findings}
    for name in answered:
        if name in {finding.id for finding in review.findings if finding.blocks}:
            note(f"opstui: --override {clean_line(name, limit=60)}: no reason answers this check; change the draft")
        elif name not in names:
            note(f"opstui: --override {clean_line(name, limit=60)}: no check of this draft is called that")
    if as_json:
        emit(shapes.draft(review))
    else:
        _show(review)
    return 0


def _show(review: Review) -> None:
    found = review.draft
    say(f"draft {found.id}  {found.ticket}  {found.state.value}  rev {found.rev}")
    now_version = "" if review.now_version == review.base_version else f", the ticket is now at {review.now_version}"
    say(f"made on {review.base_version}{now_version}{f'  ({found.note})' if found.note else ''}")
    if review.rows:
        say()
        table(
            ("field", "when drafted", "now", "yours", ""),
            [
                (
                    row.path,
                    _value(row.when_drafted),
                    _value(row.now),
                    _value(row.yours),
                    "conflict" if row.conflict else "",
                )
                for row in review.rows
                if row.op.op is not OpKind.COMMENT
            ],
        )
    comment = found.comment()
    if comment is not None:
        say()
        say(f"comment, {review.audience}")
        for line in str(comment.to).split("\n"):
            say(f"┃{line}")
    for name, size, sha256 in review.files:
        say(f"attach {name}, {size} bytes, sha256 {sha256}")
    for finding in review.findings:
        answered = f" (answered: {finding.overridden})" if finding.overridden else ""
        say(f"{finding.level} {finding.id}: {finding.text}{answered}")
    for entry in review.overlaps:
        say(f"meanwhile {entry.id} {entry.author}: {clean_line(entry.text, limit=120)}")
    say()
    say(f"fingerprint {shapes.draft(review)['fingerprint'] or '– (a check or a conflict blocks)'}")


def _value(value: Any) -> str:
    if value is None or value == []:
        return "–"
    return ", ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else str(value)
