"""A reply to customers made of what is theirs to know already: public words, the ticket's own, approved pages.

Internal entries are never quoted. They are read for two things only, which customers are told in the program's own
words: the state of the ticket, and whether data was lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from opstui.core.checks.fitting import is_message
from opstui.core.checks.m1 import stems
from opstui.core.checks.outward import FIRST_HOURS, NEXT_UPDATE, check_outward
from opstui.core.documents import ActorType, Citation, Claim, Reply, RunbookRef, SummaryStatus, Tristate
from opstui.core.extract import clock, closure, guidance, handover, steps, story
from opstui.core.extract.claims import ClaimMaker, cut
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import head_of, sources_of
from opstui.core.extract.units import Piece, Unit, actor_type, all_units, sentences, title_unit
from opstui.core.extract.words import COMMS, HEDGE, NEXT, QUESTION, SMALL_TALK, salience
from opstui.core.knowledge import Page
from opstui.core.ports import ExtractInput
from opstui.core.submissions import Submission
from opstui.core.tickets import Ticket, TimelineEntry, Visibility

IMPACT_LIMIT = 2
SENTENCES_LIMIT = 3
STEPS_LIMIT = 5
QUESTIONS_LIMIT = 5
INCIDENTS = ("1", "2")
LATER = timedelta(hours=1)
"""Between two updates on an incident of severity 1 or 2 that is older than two hours."""
CALM = {"3": timedelta(hours=4)}
DAY = timedelta(days=1)
SOONEST = timedelta(minutes=10)
"""An operator has to read the reply first: what is to come sooner has passed when customers read of it."""
WHO_IS_AFFECTED = "It is not known yet who is affected."

SAME = 0.6
"""Share of a sentence's telling words from which another one says the same."""

_ABSENT = ("outward:impact", "outward:next-update", "outward:data-loss")
"""What a whole text must say and a single sentence need not."""
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|my|me|we|our|us)\b", re.IGNORECASE)
_PROSE = re.compile(r"[\"'(]?[A-Z0-9À-Þ]\S*(?: \S+){2,}")
"""A sentence from its beginning, of three words at least."""
_CODE = re.compile(r"[{}<>=;#|\\]|\(\)|::|\w\.\w+\(")
_STATE_TALK = re.compile(
    r"\b(?:next (?:update|message|report)|will (?:update|keep|let|inform|post)|"
    r"(?:investigating|looking into|working on (?:it|this|a fix)|monitoring)\b|apologi[sz]e|sorry|thank)",
    re.IGNORECASE,
)
_FOR_CUSTOMERS = re.compile(
    r"#{1,6}\s+.*\b(?:customers?|users?|clients?|requesters?|self-?service|work-?arounds?)\b", re.IGNORECASE
)
_COMMAND = re.compile(r"`|\$ |\b(?:kubectl|systemctl|ssh|sudo|psql|curl|oc)\b")


def computed(given: Submission) -> dict[str, object]:
    """What code sets in a reply that an agent wrote."""
    return {
        "sla": clock.sla(given.ticket, given.now),
        "severity": clock.severity(given.ticket, given.sources),
        "next_update": next_update(given.ticket, given.now),
        "false_alarm": _false_alarm(steps.standing(all_units(given.ticket)), given.ticket, ClaimMaker(given.sources)),
    }


