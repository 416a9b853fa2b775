"""What a value looks like: random, worded, filled in, a placeholder. Values are short, so these are plain functions."""

from __future__ import annotations

import math
import re
from collections import Counter

LONGEST = 4_096
"""Of a longer value only its beginning is judged."""

_TEMPLATE = re.compile(
    r"\{\{|\$\{|\$\(|<%|#\{|%\(|\[\[|⟦|^\$[A-Za-z_{(]|^%[A-Za-z_]+%$|^<[^<>]*>?$|^\[[^\]]*\]$"
    r"|^\{[^{}]*\}$|^@@|^!(?:Ref|Sub|vault)\b"
)
_HIDDEN = re.compile(
    r"^(?:(.)\1{2,}|[*•●x.·#?_-]{3,}|.{0,4}\*{3,}.{0,4}|.*(?:\.\.\.|…)\S{0,12})$", re.IGNORECASE | re.DOTALL
)
_SAID = re.compile(
    r"example|changeme|change[-_ ]me|placeholder|redacted|masked|^dummy|insert[-_ ]|your[-_ ]|[-_]here\b"
    r"|^todo|^tbd$|^n/a$"
    r"|xxxx|not[-_ ]?real|^fake|[-_]fake[-_]|put_?your|^sample[-_ ]|\bremoved\b|replace[-_ ]?(?:me|with)"
    r"|^sanitized",
    re.IGNORECASE,
)
_RUNS = re.compile(r"(.)\1{5,}")
_CODE = re.compile(
    r"^(?:[A-Za-z_$][\w$]*(?:\.|::|->))+[A-Za-z_$][\w$]*(?:\(.*)?$|^[A-Za-z_][\w.]*\(.*|^(?:new|await"
    r"|self|this)[ .]|^os\.|^process\.env"
    r"|^getenv|^vault:|^ref\+|^secrets?[./:]|^env[.:]|^var\.|^local\.|^data\.|^\{|^lookup\(|^op://"
    r"|^keyring\b|^arn:|^projects/"
)
_PATHS = re.compile(
    r"^(?:~|\.{1,2})?/[\w.~-]+(?:/|$)|^[A-Za-z]:\\|^[a-z][a-z0-9+.-]*://|\.(?:pem|crt|cer|key|p12|pfx"
    r"|jks|json|ya?ml|txt|conf|ini|env|xml|html?|png|jar|md|py|js|go)$"
)
_DIGEST = re.compile(r"^(?:sha(?:1|224|256|384|512)|md5|h1)[:-]|^SHA256:|^ssh-(?:rsa|ed25519|dss)\b", re.IGNORECASE)
_PART = re.compile(r"[a-z0-9][a-z0-9._=-]*")
_UUID = re.compile(r"^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$", re.IGNORECASE)
_CHUNKS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_LOWER_WORDS = re.compile(r"[A-Z]?[a-z]{2,15}")
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouyäöüáéíóúàèâêôåø]", re.IGNORECASE)


def is_placeholder(value: str) -> bool:
    """Whether somebody wrote this in place of a value: ``{{ vault_key }}``, ``<redacted>``, ``********``."""
    value = value[:LONGEST].strip()
    return not value or bool(_TEMPLATE.search(value) or _HIDDEN.match(value) or _SAID.search(value))


def is_filler(value: str) -> bool:
    """Whether a token was filled in for show: one letter again and again, or ``EXAMPLE`` in it.

    ``abc…xyz123`` may be filled in as well, but who would miss it.
    """
    value = value[:LONGEST]
    if _SAID.search(value):
        return True
    body = re.sub(r"[^A-Za-z0-9]", "", value)
    if len(body) >= 8 and len(set(body.lower())) <= 4:
        return True
    longest = max((match.end() - match.start() for match in _RUNS.finditer(value)), default=0)
    return longest * 3 >= len(value) and longest > 5


