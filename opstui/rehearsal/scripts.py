"""Whole scripts, as a start for one's own: a session from its first thought to the end of its turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.rehearsal.steps import Await, Call, Idle, Say, Step, Think, Use


def summary_script(
    document: Mapping[str, Any] | None = None,
    *,
    query: str = "errors",
    pages: Sequence[str] = (),
    text: str = "The ticket is read, the runbooks are searched, and the summary is handed in.",
    ending: str | None = "end_turn",
    seconds: float = 4.0,
    before: Sequence[Step] = (),
    between: Sequence[Step] = (),
    after: Sequence[Step] = (),
) -> list[Step]:
    """A plausible session that reads the ticket, searches, hands ``document`` in and ends its turn.

    ``before`` comes first, ``between`` when the searches are answered, ``after`` when the document is. Without a
    document none is handed in; ``ending`` None leaves the session running. Every request takes ``seconds`` of the
    session's time. It uses 5 model requests with a document and pages, 4 without pages, 3 without either.
    """
    script: list[Step] = [
        *before,
        request(0, seconds, Say("I read the ticket first."), calls=[Use("get_ticket")]),
        Await(),
        request(
            1,
            seconds,
            Say("Now the runbooks and similar tickets."),
            calls=[
                Use("search_knowledge", {"query": query, "limit": 8}),
                Use("search_tickets", {"query": query, "limit": 5}),
            ],
        ),
        Await(),
        *between,
    ]
    if pages:
        calls = [Use("read_document", {"doc": page, "line_start": 1, "line_end": 200}) for page in pages]
        script += [request(2, seconds, calls=calls), Await()]
    if document is not None:
        script += [request(3, seconds, Say(text), calls=[Use("submit_document", {"document": document})]), Await()]
    script.append(request(4, seconds, Say("Done.") if document is not None else Say(text)))
    script += after
    if ending is not None:
        script.append(Idle(ending))
    return script


def request(number: int, seconds: float, *within: Step, calls: Sequence[Use] = ()) -> Think:
    """The ``number``-th model request of a session, with the tokens that one of its place would use."""
    calling: tuple[Step, ...] = (Call(tuple(calls), wait=False),) if calls else ()
    return Think(
        input=40 + number,
        output=120 + 90 * number,
        write=3_200 if number == 0 else 900 + 350 * number,
        read=0 if number == 0 else 2_300 + 1_250 * number,
        seconds=seconds,
        within=(*within, *calling),
    )
