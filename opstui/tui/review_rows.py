"""Review as rows: fields with their three values, the comment, files, checks, claims, what else happened. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, tzinfo
from typing import Any

from rich.cells import cell_len

from opstui.core.claims import Citation, Claim, ClaimStatus, Finding
from opstui.core.desk import Review, ReviewRow
from opstui.core.drafts import DraftState, OpKind, Origin
from opstui.core.frozen import dataclass
from opstui.core.tickets import Visibility
from opstui.tui.drafting import comment_text
from opstui.tui.lines import Line, Row, Span, between, cut, fit, line, pad, width_of, wrap
from opstui.tui.push_words import push_lines, wrapped
from opstui.tui.review_document import Part, part_rows
from opstui.tui.times import ago, size
from opstui.tui.words import SHAPES

COMMENT = "op:/comment"
"""The comment's row: it is there also when the draft has none yet."""
NARROW = 64
"""Below this many cells a field takes a line for each value."""
NAMES: Mapping[str, str] = {
    "/assignee": "owner",
    "/status": "status",
    "/severity": "severity",
    "/team": "team",
    "/tags": "tags",
    "/comment": "comment",
    "/attachments": "files",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All that Review's rows are drawn from."""

    review: Review
    now: datetime
    tz: tzinfo
    settle_seconds: float = 60.0
    aside: Mapping[str, str] = field(default_factory=dict)
    """Row key → text of ours that lost against somebody else's save."""
    unsaved: str | None = None
    """The comment as typed, while the store has an older one."""
    can_add: bool = False
    """Whether there is a field that the draft does not set yet, and may."""
    with_files: bool = False
    """Whether that may be a file."""
    silent: bool = True
    """Whether it is known that the system tells nobody but those it names."""
    parts: tuple[Part, ...] = ()
    """What the document says beside its comment."""
    comment_words: str = ""
    """What to know before a comment is written, where the system has but one kind or none."""


def field_name(path: str) -> str:
    """What people call a path: ``owner`` for ``/assignee``."""
    return NAMES.get(path) or path.removeprefix("/fields/")


def value_text(path: str, value: Any) -> str:
    """A field's value on one line; ``–`` for none."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if path == "/severity" and str(value) in SHAPES:
        return f"{SHAPES[str(value)]} {value}"
    return str(value)


def row_key(row: ReviewRow) -> str:
    """Key of a field's row; tags are an operation each."""
    if row.path == "/tags":
        return f"op:/tags:{row.op.op.value}:{row.op.to}"
    return f"op:{row.path}"


def finding_key(finding: Finding, index: int) -> str:
    """Key of a check's row; ``index`` is its place among the draft's findings."""
    return f"finding:{finding.id}:{finding.claim or ''}:{index}"


def claim_findings(review: Review, claim: Claim) -> list[Finding]:
    """What the checks say about one claim."""
    return [finding for finding in review.findings if finding.claim == claim.id]


_SOURCE = re.compile(r"\[(\d{1,4})\] (\S.*?) (\d{1,9})(?:-(\d{1,9}))?(?=   |$)", re.MULTILINE)


def citation_numbers(claims: Sequence[Claim], comment: str = "") -> dict[tuple[str, int, int], int]:
    """Span → number: as the comment's own list of sources has it, and on from there in the order of the claims."""
    numbers: dict[tuple[str, int, int], int] = {}
    _, found, sources = comment.rpartition("\nSources\n")
    for number, ref, start, end in _SOURCE.findall(sources if found else ""):
        numbers.setdefault((ref, int(start), int(end or start)), int(number))
    last = max(numbers.values(), default=0)
    for claim in claims:
        for cited in claim.citations:
            if (cited.ref, cited.line_start, cited.line_end) not in numbers:
                last += 1
                numbers[(cited.ref, cited.line_start, cited.line_end)] = last
    return numbers


def citation_text(cited: Citation, numbers: Mapping[tuple[str, int, int], int]) -> str:
    """``[1] NET-87#1``, with the lines where it is more than the first."""
    number = numbers.get((cited.ref, cited.line_start, cited.line_end))
    span = (
        ""
        if cited.line_end <= 1
        else f" {cited.line_start}"
        if cited.line_start == cited.line_end
        else (f" {cited.line_start}-{cited.line_end}")
    )
    return (f"[{number}] " if number else "") + f"{cited.ref}{span}"


def review_rows(shown: Shown, width: int) -> list[Row]:
    """Every row, top to bottom, for ``width`` cells."""
    rows: list[Row] = []
    rows += _state(shown, width)
    rows += _fields(shown, width)
    rows += _comment(shown, width)
    rows += _files(shown, width)
    rows += _checks(shown, width)
    rows += _parts(shown, width)
    rows += _claims(shown, width)
    rows += _meanwhile(shown, width)
    return rows


def _rule(key: str, width: int) -> Row:
    return Row(f"rule:{key}", (line(("─" * width, "rule")),), stops=False)


_ITEM = re.compile(r" {0,4}(?:[-*·]|\d{1,2}[.)]) +(?=\S)")


def _indented(text: str, width: int, indent: int) -> Iterator[Line]:
    """The text's lines; what goes on in the next line stands under the words of its list item."""
    room = max(8, width - indent - 1)
    for raw in text.replace("\t", "    ").split("\n"):
        found = _ITEM.match(raw)
        hang = len(found[0]) if found else 0
        for at, part in enumerate(wrap(raw[hang:], room - hang)):
            yield line(" " * indent, (raw[:hang] if at == 0 else " " * hang) + part)


def _state(shown: Shown, width: int) -> list[Row]:
    review, draft = shown.review, shown.review.draft
    rows: list[Row] = []
    if review.editing is not None:
        other = review.editing
        same = "" if other.operator == draft.operator else f" by {other.operator}"
        idle = ago(other.at, shown.now)
        text = f" open on {other.where}{same}, " + ("in use now" if idle == "now" else f"idle {idle}") + "; take over?"
        rows.append(
            Row(
                "editing", (between(line(" ", ("!", "warn"), (text, "warn")), line(("T take over ", "accent")), width),)
            )
        )
    if draft.state is DraftState.DISCARDED:
        rows.append(
            Row(
                "discarded", (line(" ", ("✗", "bad"), " discarded; ", ("u", "accent"), " brings it back"),), stops=False
            )
        )
    pushed = push_lines(draft, review.push, now=shown.now, tz=shown.tz, settle_seconds=shown.settle_seconds)
    if pushed:
        found: list[Line] = []
        for drawn in pushed:
            found += wrapped(drawn, width)
        if draft.state is DraftState.NEEDS_HUMAN:
            found.append(line("   ", ("enter", "accent"), " says whether it is on the ticket"))
        rows.append(Row("push", tuple(found), stops=draft.state is DraftState.NEEDS_HUMAN))
    if rows:
        rows.append(_rule("state", width))
    return rows


def _fields(shown: Shown, width: int) -> list[Row]:
    fields = [row for row in shown.review.rows if row.op.op not in (OpKind.COMMENT, OpKind.ATTACH)]
    if not fields and not shown.can_add:
        return []
    rows: list[Row] = []
    name, column = _columns(width)
    if width >= NARROW and fields:
        head = "   " + pad("field", name) + pad("when drafted", column) + pad("now", column) + "yours"
        rows.append(Row("head:fields", (line((head, "dim")),), stops=False))
    for row in fields:
        rows.append(Row(row_key(row), tuple(_field_lines(shown, row, width))))
    if shown.can_add:
        rows.append(Row("add", (line("   ", ("+ another field" + (", a file" if shown.with_files else ""), "dim")),)))
    rows.append(_rule("fields", width))
    return rows


def _columns(width: int) -> tuple[int, int]:
    name = 10
    return name, max(13, min(26, (width - 3 - name - 17) // 3))


def _flag(row: ReviewRow) -> Span:
    if row.conflict:
        return Span("!", "bad")
    if row.done_already:
        return Span("✓", "good")
    return Span("~", "warn") if row.now != row.when_drafted else Span(" ")


def _yours(row: ReviewRow) -> str:
    if row.path == "/tags" and row.op.op in (OpKind.ADD, OpKind.REMOVE):
        return ("+ " if row.op.op is OpKind.ADD else "− ") + value_text(row.path, row.op.to)
    return value_text(row.path, row.yours)


def _field_lines(shown: Shown, row: ReviewRow, width: int) -> Iterator[Line]:
    name, column = _columns(width)
    drafted, now = value_text(row.path, row.when_drafted), value_text(row.path, row.now)
    # On the ticket it is our own doing that the field is another than when it was drafted.
    pushed = shown.review.draft.state is DraftState.PUSHED and row.done_already
    changed = row.now != row.when_drafted and not pushed
    age = f"{ago(row.changed_at, shown.now)} ago" if row.changed_at is not None else ""
    age = "just now" if age == "now ago" else age
    who = "agent" if row.op.origin is Origin.AGENT else "you"
    settle = line(("t", "accent"), " theirs ", ("m", "accent"), " mine ")
    if width < NARROW:
        label = line(
            " ",
            _flag(row),
            " ",
            pad(field_name(row.path), 9),
            (drafted, "dim"),
            (" → ", "dim"),
            (_yours(row), "strong"),
        )
        yield fit(label, width)
        if changed:
            yield fit(line(" " * 12, "now ", (now, "strong" if row.conflict else ""), (f"  {age}", "dim")), width)
        if row.conflict:
            yield line(" " * 12, *settle)
        elif row.done_already and not pushed:
            yield line(" " * 12, ("the ticket has it already", "dim"))
        return
    now_cell = [Span(cut(now, column - 1), "strong" if row.conflict else "")]
    room = column - cell_len(now_cell[0].text)
    now_cell.append(Span(pad(f"  {age}" if changed and row.conflict and len(age) + 3 <= room else "", room), "dim"))
    left = line(
        " ",
        _flag(row),
        " ",
        pad(field_name(row.path), name - 1),
        " ",
        (pad(drafted, column - 1) + " ", "dim"),
        *now_cell,
        (_yours(row), "strong"),
    )
    if row.conflict:
        right: Line = settle
    elif row.done_already and not pushed:
        right = line(("there already ", "dim"))
    else:
        right = line((who + " ", "dim"))
    yield between(left, right, width)
    if changed and (row.conflict or row.changed_by):
        by = f" by {row.changed_by}" if row.changed_by else ""
        yield fit(line(" " * (3 + name + column), (f"changed{by} {age} ".rstrip(), "dim")), width)


def _comment(shown: Shown, width: int) -> list[Row]:
    review = shown.review
    op = review.draft.comment()
    rows: list[Row] = []
    if op is None and shown.unsaved is None:
        words = shown.comment_words
        style = "warn" if words else "dim"
        empty = line("   ", pad("comment", 10), (words or "none; enter writes one", style))
        rows.append(Row(COMMENT, (fit(empty, width),)))
    else:
        public = op is not None and op.visibility is Visibility.PUBLIC
        rows.append(Row(COMMENT, (*_comment_head(shown, public, width), *_comment_text(shown, width))))
    for key, text in shown.aside.items():
        name = "comment" if key == COMMENT else field_name(key.removeprefix("op:"))
        head = between(
            line(" ", ("!", "warn"), " ", pad(name, 10), ("yours, kept aside: not in the draft", "warn")),
            line(("m", "accent"), " take it ", ("t", "accent"), " drop it "),
            width,
        )
        if width < NARROW:
            head = line(
                " ",
                ("!", "warn"),
                " ",
                ("yours, kept aside", "warn"),
                "  ",
                ("m", "accent"),
                " take ",
                ("t", "accent"),
                " drop",
            )
        rows.append(Row(f"aside:{key}", (fit(head, width), *_indented(text, width, 5))))
    rows.append(_rule("comment", width))
    return rows


def _comment_head(shown: Shown, public: bool, width: int) -> list[Line]:
    review = shown.review
    audience = review.audience or ("public" if public else "internal")
    # Whom a system elsewhere writes to is its own affair, and not claimed.
    tells = f"tells {', '.join(review.tells)}" if review.tells else "tells nobody" if shown.silent else ""
    mark = ("!", "warn") if public else " "
    style = "warn" if public else ""
    if public:
        audience = audience.replace("public", "PUBLIC", 1)
    first = line(" ", mark, " ", pad("comment", 10), (audience, style), (f" · {tells}" if tells else "", "dim"))
    if width_of(first) <= width:
        return [first]
    parts = wrap(audience, width - 14)
    return [
        line(" ", mark, " ", pad("comment", 10), (parts[0], style)),
        *(line(" " * 13, (part, style)) for part in parts[1:]),
        *([fit(line(" " * 13, (tells, "dim")), width)] if tells else []),
    ]


def _comment_text(shown: Shown, width: int) -> Iterator[Line]:
    op = shown.review.draft.comment()
    text = shown.unsaved if shown.unsaved is not None else str(op.to or "") if op is not None else ""
    if not text.strip():
        yield line("     ", ("empty; enter writes it", "dim"))
        return
    yield from _indented(text, width, 5)


def _files(shown: Shown, width: int) -> list[Row]:
    if not shown.review.files:
        return []
    rows = []
    for index, (name, count, sha256) in enumerate(shown.review.files):
        left = line("   ", pad("files" if index == 0 else "", 10), (name, "strong"), f"  {size(count)}")
        rows.append(Row(f"file:{sha256}", (between(left, line((sha256[:8] + " ", "dim")), width),)))
    return [*rows, _rule("files", width)]


def _checks(shown: Shown, width: int) -> list[Row]:
    review = shown.review
    numbers = citation_numbers(review.claims, comment_text(review.draft))
    order = sorted(enumerate(review.findings), key=lambda pair: (not pair[1].blocks, pair[1].level != "block", pair[0]))
    rows = []
    for index, finding in order:
        if finding.overridden is not None:
            mark, word, style = Span("✓", "dim"), "answered", "dim"
        elif finding.level == "block":
            mark, word, style = Span("✗", "bad"), "BLOCKS", "bad"
        else:
            mark, word, style = Span("~", "warn"), "warn", "warn"
        cited = citation_text(finding.citation, numbers) if finding.citation is not None else ""
        hint = "o answer" if finding.blocks else ""
        tail = "  ".join(part for part in (cited, hint) if part)
        room = width - 13 - 1
        text = f"{finding.id}: {finding.text}" if finding.id else finding.text
        if finding.overridden is not None:
            text += f" · answered: {finding.overridden.replace('_', ' ')}"
        lines: list[Line] = []
        inline = tail and width >= NARROW and cell_len(text) <= room - cell_len(tail) - 2
        for at, part in enumerate(wrap(text, room)):
            head = line(" ", mark, " ", (pad(word, 9), style), " ") if at == 0 else line(" " * 13)
            lines.append((*head, Span(part, "dim" if finding.overridden is not None else "")))
        if inline:
            lines[0] = between(lines[0], line((tail + " ", "dim")), width)
        elif tail:
            lines.append(fit(line(" " * 13, (tail, "dim")), width))
        rows.append(Row(finding_key(finding, index), tuple(lines)))
    return rows


def _parts(shown: Shown, width: int) -> list[Row]:
    review = shown.review
    if not shown.parts:
        return []
    numbers = citation_numbers(review.claims, comment_text(review.draft))
    rule = [_rule("checks", width)] if review.findings else []
    return [*rule, *part_rows(shown.parts, numbers, citation_text, width), _rule("parts", width)]


def _claims(shown: Shown, width: int) -> list[Row]:
    review = shown.review
    if not review.claims:
        return [_rule("checks", width)] if review.findings and not shown.parts else []
    total = len(review.claims)
    good = review.claims_ok == total
    mark = ("✓", "good") if good else ("~", "warn")
    head = line(" ", mark, " ", f"{review.claims_ok} of {total} claims cited and found")
    rows = [Row("head:claims", (fit(head, width),), stops=False)]
    numbers = citation_numbers(review.claims, comment_text(review.draft))
    for claim in review.claims:
        rows.append(Row(f"claim:{claim.id}", tuple(_claim_lines(review, claim, numbers, width))))
    rows.append(_rule("claims", width))
    return rows


def _claim_lines(
    review: Review, claim: Claim, numbers: Mapping[tuple[str, int, int], int], width: int
) -> Iterator[Line]:
    findings = claim_findings(review, claim)
    failed = [finding for finding in findings if finding.blocks]
    mark = Span("✗", "bad") if failed else Span("?", "dim") if claim.status is ClaimStatus.UNKNOWN else Span(" ")
    cited = "  ".join(citation_text(part, numbers) for part in claim.citations)
    confidence = "" if claim.status is ClaimStatus.UNKNOWN else claim.confidence.value
    if confidence and claim.confidence_reason:
        confidence += f": {claim.confidence_reason}"
    wide = width >= 100
    indent = 13
    tail = f"{confidence}  {cited}".strip() if cited else confidence
    beside = wide and cell_len(tail) < width * 2 // 5
    room = width - indent - 1 - (cell_len(tail) + 2 if beside else 0)
    parts = wrap(claim.text, max(16, room))
    for at, part in enumerate(parts):
        head = line(" ", mark, " ", (pad(claim.status.value, 9), "dim"), " ") if at == 0 else line(" " * indent)
        drawn = (*head, Span(part.rstrip(), "struck" if failed else ""))
        if at == 0 and beside:
            drawn = between(drawn, line((tail + " ", "dim")), width)
        yield drawn
    if tail and not beside:
        for part in wrap(tail, width - indent - 1):
            yield line(" " * indent, (part, "dim"))
    for finding in findings:
        if finding.overridden is not None:
            continue
        style = "bad" if finding.level == "block" else "warn"
        for part in wrap(f"{finding.id.partition(':')[0]}: {finding.text}", width - indent - 1):
            yield line(" " * indent, (part, style))


def _meanwhile(shown: Shown, width: int) -> list[Row]:
    overlaps = shown.review.overlaps
    if not overlaps:
        return []
    comments = sum(1 for entry in overlaps if entry.kind.value in ("comment", "reply"))
    what = "comment" if comments == len(overlaps) else "change"
    rows = [
        Row(
            "head:overlaps",
            (
                line(
                    " ",
                    ("~", "warn"),
                    f" {len(overlaps)} {what}{'s' if len(overlaps) != 1 else ''} since it was drafted",
                ),
            ),
            stops=False,
        )
    ]
    for entry in overlaps:
        text = " ".join(entry.text.split())
        left = line(
            "   ",
            pad(ago(entry.at, shown.now), 4),
            " ",
            (pad(entry.author, 9), "strong"),
            " ",
            (pad(entry.kind.value, 8), "dim"),
            " ",
            text,
        )
        rows.append(Row(f"overlap:{entry.id}", (between(left, line((f" #{entry.number} ", "dim")), width),)))
    return rows
