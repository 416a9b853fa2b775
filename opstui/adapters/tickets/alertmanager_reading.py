"""From Alertmanager's alert groups and silences to tickets.

A group has no id there and no memory: an alert that ended is in no answer any more. So the key is made of the group's
labels, and what this process saw of a group keeps its number in the timeline for as long as the process lives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from opstui.adapters.tickets.severities import WORDS, Severities
from opstui.adapters.tickets.wire import body, line, moment, moment_or_none, names, raw, record, records, stamp
from opstui.core.canonical import fingerprint
from opstui.core.frozen import dataclass
from opstui.core.ids import CROCKFORD
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

DEFAULTS = {**WORDS, "page": "1", "ticket": "3"}
"""``page`` and ``ticket`` are what Prometheus' own examples have as severity."""
ACTIVE = Status(SafeText("active"), StatusCategory.OPEN)
SILENCED = Status(SafeText("silenced"), StatusCategory.WAITING)
INHIBITED = Status(SafeText("inhibited"), StatusCategory.WAITING)
RESOLVED = Status(SafeText("resolved"), StatusCategory.RESOLVED)
FOR = "silence_for"
"""The field that says how long a silence is."""
ITSELF = SafeText("Alertmanager")
BODY_ALERTS = 50
"""Alerts that a ticket's body spells out."""
REMEMBERED = 2000
"""Groups whose entries keep their numbers."""

_MARKER = re.compile(rf"^[ \t]*\[opstui:([{CROCKFORD}]{{26}})\][ \t]*\r?$", re.MULTILINE)
_ENDED = re.compile(r"\A(.{1,120}) ended it(?:: |\Z)", re.DOTALL)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts with the same group labels; those of several receivers are one group."""

    labels: Labels
    alerts: tuple[Mapping[str, Any], ...]
    """By start, then fingerprint."""

    @property
    def key(self) -> str:
        """``HighLatency-5f3a90c2``."""
        word = re.sub(r"[^A-Za-z0-9_]+", "-", self.labels.get("alertname", "")).strip("-")[:40] or "alerts"
        return f"{word}-{_mark(dict(self.labels))[:8]}"

    def common(self) -> dict[str, str]:
        """Labels that all its alerts have alike."""
        there = [labels_of(alert) for alert in self.alerts]
        first = there[0] if there else {}
        return {name: value for name, value in first.items() if all(one.get(name) == value for one in there)}

    def silenced_by(self) -> set[str]:
        """Ids of the silences that hold any of its alerts."""
        found = [_state(alert).get("silencedBy") for alert in self.alerts]
        return {raw(one) for ids in found if isinstance(ids, list) for one in ids}


def labels_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Labels as text."""
    return {str(name): raw(value) for name, value in record(item.get("labels")).items()}


