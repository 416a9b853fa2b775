"""A session's events as blocks of a transcript. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from opstui.core.claims import Citation, CitationKind
from opstui.core.codec import moment
from opstui.core.frozen import dataclass
from opstui.core.sessions import Session, SessionEvent

YOU = "you: "
"""How a notice begins that holds what the operator said to the agent."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a transcript."""

    id: str
    """The event's remote id: a later event with the same one replaces it."""
    kind: str
    """``text``, ``you``, ``tool``, ``document``, ``notice``, ``good``, ``error``, ``end``, ``wait``, ``stand``."""
    text: str = ""
    name: str = ""
    """Of a tool; ``session`` for the end of a session."""
    detail: str = ""
    """What a tool was asked, or a document in full, shown when unfolded."""
    at: datetime | None = None
    took_ms: int | None = None
    failed: bool = False
    open: bool = False
    """Unfolded; or text that may still grow."""
    state: str = ""
    """Of a tool call that is not answered: since when, or that it never will be."""
    choices: tuple[tuple[str, str], ...] = ()
    """Of a session that stands still: keys, and what they would do."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that is waited for until a moment, as a notice said."""

    text: str
    until: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Blocks in order, and how far the events were read."""

    blocks: tuple[Block, ...] = ()
    last: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    """Call id → index of its block."""
    ids: Mapping[str, int] = field(default_factory=dict)
    """Remote id → index of the block that it made."""
    asked: frozenset[int] = frozenset()
    """Indexes of the tool calls that nobody answered yet."""
    waits: Mapping[str, Wait] = field(default_factory=dict)
    """Remote id → wait, those that are over among them."""
    last_at: datetime | None = None
    """When something happened last."""
    state: tuple[str, str] = ("", "")
    """Status and stop reason as the events tell them."""

    def since(self, now: datetime) -> int:
        """After which event to read on: a wait that goes on is told anew under the number it has."""
        open_ones = [wait.seq for wait in self.waits.values() if wait.until > now]
        return min([self.last, *(seq - 1 for seq in open_ones)])


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
    """``transcript`` with ``events`` taken in, and the index of the first block that differs.

    An event that comes again replaces what it made before.
    """
    taking = _Taking(transcript)
    for event in events:
        taking.take(event)
    return taking.taken(), taking.first


class _Taking:
    """A transcript while events are taken in."""

    def __init__(self, before: Transcript) -> None:
        self._blocks = list(before.blocks)
        self._calls, self._ids, self._waits = dict(before.calls), dict(before.ids), dict(before.waits)
        self._asked = set(before.asked)
        self._last, self._last_at, self._state = before.last, before.last_at, before.state
        self.first = len(before.blocks)

    def taken(self) -> Transcript:
        """What came of it."""
        return Transcript(
            tuple(self._blocks), self._last, self._calls, self._ids, frozenset(self._asked), self._waits,
            self._last_at, self._state,
        )  # fmt: skip

    def take(self, event: SessionEvent) -> None:
        """One event."""
        self._last = max(self._last, event.seq)
        self._last_at = event.at if self._last_at is None else max(self._last_at, event.at)
        data = event.data
        match event.type:
            case "text":
                self._put(event, "text", str(data.get("text", "")), open=bool(data.get("partial")))
            case "tool.call":
                self._call(event)
            case "tool.result":
                self._result(event)
            case "notice" | "error":
                self._notice(event)
            case "document":
                body = data.get("document")
                given = body if isinstance(body, Mapping) else {}
                self._put(event, "document", document_words(given), name="document")
                paper = PAPERS.get(_kind_of(given))
                if paper is not None:
                    self._put(replace(event, remote_id=f"{event.remote_id}:paper"), "end", f"{paper} ready")
            case "draft":
                self._put(event, "end", "draft ready")
            case "status":
                self._state = (str(data.get("status") or ""), str(data.get("stop_reason") or ""))
            case "session.ended":
                self._ended(event)
            case _:
                pass

    def _put(self, event: SessionEvent, kind: str, text: str, **more: Any) -> int:
        block = Block(event.remote_id, kind, text, at=event.at, **more)
        index = self._ids.get(event.remote_id)
        if index is None:
            index = self._ids[event.remote_id] = len(self._blocks)
            self._blocks.append(block)
        else:
            self._blocks[index] = block
            self.first = min(self.first, index)
        return index

    def _ended(self, event: SessionEvent) -> None:
        status, reason = self._state
        words = "" if reason in ("", "done", "end_turn") else reason.replace("_", " ")
        if status != "idle":
            self._put(event, "end", f"{status or 'ended'}{f': {words}' if words else ''}", name="session")
        elif words:
            self._put(event, "end", f"it stood still: {words}", name="session")

    def _notice(self, event: SessionEvent) -> None:
        text, until = str(event.data.get("text", "")), _moment(event.data.get("until"))
        if until is not None:
            self._waits[event.remote_id] = Wait(text, until, event.seq)
        elif event.type == "notice" and text.startswith(YOU):
            self._put(event, "you", text.removeprefix(YOU))
        else:
            self._put(event, event.type, text)

    def _call(self, event: SessionEvent) -> None:
        call, given = str(event.data.get("id")), event.data.get("input")
        given = given if isinstance(given, Mapping) else {}
        if call in self._calls:
            return
        name = str(event.data.get("name", ""))
        detail = json.dumps(dict(given), ensure_ascii=False, indent=2, default=str) if given else ""
        index = self._put(event, "tool", tool_words(name, given), name=name, detail=detail)
        self._calls[call] = index
        self._asked.add(index)

    def _result(self, event: SessionEvent) -> None:
        index = self._calls.get(str(event.data.get("id")), -1)
        if index < 0:
            return
        call = self._blocks[index]
        took = int((event.at - call.at).total_seconds() * 1000) if call.at is not None else None
        self._blocks[index] = replace(call, took_ms=took, failed=bool(event.data.get("is_error")))
        self._asked.discard(index)
        self.first = min(self.first, index)


def _moment(value: object) -> datetime | None:
    try:
        return moment(value) if isinstance(value, str) else None
    except ValueError:
        return None


def document_words(body: Mapping[str, Any]) -> str:
    """``accepted: its checks ran · 9 claims, 5 sources``."""
    count = _claims_in(body)
    claims = f"{count} claim{'' if count == 1 else 's'}"
    sources = len({cite.ref for cite in citations(body)})
    counted = f" · {claims}, {sources} source{'' if sources == 1 else 's'}" if count else ""
    return f"accepted: its checks ran{counted}"


def _claims_in(value: Any) -> int:
    ids: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, Mapping):
            if {"id", "text", "status", "citations"} <= part.keys():
                ids.add(str(part["id"]))
            for one in part.values():
                walk(one)
        elif isinstance(part, list | tuple):
            for one in part:
                walk(one)

    walk(value)
    return len(ids)


PAPERS = {"KBProposal": "proposal", "ShiftHandover": "handover"}
"""Document → the screen on which a person decides about it; its id is the session's."""


def document_of(session: Session) -> str:
    """Which kind of document the session handed in; empty while there is none."""
    return _kind_of(session.document or {})


def _kind_of(body: Mapping[str, Any]) -> str:
    head = body.get("head")
    return str(head.get("document", "")) if isinstance(head, Mapping) else ""


def result_of(session: Session) -> tuple[str, dict[str, str]] | None:
    """The screen of what the session made, and what it is opened with; None while there is nothing to decide."""
    paper = PAPERS.get(document_of(session))
    if paper == "proposal" and (session.document or {}).get("diff") == "":
        return None  # nothing would change on the page, so nothing is proposed
    if paper is not None:
        return paper, {"id": session.id}
    return ("review", {"draft": session.draft}) if session.draft else None


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
