"""What a ticket teaches about a page: what was wrong, where, why, and which steps worked, in its own sentences.

The proposal quotes; ``core.pages`` makes words of a page from it. Only a step whose source says that it worked becomes
one of the page: what was tried in vain, and what nobody wrote a result to, stays in the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opstui.core.checks.m1 import stems
from opstui.core.document_kinds.knowledge import STEP_LIMIT, TITLE_LIMIT
from opstui.core.documents import (
    ActorType,
    Claim,
    KBProposal,
    PageConfidence,
    PageStep,
    ProposalKind,
    StepResult,
)
from opstui.core.extract import guidance, handover, steps
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import head_of, sources_of
from opstui.core.extract.units import Unit, all_units, title_unit
from opstui.core.extract.words import (
    ASKING,
    HEDGE,
    NEXT,
    QUESTION,
    SMALL_TALK,
    is_action,
    salience,
    says_result,
    step_result,
)
from opstui.core.knowledge import Page
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.tickets import EntryKind, Ticket, Visibility

ISSUE_LIMIT = 3
ENVIRONMENT_LIMIT = 4
STEPS_LIMIT = 15
SAME_FIX = 0.5
"""Share of a step's telling words in a step of another ticket, from which on both did the same."""

_RESULT_LABELS = frozenset(("resolution", "solution", "fix", "fixed", "resolved", "workaround", "mitigation", "remedy"))
_RESOLVED_BY = re.compile(
    r"(?:this (?:was )?|it (?:was )?|issue (?:was )?|problem (?:was )?|now )?(?:resolved|fixed|solved|mitigated|cured)"
    r" (?:by|with|after|through|via)\b|(?:the )?(?:fix|solution|workaround|resolution|remedy) (?:was|is)\b",
    re.IGNORECASE,
)
_HELPED = re.compile(
    r"\b(?:helped|fixed (?:it|this|that|the)|solved (?:it|this|that|the)|did the trick|works? again|working again"
    r"|works? now|recovered|back to normal|healthy again|went away|gone since|green again|resolved (?:it|this|the)"
    r"|stable since|is fine since|cleared (?:it|the alert)|up again|succeeded|successfully"
    r"|no (?:further|more|new) (?:errors?|alerts?|restarts?|failures?|timeouts?))\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|nothing|never|neither|nor|none|hardly|barely|until|unless|if|whether|before|hoping|would|should|could)\b"
    r"(?:\W+\w+){0,3}\W*\Z|n't(?:\W+\w+){0,2}\W*\Z",
    re.IGNORECASE,
)
_VERIFY = re.compile(r"(?:to )?(?:verify|verified|confirm(?:ed)?|validated)\b[:,]?|check(?:ed)? that\b", re.IGNORECASE)
_ROLLBACK = re.compile(r"(?:to )?(?:roll(?:ing)? ?back|undo|revert)\b[:,]?", re.IGNORECASE)
_IN_VAIN = (StepResult.MADE_WORSE, StepResult.COULD_NOT_CHECK, StepResult.NO_FINDING, StepResult.RULED_OUT)
_PAGE_WORD = r"(?:runbook|playbook|page|article|procedure|document(?:ation)?|sop|guide)"
_OUTDATED = re.compile(
    rf"\b{_PAGE_WORD}\b.{{0,80}}\b(?:is|are|was|has been|should be|must be|needs to be)\s+(?:now\s+|long\s+)?"
    r"(?:obsolete|out ?of ?date|outdated|retired|deprecated|superseded|withdrawn|no longer (?:valid|true|correct|used"
    r"|needed|applicable))"
    rf"|\b{_PAGE_WORD}\b.{{0,80}}\bno longer (?:applies|works|holds|exists)\b"
    rf"|\b(?:retire|deprecate|withdraw|archive)\b.{{0,40}}\b{_PAGE_WORD}\b",
    re.IGNORECASE,
)
_NOT_OUTDATED = re.compile(
    r"\bnot (?:yet )?(?:obsolete|out ?of ?date|outdated|deprecated)|\bif\b|\?\s*\Z", re.IGNORECASE
)


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a proposal before it is read; :mod:`opstui.services.page_proposals` completes it."""
    return {
        "base_hash": None,
        "page": "",
        "diff": "",
        "private": [],
        "nearest": None,
        "reviewer": None,
        "review_by": None,
    }


def kb_proposal(given: ExtractInput) -> KBProposal:
    """What the ticket would change on a page. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    maker = ClaimMaker(sources_of(given))
    units = steps.standing(all_units(ticket))
    page = _target(given, maker)
    outdated = _outdated(units, page)
    cause = next((unit for unit in reversed(units) if steps.states_cause(unit)), None)
    worked = tuple(_worked(units, maker))
    deprecate = outdated is not None and not worked
    kind = ProposalKind.NEW if page is None else ProposalKind.DEPRECATE if deprecate else ProposalKind.AMEND
    head = title_unit(ticket)
    title = (
        str(page.title) if page is not None else head.text if head is not None else f"What {ticket.ref.called} taught"
    )
    where = () if deprecate else _environment(units, ticket, maker)
    issue = (maker.claim(outdated),) if deprecate and outdated is not None else _issue(units, ticket, maker, where)
    return KBProposal(
        head=head_of(given, "KBProposal"),
        kind=kind,
        target=page.doc if page is not None else given.page or None,
        base_hash=page.content_hash if page is not None else None,
        title=cut(title, TITLE_LIMIT),
        issue=issue,
        environment=where,
        cause=maker.claim(cause) if cause is not None and not deprecate else None,
        resolution=() if deprecate else worked,
        confidence=PageConfidence.NOT_VALIDATED if worked else PageConfidence.WIP,
        evidence=(str(ticket.ref), *_agreeing(worked, given)),
        page="",
        diff="",
        private=(),
        nearest=None,
        reviewer=None,
        review_by=None,
        open_questions=_questions(ticket, has_cause=cause is not None, has_steps=bool(worked), is_new=page is None),
        not_included=(),
    )


