"""A reply as customers read it: plain words, no sources, no apparatus. What it rests on stays in the document."""

from __future__ import annotations

from datetime import datetime

from opstui.core.documents import Citation, Reply, SummaryStatus, Tristate
from opstui.core.render.sheet_parts import (
    cited,
    claimed,
    left_out,
    made_by,
    moment,
    question_section,
    runbook_section,
    sla_field,
    state_field,
)
from opstui.core.render.sheets import Item, Section, Sheet
from opstui.core.text import SafeText, clean

DATA_LOSS = {
    Tristate.YES: "Some data was lost.",
    Tristate.NO: "No data was lost.",
    Tristate.UNKNOWN: "It is not known yet whether data was lost.",
}

NOTHING_WRONG = "Nothing was found to be wrong."
"""In the place of a word on data, where it was a false alarm."""


def reply_text(reply: Reply) -> SafeText:
    """The public comment: what customers notice, what is known, the state, what they can do, when they hear more."""
    parts: list[str] = []
    if reply.answered is not None:
        parts.append("Thank you for your message.")
    said = [_sentence(claim.text) for claim in dict.fromkeys((*reply.impact, *reply.sentences))]
    if said:
        parts.append("\n".join(said))
    state = [] if reply.status is SummaryStatus.UNKNOWN else [f"Status: {reply.status.value}."]
    if reply.status is SummaryStatus.RESOLVED:
        fine = reply.false_alarm is not None and reply.data_loss is Tristate.UNKNOWN
        state.append(NOTHING_WRONG if fine else DATA_LOSS[reply.data_loss])
    if state:
        parts.append(" ".join(state))
    if reply.workaround is not None and reply.workaround not in reply.sentences:
        told = _sentence(reply.workaround.text)
        parts.append(told if "workaround" in told.casefold() else f"Workaround: {told}")
    if reply.steps:
        parts.append("\n".join(["What you can do:", *(f"- {_sentence(step.text)}" for step in reply.steps)]))
    if reply.asks:
        parts.append("\n".join(["Please tell us:", *(f"- {text}" for text in reply.asks)]))
    if reply.next_update is not None:
        parts.append(f"Next update: {_clock(reply.next_update, reply.head.generated_at)}.")
    return clean("\n\n".join(parts))


def reply_sheet(reply: Reply) -> Sheet:
    """The whole of it, for operators: the text as customers will read it, and what each sentence of it rests on."""
    head = reply.head
    return Sheet(
        title=f"Reply {head.ticket_id}",
        lead=_answers(reply.answered),
        fields=(
            (
                "State",
                state_field(reply.status.value, reply.severity, reply.sla, head.generated_at, reply.status_citation),
            ),
            ("SLA clock", sla_field(reply.sla, head.generated_at)),
            ("Next update", (moment(reply.next_update) if reply.next_update else "none, the ticket is over",)),
            ("Data loss", cited(reply.data_loss.value, reply.data_loss_citation)),
            *((("False alarm", cited("yes", reply.false_alarm)),) if reply.false_alarm is not None else ()),
        ),
        sections=(
            Section(title="As customers will read it", block=reply_text(reply)),
            Section(title="Impact", items=tuple(claimed(claim) for claim in reply.impact)),
            Section(title="What is known", items=tuple(claimed(claim) for claim in reply.sentences)),
            Section(title="Workaround", items=(claimed(reply.workaround),) if reply.workaround is not None else ()),
            Section(title="What customers can do", items=tuple(claimed(claim) for claim in reply.steps)),
            Section(title="Asked", items=tuple((text,) for text in reply.asks)),
            runbook_section(reply.runbooks, reply.no_runbook_reason),
            question_section(reply.open_questions),
            left_out(reply.not_included),
        ),
        made=made_by(head),
    )


def _answers(message: Citation | None) -> Item:
    return cited("Answers the customer's message", message) if message is not None else ("Nobody asked; an update.",)


def _sentence(text: str) -> str:
    """Ends as a sentence does."""
    return text if text.rstrip("\"')”’").endswith((".", "!", "?", "…")) else f"{text}."


def _clock(at: datetime, now: datetime) -> str:
    return at.strftime("%H:%M UTC" if at.date() == now.date() else "%Y-%m-%d %H:%M UTC")
