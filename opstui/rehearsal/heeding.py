"""The one sentence of its instructions that the stand-in heeds: ``Leave out the timeline.``

It writes by rules and reads no prompt; with this much, what a changed prompt does to documents can be rehearsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LEAVE_OUT = re.compile(r"\bleave out (?:the |all |every )?([a-z][a-z_ ]{2,39}?)\s*[.\n]", re.IGNORECASE)


def heeded(document: Mapping[str, Any], instructions: str) -> dict[str, Any]:
    """``document`` with the lists empty that ``instructions`` say to leave out, by the names of its fields."""
    found = dict(document)
    for match in _LEAVE_OUT.finditer(instructions + "\n"):
        name = match[1].strip().casefold().replace(" ", "_")
        value = found.get(name)
        if isinstance(value, list):
            found[name] = []
        elif isinstance(value, dict):
            found[name] = {key: [] if isinstance(item, list) else item for key, item in value.items()}
    return found
