"""Checks requests against a vendor's own description of its API (OpenAPI 3), with openapi-core and a little more.

openapi-core finds what is missing, of the wrong type or outside an enumeration. What it lets through, as most services
do, is found here: query parameters and body fields that the description does not know, so that a slip of the pen in one
is a failed test and not a filter that silently filters nothing.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openapi_core import OpenAPI
    from openapi_core.datatypes import RequestParameters

    from tests.adapters.tickets.serving import Recorded

CARRIED = Path(__file__).resolve().parents[2] / "specs"
"""Descriptions whose licence lets the project carry them (``tests/specs/README.md``)."""
ELSEWHERE = Path(os.environ.get("OPSTUI_TEST_SPECS", CARRIED.parents[2] / "shared" / "specs"))
"""Where the others lie."""

HOST = "http://vendor.example"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
OPEN = ("application/octet-stream", "application/binary", "multipart/form-data")
"""Bodies that are no JSON: whether they may be sent is checked, what is in them is up to the stand-in."""


class NotDescribed(AssertionError):
    """A request that does not fit the description."""

    def __init__(self, words: str, *, known: bool = True) -> None:
        super().__init__(words)
        self.known = known
        """Whether the description knows the path and method at all."""


@dataclass(frozen=True)
class _Operation:
    pattern: re.Pattern[str]
    method: str
    query: frozenset[str]
    """Names of its query parameters; ``name[key]`` is known where ``name`` is."""
    bodies: Mapping[str, Any]
    """Content type → schema."""


class Spec:
    """A description. ``Spec.load("github-issues")`` finds ``github-issues*.json``."""

    def __init__(self, document: dict[str, Any]) -> None:
        # Where the service lies is the stand-in's affair: only what comes after host and base path is checked.
        document["servers"] = [{"url": HOST}]
        self._document = document
        self._openapi: OpenAPI | None = None
        self._operations = sorted(self._read(), key=lambda one: one.pattern.pattern.count("[^/]"))

    @staticmethod
    def load(name: str) -> Spec:
        """The description of that name, carried or lying elsewhere; the test is skipped where it is neither."""
        for folder in (CARRIED, ELSEWHERE):
            found = sorted(folder.glob(f"{name}*.json"))
            if found:
                return _loaded(found[0])
        pytest.skip(
            f"no description {name} in {ELSEWHERE}: its licence does not let us carry it; set OPSTUI_TEST_SPECS"
        )

    def check(self, request: Recorded) -> None:
        """Raises NotDescribed, in words, for a request that the vendor does not describe."""
        operation = self._operation(request)
        for name in dict.fromkeys(name for name, _ in request.query):
            if name not in operation.query and name.partition("[")[0] not in operation.query:
                raise NotDescribed(f"there is no query parameter {name!r}; there are {sorted(operation.query)}")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.body and not operation.bodies:
            raise NotDescribed("it takes no body")
        if request.body and kind in OPEN:
            if not any(kind == one or one in ("*/*", "application/*") for one in operation.bodies):
                raise NotDescribed(f"it takes no {kind}, but {sorted(operation.bodies)}")
            return
        if self._openapi is None:
            from openapi_core import OpenAPI

            self._openapi = OpenAPI.from_dict(self._document)  # type: ignore[arg-type]
        from openapi_core.exceptions import OpenAPIError

        try:
            self._openapi.validate_request(_Asked(request))
        except OpenAPIError as error:
            raise NotDescribed(_words(error)) from error
        schema = operation.bodies.get(kind) or operation.bodies.get("application/json")
        if schema is not None and request.body:
            for place in self._unknown(schema, request.json, ""):
                raise NotDescribed(f"the body has {place}, which is not in the description")

    def operations(self) -> int:
        """How many there are."""
        return len(self._operations)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _operation(self, request: Recorded) -> _Operation:
        path = request.raw_path.partition("?")[0]
        fitting = [one for one in self._operations if one.pattern.fullmatch(path)]
        for one in fitting:
            if one.method == request.method.lower():
                return one
        if fitting:
            raise NotDescribed(f"{path} knows no {request.method}", known=False)
        raise NotDescribed(f"there is no path {path}", known=False)

    def _read(self) -> Iterator[_Operation]:
        for path, item in self._document["paths"].items():
            pattern = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)))
            for method in METHODS:
                if method in item:
                    told = [
                        self._real(one) for one in (*item.get("parameters", ()), *item[method].get("parameters", ()))
                    ]
                    query = [one for one in told if one["in"] == "query"]
                    body = self._real(item[method].get("requestBody", {})).get("content", {})
                    yield _Operation(
                        pattern=pattern,
                        method=method,
                        query=frozenset(one["name"] for one in query),
                        bodies={kind: value.get("schema", {}) for kind, value in body.items()},
                    )

    def _real(self, node: Any) -> Any:
        """``node``, or what its ``$ref`` points at."""
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                found = found[int(name)] if isinstance(found, list) else found[name]
            node = found
        return node

    def _unknown(self, schema: Any, value: Any, place: str) -> Iterator[str]:
        """Places in ``value`` that no part of ``schema`` names."""
        schema = self._real(schema)
        if isinstance(value, list):
            items = schema.get("items")
            for index, one in enumerate(value if items else ()):
                yield from self._unknown(items, one, f"{place}[{index}]")
        if not isinstance(value, dict):
            return
        names, free = self._names(schema)
        for name, one in value.items():
            if name in names:
                yield from self._unknown(names[name], one, f"{place}.{name}")
            elif not free:
                yield f"{place}.{name}".lstrip(".")

    def _names(self, schema: Any) -> tuple[dict[str, Any], bool]:
        """Properties of an object by name, and whether it may have others."""
        schema = self._real(schema)
        names = dict(schema.get("properties", {}))
        free = bool(schema.get("additionalProperties", False))
        parts = [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]
        for part in parts:
            more, open_too = self._names(part)
            # Of one name with several schemas, the one that names the most decides.
            names = {**more, **names}
            free = free or open_too
        return names, free or (not names and not parts)


def described(load: Callable[[], Spec]) -> tuple[Spec, ...]:
    """What requests are checked against; nothing where the description is absent, which a test says by skipping."""
    try:
        return (load(),)
    except pytest.skip.Exception:
        return ()


@functools.cache
def _loaded(path: Path) -> Spec:
    return Spec(json.loads(path.read_text("utf-8")))


def _words(error: BaseException) -> str:
    """What is wrong: openapi-core keeps the reason in the cause, jsonschema in a list."""
    found = [str(error) or error.__class__.__name__]
    cause: BaseException | None = error
    while cause is not None:
        for one in getattr(cause, "schema_errors", ()):
            path = ".".join(str(part) for part in one.absolute_path)
            found.append(f"{path or 'body'}: {one.message}")
        cause = cause.__cause__
        if cause is not None and str(cause):
            found.append(str(cause))
    return "; ".join(dict.fromkeys(found))[:600]


class _Asked:
    """A recorded request in the words of openapi-core's ``Request``."""

    def __init__(self, request: Recorded) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        self.host_url = HOST
        self.path = request.raw_path.partition("?")[0]
        self.method = request.method.lower()
        self.content_type = request.headers.get("content-type", "").lower()
        self.body = request.body or None
        self.parameters: RequestParameters = RequestParameters(
            query=ImmutableMultiDict(list(request.query)),
            header=Headers(dict(request.headers)),
            cookie=ImmutableMultiDict(),
        )
