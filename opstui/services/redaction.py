"""Hiding what must not leave this machine, session by session, and bringing it back where it belongs."""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from opstui.core.desk.sessions import Redacted
from opstui.core.documents import CitationKind, EscalationPackage, IncidentSummary, citations_of
from opstui.core.errors import ReadOnly
from opstui.core.redaction import OWN_SECRET, PERSONAL, PLACEHOLDER, Placeholders, Span, merged, readable
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import TicketRef, Visibility
from opstui.services.hidden_documents import hidden_words, mapped, quote_without

if TYPE_CHECKING:
    from opstui.core.drafts import Draft
    from opstui.core.ports import Redactor
    from opstui.core.sessions import Session
    from opstui.core.tickets import Ticket
    from opstui.services.setup import Setup

D = TypeVar("D")
EVERYWHERE = 6
"""A secret of at least so many characters that was found once in a session is hidden wherever else it stands."""
PIECE = 4
"""So many characters in a row of a hidden value are not told to an agent in any sentence about it."""
CACHED = 8_000_000
"""Characters of texts whose spans are remembered: a ticket, the pages around it, and what is asked again."""
KEY_BYTES = 32
EVENTS = 10_000
SEARCHED = 8
"""Hits that a search of an agent has at most."""


class Hiding:
    """One session's redaction: the same value has the same placeholder all through it. Safe from several threads.

    Lines stay lines: a key of many lines becomes as many placeholders, so that line numbers hold.
    """

    def __init__(self, redactor: Redactor, key: bytes) -> None:
        self._redactor = redactor
        self._placeholders = Placeholders(key)
        self._secrets: dict[str, str] = {}
        """Value → kind, of secrets that are hidden wherever they stand."""
        self._spans: OrderedDict[str, tuple[Span, ...]] = OrderedDict()
        self._size = 0
        self._lock = threading.RLock()

    def text(self, text: str) -> SafeText:
        """``text`` as a runtime may read it. Raises NotRedacted: nothing may be sent then."""
        with self._lock:
            return self._hide(text, self.spans(text))

    def _hide(self, text: str, spans: Sequence[Span]) -> SafeText:
        return SafeText(self._placeholders.hide(text, line_by_line(text, spans)))

    def learn(self, texts: Iterable[str]) -> None:
        """Look at texts first, so that a secret that one of them gives away is hidden in all. Raises NotRedacted."""
        with self._lock:
            for text in texts:
                self._found(text)

    def spans(self, text: str) -> tuple[Span, ...]:
        """What would be hidden of ``text``: what the rules find, and secrets found elsewhere. Raises NotRedacted."""
        with self._lock:
            found = list(self._found(text))
            for value, kind in self._secrets.items():
                at = text.find(value)
                while at >= 0:
                    found.append(Span(at, at + len(value), kind))
                    at = text.find(value, at + len(value))
            return tuple(merged(found))

    def _found(self, text: str) -> tuple[Span, ...]:
        known = self._spans.get(text)
        if known is not None:
            self._spans.move_to_end(text)
            return known
        spans = self._redactor.spans(text)
        self._spans[text] = spans
        self._size += len(text)
        while self._size > CACHED and len(self._spans) > 1:
            self._size -= len(self._spans.popitem(last=False)[0])
        for span in spans:
            for part in line_by_line(text, [span]):
                value = text[part.start : part.end]
                if span.kind not in PERSONAL and is_telling(value):
                    self._secrets.setdefault(value, span.kind)
                    # Under each kind it was found as, so that whatever an agent was shown can be turned back.
                    self._placeholders.placeholder(value, span.kind)
        return spans

    def swept(self, text: str) -> SafeText:
        """A text of already hidden parts once more: what is still there of this session's secrets goes too."""
        with self._lock:
            missed = [value for value in self._secrets if value in text]
            if not missed:
                return SafeText(text)
            wanted = re.compile("|".join(re.escape(value) for value in sorted(missed, key=len, reverse=True)))
            parts: list[str] = []
            at = 0
            for kept in PLACEHOLDER.finditer(text):
                parts += [wanted.sub(self._stands_for, text[at : kept.start()]), kept.group()]
                at = kept.end()
            parts.append(wanted.sub(self._stands_for, text[at:]))
            return SafeText("".join(parts))

    def _stands_for(self, match: re.Match[str]) -> str:
        return self._placeholders.placeholder(match.group(), self._secrets[match.group()])

    def restore(self, text: str, without: Iterable[str] = ()) -> str:
        """``text`` with this session's placeholders turned back, but for kinds in ``without``; forged ones stay."""
        return self._placeholders.restore(text, without=without)

    def restore_for(
        self, text: str, ticket: str, *, public: bool = False, named: bool = True, sent: bool = False
    ) -> str:
        """``text`` as it may go back to the ticket whose whole text is ``ticket``.

        A value that does not stand in that ticket, and in public every secret, is only named: ``[password removed]``;
        with ``named`` false its placeholder stays. A secret comes back only in what is ``sent``: a draft that waits in
        a file keeps its placeholder.
        """
        values = self.values

        def turned(match: re.Match[str]) -> str:
            value = values.get(match.group())
            if value is None:
                return match.group()
            if match[1] == OWN_SECRET or value not in ticket or (public and match[1] not in PERSONAL):
                return readable(match.group()) if named else match.group()
            return value if sent or match[1] in PERSONAL else match.group()

        parts: list[str] = []
        at = 0
        for match in PLACEHOLDER.finditer(text):
            parts += [self._placeholders.restore(text[at : match.start()]), turned(match)]
            at = match.end()
        parts.append(self._placeholders.restore(text[at:]))
        return "".join(parts)

    @property
    def values(self) -> Mapping[str, str]:
        """Placeholder → value, of everything that this session hid so far."""
        with self._lock:
            return self._placeholders.values()

    def hide_words(self, text: str, also: Mapping[str, str], *, scan: bool = False) -> SafeText:
        """``text`` with every value hidden that this session hid before, whatever stands around it.

        ``also``: value → kind, hidden however short they are. ``scan``: what the rules find as well. For what an agent
        wrote and was turned back: it can only hold values that it had placeholders of.
        """
        with self._lock:
            found = list(self.spans(text)) if scan else []
            kinds = {value: kind_of(mark) for mark, value in self.values.items() if len(value) >= EVERYWHERE}
            for value, kind in (kinds | dict(also)).items():
                # A text that became one line has one space where there were several.
                for shape in {value, " ".join(value.split())} - {""}:
                    at = text.find(shape)
                    while at >= 0:
                        found.append(Span(at, at + len(shape), kind))
                        at = text.find(shape, at + len(shape))
            return self._hide(text, tuple(merged(found)))

    def without_pieces(self, text: str, named: Mapping[str, str]) -> SafeText:
        """A hidden text in which no ``PIECE`` characters in a row of a ``named`` value (value → kind) are left.

        For a sentence about such a value that quotes a part of it, or was cut inside of it.
        """
        parts: list[str] = []
        at = 0
        for kept in (*PLACEHOLDER.finditer(text), None):
            part = text[at : kept.start() if kept else len(text)]
            folded, covered = _folded(part), [""] * len(part)
            for value, kind in named.items():
                whole = _folded(value)
                for start in range(len(whole) - PIECE + 1):
                    found = folded.find(whole[start : start + PIECE])
                    while found >= 0:
                        covered[found : found + PIECE] = [self._placeholders.placeholder(value, kind)] * PIECE
                        found = folded.find(whole[start : start + PIECE], found + 1)
            for index, mark in enumerate(covered):
                if not mark:
                    parts.append(part[index])
                elif not index or covered[index - 1] != mark:
                    parts.append(mark)
            if kept:
                parts.append(kept.group())
                at = kept.end()
        return SafeText("".join(parts))

    @property
    def secrets(self) -> Sequence[str]:
        """Values that are not about people, of everything that this session hid so far."""
        return [value for mark, value in self.values.items() if kind_of(mark) not in PERSONAL]


