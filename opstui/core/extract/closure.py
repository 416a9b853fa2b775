"""Resolution notes made of the ticket's own sentences: how it ended as far as a line says so, and why if one does."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from opstui.core.documents import (
    ActorType,
    Citation,
    Claim,
    NextStep,
    RelatedTicket,
    ResolutionCode,
    ResolutionNotes,
    Tristate,
)
from opstui.core.extract import clock, guidance, handover, steps, story
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import head_of, sources_of
from opstui.core.extract.units import Unit, all_units
from opstui.core.extract.words import FAILURE, HEDGE, NEXT, QUESTION, SMALL_TALK, is_action, step_result
from opstui.core.frozen import dataclass
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.tickets import EntryKind, Ticket, TicketRef, Visibility

RESOLUTION_LIMIT = 5
FOLLOW_UPS_LIMIT = 5
TEXT_LIMIT = 160
NO_CAUSE = "Nobody has stated a cause in the ticket."
NO_FAULT_CAUSE = "No cause is known: as far as the ticket says, nothing was wrong."
RECOVERED_CAUSE = "No cause is known: it went away by itself."

_KEY = r"(?:(?P<system>[A-Za-z0-9][\w-]{0,31}):)?(?P<key>[A-Z][A-Z0-9]{1,9}-\d+|#\d+|INC\d{4,})"
_DUPLICATE = re.compile(rf"\b(?:duplicate|dup|duplicates?) of:? (?:ticket |issue )?{_KEY}", re.IGNORECASE)
_NO_FAULT = re.compile(
    r"\b(?:false (?:alarm|positive|alert)|no fault (?:was )?found|nothing (?:is|was) wrong|works? as designed"
    r"|working as (?:designed|intended)|expected behaviou?r|not a (?:bug|fault|real incident)|spurious|test alert"
    r"|(?:was|only|just) a (?:test|drill)|was (?:a |an )?user error|no (?:customer )?(?:incident|outage) (?:occurred"
    r"|took place))\b",
    re.IGNORECASE,
)
_ALL_WELL = re.compile(
    r"\ball\b[^.;,]{0,60}\b(?:healthy|green|within normal(?: \w+){0,2} (?:bounds|limits|parameters|range))\b(?! again)",
    re.IGNORECASE,
)
"""What a monitor says of everything; of a person it may be the result of one check."""
_DECLINED = re.compile(
    r"\b(?:won'?t (?:fix|do)|wontfix|will not (?:be )?(?:fix(?:ed)?|do(?:ne)?|change[d]?)|declined|out of scope"
    r"|not supported|no longer (?:needed|wanted)|withdrawn)\b",
    re.IGNORECASE,
)
_WORKAROUND = re.compile(
    r"\b(?:closing|resolved|closed|settled|done) with (?:a |the )?work-?around\b"
    r"|\bwork-?around (?:is )?(?:in place|applied|active|accepted)\b",
    re.IGNORECASE,
)
_FIXED = re.compile(
    r"\b(?:(?:is|was|are|were|been|got|it's|have|has|had|now|I|we) (?:now )?(?:fixed|repaired|solved|cured|corrected)"
    r"|(?:fixed|repaired|solved|cured|corrected) (?:by|with|it|this|that|the|now)|(?:resolved|restored|recovered"
    r"|mitigated) (?:by|with|after|through|once|when|since)"
    r"|(?:fix|patch|hotfix|change) (?:is |was |has been )?(?:deployed|rolled out|released|applied|in place|live)"
    r"|(?:that|this|which|it) (?:helped|did it|worked|solved it|fixed it))\b"
    r"|\A\W*(?:fixed|repaired|solved|resolved:)(?!\w)",
    re.IGNORECASE,
)
_BY_ITSELF = re.compile(
    r"\b(?:(?:recover|resolv|heal|clear|went away|gone|disappear|stopp|ended|vanish)\w*\b[^.;]{0,30}"
    r"\b(?:by itself|on its own|without (?:any )?(?:action|intervention))"
    r"|self-?(?:resolved|healed|recovered|healing)|resolved itself"
    r"|no (?:action|intervention) (?:was |is )?(?:needed|required|taken))\b",
    re.IGNORECASE,
)
_WELL_AGAIN = re.compile(
    r"\b(?:recovered|self-?(?:healed|resolved)|resolved itself|back to normal|returned to (?:normal|ready|healthy)"
    r"|no further (?:restarts?|errors?|events?|alerts?|failures?)|stable since|healthy again)\b",
    re.IGNORECASE,
)
"""What is said of the whole when it is over: by a person, a log or a monitor."""
_WELL = re.compile(
    r"\b(?:verified|confirm(?:ed|s)|back to normal|works? again|working again|all (?:green|clear)|recovered|resolved"
    r"|healthy(?: again)?|stable since|no (?:further|more|new) (?:errors?|alerts?|restarts?|failures?|complaints?)"
    r"|returned to (?:normal|ready)|(?:customer|user)s? (?:confirms?|can (?:pay|log in|sign in|work) again))\b",
    re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"\b(?:verified|confirm(?:ed|s)|back to normal|(?:below|under) the threshold"
    r"|(?:healthy|green|stable|normal) since)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:still|again|continues?|keeps?|came back|comes back|worse|re-?opened)\b"
    r"|\bnot (?:yet )?(?:fixed|resolved|solved|over|done|ok|enough)\b",
    re.IGNORECASE,
)
_LATER_WORK = re.compile(r"\W*(?:follow-?up|post-?mortem|lessons?|to do|todo|action item)\b", re.IGNORECASE)
_NAMES_CAUSE = re.compile(r"\b(?:root cause|the cause|cause (?:found|confirmed)|caused by|culprit)\b", re.IGNORECASE)
_BETTER = re.compile(
    r"\b(?:back (?:at|to|up|down)|better|recovered|normal|fixed|works? again|helped|well again)\b", re.IGNORECASE
)
_DENIED = re.compile(
    r"\b(?:not|never|no longer|cannot|can't|isn't|wasn't|hasn't|haven't|didn't|doesn't|unless|until|if|once|would"
    r"|should|could|may|might|try|trying|attempt|need(?:s|ed)?|to be|yet|please)\b",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(
    r"\b(?:follow-?up|action item|todo|to do|post-?mortem|afterwards|lessons?|remains? to be"
    r"|still (?:to do|open|needs?)|we (?:should|need to|must|have to)|(?:should|must|needs? to|has to|have to) be"
    r"|prevent(?:s|ed|ion)?|next time|in future)\b",
    re.IGNORECASE,
)
_OWNED = re.compile(r"^(?:i|i'll|i will|i'm)\b", re.IGNORECASE)


def says(code: ResolutionCode, text: str) -> bool:
    """Whether a text, of up to twelve lines, tells of an end of this kind, in whatever words an agent chose to cite."""
    patterns = {
        ResolutionCode.NO_FAULT: (_NO_FAULT, _ALL_WELL),
        ResolutionCode.DECLINED: (_DECLINED,),
        ResolutionCode.RECOVERED: (_BY_ITSELF, _WELL_AGAIN),
        ResolutionCode.WORKAROUND: (re.compile(r"\bwork-?around\b", re.IGNORECASE),),
        ResolutionCode.FIXED: (_FIXED, _WELL_AGAIN, _CONFIRMED),
        ResolutionCode.DUPLICATE: (
            re.compile(r"\b(?:duplicates?|dup(?:e|s)?|same (?:as|issue|incident))\b", re.IGNORECASE),
        ),
    }.get(code, ())
    return any(not _denied(text, match.start()) for pattern in patterns for match in pattern.finditer(text))


def finished(notes: ResolutionNotes, given: Submission) -> ResolutionNotes:
    """The duplicate as it is known here: nobody else says its title, or how alike it is."""
    other = notes.duplicate_of
    if other is None:
        return notes
    source = given.sources.find(f"{other.ticket_id}#0")
    known = replace(other, title=str(source.title) if source is not None else "", score=0.0, shared_atoms=())
    return replace(notes, duplicate_of=replace(known, relation="duplicate"))


def computed(given: Submission) -> dict[str, object]:
    """What code sets in notes that an agent wrote."""
    return {"sla": clock.sla(given.ticket, given.now), "severity": clock.severity(given.ticket, given.sources)}


def resolution_notes(given: ExtractInput) -> ResolutionNotes:
    """The notes of a ticket. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    sources = sources_of(given)
    maker = ClaimMaker(sources)
    everything = all_units(ticket)
    units = steps.standing(everything)
    headline = story.headline(ticket, maker)
    state, said_by = clock.state(ticket, units, sources)
    guides, no_guide = guidance.runbooks(given, maker, knowledge_query(ticket))
    end = _ending(units, ticket)
    impact = story.impact(units, ticket, maker)
    loss, loss_cited = handover.data_loss(units, maker)
    verified = _verified(units, end, ticket)
    cause = _cause(units, end.code, maker)
    done = steps.checked_steps(units, maker)
    code_cited: Citation | None = maker.citation(end.unit) if end.unit is not None else None
    return ResolutionNotes(
        head=head_of(given, "ResolutionNotes"),
        headline=headline,
        status=state,
        status_citation=said_by,
        severity=clock.severity(ticket, sources),
        sla=clock.sla(ticket, given.now),
        code=end.code,
        code_citation=code_cited,
        duplicate_of=_duplicate(end, given),
        cause=cause,
        impact=impact,
        data_loss=loss,
        data_loss_citation=loss_cited,
        resolution=_resolution(units, end, maker),
        verified=maker.claim(verified) if verified is not None else None,
        actions_taken=done,
        timeline=story.timeline(everything, ticket, maker, headline),
        follow_ups=_follow_ups(units, maker),
        runbooks=guides,
        no_runbook_reason=no_guide,
        open_questions=_questions(
            ticket, end.code, cause, has_check=verified is not None, loss=loss, impact=impact.claims
        ),
        not_included=(),
    )