def groups_of(answer: Any) -> dict[str, Group]:
    """Key → group, out of ``GET /api/v2/alerts/groups``."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    labels: dict[str, Labels] = {}
    for given in records(answer):
        group = Group(labels_of(given), ())
        labels[group.key] = group.labels
        alerts = found.setdefault(group.key, {})
        for alert in records(given.get("alerts")):
            alerts[raw(alert.get("fingerprint")) or _mark(labels_of(alert))] = alert

    def place(alert: Mapping[str, Any]) -> tuple[datetime, str]:
        return _start(alert), raw(alert.get("fingerprint"))

    return {
        key: Group(labels[key], tuple(sorted(alerts.values(), key=place))) for key, alerts in found.items() if alerts
    }  # fmt: skip


def _start(alert: Mapping[str, Any]) -> datetime:
    return moment(alert.get("startsAt"), alert.get("updatedAt"))


def _state(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    return record(alert.get("status"))


# --- silences ---------------------------------------------------------------------------------------------------------


def is_active(silence: Mapping[str, Any]) -> bool:
    """Whether it holds alerts now."""
    return record(silence.get("status")).get("state") == "active"


def matchers_for(group: Group, all_labels: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Matchers for this group and no other: its labels, and the absence of those that only others are grouped by."""
    exact = dict(group.labels) or group.common()
    for name in all_labels:
        if name not in exact and not any(labels_of(alert).get(name) for alert in group.alerts):
            exact[name] = ""
    return [
        {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in sorted(exact.items())
    ]  # fmt: skip


def is_of(silence: Mapping[str, Any], group: Group) -> bool:
    """Whether a silence was made for exactly this group: all its labels, and nothing wider or narrower."""
    wanted = {name: value for name, value in (dict(group.labels) or group.common()).items() if value}
    given = records(silence.get("matchers"))
    if any(one.get("isRegex") is True or one.get("isEqual") is False for one in given):
        return False
    return {raw(one.get("name")): raw(one.get("value")) for one in given if raw(one.get("value"))} == wanted


def op_ids(silence: Mapping[str, Any]) -> list[str]:
    """Op ids in its comment."""
    return _MARKER.findall(raw(silence.get("comment")))


def length_of(silence: Mapping[str, Any]) -> str:
    """``2h``: how long it was to be. Alertmanager begins a silence when it arrives, so it is a little shorter."""
    start, end = moment_or_none(silence.get("startsAt")), moment_or_none(silence.get("endsAt"))
    if start is None or end is None or end <= start:
        return ""
    return spelled(-((start - end) // timedelta(minutes=1)))


def spelled(minutes: int) -> str:
    """Minutes as ``1d2h30m``."""
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


# --- tickets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry of the timeline without its number; ``name`` is what it is known by."""

    name: str
    at: datetime
    author: SafeText
    kind: EntryKind
    text: SafeText
    op_id: str | None = None


class Reader:
    """Reads groups, and remembers what it read for as long as the process lives."""

    def __init__(self, system: str, url: str, own: Mapping[str, str]) -> None:
        self._system = system
        self._url = url
        self._severities = Severities(own, DEFAULTS)
        self._parts: dict[str, dict[str, _Part]] = {}
        self._last: dict[str, Ticket] = {}

    def ticket(self, group: Group, silences: Sequence[Mapping[str, Any]]) -> Ticket:
        """The group as it is now."""
        key, common = group.key, group.common()
        held = group.silenced_by()
        began = _start(group.alerts[0])
        # One that ended before the first of these alerts began has nothing to do with them.
        ours = [
            one for one in silences
            if raw(one.get("id")) in held or (is_of(one, group) and moment(one.get("endsAt")) >= began)
        ]  # fmt: skip
        parts = [_alert_part(alert, group) for alert in group.alerts]
        for silence in ours:
            parts += _silence_parts(silence)
        timeline = self._numbered(key, parts)
        active = [one for one in ours if is_active(one) and is_of(one, group)]
        severity, priority = self._severity(group)
        told = [line(common.get(name)) for name in ("team", "owner") if common.get(name)]
        fields = {str(line(name)): body(value) for name, value in common.items() if name and value}
        if active:
            fields[FOR] = SafeText(length_of(active[0]))
        ticket = Ticket(
            ref=TicketRef(self._system, key),
            title=_title(group),
            body=_body(group),
            status=_status(group),
            severity=severity,
            priority=priority,
            team=told[0] if told else None,
            services=names(labels_of(alert).get(name) for alert in group.alerts for name in ("service", "job")),
            created_at=began,
            updated_at=max(_start(group.alerts[-1]), *(moment(one.get("updatedAt")) for one in ours), began),
            fields=fields,
            url=clean_line(f"{self._url}/#/alerts?filter={quote(_query(group))}"),
            timeline=timeline,
            version=_version(group, ours),
        )
        self._keep(key, ticket)
        return ticket

    def resolved(self, key: str, now: datetime) -> Ticket | None:
        """A group that is no longer there, as it was last seen; None where this process never saw it."""
        last = self._last.get(key)
        if last is None or last.status == RESOLVED:
            return last
        part = _Part(f"resolved {stamp(now)}", now, ITSELF, EntryKind.ALERT, SafeText("resolved"))
        timeline = self._numbered(key, [part])
        ticket = replace(
            last, status=RESOLVED, updated_at=now, timeline=timeline, version=f"{last.version} resolved {stamp(now)}"
        )
        self._keep(key, ticket)
        return ticket

    def _keep(self, key: str, ticket: Ticket) -> None:
        self._last.pop(key, None)
        self._last[key] = ticket
        while len(self._last) > REMEMBERED:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._parts.pop(oldest, None)

    def _numbered(self, key: str, parts: Iterable[_Part]) -> tuple[TimelineEntry, ...]:
        """What was seen before in its places, with what is new after it."""
        known = self._parts.setdefault(key, {})
        for part in sorted(parts, key=lambda one: (one.at, one.name)):
            known[part.name] = part
        return tuple(
            TimelineEntry(
                id=f"{key}#{number}", at=part.at, author=part.author, kind=part.kind, visibility=Visibility.INTERNAL,
                text=part.text, op_id=part.op_id,
            )
            for number, part in enumerate(known.values(), 1)
        )  # fmt: skip

    def _severity(self, group: Group) -> tuple[str | None, SafeText | None]:
        """The worst of its alerts, and that one's word."""
        words = [word for alert in group.alerts if (word := labels_of(alert).get("severity"))]
        known = sorted((severity, word) for word in words if (severity := self._severities.of(word)))
        if known:
            return known[0][0], line(known[0][1])
        return None, line(words[0]) if words else None


def _status(group: Group) -> Status:
    states = [_state(alert) for alert in group.alerts]
    if any(one.get("state") != "suppressed" for one in states):
        return ACTIVE
    return SILENCED if any(one.get("silencedBy") for one in states) else INHIBITED


def _title(group: Group) -> SafeText:
    common = group.common()
    name = group.labels.get("alertname") or common.get("alertname") or "alerts"
    where = next(
        (common[label] for label in ("service", "job", "instance", "cluster", "namespace") if common.get(label)), ""
    )
    others = [value for label, value in group.labels.items() if label != "alertname" and value and value != where]
    count = f"({len(group.alerts)} alerts)" if len(group.alerts) > 1 else ""
    return clean_line(" ".join(word for word in (name, where, *others, count) if word))


def _pairs(labels: Labels, without: Labels) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()) if without.get(name) != value)


def _annotations(alert: Mapping[str, Any]) -> list[str]:
    given = record(alert.get("annotations"))
    return [f"{name}: {raw(value)}" for name, value in sorted(given.items()) if raw(value)]


def _body(group: Group) -> SafeText:
    common = group.common()
    lines = [_pairs(common, {}), ""]
    for alert in group.alerts[:BODY_ALERTS]:
        state = _state(alert)
        how = "silenced" if state.get("silencedBy") else "inhibited" if state.get("inhibitedBy") else "active"
        lines.append(f"{_pairs(labels_of(alert), common) or 'alert'} ({how} since {stamp(_start(alert))})")
        lines += [f"  {one}" for one in _annotations(alert)]
        if source := raw(alert.get("generatorURL")):
            lines.append(f"  source: {source}")
    if len(group.alerts) > BODY_ALERTS:
        lines.append(f"… and {len(group.alerts) - BODY_ALERTS} more alerts")
    return clean("\n".join(lines))


def _query(group: Group) -> str:
    quoted = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(group.labels.items()))
    return "{" + quoted + "}"


