"""The shape of a Markdown page: its front matter, its sections, and where in them something can be added."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from unicodedata import combining, normalize

from opstui.core.frozen import dataclass

FRONT_LINES = 200
"""Lines in which front matter has to end."""
_LINE = 1_000
"""Letters of a line that are looked at for a heading."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_PAIR = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*[:=]\s*(.*?)\s*\Z")
STATE_KEYS = frozenset(
    "status state lifecycle lifecycle_state stage maturity validation article_state confidence page_status".split()
)
"""Keys of front matter under which a page says how it stands."""
VALIDATED = frozenset("validated approved verified published final current active released stable live".split())
"""What it says there where somebody confirmed it."""

_SLUG = re.compile(r"[^a-z0-9]+")

PARTS: Mapping[str, re.Pattern[str]] = {
    "issue": re.compile(r"issue|symptom|problem|meaning|what (?:you see|happens)|description|summary", re.IGNORECASE),
    "environment": re.compile(
        r"environment|applies to|affected (?:versions?|systems?|products?)|versions?", re.IGNORECASE
    ),
    "cause": re.compile(r"(?:root |known |possible |common |likely )?causes?\b|why\b", re.IGNORECASE),
    "resolution": re.compile(
        r"resol|mitigat|remed|fix|recover|solution|repair|workaround|what to do|procedure|response|actions?\b|steps?\b",
        re.IGNORECASE,
    ),
}
"""Part of a page → how headings of it begin."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, the headings of its parts included."""

    level: int
    title: str
    start: int
    """Index of the heading's line."""
    end: int
    """Index after the last line."""


def front_end(lines: Sequence[str]) -> int:
    """How many lines the front matter takes, its fences included; 0 without one."""
    if not lines or lines[0].rstrip() not in ("---", "+++"):
        return 0
    fence = lines[0].rstrip()
    return next((number for number, line in enumerate(lines[1:FRONT_LINES], start=2) if line.rstrip() == fence), 0)


def sections(lines: Sequence[str]) -> list[Section]:
    """Every section, in order of its heading; what stands in code is no heading."""
    heads: list[tuple[int, int, str]] = []
    fence = ""
    for index in range(front_end(lines), len(lines)):
        line = lines[index][:_LINE]
        stripped = line.lstrip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
        elif stripped.startswith("#") and (match := _HEADING.match(line)):
            heads.append((index, len(match[1]), match[2].strip("*`_: ")))
    found = []
    ends = [len(lines)] * 7
    """Level → where the next heading of it, or of one above it, stands."""
    for start, level, title in reversed(heads):
        found.append(Section(level, title, start, ends[level]))
        ends[level:] = [start] * (7 - level)
    return found[::-1]


def section_for(part: str, lines: Sequence[str]) -> Section | None:
    """The first section that is about ``part`` of ``PARTS``; the page's own title is none."""
    found = [section for section in sections(lines) if section.level > 1]
    found = found or sections(lines)[1:]
    return next((section for section in found if PARTS[part].match(section.title)), None)


def own_end(section: Section, lines: Sequence[str]) -> int:
    """Index after the last line with text of a section, so that what is added stands before its blank lines."""
    end = section.end
    while end > section.start + 1 and not lines[end - 1].strip():
        end -= 1
    return end


def part_level(lines: Sequence[str]) -> int:
    """The level of the page's sections: that of its first heading below the title; 2 where there is none."""
    levels = [section.level for section in sections(lines)]
    return levels[1] if len(levels) > 1 and levels[1] > 1 else 2


def says_validated(text: str) -> bool:
    """Whether the page says of itself that somebody confirmed it: in its front matter, in one of the usual words."""
    lines = text.split("\n", FRONT_LINES)
    for line in lines[1 : max(1, front_end(lines) - 1)]:
        pair = _PAIR.match(line[:_LINE])
        if pair is None:
            continue
        key, value = key_name(pair[1]), pair[2].strip("\"' ").casefold()
        if (key in STATE_KEYS and value in VALIDATED) or (
            key in ("validated", "verified") and value in ("true", "yes")
        ):
            return True
    return False


def with_state(lines: Sequence[str], state: str) -> list[str]:
    """The lines with ``state`` in the front matter, which is made where there is none; every other line as it was."""
    made = list(lines)
    end = front_end(lines)
    if not end:
        return ["---", f"state: {state}", "---", "", *made]
    sign, quote = (" = ", '"') if lines[0].startswith("+++") else (": ", "")
    for index in range(1, end - 1):
        pair = _PAIR.match(lines[index][:_LINE])
        if pair is not None and not lines[index][:1].isspace() and key_name(pair[1]) in STATE_KEYS - {"confidence"}:
            made[index] = f"{pair[1]}{sign}{quote}{state}{quote}"
            return made
    made.insert(1, f"state{sign}{quote}{state}{quote}")
    return made


def key_name(key: str) -> str:
    """A key as it is compared: ``Review-By`` and ``review by`` are ``review_by``."""
    return re.sub(r"[\s.-]+", "_", key.strip()).casefold()


def slug(title: str, most: int = 60) -> str:
    """A file's or branch's name for a title: small letters without accents, digits and dashes, ``most`` at most."""
    plain = "".join(sign for sign in normalize("NFKD", title.casefold()) if not combining(sign))
    return _SLUG.sub("-", plain).strip("-")[:most].strip("-") or "page"