def _false_alarm(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> Citation | None:
    unit = closure.false_alarm(units, ticket)
    return maker.citation(unit) if unit is not None else None


def next_update(ticket: Ticket, now: datetime) -> datetime | None:
    """When customers hear again, to the minute; None for a ticket that is over.

    Incidents of severity 1 or 2: 20 minutes ahead in their first two hours, then an hour. Others: four hours for
    severity 3, else a day. Not later than the ticket is due, unless that is too soon to be kept.
    """
    if not ticket.status.category.is_open:
        return None
    if ticket.severity in INCIDENTS:
        span = NEXT_UPDATE if now - ticket.created_at <= FIRST_HOURS else LATER
    else:
        span = CALM.get(ticket.severity or "", DAY)
    at = now + span
    if ticket.due_at is not None and now + SOONEST < ticket.due_at < at:
        at = ticket.due_at
    return at.replace(second=0, microsecond=0)


def reply(given: ExtractInput) -> Reply:
    """The reply of a ticket. Pure: the same input gives the same bytes."""
    ticket = given.ticket
    sources = sources_of(given)
    maker = ClaimMaker(sources)
    units = steps.standing(all_units(ticket))
    state, said_by = clock.state(ticket, units, sources)
    guides, no_guide = guidance.runbooks(given, maker, knowledge_query(ticket))
    own = _Public(ticket, given.operator)
    public = [unit for unit in units if own.may_quote(unit)]
    title = title_unit(ticket)
    words = ([title] if title is not None and own.may_quote(title) else []) + public
    impact = _impact(words, maker)
    message = own.last_message()
    # Who writes to us has read what we said before, so it is no answer.
    told = () if message is not None else tuple(maker.claim(unit) for unit in _told(public, impact))
    stopgap = handover.workaround_unit(public)
    loss, loss_cited = handover.data_loss(units, maker)
    doable = tuple(_page_steps(given, guides, own, maker))
    over = state is SummaryStatus.RESOLVED
    asked = _cite(message, maker) if message is not None else own.question_of_its_own(maker)
    calm = _false_alarm(units, ticket, maker)
    if not impact and not over and (message is not None or asked is None):
        impact = (maker.unknown(WHO_IS_AFFECTED),)
    return Reply(
        head=head_of(given, "Reply"),
        status=state,
        status_citation=said_by,
        severity=clock.severity(ticket, sources),
        sla=clock.sla(ticket, given.now),
        answered=asked,
        impact=impact,
        sentences=told,
        workaround=maker.claim(stopgap) if stopgap is not None else None,
        steps=doable,
        asks=_asks(ticket, impact, message),
        data_loss=loss,
        data_loss_citation=loss_cited,
        false_alarm=calm,
        next_update=next_update(ticket, given.now),
        runbooks=guides,
        no_runbook_reason=no_guide,
        open_questions=_questions(own, message, asked, impact, told, loss, over=over, calm=calm is not None),
        not_included=(),
    )


class _Public:
    """Which of a ticket's words customers may read again, and which of its public messages are theirs."""

    def __init__(self, ticket: Ticket, operator: str) -> None:
        self._ticket = ticket
        inside = {str(entry.author) for entry in ticket.timeline if entry.visibility is Visibility.INTERNAL}
        self._staff = {operator, *map(str, ticket.assignees), *inside}
        names = {
            part.casefold()
            for name in (*self._staff, *(str(entry.author) for entry in ticket.timeline))
            for part in (name, *re.split(r"[\s@._-]+", name))
            if len(part) >= 3
        }
        self._names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))})(?!\w)") if names else None

    def is_ours(self, entry: TimelineEntry) -> bool:
        """Whether somebody of the desk, or a program, wrote it."""
        who = actor_type(str(entry.author), entry.kind)
        return who is ActorType.AUTOMATION or (who is ActorType.HUMAN and str(entry.author) in self._staff)

    def last_message(self) -> TimelineEntry | None:
        """The customer's last message, unless it was answered already."""
        for entry in reversed(self._ticket.timeline):
            if is_message(entry):
                return None if self.is_ours(entry) else entry
        return None

    def questions(self, entry: TimelineEntry) -> list[str]:
        """What a message asks."""
        return [piece.text for piece in _asked(str(entry.text))]

    def question_of_its_own(self, maker: ClaimMaker) -> Citation | None:
        """The first question of the ticket's own text, where it is no incident and no public message followed."""
        ticket = self._ticket
        if ticket.severity in INCIDENTS or not ticket.status.category.is_open or any(map(is_message, ticket.timeline)):
            return None
        for number, text in ((1, str(ticket.title)), (2, str(ticket.body))):
            for piece in _asked(text):
                first, last = (number + line - 1 for line in (piece.start, piece.end))
                return maker.sources.cite(ticket.entry_id(0), first, last, piece.quote)
        return None

    def may_quote(self, unit: Unit) -> bool:
        """Whether a sentence is public, ours or the ticket's own, and holds nothing that customers must not read."""
        text = unit.text
        if unit.dump or QUESTION.search(text) or SMALL_TALK.match(text):
            return False
        if unit.entry >= 0:
            entry = self._ticket.timeline[unit.entry]
            if not is_message(entry) or not self.is_ours(entry):
                return False
        elif _FIRST_PERSON.search(text) or (unit.label and unit.label not in ("impact", "customer impact")):
            return False  # a description may be the customer's, or a machine's list of labels
        elif not _PROSE.match(text) or _CODE.search(text):
            return False
        return self.is_sayable(text)

    def is_sayable(self, text: str) -> bool:
        """Whether the words themselves may go out: no machine, no name of a person, no guess, no promise."""
        if self._names is not None and self._names.search(text.casefold()):
            return False
        return not any(
            finding.level == "block" and finding.id not in _ABSENT for finding in check_outward(text, self._ticket)
        )


def _asked(text: str) -> list[Piece]:
    found = sentences(text.split("\n", 200)[:200])
    return [piece for piece in found if QUESTION.search(piece.text) and not piece.dump]


