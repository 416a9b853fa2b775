"""A real MediaWiki as a source of runbooks: by the source, and by the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from opstui.adapters.knowledge import wiki as module
from opstui.core.errors import CredentialsRefused, Refused, Unreachable
from opstui.core.knowledge import PageState
from opstui.core.ports import KnowledgeSource
from opstui.testing.knowledge import KnowledgeSourceContract, Shelf, everything, hashes
from tests.behaviours.program import Warm
from tests.servers.mediawiki_lab import WikiLab
from tests.servers.operating import Operator

MANY = 520
"""Pages that the wiki was made with, in a namespace of their own."""

HOSTILE = (
    "{{" * 200 + "[[" * 200 + "<pre>" * 50 + "\n'''[@click=app.quit]x[/]''' \x1b[2J <script>alert(1)</script> "
    "[https://evil.example/\u202e click] {{Superseded|}} &#x1b;]52;c;AAAA&#7; <syntaxhighlight lang=bash>rm -rf\n"
)
SUPERSEDED = "{{Superseded|Disk full, the new way}}\n== Steps ==\n# df -h\n# <code>logrotate -f</code>\n"


@pytest.fixture
def lab(mediawiki_env: Mapping[str, str]) -> Iterator[WikiLab]:
    made = WikiLab(mediawiki_env)
    yield made
    made.close()


def test_pages_come_with_state_author_revision_address_and_tags(lab: WikiLab) -> None:
    title = lab.write("Disk full", SUPERSEDED)
    page = everything(lab.source(), {})[0][lab.doc(title)]
    assert page.title == title
    assert page.text == (
        f"# {title}\n\nSuperseded: Disk full, the new way\n\n## Steps\n\n1. df -h\n2. `logrotate -f`\n"
    )
    facts = page.facts
    assert (facts.state, facts.superseded_by) == (PageState.SUPERSEDED, "Disk full, the new way")
    assert (facts.author, facts.tags) == ("Admin", (lab.word,))
    assert facts.revision is not None
    assert facts.revision.isdigit()
    assert facts.url == f"{lab.url}/index.php/{title.replace(' ', '_')}"
    assert page.changed_at is not None


def test_edits_moves_and_deletions_are_followed(lab: WikiLab) -> None:
    old, kept, away = lab.write("Old name", "a"), lab.write("Kept", "b"), lab.write("Away", "c")
    source = lab.source()
    known = hashes(everything(source, {})[0])
    assert set(known) == {lab.doc(old), lab.doc(kept), lab.doc(away)}
    assert everything(source, known) == ({}, set())
    new = lab.move(old, "New name", redirect=True)
    lab.write("Kept", "b, changed")
    lab.delete(away)
    pages, gone = everything(source, known)
    assert set(pages) == {lab.doc(new), lab.doc(kept)}
    assert gone == {lab.doc(old), lab.doc(away)}
    assert "b, changed" in pages[lab.doc(kept)].text


def test_a_page_that_leaves_the_category_leaves_the_source(lab: WikiLab) -> None:
    title = lab.write("Was a runbook", "a")
    source = lab.source()
    known = hashes(everything(source, {})[0])
    lab.write("Was a runbook", "a", marked=False)
    assert everything(source, known) == ({}, {lab.doc(title)})


def test_a_template_that_puts_a_page_into_a_category_is_noticed_without_a_revision(lab: WikiLab) -> None:
    lab.post(action="edit", title=f"Template:{lab.word}", text="x", token=lab._token)
    title = lab.write("Uses it", "{{" + lab.word + "}} text")
    source = lab.source()
    known = hashes(everything(source, {})[0])
    lab.post(action="edit", title=f"Template:{lab.word}", text="x[[Category:Superseded pages]]", token=lab._token)
    lab.post(action="purge", titles=title, forcelinkupdate="1")
    pages, _ = everything(source, known)
    assert pages[lab.doc(title)].facts.state is PageState.SUPERSEDED


def test_only_the_namespaces_that_are_named_are_read(lab: WikiLab) -> None:
    main, helping = lab.write("In main", "a"), lab.write("Help:In help", "b")
    lab.write("Talk:In talk", "c")
    assert set(everything(lab.source(), {})[0]) == {lab.doc(main), lab.doc(helping)}
    assert set(everything(lab.source(namespaces=("help",)), {})[0]) == {lab.doc(helping)}
    assert set(everything(lab.source(namespaces=("12",)), {})[0]) == {lab.doc(helping)}
    assert set(everything(lab.source(namespaces=()), {})[0]) == {lab.doc(main)}
    with pytest.raises(Refused, match="no namespace 'nowhere'"):
        everything(lab.source(namespaces=("nowhere",)), {})


def test_redirects_and_pages_that_are_no_text_are_left_out(lab: WikiLab) -> None:
    target = lab.write("Target", "a")
    lab.write("Short cut", f"#REDIRECT [[{target}]]")
    lab.post(action="edit", title=f"User:Admin/{lab.word}.css", text=f"/* [[Category:{lab.word}]] */", token=lab._token)
    assert set(everything(lab.source(namespaces=("Main", "User")), {})[0]) == {lab.doc(target)}


def test_nobody_in_particular_may_read_a_public_wiki(lab: WikiLab) -> None:
    title = lab.write("Public", "a")
    assert lab.doc(title) in everything(lab.source(user=False), {})[0]


def test_a_wrong_password_is_refused_and_told_to_nobody(lab: WikiLab) -> None:
    source = lab.source(password="z" * 32)
    with pytest.raises(CredentialsRefused) as caught:
        everything(source, {})
    assert "z" * 6 not in str(caught.value)
    assert "knowledge.wiki" in str(caught.value)
    assert [probe.state for probe in source.probe()] == ["fail"]


def test_a_session_that_ended_is_opened_again(lab: WikiLab) -> None:
    title = lab.write("Kept", "a")
    source = lab.source()
    everything(source, {})
    source._wiki._cookies.clear()  # type: ignore[attr-defined]
    assert lab.doc(title) in everything(source, {})[0]


def test_hostile_text_becomes_harmless_lines(lab: WikiLab) -> None:
    title = lab.write("Hostile", HOSTILE)
    page = everything(lab.source(), {})[0][lab.doc(title)]
    assert not set(page.text) & set("\x1b\x07\u202e")
    assert "rm -rf" in page.text


def test_a_part_that_fails_keeps_what_came_before_it(lab: WikiLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READS", 2)
    for number in range(5):
        lab.write(f"Page {number}", "a")
    source = lab.source()
    pages, gone = source.pages({})
    assert (len(pages), gone, source.has_more) == (2, [], True)
    known = {page.doc: page.content_hash for page in pages}
    url, source._wiki._http._base = source._wiki._http._base, "http://127.0.0.1:9"  # type: ignore[attr-defined]
    with pytest.raises((Unreachable, Refused)):
        source.pages(known)
    source._wiki._http._base = url  # type: ignore[attr-defined]
    rest, gone_too = everything(source, known)
    assert (len(rest), gone_too) == (3, set())


def test_a_page_that_changes_while_it_is_read_comes_now_or_next_time(
    lab: WikiLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READS", 1)
    first, second = lab.write("A one", "a"), lab.write("B two", "b")
    source = lab.source()
    pages, _ = source.pages({})
    known = {page.doc: page.content_hash for page in pages}
    lab.write("A one", "a, changed")  # was read already
    moved = lab.move(second, "C three")  # was listed and is not read yet
    came, gone = everything(source, known)
    known |= hashes(came)
    again, went = everything(source, {doc: known[doc] for doc in known if doc not in gone})
    known |= hashes(again)
    there = {doc for doc in known if doc not in gone | went}
    assert there == {lab.doc(first), lab.doc(moved)}
    assert "a, changed" in {**came, **again}[lab.doc(first)].text


def test_more_than_five_hundred_pages_come_in_parts(lab: WikiLab) -> None:
    """One request lists 500 pages at most, for nobody in particular."""
    source = lab.source(user=False, namespaces=("Many",), anywhere=True)
    known: dict[str, str] = {}
    parts = 0
    while not parts or source.has_more:
        pages, gone = source.pages(known)
        assert gone == []
        assert len(pages) <= module.READS
        known |= {page.doc: page.content_hash for page in pages}
        parts += 1
    assert len(known) == MANY
    assert parts == -(-MANY // module.READS)
    assert everything(source, known) == ({}, set())


CONFIG = """\
[knowledge.wiki]
kind = "mediawiki"
url = "{url}"
user = "{user}"
token = {{ env = "OPSTUI_TEST_TOKEN" }}
categories = ["{word}"]
owner = "ops"
review_by = 2020-01-01
"""


def test_the_command_line_indexes_searches_and_lists_it(
    lab: WikiLab, warm: Warm, tmp_path: Path, mediawiki_env: Mapping[str, str]
) -> None:
    config = CONFIG.format(url=lab.url, user=mediawiki_env["MEDIAWIKI_USER"], word=lab.word)
    operator = Operator(warm, tmp_path / "home", config, mediawiki_env["MEDIAWIKI_PASSWORD"])
    title = lab.write("Zeppelin mooring lost", "The zeppelin drifts. Winch it down.\x1b[2J")
    assert operator.ask("knowledge", "index") == {"changed": 1, "errors": {}}
    [hit] = operator.ask("knowledge", "search", "zeppelin mooring lost")
    assert (hit["doc"], hit["strength"]) == (lab.doc(title), "strong")
    [row] = operator.ask("knowledge", "sources")
    assert (row["name"], row["kind"], row["where"], row["pages"]) == ("wiki", "mediawiki", lab.url, 1)
    assert (row["owner"], row["review_by"], row["overdue"], row["error"]) == ("ops", "2020-01-01", True, None)
    assert row["answered_at"] is not None
    assert "review overdue" in operator("knowledge", "sources").out
    lab.delete(title)
    assert operator.ask("knowledge", "index")["changed"] == 1
    assert operator.ask("knowledge", "search", "zeppelin mooring lost") == []
    assert mediawiki_env["MEDIAWIKI_PASSWORD"].encode() not in operator.kept()
    doctor = {(probe["check"], probe["state"]) for probe in operator.ask("doctor")}
    assert {("knowledge wiki", "pass"), ("knowledge wiki", "warn")} <= doctor


class WikiShelf:
    """The wiki as the contract suite uses it."""

    def __init__(self, lab: WikiLab) -> None:
        self.lab = lab
        self.made: KnowledgeSource | None = None
        self.url = ""

    def source(self) -> KnowledgeSource:
        self.made = self.lab.source()
        return self.made

    def put(self, name: str, text: str) -> str:
        return self.lab.doc(self.lab.write(name, text))

    def spoil(self, name: str) -> str | None:
        return None

    def remove(self, name: str) -> None:
        self.lab.delete(f"{self.lab.word} {name}")

    def cut(self) -> None:
        http = self.made._wiki._http  # type: ignore[union-attr]
        self.url, http._base, http._port = http._base, "http://127.0.0.1:9", 9

    def mend(self) -> None:
        http = self.made._wiki._http  # type: ignore[union-attr]
        http._base, http._port = self.url, int(self.url.rpartition(":")[2])


class TestMediaWiki(KnowledgeSourceContract):
    @pytest.fixture
    def shelf(self, lab: WikiLab) -> Shelf:
        return WikiShelf(lab)
