"""M2: every time and identifier of a claim stands in what it cites (blocks); names, numbers and people too (warns).

So do the values beside claims. A number that nobody wrote (a duration, a count, a share that was worked out) is warned
of until something computes it and can be cited for it: an observation in the timeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher

from opstui.core.checks.alignment import swapped
from opstui.core.checks.atoms import Atom, AtomKind, atoms, claimed_atoms
from opstui.core.checks.figures import figures, misplaced, plain_number
from opstui.core.checks.m1 import stem, stems
from opstui.core.checks.people import is_named, people_of, strangers
from opstui.core.checks.spans import Cited, Spans, verbatim
from opstui.core.checks.stated import Stated, stated
from opstui.core.documents import Citation, Claim, ClaimStatus, Document, Finding, citations_of, kind_of
from opstui.core.frozen import dataclass
from opstui.core.tickets import Ticket

_BLOCKS = (AtomKind.TIME, AtomKind.IDENTIFIER)
LINES_READ = 2_000
"""Lines of the ticket that are looked through for what no citation backs."""
_IN = re.compile(r"\b(?:in|within|after|for)\s+(?:the next\s+|about\s+)?(\d{1,3})\s*(m|h)", re.IGNORECASE)
_NEARLY = 0.75
_ANY_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"\w+")
_LITTLE = frozenset("a an the of in on at by to with and or for from via using ran run read looked".split())
"""Words of a method that say nothing of their own."""
_LETTER = re.compile(r"[^\W\d_]")
_DIGITS = re.compile(r"\d+(?:\.\d+)?\Z")
_MAKING = frozenset(
    "level driven facing based side wide time only related like run term non pre post re self well out off down one two"
    " three first second end per free less high low long short hand part full half real read write over under".split()
)
"""What hyphens join to make ordinary words."""


def check(claims: Sequence[Claim], spans: Spans) -> Iterator[Finding]:
    """Findings of M2 over claims: what was not found, at most one of each sort for each claim."""
    known = _known(spans.sources.ticket)
    for claim in claims:
        if claim.status is ClaimStatus.UNKNOWN and not claim.citations:
            continue
        cited = spans.of(claim)
        citation = claim.citations[0] if claim.citations else None
        yield from _findings(claim.text, cited, claim.id, claim.id, citation, known)


def check_said(document: Document, spans: Spans) -> Iterator[Finding]:
    """The same for the short texts beside claims: steps, next steps, contingencies, what is asked.

    What has citations of its own is held against those; the rest against everything that the document cites and the
    ticket says (warns).
    """
    known = _known(spans.sources.ticket)
    everything: Cited | None = None
    for said in kind_of(document).said(document):
        if said.citations:
            cited = spans.of_citations(said.citations)
            yield from _findings(said.text, cited, said.name, said.claim, said.citations[0], known)
            continue
        if not claimed_atoms(said.text):
            continue
        everything = everything or _everything(document, spans)
        found = [atom for atom in _absent(said.text, everything) if atom.kind in (*_BLOCKS, AtomKind.NUMBER)]
        if found:
            yield Finding(id=f"M2:{said.name}", level="warn", text=_not_said(found), claim=said.claim)


def check_stated(document: Document, spans: Spans) -> Iterator[Finding]:
    """The same for the values beside claims: when, who, which version."""
    everything: Cited | None = None
    ticket = spans.sources.ticket
    for value in stated(document):
        if value.citations and value.whole:
            cited = Cited(spans.sources, value.citations)
            for ref in dict.fromkeys(citation.ref for citation in value.citations):
                source = spans.sources.find(ref)
                if source is not None:
                    cited.add(source.lines[:LINES_READ], source)
        elif value.citations:
            cited = spans.of_citations(value.citations)
        else:
            cited = everything = everything or _everything(document, spans)
        fault = _stated_fault(value, cited, ticket)
        if fault is not None:
            level = "block" if value.blocks and value.citations else "warn"
            yield Finding(
                id=f"M2-{value.what}:{value.name.replace(' ', '-')}",
                level=level,
                text=f"{value.name}: {fault}",
                claim=value.claim,
                citation=value.citations[0] if value.citations else None,
            )


def _stated_fault(value: Stated, cited: Cited, ticket: Ticket) -> str | None:
    if value.what == "who":
        also = [str(name) for name in (*ticket.assignees, ticket.team) if name] if not value.claim else []
        return None if is_named(value.text, cited, also) else f"the source does not name {value.text!r}"
    if value.what == "time":
        held = all(cited.evidence.holds(atom, to_the_minute=True) for atom in claimed_atoms(value.text))
        held = held or (value.whole and _comes_after(value.text, cited))
    elif value.what == "words":
        # A command's short words tell as much as its long ones, so they all count.
        held = value.text.casefold() in cited.words or _are_all_there(value.text, cited)
    else:
        low = value.text.casefold()
        held = low in cited.words or any(low == name.casefold() for name in cited.names)
        held = held or (
            all(cited.evidence.holds(atom) for atom in claimed_atoms(value.text)) and bool(claimed_atoms(value.text))
        )
    return None if held else f"the source does not say {value.text!r}"


def _are_all_there(text: str, cited: Cited) -> bool:
    there = {stem(word) for word in _WORD.findall(cited.words)}
    return all(stem(word) in there or word in _LITTLE for word in _WORD.findall(text.casefold()))


def _comes_after(text: str, cited: Cited) -> bool:
    """Whether a time is one that the source names by its clock alone, or in so many minutes: within a day of it."""
    moment = datetime.strptime(text[:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    ahead = [moment - since for since in cited.moments if timedelta() <= moment - since <= timedelta(days=1)]
    if not ahead:
        return False
    clock = atoms(f"{moment:%H:%M}")[0]
    if cited.evidence.holds(clock):
        return True
    minutes = {round(span.total_seconds() / 60) for span in ahead}
    return any(int(found[1]) * (60 if found[2] in "hH" else 1) in minutes for found in _IN.finditer(cited.text))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a ticket whatever is cited."""

    about: str
    """Its title and services, in small letters."""
    people: tuple[str, ...]


