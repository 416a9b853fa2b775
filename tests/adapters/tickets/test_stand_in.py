"""The harness itself: what it takes, what it refuses, and that nobody can forget to look."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.adapters.tickets.stand_in import SECRET, Elsewhere, Recorded, Reply, StandIn, connection_to, route
from tests.adapters.tickets.vendor import NotDescribed, Spec


class Notes(StandIn):
    """A small GitHub."""

    specs = ("github-issues",)

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    @route("POST", "/repos/{owner}/{repo}/issues/{number}/comments")
    def comment(self, request: Recorded, owner: str, repo: str, number: str) -> Reply:
        self.kept.append(f"{owner}/{repo}#{number}: {request.json['body']}")
        return Reply.of({"id": len(self.kept)}, 201)

    @route("GET", "/repos/{owner}/{repo}/issues")
    def issues(self, request: Recorded, owner: str, repo: str) -> list[str]:
        return self.kept


@pytest.fixture
def notes() -> Iterator[Notes]:
    with Notes() as service:
        yield service


@contextmanager
def line(service: StandIn) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", int(service.url.rpartition(":")[2]), timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    service: StandIn, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str, http.client.HTTPMessage]:
    with line(service) as connection:
        given = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, given | dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


COMMENTS = "/repos/acme/ops/issues/12/comments"


def test_a_good_request_changes_what_is_kept(notes: Notes) -> None:
    assert ask(notes, "POST", COMMENTS, {"body": "looked at it"})[0] == 201
    assert ask(notes, "GET", "/repos/acme/ops/issues?state=open")[1] == '["acme/ops#12: looked at it"]'
    assert [(one.method, one.path) for one in notes.requests] == [
        ("POST", COMMENTS), ("GET", "/repos/acme/ops/issues"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("GET", "/repos/acme/ops/issues?state=opened", None, "opened"),
        ("GET", "/repos/acme/ops/issues?stat=open", None, "no query parameter 'stat'"),
        ("GET", "/repos/acme/ops/tissues", None, "no path"),
        ("DELETE", "/repos/acme/ops/issues", None, "knows no DELETE"),
        ("POST", COMMENTS, {}, "body"),
        ("POST", COMMENTS, {"body": 7}, "body"),
        ("POST", COMMENTS, {"body": "x", "bdoy": "x"}, "bdoy"),
        ("PATCH", "/repos/acme/ops/issues/12", {"state": "resolved"}, "state"),
        ("GET", "/repos/acme/ops/issues", {"state": "open"}, "no body"),
    ],
)
def test_a_request_that_the_vendor_does_not_describe_is_refused_in_words(
    notes: Notes, method: str, path: str, body: object, words: str
) -> None:
    status, answer, _ = ask(notes, method, path, body)
    assert status == 400
    assert words in json.loads(answer)["message"]
    assert len(notes.mistakes()) == 1
    assert notes.kept == []


def test_a_mistake_fails_the_block_although_nobody_looked() -> None:
    with pytest.raises(AssertionError, match="opened"), Notes() as service:
        ask(service, "GET", "/repos/acme/ops/issues?state=opened")


def test_a_path_that_the_stand_in_lacks_fails_the_block() -> None:
    with pytest.raises(AssertionError, match="no such route"), Notes() as service:
        ask(service, "GET", "/repos/acme/ops/issues/12")


def test_a_header_that_is_asked_for_must_be_there() -> None:
    spec = Spec.load("pagerduty-rest")

    def put(**headers: str) -> Recorded:
        body = json.dumps({"incident": {"type": "incident_reference", "status": "acknowledged"}}).encode()
        given = {"content-type": "application/json", "authorization": "Token token=x"} | headers
        return Recorded("PUT", "/incidents/Q1", (), given, body, raw_path="/incidents/Q1")

    with pytest.raises(NotDescribed, match=r"(?i)from"):
        spec.check(put())
    spec.check(put(**{"from": "ana@example.com", "accept": "application/vnd.pagerduty+json;version=2"}))


def test_an_unknown_word_in_a_list_of_a_query_is_refused() -> None:
    spec = Spec.load("pagerduty-rest")

    def ask_for(status: str) -> Recorded:
        headers = {"authorization": "Token token=x"}
        return Recorded("GET", "/incidents", (("statuses[]", status),), headers, b"", f"/incidents?statuses[]={status}")

    spec.check(ask_for("triggered"))
    with pytest.raises(NotDescribed, match="closed"):
        spec.check(ask_for("closed"))


def test_a_description_that_is_not_here_skips_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="OPSTUI_TEST_SPECS"):
        Spec.load("no-such-vendor")


@pytest.mark.parametrize("name", ["github-issues", "jira-cloud-v3", "pagerduty-rest", "zendesk-support"])
def test_every_description_is_read_whole(name: str) -> None:
    assert Spec.load(name).operations() > 20


def test_a_limit_is_told_as_often_as_asked_and_applies_nothing(notes: Notes) -> None:
    notes.limit("POST *", retry_after="7", times=2, RateLimit_Reason="jira-per-issue-on-write")
    for _ in range(2):
        status, _, headers = ask(notes, "POST", COMMENTS, {"body": "x"})
        assert (status, headers["Retry-After"], headers["RateLimit-Reason"]) == (429, "7", "jira-per-issue-on-write")
    assert notes.kept == []
    assert ask(notes, "POST", COMMENTS, {"body": "x"})[0] == 201


def test_a_fault_can_wait_for_the_second_request(notes: Notes) -> None:
    notes.answer("POST *", Reply(503, b"", {"Retry-After": "soon"}), skip=1)
    assert [ask(notes, "POST", COMMENTS, {"body": "x"})[0] for _ in range(3)] == [201, 503, 201]


@pytest.mark.parametrize(("applied", "kept"), [(True, 1), (False, 0)])
def test_a_cut_line_leaves_open_whether_it_was_applied(notes: Notes, applied: bool, kept: int) -> None:
    notes.cut("POST *", applied=applied)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(notes, "POST", COMMENTS, {"body": "x"})
    assert len(notes.kept) == kept


def test_an_answer_may_be_thrown_away_after_it_was_applied(notes: Notes) -> None:
    notes.answer("POST *", Reply(502), applied=True)
    assert ask(notes, "POST", COMMENTS, {"body": "x"})[0] == 502
    assert len(notes.kept) == 1


def test_somebody_else_can_be_faster(notes: Notes) -> None:
    notes.before("POST *", lambda: notes.kept.append("theirs"))
    ask(notes, "POST", COMMENTS, {"body": "ours"})
    assert notes.kept == ["theirs", "acme/ops#12: ours"]


def test_a_login_page_is_no_json(notes: Notes) -> None:
    notes.answer("GET *", Reply.html())
    status, text, headers = ask(notes, "GET", "/repos/acme/ops/issues")
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert "Log in" in text


def test_who_goes_away_takes_no_connection_and_comes_back_on_the_same_port(notes: Notes) -> None:
    url = notes.url
    notes.go_away()
    with pytest.raises(ConnectionError), socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5):
        pass
    notes.come_back()
    assert notes.url == url
    assert ask(notes, "GET", "/repos/acme/ops/issues")[0] == 200


def test_elsewhere_keeps_whatever_it_was_told() -> None:
    with Elsewhere() as other:
        ask(other, "GET", "/any/where?x=1", headers={"Authorization": "Bearer y"})
        assert other.requests[0].headers["authorization"] == "Bearer y"


def test_a_multipart_body_is_taken_apart(notes: Notes) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a b.txt"\r\nContent-Type: text/plain\r\n\r\n'
        b"one\r\ntwo\r\n--B--\r\n"
    )
    request = Recorded("POST", "/x", (), {"content-type": "multipart/form-data; boundary=B"}, body, "/x")
    assert request.files() == [("file", "a b.txt", b"one\r\ntwo")]


def test_a_connection_has_the_token_but_does_not_show_it(notes: Notes) -> None:
    connection = connection_to(notes, name="gh", kind="github")
    assert connection.secret() == SECRET
    assert SECRET not in repr(connection)
