"""Reading what agents submit: cleaned, completed with what code computes, and validated.

What code computes (head, SLA clock, preflight, confidence, hashes) is not in the schema: an agent can't set it. It is
filled in here before the whole is validated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from opstui.core.codec import encode
from opstui.core.documents import DOCUMENTS, KINDS, Citation, Document, DocumentHead, citations_of
from opstui.core.extract.guidance import as_found
from opstui.core.extract.registry import RULES
from opstui.core.extract.summary import SCHEMA_VERSION
from opstui.core.frozen import dataclass
from opstui.core.sources import SourceSet
from opstui.core.submissions import Submission
from opstui.core.text import clean, clean_line
from opstui.services.document_schemas import BY_CODE

VIOLATIONS = 40
"""Most violations that are listed at once."""
STRING_LIMIT = 4_000
DEPTH_LIMIT = 24


@dataclass(frozen=True, slots=True)
class Read:
    """A document, or why there is none."""

    document: Document | None
    violations: tuple[str, ...] = ()
    """``path: problem`` each; empty with a document."""


def read_document(value: object, given: Submission) -> Read:
    """The document in what an agent submitted, cleaned and complete, or every violation as ``path: problem``."""
    kind = DOCUMENTS[given.workflow.document]
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, Mapping):
        return Read(None, ("document: a JSON object is wanted",))
    cleaned = _cleaned(value)
    strange = _unknown_keys(cleaned, kind, "")
    if strange:
        return Read(None, tuple(strange[:VIOLATIONS]))
    whole = dict(KINDS[kind.__name__].defaults) | {key: item for key, item in cleaned.items() if item is not None}
    whole |= _computed(kind.__name__, given)

    from pydantic import TypeAdapter, ValidationError

    try:
        document: Document = TypeAdapter(kind).validate_python(whole)
    except ValidationError as error:
        found = [
            f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}" for item in error.errors()
        ]
        return Read(None, tuple(clean_line(line, limit=300) for line in found[:VIOLATIONS]))
    naive = _naive_times(document)
    if naive:
        return Read(None, tuple(naive[:VIOLATIONS]))
    rules = RULES[kind.__name__]
    refused = rules.refused(document, given)
    if refused:
        return Read(None, tuple(clean_line(line, limit=300) for line in refused[:VIOLATIONS]))
    document = _with_hashes(document, given.sources)
    return Read(rules.finished(_with_pages_as_found(document, given), given))


def _parsed(text: str) -> object:
    """Some models send the object as JSON in a string."""
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _computed(name: str, given: Submission) -> dict[str, Any]:
    head = DocumentHead(
        schema_version=SCHEMA_VERSION,
        document=name,
        ticket_id=str(given.ticket.ref),
        base_revision=given.ticket.version,
        engine=given.engine,
        generated_at=given.now,
        request_id=given.session_id,
        workflow_version=given.workflow.version,
    )
    own = {key: encode(value) for key, value in RULES[name].computed(given).items()}
    return {"head": encode(head), "not_included": [], **own}


def _with_pages_as_found(document: Any, given: Submission) -> Any:
    """What an agent says of a page is where it is from; how well it fits is what the search said."""
    named = getattr(document, "runbooks", ())
    return replace(document, runbooks=as_found(named, given)) if named else document


def _as_own(document: Any, sources: SourceSet) -> Any:
    """The session's own ticket is cited as ``KEY#n``; as ``SYSTEM:KEY#n``, which searches print, it is the same."""
    own = f"{sources.ticket.ref}#"
    called = {
        citation: replace(citation, ref=short)
        for citation in dict.fromkeys(citations_of(document))
        if citation.ref.startswith(own)
        and sources.find(citation.ref) is None
        and sources.find(short := citation.ref.removeprefix(f"{sources.ticket.ref.system}:")) is not None
    }
    return _replaced(document, lambda citation: called.get(citation, citation)) if called else document


def _with_hashes(document: Document, sources: SourceSet) -> Document:
    """Every citation with the hash of its span as it was read here; where it has no such span, M1 says so."""
    document = _as_own(document, sources)
    hashes = {
        citation: sources.span_sha(citation.ref, citation.line_start, citation.line_end)
        for citation in dict.fromkeys(citations_of(document))
        if sources.span_lines(citation)
    }
    found: Document = _replaced(document, lambda citation: replace(citation, sha256_12=hashes.get(citation, "")))
    return found


def _replaced(value: Any, made_of: Callable[[Citation], Citation]) -> Any:
    from dataclasses import is_dataclass

    if isinstance(value, Citation):
        return made_of(value)
    if isinstance(value, tuple):
        return tuple(_replaced(item, made_of) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        made = {item.name: _replaced(getattr(value, item.name), made_of) for item in fields(value)}
        return replace(value, **made)
    return value


def _cleaned(value: Any, depth: int = 0) -> Any:
    """Model output is foreign text: every string cleaned, one line, of bounded length; nesting bounded too."""
    if isinstance(value, str):
        return str(clean_line(clean(value[:STRING_LIMIT]), limit=STRING_LIMIT))
    if depth > DEPTH_LIMIT:
        return None
    if isinstance(value, Mapping):
        return {
            str(clean_line(str(key), limit=60)): _quote_kept(key, item, depth)
            for key, item in list(value.items())[:200]
        }
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value[:200]]
    return value if isinstance(value, (bool, int, float)) or value is None else None


def _quote_kept(key: object, item: Any, depth: int) -> Any:
    """A quote has to stand in its source as it is, so its white space is kept."""
    if key == "quote" and isinstance(item, str):
        return str(clean(item[:STRING_LIMIT])).strip()
    return _cleaned(item, depth + 1)


def _unknown_keys(value: Any, kind: Any, path: str) -> list[str]:
    """Keys that no field has, with the nearest that one has; fields that code sets count as unknown."""
    import types
    from dataclasses import is_dataclass
    from difflib import get_close_matches
    from typing import Union, get_args, get_origin, get_type_hints

    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = [option for option in get_args(kind) if option is not type(None)]
        return _unknown_keys(value, inner[0], path) if len(inner) == 1 else []
    if origin is tuple and isinstance(value, list):
        return [
            line
            for index, item in enumerate(value)
            for line in _unknown_keys(item, get_args(kind)[0], f"{path}.{index}")
        ]
    if not (isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict)):
        return []
    hints = get_type_hints(kind)
    own = [item.name for item in fields(kind) if item.name not in BY_CODE.get(kind.__name__, ())]
    found: list[str] = []
    for key, item in list(value.items()):
        here = f"{path}.{key}".lstrip(".")
        if key in own:
            found += _unknown_keys(item, hints[key], here)
        elif key in hints:
            value.pop(key)  # computed by code: what an agent says there is left out, not held against it
        else:
            near = get_close_matches(key, own, n=1)
            found.append(f"{here}: there is no such field" + (f"; did you mean {near[0]}?" if near else ""))
    return found


def _naive_times(document: Any, path: str = "") -> list[str]:
    from dataclasses import is_dataclass

    if isinstance(document, datetime):
        return [f"{path}: a time needs its zone, for example 2026-11-20T09:14:00Z"] if document.tzinfo is None else []
    if isinstance(document, tuple):
        return [line for index, item in enumerate(document) for line in _naive_times(item, f"{path}.{index}")]
    if is_dataclass(document) and not isinstance(document, type):
        return [
            line
            for item in fields(document)
            for line in _naive_times(getattr(document, item.name), f"{path}.{item.name}".lstrip("."))
        ]
    return []