def _folded(text: str) -> str:
    """``text`` in lower case, every character in its place."""
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def is_telling(value: str) -> bool:
    """Whether a secret can be looked for everywhere: long enough, and no plain word that a text may hold by chance."""
    if len(value) < EVERYWHERE:
        return False
    plain = value.isalpha() and (value.islower() or value.istitle() or value.isupper())
    return not plain and not (value.isdigit() and len(value) < 8)


def kind_of(placeholder: str) -> str:
    """The kind in ``⟦S:KIND:tag⟧``; empty for anything else."""
    found = PLACEHOLDER.fullmatch(placeholder)
    return found[1] if found else ""


def line_by_line(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans that go over several lines as one for each line, white space at the lines' ends left out."""
    parts: list[Span] = []
    for span in spans:
        if "\n" not in text[span.start : span.end]:
            parts.append(span)
            continue
        at = span.start
        for line in text[span.start : span.end].split("\n"):
            inner = line.strip()
            if inner:
                start = at + line.index(inner)
                parts.append(Span(start, start + len(inner), span.kind))
            at += len(line) + 1
    return parts


# --- the key of a session's placeholders ------------------------------------------------------------------------------


def hiding_key(folder: Path, chance: Callable[[int], bytes] = os.urandom) -> Callable[[str], bytes]:
    """Session id → 32 bytes that nobody else has and that are the same after a restart.

    Made from this machine's key, a 0600 file in ``folder`` that is written once, whoever of several processes comes
    first. Raises ReadOnly where it can be neither read nor made.
    """

    def key(session: str) -> bytes:
        return hmac.new(_machine_key(folder, chance), f"session\0{session}".encode(), sha256).digest()

    return key


def _machine_key(folder: Path, chance: Callable[[int], bytes]) -> bytes:
    path = folder / "hiding.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ReadOnly(
            f"{clean_line(str(path))} can't be opened ({error.strerror}): without it nothing can be sent to a runtime"
        ) from None
    try:
        # Whoever made the file holds the lock until the key is in it; everybody else waits those microseconds.
        fcntl.flock(fd, fcntl.LOCK_EX)
        found = os.read(fd, KEY_BYTES + 1)
        if len(found) == KEY_BYTES:
            return found
        found = chance(KEY_BYTES)
        os.ftruncate(fd, 0)
        os.pwrite(fd, found, 0)
        os.fsync(fd)
        return found
    except OSError as error:
        raise ReadOnly(
            f"{clean_line(str(path))} can't be written ({error.strerror}): without it nothing can be sent to a runtime"
        ) from None
    finally:
        os.close(fd)


