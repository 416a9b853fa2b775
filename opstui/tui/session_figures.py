"""What a session costs and how it stands, as lines: the headline, the column of figures, the bar. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opstui.core import stops
from opstui.core.frozen import dataclass
from opstui.core.sessions import Cost, Session, SessionStatus, Usage, live
from opstui.tui.draw import cells
from opstui.tui.session_text import result_of
from opstui.tui.ticket_text import MARKS, workflow_word
from opstui.tui.words import called, count, exact_money, money, running

Bit = tuple[str, str]
WIDE = 120
"""From this width the figures are a column."""
UNEVALUATED = "~ not evaluated"
"""Said of what was made by a workflow whose version was never run through its evaluation."""
WARN = 80
"""Percent of a budget from which it is marked."""

_WELL = (stops.END_TURN, stops.DONE)
"""Ends that need no word."""
_WAITS = {
    SessionStatus.QUEUED: "queued: waits for the worker",
    SessionStatus.STARTING: "starting: opening the runtime",
    SessionStatus.WAITING: "waits for its tools",
}


def status_words(session: Session) -> str:
    """The status, and what is waited for."""
    words = _WAITS.get(session.status, session.status.value)
    if session.stop_reason and session.stop_reason not in _WELL:
        words += f" ({session.stop_reason.replace('_', ' ')})"
    return words


def percent(spent: int, budget: int) -> int:
    """How much of a budget is spent, never 100 before it is."""
    return min(100, spent * 100 // budget) if budget > 0 else 100


def bar(spent: int, budget: int | None, width: int) -> list[Bit]:
    """``▓▓░░░░░  23%`` of the budget, always as wide; from 80 % with a sign, and at 100 % it is full."""
    if not budget:
        return []
    share = percent(spent, budget)
    full = width if share >= 100 else max(0, min(width - 1, max(1 if spent else 0, round(share * width / 100))))
    role = "bad" if share >= 100 else "warn" if share >= WARN else "accent"
    sign = "!" if share >= WARN else " "
    return [
        ("▓" * full, role),
        ("░" * (width - full), "faint"),
        (f"{sign}{share:3d}%", role if share >= WARN else "dim"),
    ]


def cost_bits(cost: Cost, *, role: str = "text") -> list[Bit]:
    """``≈ $0.0312`` in a fixed width; without ``≈`` where it is the runtime's own figure."""
    return [("  " if cost.is_exact else "≈ ", role), (exact_money(cost.shown), role)]


def engine_words(session: Session, *, rehearsal: bool = False) -> str:
    """``managed · claude-sonnet-5-5``, and that it is a rehearsal where it is one."""
    parts = [session.runtime, *([session.model] if session.model else [])]
    if rehearsal and session.runtime_kind != "extractive" and session.model != "rehearsal":
        parts.append("rehearsal")
    return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the figures are drawn from."""

    session: Session
    now: datetime
    width: int
    rehearsal: bool = False
    evaluated: bool = True
    """Whether the workflow's version was run through its evaluation."""

    @property
    def cost(self) -> Cost:
        """With the stretch of running that is still open."""
        return live(self.session.cost, self.now)


def headline(drawn: Drawn) -> tuple[list[Bit], list[Bit]]:
    """Ticket and workflow at the left, status and cost at the right, unless a column has these."""
    session, width, cost = drawn.session, drawn.width, drawn.cost
    mark, role = MARKS[session.status]
    left: list[Bit] = [(f" {called(session.ticket)}  ", "strong"), (workflow_word(session.workflow), "text")]
    if width >= WIDE:
        return left, []
    spent = cost_bits(cost)
    if cost.budget and width >= 72:
        spent += [(f" of {money(cost.budget)} ", "dim"), *bar(cost.shown, cost.budget, 7 if width < 100 else 12)]
    elif cost.budget and width >= 48:
        spent += bar(cost.shown, cost.budget, 0)
    right: list[Bit] = [(f"{mark} ", role), (f"{running(cost.usage.running_ms)}  ", "text"), *spent, (" ", "dim")]
    return left, right


