"""What a page says about itself: its state, owner, services and codes, wherever people write that down.

Front matter, lines like ``Owner: payments`` at the top, sections called ``Owner``, banners (``Superseded by …``), marks
in the title (``[DRAFT]``), and the labels, categories and templates of wikis all come to the same ``PageFacts``. Only
what is written in these places counts: a runbook about a deprecated interface is not deprecated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from opstui.adapters.knowledge.frontmatter import front_matter, headings
from opstui.core.frozen import replace
from opstui.core.knowledge import PageFacts, PageState
from opstui.core.pages.shape import STATE_KEYS, VALIDATED, front_end, key_name
from opstui.core.text import SafeText, clean_line

EDITION = "1"
"""Part of every content hash and stamp that facts went into: other rules mean that pages are read anew."""
MANY = 20
"""Services, codes and tags kept of one page."""
TOP = 30
"""Lines after the front matter in which a page says what it is."""
BANNER = 12
"""Lines with text, counted the same way, in which a banner stands."""
SHORT = 120
"""Letters of a value; what is longer is a sentence."""

_WORDS: Mapping[PageState, str] = {
    PageState.CURRENT: "|".join(sorted(VALIDATED)),
    PageState.UNVALIDATED: "not validated|unvalidated|unverified|not verified|untested|not tested|to be validated|"
    "needs validation|not approved|provisional",
    PageState.DRAFT: "draft|wip|work in progress|in progress|proposed|proposal|in review|under review|unpublished|"
    "under construction|stub|incomplete",
    PageState.SUPERSEDED: "superseded|deprecated|deprecation|deprecation notice|obsolete|obsoleted|replaced|outdated|"
    "out of date|no longer valid|no longer maintained|no longer used",
    PageState.ARCHIVED: "archived|archive|retired|historical|withdrawn|decommissioned",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split("|")}
STATE_WORDS: tuple[str, ...] = tuple(word for word, state in _STATES.items() if state is not PageState.CURRENT)
"""Words that say that a page is not what one follows."""
_WORST = (
    PageState.ARCHIVED,
    PageState.SUPERSEDED,
    PageState.DRAFT,
    PageState.UNVALIDATED,
    PageState.CURRENT,
)  # fmt: skip
"""Of several, the first of these counts: a published page with a banner is superseded."""

_KEYS: Mapping[str, str] = {
    "state": " ".join(sorted(STATE_KEYS)),
    "superseded_by": "superseded_by replaced_by replacement successor deprecated_by obsoleted_by moved_to see_instead "
    "use_instead superseded replaced",
    "owner": "owner owners owned_by team maintainer maintainers responsible service_owner page_owner",
    "services": "service services component components system systems application applications app product products "
    "affected_service affected_services",
    "codes": "code codes error_code error_codes errors alert alerts alertname alertnames alert_name alert_names alarm "
    "alarms event_id event_ids",
    "tags": "tag tags label labels keyword keywords category categories",
    "author": "author authors last_author updated_by last_updated_by modified_by",
    "review_by": "review_by review_date next_review review_due review_on due_for_review expires expires_at expiry "
    "expiry_date valid_until valid_to",
    "url": "url canonical_url page_url",
}
_MEANS = {key: meaning for meaning, keys in _KEYS.items() for key in keys.split()}
_FLAGS: Mapping[str, tuple[str, PageState]] = {
    "draft": ("true", PageState.DRAFT),
    "wip": ("true", PageState.DRAFT),
    "published": ("false", PageState.DRAFT),
    "validated": ("false", PageState.UNVALIDATED),
    "verified": ("false", PageState.UNVALIDATED),
    "deprecated": ("true", PageState.SUPERSEDED),
    "obsolete": ("true", PageState.SUPERSEDED),
    "superseded": ("true", PageState.SUPERSEDED),
    "outdated": ("true", PageState.SUPERSEDED),
    "archived": ("true", PageState.ARCHIVED),
    "retired": ("true", PageState.ARCHIVED),
}
_SAID_WITH = ("deprecated", "obsolete", "outdated", "archived", "retired")
"""Flags that people also give a date or a sentence: ``deprecated: use db/failover instead``."""
_TRUTHS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}

_LONGEST = {"codes": 1, "services": 4, "tags": 4, "owner": 6, "author": 6}
"""Words that one value in the text may have; more are a sentence."""

_STATEMENT = re.compile(r"([A-Za-z][A-Za-z _/-]{1,40}?)\s*(?:\*\*|__)?\s*[:|]\s*(?:\*\*|__)?\s*(\S.*)\Z")
_DECORATION = " \t>*_~#|!-–—•⚠️❗🚧🛑‼:"
_CALLOUT = re.compile(
    r"(?:\[!?(?:warning|note|important|caution|danger|tip|info)\]|:[a-z_]{2,30}:|"
    r"(?:warning|note|important|caution|danger|attention|info)\s*[:!]|/!\\)[\s*_:!]*",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"(?:this|the)\s+(?:page|runbook|run book|document|doc|article|playbook|procedure|guide|entry|sop|content)\s+"
    r"(?:is|has been|was|is now|has now been)\s+(?:a\s+|an\s+|now\s+|still\s+(?:a\s+)?)?"
    r"(superseded|replaced|obsoleted|obsolete|deprecated|archived|retired|outdated|out of date|withdrawn|draft|"
    r"work in progress|wip|incomplete|not validated|unvalidated|untested|not tested|unverified|under review|"
    r"under construction|no longer (?:valid|maintained|used))\b(.*)",
    re.IGNORECASE,
)
_BY = re.compile(
    r"(?:(superseded|replaced|obsoleted|deprecated)\s+(?:by|with|in favou?r of)|moved to)\b[\s:]*(.*)", re.IGNORECASE
)
_TARGET = re.compile(r"\b(?:by|in favou?r of|with|please use|please see|use|see)\b[\s:]+(.*)", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]{1,200})\]\([^()\s]{0,500}\)")
_MARK = "draft|wip|deprecated|obsolete|superseded|archived|outdated|retired|not validated|unvalidated"
_TITLE_MARK = re.compile(rf"[\[(]({_MARK})[\])]|^({_MARK})\s*[-:–—]\s|\s[-–—]\s*({_MARK})\Z", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)")

_CAMEL = re.compile(r"[A-Za-z][A-Za-z0-9]{6,79}\Z")
_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])")
_CODE = re.compile(
    r"(?<![\w-])(?:[A-Z]{2,10}-\d{3,8}|[A-Z]{1,4}\d{3,6}|0x[0-9A-Fa-f]{4,8}|[A-Z][A-Z0-9]{1,30}(?:_[A-Z0-9]{1,30}){1,6})"
    r"(?![\w-])"
)
_NO_CODE = ("SHA-", "ISO-", "RFC-", "IEEE-", "AES-", "UTF-", "CET-", "SHA", "RFC", "ISO", "AES", "MD5")
"""Names of norms and ciphers, which look like codes."""


def state_of(word: str) -> PageState | None:
    """The state that a word or a short phrase means; None for any other."""
    return _STATES.get(" ".join(re.sub(r"[-_\s/]+", " ", word.strip(" \t*_`[](){}.!:").casefold()).split()))


def _leading_state(value: str) -> PageState | None:
    """The state that a value begins with: ``superseded (see db/failover)``, ``draft - not yet tried``."""
    head = re.split(r"[(,;:.–—]|\s-\s|\s(?:by|since|as of|in favou?r of)\s", value.strip()[:SHORT], maxsplit=1)[0]
    return state_of(value) or state_of(head)


def page_facts(
    text: str,
    *,
    title: str = "",
    labels: Iterable[str] = (),
    stated: Mapping[str, Sequence[str]] | None = None,
) -> PageFacts:
    """What the page says. ``text`` is clean; ``labels`` are a wiki's labels or categories, ``stated`` keys and values
    that it keeps beside the text (templates, properties). A label that is a state word is one, the rest are tags."""
    lines = text.split("\n")
    labels = list(labels)
    told = _Told()
    for key, values in {
        **front_matter(lines),
        **{key_name(key): tuple(v) for key, v in (stated or {}).items()},
    }.items():
        told.take(key, values)
    start = front_end(lines)
    found = list(headings(lines))
    second = next((number for number, level, _ in found if level > 1 or (found and number > found[0][0])), len(lines))
    top = _top(lines, start)
    for number, line in top:
        pair = _STATEMENT.match(_bare(line)) if number < second else None
        if pair and key_name(pair[1]) in _MEANS:
            told.take(key_name(pair[1]), _split(pair[2].strip(" |*_")), spoken=True)
    for number, level, words in found:
        if level > 1 and key_name(words) in _MEANS:
            told.take(key_name(words), _split(_below(lines, number)), spoken=True)
    for _, line in top[:BANNER]:
        told.banner(_bare(line))
    title = title or (found[0][2] if found else "")
    if mark := _TITLE_MARK.search(title[:500]):
        told.states.append(state_of(next(word for word in mark.groups() if word)) or PageState.CURRENT)
    for label in labels:
        told.label(label)
    told.lists.setdefault("codes", []).extend(_codes(title, [words for _, _, words in found]))
    return told.facts()


def with_source(facts: PageFacts, *, owner: str = "", review_by: date | None = None) -> PageFacts:
    """The facts, with what the registry says of the source where the page says nothing."""
    if not facts.owner and owner:
        facts = replace(facts, owner=clean_line(owner))
    return replace(facts, review_by=review_by) if facts.review_by is None and review_by else facts


class _Told:
    """What was found so far."""

    def __init__(self) -> None:
        self.states: list[PageState] = []
        self.lists: dict[str, list[str]] = {}
        self.target = ""

    def take(self, key: str, values: Sequence[str], *, spoken: bool = False) -> None:
        """A key with its values. ``spoken``: out of the text, where a sentence may look like one."""
        values = [value.strip() for value in values if value.strip()]
        if not values or (spoken and any(len(value) > SHORT for value in values)):
            return
        truth = _TRUTHS.get(values[0].casefold())
        if key in _FLAGS and truth is not None:
            if truth == _FLAGS[key][0]:
                self.states.append(_FLAGS[key][1])
            return
        if key in _SAID_WITH and not spoken:
            self.states.append(_FLAGS[key][1])
            if by := _TARGET.search(values[0]):
                self._superseded(by[1])
            return
        meaning = _MEANS.get(key)
        if spoken and meaning in _LONGEST:
            values = [value for value in values if len(value.split()) <= _LONGEST[meaning] and "://" not in value]
        if meaning == "state":
            self.states += [state for value in values if (state := _leading_state(value)) is not None]
            for value in values:
                self.banner(value)
        elif meaning == "superseded_by" and values[0].casefold() not in ("none", "null", "-", "~"):
            self._superseded(values[0])
        elif meaning is not None and meaning != "superseded_by":
            self.lists.setdefault(meaning, []).extend(values)

    def banner(self, line: str) -> None:
        """A line that may say what has become of the page."""
        line = _CALLOUT.sub("", line[:400], count=1).strip(_DECORATION + ".")
        line = _LINK.sub(r"\1", line)
        if match := _THIS.match(line):
            state = state_of(match[1])
            if state is not None:
                self.states.append(state)
            if state is PageState.SUPERSEDED and (by := _TARGET.search(match[2])):
                self._superseded(by[1])
        elif match := _BY.match(line):
            self._superseded(match[2])
        else:
            word, _, rest = line.partition(":")
            state = state_of(word if len(word) <= 40 else "") or state_of(line if len(line) <= 40 else "")
            if state is None or state is PageState.CURRENT or (rest and state is not PageState.SUPERSEDED):
                first = re.match(rf"({_MARK})[.,;:!]\s+(?:please\s+)?(?:use|see)\s+(.+)", line, re.IGNORECASE)
                if first:
                    self._superseded(first[2])
                return
            self.states.append(state)
            if by := _TARGET.search(rest):
                self._superseded(by[1])

    def label(self, label: str) -> None:
        """A label or category: a state, a key with a value (``owner:payments``), or a tag."""
        state = state_of(label)
        if state is None:
            words = label.casefold().split()  # “Superseded pages”, “Archived runbooks”
            last = words[-1:] and words[-1] in ("pages", "page", "articles", "runbooks", "documents", "content")
            state = state_of(" ".join(words[:-1])) if last else None
        if state is not None:
            self.states.append(state)
        key, sign, value = label.partition(":")
        if sign and key_name(key) in _MEANS:
            self.take(key_name(key), [value])
        else:
            self.lists.setdefault("tags", []).append(label)

    def _superseded(self, target: str) -> None:
        self.states.append(PageState.SUPERSEDED)
        target = _LINK.sub(r"\1", target[:500])
        target = re.sub(r"\s+(?:instead|now|since|as of)\b.*", "", target, flags=re.IGNORECASE)
        self.target = self.target or target.strip(" \t*_`.\"'<>[]|")

    def facts(self) -> PageFacts:
        state = next((one for one in _WORST if one in self.states), PageState.CURRENT)
        owners = self._several("owner")
        urls = [url for url in self.lists.get("url", ()) if url.startswith(("https://", "http://")) and " " not in url]
        dates = [day for value in self.lists.get("review_by", ()) if (day := _day(value)) is not None]
        return PageFacts(
            state=state,
            superseded_by=(clean_line(self.target, limit=200) or None) if state in _WORST[:2] else None,
            owner=clean_line(", ".join(owners[:3]), limit=SHORT) if owners else None,
            services=self._several("services"),
            codes=self._several("codes"),
            tags=self._several("tags"),
            author=next(iter(self._several("author")), None),
            review_by=min(dates, default=None),
            url=clean_line(urls[0]) if urls else None,
        )

    def _several(self, name: str) -> tuple[SafeText, ...]:
        cleaned = (clean_line(value, limit=SHORT) for value in self.lists.get(name, ()))
        return tuple(dict.fromkeys(value for value in cleaned if value))[:MANY]


def _top(lines: Sequence[str], start: int) -> list[tuple[int, str]]:
    """The first lines with text outside of code, with their numbers from 0."""
    found: list[tuple[int, str]] = []
    fence = ""
    for number in range(start, min(len(lines), start + TOP)):
        line = lines[number][:1_000]
        stripped = line.lstrip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
        elif stripped and not line.startswith(("    ", "\t")):
            found.append((number, line))
    return found


def _bare(line: str) -> str:
    return re.sub(r"^(?:[-*+>|#\s]|\d{1,3}[.)]\s)+", "", line[:400]).strip(" \t*_|")


def _below(lines: Sequence[str], number: int) -> str:
    """The first line with text under a heading, if it is short and no heading itself."""
    for line in lines[number + 1 : number + 5]:
        if line.strip() and not re.match(r"\s*(?:=+|-+)\s*\Z", line[:200]):
            return "" if line.lstrip().startswith(("#", "```", "~~~")) or len(line) > SHORT else _bare(line)
    return ""


def _split(value: str) -> list[str]:
    """Several values of one line; of a sentence nothing."""
    value = _LINK.sub(r"\1", value[: SHORT * 4]).replace("`", "")
    if len(value) > SHORT * 2 or re.search(r"[a-z]\.\s+[A-Z]", value):
        return []
    return [part.strip(" \t*_|") for part in re.split(r"[,;]\s|\s\|\s", value) if part.strip(" \t*_|")]


def _codes(title: str, words: Iterable[str]) -> Iterator[str]:
    """Alert names and error codes in the title and the headings."""
    for number, heading in enumerate((title, *words)):
        name = heading.strip("`*_ \"'")
        humps = len(_HUMP.findall(name)) if _CAMEL.match(name) else 0
        if humps >= (1 if number == 0 else 2):
            yield name
        yield from (code for code in _CODE.findall(heading[:500]) if not code.startswith(_NO_CODE))


def _day(value: str) -> date | None:
    match = _DATE.search(value[:100])
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