@dataclass(frozen=True, slots=True)
class _End:
    """How it ended, and the sentence that says so; none where the code is unknown."""

    code: ResolutionCode
    unit: Unit | None = None
    duplicate: TicketRef | None = None


def false_alarm(units: Sequence[Unit], ticket: Ticket) -> Unit | None:
    """The sentence that says that nothing was wrong, where the ticket ended so."""
    end = _ending(units, ticket)
    return end.unit if end.code is ResolutionCode.NO_FAULT else None


def _ending(units: Sequence[Unit], ticket: Ticket) -> _End:
    """What the newest sentence that tells of an end says. One that is denied, planned or guessed tells of none.

    What somebody wrote goes before what only data say, and what came later before both: after an end, work or trouble
    that goes on says that it was none.
    """
    acted = _acted(units)
    for written in (True, False):
        for index in range(len(units) - 1, -1, -1):
            unit = units[index]
            if (unit.by_person and not unit.dump) is not written or _is_open(unit):
                continue
            end = _said_end(unit, acted)
            if end is not None:
                after = [other for other in units[index + 1 :] if other.entry > unit.entry]
                return _End(ResolutionCode.UNKNOWN) if any(_goes_on(one, ticket) for one in after) else end
    return _End(ResolutionCode.UNKNOWN)


