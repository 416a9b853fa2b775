"""Runbooks as rows: what answers a search, how well, how fresh and in what state; and what there is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass
from opstui.core.knowledge import Hit, PageFacts, PageRow, PageState, Strength
from opstui.core.marking import Marker
from opstui.tui.lines import Line, Row, Span, between, fit, line, wrap
from opstui.tui.times import ago
from opstui.tui.words import span

if TYPE_CHECKING:
    from opstui.core.pages.proposal import Proposal

SHOWN = 4
"""Matched lines of a page in the list."""
NARROW = 64
"""Below this many cells where a page stands and how fresh it is take a line each."""
MOST = 200
"""Pages in the overview; a search finds the others."""
STATE_WORDS: Mapping[PageState, str] = {
    PageState.DRAFT: "draft: nobody has approved it",
    PageState.UNVALIDATED: "nobody has confirmed that it works",
    PageState.SUPERSEDED: "superseded",
    PageState.ARCHIVED: "archived: no longer kept up",
}


def strength_mark(strength: Strength) -> Span:
    """A shape, so that it never rests on the colour."""
    return Span("■", "good") if strength is Strength.STRONG else Span("□", "warn")


def page_trouble(facts: PageFacts, today: date) -> str:
    """What speaks against following a page, in words; empty where nothing does."""
    parts = [STATE_WORDS[facts.state]] if facts.state in STATE_WORDS else []
    if facts.superseded_by:
        parts = [f"superseded by {facts.superseded_by}"]
    if facts.review_by is not None and facts.review_by < today:
        parts.append(f"review overdue {span((today - facts.review_by).total_seconds())}")
    return " · ".join(parts)


def freshness(changed_at: datetime | None, facts: PageFacts, now: datetime) -> str:
    """``changed 21d ago by dana``."""
    if changed_at is None:
        return "age unknown"
    short = ago(changed_at, now)
    when = "just now" if short == "now" else f"{short} ago"
    return f"changed {when}{f' by {facts.author}' if facts.author else ''}"


def marked_line(text: str, marker: Marker, room: int, role: str = "") -> Line:
    """One line of a page in ``room`` cells with the matched words marked; it begins where the first of them shows."""
    flat = text.replace("\t", "    ").rstrip()
    spans = list(marker.spans(flat))
    shift = 0
    if spans and spans[0][1] > room - 2:
        shift = max(0, spans[0][0] - room // 3)
        # From the start of a word, where there is one before the match.
        blank = flat.find(" ", shift, spans[0][0])
        shift = blank if blank >= 0 else shift
        flat = "…" + flat[shift + 1 :]
        spans = [(start - shift, end - shift) for start, end in spans if start - shift > 0]
    parts: list[Span] = []
    at = 0
    for start, end in spans:
        parts += [Span(flat[at:start], role), Span(flat[start:end], "found")]
        at = end
    parts.append(Span(flat[at:], role))
    return fit(tuple(part for part in parts if part.text), room)


def matched(hit: Hit, marker: Marker, most: int = SHOWN) -> list[tuple[int, str]]:
    """Number and text of the lines of a hit that are worth showing: those with a word of the query first.

    Not the headings that stand above them anyway.
    """
    numbered = [
        (hit.line_start + at, text)
        for at, text in enumerate(hit.text.split("\n"))
        if text.strip() and not _is_known(text, hit)
    ]
    if marker:
        # A heading tells something only where it is what was searched for.
        numbered = [pair for pair in numbered if not pair[1].startswith("#") or marker.spans(pair[1])]
    best = [pair for pair in numbered if marker.spans(pair[1])][:most]
    rest = [pair for pair in numbered if pair not in best][: most - len(best)]
    return sorted([*best, *rest])


def _is_known(text: str, hit: Hit) -> bool:
    """Whether the line is the page's title or the section's heading."""
    bare = text.strip().strip("#=*").strip()
    return bare in ("", str(hit.title), str(hit.section)) or not any(char.isalnum() for char in bare)


def hit_rows(hits: Sequence[Hit], query: str, now: datetime, width: int, lines: int = SHOWN) -> list[Row]:
    """Strong pages, then the weak ones under a heading that says what they are."""
    marker = Marker(query)
    strong = [hit for hit in hits if hit.strength is Strength.STRONG]
    weak = [hit for hit in hits if hit.strength is not Strength.STRONG]
    rows = [_hit(hit, marker, now, width, lines) for hit in strong]
    if not strong:
        rows.append(Row("none", (fit(line(" ", ("✗", "warn"), (" no page answers this", "strong")), width),), False))
    if weak:
        said = "weak: they share words with it, and may be about something else"
        parts = wrap(said, width - 4)
        rows.append(Row("weak", tuple(line("   ", (part, "dim")) for part in parts), False))
        rows += [_hit(hit, marker, now, width, min(lines, 2)) for hit in weak]
    return rows


def _hit(hit: Hit, marker: Marker, now: datetime, width: int, most: int) -> Row:
    strong = hit.strength is Strength.STRONG
    word = line((hit.strength.value + " ", "good" if strong else "warn"))
    title = line(" ", strength_mark(hit.strength), " ", *_title(hit.title, marker, "strong" if strong else ""))
    drawn = [between(title, word, width), *place_lines(hit, now, width)]
    trouble = page_trouble(hit.facts, now.date())
    if trouble:
        drawn += [
            line("   ", ("!" if at == 0 else " ", "warn"), " ", (part, "warn"))
            for at, part in enumerate(wrap(trouble, width - 6))
        ]
    for number, text in matched(hit, marker, most):
        drawn.append(line("   ", (f"{number:>4}", "faint"), "  ", *marked_line(text, marker, width - 10)))
    return Row(f"hit:{hit.doc}:{hit.line_start}", tuple(drawn))


def _title(title: str, marker: Marker, role: str) -> Line:
    return marked_line(title, marker, 10_000, role)


def place_lines(hit: Hit, now: datetime, width: int) -> list[Line]:
    """Where the lines stand, whose page it is, and how fresh."""
    where = f"{hit.doc}:{hit.line_start}"
    section = f" › {hit.section}" if hit.section and hit.section != hit.title else ""
    fresh = freshness(hit.changed_at, hit.facts, now)
    owner = f"{hit.facts.owner} · " if hit.facts.owner else ""
    left = line("   ", (where, "dim"), (section, "text"))
    right = line((f"{owner}{fresh} ", "dim"))
    if width < NARROW:
        return [fit(left, width), fit(line("   ", (f"{owner}{fresh}", "dim")), width)]
    return [between(left, right, width)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What there is to read, whatever is searched for."""

    pages: Sequence[PageRow] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    """Source → why it did not answer."""
    proposals: Sequence[Proposal] = ()
    """Those that wait for a person."""
    source: str = ""
    """The one source whose pages are listed; empty: only pages that want a look."""