def _target(given: ExtractInput, maker: ClaimMaker) -> Page | None:
    """The page that the operator named, if it is there; else the best that may be offered as guidance."""
    if given.page:
        return given.pages.get(given.page)
    found, _ = guidance.runbooks(given, maker, knowledge_query(given.ticket))
    return given.pages[found[0].doc_id] if found else None


def _issue(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker, where: Sequence[Claim]) -> tuple[Claim, ...]:
    """The problem as it was reported: the body's most telling sentences, else what a customer wrote, else the title.

    Those that say ``where`` are told there.
    """
    told = {claim.text for claim in where}
    body = [unit for unit in units if unit.entry < 0 and not unit.dump and _reports(unit) and unit.text not in told]
    body = body or [unit for unit in units if unit.author_type is ActorType.CUSTOMER and _reports(unit)]
    best = sorted(body, key=salience, reverse=True)[:ISSUE_LIMIT]
    best.sort(key=units.index)
    head = title_unit(ticket)
    if not best and head is not None:
        return (maker.claim(head),)
    return tuple(maker.claim(unit) for unit in best) or (maker.unknown("The ticket does not say what was wrong."),)


def _reports(unit: Unit) -> bool:
    text = unit.text
    if SMALL_TALK.match(text) or QUESTION.search(text) or ASKING.match(text) or steps.states_cause(unit):
        return False
    return not HEDGE.search(text) and salience(unit) > 0


