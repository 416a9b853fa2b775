"""One session without a model: it asks the same tools as an agent and writes the document by rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from opstui.core.boards import board_among
from opstui.core.documents import Document, kind_of
from opstui.core.errors import Refused
from opstui.core.extract.query import knowledge_query, similar_query
from opstui.core.ids import Clock
from opstui.core.knowledge import Page, Strength
from opstui.core.ports import ExtractInput, Extractor, SessionBrief
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    ToolResult,
    Usage,
)
from opstui.core.tickets import Ticket

PAGES_READ = 3
"""Strong hits whose page is read whole."""


class ExtractiveSession:
    """One run. Everything it knows of the ticket comes in answers to its tool calls."""

    def __init__(self, brief: SessionBrief, extractor: Extractor, clock: Clock) -> None:
        self.remote_id: str | None = f"extractive-{brief.session_id}"
        self._brief = brief
        self._extract = extractor
        self._clock = clock
        self._count = 0
        self._waiting: dict[str, asyncio.Future[ToolResult]] = {}
        self._stopped = asyncio.Event()
        self._why = "interrupted"

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        """Reads, searches, tells what it found, hands the document in, ends."""
        started = self._clock.monotonic()
        yield RuntimeStatus(self._id("status"), SessionStatus.RUNNING)
        reason = "done"
        run = self._run()
        try:
            async for event in run:
                yield event
                if self._stopped.is_set():
                    break
        except _ToolRefused as refused:
            if not self._stopped.is_set():
                reason = "refused"
                yield RuntimeNotice(self._id("notice"), str(refused), error=True)
        finally:
            await run.aclose()
        if self._stopped.is_set():
            reason = self._why
        worked = max(0.0, self._clock.monotonic() - started)
        yield RuntimeUsage(self._id("usage"), Usage(running_ms=round(worked * 1000)), reported_micros=0)
        status = SessionStatus.FAILED if reason == "refused" else SessionStatus.ENDED
        yield RuntimeStatus(self._id("status"), status, reason)

    async def answer(self, call_id: str, result: ToolResult) -> None:
        """Answer a tool call; a second answer is ignored."""
        future = self._waiting.get(call_id)
        if future is not None and not future.done():
            future.set_result(result)

    async def send(self, text: str) -> None:
        """Rules take no messages. Raises Refused."""
        raise Refused("the extractive runtime takes no messages; choose a runtime with a model")

    async def raise_budget(self, budget_micros: int) -> None:
        """Rules cost nothing. Raises Refused."""
        raise Refused("the extractive runtime costs nothing, so it has no budget")

    async def interrupt(self, reason: str = "interrupted") -> None:
        """Stop now, also while a tool call waits for its answer."""
        if not self._stopped.is_set():
            self._why = reason
        self._stopped.set()
        for future in self._waiting.values():
            if not future.done():
                future.cancel()

    async def close(self) -> None:
        """Let go."""
        await self.interrupt()

    async def _run(self) -> AsyncGenerator[RuntimeEvent, None]:
        call = self._call("get_ticket", {})
        yield call
        ticket = await self._answer(call)
        boards: tuple[Ticket, ...] = ()
        if isinstance(ticket, tuple):
            ticket, *beside = ticket
            boards = tuple(beside)
        if not isinstance(ticket, Ticket):
            raise _ToolRefused("the ticket could not be read")
        yield self._say(f"{ticket.ref.key}: {len(ticket.timeline)} timeline entries, status {ticket.status.raw}.")

        # A board is about many tickets: what one would search for, the others would not.
        tools = self._brief.workflow.tools if board_among(ticket, boards) is None else ()
        query = knowledge_query(ticket) if "search_knowledge" in tools else ""
        hits: tuple[Any, ...] = ()
        if query.strip():
            call = self._call("search_knowledge", {"query": query, "limit": 8})
            yield call
            hits = tuple(await self._answer(call, required=False) or ())
        pages: dict[str, Page] = {}
        named = [self._brief.page] if self._brief.page else []
        strong = [hit.doc for hit in hits if hit.strength is Strength.STRONG][:PAGES_READ]
        for doc in dict.fromkeys((*named, *strong)):
            call = self._call("read_document", {"doc": doc, "line_start": 1, "line_end": 200})
            yield call
            page = await self._answer(call, required=False)
            if isinstance(page, Page):
                pages[page.doc] = page
        if "search_knowledge" in tools:
            found = ", ".join(pages) if pages else "none that answers this"
            yield self._say(f"Runbooks: {found}.")

        related: tuple[tuple[Ticket, float], ...] = ()
        query = similar_query(ticket) if "search_tickets" in tools else ""
        if query.strip():
            call = self._call("search_tickets", {"query": query, "limit": 5})
            yield call
            related = tuple(await self._answer(call, required=False) or ())

        document = self._extract(
            ExtractInput(
                ticket=ticket,
                hits=hits,
                pages=pages,
                related=related,
                operator=self._brief.operator,
                operator_team=self._brief.operator_team,
                now=self._clock.now(),
                session_id=self._brief.session_id,
                workflow_version=self._brief.workflow.version,
                taxonomy=self._brief.taxonomy,
                boards=boards,
                page=self._brief.page,
            )
        )
        for text in told(document):
            yield self._say(text)
        call = self._call("submit_document", {"document": document})
        yield call
        await self._answer(call)

    def _call(self, name: str, arguments: Mapping[str, Any]) -> RuntimeToolCall:
        call = RuntimeToolCall(self._id("call"), name, arguments)
        self._waiting[call.id] = asyncio.get_running_loop().create_future()
        return call

    async def _answer(self, call: RuntimeToolCall, *, required: bool = True) -> Any:
        try:
            result = await self._waiting[call.id]
        except asyncio.CancelledError:
            if self._stopped.is_set():
                raise _ToolRefused("interrupted") from None
            raise
        finally:
            self._waiting.pop(call.id, None)
        if result.is_error:
            if required:
                raise _ToolRefused(result.text)
            return None
        return result.value

    def _say(self, text: str) -> RuntimeText:
        return RuntimeText(self._id("text"), text)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{self._brief.session_id}-{self._count:03d}-{kind}"


class _ToolRefused(Exception):
    """A tool said no to something the document can't be made without."""


def told(document: Document) -> list[str]:
    """What a session says while it works: the document's sentences in its own order, each once."""
    parts = [*kind_of(document).told(document), *(f"Open: {question}" for question in document.open_questions)]
    return list(dict.fromkeys(part for part in parts if part))[:30]
