"""What a Redmine calls its statuses, priorities, people and custom fields: ids on the wire, names for people.

Asked for when first needed, and again after an hour. What the account may not see stays a number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.tickets.wire import line, list_of, raw, record, records
from opstui.core.errors import CredentialsRefused, NotFound, Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.text import SafeText

LIFETIME = timedelta(hours=1)
MEMBER_PAGES = 20
"""Of 100 memberships each; whoever comes after them can't be assigned by name."""

Get = Callable[..., Awaitable[Any]]
"""Path and parameters → the JSON that answers."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of issues, as far as the account may know it."""

    id: str
    name: SafeText
    multiple: bool = False
    choices: tuple[str, ...] = ()
    """Only administrators are told them (``GET /custom_fields.json``, 403 for others on 5.0.4)."""
    labels: Mapping[str, SafeText] = field(default_factory=dict)
    """Value → what people see, for fields whose values are ids."""


class Names:
    """The lists of one Redmine."""

    def __init__(self, name: str, get: Get, clock: Clock) -> None:
        self._name = name
        self._get = get
        self._clock = clock
        self._loaded_at: datetime | None = None
        self._me: Mapping[str, Any] = {}
        self._statuses: dict[str, tuple[SafeText, bool]] = {}
        self._first: frozenset[str] = frozenset()
        self._priorities: dict[str, SafeText] = {}
        self._trackers: dict[str, SafeText] = {}
        self._fields: dict[str, CustomField] = {}
        self._people: dict[str, SafeText] = {}
        self._others: dict[tuple[str, str], SafeText] = {}
        self._roles: dict[str, frozenset[str]] = {}
        self._members: dict[str, tuple[datetime, dict[str, SafeText]]] = {}

    # --- asking

    async def load(self) -> None:
        """Make sure that the lists are there. Raises CredentialsRefused, Refused, Unreachable."""
        import asyncio

        now = self._clock.now()
        if self._loaded_at is not None and timedelta() <= now - self._loaded_at < LIFETIME:
            return
        self._me = await self._whoami()
        statuses, priorities, trackers, fields = await asyncio.gather(
            self._list("issue_statuses.json", "issue_statuses"),
            self._list("enumerations/issue_priorities.json", "issue_priorities"),
            self._list("trackers.json", "trackers"),
            self._list("custom_fields.json", "custom_fields"),
        )
        self._statuses = {raw(one.get("id")): (line(one.get("name")), bool(one.get("is_closed"))) for one in statuses}
        self._first = frozenset(raw(record(one.get("default_status")).get("id")) for one in trackers)
        self._priorities = {raw(one.get("id")): line(one.get("name")) for one in priorities}
        self._trackers = {raw(one.get("id")): line(one.get("name")) for one in trackers}
        for one in fields:
            self._keep_field(one)
        self._loaded_at = now
        self._roles.clear()
        await self._see_own_name()

    async def _whoami(self) -> Mapping[str, Any]:
        try:
            answer = await self._get("users/current.json", {"include": "memberships"})
        except CredentialsRefused:
            raise
        except Refused as error:
            # 5.0.4 answers 403 without a word to any key while the REST API is off, 401 to a wrong one.
            raise Refused(
                f"{self._name}: does not let programs in: its REST API is switched off (Administration → Settings → "
                f"API), or the account is locked. What was cached stays",
                reason=error.reason,
            ) from None
        user = record(answer).get("user")
        if not isinstance(user, dict):
            raise Refused(f"{self._name}: the answer holds no user. What was cached stays; see its url in the config")
        return user

    async def _see_own_name(self) -> None:
        """Learn how the account is shown: the order of the names is a setting that no call tells."""
        mine = records(self._me.get("memberships"))
        if raw(self._me.get("id")) not in self._people and mine:
            await self.members(raw(record(mine[0].get("project")).get("id")))

    async def _list(self, path: str, member: str) -> list[Mapping[str, Any]]:
        """A list; an empty one where the account may not see it."""
        try:
            return list_of(self._name, await self._get(path, {}), member)
        except CredentialsRefused:
            raise
        except (Refused, NotFound):
            return []

    async def members(self, project: str, *, again: bool = False) -> dict[str, SafeText]:
        """Users and groups of a project, id → name, as far as the account may see them."""
        now = self._clock.now()
        kept = self._members.get(project)
        if kept is not None and not again and timedelta() <= now - kept[0] < LIFETIME:
            return kept[1]
        found: dict[str, SafeText] = {}
        for page in range(MEMBER_PAGES):
            try:
                answer = await self._get(
                    f"projects/{project}/memberships.json", {"limit": 100, "offset": 100 * page}
                )  # fmt: skip
            except CredentialsRefused:
                raise
            except (Refused, NotFound):
                break
            there = records(record(answer).get("memberships"))
            for one in there:
                who = record(one.get("user") or one.get("group"))
                found[raw(who.get("id"))] = line(who.get("name"))
            if len(there) < 100:
                break
        self._members[project] = (now, found)
        self._people.update(found)
        return found

    async def may(self, permission: str, project: str) -> bool | None:
        """Whether the account's roles in a project hold ``permission``; None where it can't be told."""
        if self._me.get("admin") is True:
            return True
        roles = [
            raw(role.get("id"))
            for one in records(self._me.get("memberships"))
            if raw(record(one.get("project")).get("id")) == project
            for role in records(one.get("roles"))
        ]
        known = [await self._permissions(role) for role in roles]
        if any(permission in role for role in known):
            return True
        return False if known and all(known) else None

    async def _permissions(self, role: str) -> frozenset[str]:
        if role not in self._roles:
            try:
                answer = record(record(await self._get(f"roles/{role}.json", {})).get("role"))
            except CredentialsRefused:
                raise
            except (Refused, NotFound):
                return frozenset()
            given = answer.get("permissions")
            self._roles[role] = frozenset(map(raw, given)) if isinstance(given, list) else frozenset()
        return self._roles[role]

    async def complete(self, journals: Any, project: str) -> None:
        """Ask for what journals name by id alone and nobody has told yet."""
        wanted = {
            (raw(detail.get("name")), raw(value))
            for journal in records(journals)
            for detail in records(journal.get("details"))
            if detail.get("property") == "attr"
            for value in (detail.get("old_value"), detail.get("new_value"))
            if raw(value)
        }
        if any(name == "assigned_to_id" and value not in self._people for name, value in wanted):
            await self.members(project)
        await self._lists_of(project, {pair for pair in wanted if pair not in self._others})

    async def _lists_of(self, project: str, wanted: set[tuple[str, str]]) -> None:
        missing = {name for name, _ in wanted}
        for name, path, member in (
            ("category_id", f"projects/{project}/issue_categories.json", "issue_categories"),
            ("fixed_version_id", f"projects/{project}/versions.json", "versions"),
        ):
            if name in missing:
                for one in await self._list(path, member):
                    self._others[name, raw(one.get("id"))] = line(one.get("name"))
        for pair in wanted:
            if pair[0] in ("category_id", "fixed_version_id"):
                # What was deleted is in no list; it is not asked for again.
                self._others.setdefault(pair, SafeText(f"#{line(pair[1])}"))

    # --- learning from issues

    def learn(self, issue: Mapping[str, Any]) -> None:
        """Take in the names that an issue and its journals hold."""
        for who in (issue.get("author"), issue.get("assigned_to")):
            self._see(who)
        for journal in records(issue.get("journals")):
            self._see(journal.get("user"))
        for name in ("category", "fixed_version", "project"):
            one = record(issue.get(name))
            if one:
                self._others[f"{name}_id", raw(one.get("id"))] = line(one.get("name"))
        for one in records(issue.get("custom_fields")):
            if raw(one.get("id")) not in self._fields:
                self._keep_field(one)

    def _see(self, who: Any) -> None:
        one = record(who)
        if raw(one.get("id")) and raw(one.get("name")):
            self._people[raw(one["id"])] = line(one["name"])

    def _keep_field(self, one: Mapping[str, Any]) -> None:
        possible = records(one.get("possible_values"))
        self._fields[raw(one.get("id"))] = CustomField(
            id=raw(one.get("id")),
            name=line(one.get("name")),
            multiple=bool(one.get("multiple")),
            choices=tuple(raw(value.get("value")) for value in possible),
            labels={
                raw(value.get("value")): line(value.get("label"))
                for value in possible
                if raw(value.get("label")) not in ("", raw(value.get("value")))
            },
        )

    # --- telling

    def me(self) -> SafeText:
        """The account as authors and assignees name it; empty before the first answer."""
        known = self._people.get(raw(self._me.get("id")))
        return known or line(f"{raw(self._me.get('firstname'))} {raw(self._me.get('lastname'))}".strip())

    def statuses(self) -> dict[str, SafeText]:
        """Id → name of every status there is."""
        return {number: name for number, (name, _) in self._statuses.items()}

    def priorities(self) -> dict[str, SafeText]:
        """Id → name, the least first, as Redmine orders them."""
        return dict(self._priorities)

    def people(self) -> dict[str, SafeText]:
        """Everybody seen so far, id → name."""
        return dict(self._people)

    def is_closed(self, status: str) -> bool:
        """Whether a status ends a ticket."""
        return self._statuses.get(status, ("", False))[1]

    def is_first(self, status: str) -> bool:
        """Whether tickets begin with this status."""
        return status in self._first

    def field(self, number: str) -> CustomField | None:
        """A custom field by id."""
        return self._fields.get(number)

    def field_named(self, name: str) -> CustomField | None:
        """A custom field by name, in any case."""
        return next((one for one in self._fields.values() if one.name.casefold() == name.casefold()), None)

    def of(self, attribute: str, value: str) -> SafeText:
        """What ``value`` of an attribute (``status_id``) is called; ``#7`` where nobody said."""
        if attribute == "status_id" and value in self._statuses:
            return self._statuses[value][0]
        known: Mapping[str, SafeText] = {
            "priority_id": self._priorities, "tracker_id": self._trackers, "assigned_to_id": self._people,
            "author_id": self._people,
        }.get(attribute, {})  # fmt: skip
        return known.get(value) or self._others.get((attribute, value)) or SafeText(f"#{line(value)}")
