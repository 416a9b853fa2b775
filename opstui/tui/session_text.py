"""A session's events as blocks of a transcript, and its figures as lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from opstui.core.claims import Citation, CitationKind
from opstui.core.frozen import dataclass
from opstui.core.sessions import Session, SessionEvent, SessionStatus, Usage
from opstui.tui.ticket_text import MARKS, workflow_word
from opstui.tui.words import count, estimate, money, running

Bit = tuple[str, str]

WIDE = 120
"""From this width the figures are a column."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a transcript."""

    id: str
    """The event's remote id: a later event with the same one replaces it."""
    kind: str
    """``text``, ``tool``, ``notice``, ``good``, ``error``, ``end``."""
    text: str = ""
    name: str = ""
    """Of a tool."""
    detail: str = ""
    """What a tool was asked, shown when unfolded."""
    at: datetime | None = None
    took_ms: int | None = None
    failed: bool = False
    open: bool = False
    """Unfolded; or text that may still grow."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Blocks in order, and how far the events were read."""

    blocks: tuple[Block, ...] = ()
    last: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    """Call id → index of its block."""
    ids: Mapping[str, int] = field(default_factory=dict)
    """Remote id → index of the text that it named."""


def tool_words(name: str, given: Mapping[str, Any]) -> str:
    """What a tool was asked, short: its one telling argument."""
    for key in ("query", "doc", "ref", "key"):
        if key in given:
            value = str(given[key])
            lines = (
                f"  {given['line_start']}-{given['line_end']}" if "line_start" in given and "line_end" in given else ""
            )
            return (f"“{value}”" if key == "query" else value) + lines
    return ""


def take(transcript: Transcript, events: Iterable[SessionEvent]) -> tuple[Transcript, int]:
    """``transcript`` with ``events`` taken in, and the index of the first block that differs."""
    blocks = list(transcript.blocks)
    calls, ids = dict(transcript.calls), dict(transcript.ids)
    last, first = transcript.last, len(blocks)

    def add(block: Block) -> int:
        blocks.append(block)
        return len(blocks) - 1

    for event in events:
        last = max(last, event.seq)
        data = event.data
        match event.type:
            case "text":
                text = str(data.get("text", ""))
                partial = bool(data.get("partial"))
                if event.remote_id in ids:
                    index = ids[event.remote_id]
                    blocks[index] = replace(blocks[index], text=text, open=partial)
                    first = min(first, index)
                else:
                    ids[event.remote_id] = add(Block(event.remote_id, "text", text, at=event.at, open=partial))
            case "tool.call":
                given = data.get("input") if isinstance(data.get("input"), Mapping) else {}
                assert isinstance(given, Mapping)
                name = str(data.get("name", ""))
                detail = json.dumps(dict(given), ensure_ascii=False, indent=2, default=str) if given else ""
                calls[str(data.get("id"))] = add(
                    Block(event.remote_id, "tool", tool_words(name, given), name=name, detail=detail, at=event.at)
                )
            case "tool.result":
                index = calls.get(str(data.get("id")), -1)
                if index >= 0:
                    call = blocks[index]
                    took = int((event.at - call.at).total_seconds() * 1000) if call.at is not None else None
                    blocks[index] = replace(call, took_ms=took, failed=bool(data.get("is_error")))
                    first = min(first, index)
            case "notice" | "error":
                add(Block(event.remote_id, event.type, str(data.get("text", "")), at=event.at))
            case "document":
                add(Block(event.remote_id, "good", "document accepted: its checks ran", at=event.at))
            case "draft":
                add(Block(event.remote_id, "end", "draft ready", at=event.at))
            case "session.ended":
                session = data.get("session")
                reason = str(session.get("stop_reason") or "") if isinstance(session, Mapping) else ""
                status = str(session.get("status") or "ended") if isinstance(session, Mapping) else "ended"
                add(
                    Block(
                        event.remote_id,
                        "end",
                        f"{status}{f': {reason.replace(chr(95), chr(32))}' if reason else ''}",
                        at=event.at,
                    )
                )
            case _:
                pass
    return Transcript(tuple(blocks), last, calls, ids), first


def bar(spent: int, budget: int | None, width: int) -> list[Bit]:
    """``▓▓░░░░░ 23%`` of the budget; it warns from 80 %."""
    if not budget:
        return []
    share = min(1.0, spent / budget)
    full = min(width, max(1 if spent else 0, round(share * width)))
    role = "bad" if spent >= budget else "warn" if share >= 0.8 else "accent"
    return [("▓" * full, role), ("░" * (width - full), "faint"), (f" {share:.0%}", role if share >= 0.8 else "dim")]


