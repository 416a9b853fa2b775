"""The JSON schema of the config file, made from the settings model."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from opstui.config.docs import field_docs, table_doc
from opstui.config.kinds import KINDS
from opstui.config.settings import Budget, ProxyUrl, Rate, SecretRef, Settings, StoreUrl, TicketSettings, Url, Zone
from opstui.config.values import hints, of_mapping, unwrap

Json = dict[str, Any]

SECRET: Json = {
    "type": "object",
    "description": "Where the secret is found; the secret itself never stands in the file.",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "env": {"type": "string"},
        "keyring": {"type": "string", "pattern": "/"},
        "cmd": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "file": {"type": "string"},
    },
}

LEAVES: dict[Any, Json] = {
    str: {"type": "string"},
    Path: {"type": "string"},
    Url: {"type": "string", "pattern": "^https?://"},
    ProxyUrl: {"type": "string", "pattern": "^https?://"},
    StoreUrl: {"type": "string", "pattern": "^(sqlite$|postgres(ql)?://)"},
    Budget: {"type": "string", "pattern": r"^\d+(\.\d{1,2}0*)?$"},
    Rate: {"type": "string", "pattern": r"^\d+(\.\d+)?$"},
    Zone: {"type": "string"},
    time: {"type": "string", "pattern": r"^\d\d:\d\d"},
    date: {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    bool: {"type": "boolean"},
}


def schema() -> Json:
    """The schema, as draft 2020-12."""
    root = _table(Settings)
    profile = root["properties"]
    root["properties"] = {
        **root["properties"],
        "profiles": {
            "type": "object",
            "description": "Tables that are laid over the rest by --profile NAME.",
            "additionalProperties": {"type": "object", "properties": profile, "additionalProperties": False},
        },
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "opstui", **root}


def _table(kind: type) -> Json:
    docs, types = field_docs(kind), hints(kind)
    properties: Json = {}
    required = []
    for item in fields(kind):
        found = _kind(unwrap(types[item.name]))
        if "least" in item.metadata:
            found = {**found, "minimum": item.metadata["least"], "maximum": item.metadata["most"]}
        if kind is TicketSettings and item.name == "kind":
            found = {**found, "examples": list(KINDS)}  # not all of them: a package may bring another
        if item.name in docs:
            found = {"description": " ".join(docs[item.name].replace("``", "").split()), **found}
        properties[item.name] = found
        if item.default is MISSING and item.default_factory is MISSING:
            required.append(item.name)
    table: Json = {
        "type": "object",
        "description": table_doc(kind),
        "properties": properties,
        "additionalProperties": False,
    }
    return {**table, "required": required} if required else table


def _kind(kind: Any) -> Json:
    if kind is SecretRef:
        return SECRET
    if kind is int:
        return {"type": "integer"}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    entry = of_mapping(kind)
    if entry is not None:
        return {"type": "object", "additionalProperties": _kind(entry)}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _kind(get_args(kind)[0])}
    if is_dataclass(kind) and isinstance(kind, type):
        return _table(kind)
    return dict(LEAVES[kind])