def _environment(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> tuple[Claim, ...]:
    """The sentences that name version, platform, region and configuration first."""
    places = {(one.ref, one.line_start) for one in handover.environment(units, ticket, maker).citations}
    named = [unit for unit in units if (unit.ref, unit.line_start) in places and len(unit.text) >= 10 and not unit.dump]
    taken: dict[tuple[str, int], Unit] = {}
    for unit in named:
        if not QUESTION.search(unit.text) and not HEDGE.search(unit.text) and not _is_step(unit):
            taken.setdefault((unit.ref, unit.line_start), unit)
    return tuple(maker.claim(unit) for unit in list(taken.values())[:ENVIRONMENT_LIMIT])


def _worked(units: Sequence[Unit], maker: ClaimMaker) -> Iterator[PageStep]:
    """Steps that their source says worked, oldest first, each once."""
    said: set[str] = set()
    found: list[tuple[Unit, Unit | None]] = []
    for index, unit in enumerate(units):
        after = units[index + 1] if index + 1 < len(units) else None
        after = after if after is not None and _belongs(after, unit) else None
        if _worked_here(unit, after) and unit.text.casefold() not in said:
            said.add(unit.text.casefold())
            found.append((unit, after))
    for unit, after in found[-STEPS_LIMIT:]:
        result = after if after is not None and says_result(after.text) and not _is_step(after) else None
        yield _page_step(unit, result, _told(units, unit, _VERIFY), _told(units, unit, _ROLLBACK), maker)


def _worked_here(unit: Unit, after: Unit | None) -> bool:
    """Whether a sentence tells of a step and it, or the one after it, that it worked."""
    if unit.entry < 0 or unit.dump or not unit.by_person or unit.author_type is ActorType.CUSTOMER:
        return False
    text = unit.text
    if QUESTION.search(text) or SMALL_TALK.match(text) or HEDGE.search(text):
        return False
    if _bad(text) or (after is not None and not _is_step(after) and _bad(after.text)):
        return False
    if unit.label in _RESULT_LABELS or _RESOLVED_BY.match(text):
        return not NEXT.search(text)
    if not _is_step(unit):
        return False
    if _helped(text):
        return True
    if step_result(text) is not StepResult.UNKNOWN or after is None or _is_step(after) or NEXT.search(after.text):
        return False
    return _helped(after.text)


def _helped(text: str) -> bool:
    """Whether a sentence says that something worked, and no word before that takes it back."""
    return any(not _DENIED.search(text[: match.start()]) for match in _HELPED.finditer(text))


def _bad(text: str) -> bool:
    return step_result(text) in _IN_VAIN and not _helped(text)


def _is_step(unit: Unit) -> bool:
    """Whether it tells of something that was done, not of something to do."""
    if unit.kind not in (EntryKind.COMMENT, EntryKind.REPLY) or unit.visibility is Visibility.PUBLIC:
        return False
    return is_action(unit.text) and not NEXT.search(unit.text) and not ASKING.match(unit.text)


def _belongs(after: Unit, unit: Unit) -> bool:
    """Whether a sentence goes on where the other one ended, or comes in the very next entry of the same person."""
    return after.entry == unit.entry and not after.dump and after.line_start - unit.line_end <= 2


def _told(units: Sequence[Unit], unit: Unit, about: re.Pattern[str]) -> Unit | None:
    """A sentence of the same entry, close enough to be cited with the step, that says how to see or to undo it."""
    for other in units:
        near = other.entry == unit.entry and 0 <= other.line_start - unit.line_start < 10
        if near and other is not unit and not other.dump and about.match(other.text):
            return other
    return None


def _page_step(
    unit: Unit, result: Unit | None, verify: Unit | None, rollback: Unit | None, maker: ClaimMaker
) -> PageStep:
    told = [one for one in (unit, result, verify, rollback) if one is not None]
    last = max(one.line_end for one in told)
    shows = verify if verify is not None and verify is not rollback else result
    command = steps.command_in(unit.text)
    return PageStep(
        text=cut(unit.text, STEP_LIMIT),
        citation=maker.sources.cite(unit.ref, unit.line_start, last, unit.quote),
        command=command,
        verify=cut(shows.text, STEP_LIMIT) if shows is not None else None,
        rollback=cut(rollback.text, STEP_LIMIT) if rollback is not None else None,
    )


def _agreeing(worked: Sequence[PageStep], given: ExtractInput) -> tuple[str, ...]:
    """Other tickets in which a step worked that did the same; being alike is no evidence."""
    own = [words for step in worked if len(words := stems(step.text)) >= 3]
    found = []
    for other, _ in given.related:
        there = steps.standing(all_units(other))
        for index, unit in enumerate(there):
            after = there[index + 1] if index + 1 < len(there) else None
            after = after if after is not None and _belongs(after, unit) else None
            words = stems(unit.text)
            if any(len(words & mine) >= SAME_FIX * len(mine) for mine in own) and _worked_here(unit, after):
                found.append(str(other.ref))
                break
    return tuple(found[:9])


def _outdated(units: Sequence[Unit], page: Page | None) -> Unit | None:
    """The newest sentence in which somebody says that the page no longer holds."""
    if page is None:
        return None
    for unit in reversed(units):
        if unit.by_person and not unit.dump and unit.author_type is not ActorType.CUSTOMER:
            if _OUTDATED.search(unit.text) and not _NOT_OUTDATED.search(unit.text) and not HEDGE.search(unit.text):
                return unit
    return None


def _questions(ticket: Ticket, *, has_cause: bool, has_steps: bool, is_new: bool) -> tuple[str, ...]:
    asked = []
    if not has_steps:
        asked.append("Which step resolved it? The ticket records none that its author says worked.")
    if not has_cause:
        asked.append("What was the cause? The ticket does not state one.")
    if ticket.status.category.is_open:
        asked.append("Is it resolved? The ticket is still open.")
    if is_new:
        asked.append("Who owns the page? No page on this was found.")
    return tuple(asked)
