"""A proposal for a page as rows: where it goes, what speaks against it, the difference, what it rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opstui.core.claims import Finding
from opstui.core.desk import ProposalView
from opstui.core.document_kinds.knowledge import ProposalKind
from opstui.core.pages.proposal import ProposalState
from opstui.tui.lines import Line, Row, Span, between, fit, line, pad, wrap
from opstui.tui.times import day_clock
from opstui.tui.words import zone

WORDS: Mapping[ProposalKind, str] = {
    ProposalKind.NEW: "a new page",
    ProposalKind.AMEND: "a change of",
    ProposalKind.DEPRECATE: "puts out of use",
}
NARROW = 60
"""Below this many cells the page's name has a line of its own."""
NAME = 10
"""Cells of a fact's name, with the blank after it."""


def head_lines(view: ProposalView | None, missing: str, right: Line, width: int) -> list[Line]:
    """Which page, and where the proposal stands."""
    if view is None:
        return [line(" ", ("PROPOSAL", "strong"), "  ", (missing, "warn"))]
    found = view.proposal
    state = {"open": "waits for you", "accepted": "accepted", "rejected": "rejected"}[found.state.value]
    edited = " · edited" if found.is_edited else ""
    role = "accent" if found.state is ProposalState.OPEN else "good" if found.state is ProposalState.ACCEPTED else "dim"
    page = (Span(f"{WORDS[found.kind]} ", "dim"), Span(found.doc or "–", "accent"))
    first = (*line(" ", ("PROPOSAL", "strong"), "  "), *(page if width >= NARROW else ()))
    second = line(" ", (found.title, "strong")) if width >= NARROW else (Span(" "), *page)
    return [
        between(first, right or line((f"{state}{edited} ", role)), width),
        between(second, line((f"{state}{edited} ", role)) if right else (), width),
    ]


def proposal_rows(
    view: ProposalView, answers: Mapping[str, str], width: int, *, whole: bool, timezone: str
) -> list[Row]:
    """Everything under the heading. ``answers``: checks that were answered here, with the reason."""
    rows = list(_facts(view, width, timezone))
    rows += _checks(view, answers, width)
    rows.append(Row("rule:diff", (line(("─" * width, "rule")),), stops=False))
    if view.theirs:
        rows.append(Row("theirs", (line("   ", ("the page was changed since; R brings this onto it:", "warn")),)))
        rows += diff_rows(view.theirs, width, "theirs", dim=True)
        rows.append(Row("rule:theirs", (line(("─" * width, "rule")),), stops=False))
    if whole:
        rows += _page(view.proposal.text, width)
    elif view.diff:
        rows += diff_rows(view.diff, width, "diff")
    else:
        rows.append(Row("same", (line("   ", ("nothing would change", "dim")),), stops=False))
    rows += _sources(view, width)
    return rows


def _facts(view: ProposalView, width: int, timezone: str) -> Iterator[Row]:
    found = view.proposal
    facts: list[tuple[str, str, str]] = [
        ("from", f"{found.ticket} · {found.workflow} · {found.engine} · by {found.operator}", ""),
        ("rests on", ", ".join(found.evidence), ""),
    ]
    if found.state is ProposalState.OPEN:
        due = f", again by {found.review_by:%Y-%m-%d}" if found.review_by is not None else ""
        facts.append(("reviewer", (found.reviewer or "not known") + due, "" if found.reviewer else "warn"))
        facts.append(("goes to", view.place, "" if view.can_write else "warn"))
        if found.begun is not None:
            text = f"{found.begun.by} began to write it; accepting looks first whether it arrived"
            facts.append(("begun", text, "warn"))
    else:
        at = f" {day_clock(found.decided_at, zone(timezone))}" if found.decided_at is not None else ""
        why = f": {found.reason.replace('_', ' ')}" if found.reason else ""
        facts.append((found.state.value, f"by {found.decided_by}{at}{why}", ""))
        if found.where:
            facts.append(("where", found.where, "good"))
    for name, text, role in facts:
        parts = wrap(text, max(12, width - NAME - 3))
        lines = [line("   ", (pad(name, NAME), "dim"), (parts[0], role))]
        lines += [line("   ", " " * NAME, (part, role)) for part in parts[1:]]
        yield Row(f"fact:{name}", tuple(fit(one, width) for one in lines), stops=False)
    for number, question in enumerate(found.questions):
        yield Row(f"open:{number}", tuple(_marked("?", "warn", question, width)), stops=False)


