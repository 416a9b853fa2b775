"""What a MediaWiki may answer that the real one of ``tests/servers`` does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opstui.adapters.knowledge import wiki
from opstui.adapters.knowledge.mediawiki import MediaWiki
from opstui.adapters.knowledge.wiki import WikiSource
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, CredentialsRefused, OpstuiError, RateLimited, Refused, Unreachable
from opstui.testing.knowledge import everything, hashes
from tests.adapters.tickets.stand_in import SECRET, CountedRandomness, FixedClock, Recorded, Reply, StandIn, route

SITE = {
    "query": {"general": {"generator": "MediaWiki 1.39"}, "namespaces": {"0": {"id": 0, "name": "", "content": True}}}
}


class FakeWiki(StandIn):
    """Pages 1 to ``count``, and whatever a test puts in place of an answer."""

    count = 1
    instead: Any = None

    @route("GET", "/w/api.php")
    def api(self, request: Recorded) -> Any:
        if request.param("meta") == "siteinfo":
            return SITE
        if self.instead is not None:
            return self.instead
        numbers = [int(one) for one in request.param("pageids").split("|") if one] or range(1, self.count + 1)
        pages = [
            {
                "pageid": number, "ns": 0, "title": f"Page {number}", "lastrevid": number, "contentmodel": "wikitext",
                "fullurl": "javascript:alert(1)",
                "revisions": [{"revid": number, "user": "Ana", "timestamp": "2027-01-02T03:04:05Z",
                               "slots": {"main": {"content": "text"}}}],
            }
            for number in numbers
        ]  # fmt: skip
        return {"batchcomplete": True, "query": {"pages": pages}}

    @route("POST", "/w/api.php")
    def login(self, request: Recorded) -> Any:
        return {"login": {"result": "Failed", "reason": f"wrong: {SECRET}"}}


@pytest.fixture
def site() -> Iterator[FakeWiki]:
    with FakeWiki() as made:
        yield made


def source_of(site: FakeWiki, *, user: str = "", token: str | None = None, url: str = "/w") -> WikiSource:
    connection = Connection(
        name="wiki", kind="mediawiki", url=f"{site.url}{url}", user=user, secret=lambda: token, clock=FixedClock(),
        randomness=CountedRandomness(), table="knowledge",
    )  # fmt: skip
    return WikiSource("wiki", MediaWiki(connection), kind="mediawiki")


def test_a_token_without_a_user_goes_into_the_header_and_nowhere_else(site: FakeWiki) -> None:
    everything(source_of(site, token=SECRET), {})
    assert {one.headers.get("authorization") for one in site.requests} == {f"Bearer {SECRET}"}
    assert not any(SECRET in one.raw_path for one in site.requests)


def test_nobody_in_particular_sends_no_credentials(site: FakeWiki) -> None:
    everything(source_of(site), {})
    assert not any({"authorization", "cookie"} & set(one.headers) for one in site.requests)


@pytest.mark.parametrize("url", ["/w", "/w/api.php", "/w/index.php", "/w/"])
def test_the_address_may_name_its_scripts(site: FakeWiki, url: str) -> None:
    assert len(everything(source_of(site, url=url), {})[0]) == 1


def test_an_address_of_a_page_that_is_none_is_left_out(site: FakeWiki) -> None:
    assert everything(source_of(site), {})[0]["wiki/Page_1"].facts.url is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("readapidenied", CredentialsRefused), ("mwoauth-invalid-authorization", CredentialsRefused),
        ("ratelimited", RateLimited), ("maxlag", RateLimited), ("internal_api_error_DBQueryError", Refused),
    ],
)  # fmt: skip
def test_an_error_is_told_in_its_kind_without_the_token(site: FakeWiki, code: str, kind: type[OpstuiError]) -> None:
    site.instead = {"error": {"code": code, "info": f"no \x1b[31m {SECRET}"}}
    with pytest.raises(kind) as caught:
        everything(source_of(site, token=SECRET), {})
    assert SECRET not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_password_that_the_wiki_repeats_is_not_told(site: FakeWiki) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        everything(source_of(site, user="alex@opstui", token=SECRET), {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "odd",
    [
        Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"}), Reply.of([]), Reply.of({}), Reply(500, b"x"),
        {"continue": {"gapcontinue": "A", "continue": "-||"}, "query": {"pages": []}}, {"warnings": {}, "query": 5},
        Reply(302, b"", {"Location": "https://evil.example/"}),
    ],
    ids=range(7),
)  # fmt: skip
def test_an_odd_answer_takes_no_page_away(site: FakeWiki, odd: Any) -> None:
    source = source_of(site)
    known = hashes(everything(source, {})[0])
    site.instead = odd
    with pytest.raises(OpstuiError):
        everything(source, known)
    site.instead = None
    assert everything(source, known) == ({}, set())


def test_a_page_without_its_text_comes_with_a_problem(site: FakeWiki) -> None:
    row = {"pageid": 1, "ns": 0, "title": "Hidden", "lastrevid": 1, "revisions": [{"revid": 1, "texthidden": True}]}
    site.instead = {"batchcomplete": True, "query": {"pages": [row, 5, {"pageid": "x"}, {"title": "no id"}]}}
    page = everything(source_of(site), {})[0]["wiki/Hidden"]
    assert page.problem == "the wiki does not show its text"


def test_a_wiki_without_end_is_cut_and_doctor_says_so(site: FakeWiki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiki, "PAGE_LIMIT", 3)
    site.count = 5
    source = source_of(site)
    everything(source, {})
    assert any("more than 3 pages" in probe.text for probe in source.probe())


def test_stamps_spare_reading_what_is_known(site: FakeWiki) -> None:
    site.count = 3
    first = source_of(site)
    known = hashes(everything(first, {})[0])
    again = source_of(site)
    again.stamps = dict(first.stamps)
    before = len(site.requests)
    assert again.pages(known) == ([], [])
    assert not any("rvslots" in one.raw_path for one in site.requests[before:])


def test_plain_http_to_another_machine_is_refused() -> None:
    connection = Connection(
        name="wiki", kind="mediawiki", url="http://wiki.example.com", clock=FixedClock(),
        randomness=CountedRandomness(), table="knowledge",
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"knowledge\.wiki\.url"):
        MediaWiki(connection)
    with pytest.raises(ConfigError, match=r"api\.php"):
        MediaWiki(Connection(name="wiki", kind="mediawiki", clock=FixedClock(), randomness=CountedRandomness()))


def test_a_wiki_that_is_down_is_unreachable(site: FakeWiki) -> None:
    source = source_of(site)
    site.go_away()
    with pytest.raises(Unreachable):
        source.pages({})
    site.come_back()


def test_titles_become_names_that_mean_nothing_in_references() -> None:
    titles = ["C# errors", "Ops/Disk full", "What? [x] | y", "###", "a\x1b[2Jb", "Größe (neu)"]
    rows = [wiki.Listed(str(number), title, "1") for number, title in enumerate(titles)]
    assert set(wiki.named("wiki", rows)) == {
        "wiki/C_errors", "wiki/Ops/Disk_full", "wiki/What_x_y", "wiki/3", "wiki/a_2Jb", "wiki/Größe_(neu)",
    }  # fmt: skip
