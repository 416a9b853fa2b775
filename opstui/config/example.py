"""``config.example.toml``: every table and key, with its sentence, commented out.

What stands behind the ``#`` is a config that loads; a test takes the marks away and loads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import time
from typing import Any

from opstui.config.docs import field_docs, table_doc
from opstui.config.settings import Settings
from opstui.config.values import hints, of_mapping, unwrap
from opstui.core.frozen import dataclass

HEAD = """\
# opstui reads this file from the place that `opstui config path` prints, never from the current folder.
# Everything here is commented out: without a config there is the embedded ticket system, called local.
# Secrets never stand here, only where they are found. `opstui config check` says whether a file is sound.
# Take the # away where there is no blank after it.
#
# This version has the ticket system local and keeps everything in SQLite files; it does not start on a config that asks
# for another. Runtimes are all there: managed-agents, messages, and offline, which needs no key and no network.
# `opstui config secret set runtimes.managed.api_key` reads a key from the terminal into the keyring.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One table of the example: its header, and values for its keys as TOML."""

    header: str
    values: Mapping[str, str]


SAMPLES: Mapping[str, tuple[Sample, ...]] = {
    "operator": (Sample("[operator]", {"name": '"alex"', "team": '"net-core"'}),),
    "tickets": (
        Sample("[tickets.rt]", {
            "kind": '"rt"', "url": '"https://rt.example.com"', "user": '"alex@example.com"',
            "token": '{ env = "RT_TOKEN" }', "op_field": '"PushKey"', "severity": '{ "Production down" = "1" }',
        }),
    ),
    "queues": (
        Sample("[[queues]]", {
            "name": '"Incidents"', "system": '"rt"',
            "query": "\"Queue = 'Incidents' AND Status = '__Active__'\"",
        }),
    ),
    "views": (
        Sample("[[views]]", {
            "name": '"Mine, sev 1-2"', "filter": '"severity<=2 assignee:me -status:closed"', "queue": '"Incidents"',
        }),
    ),
    "knowledge": (Sample("[knowledge.runbooks]", {"path": '"~/runbooks"'}),),
    "runtimes": (
        Sample("[runtimes.managed]", {
            "kind": '"managed-agents"', "api_key": '{ keyring = "opstui/anthropic" }',
            "base_url": '"https://api.anthropic.com"', "model": '"claude-sonnet-5-5"', "effort": '"medium"',
        }),
        Sample("[runtimes.desk]", {
            "kind": '"messages"', "base_url": '"http://127.0.0.1:11434"', "model": '"qwen3:32b"',
            "rates": '{ input = "0", output = "0", hour = "0.35" }',
        }),
        Sample("[runtimes.offline]", {"kind": '"extractive"'}),
    ),
    "workflows": (
        Sample("[workflows.incident-summary]", {"runtime": '"managed"', "fallback": '"offline"', "budget": '"0.50"'}),
    ),
    "shift": (
        Sample("[shift]", {"timezone": '"Europe/Berlin"', "budget": '"25.00"', "ceiling": '"40.00"'}),
    ),
    "rates": (
        Sample('[rates."claude-sonnet-5-5"]', {
            "input": '"2"', "output": '"10"', "cache_write": '"2.50"', "cache_write_long": '"4"',
            "cache_read": '"0.20"', "hour": '"0.08"', "search": '"0.01"',
        }),
    ),
    "network": (
        Sample("[network]", {"proxy": '"http://proxy.example.com:3128"', "ca_file": '"/etc/ssl/company.pem"'}),
    ),
    "store": (Sample("[store]", {"password": '{ env = "OPSTUI_DB_PASSWORD" }'}),),
    "ui": (Sample("[ui]", {"keys": '{ "session.interrupt" = "i" }'}),),
}  # fmt: skip


def example_text() -> str:
    """The whole file."""
    parts = [HEAD]
    for name, kind in hints(Settings).items():
        table = _table_kind(kind)
        for at, sample in enumerate(SAMPLES[name]):
            parts.append(_table(table, sample, described=at == 0))
    parts.append(
        "# Another set of values, laid over the rest by `opstui --profile night`.\n"
        "#[profiles.night.ui]\n"
        '#theme = "opstui-high-contrast"\n'
    )
    return "\n".join(parts)


def _table_kind(kind: Any) -> type:
    inner = of_mapping(kind) or unwrap(kind)
    arguments = getattr(inner, "__args__", ())
    found = arguments[0] if arguments else inner
    assert isinstance(found, type)
    return found


def _table(kind: type, sample: Sample, *, described: bool) -> str:
    """The table's lines. The first of its kind shows every key, the others those that they differ in."""
    lines = [f"# {_plain(table_doc(kind))}"] if described else []
    lines.append(f"#{sample.header}")
    docs = field_docs(kind)
    for item in fields(kind):
        value = sample.values.get(item.name, _default(item) if described else None)
        if value is None:
            continue
        sentence = _plain(docs.get(item.name, "")) if described else ""
        line = f"#{item.name} = {value}"
        if sentence and len(line) + len(sentence) < 110:
            line += f"  # {sentence}"
        elif sentence:
            lines.append(f"# {sentence}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A docstring as one line of a comment."""
    return " ".join(text.replace("``", "").split())


def _default(item: Field[Any]) -> str | None:
    value = item.default if item.default is not MISSING else None
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{part:%H:%M}"' for part in value if isinstance(part, time)) + "]"
    return str(value)