def _goes_on(unit: Unit, ticket: Ticket) -> bool:
    """Whether a later sentence says that it is not over: trouble that is still there, an alarm, or, while the ticket is
    open, work that is planned."""
    text = unit.text
    if unit.kind is EntryKind.ALERT:
        return bool(FAILURE.search(text)) and not _WELL_AGAIN.search(text)
    if not unit.by_person or unit.dump or QUESTION.search(text):
        return False
    if _GOES_ON.search(text) and (FAILURE.search(text) or NEXT.search(text) or "open" in text.casefold()):
        return True
    return ticket.status.category.is_open and bool(NEXT.search(text)) and not _LATER_WORK.match(text)


def _acted(units: Sequence[Unit]) -> frozenset[int]:
    """The entries in which somebody did something."""
    return frozenset(unit.entry for unit in units if unit.by_person and unit.entry >= 0 and is_action(unit.text))


def _said_end(unit: Unit, acted: Collection[int]) -> _End | None:
    text = unit.text
    written = unit.entry >= 0 and unit.by_person and not unit.dump
    duplicate = _DUPLICATE.search(text)
    if duplicate is not None and not _denied(text, duplicate.start()):
        return _End(ResolutionCode.DUPLICATE, unit, _ref(duplicate))
    for code, pattern in (
        (ResolutionCode.NO_FAULT, _NO_FAULT),
        (ResolutionCode.DECLINED, _DECLINED),
        (ResolutionCode.RECOVERED, _BY_ITSELF),
        (ResolutionCode.WORKAROUND, _WORKAROUND),
        (ResolutionCode.FIXED, _FIXED),
    ):
        if not written and code not in (ResolutionCode.NO_FAULT, ResolutionCode.RECOVERED):
            continue  # a description is older than the end, and data say that it is well, not why
        match = pattern.search(text)
        if match is not None and not _denied(text, match.start()):
            return _End(code, unit)
    if not written and _ALL_WELL.search(text):
        return _End(ResolutionCode.NO_FAULT, unit)
    well = _WELL_AGAIN.search(text)
    if well is None or _denied(text, well.start()):
        return None
    # "Back to normal" says what ended it only together with what was done: in the sentence, or right before it.
    if is_action(text) or unit.entry in acted:
        return _End(ResolutionCode.FIXED, unit)
    return None if acted else _End(ResolutionCode.RECOVERED, unit)


def _is_open(unit: Unit) -> bool:
    text = unit.text
    return bool(QUESTION.search(text) or NEXT.search(text) or HEDGE.search(text) or SMALL_TALK.match(text))


def _denied(text: str, at: int) -> bool:
    """Whether what stands right before takes it back: ``not fixed``, ``until it is fixed``."""
    return bool(_DENIED.search(text[max(0, at - 32) : at]))


def _ref(match: re.Match[str]) -> TicketRef:
    """The ticket as it was written, without a system where none is named."""
    return TicketRef(match["system"] or "", match["key"])


