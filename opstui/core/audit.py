"""The audit chain: who did what, when, to which ticket, with which content; each row seals the one before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from opstui.core.canonical import canonical, fingerprint
from opstui.core.codec import encode
from opstui.core.frozen import dataclass

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What is to be recorded; sequence and hashes are added when it is written. Never holds a secret."""

    at: datetime
    operator: str
    actor: str
    """``operator``, ``agent`` or ``program``."""
    action: str
    """``session.start``, ``draft.create``, ``draft.approve``, ``push.verified``, …"""
    ticket: str | None = None
    session: str | None = None
    draft: str | None = None
    workflow_version: str | None = None
    documents: tuple[str, ...] = ()
    """Pages and tickets that were retrieved."""
    content_hash: str | None = None
    override_reason: str | None = None
    confidence: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(AuditEntry):
    """A row of the chain."""

    seq: int
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a chain holds."""

    ok: bool
    rows: int
    """How many rows were read."""
    first_broken: int | None = None
    """Sequence number of the first row that is wrong or missing."""
    reason: str = ""


def seal(entry: AuditEntry, previous: AuditRecord | None) -> AuditRecord:
    """The next row of the chain: SHA-256 over the previous hash and the canonical JSON of every field and ``seq``."""
    seq = previous.seq + 1 if previous is not None else 1
    before = previous.hash if previous is not None else GENESIS
    return seal_after(entry, seq - 1, before)


def seal_after(entry: AuditEntry, head_seq: int, head_hash: str) -> AuditRecord:
    """:func:`seal`, for who knows only the head's number and hash (``0`` and ``GENESIS`` for an empty chain)."""
    given = {item.name: getattr(entry, item.name) for item in fields(AuditEntry)}
    return AuditRecord(**given, seq=head_seq + 1, previous=head_hash, hash=_hash(entry, head_seq + 1, head_hash))


def verify(records: Iterable[AuditRecord], *, heads: Iterable[str] = ()) -> Verdict:
    """Read a chain from its first row on, in order, holding one row at a time.

    ``heads`` are hashes that others wrote down when they were the newest (outbox rows keep them): each must be in the
    chain, or its end was cut off or it was written anew.
    """
    missing = {head for head in heads if head and head != GENESIS}
    rows, before = 0, GENESIS
    for record in records:
        rows += 1
        reason = ""
        if record.seq != rows:
            reason = f"row {rows} is missing: {record.seq} comes next"
        elif record.previous != before:
            reason = f"row {rows} does not follow the row before it"
        elif record.hash != _hash(record, record.seq, record.previous):
            reason = f"row {rows} was changed after it was written"
        if reason:
            return Verdict(False, rows + sum(1 for _ in records), min(rows, record.seq), reason)
        missing.discard(record.hash)
        before = record.hash
    if missing:
        return Verdict(False, rows, rows + 1, "rows that a push relied on are gone: the end of the chain is missing")
    return Verdict(True, rows)


def _hash(entry: AuditEntry, seq: int, previous: str) -> str:
    content = {item.name: encode(getattr(entry, item.name)) for item in fields(AuditEntry)}
    return fingerprint(previous.encode("ascii", "replace") + canonical({**content, "seq": seq}))
