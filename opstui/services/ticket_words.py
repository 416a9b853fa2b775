"""A ticket's words as an agent reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from opstui.core.boards import is_board, seen_on
from opstui.core.codec import timestamp
from opstui.core.errors import UsageError
from opstui.core.tickets import TicketRef

if TYPE_CHECKING:
    from opstui.core.ports import TicketCache
    from opstui.core.tickets import Ticket

LOOKED_AT = 20_000
"""Characters of a text of a ticket that a board quotes."""


def ticket_text(ticket: Ticket, said: Callable[[str], str] = str) -> str:
    """A ticket as an agent reads it: fields, then every entry with numbered lines; every text through ``said``."""
    fields = {
        "ref": str(ticket.ref),
        "status": f"{ticket.status.raw} ({ticket.status.category.value})",
        "severity": ticket.severity,
        "priority": ticket.priority,
        "assignees": ", ".join(ticket.assignees),
        "team": ticket.team,
        "services": ", ".join(ticket.services),
        "tags": ", ".join(ticket.tags),
        "created": timestamp(ticket.created_at),
        "updated": timestamp(ticket.updated_at),
        "due": timestamp(ticket.due_at) if ticket.due_at else None,
        "version": ticket.version,
    }
    lines = [said(f"{name}: {value}") for name, value in fields.items() if value]
    lines += [f"field {said(f'{name}: {value}')}" for name, value in ticket.fields.items()]
    lines += [
        "",
        f"{ticket.entry_id(0)} · {timestamp(ticket.created_at)} · line 1 is the title, the body starts at line 2",
    ]
    # Title and body as one text: what the title says may give away what stands in the body.
    lines += numbered(said(_title_and_body(ticket)).split("\n"), 1)
    for entry in ticket.timeline:
        author = said(f"author: {entry.author}").removeprefix("author: ")
        head = f"{entry.id} · {timestamp(entry.at)} · {author} · {entry.kind.value} · {entry.visibility.value}"
        lines += ["", head, *numbered(said(entry.text).split("\n"), 1)]
    return "\n".join(lines)


def board_text(board: Ticket, said: Callable[[str], str] = str) -> str:
    """A board that stands beside the session's own ticket, its entries under the refs by which they are cited."""
    heads = tuple(f"{board.ref.key}#{number} · " for number in (0, *(entry.number for entry in board.timeline)))
    lines = ticket_text(board, said).split("\n")
    return "\n".join(f"{board.ref.system}:{line}" if line.startswith(heads) else line for line in lines)


def texts_behind(cache: TicketCache, tickets: Iterable[Ticket]) -> list[str]:
    """The texts of the tickets that boards among ``tickets`` quote, each as far as it is looked at.

    A secret is often named as one in another sentence than the one that is quoted.
    """
    found: dict[TicketRef, None] = {}
    for board in tickets:
        if is_board(board):
            for seen in seen_on(board, own=True):
                name = seen.text.split(" ")[0].rstrip(":")
                with suppress(UsageError):
                    found.setdefault(TicketRef.parse(name))
    known = (cache.ticket(ref) for ref in found)
    return [text[:LOOKED_AT] for one in known if one is not None for text in ticket_texts(one[0])]


def numbered(lines: Sequence[str], first: int) -> list[str]:
    """Lines as an agent reads them, each with its number."""
    return [f"{number:>5}  {line}" for number, line in enumerate(lines, start=first)]


def ticket_texts(ticket: Ticket) -> list[str]:
    """Every text of a ticket that is hidden on its own, its body with the title as it is numbered."""
    fields = [f"{name}: {value}" for name, value in ticket.fields.items()]
    return [_title_and_body(ticket), *fields, *(str(entry.text) for entry in ticket.timeline)]


def _title_and_body(ticket: Ticket) -> str:
    """Title and body as lines are counted: the title is line 1."""
    title = ticket.title.replace("\n", " ")
    return f"{title}\n{ticket.body}" if ticket.body else title