def _impact(words: Sequence[Unit], maker: ClaimMaker) -> tuple[Claim, ...]:
    """What customers notice: the newest public words on it first, else the ticket's own."""
    rated = [(unit.entry >= 0, unit.at, story.impact_score(unit), unit) for unit in words]
    best = sorted((item for item in rated if item[2] > 0), key=lambda item: item[:3], reverse=True)
    chosen: list[Unit] = []
    for *_, unit in best:
        if len(chosen) < IMPACT_LIMIT and not any(_says_the_same(unit.text, other.text) for other in chosen):
            chosen.append(unit)
    return tuple(maker.claim(unit) for unit in chosen)


def _says_the_same(one: str, other: str) -> bool:
    """Whether two sentences share most of the telling words of the shorter one."""
    ours, theirs = stems(one), stems(other)
    return len(ours & theirs) >= SAME * max(1, min(len(ours), len(theirs)))


def _told(public: Sequence[Unit], shown: Sequence[Claim]) -> list[Unit]:
    """What our newest public message says beside impact and promises."""
    said = [unit for unit in public if unit.entry >= 0]
    if not said:
        return []
    newest = [unit for unit in said if unit.entry == said[-1].entry]
    found = [
        unit
        for unit in newest
        if not any(_says_the_same(unit.text, claim.text) for claim in shown)
        and not _STATE_TALK.search(unit.text)
        and not NEXT.search(unit.text)
    ]
    best = sorted(found, key=salience, reverse=True)[:SENTENCES_LIMIT]
    return [unit for unit in found if unit in best and not COMMS.match(unit.text)]


def _page_steps(given: ExtractInput, guides: Sequence[RunbookRef], own: _Public, maker: ClaimMaker) -> Iterator[Claim]:
    """Items of approved pages under a heading that is for customers, without commands."""
    found = 0
    for guide in guides:
        page = given.pages[guide.doc_id]
        for number, text in _for_customers(page):
            if found == STEPS_LIMIT:
                return
            if not _COMMAND.search(text) and not HEDGE.search(text) and own.is_sayable(text):
                found += 1
                yield maker.claim(_page_unit(page, number, text, given.ticket.created_at))


def _for_customers(page: Page) -> Iterator[tuple[int, str]]:
    inside = fenced = False
    for number, line in enumerate(page.text.split("\n", 800)[:800], start=1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and guidance.HEADING.match(line):
            inside = bool(_FOR_CUSTOMERS.match(line))
        elif inside and not fenced and guidance.ITEM.match(line):
            piece = next(iter(sentences([line], first_line=number)), None)
            if piece is not None and len(piece.text) >= 10:
                yield number, piece.text


def _page_unit(page: Page, line: int, text: str, at: datetime) -> Unit:
    return Unit(
        ref=page.doc,
        line_start=line,
        line_end=line,
        text=text,
        quote=text,
        at=page.changed_at or at,
        author="",
        author_type=ActorType.HUMAN,
        kind=None,
        visibility=Visibility.UNKNOWN,
        entry=-1,
    )


def _cite(message: TimelineEntry, maker: ClaimMaker) -> Citation:
    """The message as a whole, as far as a citation reaches."""
    return maker.sources.cite(message.id, 1, 12)


def _asks(ticket: Ticket, impact: Sequence[Claim], message: TimelineEntry | None) -> tuple[str, ...]:
    """What to ask back: only a customer who told too little of a ticket that is no incident of ours."""
    if message is None or ticket.severity in INCIDENTS or not ticket.status.category.is_open:
        return ()
    if any(claim.citations for claim in impact) or ticket.body.strip():
        return ()
    return ("What exactly do you see, and since when?",)


def _questions(
    own: _Public,
    message: TimelineEntry | None,
    answered: Citation | None,
    impact: Sequence[Claim],
    told: Sequence[Claim],
    loss: Tristate,
    *,
    over: bool,
    calm: bool,
) -> tuple[str, ...]:
    """What an operator has to answer before it goes out."""
    asked: list[str] = []
    if message is not None:
        asked += [f"The customer asks: {cut(text, 130)}" for text in own.questions(message)[:2]]
        asked = asked or ["Does this answer the customer's message? It asks nothing in so many words."]
    elif answered is not None:
        asked.append(f"The customer asks: {cut(' '.join(answered.quote.split()), 130)}")
    if over and loss is Tristate.UNKNOWN and not calm:
        asked.append("Was data lost? The ticket does not say; customers are to be told either way.")
    is_question = message is None and answered is not None
    if not any(claim.citations for claim in impact) and not over and not is_question:
        asked.append("Who is affected, and how? Nothing that customers may read says so.")
    if not told:
        asked.append("What else may customers know? No public message tells what was found or done.")
    return tuple(asked[:QUESTIONS_LIMIT])
