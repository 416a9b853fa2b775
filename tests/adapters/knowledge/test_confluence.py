"""Both Confluences as sources, against stand-ins made after the vendor's reference. No real one was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opstui.adapters.knowledge import confluence as module, wiki
from opstui.adapters.knowledge.confluence import Confluence
from opstui.adapters.knowledge.wiki import WikiSource
from opstui.core.connections import Connection
from opstui.core.errors import CredentialsRefused, OpstuiError, RateLimited, Refused
from opstui.core.knowledge import PageState
from opstui.core.ports import KnowledgeSource
from opstui.core.text import clean
from opstui.testing.knowledge import KnowledgeSourceContract, Shelf, everything, hashes
from tests.adapters.knowledge.fake_confluence import OTHER, SPACE, USER, FakeCenter, FakeCloud, FakeConfluence
from tests.adapters.tickets.stand_in import SECRET, CountedRandomness, Elsewhere, FixedClock, Reply

RUNBOOK = """\
<ac:structured-macro ac:name="warning"><ac:rich-text-body><p>Superseded by <ac:link>\
<ri:page ri:content-title="Disk full, the new way" /></ac:link></p></ac:rich-text-body></ac:structured-macro>
<h2>Steps</h2><ol><li><p>Look: <code>df -h</code></p></li><li>Rotate</li></ol>
<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">bash</ac:parameter>\
<ac:plain-text-body><![CDATA[logrotate -f \\
  /etc/logrotate.conf # <b>&amp;</b>]]></ac:plain-text-body></ac:structured-macro>"""


@pytest.fixture(params=[FakeCloud, FakeCenter], ids=["cloud", "data center"])
def site(request: pytest.FixtureRequest) -> Iterator[FakeCloud | FakeCenter]:
    with request.param() as made:
        yield made


def source_of(site: FakeCloud | FakeCenter, *, space: str = SPACE, secret: str = SECRET, url: str = "") -> WikiSource:
    connection = Connection(
        name="conf", kind="confluence", url=url or site.base, user=USER if isinstance(site, FakeCloud) else "",
        secret=lambda: secret, clock=FixedClock(), randomness=CountedRandomness(), table="knowledge",
    )  # fmt: skip
    return WikiSource("conf", Confluence(connection, space=space), kind="confluence")


def test_a_page_comes_with_its_text_state_author_version_and_address(site: FakeCloud | FakeCenter) -> None:
    number = site.put("Disk full", RUNBOOK, labels=["linux", "owner:storage"])
    page = everything(source_of(site), {})[0]["conf/Disk_full"]
    assert page.text == (
        "# Disk full\n\nWarning: Superseded by Disk full, the new way\n\n## Steps\n\n1. Look: `df -h`\n2. Rotate\n\n"
        "```bash\nlogrotate -f \\\n  /etc/logrotate.conf # <b>&amp;</b>\n```\n"
    )
    facts = page.facts
    assert (facts.state, facts.superseded_by) == (PageState.SUPERSEDED, "Disk full, the new way")
    assert (facts.owner, facts.tags, facts.revision) == ("storage", ("linux",), "1")
    assert facts.author == clean("Ana \x1b[31mPetrova")
    assert facts.url is not None
    assert facts.url.startswith(f"{site.base}/")
    assert page.changed_at == site.pages[number].at


def test_pages_of_other_spaces_drafts_and_trashed_ones_are_left_out(site: FakeCloud | FakeCenter) -> None:
    site.put("Mine", "<p>a</p>")
    site.put("Theirs", "<p>b</p>", space=OTHER)
    site.put("Gone", "<p>c</p>")
    site.trash("Gone")
    assert set(everything(source_of(site), {})[0]) == {"conf/Mine"}


