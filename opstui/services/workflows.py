"""Loads workflows: one folder each with ``workflow.toml``, ``system.md`` and ``rubric.md``, the user's over ours."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from opstui.core.errors import ConfigError, UsageError
from opstui.core.money import MICRO, micros
from opstui.core.workflows import ALL_FIELDS, Workflow

FILES = ("workflow.toml", "system.md", "rubric.md")
"""In this order they make the version; the rubric may be missing."""
EVALUATED = "evaluated.toml"
"""Beside the folders: workflow id → the versions that were run through their evaluation."""
DOCUMENTS = (
    "IncidentSummary",
    "EscalationPackage",
    "Triage",
    "Reply",
    "ResolutionNotes",
    "KBProposal",
    "ShiftHandover",
)
"""By name: loading the documents themselves costs every start 15 ms."""
TOOLS = ("get_ticket", "search_knowledge", "read_document", "search_tickets", "submit_document")
FILE_LIMIT = 256 * 1024

_ID = re.compile(r"[a-z][a-z0-9-]{0,47}\Z")
_KEYS: Mapping[str, type] = {
    "id": str,
    "title": str,
    "note": str,
    "document": str,
    "tools": list,
    "fields": list,
    "public_comment": bool,
    "second_person": bool,
    "budget": str,
    "review_by": date,
}
_OPTIONAL = frozenset(("note", "public_comment", "second_person", "review_by"))


def load_workflows(folder: Path, user_folder: Path | None = None) -> dict[str, Workflow]:
    """Every workflow by id; one of the user's replaces ours of the same id. Raises ConfigError naming file and key."""
    evaluated = _evaluated(folder)
    found: dict[str, Workflow] = {}
    for place in (folder, user_folder):
        if place is None or not place.is_dir():
            continue
        for item in sorted(place.iterdir(), key=lambda entry: entry.name):
            if item.is_dir() and not item.name.startswith((".", "_")) and (item / FILES[0]).is_file():
                workflow = load_workflow(item, evaluated)
                found[workflow.id] = workflow
    return found


def load_workflow(folder: Path, evaluated: Mapping[str, tuple[str, ...]] | None = None) -> Workflow:
    """One workflow from its folder. Raises ConfigError naming file and key."""
    contents = {name: _read(folder / name, required=name != "rubric.md") for name in FILES}
    file = str(folder / FILES[0])
    try:
        table = tomllib.loads(contents[FILES[0]])
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigError(f"not valid TOML: {error}", file=file, line=int(line[1]) if line else None) from None
    _check_keys(table, contents[FILES[0]], file)

    def fault(key: str, text: str) -> ConfigError:
        return ConfigError(f"{key}: {text}", file=file, line=_line_of(contents[FILES[0]], key), key=key)

    if not _ID.match(table["id"]):
        raise fault("id", "small letters, digits and dashes, for example incident-summary")
    if table["document"] not in DOCUMENTS:
        raise fault("document", f"one of {', '.join(DOCUMENTS)}")
    for tool in table["tools"]:
        if tool not in TOOLS:
            raise fault("tools", f"there is no tool {tool!r}; tools: {', '.join(TOOLS)}")
    if "submit_document" not in table["tools"]:
        raise fault("tools", "without submit_document no document can be handed in")
    for path in table["fields"]:
        if path not in ALL_FIELDS and not (isinstance(path, str) and path.startswith("/fields/") and len(path) > 8):
            raise fault("fields", f"no update can touch {path!r}; fields: {', '.join(ALL_FIELDS)}")
    try:
        budget = micros(table["budget"])
    except UsageError as error:
        raise fault("budget", error.message) from None
    if budget <= 0 or budget % (MICRO // 100):
        raise fault("budget", 'whole cents above zero, for example "0.50"')
    if not contents["system.md"].strip():
        raise ConfigError("the instructions are empty", file=str(folder / "system.md"))
    digest = hashlib.sha256(b"\0".join(contents[name].encode("utf-8") for name in FILES)).hexdigest()[:16]
    return Workflow(
        id=table["id"],
        title=table["title"],
        version=digest,
        note=table.get("note", ""),
        document=table["document"],
        tools=tuple(table["tools"]),
        fields=tuple(table["fields"]),
        public_comment=table.get("public_comment", False),
        second_person=table.get("second_person", False),
        budget_micros=budget,
        review_by=table.get("review_by"),
        system=contents["system.md"],
        rubric=contents["rubric.md"] or None,
        evaluated=digest in (evaluated or {}).get(table["id"], ()),
    )


def _check_keys(table: Mapping[str, Any], text: str, file: str) -> None:
    from difflib import get_close_matches

    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; keys: {', '.join(_KEYS)}"
            raise ConfigError(f"{key}: no such key{hint}", file=file, line=_line_of(text, key), key=key)
    for key, kind in _KEYS.items():
        if key not in table:
            if key in _OPTIONAL:
                continue
            raise ConfigError(f"{key} is missing", file=file, key=key)
        value = table[key]
        if not isinstance(value, kind) or (
            isinstance(value, list) and not all(isinstance(item, str) for item in value)
        ):
            words = {str: "a text", list: "a list of texts", bool: "true or false", date: "a date, 2027-05-20"}[kind]
            raise ConfigError(f"{key}: {words} is wanted", file=file, line=_line_of(text, key), key=key)


def _read(file: Path, *, required: bool) -> str:
    if not file.is_file():
        if required:
            raise ConfigError("this file is missing", file=str(file))
        return ""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror or 'input/output error'})", file=str(file)) from None
    if len(raw) > FILE_LIMIT:
        raise ConfigError(f"longer than {FILE_LIMIT // 1024} KB", file=str(file))
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=str(file)) from None


def _evaluated(folder: Path) -> dict[str, tuple[str, ...]]:
    file = folder / EVALUATED
    if not file.is_file():
        return {}
    try:
        table = tomllib.loads(_read(file, required=False))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", file=str(file)) from None
    return {key: tuple(str(version) for version in value) for key, value in table.items() if isinstance(value, list)}


def _line_of(text: str, key: str) -> int | None:
    for number, line in enumerate(text.split("\n"), start=1):
        if re.match(rf"\s*{re.escape(key)}\s*=", line):
            return number
    return None
