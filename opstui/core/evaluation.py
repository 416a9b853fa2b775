"""Evaluations: what a workflow is held against on a recorded case, and what is better or worse than before.

Measures M1 to M7 are shares between 0 and 1, more is better; None where a case has nothing to measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from opstui.core.codec import decode, encode
from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

FORMAT = 1
"""Of a saved evaluation."""

MEASURES: Mapping[str, str] = {
    "validity": "M1 citations that hold",
    "coverage": "M1 claims with a citation that holds",
    "support": "M1 telling words that stand in what is cited",
    "atoms": "M2 claims whose times and identifiers stand in what is cited",
    "numbers": "M2 claims whose numbers do",
    "recall": "M3 required facts that are told",
    "forbidden": "M3 forbidden words that are not told",
    "polarity": "M4 state, polarity and hedges that agree",
    "abstention": "M5 nothing claimed where there is nothing",
    "values": "expected values, runbooks and similar tickets",
    "limits": "M6 within every limit",
    "stability": "M7 claims that come again when it is run again",
    "labels": "labelled claims that are no longer made as a person faulted them",
}
"""Measure → what it is a share of."""
TOLERANCE: Mapping[str, float] = {"support": 0.05, "numbers": 0.02, "stability": 0.05}
"""How far a measure may fall before it is a regression; by nothing where it is not named."""
GATES: Mapping[str, float] = {
    "validity": 1.0,
    "coverage": 1.0,
    "atoms": 1.0,
    "forbidden": 1.0,
    "polarity": 1.0,
    "abstention": 1.0,
    "limits": 1.0,
    "recall": 0.8,
}
"""What the mean of all cases has to reach for a version to count as evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person answered to a check when they let a draft through all the same."""

    check: str
    """The finding's id."""
    reason: str
    """The reason code."""
    text: str
    """What the check said."""
    claim: str
    """The claim's text; empty where it was about none."""
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a person expects of the document of a case. Everything may be left out."""

    required: tuple[tuple[str, ...], ...] = ()
    """Facts: of the words in each, one has to be told."""
    forbidden: tuple[str, ...] = ()
    """Words that must not stand in the document."""
    no_cause: bool = False
    """Nothing is wrong (any more): no cause may be claimed."""
    state: str | None = None
    runbook: str | None = None
    """The page that has to be among those named."""
    no_runbook: bool = False
    similar: tuple[str, ...] = ()
    """Refs that have to be among the related tickets."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Dotted path in the document → the value there."""
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of one case."""

    case: str
    workflow: str
    version: str
    runtime: str
    measures: Mapping[str, float | None]
    words: int = 0
    cost: int = 0
    """Micro-dollars of all its runs."""
    seconds: float = 0.0
    """Of the first run."""
    stop_reason: str = ""
    """Why there is no document; empty with one."""
    lost: tuple[str, ...] = ()
    """In words, what fell short: a required fact that is not told, a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What operators did with the drafts of a workflow's version, as far as the record knows."""

    shown: int = 0
    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    overrides: int = 0

    @property
    def share(self) -> float | None:
        """Accepted or edited of those decided; None where none was."""
        decided = self.accepted + self.edited + self.rejected
        return (self.accepted + self.edited) / decided if decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A run over a folder of cases."""

    runtime: str
    model: str | None
    at: datetime
    by: str
    told: tuple[Told, ...]
    acceptance: Mapping[str, Acceptance] = field(default_factory=dict)
    """Workflow → what became of that version's drafts."""
    reached_budget: bool = False

    @property
    def cost(self) -> int:
        """Micro-dollars in all."""
        return sum(told.cost for told in self.told)

    @property
    def versions(self) -> Mapping[str, str]:
        """Workflow → version."""
        return {told.workflow: told.version for told in self.told}

    def mean(self, workflow: str | None = None) -> Mapping[str, float | None]:
        """Measure → mean over the cases (of a workflow) that have it."""
        chosen = [told for told in self.told if workflow in (None, told.workflow)]
        return {name: _mean(told.measures.get(name) for told in chosen) for name in MEASURES}

    def passed(self, workflow: str) -> bool:
        """Whether the workflow reaches every gate, with a document in each of its cases."""
        chosen = [told for told in self.told if told.workflow == workflow]
        means = self.mean(workflow)
        reached = all((value := means.get(name)) is None or value >= gate - 1e-9 for name, gate in GATES.items())
        return bool(chosen) and not self.reached_budget and reached and not any(told.stop_reason for told in chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A measure of a case that is not what it was."""

    case: str
    measure: str
    before: float | None
    now: float | None
    worse: bool


def changes(now: Sequence[Told], before: Mapping[str, Told]) -> Iterator[Change]:
    """What differs from the runs of before, case by case; a case that is new is no change, one that is gone is worse.

    Within its tolerance a measure may fall without being called worse.
    """
    for told in now:
        old = before.get(told.case)
        if old is None:
            continue
        if bool(told.stop_reason) != bool(old.stop_reason):
            yield Change(
                case=told.case,
                measure="document",
                before=float(not old.stop_reason),
                now=float(not told.stop_reason),
                worse=bool(told.stop_reason),
            )
            continue
        for name in MEASURES:
            was, is_now = old.measures.get(name), told.measures.get(name)
            if was is None or is_now is None or abs(was - is_now) < 1e-9:
                continue
            worse = is_now < was - TOLERANCE.get(name, 0.0) - 1e-9
            yield Change(case=told.case, measure=name, before=was, now=is_now, worse=worse)
    there = {told.case for told in now}
    for name in before:
        if name not in there:
            yield Change(case=name, measure="case", before=1.0, now=None, worse=True)


def saved(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as a file that a later one is compared with."""
    return {"format": FORMAT, **encode(evaluation)}


def told_before(value: object, file: str) -> Mapping[str, Told]:
    """Case → what came of it, in a saved evaluation. Raises ConfigError."""
    try:
        if not isinstance(value, Mapping) or value["format"] != FORMAT:
            raise ValueError("not of this format")
        return {told.case: told for told in (decode(Told, item) for item in value["told"])}
    except (KeyError, TypeError, ValueError) as error:
        what = clean_line(str(error), limit=100)
        raise ConfigError(f"no evaluation that `opstui eval --save` wrote ({what})", file=file) from None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