def _quoted(value: str) -> str:
    inner = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'


def _version(group: Group, silences: Sequence[Mapping[str, Any]]) -> str:
    """Of what is told: not of ``updatedAt`` and ``endsAt``, which each evaluation of Prometheus moves on."""
    there: list[Any] = [
        [raw(one.get("fingerprint")), stamp(_start(one)), dict(_state(one)), dict(record(one.get("annotations")))]
        for one in group.alerts
    ]
    there += [[raw(one.get("id")), raw(one.get("updatedAt")), is_active(one)] for one in silences]
    return _mark(there)[:16]


def _mark(value: Any) -> str:
    """A hash of JSON, which may hold half a character: it is written in ASCII."""
    return fingerprint(json.dumps(value, sort_keys=True).encode())


# --- entries ----------------------------------------------------------------------------------------------------------


def _alert_part(alert: Mapping[str, Any], group: Group) -> _Part:
    labels = _pairs(labels_of(alert), group.labels) or _pairs(group.labels, {})
    name = f"alert {raw(alert.get('fingerprint'))} {stamp(_start(alert))}"
    text = clean("\n".join((f"firing: {labels}", *_annotations(alert))))
    return _Part(name, _start(alert), ITSELF, EntryKind.ALERT, text)


def _silence_parts(silence: Mapping[str, Any]) -> list[_Part]:
    """That it began, what was said, and that it ended. A comment with several markers was written at several times."""
    number, author = raw(silence.get("id")), line(silence.get("createdBy"))
    began, until = moment(silence.get("startsAt")), moment(silence.get("endsAt"))
    ended = record(silence.get("status")).get("state") == "expired"
    said = _said(raw(silence.get("comment")))
    first = said[0][1] if said else None
    what = " ".join(
        f"{raw(one.get('name'))}{'' if one.get('isEqual') is not False else '!'}"
        f"{'~' if one.get('isRegex') is True else '='}{raw(one.get('value'))}"
        for one in records(silence.get("matchers"))
    )
    parts = [_Part(f"silence {number} 0", began, author, EntryKind.STATUS, clean(f"silenced: {what}"), first)]
    for index, (text, op_id) in enumerate(said, 1):
        by = _ENDED.match(text) if index > 1 else None
        at = began if index == 1 else moment(silence.get("updatedAt"))
        who = clean_line(by.group(1)) if by else author
        words = text[by.end() :] if by else text
        kind = EntryKind.COMMENT if words else EntryKind.STATUS
        parts.append(_Part(f"silence {number} {index}", at, who, kind, clean(words or "silence ended"), op_id))
    if ended:
        parts.append(_Part(f"silence {number} end", until, ITSELF, EntryKind.SYSTEM, SafeText("no longer silenced")))
    return parts


def _said(comment: str) -> list[tuple[str, str | None]]:
    """The texts of a silence's comment, each with the op id that stands below it."""
    found: list[tuple[str, str | None]] = []
    start = 0
    for match in _MARKER.finditer(comment):
        found.append((comment[start : match.start()].strip("\r\n"), match.group(1)))
        start = match.end()
    rest = comment[start:].strip("\r\n")
    return [*found, (rest, None)] if rest else found
