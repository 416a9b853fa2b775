"""What an escalation needs beside a summary: environment, changes, links, what the customer was told, the ask."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from opstui.core.documents import (
    ActorType,
    Ask,
    Change,
    CheckedStep,
    Citation,
    Communications,
    Contingency,
    Environment,
    EscalationImpact,
    EscalationType,
    Link,
    ReasonCode,
    Reproduction,
    Sla,
    SlaState,
    StepResult,
    Tristate,
)
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.story import IMPACT_LIMIT, impact
from opstui.core.extract.units import Unit, title_unit
from opstui.core.extract.words import (
    ACCESS,
    ASKING,
    HEDGE,
    LOSS,
    LOSS_OPEN,
    NEXT,
    NO_LOSS,
    NO_PLAN,
    QUESTION,
    SECURITY,
    is_change,
)
from opstui.core.frozen import dataclass
from opstui.core.sources import SourceSet
from opstui.core.tickets import EntryKind, Ticket, Visibility

CHANGE_WINDOW = timedelta(hours=72)
CHANGES_LIMIT = 12
LINKS_LIMIT = 8
ASKS_LIMIT = 3

_URL = re.compile(r"https?://[A-Za-z0-9][^\s<>\"'`|\\^{}]{3,300}")
_VERSION = re.compile(
    r"\b(?:version|release|build|image|tag|running|v)[ :=]+[\"']?(v?\d+(?:\.\d+){1,4}(?:[-+][\w.]+)?)\b"
    r"|\b(v\d+(?:\.\d+){1,4}(?:[-+][\w.]+)?)\b",
    re.IGNORECASE,
)
_REGION = re.compile(
    r"\b(?:eu|us|ap|sa|ca|me|af|il)-(?:gov-)?(?:north|south|east|west|central|northeast|southeast|northwest"
    r"|southwest)(?:-\d[a-z]?)?\b",
    re.IGNORECASE,
)
_PLATFORM = re.compile(
    r"\b(?:kubernetes|openshift|eks|gke|aks|debian(?: \d+)?|ubuntu(?: \d\d\.\d\d)?|rhel(?: ?\d+)?"
    r"|centos(?: ?\d+)?|windows(?: server)?(?: \d{4})?"
    r"|postgres(?:ql)?(?: ?\d+)?|mysql(?: ?\d[\d.]*)?|mariadb|oracle|linux|aws|azure|gcp|vmware|java ?\d+"
    r"|openjdk(?: ?\d+)?|hadoop(?: ?\d[\d.]*)?)\b",
    re.IGNORECASE,
)
_CONFIG = re.compile(r"\b[\w./-]+\.(?:ya?ml|conf|toml|ini|properties|cfg|json|tf|xml)\b|\b(?:CHG|CR|RFC)-?\d{3,}\b")
_WORKAROUND = re.compile(
    r"\bwork-?around\b|\bin the meantime\b|\bmeanwhile (?:use|users|customers)\b|\bas a stopgap\b", re.IGNORECASE
)
_CUSTOMERS = re.compile(
    r"\b(\d{1,3}(?:,\d{3})+|\d{1,9}) (?:\w+ )?(?:customers|clients|tenants|merchants|users|accounts)\b", re.IGNORECASE
)
_CLOCK = re.compile(
    r"\bnext update\b[^.\n]{0,20}?\b(?:at|by|before|around|:)\s*([01]?\d|2[0-3]):([0-5]\d)\b(\s*UTC)?", re.IGNORECASE
)
_IF = re.compile(r"(?:^|\b)(If|When|Should)\b\s+(.{6,120}?),\s+(?:then\s+)?(.{6,160})", re.IGNORECASE)
_TEAM_NAME = r"(?:the )?([A-Za-z][\w-]{1,30}(?: [a-z][\w-]{1,20})?)"
_TEAM = re.compile(
    r"\b(?:escalat(?:e|ed|ing|ion)|hand(?:ed|ing)? (?:this |it )?(?:over|off)|assign(?:ed|ing)?|rout(?:e|ed|ing)"
    r"|pass(?:ed|ing)?)"
    rf" (?:this |it |the ticket )?to {_TEAM_NAME}(?: team| on-?call)\b"
    rf"|\b(?:needs?|ask|page|paging|call) {_TEAM_NAME}(?: team| on-?call)\b"
    r"|\b(?:somebody|someone) (?:from|of|in) (?:the )?([A-Za-z][\w-]{1,30})(?: team| on-?call)?"
    r" (?:has to|must|should|needs? to)\b"
    r"|\b([A-Za-z][\w-]{1,30}) on-?call (?:has to|must|should|needs? to)\b",
    re.IGNORECASE,
)
_VERBS = (
    ("approve", re.compile(r"\bapprov|\bgo(?:-ahead)? (?:of|from|by)\b", re.IGNORECASE)),
    ("access", re.compile(r"\b(?:access|permission|rights|credentials|sudo|root)\b", re.IGNORECASE)),
    ("decide", re.compile(r"\b(?:decid|decision)", re.IGNORECASE)),
    (
        "fix",
        re.compile(
            r"\b(?:fix|repair|replace|restore|extend|resize|renew|roll(?:ing)? ?back|patch|raise|increase"
            r"|failover|fail over)\b",
            re.IGNORECASE,
        ),
    ),
)
_PATIENCE = re.compile(
    r"\b(?:manager|management|director|vp|executive|c[tei]o|major incident|decision)\b", re.IGNORECASE
)
_STEPS = re.compile(r"\bsteps? to reproduce\b|\bto reproduce\b|\breproduc(?:e|es|ed|ible)\b", re.IGNORECASE)
_EXPECTED = re.compile(r"expected(?: (?:result|behaviou?r))?\s*:", re.IGNORECASE)
_ACTUAL = re.compile(r"actual(?: (?:result|behaviou?r))?\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Team:
    """A team that the ticket names as the one to go to, and where."""

    name: str
    citation: Citation


def environment(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> Environment:
    """Product, version, platform, region and config ids as far as the ticket names them, the first mention of each.

    Later ones are often of something it is compared with.
    """
    found: dict[str, str] = {}
    cited: dict[str, Citation] = {}
    configs: dict[str, Citation] = {}
    title = title_unit(ticket)
    for unit in ([title] if title is not None else []) + list(units):
        for name, pattern in (("version", _VERSION), ("platform", _PLATFORM), ("region", _REGION)):
            match = pattern.search(unit.text[:1000])
            if match and name not in found:
                found[name] = (match[1] or match[2]) if name == "version" else match.group()
                cited[name] = maker.citation(unit)
        for match in _CONFIG.finditer(unit.text[:1000]):
            configs.setdefault(match.group(), maker.citation(unit))
    ids = tuple(configs)[:5]
    return Environment(
        product=str(ticket.services[0]) if ticket.services else None,
        version=found.get("version"),
        platform=found.get("platform"),
        region=found.get("region"),
        config_ids=ids,
        citations=tuple(dict.fromkeys([*cited.values(), *(configs[name] for name in ids)])),
    )


def changes(units: Sequence[Unit], ticket: Ticket, now: datetime, maker: ClaimMaker) -> tuple[Change, ...]:
    """Changes to the system that the timeline records from 72 hours before the ticket on; empty: looked, and none."""
    since = ticket.created_at - CHANGE_WINDOW
    found = [
        Change(claim=maker.claim(unit), when=unit.at, who=unit.author)
        for unit in units
        if unit.entry >= 0 and since <= unit.at <= now and is_change(unit) and not HEDGE.search(unit.text)
    ]
    return tuple(found[-CHANGES_LIMIT:])


def links(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> tuple[Link, ...]:
    """Web links that stand in the ticket, each once, with their true host as the label."""
    found: dict[str, Link] = {}
    if ticket.url and ticket.url.startswith(("https://", "http://")):
        found[str(ticket.url)] = Link(label=cut(ticket.ref.called, 40), url=str(ticket.url), kind="ticket")
    for unit in units:
        for match in _URL.finditer(unit.text):
            url = match.group().rstrip(".,;:!?)]*_")
            host = re.sub(r"^https?://", "", url).split("/")[0].split("?")[0]
            if url not in found and "@" not in host and len(found) < LINKS_LIMIT:
                found[url] = Link(label=cut(host, 40), url=url, kind=_link_kind(url), citation=maker.citation(unit))
    return tuple(found.values())


def communications(ticket: Ticket, units: Sequence[Unit], maker: ClaimMaker) -> Communications:
    """What was last said in public, when, and the next update that was promised in it."""
    public = [
        unit
        for unit in units
        if unit.entry >= 0
        and (unit.kind is EntryKind.REPLY or unit.visibility is Visibility.PUBLIC)
        and unit.kind in (EntryKind.REPLY, EntryKind.COMMENT)
        and unit.visibility is not Visibility.INTERNAL
    ]
    if not public:
        return Communications(reason="the ticket holds no public message")
    last_entry = [unit for unit in public if unit.entry == public[-1].entry]
    promised = None
    for unit in last_entry:
        match = _CLOCK.search(unit.text)
        if match:
            promised = unit.at.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
            # A promise is about the time to come: a clock that is behind its own message means the next day.
            promised += timedelta(days=1) if promised < unit.at else timedelta()
    return Communications(
        last_customer_message=maker.claim(last_entry[0]), at=last_entry[0].at, promised_next_update=promised
    )


def data_loss(units: Sequence[Unit], maker: ClaimMaker) -> tuple[Tristate, Citation | None]:
    """Whether data was lost, as the newest sentence about it says; unknown where none does."""
    for unit in reversed(units):
        if unit.dump or any(open_.search(unit.text) for open_ in (QUESTION, HEDGE, LOSS_OPEN)):
            continue
        if NO_LOSS.search(unit.text):
            return Tristate.NO, maker.citation(unit)
        if LOSS.search(unit.text) and not NEXT.search(unit.text) and unit.entry >= 0:
            return Tristate.YES, maker.citation(unit)
    return Tristate.UNKNOWN, None


def workaround_unit(units: Sequence[Unit]) -> Unit | None:
    """The newest sentence that tells of a workaround."""
    said = (unit for unit in reversed(units) if not unit.dump and not QUESTION.search(unit.text))
    return next((unit for unit in said if _WORKAROUND.search(unit.text)), None)


def escalation_impact(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> EscalationImpact:
    """Impact with the fields that tier 2 asks for; data loss is unknown unless somebody says yes or no."""
    claims = impact(units, ticket, maker).claims[:IMPACT_LIMIT]
    loss, cited = data_loss(units, maker)
    stopgap = workaround_unit(units)
    workaround = maker.claim(stopgap) if stopgap is not None else None
    count: int | None = None
    for claim in claims:
        match = _CUSTOMERS.search(claim.text)
        if match:
            count = int(match[1].replace(",", ""))
    return EscalationImpact(
        claims=claims,
        customers_count=count,
        workflow=str(ticket.services[0]) if ticket.services else None,
        data_loss=loss,
        data_loss_citation=cited,
        workaround=workaround,
    )


def contingencies(units: Sequence[Unit], maker: ClaimMaker) -> tuple[Contingency, ...]:
    """``If …, then …`` as somebody wrote it in the timeline; at most three."""
    found = []
    for unit in units:
        match = _IF.match(unit.text) if unit.entry >= 0 and unit.by_person and not unit.dump else None
        if match:
            found.append(Contingency(when=match[2].strip(), then=match[3].strip(), citation=maker.citation(unit)))
    return tuple(found[-3:])


def reproduction(units: Sequence[Unit], maker: ClaimMaker) -> Reproduction | None:
    """How to see it happen, if the ticket tells."""
    begin = next((index for index, unit in enumerate(units) if _STEPS.search(unit.text) and unit.entry < 0), None)
    expected = next((unit for unit in units if _EXPECTED.match(unit.text)), None)
    actual = next((unit for unit in units if _ACTUAL.match(unit.text)), None)
    if begin is None and (expected is None or actual is None):
        return None
    steps = []
    if begin is not None:
        for unit in units[begin : begin + 9]:
            if unit.ref != units[begin].ref or _EXPECTED.match(unit.text) or _ACTUAL.match(unit.text):
                break
            steps.append(maker.claim(unit))
    return Reproduction(
        steps=tuple(steps[:8]),
        expected=maker.claim(expected) if expected else None,
        actual=maker.claim(actual) if actual else None,
    )


def asks(units: Sequence[Unit], ticket: Ticket, sla: Sla, team: str | None) -> tuple[Ask, ...]:
    """What is asked of the receiver: the requests in the timeline, the newest first, else to take it over.

    The deadline is the ticket's own; without one there is none, and that becomes an open question.
    """
    deadline = sla.deadline if ticket.status.category.is_open else None
    found: list[Ask] = []
    for unit in reversed(units):
        if unit.entry < 0 or not unit.by_person or unit.dump or unit.visibility is Visibility.PUBLIC:
            continue
        if unit.author_type is ActorType.CUSTOMER or NO_PLAN.search(unit.text) or len(found) == ASKS_LIMIT:
            continue
        if ASKING.search(unit.text) and (
            NEXT.search(unit.text) or QUESTION.search(unit.text) or ASKING.match(unit.text)
        ):
            verb = next((name for name, pattern in _VERBS if pattern.search(unit.text)), "investigate")
            found.append(
                Ask(
                    verb=verb, text=cut(unit.text.rstrip("."), 160), deadline=deadline, owner=_named_in(unit.text, team)
                )
            )
    if not found:
        found.append(
            Ask(
                verb="investigate",
                text=f"Take over the investigation of {ticket.ref.called}"[:160],
                deadline=deadline,
                owner=team,
            )
        )
    return tuple(found)


def _named_in(text: str, team: str | None) -> str | None:
    return team if team is not None and team.casefold() in text.casefold() else None


def named_team(units: Sequence[Unit], sources: SourceSet) -> Team | None:
    """The team that the newest entry naming one says to go to."""
    for unit in reversed(units):
        if unit.entry < 0 or unit.dump:
            continue
        match = _TEAM.search(unit.text)
        if match is None or QUESTION.search(unit.text):
            continue
        name = next(group for group in match.groups() if group).strip()
        if name.casefold() not in _NO_TEAMS:
            return Team(name, sources.cite(unit.ref, unit.line_start, unit.line_end, unit.quote))
    return None


def reason(
    units: Sequence[Unit], steps: Sequence[CheckedStep], sla: Sla, ticket: Ticket, *, has_runbook: bool
) -> ReasonCode | None:
    """Why it is escalated, as far as the ticket and the search give ground for it; the weightiest reason."""
    said = [unit for unit in units if not unit.dump]
    if any(SECURITY.search(unit.text) for unit in said):
        return ReasonCode.SECURITY
    if any(ACCESS.search(unit.text) for unit in said if unit.entry >= 0):
        return ReasonCode.ACCESS
    tried = [step for step in steps if step.method == "runbook step"]
    if tried and all(
        step.result in (StepResult.NO_FINDING, StepResult.MADE_WORSE, StepResult.COULD_NOT_CHECK) for step in tried
    ):
        return ReasonCode.RUNBOOK_FAILED
    if sla.state is SlaState.BREACHED and ticket.status.category.is_open:
        return ReasonCode.SLA
    if not has_runbook:
        return ReasonCode.NO_RUNBOOK
    return ReasonCode.IMPACT if ticket.severity == "1" else None


def escalation_type(code: ReasonCode | None, units: Sequence[Unit]) -> EscalationType:
    """To people who may decide more only where an entry speaks of them; otherwise to people who know more."""
    asked = [unit for unit in units if unit.entry >= 0 and ASKING.search(unit.text)]
    if code is not ReasonCode.SECURITY and any(_PATIENCE.search(unit.text) for unit in asked):
        return EscalationType.HIERARCHIC
    return EscalationType.FUNCTIONAL


def _link_kind(url: str) -> str:
    low = url.casefold()
    for kind in ("dashboard", "grafana", "runbook", "wiki", "logs", "kibana", "trace", "incident", "pull", "commit"):
        if kind in low:
            return {
                "grafana": "dashboard",
                "wiki": "runbook",
                "kibana": "logs",
                "pull": "change",
                "commit": "change",
            }.get(kind, kind)
    return "link"


_NO_TEAMS = frozenset("the a an our your their this that my any some on next other same whole whichever right".split())
