"""Claims, what backs them, and what a check says of them: the smallest parts that every document is made of."""

from __future__ import annotations

from enum import StrEnum

from opstui.core.frozen import dataclass

CITATION_LINES = 12
"""A span is at most this long, so that a reader can check it at a glance."""
QUOTE_LIMIT = 200
CLAIM_LIMIT = 280


class CitationKind(StrEnum):
    """What is cited: a timeline entry, a runbook page, or a tool's result."""

    ENTRY = "entry"
    DOC = "doc"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of lines in a source."""

    kind: CitationKind
    ref: str
    """``KEY#n`` for the session's own ticket, ``SYSTEM:KEY#n`` for another, ``source/path`` for a page."""
    line_start: int
    line_end: int
    quote: str = ""
    """A substring of the span, at most 200 characters."""
    sha256_12: str = ""
    """First 12 hex digits of the SHA-256 of the span's UTF-8 bytes when it was read."""


class ClaimStatus(StrEnum):
    """How the author of a claim knows it."""

    FACT = "fact"
    """A system recorded it."""
    REPORTED = "reported"
    """Somebody says so in the source."""
    INFERRED = "inferred"
    """Concluded; begins with a hedge."""
    UNKNOWN = "unknown"
    """Said to be unknown; the only kind that needs no citation."""


class Confidence(StrEnum):
    """Set by code, never by a model."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence, one assertion, one to three citations."""

    id: str
    text: str
    status: ClaimStatus
    confidence: Confidence = Confidence.LOW
    citations: tuple[Citation, ...] = ()
    confidence_reason: str = ""
    """Why it is no more and no less, in a few words, set by code: ``one source``, ``support 0.41``."""


class Engine(StrEnum):
    """Which kind of runtime wrote a document; it is named in the document and in what is rendered from it."""

    MANAGED = "managed"
    LOCAL = "local"
    EXTRACTIVE = "extractive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check says about a document, a draft or one of its claims."""

    id: str
    """``M1``, ``M2``, ``M4``, ``outward``, ``policy``, …; with ``:claim-id`` where it is about one claim."""
    level: str
    """``block`` or ``warn``."""
    text: str
    claim: str | None = None
    """The claim's id, if it is about one."""
    citation: Citation | None = None
    overridden: str | None = None
    """The reason code with which a person answered it."""

    @property
    def blocks(self) -> bool:
        """Whether it still stops an approval."""
        return self.level == "block" and self.overridden is None
