"""What was asked of the stand-in, and answers that are wrong on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opstui.rehearsal.http import Request


@dataclass(slots=True)
class Received:
    """One request, for assertions. ``status`` is 0 until it is answered, and -1 if it never was."""

    at: datetime
    method: str
    path: str
    """Without the query, as sent."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    status: int = 0

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(slots=True)
class Fault:
    """The next ``times`` matching requests (None: all) go wrong; the first ``after`` of them pass."""

    method: str
    pattern: re.Pattern[str]
    """Looked for in path and query."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    times: int | None = 1
    after: int = 0
    delay: float = 0.0
    lose_response: bool = False
    """The request is carried out and the connection closed instead of an answer."""
    cut: bool = False
    """The request is carried out and half of the answer sent."""
    html: bool = False
    """200 and a page, as a captive portal answers."""
    containing: bytes = b""
    """Only requests whose body holds this."""
    code: str | None = None
    """``error.details.error_code``."""
    hits: int = 0

    def takes(self, request: Request) -> bool:
        """Whether this request is one of them; counts it."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method not in ("*", request.method) or not self.pattern.search(request.target):
            return False
        if self.containing not in request.body:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.hits += 1
        return True

    def remove(self) -> None:
        """No more of it."""
        self.times = self.hits
