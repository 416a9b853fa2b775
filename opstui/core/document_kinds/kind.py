"""What checks, schemas, renderings and runtimes have to know of a kind of document beside its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from opstui.core.claims import Citation
from opstui.core.document_kinds.parts import CheckedStep, Hypothesis, NextStep, SummaryStatus
from opstui.core.frozen import dataclass

LINE_LIMIT = 160
"""Characters of a text beside claims."""


@dataclass(frozen=True, slots=True)
class Said:
    """A short text beside claims that says something of its own, and what it rests on."""

    name: str
    """Of its findings: ``step-2``."""
    text: str
    citations: tuple[Citation, ...] = ()
    """Without any, it is held against everything that the document cites."""
    claim: str | None = None
    """The id of the claim that it belongs to."""


def said_of_steps(steps: Iterable[CheckedStep]) -> Iterator[Said]:
    """What each step says was done, on what its detail and its evidence cite."""
    for number, step in enumerate(steps, start=1):
        yield Said(f"step-{number}", step.what, (*step.detail.citations, *step.evidence), step.detail.id)


def said_of_plans(name: str, plans: Iterable[NextStep]) -> Iterator[Said]:
    """What each plan says, under ``name`` and its number."""
    for number, plan in enumerate(plans, start=1):
        yield Said(f"{name}-{number}", plan.text, (plan.citation,) if plan.citation else ())


def _nothing(document: Any) -> Iterator[Any]:
    yield from ()


def _questions(document: Any) -> Iterator[tuple[str, str]]:
    for question in document.open_questions:
        yield "open_questions", question


def _no_state(document: Any) -> None:
    return None


def _no_guesses(document: Any) -> Sequence[Hypothesis]:
    return ()


def _no_moments(document: Any) -> Sequence[datetime]:
    return ()


def _best_runbook(document: Any) -> float:
    runbooks = getattr(document, "runbooks", ())
    return runbooks[0].coverage if runbooks else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKind:
    """A kind of document. Each function takes a document of it."""

    document: type[Any]
    holders: frozenset[type[Any]]
    """The dataclasses inside of it that may hold a claim, the document's own included."""
    limits: Mapping[str, int]
    """Field → most items."""
    by_code: tuple[str, ...]
    """Fields that an agent neither sees nor sets, beside ``head`` and ``not_included``."""
    defaults: Mapping[str, Any]
    """What stands in a field that an agent may leave out, as JSON."""
    told: Callable[[Any], Iterator[str]]
    """Its sentences in the order a session says them while it works."""
    lines: Callable[[Any], Iterator[tuple[str, str]]] = _questions
    """Field and text of what must be one line of at most ``LINE_LIMIT`` characters."""
    said: Callable[[Any], Iterator[Said]] = _nothing
    """Texts beside claims that M2 looks at."""
    faults: Callable[[Any], Iterator[tuple[str, str]]] = _nothing
    """Field and what is wrong with its shape, beside limits and lines."""
    guesses: Callable[[Any], Sequence[Hypothesis]] = _no_guesses
    state: Callable[[Any], tuple[SummaryStatus, Citation | None] | None] = _no_state
    """The state word, and the entry that says so where it is not what the ticket's status means."""
    coverage: Callable[[Any], float] = _best_runbook
    """That of the best runbook it names: claims that rest on pages are worth no more."""
    outward: Callable[[Any], str] | None = None
    """What of it customers will read, as they will read it; None: nothing."""
    moments: Callable[[Any], Sequence[datetime]] = _no_moments
    """Times that code set and that its comment names: no source has them."""
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Text field → most characters."""
