"""The escalation package as a sheet: everything that the next team needs, in the order they need it."""

from __future__ import annotations

from opstui.core.documents import EscalationPackage
from opstui.core.render.sheet_parts import (
    cited,
    claimed,
    guess_items,
    left_out,
    made_by,
    moment,
    question_section,
    related_items,
    runbook_section,
    sla_field,
    state_field,
    step_items,
    timeline_items,
)
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong


def escalation_sheet(package: EscalationPackage) -> Sheet:
    """The whole package."""
    head = package.head
    reason = package.reason_code.value.replace("_", " ") if package.reason_code else "not stated in the ticket"
    sections = [
        Section(title="Asked", items=tuple(_asks(package))),
        Section(title="Impact", items=tuple(_impact(package))),
        _environment(package),
        Section(
            title="Checked and done", items=step_items(package.checked), empty=package.nothing_checked_reason or ""
        ),
        Section(
            title="Suspected, not confirmed",
            items=guess_items(package.hypotheses),
            empty="Nobody wrote down a suspicion.",
        ),
        Section(title="Timeline", items=timeline_items(package.timeline), empty="The ticket has no entries."),
        _changes(package),
        Section(title="Reproduction", items=_reproduction(package)),
        runbook_section(package.runbooks, package.no_runbook_reason),
        Section(title="Related tickets", items=related_items(package.related)),
        Section(
            title="Links", items=tuple(cited(f"{link.label}: {link.url}", link.citation) for link in package.links)
        ),
        Section(
            title="If it gets worse",
            items=tuple(cited(f"If {case.when}, then {case.then}", case.citation) for case in package.contingency),
        ),
        _comms(package),
        question_section(dict.fromkeys((*package.open_questions, *package.preflight.missing))),
        left_out(package.not_included),
    ]
    if package.read_back is not None:
        back = package.read_back
        items: list[Item] = [(f"{moment(back.at)} {back.by}: {back.text}",)]
        items += [(f"Corrected: {text}",) for text in back.corrections]
        sections.append(Section(title="Read back", items=tuple(items)))
    return Sheet(
        title=f"Escalation {head.ticket_id}",
        lead=claimed(package.bottom_line),
        fields=(
            ("State", state_field(package.status.value, package.severity, package.sla, head.generated_at)),
            ("SLA clock", sla_field(package.sla, head.generated_at)),
            ("From", (" · ".join(filter(None, [package.from_team, package.contacts.escalating_operator])),)),
            ("To", (package.to_team or "not named in the ticket",)),
            ("Ask back", (_contacts(package),)),
            ("Kind", (package.escalation_type.value,)),
            ("Reason", (reason,)),
            ("Preflight", (f"{package.preflight.score} of 100, {_open(len(package.preflight.missing))}",)),
        ),
        sections=tuple(sections),
        made=made_by(head),
    )


def _asks(package: EscalationPackage) -> list[Item]:
    found: list[Item] = []
    for ask in package.ask:
        until = f", by {moment(ask.deadline)}" if ask.deadline is not None else ", no deadline is set"
        whom = f" ({ask.owner})" if ask.owner else ""
        found.append((Strong(ask.verb), ": ", ask.text, until, whom))
    return found


def _impact(package: EscalationPackage) -> list[Item]:
    impact = package.impact
    items = [claimed(claim) for claim in impact.claims]
    if impact.customers_count is not None:
        items.append((f"Customers affected: {impact.customers_count}",))
    items.append(cited(f"Data loss: {impact.data_loss.value}", impact.data_loss_citation))
    if impact.workaround is not None:
        items.append(claimed(impact.workaround, "Workaround: "))
    return items


def _environment(package: EscalationPackage) -> Section:
    where = package.environment
    named = (
        ("Product", where.product),
        ("Version", where.version),
        ("Platform", where.platform),
        ("Region", where.region),
        ("Configuration", ", ".join(where.config_ids)),
    )
    items: list[Item] = [(f"{name}: {value}",) for name, value in named if value]
    if items and where.citations:
        items.append(("As said in", Marks(where.citations)))
    return Section(title="Environment", items=tuple(items), empty="The ticket names none.")


def _changes(package: EscalationPackage) -> Section:
    found = package.changes
    items = tuple(claimed(change.claim, f"{moment(change.when)} {change.who}: ") for change in found or ())
    empty = "None recorded in the ticket." if found is not None else "Not looked for."
    return Section(title="Changes in the 72 hours before, and since", items=items, empty=empty)


def _reproduction(package: EscalationPackage) -> tuple[Item, ...]:
    found = package.reproduction
    if found is None:
        return ()
    claims = (*found.steps, *filter(None, (found.expected, found.actual)))
    rate: tuple[Item, ...] = ((f"How often: {found.rate}",),) if found.rate else ()
    return (*(claimed(claim) for claim in claims), *rate)


def _comms(package: EscalationPackage) -> Section:
    comms = package.comms
    items: list[Item] = []
    if comms.last_customer_message is not None and comms.at is not None:
        items.append(claimed(comms.last_customer_message, f"{moment(comms.at)}: "))
    if comms.promised_next_update is not None:
        items.append((f"Next update promised for {moment(comms.promised_next_update)}",))
    return Section(title="What the customer was told", items=tuple(items), empty=comms.reason or "Nothing.")


def _contacts(package: EscalationPackage) -> str:
    who = package.contacts
    return " · ".join(filter(None, (who.escalating_operator, who.backup, who.bridge)))


def _open(count: int) -> str:
    return "no question open" if not count else "1 question open" if count == 1 else f"{count} questions open"
