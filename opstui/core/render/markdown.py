"""The escalation package as a Markdown file: complete, for attaching, readable as it is and when rendered.

Text from outside stays text: what Markdown would take for markup is escaped where it would be taken so, and only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from opstui.core.documents import Citation, Claim, EscalationPackage, Hypothesis
from opstui.core.render.numbering import Numbering
from opstui.core.render.plain import RESULT_WORDS, state_line
from opstui.core.text import SafeText, clean

_LIVE = re.compile(
    r"""
    \\(?=[!-/:-@\[-`{-~])            # a backslash that would escape something
    | `                              # code
    | \*(?=\S)|(?<=\S)\*             # emphasis
    | (?<![^\W_])_(?=\S)|(?<=\S)_(?![^\W_])
    | \[|\](?=[(\[:])                # links, footnotes, definitions
    | <(?=[A-Za-z/!?])               # HTML, autolinks
    | &(?=\#?\w+;)                   # entities
    | ~(?=~)|(?<=~)~
    """,
    re.VERBOSE,
)
_START = re.compile(r"(?:(#{1,6}|[-+*>]|={3,}|-{3,})(?=\s|$)|(\d{1,9})([.)])(?=\s|$)|(?=[|]))")


def text_only(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    line = " ".join(text.split())
    escaped = _LIVE.sub(lambda match: "\\" + match.group(), line)
    start = _START.match(escaped)
    if start and start[2]:
        return f"{start[2]}\\{escaped[len(start[2]) :]}"
    if start and (start[1] or escaped.startswith("|")):
        return "\\" + escaped
    return escaped


def escalation_markdown(package: EscalationPackage) -> SafeText:
    """The whole package, one section a part, with the list of its sources at the end."""
    return clean("\n".join(_Writer(package).lines()).strip() + "\n")


class _Writer:
    def __init__(self, package: EscalationPackage) -> None:
        self._package = package
        self._numbers = Numbering()
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        package = self._package
        head = package.head
        self._lines = [f"# Escalation {text_only(head.ticket_id)}", "", f"{self._claim(package.bottom_line)}", ""]
        self._fields(
            [
                (
                    "State",
                    state_line(package.status.value, package.severity, package.sla, head.generated_at).removeprefix(
                        "State: "
                    ),
                ),
                ("From", " · ".join(filter(None, [package.from_team, package.contacts.escalating_operator]))),
                ("To", package.to_team or "not named in the ticket"),
                ("Kind", package.escalation_type.value),
                (
                    "Reason",
                    package.reason_code.value.replace("_", " ") if package.reason_code else "not stated in the ticket",
                ),
                ("Preflight", f"{package.preflight.score} of 100"),
            ]
        )
        self._section("Asked", [self._ask(ask.verb, ask.text, ask.deadline, ask.owner) for ask in package.ask])
        self._impact()
        self._environment()
        self._checked()
        self._section(
            "Suspected, not confirmed",
            [self._hypothesis(guess) for guess in package.hypotheses],
            empty="Nobody wrote down a suspicion.",
        )
        self._section(
            "Timeline",
            [f"{_moment(row.when)} {row.kind.value}: {self._claim(row.claim)}" for row in package.timeline],
            empty="The ticket has no entries.",
        )
        self._changes()
        self._reproduction()
        self._guidance()
        self._comms()
        self._section("Open questions", [text_only(question) for question in _all_questions(package)], empty="None.")
        if package.not_included:
            self._section("Not included", [text_only(part) for part in package.not_included])
        if package.read_back is not None:
            back = package.read_back
            self._section("Read back", [f"{_moment(back.at)} {text_only(back.by)}: {text_only(back.text)}"])
        self._section("Sources", [text_only(source).replace("\\[", "[") for source in self._numbers.sources()])
        made_from = (
            f"{text_only(head.ticket_id)}, version {text_only(head.base_revision)}, at {_moment(head.generated_at)}"
        )
        by = f"workflow {text_only(head.workflow_version) or 'unknown'}"
        self._lines += ["", f"Written by the {head.engine.value} engine from {made_from}; {by}."]
        return self._lines

    def _impact(self) -> None:
        impact = self._package.impact
        items = [self._claim(claim) for claim in impact.claims]
        if impact.customers_count is not None:
            items.append(f"Customers affected: {impact.customers_count}")
        items.append(f"Data loss: {impact.data_loss.value}" + self._marks(_maybe(impact.data_loss_citation)))
        if impact.workaround is not None:
            items.append(f"Workaround: {self._claim(impact.workaround)}")
        self._section("Impact", items)

    def _environment(self) -> None:
        where = self._package.environment
        named = [
            ("Product", where.product),
            ("Version", where.version),
            ("Platform", where.platform),
            ("Region", where.region),
            ("Configuration", ", ".join(where.config_ids)),
        ]
        items = [f"{name}: {text_only(value)}" for name, value in named if value]
        if items and where.citations:
            items.append("As said in" + self._marks(where.citations))
        self._section("Environment", items, empty="The ticket names none.")

    def _checked(self) -> None:
        package = self._package
        items = []
        for step in package.checked:
            result = RESULT_WORDS[step.result] or "the ticket does not say what came of it"
            how = f" ({text_only(step.method)})" if step.method not in ("observation", "action") else ""
            marks = self._marks(dict.fromkeys((*step.detail.citations, *step.evidence)))
            items.append(
                f"{_moment(step.at)} {text_only(step.by.id)}: {text_only(step.detail.text)}{how} **{result}**{marks}"
            )
        self._section("Checked and done", items, empty=text_only(package.nothing_checked_reason or ""))

    def _changes(self) -> None:
        found = self._package.changes
        items = [
            f"{_moment(change.when)} {text_only(change.who)}: {self._claim(change.claim)}" for change in found or ()
        ]
        empty = "None recorded in the ticket." if found is not None else "Not looked for."
        self._section("Changes in the 72 hours before, and since", items, empty=empty)

    def _reproduction(self) -> None:
        found = self._package.reproduction
        if found is None:
            return
        items = [self._claim(step) for step in found.steps]
        if found.expected is not None:
            items.append(self._claim(found.expected))
        if found.actual is not None:
            items.append(self._claim(found.actual))
        self._section("Reproduction", items)

    def _guidance(self) -> None:
        package = self._package
        pages = [
            f"{text_only(guide.title)} ({text_only(guide.doc_id)}): {text_only(guide.why)}"
            + (f", last changed {guide.last_changed:%Y-%m-%d}" if guide.last_changed else "")
            + self._marks((guide.span,))
            for guide in package.runbooks
        ]
        self._section("Runbooks", pages, empty=text_only(package.no_runbook_reason or ""))
        others = [
            f"{text_only(other.ticket_id)} {text_only(other.title)}: {other.relation}, shares "
            + text_only(", ".join(other.shared_atoms))
            for other in package.related
        ]
        if others:
            self._section("Related tickets", others)
        if package.links:
            self._section(
                "Links",
                [
                    f"{text_only(link.label)}: {text_only(link.url)}" + self._marks(_maybe(link.citation))
                    for link in package.links
                ],
            )
        if package.contingency:
            items = [
                f"If {text_only(case.when)}, then {text_only(case.then)}" + self._marks(_maybe(case.citation))
                for case in package.contingency
            ]
            self._section("If it gets worse", items)

    def _comms(self) -> None:
        comms = self._package.comms
        items = []
        if comms.last_customer_message is not None and comms.at is not None:
            items.append(f"{_moment(comms.at)}: {self._claim(comms.last_customer_message)}")
        if comms.promised_next_update is not None:
            items.append(f"Next update promised for {_moment(comms.promised_next_update)}")
        self._section("What the customer was told", items, empty=text_only(comms.reason or "Nothing."))

    def _hypothesis(self, guess: Hypothesis) -> str:
        parts = [self._claim(guess.claim)]
        if guess.evidence_for:
            parts.append("for it" + self._marks(guess.evidence_for))
        if guess.evidence_against:
            parts.append("against it" + self._marks(guess.evidence_against))
        if guess.next_test:
            parts.append(f"next test: {text_only(guess.next_test)}")
        return "; ".join(parts)

    def _ask(self, verb: str, text: str, deadline: datetime | None, owner: str | None) -> str:
        until = f", by {_moment(deadline)}" if deadline is not None else ", no deadline is set"
        whom = f" ({text_only(owner)})" if owner else ""
        return f"**{text_only(verb)}**: {text_only(text)}{until}{whom}"

    def _claim(self, claim: Claim) -> str:
        return text_only(claim.text) + self._marks(claim.citations)

    def _marks(self, citations: Iterable[Citation]) -> str:
        return self._numbers.marks(citations)

    def _fields(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._lines += [f"- {name}: {text_only(value)}" for name, value in pairs if value]

    def _section(self, title: str, items: Sequence[str], *, empty: str = "") -> None:
        if not items and not empty:
            return
        self._lines += ["", f"## {title}", ""]
        self._lines += [f"- {item}" for item in items] or [empty]


def _all_questions(package: EscalationPackage) -> list[str]:
    return list(dict.fromkeys((*package.open_questions, *package.preflight.missing)))


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _maybe(citation: Citation | None) -> tuple[Citation, ...]:
    return (citation,) if citation is not None else ()
