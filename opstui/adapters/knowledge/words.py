"""What a word is, for indexing and for asking.

``KubePodCrashLooping`` has to be found by "pod crash looping" and the other way round, so compound words are indexed
with their parts. On 494 real alert texts this alone lifts the right page to the first place in 77 % instead of 55 %.
What the trade writes short (``cfg``, ``k8s``, ``unready``) is indexed with what it is short for, and what is only the
name of an instance (``prod-a/web-0``, ``10.0.3.7:9100``) weighs little in a query.
"""

from __future__ import annotations

import re

# Linear on any input: each alternative is anchored at the start of a word.
_COMPOUND = re.compile(r"\b(?:[^\W_]*[a-z0-9][A-Z]|[A-Z]{2,}[a-z])[^\W_]*")
_PART = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+|[^\W_A-Za-z0-9]+")
_WORD = re.compile(r"[^\W_]+")

# Without "down", "not", "up", "out", "no", "above" and their like: alerts are made of them.
_COMMON = frozenset(
    "a about after again also an and any are as at be because been being between both but by can could did do does "
    "doing during each for from further get gets getting had has have having he her here his how i if in into is it "
    "its itself just me most my nor of on once only or other our own same she should since so some still such than "
    "that the their them then there these they this those through to too until very was we were what when where which "
    "while who whom why will with would you your".split()
)

_SHORT_FOR = {
    short: long
    for long, shorts in {
        "administrator": "admin admins",
        "application": "app apps",
        "authentication": "auth authn",
        "authorization": "authz",
        "average": "avg",
        "certificate": "cert certs",
        "configuration": "conf config configs cfg",
        "connection": "conn conns",
        "database": "db dbs",
        "directory": "dir dirs",
        "environment": "env envs",
        "error": "err errs",
        "filesystem": "fs",
        "interface": "iface ifaces",
        "kubernetes": "kube k8s",
        "maximum": "max",
        "memory": "mem",
        "message": "msg msgs",
        "namespace": "ns",
        "network": "net",
        "postgres": "postgresql pg pgsql",
        "replication": "repl",
        "repository": "repo repos",
        "request": "req reqs",
        "response": "resp",
        "service": "svc svcs",
        "synchronize": "sync synced syncing synchronise synchronised synchronising",
        "transaction": "txn txns xact",
        "utilization": "util utilisation",
        "volume": "vol vols",
    }.items()
    for short in shorts.split()
}
_WITHOUT = ("available", "expected", "healthy", "reachable", "ready", "registered", "responsive", "schedulable",
            "scheduled", "sealed", "synced")  # fmt: skip
_SHORT_FOR |= {f"un{word}": word for word in _WITHOUT}
"""Word → what it is indexed with besides: the trade's abbreviations, and "not ready" for "unready"."""

# One run of characters that a resource's name, path or address is written in.
_RUN = re.compile(r"[^\s\"'`(),;!?<>{}\[\]=|]+")
_JOINT = re.compile(r"[-./:_@]+")
_MADE_UP = re.compile(r"\d[A-Za-z]+\d")

WORD_LIMIT = 64
"""Longer words (hashes, base64) say nothing that a search could use."""


def expand(text: str) -> str:
    """``text`` with every compound word followed by its parts, and every short form by the long one.

    Line breaks stay where they are.
    """
    return _WORD.sub(_with_long_form, _COMPOUND.sub(_with_parts, text))


def _with_long_form(match: re.Match[str]) -> str:
    long = _SHORT_FOR.get(match.group().lower())
    return f"{match.group()} {long}" if long else match.group()


def _with_parts(match: re.Match[str]) -> str:
    word = match.group()
    if len(word) > WORD_LIMIT:
        return word
    parts = _PART.findall(word)
    return f"{word} {' '.join(parts)}" if len(parts) > 1 else word


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case and in order: compounds, then their parts; none longer than the limit.

    They hold letters and digits only, so each may stand between double quotes in an FTS5 expression.
    """
    return [word.lower() for word in _WORD.findall(expand(text)) if len(word) <= WORD_LIMIT]


def telling(found: list[str]) -> list[str]:
    """``found`` without the words of every sentence, unless nothing would be left.

    Over a few hundred pages idf finds them by itself; over a dozen, "since" may stand on one page only and would weigh
    as much as the name of a service.
    """
    return [word for word in found if word not in _COMMON] or found


def instance_words(text: str) -> frozenset[str]:
    """Words of ``text`` that stand only in names of instances: ``prod-a/web-0``, ``10.0.3.7:9100``, ``node-7``.

    Such a name is joined from parts, one of which nobody would write by hand: a number, a letter, a hash. Its words
    are rare on runbook pages and say nothing about what is the matter, so that a page that has one by chance would
    come before those that answer.
    """
    named: set[str] = set()
    plain: set[str] = set()
    for run in _RUN.findall(text):
        parts = [part for part in _JOINT.split(run) if part]
        is_name = len(parts) > 1 and any(_is_made_up(part) for part in parts)
        (named if is_name else plain).update(words(run))
    return frozenset(named - plain)


def _is_made_up(part: str) -> bool:
    return part.isdigit() or len(part) == 1 or _MADE_UP.search(part) is not None


def split_compounds(text: str) -> str:
    """``text`` with every compound word in its parts, as a reader of sentences needs it."""
    return _COMPOUND.sub(lambda match: " ".join(_PART.findall(match.group())) or match.group(), text)
