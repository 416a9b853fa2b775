"""Parts that are made when they are first asked for, so that the first screen does not pay for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from opstui.core.knowledge import Hit, Page, PageRow

if TYPE_CHECKING:
    from datetime import datetime

    from opstui.adapters.knowledge.index import SqliteKnowledge
    from opstui.core.errors import OpstuiError
    from opstui.core.ports import KnowledgeSource, Probe, Redactor
    from opstui.core.redaction import Span
    from opstui.core.workflows import Workflow

T = TypeVar("T")


class LateWorkflows(Mapping[str, "Workflow"]):
    """The workflows by id, read when one is first asked for: six files, and a TOML and a hash module behind them."""

    def __init__(self, read: Callable[[], Mapping[str, Workflow]]) -> None:
        self._read = read

    @cached_property
    def _items(self) -> Mapping[str, Workflow]:
        return self._read()

    def __getitem__(self, name: str) -> Workflow:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class LateMapping(Mapping[str, T], Generic[T]):
    """Names that are known at once, each with something that is made when it is first looked up."""

    def __init__(self, names: Iterable[str], make: Callable[[str], T]) -> None:
        self._names = tuple(names)
        self._make = make
        self._made: dict[str, T] = {}
        self._guard = threading.Lock()

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        with self._guard:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def made(self) -> tuple[T, ...]:
        """Those that were looked up so far; nothing is made for this."""
        with self._guard:
            return tuple(self._made.values())

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Once(Generic[T]):
    """Calls ``make`` at the first call, from whichever thread, and answers the same ever after."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        with self._guard:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class LateRedactor:
    """The redactor, whose rules are compiled at the first text."""

    def __init__(self, make: Callable[[], Redactor]) -> None:
        self._made = Once(make)

    def spans(self, text: str) -> tuple[Span, ...]:
        """See ``Redactor``."""
        return self._made().spans(text)


class LateKnowledge:
    """The runbook index, made when it is first asked for something: its parts cost the first screen 20 ms."""

    def __init__(self, make: Callable[[], SqliteKnowledge]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._made: SqliteKnowledge | None = None
        self._changed = 0
        """Pages that the first refresh brought in and that nobody was told of."""

    def _index(self) -> SqliteKnowledge:
        with self._guard:
            if self._made is None:
                self._made = self._make()
                # A command that lives for a moment has nobody who keeps the index up to date for it. What is elsewhere
                # is left to ``refresh``: a search must not wait for a network.
                self._changed = self._made.refresh_here()
            return self._made

    def refresh(self, *, due: bool = False) -> int:
        """See ``KnowledgeIndex``."""
        changed = self._index().refresh(due=due)
        with self._guard:
            changed, self._changed = changed + self._changed, 0
        return changed

    def refresh_here(self) -> int:
        """See ``KnowledgeIndex``."""
        return self._index().refresh_here()

    def faults(self) -> Mapping[str, OpstuiError]:
        """See ``KnowledgeIndex``."""
        return self._index().faults()

    def answered(self) -> Mapping[str, datetime]:
        """See ``KnowledgeIndex``."""
        return self._index().answered()

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """See ``KnowledgeIndex``."""
        return self._index().search(query, limit)

    def page(self, doc: str) -> Page | None:
        """See ``KnowledgeIndex``."""
        return self._index().page(doc)

    def pages(self, source: str | None = None) -> list[PageRow]:
        """See ``KnowledgeIndex``."""
        return self._index().pages(source)

    def sources(self) -> tuple[KnowledgeSource, ...]:
        """See ``KnowledgeIndex``."""
        return self._index().sources()

    def source_of(self, doc: str) -> KnowledgeSource | None:
        """See ``KnowledgeIndex``."""
        return self._index().source_of(doc)

    def count(self) -> int:
        """See ``KnowledgeIndex``."""
        return self._index().count()

    def probe(self) -> list[Probe]:
        """See ``KnowledgeIndex``."""
        return self._index().probe()
