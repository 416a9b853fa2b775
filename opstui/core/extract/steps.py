"""What was checked and done, with what came of it, and what somebody suspects."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opstui.core.documents import CLAIM_LIMIT, Actor, ActorType, CheckedStep, Hypothesis, StepResult
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.units import Unit
from opstui.core.extract.words import (
    ACTION,
    ASKING,
    CAUSE,
    CHECK,
    HEDGE,
    NEGATIVE_CAUSE,
    NEXT,
    QUESTION,
    RECOVERED,
    SMALL_TALK,
    STATED_CAUSE,
    SUSPICION,
    is_action,
    is_change,
    is_correction,
    says_result,
    step_result,
)
from opstui.core.tickets import EntryKind, Visibility

STEPS_LIMIT = 12
WHAT_LIMIT = 160
HYPOTHESES_LIMIT = 3

_COMMAND = re.compile(r"`([^`\n]{3,120})`|(?:^|\s)\$ ([^\n]{3,120})")
_RUNBOOK = re.compile(r"\brunbook|\bplaybook|\bstep \d", re.IGNORECASE)
_NO_STEP = re.compile(
    r"\b(?:is|are|was|were) to be\b|^still open\b|^correction\b|\bprepared\b|^raised to severity\b", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"(?:so |and )?(?:that|this|it)(?:['’]s| is| was) (?:indeed )?(?:the|our) (?:root )?(?:cause|culprit)\W*\Z",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{3,}")


def checked_steps(units: Sequence[Unit], maker: ClaimMaker) -> tuple[CheckedStep, ...]:
    """Steps that people wrote into the timeline, oldest first; of more than twelve the newest with a result.

    A step whose sentence does not say what came of it takes the result from the next sentence of the same entry, and
    cites both.
    """
    found: list[CheckedStep] = []
    for index, unit in enumerate(units):
        if not _is_step(unit):
            continue
        result = step_result(unit.text)
        evidence = [maker.citation(unit)]
        after = units[index + 1] if index + 1 < len(units) else None
        if result is StepResult.UNKNOWN and after is not None and after.entry == unit.entry and not after.dump:
            near = after.line_start == unit.line_end and len(after.text) <= 90
            if near and says_result(after.text) and not NEXT.search(after.text) and not ACTION.search(after.text):
                result = step_result(after.text)
                evidence.append(maker.citation(after))
        found.append(
            CheckedStep(
                what=cut(unit.text, WHAT_LIMIT),
                by=Actor(unit.author, unit.author_type),
                at=unit.at,
                method=_method(unit.text),
                result=result,
                detail=maker.claim(unit),
                evidence=tuple(evidence),
            )
        )
    if len(found) > STEPS_LIMIT:
        telling = [step for step in found if step.result is not StepResult.UNKNOWN][-STEPS_LIMIT:]
        rest = [step for step in reversed(found) if step not in telling][: STEPS_LIMIT - len(telling)]
        found = [step for step in found if step in telling or step in rest]
    return tuple(found)


def hypotheses(units: Sequence[Unit], maker: ClaimMaker, limit: int = HYPOTHESES_LIMIT) -> tuple[Hypothesis, ...]:
    """Causes that somebody suspected in so many words, hedged; none once the ticket says that it recovered unexplained.

    Later sentences that share its words and rule it out, or confirm it, are its evidence.
    """
    if recovered_unexplained(units):
        return ()
    found: list[Hypothesis] = []
    seen: set[str] = set()
    for index, unit in enumerate(units):
        if not _is_hypothesis(unit) or unit.text.casefold() in seen:
            continue
        seen.add(unit.text.casefold())
        words = _key_words(unit.text)
        later = [other for other in units[index + 1 :] if other.by_person and len(words & _key_words(other.text)) >= 2]
        against = [other for other in later if step_result(other.text) is StepResult.RULED_OUT]
        support = [other for other in later if "confirm" in other.text.casefold() and other not in against]
        test = next(
            (other for other in units[index + 1 : index + 4] if other.entry == unit.entry and NEXT.search(other.text)),
            None,
        )
        found.append(
            Hypothesis(
                claim=maker.claim(unit),
                evidence_for=tuple(maker.citation(other) for other in support[:3]),
                evidence_against=tuple(maker.citation(other) for other in against[:3]),
                next_test=cut(test.text, WHAT_LIMIT) if test is not None else None,
            )
        )
    return tuple(found[-limit:])


def recovered_unexplained(units: Sequence[Unit]) -> bool:
    """Whether the ticket says that all is well again (or always was) and no person stated a cause."""
    if any(states_cause(unit) for unit in units):
        return False
    return any(RECOVERED.search(unit.text) and not NEXT.search(unit.text) for unit in units)


def states_cause(unit: Unit) -> bool:
    """Whether a person states a cause as one, without a hedge."""
    return (
        unit.by_person
        and not unit.dump
        and bool(STATED_CAUSE.search(unit.text))
        and not HEDGE.search(unit.text)
        and not NEGATIVE_CAUSE.search(unit.text)
        and not QUESTION.search(unit.text)
    )


def causes(units: Sequence[Unit]) -> list[Unit]:
    """The sentences that tell a cause, oldest first.

    "That is the cause." is told by the sentence before it, where the same person wrote that without a hedge.
    """
    found: list[Unit] = []
    for index, unit in enumerate(units):
        if not states_cause(unit):
            continue
        if not _POINTS_BACK.match(unit.text):
            found.append(unit)
        elif index and units[index - 1].entry == unit.entry:
            before = units[index - 1]
            if not before.dump and not HEDGE.search(before.text) and not QUESTION.search(before.text):
                found.append(before)
    return found


def standing(units: Sequence[Unit]) -> list[Unit]:
    """The sentences without those that their own author corrected later."""
    taken_back: set[int] = set()
    for index, unit in enumerate(units):
        if not is_correction(unit):
            continue
        words: set[str] = set()
        for other in units[index : index + 6]:
            if other.entry == unit.entry:
                words |= _key_words(other.text)
        for earlier, other in enumerate(units[:index]):
            if (
                other.author == unit.author
                and 0 <= other.entry < unit.entry
                and len(words & _key_words(other.text)) >= 2
            ):
                taken_back.add(earlier)
    return [unit for index, unit in enumerate(units) if index not in taken_back]


def _is_step(unit: Unit) -> bool:
    if unit.entry < 0 or unit.dump or unit.kind is not EntryKind.COMMENT or unit.visibility is Visibility.PUBLIC:
        return False
    if unit.author_type is not ActorType.HUMAN:
        return False
    text = unit.text
    if SMALL_TALK.match(text) or QUESTION.search(text) or _NO_STEP.search(text) or _is_hypothesis(unit):
        return False
    if is_change(unit) and not CHECK.search(text) and step_result(text) is StepResult.UNKNOWN:
        return False
    did = is_action(text) or bool(CHECK.search(text))
    planned = bool(NEXT.search(text) or ASKING.search(text)) and step_result(text) is not StepResult.COULD_NOT_CHECK
    return did and not planned


def _is_hypothesis(unit: Unit) -> bool:
    text = cut(unit.text, CLAIM_LIMIT)  # a hedge that is cut off hedges nothing
    if unit.dump or (unit.entry < 0 and unit.label.startswith("suspected")):
        return False
    if (
        not unit.by_person
        or unit.author_type is ActorType.CUSTOMER
        or QUESTION.search(text)
        or unit.kind is EntryKind.REPLY
    ):
        return False
    return bool(SUSPICION.search(text) or (HEDGE.search(text) and CAUSE.search(text)))


def command_in(text: str) -> str | None:
    """The command that a sentence quotes, as it stands there; None where it quotes none."""
    command = _COMMAND.search(text)
    return (command[1] or command[2]).strip() if command else None


def _method(text: str) -> str:
    command = command_in(text)
    if command is not None:
        return cut(command, 120)
    if _RUNBOOK.search(text):
        return "runbook step"
    return "action" if is_action(text) else "observation"


def _key_words(text: str) -> set[str]:
    return {word.rstrip(".") for word in _WORD.findall(text.casefold()) if word not in _COMMON}


_COMMON = frozenset(
    "that this with from have been were will would could should there their which when after before since then than"
    " what some more most only also into over under about still just cause caused causes because probably possibly"
    " likely suspect suspected looks like think seems maybe perhaps ruled confirmed".split()
)