def headline(session: Session, width: int) -> tuple[list[Bit], list[Bit]]:
    """Ticket and workflow at the left, status and cost at the right, unless a column has these."""
    mark, role = MARKS[session.status]
    left: list[Bit] = [(f" {session.ticket.key}  ", "strong"), (workflow_word(session.workflow), "text")]
    if width >= WIDE:
        return left, []
    cost = session.cost
    spent: list[Bit] = [(estimate(cost.estimate, fine=True), "text")]
    if cost.budget and width >= 60:
        spent += [
            (f" of {money(cost.budget)}", "dim"),
            ("  ", "dim"),
            *bar(cost.estimate, cost.budget, 7 if width < 100 else 12),
        ]
    right: list[Bit] = [(f"{mark} ", role), (f"{running(cost.usage.running_ms)}   ", "text"), *spent, (" ", "dim")]
    return left, right


def subline(session: Session) -> tuple[list[Bit], list[Bit]]:
    """Runtime and model at the left, tokens at the right."""
    usage = session.cost.usage
    what = session.runtime if session.model is None else f"{session.runtime} · {session.model}"
    left: list[Bit] = [(f" {what} · {status_words(session)}", "dim")]
    right: list[Bit] = []
    if usage.input_tokens or usage.output_tokens:
        right = [
            ("in ", "faint"),
            (count(usage.input_tokens), "dim"),
            ("  out ", "faint"),
            (count(usage.output_tokens), "dim"),
            ("  cache ", "faint"),
            (count(usage.cache_read_tokens), "dim"),
            (" ", "dim"),
        ]
    elif session.runtime_kind == "extractive":
        right = [("no model, no tokens ", "faint")]
    return left, right


_WAITS = {
    SessionStatus.QUEUED: "queued: waits for the worker",
    SessionStatus.STARTING: "starting: opening the runtime",
    SessionStatus.WAITING: "waits for you",
}


def status_words(session: Session) -> str:
    """The status, and what is waited for."""
    words = _WAITS.get(session.status, session.status.value)
    if session.stop_reason and session.stop_reason not in ("end_turn", "done", "finished"):
        words += f" ({session.stop_reason.replace('_', ' ')})"
    return words


def figures(session: Session) -> list[tuple[str, list[Bit]]]:
    """The column at the right from 120 columns: label and value."""
    usage, cost = session.cost.usage, session.cost
    mark, role = MARKS[session.status]
    rows: list[tuple[str, list[Bit]]] = [
        ("status", [(f"{mark} ", role), (status_words(session), "text")]),
        ("runtime", [(session.runtime, "text")]),
        *([("model", [(session.model, "text")])] if session.model else []),
        ("running", [(running(usage.running_ms), "text")]),
        ("", []),
        (
            "cost",
            [
                (estimate(cost.estimate, fine=True), "text"),
                *([(f" of {money(cost.budget)}", "dim")] if cost.budget else []),
            ],
        ),
    ]
    if cost.budget:
        rows.append(("", bar(cost.estimate, cost.budget, 14)))
    if cost.reported is not None:
        rows.append(("reported", [(money(cost.reported), "text")]))
    if session.runtime_kind == "extractive":
        rows.append(("tokens", [("no model, no tokens", "dim")]))
    else:
        rows += _token_rows(usage)
    if session.draft:
        rows += [("", []), ("draft", [("ready", "accent")])]
    return rows


def _token_rows(usage: Usage) -> list[tuple[str, list[Bit]]]:
    return [
        ("in", [(count(usage.input_tokens), "dim")]),
        ("out", [(count(usage.output_tokens), "dim")]),
        ("cache", [(f"{count(usage.cache_read_tokens)} read", "dim")]),
    ]


def citations(document: Mapping[str, Any] | None) -> list[Citation]:
    """Every citation of a document as JSON, each once, in order of appearance."""
    found: dict[Citation, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            if {"kind", "ref", "line_start", "line_end"} <= value.keys():
                try:
                    cite = Citation(
                        CitationKind(value["kind"]),
                        str(value["ref"]),
                        int(value["line_start"]),
                        int(value["line_end"]),
                        str(value.get("quote", "")),
                    )
                except (ValueError, TypeError):
                    return
                found.setdefault(cite)
            else:
                for part in value.values():
                    walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                walk(part)

    walk(document)
    return list(found)
