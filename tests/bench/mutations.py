"""Which false edits of good documents the checks notice: ``python tests/bench/mutations.py [DATA] [--every N]``.

Good documents: what the rules write of every Nth ticket of ``duplicates`` and of every incident of ``incidents``, of
each kind that rules exist for, word for word and paraphrased by rule. Each sentence and value is edited in each way
that is possible (number, time, identifier, negation, state, owner, a happy end), one edit a document. An edit counts as
noticed when the checks say something new, blocking or as a warning. What an incident's own authors claim about it is
held against the lines that it fits best.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from opstui.core.checks.document import check_document
from opstui.core.checks.m1 import stems
from opstui.core.documents import Claim, ClaimStatus, Document, Finding, claims_of
from opstui.core.extract.registry import RULES
from opstui.core.extract.summary import incident_summary
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.mutations import EDITS, mutants
from tests.core.paraphrases import paraphrased
from tests.core.real_input import duplicates, given, incidents


class Tally:
    """How many edits of each sort were made, blocked and warned of."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.made: Counter[str] = Counter()
        self.blocked: Counter[str] = Counter()
        self.warned: Counter[str] = Counter()
        self.documents = self.flagged = self.stopped = self.claims = self.flagged_claims = 0
        self.times: list[float] = []
        self.missed: dict[str, list[str]] = {}
        self.false: list[str] = []

    def untouched(self, document: Document, sources: SourceSet, ticket: Ticket) -> list[Finding]:
        begin = time.process_time()
        found = check_document(document, sources, ticket)
        self.times.append((time.process_time() - begin) * 1000)
        self.documents += 1
        self.flagged += bool(found)
        self.stopped += any(item.level == "block" for item in found)
        self.claims += len(claims_of(document))
        self.flagged_claims += len({item.claim for item in found if item.claim})
        texts = {claim.id: claim.text for claim in claims_of(document)}
        self.false += [f"{item.id} {item.text} | {texts.get(item.claim or '', '')}" for item in found]
        return found

    def edit(self, kind: str, words: str, new: list[Finding]) -> None:
        self.made[kind] += 1
        self.blocked[kind] += any(item.level == "block" for item in new)
        self.warned[kind] += bool(new) and all(item.level == "warn" for item in new)
        if not new:
            self.missed.setdefault(kind, []).append(words)

    def print(self, show: int) -> None:
        ordered = sorted(self.times) or [0.0]
        print(
            f"{self.title}: {self.documents} documents, untouched flagged {self.flagged}"
            f" ({self.flagged / max(1, self.documents):.1%}; blocked {self.stopped}), claims {self.claims},"
            f" flagged {self.flagged_claims}"
            f" ({self.flagged_claims / max(1, self.claims):.2%}); a check takes {statistics.median(ordered):.2f} ms"
            f" (p95 {ordered[int(len(ordered) * 0.95)]:.2f}, most {ordered[-1]:.2f})"
        )
        for line in self.false[:show]:
            print(f"      false: {line[:260]}")
        for kind in sorted(self.made):
            caught = self.blocked[kind] + self.warned[kind]
            print(
                f"  {kind:12} {self.made[kind]:6} edits, noticed {caught / self.made[kind]:6.1%}"
                f"  (blocked {self.blocked[kind] / self.made[kind]:.1%},"
                f" warned {self.warned[kind] / self.made[kind]:.1%})"
            )
            for line in self.missed.get(kind, ())[:show]:
                print(f"      missed: {line[:260]}")


def signature(found: list[Finding]) -> set[tuple[str, str]]:
    return {(item.id, item.text) for item in found}


def mutate(tally: Tally, document: Document, sources: SourceSet, ticket: Ticket, chance: random.Random) -> None:
    before = signature(tally.untouched(document, sources, ticket))
    people = list(dict.fromkeys([str(entry.author) for entry in ticket.timeline] + [str(a) for a in ticket.assignees]))
    for mutant in mutants(document, people, chance):
        found = check_document(mutant.document, sources, ticket)
        new = [item for item in found if (item.id, item.text) not in before]
        tally.edit(mutant.kind, f"{mutant.place}: {mutant.before!r} -> {mutant.after!r}", new)


