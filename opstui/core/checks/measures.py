"""M1 to M6 of one document, as shares: what ``opstui eval`` compares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from opstui.core.checks.document import check_document
from opstui.core.checks.m1 import citation_fault, support, word_weights
from opstui.core.checks.spans import Spans
from opstui.core.documents import Claim, ClaimStatus, Document, Finding, citations_of, claims_of, kind_of
from opstui.core.evaluation import Expectations, Label
from opstui.core.render.plain import SUMMARY_WORDS, word_count
from opstui.core.render.registry import COMMENTS, as_comment
from opstui.core.sources import SourceSet
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket

_CAUSE = re.compile(
    r"\b(?:root cause|caused by|because of|due to|the cause (?:is|was)|triggered by|culprit)\b", re.IGNORECASE
)
_NONE_KNOWN = re.compile(r"\b(?:no|not|nobody|unknown|nothing|without)\b", re.IGNORECASE)


def measure(
    document: Document, sources: SourceSet, ticket: Ticket, wanted: Expectations
) -> tuple[dict[str, float | None], list[str], int]:
    """The measures of a document, in words what fell short, and how many words a reader gets."""
    spans = Spans(sources)
    findings = check_document(document, sources, ticket)
    claims = [claim for claim in claims_of(document) if claim.status is not ClaimStatus.UNKNOWN]
    short = [f"{finding.id}: {finding.text}" for finding in findings]
    citations = citations_of(document)
    sound = [citation for citation in citations if citation_fault(citation, sources) is None]
    backed = [claim for claim in claims if any(citation_fault(item, sources) is None for item in claim.citations)]
    weights = word_weights(claims, spans)
    told = texts_of(document)
    whole = "\n".join(told).casefold()
    lost = [words for words in wanted.required if not any(word.casefold() in whole for word in words)]
    said = [word for word in wanted.forbidden if word.casefold() in whole]
    short += [f"not told: {' or '.join(words)}" for words in lost]
    short += [f"forbidden: {word}" for word in said]
    agreed = list(_values(document, wanted))
    short += [text for held, text in agreed if not held]
    silent = list(_silences(document, claims, wanted))
    short += [text for held, text in silent if not held]
    answered = list(_labels(document, findings, wanted.labels))
    short += [text for held, text in answered if not held]
    words = word_count(as_comment(document)) if type(document).__name__ in COMMENTS else 0
    outgrown = kind_of(document).document.__name__ == "IncidentSummary" and words > SUMMARY_WORDS
    if outgrown:
        short.append(f"{words} words")
    shares: dict[str, float | None] = {
        "validity": _share(len(sound), len(citations)),
        "coverage": _share(len(backed), len(claims)),
        "support": _share(sum(support(claim, spans, weights) for claim in claims), len(claims)),
        "atoms": _without(claims, findings, "M2:"),
        "numbers": _without(claims, findings, "M2-number:"),
        "recall": _share(len(wanted.required) - len(lost), len(wanted.required)),
        "forbidden": _share(len(wanted.forbidden) - len(said), len(wanted.forbidden)),
        "polarity": 1.0 - min(1.0, _faults(findings, "M4") / max(1, len(claims))),
        "abstention": _share(sum(held for held, _ in silent), len(silent)),
        "values": _share(sum(held for held, _ in agreed), len(agreed)),
        "limits": 0.0 if outgrown or _faults(findings, "limits") else 1.0,
        "labels": _share(sum(held for held, _ in answered), len(answered)),
    }
    return shares, [str(clean_line(text, limit=300)) for text in short], words


def alike(one: Document, other: Document) -> float:
    """Share of the claims of two documents that both make."""
    texts = [{claim.text for claim in claims_of(document)} for document in (one, other)]
    union = texts[0] | texts[1]
    return len(texts[0] & texts[1]) / len(union) if union else 1.0


def texts_of(document: Document) -> list[str]:
    """Everything that a document says in words: its claims, the texts beside them, and its values."""
    kind = kind_of(document)
    found = [claim.text for claim in claims_of(document)]
    found += [said.text for said in kind.said(document)]
    found += [text for _, text in kind.lines(document)]
    found += list(kind.told(document))
    return found


def value_at(document: Document, path: str) -> str | None:
    """The value at a dotted path, ``service.value`` or ``ask.0.verb``; None where there is none."""
    found: Any = document
    for part in path.split("."):
        if isinstance(found, tuple) and part.isdigit():
            found = found[int(part)] if int(part) < len(found) else None
        elif is_dataclass(found) and not isinstance(found, type) and part in {item.name for item in fields(found)}:
            found = getattr(found, part)
        else:
            return None
    return None if found is None else str(found.value if isinstance(found, Enum) else found)


def _values(document: Document, wanted: Expectations) -> Iterator[tuple[bool, str]]:
    state = kind_of(document).state(document)
    if wanted.state is not None and state is not None:
        yield state[0].value == wanted.state, f"the state is {state[0].value}, not {wanted.state}"
    for path, value in wanted.values.items():
        there = value_at(document, path)
        yield (there or "").casefold() == value.casefold(), f"{path} is {there}, not {value}"
    if wanted.runbook is not None:
        named = [runbook.doc_id for runbook in getattr(document, "runbooks", ())]
        yield wanted.runbook in named, f"{wanted.runbook} is not among the runbooks"
    others = {str(item.ticket_id) for name in ("duplicates", "related") for item in getattr(document, name, ())}
    for ref in wanted.similar:
        yield ref in others, f"{ref} is not among the similar tickets"


def _silences(document: Document, claims: Sequence[Claim], wanted: Expectations) -> Iterator[tuple[bool, str]]:
    if wanted.no_runbook:
        named = [runbook.doc_id for runbook in getattr(document, "runbooks", ())]
        yield not named, f"no runbook fits, but {', '.join(named[:3])} is named"
    if wanted.no_cause:
        causes = [claim.text for claim in claims if _CAUSE.search(claim.text) and not _NONE_KNOWN.search(claim.text)]
        causes += [guess.claim.text for guess in kind_of(document).guesses(document)]
        yield not causes, f"a cause is claimed: {causes[0] if causes else ''}"


def _labels(document: Document, findings: Sequence[Finding], labels: Sequence[Label]) -> Iterator[tuple[bool, str]]:
    """A claim that a person faulted must not come again; one whose check they overruled may."""
    claims = {claim.id: claim.text for claim in claims_of(document)}
    stopped = {claims.get(finding.claim or "", "").casefold() for finding in findings if finding.level == "block"}
    for label in labels:
        again = [text for text in claims.values() if text.casefold() == label.claim.casefold()]
        if label.claim:
            held = not again if label.reason in FAULTS else label.claim.casefold() not in stopped
            yield held, f"as labelled {label.reason}: {label.claim}"
        else:
            again_found = any(finding.id == label.check for finding in findings)
            yield not again_found, f"as labelled {label.reason}: {label.check}"


FAULTS = frozenset(("wrong_fact", "missing_fact", "wrong_action", "tone", "stale"))
"""Reason codes that find fault with what was written; ``policy`` and ``other`` say that the check was in the way."""


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _without(claims: Sequence[Claim], findings: Sequence[Finding], prefix: str) -> float | None:
    faulted = {finding.claim for finding in findings if finding.id.startswith(prefix)}
    return _share(sum(claim.id not in faulted for claim in claims), len(claims))


def _faults(findings: Sequence[Finding], prefix: str) -> int:
    return sum(finding.id.startswith(prefix) for finding in findings)


def as_numbers(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    """Rounded to four places: what is stored and compared."""
    return {name: None if share is None else round(share, 4) for name, share in shares.items()}
