"""What can be configured: one frozen dataclass a table, a sentence under each key.

The sentences are read back by ``example.py`` and ``schema.py``: the example file and the schema say what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NewType

from opstui.core.frozen import dataclass
from opstui.core.secrets import SecretRef as SecretRef

Url = NewType("Url", str)
"""``https://…``, or ``http://`` to a loopback address; never with a password in it."""
ProxyUrl = NewType("ProxyUrl", str)
"""``http://`` or ``https://``, to any host."""
StoreUrl = NewType("StoreUrl", str)
"""``sqlite``, or ``postgresql://…`` without a password."""
Budget = NewType("Budget", int)
"""Micro-dollars; whole cents, written as a string like ``"0.50"``."""
Rate = NewType("Rate", Decimal)
"""Dollars, written as a string like ``"2.50"``."""
Zone = NewType("Zone", str)
"""An IANA time zone."""

MANAGED_URL = Url("https://api.anthropic.com")
"""Where managed agents live unless the config says otherwise."""

KnowledgeKind = Literal["folder", "mediawiki", "confluence"]
RuntimeKind = Literal["extractive", "managed-agents", "messages"]
AfterShift = Literal["archive", "delete", "keep"]
Severity = Literal["1", "2", "3", "4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Who sits here."""

    name: str = ""
    """Your name in drafts, sessions and the audit log. Default: the login name."""
    team: str | None = None
    """Your team, as escalation packages name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSettings:
    """A ticket system. The table's name is the prefix of its tickets: ``rt:12``. ``local`` is always there."""

    kind: str
    """rt, redmine, pagerduty, jira, servicenow, github, zendesk, alertmanager, local, or one that a package brings."""
    url: Url | None = None
    """Its address: https, or http to this machine."""
    user: str | None = None
    """Whose token it is, where that must be said: PagerDuty, Jira, Zendesk (an e-mail address), ServiceNow."""
    token: SecretRef | None = None
    """A reference to the secret: { env = … }, { keyring = … }, { cmd = [ … ] } or { file = … }."""
    op_field: str | None = None
    """The field that keeps the id of an update: a custom field of RT or Redmine, a column of ServiceNow."""
    poll_seconds: int = field(default=15, metadata={"least": 1, "most": 3600})
    """How old a queue may be before it is asked for again."""
    severity: Mapping[str, Severity] = field(default_factory=dict)
    """The system's own word → "1" (worst) to "4"."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What only this kind of system knows; the README's table of connectors names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A queue. Without any, each system has one queue of everything open."""

    name: str
    """As the screen and the command line call it."""
    system: str
    """The name of a ticket system above, or local."""
    query: str = ""
    """In the system's own language; for local opstui's filters. Empty: everything open; for local, everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """A filter of opstui's own, which works on every system."""

    name: str
    """As the screen calls it."""
    filter: str = ""
    """For example: severity<=2 assignee:me -status:closed"""
    queue: str | None = None
    """The queue it looks at. Default: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSettings:
    """An approved source of runbooks. The table's name is the first part of its pages' ids."""

    kind: KnowledgeKind = "folder"
    """folder, mediawiki or confluence."""
    path: Path | None = None
    """A folder with *.md files."""
    url: Url | None = None
    """Where the wiki is: the folder of MediaWiki's api.php, or Confluence with its /wiki."""
    user: str | None = None
    """Whose token it is: a bot password's name (MediaWiki, alex@opstui), an e-mail address (Confluence Cloud)."""
    token: SecretRef | None = None
    """A reference to the secret, as for a ticket system's. MediaWiki: the bot password, or an OAuth token; may lack."""
    space: str | None = None
    """The key of the Confluence space."""
    namespaces: tuple[str, ...] = ()
    """MediaWiki: only pages of these, by name or number. Default: those that the wiki calls content."""
    categories: tuple[str, ...] = ()
    """MediaWiki: only pages of these. Default: all."""
    owner: str | None = None
    """Who answers for its pages, where a page does not say it itself."""
    review_by: date | None = None
    """When the approval has to be looked at again; doctor says when that is past."""
    poll_seconds: int | None = field(default=None, metadata={"least": 30, "most": 86400})
    """How long an answer of a wiki is good for. Default: 300."""
    writable: bool | None = None
    """Whether a page that you accept is written into the folder, or to a branch of its repository. Default: true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSearchSettings:
    """How runbooks are found."""

    semantic: bool = False
    """By what they mean, too; needs pip install 'opstui[semantic]'. Default: by their words only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomySettings:
    """The values that triage may use: services, teams, categories, severities and request types."""

    path: Path | None = None
    """The file that holds them. Default: taxonomy.toml beside this file; taxonomy.example.toml shows what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """What a model costs, in dollars per million tokens, where the bundled rate card is not yours."""

    input: Rate | None = None
    """Per million input tokens."""
    output: Rate | None = None
    """Per million output tokens."""
    cache_write: Rate | None = None
    """Per million tokens written to the cache, for five minutes."""
    cache_write_long: Rate | None = None
    """Per million tokens written to the cache for an hour. Default: twice the input's."""
    cache_read: Rate | None = None
    """Per million tokens read from the cache."""
    hour: Rate | None = None
    """Per hour of running."""
    search: Rate | None = None
    """Per search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What executes sessions. ``offline``, the extractive one, is always there."""

    kind: RuntimeKind
    """extractive, managed-agents or messages."""
    api_key: SecretRef | None = None
    """A reference to the secret, as for a ticket system's token. Default: what the SDK finds: ANTHROPIC_API_KEY, …"""
    base_url: Url | None = None
    """Where its API is. Default for managed-agents: https://api.anthropic.com"""
    model: str | None = None
    """The model's name over there."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """low, medium, high, xhigh or max, where the model knows them."""
    parallel: int = field(default=4, metadata={"least": 1, "most": 64})
    """How many sessions run at once."""
    after_shift: AfterShift = "archive"
    """archive, delete or keep: what becomes of its sessions over there when their shift is over; the log stays here."""
    rates: RateSettings | None = None
    """Its own rates: dollars per million tokens, and per hour of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """How a workflow runs here."""

    runtime: str = "offline"
    """The name of a runtime above."""
    fallback: str | None = None
    """The runtime that is offered when that one can't. Default: offline."""
    budget: Budget | None = None
    """Dollars per session, whole cents. Default: the workflow's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSettings:
    """When shifts start, and what they may cost."""

    timezone: Zone = Zone("")
    """An IANA name. Default: this machine's."""
    starts: tuple[time, ...] = (time(8), time(20))
    """When a shift begins, in that zone."""
    budget: Budget | None = None
    """Dollars per shift; warned of at 80 %, a stop at 100 %. Default: none."""
    ceiling: Budget | None = None
    """As far as one key and a reason can raise it. Default: the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How to reach the world. Nothing of it is taken from the environment."""

    proxy: ProxyUrl | None = None
    """An HTTP proxy."""
    ca_file: Path | None = None
    """A PEM file with the certificates to trust, instead of the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where drafts, sessions, ledger and audit are kept."""

    url: StoreUrl = StoreUrl("sqlite")
    """sqlite, or postgresql://… for a team."""
    password: SecretRef | None = None
    """A reference to the database's password."""
    keep_days: int = field(default=90, metadata={"least": 1, "most": 36500})
    """Session events and cached tickets older than this are dropped; ledger and audit never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UiSettings:
    """How it looks."""

    theme: str = "opstui-dark"
    """opstui themes list names them."""
    mouse: Literal["auto", "on", "off"] = "auto"
    """auto, on or off; auto is off over ssh and in tmux."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Binding → keys, comma-separated; opstui keys names the bindings."""


def _embedded() -> Mapping[str, TicketSettings]:
    return MappingProxyType({"local": TicketSettings(kind="local")})


def _offline() -> Mapping[str, RuntimeSettings]:
    return MappingProxyType({"offline": RuntimeSettings(kind="extractive")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be configured."""

    operator: OperatorSettings = field(default_factory=OperatorSettings)
    tickets: Mapping[str, TicketSettings] = field(default_factory=_embedded)
    queues: tuple[QueueSettings, ...] = ()
    views: tuple[ViewSettings, ...] = ()
    knowledge: Mapping[str, KnowledgeSettings] = field(default_factory=dict)
    knowledge_search: KnowledgeSearchSettings = field(default_factory=KnowledgeSearchSettings)
    runtimes: Mapping[str, RuntimeSettings] = field(default_factory=_offline)
    workflows: Mapping[str, WorkflowSettings] = field(default_factory=dict)
    taxonomy: TaxonomySettings = field(default_factory=TaxonomySettings)
    shift: ShiftSettings = field(default_factory=ShiftSettings)
    rates: Mapping[str, RateSettings] = field(default_factory=dict)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    ui: UiSettings = field(default_factory=UiSettings)
