"""The registry of approved sources: how each stands, and what ``doctor`` says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from opstui.core.desk import SourceStanding
from opstui.core.ports import PolledSource, Probe, RegisteredSource

if TYPE_CHECKING:
    from opstui.core.ports import KnowledgeSource
    from opstui.services.setup import Setup


def standings(setup: Setup) -> tuple[SourceStanding, ...]:
    """Every source in the order of the config. Asks none of them."""
    knowledge, today = setup.knowledge, setup.clock.now().date()
    faults, answered = knowledge.faults(), knowledge.answered()
    pages: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    entries = [source.entry for source in knowledge.sources() if isinstance(source, RegisteredSource)]
    registered = {entry.name: entry.review_by for entry in entries}
    for row in knowledge.pages():
        pages[row.source] += 1
        own = row.facts.review_by
        # A page without a date of its own has the source's, which is told once.
        overdue[row.source] += own is not None and own < today and own != registered.get(row.source)
    return tuple(
        SourceStanding(
            entry=entry,
            pages=pages[entry.name],
            is_overdue=entry.review_by is not None and entry.review_by < today,
            overdue_pages=overdue[entry.name],
            answered_at=answered.get(entry.name),
            fault=str(fault) if (fault := faults.get(entry.name)) is not None else None,
            fault_code=fault.exit_code if fault is not None else None,
        )
        for entry in entries
    )


def reviews(setup: Setup) -> Iterator[Probe]:
    """A line for each source, or its pages, whose review is overdue."""
    for one in standings(setup):
        check = f"knowledge {one.entry.name}"
        if one.is_overdue:
            who = f" ({one.entry.owner})" if one.entry.owner else ""
            fix = f"have its pages looked at{who}, then set knowledge.{one.entry.name}.review_by in the config"
            yield Probe(check, "warn", f"its review was due on {one.entry.review_by}", fix)
        if one.overdue_pages:
            count = "1 page is" if one.overdue_pages == 1 else f"{one.overdue_pages} pages are"
            fix = "look at them and move review_by in their front matter; the Knowledge screen shows which"
            yield Probe(check, "warn", f"{count} past the review date that it names", fix)


def elsewhere(setup: Setup) -> Iterator[tuple[str, Callable[[], list[Probe]]]]:
    """The sources that are asked over the network."""
    for source in setup.knowledge.sources():
        if isinstance(source, PolledSource):
            yield f"knowledge {source.name}", partial(_asked, source)


def _asked(source: KnowledgeSource) -> list[Probe]:
    return [replace(probe, check=f"knowledge {source.name}") for probe in source.probe()]
