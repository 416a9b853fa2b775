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
    CITATION_LINES,
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
    ACTION,
    ASKING,
    HEDGE,
    NEXT,
    QUESTION,
    SMALL_TALK,
    salience,
    step_result,
)
from opstui.core.knowledge import Page
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.tickets import EntryKind, Ticket, Visibility

ISSUE_LIMIT = 3
ENVIRONMENT_LIMIT = 4
STEPS_LIMIT = 15
AFTERWARDS = 12
"""Sentences after a step in which it is looked for what came of it."""
SAME_FIX = 0.5
"""Share of a step's telling words in a step of another ticket, from which on both did the same."""

_RESULT_LABEL = re.compile(r"(?:resolution|solution|fix|workaround|mitigation|remedy)\s*:", re.IGNORECASE)
_RESOLVED_BY = re.compile(
    r"(?:this (?:was )?|it (?:was )?|issue (?:was )?|problem (?:was )?|now )?(?:resolved|fixed|solved|mitigated|cured)"
    r" (?:by|with|after|through|via)\b|(?:the )?(?:fix|solution|workaround|resolution|remedy) (?:was|is)\b",
    re.IGNORECASE,
)
_HELPED = re.compile(
    r"\b(?:helped|fixed (?:it|this|that|the)|solved (?:it|this|that|the)|did the trick|works? again|working again"
    r"|works? now|recovered|(?:answers?|responds?|serves?|connects?|delivers?|runs?|logs? in) (?:\w+ )?again"
    r"|(?:ended|finished|completed|runs?|ran) without (?:an? |any )?(?:errors?|failures?|warnings?)"
    r"|(?:errors?|failures?|timeouts?|restarts?|alerts?) (?:have )?(?:stopped|ceased|are gone)|below the threshold"
    r"|back to normal|healthy again|went away|gone since|green again|resolved (?:it|this|the)"
    r"|stable since|is fine since|cleared (?:it|the alert)|up again|succeeded|successfully"
    r"|no (?:further|more|new) (?:errors?|alerts?|restarts?|failures?|timeouts?))\b",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"\b(?:error|fail|refus|queue|backlog|lag|latency|timeout|delay|retr|waiting|pending|messages|full|usage)\w*\b.{0,60}"
    r"\b(?:went|fell|dropped|decreased|came|is|are|go|goes|down)\b.{0,20}\bfrom (\d[\d.,]*).{0,20}? to (\d[\d.,]*)",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:error|fail|refus|queue|backlog|lag|latency|timeout|delay|retr|usage)\w*\b.{0,40}"
    r"\b(?:(?:is|are|went|came|back) down to|fell to|dropped to) (?:only )?\d",
    re.IGNORECASE,
)
_BY_ITSELF = re.compile(
    r"\b(?:by itself|by themselves|on its own|itself|self-?heal\w*|false (?:alarm|alert|positive)|spurious)\b",
    re.IGNORECASE,
)
_WELL_AGAIN = re.compile(r"\b(?:recovered|resolved|cleared|back to normal|ok again|healthy again)\b", re.IGNORECASE)
_SIDE = re.compile(r"\b(?:back (?:at|to|up|in)|now because)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|nothing|never|neither|nor|none|hardly|barely|until|unless|if|whether|before|hoping|would|should|could)\b"
    r"(?:\W+\w+){0,3}\W*\Z|n't(?:\W+\w+){0,2}\W*\Z",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:(?:i|we|i've|we've|then|now|have|has|also|just|and|so|first|second|finally|manually|temporarily|again|ok)\b\W+)*",
    re.IGNORECASE,
)
"""What may stand before the verb of a step: ``errors stopped`` is none."""
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
    cause = next((unit for unit in reversed(steps.causes(units)) if _is_of_the_fault(unit)), None)
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


def _is_of_the_fault(unit: Unit) -> bool:
    """Whether a cause is that of what was wrong, not of its end, and was not told to customers."""
    told = unit.kind is EntryKind.REPLY or unit.visibility is Visibility.PUBLIC
    return not told and not _helped(unit.text) and not _SIDE.search(unit.text)


def _worked(units: Sequence[Unit], maker: ClaimMaker) -> Iterator[PageStep]:
    """Steps after which their source says that it worked, oldest first, each once."""
    said: set[str] = set()
    found: list[tuple[Unit, Unit | None]] = []
    alone = steps.recovered_unexplained(units) and any(_BY_ITSELF.search(unit.text) for unit in units)
    for index, unit in enumerate(units):
        is_known, outcome = _outcome(units, index)
        if is_known and not (alone and outcome is not None) and unit.text.casefold() not in said:
            said.add(unit.text.casefold())
            found.append((unit, outcome))
    for unit, outcome in found[-STEPS_LIMIT:]:
        yield _page_step(unit, outcome, _told(units, unit, _VERIFY), _told(units, unit, _ROLLBACK), maker)


