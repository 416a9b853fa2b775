"""Whether something was really given in a request or a command, and not only shown how to."""

from __future__ import annotations

import base64
import binascii

from opstui.adapters.redaction.rules import Hit
from opstui.adapters.redaction.values import is_placeholder, is_strong

COMMON = frozenset(
    "password passwd pass pwd secret token user username login key api_key apikey credentials null none true"
    " false yyy xxx ... [password] basic bearer".split()
)
"""What stands in a manual where a secret would."""


def is_given(hit: Hit) -> bool:
    """Something was given: not a variable, a placeholder or the word itself."""
    value = hit.value.strip("\"'<>[]{}()")
    return len(value) >= 3 and value.lower() not in COMMON and not is_placeholder(value) and not value.startswith("$")


def is_basic(hit: Hit) -> bool:
    """User and password in base64."""
    if is_placeholder(hit.value):
        return False
    try:
        told = base64.b64decode(hit.value + "=" * (-len(hit.value) % 4), validate=False)
    except (binascii.Error, ValueError):
        return is_strong(hit.value, least=12)
    return b":" in told
