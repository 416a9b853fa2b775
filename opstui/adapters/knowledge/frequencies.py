"""In how many pages a word stands, kept between the searches."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from opstui.adapters.knowledge.upkeep import marks
from opstui.adapters.sqlite import Database

_KEPT = 50_000


class Frequencies:
    """Stem → number of pages. Safe to use from any thread.

    A search weighs the titles of all that it found: asking the index for their 150 words took as long as all the rest.
    """

    def __init__(self, database: Database, sources: Sequence[str]) -> None:
        self._database = database
        self._sources = tuple(sources)
        self._lock = threading.Lock()
        self._state = (0, 0)
        self._known: dict[str, int] = {}

    def settle(self) -> int:
        """Forget what was kept if the pages changed since; how many pages there are. Once for each search."""
        # Ids only grow, so that a page cannot be replaced by another without one of the two showing it.
        where = f"source IN ({marks(self._sources)})"
        count, newest = self._database.read(
            f"SELECT count(*), ifnull(max(id), 0) FROM knowledge_page WHERE {where}", self._sources
        )[0]
        with self._lock:
            if self._state != (count, newest) or len(self._known) > _KEPT:
                self._state = (count, newest)
                self._known = {}
        return int(count)

    def of(self, stems: Collection[str]) -> dict[str, int]:
        """In how many pages each of the stems stands; those in none are left out."""
        with self._lock:
            known = self._known
        unknown = [stem for stem in stems if stem not in known]
        if unknown:
            # One statement: a hundred of them took longer than the rest of the search.
            sql = f"SELECT term, doc FROM knowledge_vocabulary WHERE term IN ({marks(unknown)})"
            found = dict.fromkeys(unknown, 0) | dict(self._database.read(sql, unknown))
            known.update(found)
        return {stem: known[stem] for stem in stems if known[stem]}
