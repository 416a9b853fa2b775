"""Sources of approved pages: what the config registers, made into sources. Asks no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.config.sources import POLL_SECONDS
from opstui.core.connections import Connection

if TYPE_CHECKING:
    from opstui.adapters.knowledge.wiki import Wiki
    from opstui.adapters.secrets.store import SecretStore
    from opstui.config.settings import KnowledgeSettings, Settings
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import KnowledgeSource


def make_sources(
    settings: Settings,
    *,
    store: Callable[[], SecretStore],
    clock: Clock,
    randomness: Randomness,
    shelf: Path | None = None,
) -> list[KnowledgeSource]:
    """Every source of the config, and the demo's ``shelf`` where the config has no other ``runbooks``."""
    sources: list[KnowledgeSource] = []
    for name, given in settings.knowledge.items():
        if given.kind == "folder":
            sources.append(_folder(name, given))
        else:
            sources.append(_wiki(name, given, settings, store=store, clock=clock, randomness=randomness))
    if shelf is not None and "runbooks" not in settings.knowledge:
        from opstui.adapters.knowledge.folder import FolderSource

        sources.append(FolderSource("runbooks", shelf))
    return sources


def _folder(name: str, given: KnowledgeSettings) -> KnowledgeSource:
    from opstui.adapters.knowledge.folder import FolderSource

    assert given.path is not None  # the config's rules
    return FolderSource(
        name,
        Path(given.path).expanduser(),
        owner=given.owner or "",
        review_by=given.review_by,
        writable=given.writable is not False,
    )


def _wiki(
    name: str,
    given: KnowledgeSettings,
    settings: Settings,
    *,
    store: Callable[[], SecretStore],
    clock: Clock,
    randomness: Randomness,
) -> KnowledgeSource:
    from opstui.adapters.knowledge.wiki import WikiSource

    token = given.token
    connection = Connection(
        name=name,
        kind=given.kind,
        url=str(given.url or "").rstrip("/"),
        user=given.user or "",
        secret=(lambda: None) if token is None else lambda: store().get(token),
        proxy=str(settings.network.proxy) if settings.network.proxy else None,
        ca_file=settings.network.ca_file,
        clock=clock,
        randomness=randomness,
        table="knowledge",
    )
    if given.kind == "mediawiki":
        from opstui.adapters.knowledge.mediawiki import MediaWiki

        wiki: Wiki = MediaWiki(connection, namespaces=given.namespaces, categories=given.categories)
    else:
        from opstui.adapters.knowledge.confluence import Confluence

        wiki = Confluence(connection, space=given.space or "")
    return WikiSource(
        name,
        wiki,
        kind=given.kind,
        poll_seconds=float(given.poll_seconds or POLL_SECONDS),
        owner=given.owner or "",
        review_by=given.review_by,
    )
