"""The program's own secrets, found wherever they stand: as they are, in base64, URL-encoded, or escaped in quotes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

LEAST = 6
"""Shorter secrets would be found in ordinary words."""


def occurrences(text: str, secrets: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where any of ``secrets`` stands in ``text``, in any of its forms, the longest first; in code points."""
    found = {form for secret in secrets for form in forms(secret)}
    for form in sorted(found, key=len, reverse=True):
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)


@lru_cache(maxsize=256)
def forms(secret: str) -> tuple[str, ...]:
    """A secret as it is, trimmed, quoted, URL-encoded, in hex, and in base64 at each of its three alignments."""
    if len(secret.strip()) < LEAST:
        return ()
    raw = secret.encode("utf-8", "surrogatepass")
    made = {secret, secret.strip(), quote(raw, safe=""), quote_plus(raw), raw.hex(), raw.hex().upper()}
    made.add(json.dumps(secret)[1:-1])
    made.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    made.add(secret.replace("'", "'\\''"))
    made.add(secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    for shift in range(3):
        # What a neighbour in front or behind has a part in is cut off: the middle is the secret's alone.
        coded = base64.b64encode(b"\0" * shift + raw).decode("ascii").rstrip("=")
        start = (0, 2, 3)[shift]
        end = len(coded) - (1 if (len(raw) + shift) % 3 else 0)
        if end - start >= 8:
            made.add(coded[start:end])
            made.add(coded[start:end].replace("+", "-").replace("/", "_"))
    return tuple(form for form in made if len(form) >= LEAST)
