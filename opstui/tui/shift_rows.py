"""A shift as rows: its sessions, what they cost and by what, and what people made of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal

from opstui.core.desk import LedgerLine, ShiftView
from opstui.core.frozen import dataclass
from opstui.core.money import cents, dollars
from opstui.core.sessions import Cost, Session, SessionStatus, beyond_rounding
from opstui.tui.lines import Line, Row, Span, between, fit, line, pad, width_of, wrap
from opstui.tui.words import called, count, money, running

SPARKS = "▁▂▃▄▅▆▇█"
BAR = "▇"
WAYS = (("workflow", "by workflow"), ("ticket", "by ticket"), ("operator", "by operator"), ("runtime", "by runtime"))


def spark(amounts: Sequence[int]) -> str:
    """One cell an amount, the highest the tallest; a blank is nothing at all."""
    top = max(amounts, default=0)
    if top <= 0:
        return " " * len(amounts)
    return "".join(" " if amount <= 0 else SPARKS[-(-amount * 8 // top) - 1] for amount in amounts)


def bar(amount: int, top: int, cells: int) -> str:
    """At least one cell for anything that is more than nothing."""
    return BAR * (max(1, round(amount * cells / top)) if top > 0 and amount > 0 else 0)


def span_text(view: ShiftView, tz: tzinfo) -> str:
    """``NIGHT 20 Nov 20:00–08:00``."""
    start, end = view.shift.start.astimezone(tz), view.shift.end.astimezone(tz)
    return f"{view.shift.name.upper()} {start.day} {start:%b %H:%M}–{end:%H:%M}"


def share(part: int, whole: int) -> str:
    """``61 %``."""
    return f"{round(part * 100 / whole)} %" if whole else "–"


def shift_head(view: ShiftView, tz: tzinfo, width: int) -> list[Line]:
    """Two lines: when and who, what it cost so far and what it will."""
    total = view.total
    who = ", ".join(view.operators)
    first = line(" ", (span_text(view, tz), "strong"), "  ", (who, "dim"), ("" if view.current else "  past", "dim"))
    cost: list[Span] = [Span(" "), Span(f"≈ {money(total.estimate)}", "strong")]
    if view.limit is not None:
        cost.append(Span(f" of {money(view.limit)}", _near(view)))
    if total.reported is not None:
        cost.append(Span(f"  reported {money(total.reported)}"))
    if view.forecast:
        over = view.limit is not None and view.forecast > view.limit
        cost.append(Span(f"  forecast ≈ {money(view.forecast)}", "warn" if over else "dim"))
        if over:
            cost.append(Span(" over", "warn"))
    right = line(
        (f"{total.sessions} session{'' if total.sessions == 1 else 's'}  {count(total.tokens)} tokens ", "dim")
    )
    return [between(first, line(("[ ] others  W week ", "dim")), width), between(tuple(cost), right, width)]


def _spent(view: ShiftView) -> int:
    """What counts against the limit."""
    return view.spent or view.total.estimate


def _near(view: ShiftView) -> str:
    spent, limit = _spent(view), view.limit or 0
    return "bad" if spent >= limit else "warn" if spent * 5 >= limit * 4 else "dim"


def shift_rows(view: ShiftView, tz: tzinfo, width: int, raises: str = "") -> list[Row]:
    """What is left, sessions, then the sums, then what came of them. ``raises`` is the key that raises the limit."""
    rows = [Row("rule:top", (line(("─" * width, "rule")),), stops=False)]
    money_rows = [*_budget(view, width, raises), *_compared(view, width)]
    if money_rows:
        rows += [Row("money", tuple(money_rows), stops=False), Row("rule:money", (line(("─" * width, "rule")),), False)]
    rows += _sessions(view, width)
    rows.append(Row("rule:sums", (line(("─" * width, "rule")),), stops=False))
    rows += _sums(view, tz, width)
    rows += _verdicts(view, width)
    return rows


def _budget(view: ShiftView, width: int, raises: str) -> list[Line]:
    """A bar of the limit: what is spent, and what will be if it goes on like this."""
    if not view.limit:
        return []
    spent, limit = _spent(view), view.limit
    cells = 10 if width < 64 else 24
    full = min(cells, max(1 if spent else 0, spent * cells // limit))
    later = min(cells, max(full, (view.forecast or 0) * cells // limit))
    role = {"dim": "accent"}.get(_near(view), _near(view))
    share, sign = spent * 100 // limit, "!" if spent * 5 >= limit * 4 else " "
    drawn = line(
        "   ", (pad("budget", 13), "dim"), ("▓" * full, role), ("▒" * (later - full), "dim"),
        ("░" * (cells - later), "faint"), (f"{sign}{share:3d}%", role if sign == "!" else ""),
    )  # fmt: skip
    if view.forecast and width >= 64:
        drawn = (*drawn, Span(f"   by the end ≈ {view.forecast * 100 // limit}%", "dim"))
    ceiling = view.ceiling
    raisable = raises and view.current and ceiling is not None and ceiling > limit
    right = line((f"{raises} raises it, to {money(ceiling or 0)} at most " if raisable else "", "dim"))
    lines = [between(drawn, right, width) if width >= 100 else fit(drawn, width)]
    if raisable and width < 100:
        lines.append(
            fit(
                line("   ", (pad("", 13), "dim"), (f"{raises} raises it, to {money(ceiling or 0)} at most", "dim")),
                width,
            )
        )
    if view.raised is not None:
        words = f"raised to {money(view.raised.limit)} by {view.raised.operator}: {view.raised.reason}"
        lines.append(fit(line("   ", (pad("", 13), "dim"), (words, "dim")), width))
    return lines


def _compared(view: ShiftView, width: int) -> list[Line]:
    """How far estimates were off, and what is in none of them."""
    lines: list[Line] = []
    if view.compared and view.error_percent is not None:
        off = abs(view.error_percent)
        how = (
            "as reported" if off < Decimal("0.05") else f"{off:.1f} % too {'high' if view.error_percent > 0 else 'low'}"
        )
        many = f"{view.compared} session{'' if view.compared == 1 else 's'} compared"
        parts = line("   ", (pad("estimates", 13), "dim"), how, (f"   {many}", "dim"))
        if view.rates_dated is not None and width >= 72:
            parts = (*parts, Span(f"   prices of {view.rates_dated:%-d %b %Y}", "dim"))
        lines.append(fit(parts, width))
    for model in view.unknown_models:
        words = f"no price known for {model}: its tokens are in no sum"
        lines += [
            line("   ", (pad("!" if number == 0 else "", 13), "warn"), (part, "warn"))
            for number, part in enumerate(wrap(words, max(20, width - 17)))
        ]
    return lines


def _sessions(view: ShiftView, width: int) -> Iterable[Row]:
    if not view.sessions:
        return [Row("none", (fit(line("   ", ("no session in this shift", "dim")), width),), stops=False)]
    wide, middle = width >= 110, width >= 64
    # What the service says it cost is worth more than how many tokens it took, where there is room for one of them.
    reported = wide or (middle and any(session.cost.reported is not None for session in view.sessions))
    head = "   " + pad("ticket", 12) + pad("workflow", 20 if middle else 10)
    if wide:
        head += pad("runtime", 10)
    if middle:
        head += pad("run", 8, right=True)
    if wide or (middle and not reported):
        head += pad("tokens", 8 if wide else 9, right=True)
    head += pad("≈ $", 8 if wide else 9, right=True)
    if reported:
        head += pad("reported", 9 if wide else 10, right=True)
    if wide:
        head += pad("off", 5, right=True) + "  " + pad("result", 15)
    head += "  verdict" if middle else ""
    rows = [Row("head", (fit(line((head, "dim")), width),), stops=False)]
    for session in view.sessions:
        usage, cost = session.cost.usage, session.cost
        tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        parts: list[Span] = [
            Span("   "),
            Span(pad(called(session.ticket), 11) + " ", "accent"),
            Span(pad(session.workflow, 19 if middle else 9) + " "),
        ]
        if wide:
            parts.append(Span(pad(session.runtime, 9) + " ", "dim"))
        if middle:
            parts.append(Span(pad(running(usage.running_ms), 8, right=True), "dim"))
        if wide or (middle and not reported):
            parts.append(Span(pad(count(tokens), 8 if wide else 9, right=True), "dim"))
        unknown = "?" if cost.unknown_model else ""
        parts.append(
            Span(pad(unknown + _mills(cost.estimate), 8 if wide else 9, right=True), "warn" if unknown else "strong")
        )
        if reported:
            said = cents(cost.reported) if cost.reported is not None else "–"
            parts.append(Span(pad(said, 9 if wide else 10, right=True), "dim"))
        if wide:
            parts.append(Span(pad(_off(cost), 5, right=True) + "  ", "dim"))
            parts.append(Span(pad(_result(session), 14) + " "))
        verdict = view.verdicts.get(session.id, "–")
        if middle:
            parts += [Span("  "), Span(verdict, "warn" if verdict == "waits" else "dim")]
        rows.append(Row(f"session:{session.id}", (fit(tuple(parts), width),)))
    return rows


def _mills(amount: int) -> str:
    """``0.041``: three decimals, so that a column of them lines up."""
    whole, _, part = dollars(amount, places=3).partition(".")
    return f"{whole}.{part.ljust(3, '0')}"


def _off(cost: Cost) -> str:
    """How far the estimate was off when the report came, rounding to cents apart: ``+2%``."""
    if not cost.reported:
        return "–"
    off = round(beyond_rounding(cost.at_report, cost.reported) * 100 / cost.reported)
    return f"{off:+d}%" if off else "0%"


def _result(session: Session) -> str:
    if session.status is SessionStatus.FAILED:
        return (session.stop_reason or "failed").replace("_", " ")
    if session.status is SessionStatus.IDLE and session.stop_reason:
        return session.stop_reason.replace("_", " ")
    return session.status.value


@dataclass(frozen=True, slots=True)
class Measure:
    """What bars show: money, or sessions while nothing cost anything."""

    of: Callable[[LedgerLine], int]
    words: Callable[[int], str]


MONEY = Measure(lambda item: item.estimate, cents)
SESSIONS = Measure(lambda item: item.sessions, lambda number: f"{number} session{'' if number == 1 else 's'}")


def measure(lines: Iterable[LedgerLine]) -> Measure:
    """Money as soon as any was spent."""
    return MONEY if any(item.estimate for item in lines) else SESSIONS


def _sums(view: ShiftView, tz: tzinfo, width: int) -> Iterable[Row]:
    rows = []
    by = measure(item for way, _ in WAYS for item in view.by.get(way, ()))
    for way, title in WAYS:
        sums = sorted((item for item in view.by.get(way, ()) if item.sessions), key=lambda item: -by.of(item))[:6]
        if sums:
            rows.append(Row(f"sum:{way}", tuple(_sum_lines(title, sums, by, width)), stops=False))
    hours = view.by.get("hour", ())
    if any(by.of(hour) for hour in hours):
        first, last = (hour_text(hour.label, tz) for hour in (hours[0], hours[-1]))
        drawn = line(
            "   ",
            (pad("by hour", 13), "dim"),
            (f"{first}  ", "dim"),
            (spark([by.of(hour) for hour in hours]), "accent"),
            (f"  {last}" if len(hours) > 1 else "", "dim"),
        )
        rows.append(Row("sum:hour", (fit(drawn, width),), stops=False))
    return rows


def hour_text(label: str, tz: tzinfo) -> str:
    """The hour on the operator's clock: ``20:00``."""
    try:
        return f"{datetime.fromisoformat(label).astimezone(tz):%H:%M}"
    except ValueError:
        return label


