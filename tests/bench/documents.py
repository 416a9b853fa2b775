"""Figures of the documents that are written by rules, on real input: ``python tests/bench/documents.py [DATA]``.

Every ticket of ``duplicates`` (or each Nth with ``--every N``) as summary and escalation: valid citations, findings,
words, milliseconds of processor time. Every incident of ``incidents``, made a ticket in several ways: of its authors'
required words and claims that stand in the ticket, those in the summary; claims of a cause where there is none. Every
hostile string as title, body and comment: no exception.
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
from opstui.core.checks.m1 import citation_fault, stems
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.documents import Document, citations_of, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.summary import incident_summary
from opstui.core.ports import ExtractInput
from opstui.core.render.plain import word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.real_input import WAYS, RealIncident, build, duplicates, first_screen, given, hostile, incidents

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
    """Per way of making a ticket, and per case: which of the authors' facts the ticket holds, and which are told."""
    for way in WAYS:
        sums: Counter[str] = Counter()
        print(f"incidents as tickets: {way}")
        for incident in incidents(data, way=way):
            summary, _, _, wrong = one(incident.ticket, incident_summary)
            package, _, _, more = one(incident.ticket, escalation_package)
            said = " ".join(claim.text for claim in claims_of(summary))
            shown = render(summary)
            text = "\n".join(line for ref in SourceSet(incident.ticket).own_refs() for line in lines_of(incident, ref))
            words = [word for word in incident.gold["required_keywords"] or () if stands(word, text)]
            lost = [word for word in words if not stands(word, said)]
            facts = [claim["text"] for claim in incident.gold["claims"] if is_told(claim["text"], text)]
            found = [fact for fact in facts if is_told(fact, said, text)]
            claimed = [
                claim.text
                for document in (summary, package)
                for claim in claims_of(document)
                if CAUSE.search(claim.text)
            ]
            guesses = len(summary.current_hypotheses) + len(package.hypotheses)
            forbidden = [word for word in incident.gold["forbidden_keywords"] or () if stands(word, said)]
            bad = {
                key: value for key, value in (wrong + more).items() if key.startswith(("block", "invalid")) and value
            }
            sums["words"] += len(words)
            sums["words found"] += len(words) - len(lost)
            sums["words in the comment"] += sum(stands(word, shown) for word in words)
            sums["facts"] += len(facts)
            sums["facts found"] += len(found)
            sums["causes where there is none"] += (len(claimed) + guesses) if incident.healthy else 0
            sums["forbidden"] += len(forbidden)
            sums["faults"] += sum(bad.values())
            sums["most words"] = max(sums["most words"], word_count(shown))
            sums["most words on the first screen"] = max(
                sums["most words on the first screen"], word_count(first_screen(shown))
            )
            print(
                f"  {incident.name:42} lost {lost} facts {len(found)} of {len(facts)}",
                f"causes {claimed} guesses {guesses} forbidden {forbidden} {bad or ''}",
            )
            if show:
                for fact in facts:
                    if fact not in found:
                        print(f"      not told: {fact}")
                if way == "entries":
                    print(shown + "\n")
        print(f"  {dict(sums)}")


def lines_of(incident: RealIncident, ref: str) -> list[str]:
    """The lines of one of its ticket's entries."""
    return SourceSet(incident.ticket).lines(ref)


def stands(word: str, text: str) -> bool:
    return word.casefold() in text.casefold()


def is_told(fact: str, text: str, whole: str = "") -> bool:
    """Whether a text tells a fact: 60 % of its telling words that ``whole`` has at all stand in it."""
    words = stems(fact) & stems(whole) if whole else stems(fact)
    return len(words & stems(text)) >= 0.6 * len(words)


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