def _outcome(units: Sequence[Unit], index: int) -> tuple[bool, Unit | None]:
    """Whether the sentence tells of a step that worked, and the sentence that says so where it does not itself."""
    unit = units[index]
    text = unit.text
    if unit.entry < 0 or unit.dump or not unit.by_person or unit.author_type is ActorType.CUSTOMER:
        return False, None
    if QUESTION.search(text) or SMALL_TALK.match(text) or HEDGE.search(text) or NEXT.search(text) or _bad(text):
        return False, None
    if not _is_step(unit):
        return bool(_RESULT_LABEL.match(text) or _RESOLVED_BY.match(text)) and not _fails(units, index), None
    if _helped(text) or _RESULT_LABEL.match(text):
        return not _fails(units, index), None
    outcome = _said_after(units, index)
    return outcome is not None, outcome


def _fails(units: Sequence[Unit], index: int) -> bool:
    """Whether the very next sentence of the same entry takes it back."""
    after = units[index + 1] if index + 1 < len(units) else None
    return after is not None and after.entry == units[index].entry and not _is_step(after) and _bad(after.text)


def _said_after(units: Sequence[Unit], index: int) -> Unit | None:
    """The sentence that says that a step worked: after it, and before anybody did anything else or it failed again."""
    step = units[index]
    for after in units[index + 1 : index + 1 + AFTERWARDS]:
        if after.kind is EntryKind.ALERT:
            if _WELL_AGAIN.search(after.text) and not _BY_ITSELF.search(after.text):
                return after
            return None
        if after.dump or not after.by_person or after.visibility is Visibility.PUBLIC or after.kind is EntryKind.REPLY:
            continue
        if _is_step(after) or _bad(after.text) or _BY_ITSELF.search(after.text):
            return None
        plan = NEXT.search(after.text) or QUESTION.search(after.text) or HEDGE.search(after.text)
        if _helped(after.text) and not plan and (after.entry == step.entry or after.author == step.author):
            return after
    return None


def _helped(text: str) -> bool:
    """Whether a sentence says that something worked, and no word before that takes it back."""
    less = _LESS.search(text)
    if less and not _BY_ITSELF.search(text) and _number(less[1]) > _number(less[2]):
        return True
    down = _DOWN.search(text)
    if down and not _DENIED.search(text[: down.start()]) and not _BY_ITSELF.search(text):
        return True
    return any(not _DENIED.search(text[: match.start()]) for match in _HELPED.finditer(text))


def _number(text: str) -> float:
    """``18,644`` and ``0.5``; what is none of these counts for nothing."""
    try:
        return float(text.rstrip(".,").replace(",", ""))
    except ValueError:
        return 0.0


def _bad(text: str) -> bool:
    return step_result(text) in _IN_VAIN and not _helped(text)


def _is_step(unit: Unit) -> bool:
    """Whether it tells of something that was done, not of something to do."""
    if unit.kind not in (EntryKind.COMMENT, EntryKind.REPLY) or unit.visibility is Visibility.PUBLIC:
        return False
    did = ACTION.match(unit.text, _LEAD.match(unit.text).end())  # type: ignore[union-attr]  # it matches nothing, too
    return did is not None and not NEXT.search(unit.text) and not ASKING.match(unit.text)


def _told(units: Sequence[Unit], unit: Unit, about: re.Pattern[str]) -> Unit | None:
    """A sentence of the same entry, close enough to be cited with the step, that says how to see or to undo it."""
    for other in units:
        near = other.entry == unit.entry and 0 <= other.line_start - unit.line_start < 10
        if near and other is not unit and not other.dump and about.match(other.text):
            return other
    return None


def _page_step(
    unit: Unit, outcome: Unit | None, verify: Unit | None, rollback: Unit | None, maker: ClaimMaker
) -> PageStep:
    near = outcome is not None and outcome.entry == unit.entry and outcome.line_end - unit.line_start < CITATION_LINES
    told = [one for one in (unit, outcome if near else None, verify, rollback) if one is not None]
    shows = verify if verify is not None and verify is not rollback else outcome
    return PageStep(
        text=cut(unit.text, STEP_LIMIT),
        citation=maker.sources.cite(unit.ref, unit.line_start, max(one.line_end for one in told), unit.quote),
        command=steps.command_in(unit.text),
        verify=cut(shows.text, STEP_LIMIT) if shows is not None else None,
        rollback=cut(rollback.text, STEP_LIMIT) if rollback is not None else None,
        outcome=maker.citation(outcome) if outcome is not None and not near else None,
    )


def _agreeing(worked: Sequence[PageStep], given: ExtractInput) -> tuple[str, ...]:
    """Other tickets in which a step worked that did the same; being alike is no evidence."""
    own = [words for step in worked if len(words := stems(step.text)) >= 3]
    found = []
    for other, _ in given.related:
        there = steps.standing(all_units(other))
        for index, unit in enumerate(there):
            words = stems(unit.text)
            if any(len(words & mine) >= SAME_FIX * len(mine) for mine in own) and _outcome(there, index)[0]:
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