def test_edits_renames_and_deletions_are_followed(site: FakeCloud | FakeCenter) -> None:
    for title in ("Old", "Kept", "Trashed", "Purged"):
        site.put(title, "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    site.rename("Old", "New")
    site.put("Kept", "<p>a, changed</p>")
    site.trash("Trashed")
    site.purge("Purged")
    pages, gone = everything(source, known)
    assert set(pages) == {"conf/New", "conf/Kept"}
    assert gone == {"conf/Old", "conf/Trashed", "conf/Purged"}


def test_a_label_changes_the_state_without_a_version(site: FakeCloud | FakeCenter) -> None:
    number = site.put("Disk full", "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    site.pages[number].labels.append("work-in-progress")
    pages, _ = everything(source, known)
    assert pages["conf/Disk_full"].facts.state is PageState.DRAFT
    known |= hashes(pages)
    assert everything(source, known) == ({}, set())
    site.pages[number].labels.clear()
    assert everything(source, known)[0]["conf/Disk_full"].facts.state is PageState.CURRENT


def test_only_what_changed_is_read(site: FakeCloud | FakeCenter) -> None:
    for number in range(5):
        site.put(f"Page {number}", "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    before = len(site.requests)
    site.put("Page 3", "<p>b</p>")
    everything(source, known)
    assert sum("storage" in one.raw_path for one in site.requests[before:]) == 1


def test_long_lists_are_gone_through_and_read_in_parts(
    site: FakeCloud | FakeCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "most", 3)
    monkeypatch.setattr(wiki, "LISTS", 2)
    monkeypatch.setattr(wiki, "READS", 4)
    for number in range(20):
        site.put(f"Page {number}", "<p>a</p>")
    source = source_of(site)
    known: dict[str, str] = {}
    parts = []
    while not parts or source.has_more:
        pages, gone = source.pages(known)
        assert gone == []
        known |= {page.doc: page.content_hash for page in pages}
        parts.append(len(pages))
    assert len(known) == 20
    assert max(parts) <= 4
    assert everything(source, known) == ({}, set())


def test_a_page_that_a_list_misses_is_asked_for_and_kept(
    site: FakeCloud | FakeCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists that count from the start move by one where a page is deleted between two requests."""
    monkeypatch.setattr(site, "most", 2)
    for name in "abcde":
        site.put(name, "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    lists = "GET /wiki/api/v2/spaces/*/pages" if isinstance(site, FakeCloud) else "GET /confluence/rest/api/content"
    site.before(lists, lambda: site.trash("a"), skip=1)
    pages, gone = everything(source, known)
    assert pages == {}
    assert gone <= {"conf/a"}
    known = {doc: known[doc] for doc in known if doc not in gone}
    assert everything(source, known)[1] | gone == {"conf/a"}


def test_many_pages_that_lists_miss_are_asked_for_in_parts(
    site: FakeCloud | FakeCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiki, "DOUBTS", 2)
    for name in "abcdefg":
        site.put(name, "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    for name in "abcde":
        site.trash(name)
    assert len(source.pages(known)[1]) == 2
    assert source.has_more
    _, gone = everything(source, known)
    assert gone == {"conf/c", "conf/d", "conf/e"} | ({"conf/a", "conf/b"} & gone)


def test_two_titles_that_become_one_name_are_two_pages(site: FakeCloud | FakeCenter) -> None:
    site.put("Disk full", "<p>a</p>")
    second = site.put("Disk  full", "<p>b</p>")
    assert set(everything(source_of(site), {})[0]) == {"conf/Disk_full", f"conf/Disk_full~{second}"}


def test_a_wrong_token_and_a_space_that_is_not_there_are_told(site: FakeCloud | FakeCenter) -> None:
    site.put("a", "<p>a</p>")
    source = source_of(site, secret="wrong-canary-token")
    with pytest.raises(CredentialsRefused) as caught:
        everything(source, {})
    assert "wrong-canary" not in str(caught.value)
    assert "knowledge.conf.token" in str(caught.value)
    assert [probe.state for probe in source.probe()] == ["fail"]
    with pytest.raises(Refused, match="no space 'NOPE'"):
        everything(source_of(site, space="NOPE"), {})


def test_a_next_link_to_elsewhere_is_not_followed_with_the_token(
    site: FakeCloud | FakeCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "most", 1)
    for name in "ab":
        site.put(name, "<p>a</p>")
    with Elsewhere() as other:
        site.next_link = f"{other.url}/steal?cursor=MQ%3D%3D&start=1"
        try:
            everything(source_of(site), {})
        except OpstuiError:
            pass
        assert other.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>login</html>", {"Content-Type": "text/html"}), Reply.of({}), Reply.of({"results": None}),
        Reply.of([]), Reply(500, b"boom"), Reply(200, b'{"results": [{"id": "../x", "title": "t"}]}'),
        Reply.of({"results": [], "_links": {"next": "/wiki/api/v2/x"}}),
        Reply.of({"results": [{"id": {}, "title": []}, 5, None], "_links": {"next": 5}}),
    ],
    ids=range(8),
)  # fmt: skip
def test_an_odd_list_never_takes_pages_away_but_as_an_empty_one(site: FakeCloud | FakeCenter, reply: Reply) -> None:
    site.put("a", "<p>a</p>")
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    lists = "GET /wiki/api/v2/spaces/*/pages" if isinstance(site, FakeCloud) else "GET /confluence/rest/api/content"
    site.answer(lists, reply)
    told = "stays"
    try:
        assert everything(source, known) == ({}, set())
    except OpstuiError as error:
        told = str(error)
    assert "stays" in told
    assert everything(source, known) == ({}, set())


def test_a_pause_that_is_asked_for_is_told(site: FakeCloud | FakeCenter) -> None:
    site.put("a", "<p>a</p>")
    site.limit(retry_after="70")
    with pytest.raises(RateLimited) as caught:
        everything(source_of(site), {})
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 60


def test_cloud_without_the_right_to_search_reads_labels_with_the_pages_only() -> None:
    with FakeCloud() as site:
        site.put("a", "<p>a</p>", labels=["archived"])
        site.answer("GET /wiki/rest/api/content/search", Reply.of({"message": "no scope"}, 403), times=9)
        source = source_of(site)
        known = everything(source, {})[0]
        assert known["conf/a"].facts.state is PageState.ARCHIVED


def test_the_address_of_a_cloud_site_may_lack_its_path() -> None:
    connection = Connection(
        name="conf", kind="confluence", url="https://acme.atlassian.net", user=USER, clock=FixedClock(),
        randomness=CountedRandomness(), table="knowledge",
    )  # fmt: skip
    assert module.Confluence(connection, space="OPS").where == "https://acme.atlassian.net/wiki (OPS)"


class ConfluenceShelf:
    """The stand-in as the contract suite uses it."""

    def __init__(self, site: FakeCloud | FakeCenter) -> None:
        self.site = site

    def source(self) -> KnowledgeSource:
        return source_of(self.site)

    def put(self, name: str, text: str) -> str:
        from html import escape

        self.site.put(name, "".join(f"<p>{escape(line)}</p>" for line in text.split("\n")))
        return f"conf/{name}"

    def spoil(self, name: str) -> str | None:
        self.site.pages[self.site.put(name, "x")].body = None  # type: ignore[assignment]
        return f"conf/{name}"

    def remove(self, name: str) -> None:
        self.site.trash(name)

    def cut(self) -> None:
        self.site.go_away()

    def mend(self) -> None:
        self.site.come_back()


class TestConfluence(KnowledgeSourceContract):
    @pytest.fixture
    def shelf(self, site: FakeConfluence) -> Shelf:
        assert isinstance(site, FakeCloud | FakeCenter)
        return ConfluenceShelf(site)