# --- what others ask --------------------------------------------------------------------------------------------------


def redacted(setup: Setup, text: str) -> Redacted:
    """What a model would be shown of ``text``, under a key that is thrown away. Raises NotRedacted."""
    spans = setup.redactor.spans(text)
    made = Placeholders(setup.randomness.bytes(KEY_BYTES))
    return Redacted(made.hide(text, line_by_line(text, spans)), spans)


def ticket_texts(ticket: Ticket) -> list[str]:
    """Every text of a ticket that is hidden on its own, its body with the title as it is numbered."""
    fields = [f"{name}: {value}" for name, value in ticket.fields.items()]
    return [body_text(ticket), *fields, *(str(entry.text) for entry in ticket.timeline)]


def body_text(ticket: Ticket) -> str:
    """Title and body as lines are counted: the title is line 1."""
    title = ticket.title.replace("\n", " ")
    return f"{title}\n{ticket.body}" if ticket.body else title


def plain_document(setup: Setup, session: Session, document: D, ticket: Ticket) -> D:
    """A stored document as its draft for ``ticket`` may hold it: see ``true_words``. Raises NotRedacted."""
    return true_words(setup, session, document, ticket)[1]


def true_words(setup: Setup, session: Session, document: D, ticket: Ticket) -> tuple[D, D]:
    """A stored document with its true words, found by hiding the session's sources once more under its key.

    Twice: with every value, to check its claims against their sources; and as its draft may hold it, where a value
    from elsewhere than ``ticket`` is only named. Raises NotRedacted.
    """
    if "⟦" not in "".join(hidden_words(document)):
        return document, document
    from opstui.services.tooldesk import ticket_text

    hiding = rehidden(setup, session, ticket, document)
    workflow = setup.workflows.get(session.workflow)
    public = workflow is not None and workflow.public_comment
    drafted = for_ticket(document, hiding, ticket_text(ticket), public=public)
    return mapped(document, hiding.restore), drafted