def _sum_lines(title: str, sums: Sequence[LedgerLine], by: Measure, width: int) -> Iterable[Line]:
    top = max(by.of(item) for item in sums)
    if width >= 100:
        drawn = line("   ", (pad(title, 13), "dim"))
        for item in sums:
            drawn_bar, words = bar(by.of(item), top, 7), by.words(by.of(item))
            piece = line(_short(item.label), " ", (drawn_bar, "accent"), f" {words}   ")
            if width_of(drawn) + width_of(piece) > width:
                break
            drawn = (*drawn, *piece)
        yield drawn
        return
    for at, item in enumerate(sums[:3]):
        words = by.words(by.of(item))
        room = max(4, width - 3 - 13 - 19 - 2 - len(words))
        yield fit(
            line(
                "   ",
                (pad(title if at == 0 else "", 13), "dim"),
                pad(_short(item.label), 18),
                " ",
                (bar(by.of(item), top, min(20, room)), "accent"),
                f" {words}",
            ),
            width,
        )


def _short(label: str) -> str:
    return label.rpartition(":")[2] if ":" in label and not label[:2].isdigit() else label


def _verdicts(view: ShiftView, width: int) -> Iterable[Row]:
    judged = view.accepted + view.edited + view.rejected
    if not judged:
        return [
            Row("verdicts", (fit(line("   ", ("nothing was accepted or rejected yet", "dim")), width),), stops=False)
        ]
    useful = view.accepted + view.edited
    parts = [
        f"accepted as is {share(view.accepted, judged)}",
        f"edited {share(view.edited, judged)}",
        f"rejected {share(view.rejected, judged)}",
    ]
    each = view.per_accepted if view.per_accepted is not None else view.total.estimate // useful if useful else 0
    if useful and each:
        parts.append(f"≈ ${cents(each)} per accepted one")
    lines, current = [], ""
    for part in parts:
        if current and 3 + len(current) + 2 + len(part) > width:
            lines.append(line("   ", current))
            current = ""
        current = f"{current}  {part}" if current else part
    lines.append(line("   ", current))
    return [Row("verdicts", tuple(fit(drawn, width) for drawn in lines), stops=False)]


def week_rows(views: Sequence[ShiftView], tz: tzinfo, width: int) -> list[Row]:
    """One row a shift, the newest first, with a bar for what it cost."""
    by = measure(view.total for view in views)
    top = max((by.of(view.total) for view in views), default=0)
    rows = [Row("rule:top", (line(("─" * width, "rule")),), stops=False)]
    for back, view in enumerate(views):
        total = view.total
        text = line(
            "   ",
            (pad(span_text(view, tz), 27), "strong" if view.current else ""),
            pad(f"≈ {money(total.estimate)}", 10, right=True),
            (pad(f"{total.sessions}" if total.sessions else "–", 5, right=True), "" if total.sessions else "faint"),
            "  ",
            (bar(by.of(total), top, max(4, min(40, width - 50))), "accent"),
        )
        rows.append(Row(f"shift:{back}", (fit(text, width),)))
    return rows
