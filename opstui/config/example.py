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
# This version keeps everything in SQLite files; it does not start on a config whose store is another.
# `opstui config secret set tickets.rt.token` reads a secret from the terminal into the keyring. What each kind of
# ticket system needs, and what a query means to it, stands in the README; `opstui doctor` asks all of them.
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
            "kind": '"rt"', "url": '"https://rt.example.com"',
            "token": '{ env = "RT_TOKEN" }', "op_field": '"PushKey"', "severity": '{ "Production down" = "1" }',
        }),
        Sample("[tickets.rm]", {
            "kind": '"redmine"', "url": '"https://redmine.example.com"', "token": '{ keyring = "opstui/redmine" }',
            "op_field": '"Push key"',
        }),
        Sample("[tickets.pd]", {
            "kind": '"pagerduty"', "user": '"alex@example.com"',
            "token": '{ cmd = ["op", "read", "op://ops/pd/token"] }',
        }),
        Sample("[tickets.jira]", {
            "kind": '"jira"', "url": '"https://example.atlassian.net"', "user": '"alex@example.com"',
            "token": '{ keyring = "opstui/jira" }',
        }),
        Sample("[tickets.sn]", {
            "kind": '"servicenow"', "url": '"https://example.service-now.com"', "user": '"alex"',
            "token": '{ keyring = "opstui/servicenow" }', "op_field": '"correlation_id"',
        }),
        Sample("[tickets.gh]", {"kind": '"github"', "token": '{ env = "GITHUB_TOKEN" }'}),
        Sample("[tickets.zd]", {
            "kind": '"zendesk"', "url": '"https://example.zendesk.com"', "user": '"alex@example.com"',
            "token": '{ file = "~/.secrets/zendesk" }',
        }),
        Sample("[tickets.am]", {"kind": '"alertmanager"', "url": '"http://127.0.0.1:9093"'}),
    ),
    "queues": (
        Sample("[[queues]]", {
            "name": '"Incidents"', "system": '"rt"',
            "query": "\"Queue = 'Incidents' AND Status = '__Active__'\"",
        }),
        Sample("[[queues]]", {
            "name": '"Paging"', "system": '"pd"', "query": '"statuses[]=triggered&statuses[]=acknowledged"',
        }),
        Sample("[[queues]]", {
            "name": '"Ops issues"', "system": '"gh"', "query": '"repo:acme/ops is:issue is:open"',
        }),
    ),
    "views": (
        Sample("[[views]]", {
            "name": '"Mine, sev 1-2"', "filter": '"severity<=2 assignee:me -status:closed"', "queue": '"Incidents"',
        }),
    ),
    "knowledge": (
        Sample("[knowledge.runbooks]", {
            "path": '"~/runbooks"', "owner": '"platform"', "review_by": '"2027-06-30"', "writable": "true",
        }),
        Sample("[knowledge.wiki]", {
            "kind": '"mediawiki"', "url": '"https://wiki.example.com/w"', "user": '"alex@opstui"',
            "token": '{ keyring = "opstui/wiki" }', "namespaces": '["Main", "Help"]', "categories": '["Runbooks"]',
            "poll_seconds": "300",
        }),
        Sample("[knowledge.space]", {
            "kind": '"confluence"', "url": '"https://example.atlassian.net/wiki"', "user": '"alex@example.com"',
            "token": '{ keyring = "opstui/confluence" }', "space": '"OPS"',
        }),
    ),
    "knowledge_search": (Sample("[knowledge_search]", {"semantic": "true"}),),
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
    "taxonomy": (Sample("[taxonomy]", {"path": '"~/ops/taxonomy.toml"'}),),
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
        told: set[str] = set()
        for sample in SAMPLES[name]:
            parts.append(_table(table, sample, told))
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


def _table(kind: type, sample: Sample, told: set[str]) -> str:
    """The table's lines. The first of its kind shows every default, the others only what they differ in; a key's
    sentence stands where it is first shown (``told``: those that were)."""
    first = not told
    lines = [f"# {_plain(table_doc(kind))}"] if first else []
    lines.append(f"#{sample.header}")
    docs = field_docs(kind)
    for item in fields(kind):
        value = sample.values.get(item.name, _default(item) if first else None)
        if value is None:
            continue
        sentence = _plain(docs.get(item.name, "")) if item.name not in told else ""
        told.add(item.name)
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
    if isinstance(value, bool) or value is None or value in ("", ()):
        return None
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{part:%H:%M}"' for part in value if isinstance(part, time)) + "]"
    return str(value)
