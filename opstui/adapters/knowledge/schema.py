"""The tables of the runbook index in ``cache.db``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache

from opstui.adapters.knowledge.pagewords import TOKENIZER
from opstui.adapters.sqlite import Step
from opstui.core.codec import decode, encode
from opstui.core.knowledge import PageFacts

STEPS: tuple[Step, ...] = (
    f"""
    CREATE TABLE knowledge_page(
        id INTEGER PRIMARY KEY, doc TEXT NOT NULL UNIQUE, source TEXT NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, hash TEXT NOT NULL, stamp TEXT, changed_at INTEGER, problem TEXT);
    CREATE INDEX knowledge_page_source ON knowledge_page(source, doc, hash, stamp);
    CREATE VIRTUAL TABLE knowledge_words USING fts5(
        title, body, content='', contentless_delete=1, tokenize='{TOKENIZER}');
    INSERT INTO knowledge_words(knowledge_words, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
    CREATE VIRTUAL TABLE knowledge_vocabulary USING fts5vocab(knowledge_words, row);
    """,
    # What pages say about themselves, and when a source elsewhere was last asked. The pages are read anew for it: all
    # of this comes from the sources.
    """
    DELETE FROM knowledge_page;
    INSERT INTO knowledge_words(knowledge_words) VALUES ('delete-all');
    ALTER TABLE knowledge_page ADD COLUMN facts TEXT NOT NULL DEFAULT '';
    CREATE TABLE knowledge_source(name TEXT PRIMARY KEY, answered_at REAL NOT NULL) WITHOUT ROWID;
    """,
    # Parts of words, and ids that are never given again: the count and the largest id then tell any change.
    """
    DROP TABLE knowledge_page;
    INSERT INTO knowledge_words(knowledge_words) VALUES ('delete-all');
    CREATE TABLE knowledge_page(
        id INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL UNIQUE, source TEXT NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, hash TEXT NOT NULL, stamp TEXT, changed_at INTEGER, problem TEXT,
        facts TEXT NOT NULL DEFAULT '');
    CREATE INDEX knowledge_page_source ON knowledge_page(source, doc, hash, stamp);
    CREATE VIRTUAL TABLE knowledge_trigrams USING fts5(
        title, body, content='', contentless_delete=1, tokenize='trigram remove_diacritics 1');
    INSERT INTO knowledge_trigrams(knowledge_trigrams, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
    """,
    # What pages mean, by the hash of their content: rows of 384 numbers of 16 bits.
    """
    CREATE TABLE knowledge_vectors(
        id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, model TEXT NOT NULL, vectors BLOB NOT NULL,
        UNIQUE(hash, model));
    """,
    # Who did not answer, for the next process: a command that lives for a moment waits for no dead wiki a second time.
    """
    CREATE TABLE knowledge_fault(
        name TEXT PRIMARY KEY, not_before REAL NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
    """,
)

_PLAIN = PageFacts()


def kept_facts(facts: PageFacts) -> str:
    """The facts as they are stored; empty for a page that says nothing about itself."""
    return "" if facts == _PLAIN else json.dumps(encode(facts), ensure_ascii=False)


@lru_cache(maxsize=8192)
def facts_from(kept: str) -> PageFacts:
    """The facts of what :func:`kept_facts` made."""
    return decode(PageFacts, json.loads(kept)) if kept else _PLAIN


def moment(seconds: int | None) -> datetime | None:
    """The time of a stored one."""
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