def rephrased(document: Any, chance: random.Random) -> Document:
    """The summary with each claim said in other words."""

    made: dict[str, Claim] = {document.headline.id: document.headline}

    def said(claim: Claim) -> Claim:
        if claim.id not in made:
            other = paraphrased(claim.text, chance)
            made[claim.id] = replace(claim, text=other) if other and claim.citations else claim
        return made[claim.id]

    return replace(
        document,
        impact=replace(document.impact, claims=tuple(map(said, document.impact.claims))),
        what_happened=tuple(map(said, document.what_happened)),
        timeline=(),
        actions_taken=(),
        current_hypotheses=(),
    )


def real(data: Path, every: int) -> Iterator[tuple[str, Ticket]]:
    for index, ticket in enumerate(duplicates(data)):
        if index % every == 0:
            yield "tickets", ticket
    for compact in (False, True):
        for incident in incidents(data, compact=compact):
            yield "incidents, one line a file" if compact else "incidents", incident.ticket


def gold(data: Path, show: int) -> None:
    """The claims of an incident's authors, each citing the twelve lines of its evidence that hold most of its words."""
    tally = Tally("gold claims of incidents (made by people from telemetry)")
    chance = random.Random(5)
    for incident in incidents(data):
        ticket = incident.ticket
        sources = SourceSet(ticket)
        empty = replace(
            incident_summary(given(ticket)), what_happened=(), timeline=(), actions_taken=(), current_hypotheses=()
        )
        for claim in incident.gold["claims"]:
            if not claim["evidence"]:
                continue
            cited = best_span(claim["text"], sources, ticket)
            made = Claim("x1", claim["text"][:280], ClaimStatus.FACT, citations=cited)
            document = replace(empty, what_happened=(made,))
            before = signature(tally.untouched(document, sources, ticket))
            for kind, edit in EDITS.items():
                text = edit(made.text, chance)
                if text is None or text == made.text:
                    continue
                changed = replace(empty, what_happened=(replace(made, text=text),))
                new = [item for item in check_document(changed, sources, ticket) if (item.id, item.text) not in before]
                tally.edit(kind, f"{made.text!r} -> {text!r}", new)
    tally.print(show)


def best_span(text: str, sources: SourceSet, ticket: Ticket) -> tuple[Any, ...]:
    wanted = stems(text)
    found: list[tuple[int, str, int]] = []
    for entry in ticket.timeline:
        lines = sources.lines(entry.id)
        for start in range(0, len(lines), 4):
            share = len(wanted & stems("\n".join(lines[start : start + 12])))
            found.append((share, entry.id, start + 1))
    found.sort(key=lambda item: -item[0])
    return tuple(sources.cite(ref, start, start + 11) for _, ref, start in found[:3])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default=os.environ.get("OPSTUI_TEST_DATA", ""))
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--show", type=int, default=0, help="so many missed edits and false flags of each sort")
    parser.add_argument("--only", default="", help="kinds of documents whose name holds this, paraphrased, gold")
    wanted = parser.parse_args()
    data = Path(wanted.data)
    if not wanted.data or not data.is_dir():
        sys.exit("no real data there: name its folder, or set OPSTUI_TEST_DATA")
    tallies: dict[str, Tally] = {}
    for seed, (sort, ticket) in enumerate(real(data, wanted.every)):
        sources = SourceSet(ticket)
        for name, rules in RULES.items():
            title = f"{name}, {sort}"
            if (wanted.only and wanted.only not in title) or name == "ShiftHandover":
                continue
            tally = tallies.setdefault(title, Tally(title))
            mutate(tally, rules.extract(given(ticket)), sources, ticket, random.Random(seed))
        title = f"paraphrased, {sort}"
        if not wanted.only or wanted.only in title:
            tally = tallies.setdefault(title, Tally(title))
            chance = random.Random(seed)
            mutate(tally, rephrased(incident_summary(given(ticket)), chance), sources, ticket, chance)
    for tally in tallies.values():
        tally.print(wanted.show)
    if not wanted.only or wanted.only == "gold":
        gold(data, wanted.show)


if __name__ == "__main__":
    main()
