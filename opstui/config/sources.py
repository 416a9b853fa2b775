"""Knowledge sources by kind: what each needs of the config, and which keys mean something to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

from opstui.config.settings import KnowledgeSettings
from opstui.core.frozen import dataclass

POLL_SECONDS = 300
"""How long an answer of a wiki is good for, where the config does not say."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """What a ``[knowledge.NAME]`` of this kind must and can say, beside its owner and review date."""

    needs: tuple[str, ...]
    may: tuple[str, ...]


SOURCES: Mapping[str, SourceKind] = {
    "folder": SourceKind(("path",), ("writable",)),
    "mediawiki": SourceKind(("url",), ("user", "token", "namespaces", "categories", "poll_seconds")),
    "confluence": SourceKind(("url", "space"), ("user", "token", "poll_seconds")),
}
_ALWAYS = ("kind", "owner", "review_by")
_SPACE = re.compile(r"~?[A-Za-z0-9._-]{1,255}\Z")


def source_problems(source: KnowledgeSettings) -> Iterator[tuple[str, str]]:
    """Key (empty for the table) and what is wrong with it. A token that is missing is told by who asks, not here."""
    kind = SOURCES[source.kind]
    for key in kind.needs:
        if not getattr(source, key) or (key == "path" and not str(source.path)):
            yield "", f"a {source.kind} needs its {key}: {key} is missing"
    for item in fields(source):
        value = getattr(source, item.name)
        if item.name not in (*_ALWAYS, *kind.needs, *kind.may) and value not in (None, ()):
            yield item.name, f"a {source.kind} source has no {item.name}; leave this key out"
    if source.kind == "mediawiki" and source.user is not None:
        name, _, bot = source.user.partition("@")
        if not name or not bot:
            yield "user", "wants the name of a bot password, like alex@opstui (Special:BotPasswords makes one)"
        if source.token is None:
            yield "user", "a user needs a token: the bot password"
    if source.space is not None and not _SPACE.match(source.space):
        yield "space", "wants the key of a space, like OPS: it stands in the address of its pages"
    for key in ("namespaces", "categories"):
        if any(not value.strip() or "|" in value for value in getattr(source, key)):
            yield key, "wants names, one by one and without |"