def _checks(view: ProposalView, answers: Mapping[str, str], width: int) -> list[Row]:
    rows = []
    for finding in view.findings:
        answer = answers.get(finding.id)
        mark, role = _mark(finding, answer)
        said = f" (answered: {answer.replace('_', ' ')})" if answer else ""
        text = f"{finding.level} {finding.id}: {finding.text}{said}"
        rows.append(Row(f"check:{finding.id}", tuple(_marked(mark, role, text, width))))
    if not rows and view.proposal.state is ProposalState.OPEN:
        rows.append(Row("checks", (line(" ", ("✓", "good"), " nothing speaks against it"),), stops=False))
    return rows


def _mark(finding: Finding, answer: str | None) -> tuple[str, str]:
    if finding.level != "block":
        return "~", "warn"
    return ("~", "warn") if answer else ("✗", "bad")


def _marked(mark: str, role: str, text: str, width: int) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, width - 4)):
        yield line(" ", (mark if number == 0 else " ", role), " ", part)


def diff_rows(diff: Sequence[str], width: int, key: str, *, dim: bool = False) -> list[Row]:
    """A unified diff, line by line. What comes and goes is marked by its sign; the colour only says it again."""
    rows = []
    for number, text in enumerate(diff):
        sign, body = text[:1], text[1:]
        if text.startswith(("--- ", "+++ ")):
            drawn: tuple[Line, ...] = (fit(line("  ", (text, "dim")), width),)
        elif text.startswith("@@"):
            drawn = (fit(line("  ", (text, "accent")), width),)
        else:
            role = "dim" if dim and sign == " " else {"+": "good", "-": "bad"}.get(sign, "")
            parts = wrap(body, max(8, width - 4))
            # The sign of a line that goes on is dimmed: it is the same line still.
            drawn = tuple(
                line(" ", Span(sign if at == 0 or sign == " " else "⋮", role), " ", (part, role))
                for at, part in enumerate(parts)
            )
        rows.append(Row(f"{key}:{number}", drawn))
    return rows


def _page(text: str, width: int) -> list[Row]:
    lines = text.removesuffix("\n").split("\n")
    digits = max(3, len(str(len(lines))))
    rows = []
    for number, source in enumerate(lines, start=1):
        parts = wrap(source, max(8, width - digits - 4))
        drawn = [
            line(" ", (str(number).rjust(digits) if at == 0 else " " * digits, "faint"), "  ", part)
            for at, part in enumerate(parts)
        ]
        rows.append(Row(f"page:{number}", tuple(drawn)))
    return rows


def _sources(view: ProposalView, width: int) -> list[Row]:
    if not view.sources:
        return []
    rows = [
        Row("rule:sources", (line(("─" * width, "rule")),), stops=False),
        Row("sources", (line("   ", ("what it rests on, as the sources say it", "dim")),), stops=False),
    ]
    for number, (text, citation) in enumerate(view.sources):
        span = str(citation.line_start)
        if citation.line_end != citation.line_start:
            span += f"-{citation.line_end}"
        parts = wrap(text, max(12, width - 4))
        lines = [line("   ", part) for part in parts]
        lines.append(fit(line("   ", (f"[{citation.ref} {span}]", "dim")), width))
        rows.append(Row(f"source:{number}", tuple(lines)))
    return rows