def as_sent(setup: Setup, draft: Draft, ticket: Ticket) -> Draft:
    """A session's draft with the secrets of its own ticket where its words have placeholders. Raises NotRedacted."""
    session = setup.record.session(draft.session) if draft.session is not None else None
    comment = draft.comment()
    text = str(comment.to or "") if comment is not None else ""
    if session is None or comment is None or PLACEHOLDER.search(text) is None:
        return draft
    from opstui.services.tooldesk import ticket_text

    hiding = rehidden(setup, session, ticket, None)
    public = comment.visibility is not Visibility.INTERNAL
    whole = hiding.restore_for(text, ticket_text(ticket), public=public, sent=True)
    return replace(draft, ops=tuple(replace(op, to=whole) if op is comment else op for op in draft.ops))


def for_ticket(document: D, hiding: Hiding, ticket: str, *, public: bool) -> D:
    """A hidden document as a draft for the ticket with this text may hold it: see ``Hiding.restore_for``."""

    def quote(text: str) -> str:
        return quote_without(hiding.restore_for(text, ticket, public=public, named=False))

    return mapped(document, lambda words: hiding.restore_for(words, ticket, public=public), quote)


def named_in(handed_in: object, hiding: Hiding) -> dict[str, str]:
    """Value → kind, of the placeholders that an agent wrote and that are this session's."""
    values = hiding.values
    marks = [mark for words in hidden_words(handed_in) for mark in PLACEHOLDER.finditer(words)]
    return {values[mark.group()]: mark[1] for mark in marks if mark.group() in values}


def hidden_as(whole: D, hiding: Hiding, handed_in: object) -> D:
    """A document with its true words as it is stored: everything that was hidden from its agent hidden again.

    ``handed_in``: what the agent wrote; a value that it named by its placeholder is hidden however short it is.
    """
    named = named_in(handed_in, hiding)

    def quote(text: str) -> str:
        # Code quotes too, the line that set the severity for one; there a rule sees what stands around a value.
        return quote_without(hiding.hide_words(text, named, scan=True))

    return mapped(whole, lambda words: hiding.hide_words(words, named), quote)


def hidden_values(setup: Setup, session: Session) -> Mapping[str, str]:
    """What was kept from a session's runtime, placeholder → value, for the operator's own screen.

    Empty for a ticket that is not known any more. Raises NotRedacted.
    """
    known = setup.cache.ticket(session.ticket)
    if known is None:
        return {}
    return rehidden(setup, session, known[0], None).values


def rehidden(setup: Setup, session: Session, ticket: Ticket, document: object) -> Hiding:
    """The session's placeholders, made again from what it read: its ticket, and what its calls and document name."""
    from opstui.services.tooldesk import ticket_text

    hiding = Hiding(setup.redactor, setup.hiding_key(session.id))
    hiding.learn(ticket_texts(ticket))
    ticket_text(ticket, hiding.text)
    citations = citations_of(document) if isinstance(document, (IncidentSummary, EscalationPackage)) else []
    docs = dict.fromkeys(citation.ref for citation in citations if citation.kind is CitationKind.DOC)
    tickets = dict.fromkeys(citation.ref.rpartition("#")[0] for citation in citations if ":" in citation.ref)
    for event in setup.record.events(session.id, after=0, limit=EVENTS):
        name, given = event.data.get("name"), event.data.get("input")
        if event.type != "tool.call" or not isinstance(given, Mapping):
            continue
        if name == "read_document":
            docs.setdefault(str(given.get("doc", "")))
        elif name == "search_knowledge" and str(given.get("query", "")).strip():
            query = clean_line(hiding.restore(str(given["query"])))
            docs.update(dict.fromkeys(hit.doc for hit in setup.knowledge.search(query, SEARCHED)))
    for doc in docs:
        page = setup.knowledge.page(doc)
        if page is not None:
            hiding.text(page.title)
            hiding.text(page.text)
    for ref in tickets:
        if not ref.partition(":")[2]:
            continue
        other = setup.cache.ticket(TicketRef.parse(ref))
        for text in ticket_texts(other[0]) if other is not None else ():
            hiding.text(text)
    return hiding