def subline(drawn: Drawn) -> tuple[list[Bit], list[Bit]]:
    """Runtime and model at the left, what it reported and tokens at the right, as much of it as there is room for."""
    session, cost = drawn.session, drawn.cost
    what, words = f" {engine_words(session, rehearsal=drawn.rehearsal)}", f" · {status_words(session)}"
    if cost.unknown_model:
        ends: list[tuple[str, str]] = [("", "no price known for it")]
    elif session.runtime_kind == "extractive":
        ends = [("", "no model, no tokens")]
    else:
        usage = cost.usage
        ends = [("reported", money(cost.reported))] if cost.reported is not None else []
        if usage.input_tokens or usage.output_tokens:
            cached = usage.cache_read_tokens + usage.cache_write_tokens
            ends += [("in", count(usage.input_tokens)), ("out", count(usage.output_tokens)), ("cache", count(cached))]
    words += "" if drawn.evaluated else f" · {UNEVALUATED}"
    role = "warn" if cost.unknown_model else "dim"
    right: list[Bit] = []
    room = drawn.width - cells(what) - 1
    for name, value in ends:
        room -= cells(name) + cells(value) + 3
        if room < 0:
            break
        right += [(f"{'  ' if right else ' '}{name}{' ' if name else ''}", "faint"), (value, role)]
    left: list[Bit] = [(what, "text"), *([(words, "dim")] if cells(words) < room else [])]
    return left, [*right, (" ", "dim")] if right else []


def figures(drawn: Drawn) -> list[tuple[str, list[Bit]]]:
    """The column at the right from 120 columns: label and value."""
    session, cost = drawn.session, drawn.cost
    mark, role = MARKS[session.status]
    rows: list[tuple[str, list[Bit]]] = [("status", [(f"{mark} ", role), (_short_status(session), "text")])]
    rows.append(("runtime", [(session.runtime, "text")]))
    if drawn.rehearsal and session.runtime_kind != "extractive":
        rows.append(("", [("rehearsal, costs nothing", "warn")]))
    if session.model:
        rows.append(("model", [(session.model, "text")]))
    if not drawn.evaluated:
        rows.append(("workflow", [(UNEVALUATED, "warn")]))
    rows += [("running", [(running(cost.usage.running_ms), "text")]), ("", [])]
    of = [(f" of {money(cost.budget)}", "dim")] if cost.budget else []
    rows.append(("cost", [*cost_bits(cost), *of]))
    if cost.budget:
        rows.append(("", bar(cost.shown, cost.budget, 14)))
    if cost.reported is not None and session.runtime_kind != "extractive":
        rows.append(("estimate", [("≈ ", "dim"), (exact_money(cost.estimate), "dim")]))
        rows.append(("reported", [("  ", "dim"), (exact_money(cost.reported), "text")]))
    if cost.unknown_model:
        rows += [("", [("no price known for", "warn")]), ("", [(session.model or "this model", "warn")])]
    if session.runtime_kind == "extractive":
        rows.append(("tokens", [("no model, no tokens", "dim")]))
    else:
        rows += [("", []), *_token_rows(cost.usage)]
    place = result_of(session)
    if place is not None:
        rows += [("", []), ("draft" if place[0] == "review" else place[0], [("ready", "accent")])]
    return rows


def source_rows(refs: Sequence[str]) -> list[tuple[str, list[Bit]]]:
    """What the document cites, each once, by its own name."""
    return [
        ("sources" if index == 0 else "", [(ref.rpartition("/")[2], "dim")])
        for index, ref in enumerate(list(dict.fromkeys(refs))[:12])
    ]


def _short_status(session: Session) -> str:
    """For a column of 22 cells: what is waited for stands in the transcript."""
    reason = session.stop_reason
    if reason and reason not in _WELL:
        return f"{session.status.value}: {reason.replace('_', ' ')}"
    return session.status.value


def _token_rows(usage: Usage) -> list[tuple[str, list[Bit]]]:
    return [
        ("in", [(count(usage.input_tokens), "dim")]),
        ("out", [(count(usage.output_tokens), "dim")]),
        ("cache", [(f"{count(usage.cache_read_tokens)} read", "dim")]),
        *([("", [(f"{count(usage.cache_write_tokens)} written", "dim")])] if usage.cache_write_tokens else []),
        *([("searches", [(count(usage.searches), "dim")])] if usage.searches else []),
    ]
