"""What a page becomes: made new, amended or deprecated by code from a proposal's parts.

An amendment adds lines to the sections that they belong to; every other line stays as it is, so that the diff shows
all that a person has to read. Text from outside stays text: nothing of it becomes a heading, a link, HTML or front
matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from opstui.core.checks.m1 import stems
from opstui.core.documents import KBProposal, PageConfidence, PageStep, ProposalKind
from opstui.core.frozen import dataclass
from opstui.core.pages.shape import front_end, own_end, part_level, section_for, sections, with_state
from opstui.core.render.markdown import text_only

REVIEW_DAYS = 180
"""A page is looked at again after so many days at the latest."""
KNOWN = 0.8
"""Share of a sentence's telling words on one stretch of a page, from which on the page says it already."""
_STRETCH = 3
"""Lines that are taken together when it is looked whether a page says something already."""
_LABEL = re.compile(
    r"(?:root cause|cause|fix|fixed|resolution|resolved|solution|workaround|mitigation|remedy|verify|verified"
    r"|verification|to verify|roll ?back|to roll ?back|to undo|undo|environment|issue|summary|symptom|description)"
    r"\s*(?::|[-–—]\s)\s*",
    re.IGNORECASE,
)
"""What a sentence begins with that the page says by the place where it stands."""
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_PLAIN = re.compile(r"[A-Za-z][\w ./()-]*\Z")
_RESERVED = frozenset("true false yes no on off null none".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a proposal's parts become words of the page."""

    general: Callable[[str], str]
    """Takes out of a text what belongs to one case, and what nobody may read there."""
    today: date
    owner: str | None = None
    services: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    """Alert names and error codes that the page is about."""


def review_date(today: date) -> date:
    """When a page that is written today has to be looked at again."""
    return today + timedelta(days=REVIEW_DAYS)


def page_text(proposal: KBProposal, base: str | None, wording: Wording) -> str:
    """The whole page as the proposal would have it; ``base`` is the page as it is, None for a new one."""
    if base is None or proposal.kind is ProposalKind.NEW:
        return _new(proposal, wording)
    if proposal.kind is ProposalKind.DEPRECATE:
        return _deprecated(proposal, base, wording)
    return _amended(proposal, base, wording)


def title_of(proposal: KBProposal, general: Callable[[str], str]) -> str:
    """The title as the page would have it: at most 90 characters, without what belongs to one case."""
    return " ".join(general(proposal.title).split())[:90].strip() or "Untitled"


# --- a new page -------------------------------------------------------------------------------------------------------


def _new(proposal: KBProposal, wording: Wording) -> str:
    title = title_of(proposal, wording.general)
    state = "unvalidated" if proposal.confidence is PageConfidence.NOT_VALIDATED else "draft"
    front = [f"title: {_yaml(title)}", f"state: {state}"]
    if wording.owner:
        front.append(f"owner: {_yaml(wording.owner)}")
    for name, values in (("services", wording.services), ("alerts", wording.codes), ("evidence", proposal.evidence)):
        if values:
            front.append(f"{name}: [{', '.join(_yaml(value) for value in values)}]")
    front.append(f"review_by: {review_date(wording.today).isoformat()}")
    lines = ["---", *front, "---", "", f"# {text_only(title)}"]
    lines += _part("## Issue", [f"- {_said(claim.text, wording)}" for claim in proposal.issue])
    lines += _part("## Environment", [f"- {_said(claim.text, wording)}" for claim in proposal.environment])
    if proposal.cause is not None:
        lines += _part("## Cause", [f"- {_said(proposal.cause.text, wording)}"])
    lines += _part("## Resolution", _steps(proposal.resolution, wording) or ["Not known yet."])
    return "\n".join(lines) + "\n"


def _part(heading: str, body: Sequence[str]) -> list[str]:
    return ["", heading, "", *body] if body else []


# --- an amendment -----------------------------------------------------------------------------------------------------


def _amended(proposal: KBProposal, base: str, wording: Wording) -> str:
    lines = base.split("\n")
    known = _Known(lines)
    source = ", ".join(_code(ref) for ref in proposal.evidence)
    steps = [step for step in proposal.resolution if not known.says(wording.general(step.text))]
    causes = [claim for claim in (proposal.cause,) if claim is not None and not known.says(wording.general(claim.text))]
    where = [claim for claim in proposal.environment if not known.says(wording.general(claim.text))]
    if where and section_for("environment", lines) is not None and (steps or causes):
        lines = _added(lines, "environment", [f"- {_said(claim.text, wording)}" for claim in where])
    if causes:
        body = [f"- {_said(claim.text.rstrip(' .'), wording)} (said in {source}, not validated)" for claim in causes]
        lines = _added(lines, "cause", body)
    if steps:
        intro = [f"Worked in {source} (not validated):", ""]
        lines = _added(lines, "resolution", [*intro, *_steps(steps, wording)])
    return "\n".join(lines)


def _added(lines: Sequence[str], part: str, body: Sequence[str]) -> list[str]:
    """The lines with ``body`` at the end of the section for ``part``, or in a section of its own at the page's end."""
    section = section_for(part, lines)
    made = list(lines)
    if section is not None:
        at = own_end(section, lines)
        gap = [] if _goes_on(lines[at - 1], body[0]) else [""]
        made[at:at] = [*gap, *body]
        if at < section.end or at >= len(lines) or not lines[at].strip():
            return made
        made.insert(at + len(gap) + len(body), "")
        return made
    end = len(lines)
    while end > 1 and not lines[end - 1].strip():
        end -= 1
    heading = f"{'#' * part_level(lines)} {part.capitalize()}"
    made[end:end] = ["", heading, "", *body]
    return made if made[-1] == "" else [*made, ""]


def _goes_on(before: str, line: str) -> bool:
    """Whether an item follows an item of the same list, so that no blank line parts them."""
    return line.startswith("- ") and before.startswith("- ")


class _Known:
    """What a page says already, stretch by stretch."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._stretches = [
            stems(" ".join(lines[at : at + _STRETCH])) for at in range(max(1, len(lines) - _STRETCH + 1))
        ]

    def says(self, text: str) -> bool:
        words = stems(text)
        return bool(words) and any(len(words & there) >= KNOWN * len(words) for there in self._stretches)


# --- out of use -------------------------------------------------------------------------------------------------------


def _deprecated(proposal: KBProposal, base: str, wording: Wording) -> str:
    lines = with_state(base.split("\n"), "deprecated")
    said = " ".join(_said(claim.text, wording) for claim in proposal.issue[:1])
    source = ", ".join(_code(ref) for ref in proposal.evidence)
    ask = f" Ask {text_only(wording.owner)} before following it." if wording.owner else ""
    notice = f"> **Deprecated**: since {wording.today.isoformat()}, on the evidence of {source}: {said}{ask}"
    heads = sections(lines)
    at = heads[0].start + 1 if heads and heads[0].level == 1 else front_end(lines)
    blank = [] if at < len(lines) and not lines[at].strip() else [""]
    before = [""] if at and lines[at - 1].strip() else []
    return "\n".join([*lines[:at], *before, notice, *blank, *lines[at:]])


# --- words ------------------------------------------------------------------------------------------------------------


def _steps(steps: Iterable[PageStep], wording: Wording) -> list[str]:
    lines: list[str] = []
    for number, step in enumerate(steps, start=1):
        lead = f"{number}. "
        lines.append(lead + _said(step.text, wording))
        indent = " " * len(lead)
        if step.command and step.command not in step.text:
            lines.append(f"{indent}- Command: {_code(wording.general(step.command))}")
        for label, text in (("Verify", step.verify), ("Roll back", step.rollback)):
            if text:
                lines.append(f"{indent}- {label}: {_said(text, wording)}")
    return lines


def _said(text: str, wording: Wording) -> str:
    """A sentence as Markdown that shows it as it is, its code kept as code."""
    line = " ".join(wording.general(text).split())
    label = _LABEL.match(line)
    if label and len(line) > label.end():
        line = line[label.end() :]
    parts: list[str] = []
    at = 0
    for match in _CODE.finditer(line):
        parts += [_escaped(line[at : match.start()], first=at == 0), _code(match[2])]
        at = match.end()
    parts.append(_escaped(line[at:], first=at == 0))
    return "".join(parts)


def _escaped(text: str, *, first: bool) -> str:
    """``text_only``, which takes blanks off its ends and looks at the beginning of a line."""
    if not text.strip():
        return text
    body = text.strip()
    made = text_only(body) if first else text_only(f"x{body}")[1:]
    # What stands for something that was left out is no link while nothing follows it, and reads better plain.
    made = re.sub(r"\\\[([a-z][a-z ]{1,30})\\?\](?![(\[:])", r"[\1]", made)
    return text[: len(text) - len(text.lstrip())] + made + text[len(text.rstrip()) :]


def _code(text: str) -> str:
    """Inline code that holds ``text`` whatever backticks are in it."""
    line = " ".join(text.split())
    runs = [len(run) for run in re.findall(r"`+", line)]
    fence = "`" * (max(runs) + 1 if runs else 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _yaml(text: str) -> str:
    """A scalar that any reader of front matter takes for this text and nothing else."""
    line = " ".join(text.split())
    if _PLAIN.match(line) and line.casefold() not in _RESERVED:
        return line
    return "'" + line.replace("'", "''") + "'"
