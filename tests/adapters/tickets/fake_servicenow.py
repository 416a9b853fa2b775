"""A ServiceNow instance: incidents with journals, audit, choices and files, as its documentation describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route

USER = "ana.admin"
TABLE = "/api/now/table"
REFERENCES = {
    "assigned_to": "sys_user", "caller_id": "sys_user", "assignment_group": "sys_user_group", "cmdb_ci": "cmdb_ci",
    "business_service": "cmdb_ci", "u_reviewer": "sys_user",
}  # fmt: skip
COLUMNS = {
    "sys_id": "", "number": "", "short_description": "", "description": "", "state": "1", "active": "true",
    "priority": "5", "impact": "3", "urgency": "3", "severity": "3", "assigned_to": "", "assignment_group": "",
    "caller_id": "", "cmdb_ci": "", "business_service": "", "category": "inquiry", "subcategory": "",
    "contact_type": "", "hold_reason": "", "close_code": "", "close_notes": "", "correlation_id": "", "due_date": "",
    "sla_due": "", "sys_created_on": "",
    "sys_created_by": "", "sys_updated_on": "", "sys_updated_by": "", "sys_mod_count": "0", "work_notes": "",
    "comments": "", "comments_and_work_notes": "", "u_service": "", "u_reviewer": "", "u_started": "", "problem_id": "",
    "location": "",
}  # fmt: skip
TIMES = ("sys_created_on", "sys_updated_on", "due_date", "sla_due", "u_started")
CHOICES = {
    "state": {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
    "priority": {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "severity": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "u_service": {"dns": "Name service", "mail": "Mail"},
}
GERMAN = {"1": "Neu", "2": "In Bearbeitung", "3": "Angehalten", "6": "Gelöst", "7": "Geschlossen", "8": "Abgebrochen"}
JOURNALS = {"comments": "Additional comments", "work_notes": "Work notes"}


def sys_id(of: str) -> str:
    """32 letters that are always the same."""
    return sha256(of.encode()).hexdigest()[:32]


def user(user_name: str, name: str, *, active: str = "true") -> dict[str, str]:
    return {"sys_id": sys_id(user_name), "user_name": user_name, "name": name, "email": f"{user_name}@example.com",
            "active": active}  # fmt: skip


class FakeServiceNow(StandIn):
    """An instance with Ana (whose password it is), Bo, two people called Sam Lee, and the group dba."""

    specs = ("servicenow-table",)

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[dict[str, str]]] = {
            "incident": [],
            "sys_user": [user(USER, "Ana"), user("bo", "Bo"), user("sam1", "Sam Lee"), user("sam2", "Sam Lee"),
                         user("gone", "Zoe", active="false")],
            "sys_user_group": [{"sys_id": sys_id("dba"), "name": "dba", "active": "true"}],
            "cmdb_ci": [{"sys_id": sys_id("db-3"), "name": "db-3"}],
            "sys_journal_field": [],
            "sys_audit": [],
            "sys_choice": [
                {"sys_id": sys_id(f"{column} {value} en"), "name": "incident", "element": column, "value": value,
                 "label": label, "language": "en", "sequence": f"{number:03d}", "inactive": "false"}
                for column, choices in CHOICES.items() for number, (value, label) in enumerate(choices.items())
            ],
            "sys_attachment": [],
        }  # fmt: skip
        self.files: dict[str, bytes] = {}
        self.closed: set[str] = {"sys_audit"}
        """Tables that the account may not read."""
        self.hidden: set[str] = set()
        """Records that are left out of answers after the page was cut, as access rules do."""
        self.hours = -8.0
        """The account's zone…"""
        self.form = "%m/%d/%Y %I:%M:%S %p"
        """… and the form in which it sees times."""
        self.counts = True
        """Whether lists tell how many there are."""
        self.german = False
        self.matrix = True
        """Whether priority follows from impact and urgency, and can't be written."""

    # --- what tests do ------------------------------------------------------------------------------------------------

    def add_incident(self, short_description: str = "checkout is slow", **columns: str) -> str:
        """A new incident; its number."""
        with self.lock:
            number = f"INC{10_001 + len(self.tables['incident']):07d}"
            at = stamp(self.tick())
            self.tables["incident"].append(
                COLUMNS | {"sys_id": sys_id(number), "number": number, "short_description": short_description,
                           "description": "Since 09:00.", "caller_id": sys_id("bo"), "cmdb_ci": sys_id("db-3"),
                           "sys_created_on": at, "sys_updated_on": at, "sys_created_by": "bo", "sys_updated_by": "bo"}
                | columns
            )  # fmt: skip
            return number

    def comment(self, number: str, text: str, *, by: str = "bo", column: str = "comments") -> None:
        """Somebody writes into a journal."""
        self.change(number, {column: text}, by=by)

    def change(self, number: str, columns: Mapping[str, str], *, by: str = "bo") -> None:
        """Somebody sets columns, with values as the database has them."""
        with self.lock:
            record = next(one for one in self.tables["incident"] if one["number"] == number)
            at = stamp(self.tick())
            for column, value in columns.items():
                if column in JOURNALS:
                    self.tables["sys_journal_field"].append(
                        {"sys_id": sys_id(f"journal {len(self.tables['sys_journal_field'])}"), "element": column,
                         "element_id": record["sys_id"], "name": "incident", "value": value, "sys_created_on": at,
                         "sys_created_by": by}
                    )  # fmt: skip
                elif record[column] != value:
                    self.tables["sys_audit"].append(
                        {"sys_id": sys_id(f"audit {len(self.tables['sys_audit'])}"), "tablename": "incident",
                         "documentkey": record["sys_id"], "fieldname": column, "oldvalue": record[column],
                         "newvalue": value, "sys_created_on": at, "user": by}
                    )  # fmt: skip
                    record[column] = value
            if self.matrix:
                record["priority"] = str(int(record["impact"]) + int(record["urgency"]) - 1)
            record["active"] = "false" if record["state"] in ("7", "8") else "true"
            record["sys_mod_count"] = str(int(record["sys_mod_count"]) + 1)
            record |= {"sys_updated_on": at, "sys_updated_by": by}

    def add_choice(self, column: str, value: str, label: str, *, language: str = "en") -> None:
        """A choice that the instance added."""
        self.tables["sys_choice"].append(
            {"sys_id": sys_id(f"{column} {value} {language}"), "name": "incident", "element": column, "value": value,
             "label": label, "language": language, "sequence": "900", "inactive": "false"}
        )  # fmt: skip

    # --- reading ------------------------------------------------------------------------------------------------------

    @route("GET", TABLE + "/{table}")
    def read_table(self, request: Recorded, table: str) -> Reply:
        if table in self.closed:
            raise Answered(refusal("User Not Authorized", "Failed API level ACL Validation", 403))
        shown = request.param("sysparm_display_value", "false")
        asked = request.param("sysparm_fields").split(",") if request.param("sysparm_fields") else None
        known = COLUMNS if table == "incident" else self.tables[table][0] if self.tables[table] else None
        for column in asked or ():
            if known is not None and column not in known:
                self.wrong(f"{table} has no column {column!r}")
        return self._page(request, table, [
            {column: self._column(table, record, column, shown) for column in (asked or record) if column in record}
            if record["sys_id"] not in self.hidden else None
            for record in self._found(table, request.param("sysparm_query"))
        ])  # fmt: skip

    @route("GET", "/api/now/attachment")
    def read_files(self, request: Recorded) -> Reply:
        found: list[dict[str, Any] | None] = list(self._found("sys_attachment", request.param("sysparm_query")))
        return self._page(request, "", found)

    def _page(self, request: Recorded, table: str, found: list[dict[str, Any] | None]) -> Reply:
        start, limit = int(request.param("sysparm_offset", "0")), int(request.param("sysparm_limit", "10000"))
        headers = {"X-Total-Count": str(len(found))} if table and self.counts else {}
        if table and start + limit < len(found):
            headers["Link"] = f'<{self.next(f"{self.url}{TABLE}/{table}?sysparm_offset={start + limit}")}>;rel="next"'
        return Reply.of({"result": [one for one in found[start : start + limit] if one is not None]}, headers=headers)

    def _found(self, table: str, query: str) -> list[dict[str, str]]:
        """Records of an encoded query. What an instance would ignore without a word is a mistake here."""
        records = self.tables[table]
        conditions = query.split("^")
        orders = [one.removeprefix("ORDERBY") for one in conditions if one.startswith("ORDERBY")]
        groups: list[list[str]] = [[]]
        for one in conditions:
            if one.startswith("NQ"):
                groups.append([])
            if not one.startswith("ORDERBY"):
                groups[-1].append(one.removeprefix("NQ"))
        found = [
            one for one in records if any(all(self._holds(table, one, each) for each in group) for group in groups)
        ]
        for order in reversed(orders):
            column = order.removeprefix("DESC")
            if records and column not in records[0]:
                self.wrong(f"{table} has no column {column!r} to order by")
            found.sort(key=lambda one: one.get(column, ""), reverse=order.startswith("DESC"))
        return found

    def _holds(self, table: str, record: Mapping[str, str], condition: str) -> bool:
        match = re.fullmatch(r"([a-z_]+)(=|!=|>=|IN)(.*)", condition, re.DOTALL)
        if match is None or match[1] not in record:
            self.wrong(f"{table} would ignore the condition {condition!r}")
            return False
        value = record[match[1]]
        if "javascript:" in match[3]:
            self.wrong(f"a condition that would be run: {condition!r}")
        if match[2] == "IN":
            return value in match[3].split(",")
        if match[2] == ">=":
            return value >= match[3]
        same = value.casefold() == match[3].casefold()
        return same is (match[2] == "=")

    def _column(self, table: str, record: Mapping[str, str], column: str, shown: str) -> Any:
        value = record[column]
        if shown == "false":
            return "" if column in JOURNALS else value
        told = self._display(table, record, column)
        return told if shown == "true" else {"display_value": told, "value": "" if column in JOURNALS else value}

    def _display(self, table: str, record: Mapping[str, str], column: str) -> str:
        value = record[column]
        if table != "incident" or (not value and column not in JOURNALS):
            return value
        if column in JOURNALS:
            return self._printed(record["sys_id"], column)
        if column in REFERENCES:
            return next((one["name"] for one in self.tables[REFERENCES[column]] if one["sys_id"] == value), "")
        if column in TIMES:
            return self._local(value)
        if column == "state" and self.german:
            return GERMAN.get(value, value)
        labels = {one["value"]: one["label"] for one in self.tables["sys_choice"] if one["element"] == column}
        return labels.get(value, value)

    def _printed(self, record_id: str, column: str) -> str:
        """A journal as a record prints it: the newest entry first."""
        entries = [one for one in self.tables["sys_journal_field"]
                   if one["element_id"] == record_id and one["element"] == column]  # fmt: skip
        names = {one["user_name"]: one["name"] for one in self.tables["sys_user"]}
        return "".join(
            f"{self._local(one['sys_created_on'])} - {names.get(one['sys_created_by'], one['sys_created_by'])} "
            f"({JOURNALS[column]})\n{one['value']}\n\n"
            for one in reversed(entries)
        )

    def _local(self, value: str) -> str:
        at = datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return (at + timedelta(hours=self.hours)).strftime(self.form)

    # --- writing ------------------------------------------------------------------------------------------------------

    @route("PATCH", TABLE + "/incident/{record_id}")
    def patch(self, request: Recorded, record_id: str) -> Reply:
        record = next((one for one in self.tables["incident"] if one["sys_id"] == record_id), None)
        if record is None:
            raise Answered(
                refusal("No Record found", "Record doesn't exist or ACL restricts the record retrieval", 404)
            )
        by_display = request.param("sysparm_input_display_value") == "true"
        values: dict[str, str] = {}
        for column, value in request.json.items():
            if column not in record or column.startswith("sys_"):
                self.wrong(f"an instance ignores the column {column!r}")
            elif by_display and value and value not in self._labels(column):
                self.wrong(f"{column} would become {value!r}, which is no choice")
            elif column == "priority" and self.matrix:
                self.wrong("priority can't be written")
            elif column == "state" and value not in self._choices("state"):
                self.wrong(f"there is no state {value!r}")
            else:
                values[column] = self._stored(column, value) if by_display else value
                if not by_display and column in REFERENCES and value and not re.fullmatch("[0-9a-f]{32}", value):
                    self.wrong(f"{column} is a reference and {value!r} no id")
        closing = values.get("state", record["state"]) in ("6", "7") and "state" in values
        missing = [one for one in ("close_code", "close_notes") if not values.get(one, record[one])]
        if closing and missing:
            words = f"The following mandatory fields are not filled in: {', '.join(missing)}"
            raise Answered(refusal("Operation Failed", f"Data Policy Exception: {words}", 403))
        self.change(record["number"], values, by=USER)
        return Reply.of({"result": {"sys_id": record_id}})

    @route("POST", "/api/now/attachment/file")
    def attach(self, request: Recorded) -> Reply:
        number = sys_id(f"file {len(self.files)}")
        self.files[number] = request.body
        made = {
            "sys_id": number, "table_name": request.param("table_name"), "table_sys_id": request.param("table_sys_id"),
            "file_name": request.param("file_name"), "content_type": request.headers["content-type"],
            "size_bytes": str(len(request.body)), "sys_created_on": stamp(self.tick()), "sys_created_by": USER,
        }  # fmt: skip
        self.tables["sys_attachment"].append(made)
        return Reply.of({"result": made}, 201)

    def _labels(self, column: str) -> set[str]:
        """What a column can be as people see it; anything where it has no choices."""
        found = {one["label"] for one in self.tables["sys_choice"] if one["element"] == column}
        return found or _Anything()

    def _choices(self, column: str) -> Iterable[str]:
        return [one["value"] for one in self.tables["sys_choice"] if one["element"] == column]

    def _stored(self, column: str, value: str) -> str:
        """What is kept of a value that is given as people see it."""
        if column in TIMES and value:
            at = datetime.strptime(value, self.form).replace(tzinfo=UTC)
            return stamp(at - timedelta(hours=self.hours))
        if column in REFERENCES:
            return next((one["sys_id"] for one in self.tables[REFERENCES[column]] if one["name"] == value), "")
        labels = {one["label"]: one["value"] for one in self.tables["sys_choice"] if one["element"] == column}
        return labels.get(value, value)

    def allowed(self, request: Recorded) -> Reply | None:
        if request.basic() != (USER, SECRET):
            return refusal("User Not Authenticated", "Required to provide Auth information", 401)
        return None


class _Anything(set[str]):
    def __contains__(self, value: object) -> bool:
        return True


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def refusal(message: str, detail: str, status: int) -> Reply:
    """As an instance complains."""
    return Reply.of({"error": {"message": message, "detail": detail}, "status": "failure"}, status)
