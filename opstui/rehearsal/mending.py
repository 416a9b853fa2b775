"""Fitting a document to a tool's schema, and mending one that was refused by what the refusal says."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BY_CODE = frozenset(
    (
        "head", "sla", "severity", "not_included", "preflight", "contacts", "from_team", "read_back", "confidence",
        "confidence_reason", "sha256_12",
    )
)  # fmt: skip
"""What agents do not set; only needed where a schema does not say what they may."""
_VIOLATION = re.compile(r"- ([^\s:]+): (.*)")


def fitted(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """``value`` without the keys that ``schema`` has no property for.

    ``root`` holds the ``$defs`` that references lead to; it is the schema itself at first.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if isinstance(value, dict):
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {key: fitted(item, {}, root) for key, item in value.items() if key not in BY_CODE}
        return {key: fitted(item, properties[key], root) for key, item in value.items() if key in properties}
    if isinstance(value, list):
        return [fitted(item, schema.get("items") or {}, root) for item in value]
    return value


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(8):
        options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        ref = schema.get("$ref")
        if isinstance(ref, str):
            schema = root.get("$defs", {}).get(ref.rpartition("/")[2], {})
        elif len(options) == 1:
            schema = options[0]
        else:
            break
    return schema


def mended(document: Mapping[str, Any], refusal: str) -> dict[str, Any]:
    """``document`` without what the lines of ``refusal`` complain of; the same where nothing can be done."""
    found: dict[str, Any] = copy.deepcopy(dict(document))
    doomed: list[tuple[str | int, ...]] = []
    claims = set()
    for line in refusal.split("\n"):
        violation = _VIOLATION.match(line.strip())
        if violation is None:
            continue
        path = tuple(int(part) if part.isdigit() else part for part in violation[1].split("."))
        if path[0] in found:
            doomed.append(_entry_of(path))
        else:
            claims.add(violation[1])
    for path, value in list(_walk(found, ())):
        if isinstance(value, dict) and value.get("id") in claims and "citations" in value:
            if any(isinstance(part, int) for part in path):
                doomed.append(_entry_of(path))
            else:
                value.update(status="unknown", citations=[])
    for path in sorted(set(doomed), key=lambda one: [str(part).zfill(6) for part in one], reverse=True):
        _remove(found, path)
    return found


def _entry_of(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path to the outermost list entry that ``path`` leads into, or the path itself."""
    for length, part in enumerate(path, start=1):
        if isinstance(part, int):
            return path[:length]
    return path


def _walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _remove(root: Any, path: Sequence[str | int]) -> None:
    for part in path[:-1]:
        try:
            root = root[part]
        except (KeyError, IndexError, TypeError):
            return
    last = path[-1]
    if isinstance(root, list) and isinstance(last, int) and last < len(root):
        del root[last]
    elif isinstance(root, dict) and isinstance(last, str):
        root.pop(last, None)