def _duplicate(end: _End, given: ExtractInput) -> RelatedTicket | None:
    """The ticket that somebody wrote down, by its whole ref; with its title where it is known."""
    if end.duplicate is None:
        return None
    ref = replace(end.duplicate, system=end.duplicate.system or given.ticket.ref.system)
    known = next(((other, score) for other, score in given.related if other.ref == ref), None)
    return RelatedTicket(
        ticket_id=str(ref),
        title=str(known[0].title) if known is not None else "",
        relation="duplicate",
        score=round(known[1], 3) if known is not None else 0.0,
        shared_atoms=(),
    )


def _cause(units: Sequence[Unit], code: ResolutionCode, maker: ClaimMaker) -> Claim:
    """The newest sentence in which a person states a cause; unknown where nobody does, or nothing was wrong."""
    if code is ResolutionCode.NO_FAULT:
        return maker.unknown(NO_FAULT_CAUSE)
    if code is ResolutionCode.RECOVERED:
        return maker.unknown(RECOVERED_CAUSE)
    stated = [unit for unit in steps.causes(units) if unit.entry >= 0]
    plain = [unit for unit in stated if _NAMES_CAUSE.search(unit.text)]
    # "Because" also tells why something got better, which is no cause of what was wrong.
    rest = [unit for unit in stated if not _BETTER.search(unit.text)]
    if not plain and not rest:
        return maker.unknown(NO_CAUSE)
    return maker.claim((plain or rest)[-1])


def _resolution(units: Sequence[Unit], end: _End, maker: ClaimMaker) -> tuple[Claim, ...]:
    """The sentence that tells of the end, and the actions before it that helped."""
    if end.unit is None:
        return ()
    helped = [
        unit
        for unit in units
        if unit is not end.unit
        and unit.entry >= 0
        and unit.by_person
        and not unit.dump
        and unit.at <= end.unit.at
        and is_action(unit.text)
        and not _is_open(unit)
        and step_result(unit.text).value == "found"
    ]
    chosen = [*helped[-(RESOLUTION_LIMIT - 1) :], end.unit]
    chosen.sort(key=lambda unit: (unit.entry, unit.line_start))
    return tuple(dict.fromkeys(maker.claim(unit) for unit in chosen))


def _verified(units: Sequence[Unit], end: _End, ticket: Ticket) -> Unit | None:
    """Who or what says that it is over, from the end on; None while nothing says that it ended."""
    if end.unit is None and ticket.status.category.is_open:
        return None
    first = max(0, end.unit.entry if end.unit is not None else max(_acted(units), default=-1))
    for unit in reversed(units):
        if unit.entry < first:
            return None
        match = _WELL.search(unit.text)
        if match is None or _is_open(unit) or _denied(unit.text, match.start()):
            continue
        if unit.kind in (EntryKind.STATUS, EntryKind.FIELD):
            continue  # that somebody set a status verifies nothing
        if unit is not end.unit or _CONFIRMED.search(unit.text):
            return unit
    return None


def _follow_ups(units: Sequence[Unit], maker: ClaimMaker) -> tuple[NextStep, ...]:
    """What somebody wrote down to be done later; the newest first."""
    found: dict[str, NextStep] = {}
    for unit in reversed(units):
        text = unit.text
        if len(found) == FOLLOW_UPS_LIMIT:
            break
        if unit.dump or not unit.by_person or unit.entry < 0 or QUESTION.search(text) or SMALL_TALK.match(text):
            continue
        if unit.visibility is Visibility.PUBLIC or unit.kind is EntryKind.REPLY:
            continue
        if unit.author_type is ActorType.CUSTOMER or not _FOLLOW_UP.search(text):
            continue
        owner = unit.author if _OWNED.match(text) else None
        found.setdefault(
            text.casefold(), NextStep(text=cut(text, TEXT_LIMIT), citation=maker.citation(unit), owner=owner)
        )
    return tuple(found.values())


def _questions(
    ticket: Ticket, code: ResolutionCode, cause: Claim, *, has_check: bool, loss: Tristate, impact: Sequence[Claim]
) -> tuple[str, ...]:
    asked: list[str] = []
    if code is ResolutionCode.UNKNOWN and ticket.status.category.is_open:
        asked.append("Is it over, and how did it end? No line of the ticket says so.")
    elif code is ResolutionCode.UNKNOWN:
        asked.append("How did it end? No line of the ticket says so.")
    if not cause.citations and code not in (ResolutionCode.NO_FAULT, ResolutionCode.DUPLICATE, ResolutionCode.DECLINED):
        asked.append("What was the cause? The ticket does not state one.")
    if not has_check:
        asked.append("Who or what confirmed that it is over? The ticket does not say.")
    if loss is Tristate.UNKNOWN and ticket.severity in ("1", "2"):
        asked.append("Was data lost? The ticket does not say.")
    if not impact:
        asked.append("Who was affected, and how? The ticket does not say.")
    return tuple(asked[:5])
