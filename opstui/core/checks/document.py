"""All checks over one document, in milliseconds, whatever produced it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar

from opstui.core.checks import fitting, limits, m1, m2, m4
from opstui.core.checks.confidence import Level, confidences
from opstui.core.checks.outward import check_outward
from opstui.core.checks.spans import Spans
from opstui.core.documents import KINDS, Citation, Claim, Document, Finding, kind_of
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket

T = TypeVar("T")


def check_document(document: Document, sources: SourceSet, ticket: Ticket) -> list[Finding]:
    """Everything that M1, M2, M4, the limits and, for customers' words, the gate have to say; empty if it holds."""
    spans = Spans(sources)
    claims = every_claim(document)
    known = {citation for claim in claims for citation in claim.citations}
    others = {citation: field for citation, field in _fields_of(document, "") if citation not in known}
    outward = kind_of(document).outward
    return [
        *limits.check(document, claims),
        *m1.check(claims, others, spans),
        *m2.check(claims, spans),
        *m2.check_said(document, spans),
        *m2.check_stated(document, spans),
        *m4.check(document, claims, spans, ticket),
        *fitting.check(document, spans, ticket),
        *(check_outward(outward(document), ticket, now=document.head.generated_at) if outward is not None else ()),
    ]


def _fields_of(value: object, path: str) -> Iterator[tuple[Citation, str]]:
    """Every citation with the field it stands in: ``next steps 2``."""
    if isinstance(value, Citation):
        yield value, path.strip()
    elif isinstance(value, tuple):
        for number, item in enumerate(value, start=1):
            yield from _fields_of(item, f"{path} {number}")
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            inner = "" if path and field.name == "citation" else f" {field.name.replace('_', ' ')}"
            yield from _fields_of(getattr(value, field.name), f"{path}{inner}")


def every_claim(document: object) -> list[Claim]:
    """Every claim, in order; one that is used twice once, two that share an id both.

    ``claims_of`` keeps the first of an id: a second claim under it would go unchecked.
    """
    found: dict[Claim, None] = {}
    _gather(document, found)
    return list(found)


def _gather(value: object, found: dict[Claim, None]) -> None:
    if isinstance(value, Claim):
        found.setdefault(value)
    elif isinstance(value, tuple):
        for item in value:
            _gather(item, found)
    elif is_dataclass(value) and not isinstance(value, type) and type(value) in _holders():
        for field in fields(value):
            _gather(getattr(value, field.name), found)


def with_confidence(document: Document, sources: SourceSet, findings: list[Finding]) -> Document:
    """The document with each claim's confidence as the checks leave it, and the reason for it in words."""
    levels = confidences(document, Spans(sources), findings)
    made: dict[str, Claim] = {}
    return _rewritten(document, levels, made)


def _rewritten(value: T, levels: Mapping[str, Level], made: dict[str, Claim]) -> T:
    if isinstance(value, Claim):
        if value.id not in made:
            level = levels[value.id]
            made[value.id] = replace(value, confidence=level.confidence, confidence_reason=level.reason)
        return made[value.id]  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(_rewritten(item, levels, made) for item in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type) and type(value) in _holders():
        changes = {}
        for item in fields(value):
            before = getattr(value, item.name)
            if before is not None and not isinstance(before, (str, int, float)):
                after = _rewritten(before, levels, made)
                if after is not before:
                    changes[item.name] = after
        return replace(value, **changes) if changes else value
    return value


@cache
def _holders() -> frozenset[type[Any]]:
    """The dataclasses that may hold a claim."""
    return frozenset[type[Any]]().union(*(kind.holders for kind in KINDS.values()))
