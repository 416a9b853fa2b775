"""Tickets like another one: those that share its rare words."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_schema import ROW_COLUMNS, row_of
from opstui.core.tickets import Ticket, TicketRow

_WORD = re.compile(r"[^\W_]{3,40}")
_BODY = 4_000
"""Code points of the body that are looked at: what a ticket is about stands at its beginning."""
_WORDS = 40
_ROWS = 4_000
"""Index entries that one question may rank; ranking is what costs (about 1 ms a thousand)."""
_COMMON = 0.15
"""A word on more than this share of all tickets says nothing about any of them."""


def similar_tickets(database: Database, ticket: Ticket, limit: int) -> list[tuple[TicketRow, float]]:
    """Best first, with a score where larger is better; never the ticket itself."""
    words = _rare_words(database, ticket)
    if not words or limit <= 0:
        return []
    rows = database.read(
        f"SELECT {ROW_COLUMNS}, score FROM (SELECT rowid, bm25(search, 4.0, 1.0) AS score FROM search "
        "WHERE search MATCH ? ORDER BY score LIMIT ?) AS hits JOIN tickets ON tickets.id = hits.rowid ORDER BY score",
        # Every word is quoted, so none of them can be read as an operator or a column.
        (" OR ".join(f'"{word}"' for word in words), limit + 1),
    )
    found = [(row_of(values[:-1]), -float(values[-1])) for values in rows]
    return [(row, score) for row, score in found if row.ref != ticket.ref][:limit]


def _rare_words(database: Database, ticket: Ticket) -> list[str]:
    """The ticket's words that few others have, the rarest first, as the index spells them."""
    title, body = _words(ticket.title), _words(ticket.body[:_BODY])
    total = int(database.read("SELECT count(*) FROM tickets")[0][0])
    counts: list[tuple[Any, ...]] = database.read(
        "SELECT term, doc FROM search_words WHERE term IN (SELECT value FROM json_each(?))",
        (_json([*title, *(word for word in body if word not in title)]),),
    )
    most = max(3, int(total * _COMMON))
    known = sorted(
        # A word of the title counts as twice as rare: it is what somebody chose to say first.
        (count / 2 if word in title else count, word, count)
        for word, count in counts
        if count <= most
    )
    chosen: list[str] = []
    rows = 0
    for _, word, count in known:
        if count > 1 and rows + count <= _ROWS:
            chosen.append(word)
            rows += count
        if len(chosen) == _WORDS:
            break
    return chosen


def _words(text: str) -> dict[str, None]:
    plain = unicodedata.normalize("NFD", text)
    plain = "".join(char for char in plain if not unicodedata.combining(char)) if not plain.isascii() else plain
    return dict.fromkeys(_WORD.findall(plain.lower()))


def _json(words: list[str]) -> str:
    import json

    return json.dumps(words, ensure_ascii=False)