def shelf_rows(shelf: Shelf, now: datetime, width: int) -> list[Row]:
    """What waits for a person, the sources with their age and what is wrong with them, the pages that want a look."""
    rows = [*proposal_rows(shelf, now, width), *source_rows(shelf, now, width)]
    if not rows:
        return [Row("empty", (fit(line("   ", ("no runbooks yet: [knowledge] names them", "dim")), width),), False)]
    if shelf.source:
        pages = [page for page in shelf.pages if page.source == shelf.source]
        rows += [heading(f"pages of {shelf.source}", f"{len(pages)}", width)]
    else:
        pages = [page for page in shelf.pages if page.problem or page_trouble(page.facts, now.date())]
        pages.sort(key=lambda page: (page.facts.review_by or date.max, page.doc))
        if pages:
            rows += [heading("pages that want a look", f"{len(pages)}", width)]
    rows += [_page(page, now, width) for page in pages[:MOST]]
    if len(pages) > MOST:
        more = f"   {len(pages) - MOST} more: a search finds them"
        rows.append(Row("more", (fit(line((more, "dim")), width),), False))
    return rows


def proposal_rows(shelf: Shelf, now: datetime, width: int) -> list[Row]:
    """A row a proposal that waits: which page, what becomes of it, from which ticket, since when."""
    if not shelf.proposals:
        return []
    count = len(shelf.proposals)
    rows = [heading("proposals", f"{count} wait{'s' * (count == 1)} for a person", width)]
    for one in shelf.proposals:
        head = line(" ", ("✎", "accent"), " ", (f"{one.kind.value}  ", "dim"), (one.title, "strong"))
        where = line("   ", (f"{one.doc or 'no source takes it'} · from {one.ticket}", "dim"))
        age = line((f"{ago(one.created_at, now)} ", "dim"))
        rows.append(Row(f"proposal:{one.id}", (between(head, age, width), fit(where, width))))
    return rows


def heading(text: str, note: str, width: int) -> Row:
    """A heading inside the list."""
    return Row(f"head:{text}", (between(line(" ", (text, "accent")), line((note + " ", "dim")), width),), False)


def source_rows(shelf: Shelf, now: datetime, width: int) -> list[Row]:
    """A row a source: pages, newest change, how many are overdue, and whether it answers."""
    names = sorted({page.source for page in shelf.pages} | set(shelf.faults))
    rows = [heading("sources", "", width)] if names else []
    for name in names:
        pages = [page for page in shelf.pages if page.source == name]
        newest = max((page.changed_at for page in pages if page.changed_at is not None), default=None)
        overdue = sum(1 for page in pages if page.facts.review_by is not None and page.facts.review_by < now.date())
        said = f"{len(pages)} page{'' if len(pages) == 1 else 's'}"
        said += f" · {overdue} overdue for review" if overdue else ""
        fresh = f"newest change {ago(newest, now)}" if newest is not None else "age unknown"
        fault = shelf.faults.get(name, "")
        mark = ("✗", "bad") if fault else ("✓", "good")
        head = line(" ", mark, " ", (name, "strong"), f"  {said}")
        lines = [between(head, line((fresh + " ", "dim")), width)]
        if fault:
            kept = f"{fault}{'; what is indexed of it is kept' if pages else ''}"
            lines += [line("     ", (part, "bad")) for part in wrap(kept, width - 6)]
        rows.append(Row(f"source:{name}", tuple(lines)))
    return rows


def _page(page: PageRow, now: datetime, width: int) -> Row:
    trouble = " · ".join(filter(None, (page_trouble(page.facts, now.date()), str(page.problem or ""))))
    owner = f"{page.facts.owner} · " if page.facts.owner else ""
    right = line((f"{owner}{freshness(page.changed_at, page.facts, now)} ", "dim")) if width >= NARROW else ()
    lines = [between(line("   ", (page.title, ""), (f"  {page.doc}", "faint")), right, width)]
    lines += [line("   ", ("!" if at == 0 else " ", "warn"), " ", (part, "warn"))
              for at, part in enumerate(wrap(trouble, width - 6) if trouble else ())]  # fmt: skip
    return Row(f"page:{page.doc}", tuple(lines))
