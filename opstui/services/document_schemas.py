"""JSON schemas of documents and tools, made from the core's dataclasses, as agents are told them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from opstui.core.document_kinds.escalation import VERBS
from opstui.core.documents import DOCUMENTS, KINDS
from opstui.core.taxonomy import KINDS as KINDS_OF_VALUES, Taxonomy
from opstui.core.workflows import Workflow

BY_CODE: Mapping[str, tuple[str, ...]] = {
    "Claim": ("confidence", "confidence_reason"),
    "Citation": ("sha256_12",),
    "Choice": ("is_named",),
    "RelatedTicket": ("title", "relation", "score", "shared_atoms"),
    "RunbookRef": ("title", "score", "coverage", "why", "last_changed"),
    **{name: ("head", "not_included", *kind.by_code) for name, kind in KINDS.items()},
}
"""Fields that an agent neither sees nor sets."""
_TICKET = "The session's ticket: fields and numbered timeline."
_TICKET_AND_BOARD = (
    "The shift's board: fields, and a numbered entry for each observation. Where the session is about another ticket, "
    "that follows, and the board's entries are cited as shown, shift: and all."
)
_MAY_BE_LEFT_OUT = ("deadline",)
"""Of parts; a document's own are those with a default."""
_LENGTHS = {
    ("Claim", "text"): 280,
    ("Citation", "quote"): 200,
    ("CheckedStep", "what"): 160,
    ("NextStep", "text"): 160,
    ("Ask", "text"): 160,
    ("Citation", "ref"): 128,
    ("Claim", "id"): 16,
    **{(name, key): most for name, kind in KINDS.items() for key, most in kind.lengths.items()},
}
_COUNTS = {
    ("Claim", "citations"): 3,
    **{(name, key): most for name, kind in KINDS.items() for key, most in kind.limits.items()},
}
_ENUMS = {("Ask", "verb"): VERBS}


@cache
def document_schema(name: str) -> Mapping[str, Any]:
    """The JSON schema (2020-12) of a document as an agent hands it in; ``name`` as in ``Workflow.document``.

    The first call imports pydantic and takes a few tenths of a second. Raises KeyError for an unknown name.
    """
    from pydantic import TypeAdapter

    schema = TypeAdapter(DOCUMENTS[name]).json_schema()
    parts = {name: schema, **schema.get("$defs", {})}
    for part, table in parts.items():
        properties = table.get("properties")
        if properties is None:
            continue
        for gone in BY_CODE.get(part, ()):
            properties.pop(gone, None)
        optional = KINDS[part].defaults if part in KINDS else _MAY_BE_LEFT_OUT
        table["required"] = [key for key in table.get("required", ()) if key in properties and key not in optional]
        table["additionalProperties"] = False
        for key, item in properties.items():
            item.pop("title", None)
            if (part, key) in _LENGTHS:
                item["maxLength"] = _LENGTHS[part, key]
            if (part, key) in _COUNTS:
                item["maxItems"] = _COUNTS[part, key]
            if (part, key) in _ENUMS:
                item["enum"] = list(_ENUMS[part, key])
    schema["$defs"] = _reachable(schema)
    return schema


def tool_schemas(workflow: Workflow, taxonomy: Taxonomy | None = None) -> list[Mapping[str, Any]]:
    """The tools of a workflow, as runtimes announce them: ``name``, ``description``, ``input_schema``.

    With a ``taxonomy`` a document's choices name its values.
    """
    text = {"type": "string", "minLength": 1, "maxLength": 500}
    limit = {"type": "integer", "minimum": 1, "maximum": 8}
    line = {"type": "integer", "minimum": 1}
    known: dict[str, tuple[str, dict[str, Any], list[str]]] = {
        "get_ticket": (_TICKET_AND_BOARD if workflow.is_about_the_shift else _TICKET, {}, []),
        "search_knowledge": (
            "Search the approved runbooks: document ids, titles and numbered lines, or that no page answers.",
            {"query": text, "limit": limit},
            ["query"],
        ),
        "read_document": (
            "Numbered lines of a page that a search returned.",
            {"doc": text, "line_start": line, "line_end": line},
            ["doc"],
        ),
        "search_tickets": (
            "Similar tickets: ref, title, status and the identifiers they share with this one.",
            {"query": text, "limit": limit},
            ["query"],
        ),
    }
    found: list[Mapping[str, Any]] = []
    for name in workflow.tools:
        if name == "submit_document":
            description = (
                "Hand the document in. Answers accepted, or every violation so that you can mend it; three tries."
            )
            schema = document_schema(workflow.document)
            properties: dict[str, Any] = {"document": schema if taxonomy is None else _with_values(schema, taxonomy)}
            required = ["document"]
        else:
            description, properties, required = known[name]
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        found.append({"name": name, "description": description, "input_schema": schema})
    return found


def _with_values(schema: Mapping[str, Any], taxonomy: Taxonomy) -> Mapping[str, Any]:
    """The schema with the taxonomy's ids as all that a choice can be."""
    choice = schema["$defs"].get("Choice")
    if choice is None:
        return schema
    properties = dict(schema["properties"])
    definitions = {name: table for name, table in schema["$defs"].items() if name != "Choice"}
    for kind in KINDS_OF_VALUES:
        said = f"an id of the taxonomy's {KINDS_OF_VALUES[kind]}"
        value = {"enum": [*taxonomy.terms(kind), None], "description": said}
        definitions[f"Choice_{kind}"] = {**choice, "properties": {**choice["properties"], "value": value}}
        properties[kind] = {**properties[kind], "$ref": f"#/$defs/Choice_{kind}"}
    return {**schema, "properties": properties, "$defs": definitions}


def _reachable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that are still referred to."""
    definitions = schema.get("$defs", {})
    wanted: dict[str, None] = {}
    waiting: list[Any] = [{key: value for key, value in schema.items() if key != "$defs"}]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            ref = item.get("$ref")
            if isinstance(ref, str):
                name = ref.rpartition("/")[2]
                if name not in wanted and name in definitions:
                    wanted[name] = None
                    waiting.append(definitions[name])
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return {name: definitions[name] for name in definitions if name in wanted}
