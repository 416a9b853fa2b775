"""ServiceNow's lists: records page by page, the choices of a column, and what people and groups are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from opstui.adapters.http import Answer, HttpClient
from opstui.adapters.tickets.refusals import called
from opstui.adapters.tickets.servicenow_query import equals
from opstui.adapters.tickets.servicenow_reading import PRIORITIES, STATES, Row
from opstui.adapters.tickets.wire import list_of, raw
from opstui.core.errors import CredentialsRefused, NotFound, Refused
from opstui.core.text import clean_line

TABLES = "/api/now/table"
FILES = "/api/now/attachment"
PAGE = 100
PAGES = 100
"""Of one list; a longer one is refused, since an update could not be found in a part of it."""
ALL = {"sysparm_display_value": "all", "sysparm_exclude_reference_link": "true"}
"""Values as the database has them and as people see them."""

Record = Mapping[str, Any]


class Lists:
    """Reads lists, and remembers what does not change."""

    def __init__(self, name: str, http: HttpClient) -> None:
        self._name = name
        self._http = http
        self._people: dict[str, str] = {}
        self._choices: dict[str, list[Record]] = {}

    # --- pages

    async def page(
        self, path: str, query: str, start: int = 0, params: Mapping[str, str] = ALL, *, limit: int = PAGE
    ) -> tuple[list[Record], bool, int | None]:
        """Records from number ``start`` on, whether there are more, and how many there are if that is told."""
        asked = {"sysparm_query": query, "sysparm_limit": str(limit), "sysparm_offset": str(start), **params}
        answer = await self._http.request("GET", path, params=asked)
        found = list_of(self._name, answer.json(), "result")
        total = _total(answer)
        # Records that the account may not see are left out of a page, so a short one need not be the last. The address
        # of the next one is not needed.
        more = start + limit < total if total is not None else 'rel="next"' in answer.headers.get("link", "")
        return found, more or (total is None and len(found) >= limit), total

    async def whole(self, path: str, query: str, **params: str) -> list[Record]:
        """Every record of a list. Raises Refused where it does not end."""
        found: dict[str, Record] = {}
        for number in range(PAGES):
            some, more, _ = await self.page(path, query, number * PAGE, params)
            found |= {raw(one.get("sys_id")) or f"{number}/{at}": one for at, one in enumerate(some)}
            if not more:
                return list(found.values())
        raise Refused(f"{self._name}: a list of this ticket does not end. What was cached stays")

    async def perhaps(self, path: str, query: str, **params: str) -> list[Record] | None:
        """Records that the account may not be allowed to read: None then."""
        try:
            return await self.whole(path, query, **params)
        except CredentialsRefused:
            raise
        except (Refused, NotFound):
            return None

    # --- people and groups

    def called(self, user: str) -> str:
        """The name of a user; the user name where that could not be read."""
        return self._people.get(user, user)

    async def call(self, users: Iterable[Any]) -> None:
        """Find out what these user names are called: once, and only if we may."""
        new = [user for user in dict.fromkeys(map(raw, users)) if user and user not in self._people]
        new = [user for user in new if not re.search(r"[\^,\n]|javascript:", user, re.IGNORECASE)]
        for start in range(0, len(new), PAGE):
            some = new[start : start + PAGE]
            query = f"user_nameIN{','.join(some)}"
            found = await self.perhaps(f"{TABLES}/sys_user", query, sysparm_fields="user_name,name")
            told = {raw(one.get("user_name")): raw(one.get("name")) for one in found or ()}
            self._people |= {user: told.get(user) or user for user in some}

    async def ids(self, table: str, names: Any, *others: str) -> dict[str, str]:
        """Ids of the active records that are called so.

        Raises Refused, for what stands in one of the ``others`` columns with the name that tickets show.
        """
        wanted = [str(one) for one in names] if isinstance(names, list | tuple) else [str(names)] if names else []
        found = {}
        for name in wanted:
            there: list[Record] = []
            for column in ("name", *others):
                query = f"{equals(self._name, column, name)}^active=true"
                fields = ",".join(("sys_id", "name", *others))
                some = await self.whole(f"{TABLES}/{table}", query, sysparm_fields=fields)
                # An instance that does not take the condition for one would answer with anybody.
                there = [one for one in some if raw(one.get(column)).casefold() == name.casefold()]
                if there:
                    break
            people = [{"name": one.get("name"), "email": name, "id": one.get("sys_id")} for one in there]
            found[name] = raw(called(self._name, "user" if others else "group", name, people)["id"])
        return found

    # --- choices

    async def states(self, row: Row) -> dict[str, str]:
        """States by value, in their order; as delivered where we may not read the list of choices."""
        return await self.labels("state", row) or {value: label for value, (_, label) in STATES.items()}

    async def labels(self, column: str, row: Row) -> dict[str, str]:
        """Value → label of a column's choices, in the language of the account, which is that of what ``row`` shows."""
        if column not in self._choices:
            query = f"nameINincident,task^element={column}^inactive=false^ORDERBYsequence"
            columns = "sys_id,name,value,label,language"
            found = await self.perhaps(f"{TABLES}/sys_choice", query, sysparm_fields=columns) or []
            # The table's own choices stand in place of those of the table that it extends.
            self._choices[column] = [one for one in found if one.get("name") == "incident"] or found
        languages: dict[str, dict[str, str]] = {}
        for one in self._choices[column]:
            labels = languages.setdefault(raw(one.get("language")), {})
            labels[raw(one.get("value"))] = str(clean_line(raw(one.get("label"))))
        fitting = [one for one in languages.values() if one.get(row.value(column)) == row.line(column)]
        plain = languages.get("en") or next(iter(languages.values()), {})
        return (fitting or [plain])[0] or (dict(PRIORITIES) if column == "priority" else {})


def _total(answer: Answer) -> int | None:
    text = answer.headers.get("x-total-count", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
