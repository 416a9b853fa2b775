"""Tickets like another one: the index proposes those that share its rare words, ``core.likeness`` compares them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_schema import ROW_COLUMNS, row_of
from opstui.core.tickets import Ticket, TicketRow

_FIRST_TEXT = re.compile(r'\["((?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|[^u]))*)')
_WORDS = 30
_ROWS = 4_000
"""Index entries that one question may rank; ranking is what costs (about 1 ms a thousand)."""
_ROWS_ALONE = 20_000
"""As many for a single word: where an alert repeats, all its words are common."""
_COUNTED_ONCE = 500
"""Counting a word reads its whole list, 20 ms for the common words of one ticket among 100,000; these stay as common as
they are, and are counted again when there are a tenth more tickets, or fewer."""
_COMPARED = 120
"""Proposals that are compared, 0.1 ms each: 92 % of real duplicates are among them."""


class Similar:
    """Finds tickets like another one. Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._common: dict[str, int] = {}
        self._counted_at = 0
        """How many tickets there were when the common words were counted."""

    def to(self, ticket: Ticket, limit: int) -> list[tuple[TicketRow, float]]:
        """Best first, with a score from 0 to 1 where larger is more alike; never the ticket itself."""
        # It is asked for when a ticket is opened, so the first screen does not load it.
        from opstui.core.likeness import BODY, Likeness, written_words

        database = self._database
        counts, total = self.counts(written_words(ticket.title, ticket.body))
        words = _rare_words(ticket, counts)
        if not words or limit <= 0:
            return []
        likeness = Likeness(ticket.title, ticket.body, counts, total)
        proposed = database.read(
            "SELECT t.id, t.title, substr(c.content, 1, ?) FROM (SELECT rowid FROM search "
            "WHERE search MATCH ? ORDER BY bm25(search, 4.0, 1.0) LIMIT ?) AS hits JOIN tickets t ON t.id = hits.rowid "
            "JOIN contents c ON c.ticket = t.id WHERE NOT (t.system = ? AND t.key = ?)",
            # Every word is quoted, so none of them can be read as an operator or a column.
            (
                2 * BODY,
                " OR ".join(f'"{word}"' for word in words),
                max(_COMPARED, limit) + 1,
                ticket.ref.system,
                ticket.ref.key,
            ),
        )
        scores = {number: likeness(title, _body(content)) for number, title, content in proposed}
        best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
        rows = {
            values[0]: row_of(values[1:])
            for values in database.read(
                f"SELECT id, {ROW_COLUMNS} FROM tickets WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(best),),
            )
        }
        return [(rows[number], scores[number]) for number in best if number in rows]

    def counts(self, words: Sequence[str]) -> tuple[dict[str, int], int]:
        """How many tickets have each of the words, those that none has left out; and how many tickets there are."""
        total = int(self._database.read("SELECT count(*) FROM tickets")[0][0])
        if abs(total - self._counted_at) * 10 > total:
            self._common, self._counted_at = {}, total
        common = self._common
        # The index knows words without their accents.
        plain = {_plain(word): word for word in reversed(words)}
        found: list[tuple[Any, ...]] = self._database.read(
            "SELECT term, doc FROM search_words WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps([term for term in plain if term not in common], ensure_ascii=False),),
        )
        common.update((term, int(count)) for term, count in found if count > _COUNTED_ONCE)
        counts = {word: count for term, word in plain.items() if (count := common.get(term))}
        return {**counts, **{plain[term]: int(count) for term, count in found}}, total


def _body(content: str) -> str:
    """The beginning of a body, from that of a stored content: its first text, which may be cut anywhere.

    Reading a hundred whole contents as JSON takes 2 ms, and seconds where somebody pasted megabytes.
    """
    found = _FIRST_TEXT.match(content)
    return str(json.loads(f'"{found[1]}"')) if found else ""


def _plain(word: str) -> str:
    if word.isascii():
        return word
    import unicodedata

    parts = unicodedata.normalize("NFD", word)
    return "".join(char for char in parts if not unicodedata.combining(char))


def _rare_words(ticket: Ticket, counts: dict[str, int]) -> list[str]:
    """The ticket's words that few others have, the rarest first, as the index spells them."""
    from opstui.core.likeness import written_words

    title = set(written_words(ticket.title, ""))
    known = sorted(
        # A word of the title counts as twice as rare: it is what somebody chose to say first.
        (count / 2 if word in title else count, word, count)
        for word, count in counts.items()
        if (count > 1 or word in title) and len(word) > 2
    )
    chosen: list[str] = []
    rows = 0
    for _, word, count in known:
        if rows + count <= (_ROWS if chosen else _ROWS_ALONE):
            chosen.append(_plain(word))
            rows += count
        if len(chosen) == _WORDS:
            break
    return chosen