def is_real(value: str) -> bool:
    """A vendor's token that is neither filled in for show nor put together from words."""
    return not is_filler(value) and not is_placeholder(value) and not _is_put_together(value)


def _is_put_together(value: str) -> bool:
    """Of lower-case or capitalised words; random capitals have vowels in between as well, and count as random."""
    words = [
        word for word in _LOWER_WORDS.findall(value[:LONGEST]) if _VOWEL.search(word) and not _CLUSTER.search(word)
    ]
    return len(words) >= 3 and sum(map(len, words)) >= 0.75 * sum(char.isalnum() for char in value[:LONGEST])


def entropy(value: str) -> float:
    """Bits per character, by the value's own frequencies."""
    value = value[:LONGEST]
    if not value:
        return 0.0
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def is_uuid(value: str) -> bool:
    """Eight, four, four, four and twelve hex digits."""
    return bool(_UUID.match(value))


def is_reference(value: str) -> bool:
    """Whether a value only says where the secret is: code, a path, a URL, a digest."""
    if _CODE.match(value) or _PATHS.search(value) or _DIGEST.match(value):
        return True
    # A path without a slash in front; of random base64 hardly a part is without capitals.
    parts = value[:LONGEST].strip("/").split("/")
    return len(parts) >= 3 and 4 * sum(1 for part in parts if _PART.fullmatch(part)) >= 3 * len(parts)


def is_worded(value: str) -> bool:
    """Whether it is made of words, and of numbers of at most four digits: ``checkout-db-creds``, ``NEXUS-GPT4-KEY``."""
    chunks = _CHUNKS.findall(value[:LONGEST])
    words = [chunk for chunk in chunks if not chunk.isdigit()]
    if not words:
        return False
    if any(chunk.isdigit() and len(chunk) > 4 for chunk in chunks):
        return False
    telling = [word for word in words if 3 <= len(word) <= 16 and _VOWEL.search(word) and not _CLUSTER.search(word)]
    return sum(map(len, telling)) >= 0.7 * sum(map(len, chunks))


def classes(value: str) -> int:
    """How many of lower case, upper case, digits and signs are in it; a first capital does not count as upper."""
    rest = value[1:]
    return (
        any(char.islower() for char in value)
        + any(char.isupper() for char in rest)
        + any(char.isdigit() for char in value)
        + any(not char.isalnum() and char not in " .,-'’" for char in value)
    )


def is_strong(value: str, *, least: int = 8) -> bool:
    """A key or token as machines make them: long enough, mixed, neither worded nor a reference."""
    if len(value) < least or is_placeholder(value) or is_filler(value) or is_reference(value):
        return False
    if not any(char.isdigit() for char in value):
        # Without a digit only long random letters are left: mixed case and hardly a word in it.
        return (
            len(value) >= 20 and entropy(value) >= 3.8 and not is_worded(value) and any(c.isupper() for c in value[1:])
        )
    if not any(char.isalpha() for char in value):
        return False
    return entropy(value) >= min(2.5, 0.8 * math.log2(len(value))) and not is_worded(value)


_ENDS = re.compile(
    r"[;&](?=[\w. -]{1,40}=)|,(?=\s*[\"']?[\w. -]{1,40}[\"']?[=:])|;$|[;,](?=$)|\\[nrt](?=$|[^\w])"
    r"|\\+[\"']|</|[\"'`](?=[,;)}\]>\s]|$)|&quot;|&lt;|&#3[49];"
)


def bare_length(value: str) -> int:
    """How much of an unquoted value is value: not the next ``;key=``, nor the sentence's full stop."""
    found = _ENDS.search(value)
    value = value[: found.start()] if found and found.start() else value
    trimmed = value.rstrip(".,;:)]}>\"'`")
    # A bracket that was opened inside belongs to it.
    for opened, closed in ("()", "[]", "{}", "<>"):
        if value[len(trimmed) : len(trimmed) + 1] == closed and opened in trimmed:
            return len(trimmed) + 1
    return len(trimmed)
