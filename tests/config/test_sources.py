"""Which keys a source of knowledge can have."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.config.references import secret_refs
from opstui.config.settings import Settings
from opstui.core.errors import ConfigError

WIKI = 'kind = "mediawiki"\nurl = "https://wiki.example/w"\n'
SPACE = 'kind = "confluence"\nurl = "https://acme.example/wiki"\nspace = "OPS"\n'


def read(folder: Path, table: str) -> Settings:
    (folder / "config.toml").write_text(f"[knowledge.kb]\n{table}")
    return load(Paths.find({"OPSTUI_HOME": str(folder)}), environ={"USER": "sam"}).settings


def test_every_kind_is_read_with_owner_and_review_date(tmp_path: Path) -> None:
    folder = read(tmp_path, 'path = "pages"\nowner = "ops"\nreview_by = 2027-06-30\nwritable = false\n').knowledge["kb"]
    assert (folder.owner, folder.review_by, folder.writable) == ("ops", date(2027, 6, 30), False)
    assert folder.path == tmp_path / "pages"
    wiki = read(tmp_path, WIKI + 'namespaces = ["Help", "4"]\nreview_by = "2027-06-30"\n').knowledge["kb"]
    assert (wiki.namespaces, wiki.review_by) == (("Help", "4"), date(2027, 6, 30))
    settings = read(tmp_path, SPACE + 'user = "a@b.example"\ntoken = { env = "CONFLUENCE" }\npoll_seconds = 60\n')
    assert settings.knowledge["kb"].space == "OPS"
    assert list(secret_refs(settings)) == ["knowledge.kb.token"]


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ('kind = "folder"\n', 1, "path is missing"),
        ('kind = "mediawiki"\n', 1, "url is missing"),
        (SPACE.replace('space = "OPS"\n', ""), 1, "space is missing"),
        ('kind = "wiki"\nurl = "https://x.example"\n', 2, "did you mean 'mediawiki'"),
        ('path = "x"\nurl = "https://x.example"\n', 3, "a folder source has no url"),
        ('path = "x"\npoll_seconds = 60\n', 3, "has no poll_seconds"),
        (WIKI + 'path = "x"\n', 4, "a mediawiki source has no path"),
        (WIKI + "writable = true\n", 4, "has no writable"),
        (WIKI + 'space = "OPS"\n', 4, "has no space"),
        (WIKI + 'user = "alex"\ntoken = { env = "X" }\n', 4, "bot password"),
        (WIKI + 'user = "alex@opstui"\n', 4, "needs a token"),
        (WIKI + 'categories = ["a|b"]\n', 4, "one by one"),
        (WIKI + "poll_seconds = 5\n", 4, "from 30 to 86400"),
        (WIKI.replace("https", "http"), 3, "must be https"),
        (WIKI + 'token = "secret-value"\n', 4, "must not stand in this file"),
        (SPACE.replace('"OPS"', '"O P"'), 4, "key of a space"),
        (SPACE + 'categories = ["x"]\n', 5, "has no categories"),
        ('path = "x"\nwritable = "yes"\n', 3, "wants true or false"),
        ('path = "x"\nreview_by = "soon"\n', 3, "wants a day"),
        ('path = "x"\nreview_by = 2027-01-01T00:00:00Z\n', 3, "wants a day"),
        ('path = "x"\nreviewby = 2027-01-01\n', 3, "did you mean 'review_by'"),
    ],
)  # fmt: skip
def test_what_a_source_can_not_have_is_told_at_its_line(tmp_path: Path, table: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, table)
    assert caught.value.line == line
    assert "secret-value" not in str(caught.value)
