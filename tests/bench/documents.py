"""Figures of the documents that are written by rules, on real input: ``python tests/bench/documents.py [DATA]``.

Every ticket of ``duplicates`` (or each Nth with ``--every N``) as summary and escalation: valid citations, findings,
words, milliseconds of processor time. Every incident of ``incidents``: recall of the required words, claims of a cause
where there is
none. Every hostile string as title, body and comment: no exception.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from opstui.core.checks.document import check_document
from opstui.core.checks.m1 import citation_fault
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.documents import Document, citations_of, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.summary import incident_summary
from opstui.core.ports import ExtractInput
from opstui.core.render.plain import word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.real_input import build, duplicates, given, hostile, incidents

CAUSE = re.compile(r"root cause|caused by|because of|due to|the cause is", re.IGNORECASE)


def one(ticket: Ticket, make: Callable[[ExtractInput], Document]) -> tuple[Document, float, float, Counter[str]]:
    """A document of the ticket, the milliseconds for writing and for checking it, and what is wrong with it."""
    begin = time.process_time()
    document = make(given(ticket))
    wrote = time.process_time()
    sources = SourceSet(ticket)
    findings = check_document(document, sources, ticket)
    checked = time.process_time()
    wrong: Counter[str] = Counter(f"{item.level} {item.id.partition(':')[0]}: {item.text[:60]}" for item in findings)
    for citation in citations_of(document):
        wrong["citations"] += 1
        wrong["invalid citations"] += citation_fault(citation, sources) is not None
        wrong["without quote"] += not citation.quote and bool(sources.span(citation).strip())
    for claim in claims_of(document):
        wrong["claims"] += 1
        if claim.citations and not verbatim(claim.text, Cited(sources, claim.citations)):
            wrong["claims not word for word"] += 1
    return document, (wrote - begin) * 1000, (checked - wrote) * 1000, wrong


def spread(times: list[float]) -> str:
    """``p50 / p95 / max``."""
    ordered = sorted(times)
    return f"{statistics.median(ordered):.1f} / {ordered[int(len(ordered) * 0.95)]:.1f} / {ordered[-1]:.1f} ms"


def tickets(data: Path, every: int) -> None:
    for make in (incident_summary, escalation_package):
        wrote, checked, words, total = [], [], [], Counter()
        count = 0
        for index, ticket in enumerate(duplicates(data)):
            if index % every:
                continue
            count += 1
            document, one_wrote, one_checked, wrong = one(ticket, make)
            wrote.append(one_wrote)
            checked.append(one_checked)
            total.update(wrong)
            words.append(word_count(render(document)))
            if make is escalation_package:
                as_markdown(document)
        print(f"{make.__name__}: {count} tickets, written in {spread(wrote)}, checked in {spread(checked)}")
        print(f"  words in the comment: median {statistics.median(words)}, most {max(words)}")
        for name, number in total.most_common():
            print(f"  {number:7}  {name}")


def real_incidents(data: Path, *, show: bool) -> None:
    for compact in (False, True):
        needed = hit = rendered = causes = 0
        for incident in incidents(data, compact=compact):
            summary, _, _, wrong = one(incident.ticket, incident_summary)
            package, _, _, more = one(incident.ticket, escalation_package)
            said = " ".join(claim.text for claim in claims_of(summary))
            shown = render(summary)
            missing = []
            for word in incident.gold["required_keywords"] or ():
                needed += 1
                hit += word.casefold() in said.casefold()
                rendered += word.casefold() in shown.casefold()
                if word.casefold() not in said.casefold():
                    missing.append(word)
            claimed = [
                claim.text
                for document in (summary, package)
                for claim in claims_of(document)
                if CAUSE.search(claim.text)
            ]
            guesses = len(summary.current_hypotheses) + len(package.hypotheses)
            forbidden = [
                word for word in incident.gold["forbidden_keywords"] or () if word.casefold() in said.casefold()
            ]
            if incident.healthy:
                causes += len(claimed) + guesses
            bad = {
                key: value for key, value in (wrong + more).items() if key.startswith(("block", "invalid")) and value
            }
            print(
                f"  {incident.name:42} missing {missing} causes {claimed} guesses {guesses}",
                f"forbidden {forbidden} {bad or ''}",
            )
            if show and not compact:
                print(shown)
                print()
        form = "one line a file" if compact else "indented"
        print(
            f"incidents, {form}: required words {hit} of {needed} (in the comment {rendered});",
            f"causes where there is none: {causes}",
        )


def hostile_texts(data: Path) -> None:
    slowest = 0.0
    total: Counter[str] = Counter()
    for name, text in hostile(data):
        for ticket in (
            build(text, "Something fails."),
            build("Disk full", text),
            build("Disk full", "Something fails.", (("alex", "comment", text), (text[:200], "alert", text))),
        ):
            for make in (incident_summary, escalation_package):
                begin = time.process_time()
                document, _, _, wrong = one(ticket, make)
                render(document)
                if make is escalation_package:
                    as_markdown(document)
                took = time.process_time() - begin
                if took > slowest:
                    slowest = took
                    worst = name
                total["documents"] += 1
                for key, value in wrong.items():
                    if key.startswith(("block", "invalid")) and value:
                        total[key] += value
                        total[f"  {name}"] += 1
    print(f"hostile: {dict(total)}; slowest {slowest * 1000:.0f} ms ({worst})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default=str(Path(__file__).resolve().parents[3] / "shared" / "data"))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--only", choices=("tickets", "incidents", "hostile"))
    wanted = parser.parse_args()
    data = Path(os.environ.get("OPSTUI_TEST_DATA", wanted.data))
    if not data.is_dir():
        sys.exit(f"no real data at {data}: set OPSTUI_TEST_DATA")
    if wanted.only in (None, "tickets"):
        tickets(data, wanted.every)
    if wanted.only in (None, "incidents"):
        real_incidents(data, show=wanted.show)
    if wanted.only in (None, "hostile"):
        hostile_texts(data)


if __name__ == "__main__":
    main()
