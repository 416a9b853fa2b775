"""Canonical JSON: one value, one sequence of bytes, so that a hash of it means something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opstui.core.errors import UsageError


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, text as it is (no normalisation).

    Takes None, booleans, integers, strings, lists, tuples and mappings with string keys. Raises UsageError for the
    rest: a float has more than one spelling, a lone surrogate has no UTF-8.
    """
    try:
        text = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("a text holds half a character (a lone surrogate); it can't be hashed or sent") from None
    except RecursionError:
        raise UsageError("a value is nested too deeply to be hashed") from None


def fingerprint(content: bytes) -> str:
    """SHA-256 in 64 hex digits."""
    import hashlib  # loads OpenSSL, 3 ms, which the first screen does not need

    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Mapping):
        out = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise UsageError(f"a key is {type(key).__name__}, not text; it can't be hashed")
            out[str.__str__(key)] = _plain(item)
        return out
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise UsageError(f"{type(value).__name__} has no one spelling in JSON; it can't be hashed")
