"""The audit chain: who did what, when, to which ticket, with which content; each row seals the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