def _known(ticket: Ticket) -> _Known:
    return _Known(" ".join((str(ticket.title), *map(str, ticket.services))).casefold(), people_of(ticket))


def _findings(
    text: str, cited: Cited, name: str, claim: str | None, citation: Citation | None, known: _Known
) -> Iterator[Finding]:
    if verbatim(text, cited):
        return
    absent = [atom for atom in _absent(text, cited) if atom.kind is not AtomKind.NAME or atom.key not in known.about]
    blocking = [atom for atom in absent if atom.kind in _BLOCKS] or _misspelt(text, cited)
    if blocking:
        yield Finding(id=f"M2:{name}", level="block", text=_not_said(blocking), claim=claim, citation=citation)
    rest = [atom for atom in absent if atom.kind not in _BLOCKS]
    fault = _not_said(rest) if rest else _misplaced(text, cited) or _swapped(text, cited)
    if fault:
        yield Finding(id=f"M2-number:{name}", level="warn", text=fault, claim=claim, citation=citation)
    unknown = strangers(text, cited, known.people)
    if unknown:
        shown = ", ".join(repr(person) for person in unknown[:3])
        fault = f"neither the source nor its author is {shown}"
        yield Finding(id=f"M2-who:{name}", level="warn", text=fault, claim=claim, citation=citation)


def _misplaced(text: str, cited: Cited) -> str:
    for figure in figures(text):
        if misplaced(figure, cited.evidence.folded):
            beside = figure.unit or figure.after or figure.before
            return f"the source has {figure.text!r}, but not with {beside!r}"
    return ""


def _everything(document: Document, spans: Spans) -> Cited:
    cited = Cited(spans.sources, dict.fromkeys(citations_of(document)))
    ticket = spans.sources.ticket
    cited.names += [ticket.ref.key, str(ticket.ref), *(str(name) for name in (*ticket.services, ticket.team) if name)]
    for ref in spans.sources.own_refs():
        source = spans.sources.source(ref)
        cited.add(source.lines[: max(0, LINES_READ - len(cited.lines))], source)
    return cited


def _absent(text: str, cited: Cited) -> list[Atom]:
    if verbatim(text, cited):
        return []
    return [
        atom
        for atom in claimed_atoms(text)
        if not cited.evidence.holds(atom) and not (atom.kind is AtomKind.NAME and _is_made_of(atom.key, cited.text))
    ]


def _is_made_of(name: str, span: str) -> bool:
    """Whether a hyphenated word is no name of its own: its parts stand in the source, or are such as make words."""
    there = stems(span)
    parts = [part for part in name.split("-") if len(part) > 2]
    return all(part in _MAKING or stem(part) in there for part in parts)


def _misspelt(text: str, cited: Cited) -> list[Atom]:
    """A time in the place of another one, or words in the place of an identifier that they nearly are."""
    found: list[Atom] = []
    for theirs, ours in swapped(text, cited.text):
        times = [[atom for atom in atoms(words) if atom.kind is AtomKind.TIME] for words in (theirs, ours)]
        if all(times) and {(atom.day, atom.clock) for atom in times[0]} != {
            (atom.day, atom.clock) for atom in times[1]
        }:
            found.append(times[1][0])
        if theirs.startswith(ours.rstrip("… ")):
            continue  # cut
        names = _ANY_DIGIT.search(theirs) and _LETTER.search(theirs)
        if names and theirs != ours and _ANY_DIGIT.sub("", theirs) == _ANY_DIGIT.sub("", ours):
            found.append(Atom(AtomKind.IDENTIFIER, ours))  # web-1 in the place of web-2, which stands there too
            continue
        if ours.casefold() in cited.words or stem(theirs.casefold()) == stem(ours.casefold()):
            continue
        if any(atom.kind is AtomKind.IDENTIFIER for atom in atoms(theirs)) and (
            SequenceMatcher(None, theirs, ours, autojunk=False).ratio() >= _NEARLY
        ):
            found.append(Atom(AtomKind.IDENTIFIER, ours))
    return found


def _swapped(text: str, cited: Cited) -> str:
    """A number in the place of another one, in a sentence that is the same but for it."""
    for theirs, ours in swapped(text, cited.text):
        pair = (plain_number(theirs), plain_number(ours))
        if all(_DIGITS.match(item) for item in pair) and pair[0] != pair[1]:
            return f"the source has {theirs!r} where this has {ours!r}"
    return ""


def _not_said(found: Sequence[Atom]) -> str:
    said = f"the source does not say {', '.join(repr(atom.text.strip()) for atom in found[:4])}"
    if all(atom.kind is AtomKind.NUMBER for atom in found):
        said += "; a figure that was worked out needs an observation to cite"
    return said
