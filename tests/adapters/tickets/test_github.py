"""GitHub Issues over HTTP, against a stand-in that refuses what the vendor does not describe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from opstui.adapters.tickets import github
from opstui.adapters.tickets.github import GitHubTickets, connect
from opstui.adapters.tickets.github_queries import Query
from opstui.adapters.tickets.github_reading import marked, severity_of, unmarked
from opstui.adapters.tickets.severities import Severities
from opstui.core.errors import CredentialsRefused, NotFound, RateLimited, Refused, Unreachable
from opstui.core.ports import Cursor, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, TicketRef, Visibility
from opstui.testing.tickets import Change, Comment, TicketSystemContract
from tests.adapters.tickets.fake_github import ANA, BO, REPO, FakeGitHub
from tests.adapters.tickets.stand_in import SECRET, Elsewhere, FixedClock, Reply, connection_to

OP = "01JABCDEFGHJKMNPQRSTVWXYZ0"
QUEUE = Queue("open", "gh", f"repo:{REPO} is:issue is:open")
SEARCHED = Queue("found", "gh", f"repo:{REPO} is:issue is:open -label:wontfix")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between writes has a test of its own in the client's."""
    monkeypatch.setattr(github, "WRITE_GAP", 0.0)


@pytest.fixture
def service() -> Iterator[FakeGitHub]:
    with FakeGitHub() as made:
        yield made


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def system(service: FakeGitHub, clock: FixedClock) -> AsyncIterator[GitHubTickets]:
    made = connect(connection_to(service, name="gh", kind="github", clock=clock))
    yield made
    await made.disconnect()


class TestContract(TicketSystemContract):
    """What every ticket system promises."""

    @pytest.fixture
    def system(self, service: FakeGitHub) -> GitHubTickets:
        return connect(connection_to(service, name="gh", kind="github"))

    @pytest.fixture
    def key(self, service: FakeGitHub) -> str:
        return service.add_issue()

    @pytest.fixture(params=[QUEUE, SEARCHED], ids=["listed", "searched"])
    def queue(self, request: pytest.FixtureRequest) -> Queue:
        found: Queue = request.param
        return found

    @pytest.fixture
    def foreign_change(self, service: FakeGitHub) -> Change:
        async def change(key: str) -> None:
            service.comment(key, BO, "me too")

        return change

    @pytest.fixture
    def foreign_comment(self, service: FakeGitHub) -> Comment:
        async def comment(key: str, text: str) -> None:
            service.comment(key, BO, text)

        return comment

    @pytest.fixture
    def assignee(self) -> str:
        return ANA

    @pytest.fixture
    def field(self) -> tuple[str, str]:
        return "/fields/milestone", "Q4"

    @pytest.fixture
    def unknown_key(self) -> str:
        return f"{REPO}#4711"

    @pytest.fixture
    def stranger(self, service: FakeGitHub) -> GitHubTickets:
        return connect(connection_to(service, name="gh", kind="github", secret="wrong-token"))

    @pytest.fixture
    def cut_off(self) -> GitHubTickets:
        return connect(connection_to("http://127.0.0.1:1", name="gh", kind="github"))

    # GitHub's keys name a repository, so "1" would be refused before anybody is asked.
    async def _errors(self, system: Any, key: str) -> Any:
        return await super()._errors(system, f"{REPO}#1")


async def everything(
    system: GitHubTickets, queue: Queue = QUEUE, cursor: Cursor | None = None
) -> tuple[dict[str, Ticket], set[str], Cursor]:
    """All tickets that the answers told, all keys that left, and where they end; a beginning forgets what was."""
    found: dict[str, Ticket] = {}
    left: set[str] = set()
    while True:
        changes = await system.changed_since(queue, cursor)
        if changes.anew:
            found, left = {}, set()
        found |= {one.ref.key: one for one in changes.tickets}
        left |= set(changes.left)
        cursor = changes.cursor
        if changes.complete:
            return found, left, cursor


def update(key: str, **parts: Any) -> Update:
    return Update(op_id=OP, ticket=TicketRef("gh", key), expected_version="x", author="ana", **parts)


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("sev1", "1"), ("SEV-2", "2"), ("severity: high", "2"), ("Severity/Critical", "1"), ("P0", "1"), ("p3", "3"),
        ("priority/4", "4"), ("priority: low", "4"), ("S1", "1"), ("customer-down", "1"),
        ("error", None), ("high", None), ("sprint-1", None), ("s3-bucket", None), ("p2p", None), ("1", None),
        ("priority", None), ("services 2", None),
    ],
)  # fmt: skip
def test_only_labels_that_speak_of_severity_mean_one(label: str, meaning: str | None) -> None:
    assert severity_of(label, Severities({"customer-down": "1"}, {})) == meaning


@pytest.mark.parametrize("text", ["", "x", "x\n", "```\nopen", "<!-- open", "ends\n\n<!-- opstui:short -->", "a\r\nb"])
def test_a_marker_is_taken_off_again(text: str) -> None:
    assert unmarked(marked(text, OP)) == (text, OP)
    assert unmarked(marked(text, OP).replace("\n", "\r\n") + "\r\n")[1] == OP
    assert unmarked(text) == (text, None)


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("repo:acme/ops", {"state": "all"}),
        ("repo:acme/ops is:issue is:open", {"state": "open"}),
        ('repo:acme/ops state:closed label:"on call" label:sev1', {"state": "closed", "labels": "on call,sev1"}),
        ("repo:acme/ops is:open assignee:bo author:ana", {"state": "open", "assignee": "bo", "creator": "ana"}),
        ("is:open no:assignee repo:acme/ops", {"state": "open", "assignee": "none"}),
        ("repo:acme/ops is:open is:closed", None),
        ("repo:acme/ops is:open checkout", None),
        ("repo:acme/ops -label:wontfix", None),
        ('repo:acme/ops label:"a,b"', None),
        ("repo:acme/ops milestone:Q4", None),
        ("repo:acme/ops (label:bug OR label:dns)", None),
        ('repo:acme/ops "up OR down (again"', None),
    ],
)
def test_a_query_is_a_list_where_the_list_can_say_it(query: str, params: dict[str, str] | None) -> None:
    found = Query.read(Queue("open", "gh", query)).params
    assert (None if found is None else dict(found)) == params


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "name one repository"),
        ("is:open", "name one repository"),
        ("repo:acme/ops repo:acme/web", "name one repository"),
        ("repo:acme", "no owner/name"),
        ("repo:acme/..", "no owner/name"),
        ("repo:../../user", "no owner/name"),
        ("repo:acme/ops is:pr", "pull requests"),
        ("repo:acme/ops sort:created", "sets an order"),
        ("repo:acme/ops label:bug OR label:dns", "an OR outside of brackets"),
        ("repo:acme/ops (label:bug) OR (label:dns)", "an OR outside of brackets"),
        ("repo:acme/ops label:bug) OR (label:dns", "brackets that do not match"),
        ("repo:acme/ops (label:bug", "brackets that do not match"),
    ],
)
async def test_a_query_that_cannot_be_asked_is_refused(
    service: FakeGitHub, system: GitHubTickets, query: str, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        await system.changed_since(Queue("odd", "gh", query), None)
    assert not service.requests


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_an_issue_reads_as_a_ticket(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue(milestone=service.milestones[0], labels=[{"name": "bug"}, {"name": "sev2"}, "dns"])
    service.comment(key, BO, "looking\r\nat it")
    service.label(key, BO, "sev1")
    service._event(key, "mentioned", ANA)
    service._event(key, "renamed", BO, rename={"from": "a", "to": "b"})
    service.close(key, reason="not_planned")
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.status.category) == ("closed (not planned)", StatusCategory.CLOSED)
    assert (ticket.severity, ticket.priority, ticket.assignees) == ("1", "sev1", (BO,))
    assert ticket.tags == ("bug", "sev2", "dns", "sev1")
    assert ticket.fields == {"milestone": "Q4"}
    assert ticket.due_at is not None
    assert ticket.url == f"https://github.com/{REPO}/issues/1"
    assert [(one.kind, one.author, one.text) for one in ticket.timeline] == [
        (EntryKind.REPLY, BO, "looking\nat it"),
        (EntryKind.FIELD, BO, "labeled: sev1"),
        (EntryKind.FIELD, BO, "renamed: a → b"),
        (EntryKind.STATUS, BO, "closed: not planned"),
    ]
    assert {one.visibility for one in ticket.timeline} == {Visibility.PUBLIC}
    assert ticket.timeline[0].id == f"{REPO}#1#1"


@pytest.mark.parametrize(
    ("fields", "raw", "category"),
    [
        ({"state": "open", "state_reason": "reopened"}, "open", StatusCategory.OPEN),
        ({"state": "closed", "state_reason": None}, "closed", StatusCategory.CLOSED),
        ({"state": "closed", "state_reason": "completed"}, "closed (completed)", StatusCategory.RESOLVED),
        ({"state": "closed", "state_reason": "duplicate"}, "closed (duplicate)", StatusCategory.CLOSED),
        ({"state": "melting", "state_reason": None}, "melting", StatusCategory.OPEN),
    ],
)
async def test_a_state_and_its_reason_are_a_status(
    service: FakeGitHub, system: GitHubTickets, fields: dict[str, Any], raw: str, category: StatusCategory
) -> None:
    ticket = await system.ticket(service.add_issue(**fields))
    assert (ticket.status.raw, ticket.status.category) == (raw, category)


async def test_a_pull_request_is_no_ticket(service: FakeGitHub, system: GitHubTickets) -> None:
    issue, pull = service.add_issue(), service.add_issue(pull_request={"url": "x"})
    found, _, _ = await everything(system)
    assert set(found) == {issue}
    with pytest.raises(NotFound, match="is a pull request"):
        await system.ticket(pull)


@pytest.mark.parametrize("answer", [{}, {"message": "x"}, 7, None])
async def test_an_answer_without_a_list_is_no_empty_queue(
    service: FakeGitHub, system: GitHubTickets, answer: Any
) -> None:
    service.add_issue()
    for on, queue in (("GET /repos/*", QUEUE), ("GET /search/*", SEARCHED)):
        service.answer(on, Reply.of(answer))
        with pytest.raises(Refused, match=r"gh: .*What was cached stays"):
            await system.changed_since(queue, None)


async def test_an_issue_that_lacks_a_number_is_left_out(service: FakeGitHub, system: GitHubTickets) -> None:
    service.answer("GET /repos/*", Reply.of([{"number": 7}, {"title": "no number"}, {"number": "x"}, "odd"]))
    assert set((await everything(system))[0]) == {f"{REPO}#7"}


async def test_a_long_timeline_is_read_along_its_pages(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    for number in range(250):
        service.comment(key, BO, f"comment {number}")
    timeline = (await system.ticket(key)).timeline
    assert [one.text for one in timeline] == [f"comment {number}" for number in range(250)]
    assert [one.number for one in timeline] == list(range(1, 251))


async def test_a_next_page_elsewhere_is_refused_before_the_token_is_told(
    service: FakeGitHub, system: GitHubTickets
) -> None:
    key = service.add_issue()
    for number in range(120):
        service.comment(key, BO, f"comment {number}")
    with Elsewhere() as elsewhere:
        for address in (f"{elsewhere.url}/timeline?page=2", f"//{elsewhere.url.partition('//')[2]}/x", "file:///etc/x"):
            service.next_link = address
            with pytest.raises(Refused, match=r"gh: .*nothing was sent"):
                await system.ticket(key)
        assert not elsewhere.requests
    assert SECRET not in str(service.requests[-1].query)


async def test_a_list_never_follows_an_address(service: FakeGitHub, system: GitHubTickets) -> None:
    keys = {service.add_issue() for _ in range(130)}
    with Elsewhere() as elsewhere:
        service.next_link = f"{elsewhere.url}/issues?page=2"
        for queue in (QUEUE, SEARCHED):
            found, _, _ = await everything(system, queue)
            assert set(found) == keys
        assert not elsewhere.requests


async def test_what_happens_while_a_ticket_is_read_makes_another_version_of_it(
    service: FakeGitHub, system: GitHubTickets
) -> None:
    key = service.add_issue()
    service.before(f"GET /repos/{REPO}/issues/1", lambda: service.label(key, BO, "sev1"))
    torn = await system.ticket(key)
    assert torn.severity == "1"
    assert (await system.ticket(key)).version != torn.version


# --- queues -----------------------------------------------------------------------------------------------------------


async def test_a_quiet_list_is_asked_without_being_told_again(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    _, _, cursor = await everything(system)
    service.requests.clear()
    found, _, again = await everything(system, cursor=cursor)
    assert (set(found), again) == ({key}, cursor)
    assert [one.headers.get("if-none-match", "")[:3] for one in service.sent("GET /repos/*/issues")] == ['W/"']
    service.close(key)
    _, left, _ = await everything(system, cursor=cursor)
    assert left == {key}


async def test_a_large_list_is_told_by_what_was_updated(
    service: FakeGitHub, system: GitHubTickets, clock: FixedClock
) -> None:
    keys = [service.add_issue(f"issue {number}") for number in range(230)]
    service.tick(60)
    found, _, cursor = await everything(system)
    assert set(found) == set(keys)
    clock.forward(5)
    service.comment(keys[7], BO, "me too")
    service.requests.clear()
    found, _, cursor = await everything(system, cursor=cursor)
    assert keys[7] in found
    assert len(found) < 100
    service.close(keys[9])
    clock.forward(600)
    found, _, _ = await everything(system, cursor=cursor)
    assert set(found) == set(keys) - {keys[9]}


async def test_a_search_that_lags_tells_what_it_finds_later(
    service: FakeGitHub, system: GitHubTickets, clock: FixedClock
) -> None:
    keys = [service.add_issue(f"issue {number}") for number in range(130)]
    service.tick(300)
    service.lag = True
    service.index()
    found, _, cursor = await everything(system, SEARCHED)
    assert set(found) == set(keys)
    service.label(keys[3], BO, "sev1")
    clock.forward(5)
    found, _, cursor = await everything(system, SEARCHED, cursor)
    assert keys[3] not in found or found[keys[3]].severity is None
    service.index()
    service.comment(keys[4], BO, "newer")
    found, _, cursor = await everything(system, SEARCHED, cursor)
    assert found[keys[3]].severity == "1"


async def test_a_row_that_slips_to_the_page_before_is_not_lost(
    service: FakeGitHub, system: GitHubTickets, clock: FixedClock
) -> None:
    keys = [service.add_issue(f"issue {number}") for number in range(230)]
    service.tick(300)
    service.before("GET /search/issues", lambda: service.close(keys[0]), skip=1)
    found, _, cursor = await everything(system, SEARCHED)
    assert set(found) == set(keys)  # the first was there when it was read
    clock.forward(600)
    found, _, _ = await everything(system, SEARCHED, cursor)
    assert set(found) == set(keys[1:])


async def test_a_search_that_gave_up_says_nothing_of_who_left(service: FakeGitHub, system: GitHubTickets) -> None:
    service.add_issue()
    service.incomplete = True
    with pytest.raises(Unreachable, match="took too long"):
        await everything(system, SEARCHED)


async def test_more_hits_than_the_search_tells_are_refused_in_words(service: FakeGitHub, system: GitHubTickets) -> None:
    service.answer("GET /search/issues", Reply.of({"total_count": 1001, "items": []}))
    with pytest.raises(Refused, match="1001 issues fit the query of found"):
        await everything(system, SEARCHED)


async def test_a_repository_that_is_not_there_is_refused_in_words(system: GitHubTickets) -> None:
    with pytest.raises(Refused, match="the repository of odd does not exist"):
        await everything(system, Queue("odd", "gh", "repo:acme/secret is:open"))


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_a_comment_carries_its_mark_where_nobody_reads_it(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    text = "**rolled back**\n\n- db1\n- db2"
    sent = await system.send(update(key, comment=text, public=True))
    (event,) = service.events[1]
    assert event["body"] == f"{text}\n\n<!-- opstui:{OP} -->"
    assert sent.remote_id == str(event["id"])
    (entry,) = (await system.ticket(key)).timeline
    assert (entry.text, entry.op_id) == (text, OP)
    assert await system.find(key, OP) == entry.id


async def test_everything_else_an_issue_can_be_set_to(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue(labels=[{"name": "bug"}, {"name": "sev2"}])
    fields = {
        "/severity": "3", "/assignee": [ANA], "/status": "closed (not planned)", "/fields/milestone": "Q4",
    }  # fmt: skip
    await system.send(update(key, fields=fields, add_tags=("dns", "bug"), remove_tags=("bug", "absent")))
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.severity, ticket.assignees) == ("closed (not planned)", "3", (ANA,))
    assert set(ticket.tags) == {"dns", "Severity: 3"}
    assert ticket.fields == {"milestone": "Q4"}
    assert service.requests[-1].method == "GET"
    assert [one.method for one in service.applied if one.method != "GET"][-1] == "PATCH"
    await system.send(update(key, fields={"/status": "open", "/severity": None, "/fields/milestone": None}))
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.severity, ticket.tags, ticket.fields) == ("open", None, ("dns",), {})


async def test_labels_of_others_stay_while_ours_change(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue(labels=[{"name": "bug"}])
    service.before("POST */labels", lambda: service.label(key, BO, "vip"))
    await system.send(update(key, add_tags=("dns",)))
    assert set((await system.ticket(key)).tags) == {"bug", "vip", "dns"}


async def test_a_label_that_somebody_took_away_first_is_no_error(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue(labels=[{"name": "bug"}])
    service.before("DELETE *", lambda: service.issues[1].update(labels=[]))
    await system.send(update(key, remove_tags=("bug",)))
    assert (await system.ticket(key)).tags == ()


async def test_statuses_are_from_open_to_closed_and_back(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    assert await system.transitions(key) == ("closed (completed)", "closed (not planned)")
    service.close(key)
    assert await system.transitions(key) == ("open",)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"comment": "x"}, "everybody who sees the repository"),
        ({"attachments": (("a", b"b"),)}, "takes no files"),
        ({"fields": {"/team": "dba"}}, "have no team"),
        ({"fields": {"/fields/Colour": "red"}}, "no fields of their own but milestone"),
        ({"fields": {"/fields/milestone": "Q9"}}, "no open milestone 'Q9'; there are: Q4"),
        ({"fields": {"/status": "closed"}}, "'closed' is no status that can be set"),
        ({"fields": {"/severity": "4"}}, "no label there means severity 4 (there are: sev1, sev2, Severity: 3)"),
        ({"fields": {"/assignee": ["stranger"]}}, "stranger can't be assigned"),
        ({"add_tags": ("x" * 51,)}, "can't be a label"),
    ],
)
async def test_what_cannot_be_said_there_is_refused_before_anything_is_sent(
    service: FakeGitHub, system: GitHubTickets, parts: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused) as caught:
        await system.send(update(service.add_issue(), **parts))
    assert words in str(caught.value)
    assert not [one for one in service.requests if one.method != "GET"]


async def test_what_is_refused_in_the_middle_says_what_came_before(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    service.answer("PATCH *", Reply.of({"message": "Resource not accessible by personal access token"}, 403))
    with pytest.raises(Refused, match=r"not accessible.*but for what came before: its labels are added"):
        await system.send(update(key, add_tags=("dns",), fields={"/status": "closed (completed)"}))


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("applied", [False, True])
async def test_a_comment_whose_answer_was_cut_may_be_applied(
    service: FakeGitHub, system: GitHubTickets, applied: bool
) -> None:
    key = service.add_issue()
    service.cut("POST *", applied=applied)
    with pytest.raises(Unreachable) as caught:
        await system.send(update(key, comment="x", public=True))
    assert caught.value.was_anything_sent
    assert (await system.find(key, OP) is not None) is applied


@pytest.mark.parametrize(("status", "sent"), [(500, True), (502, True), (503, False), (504, True)])
async def test_a_server_in_trouble_says_whether_it_may_be_applied(
    service: FakeGitHub, system: GitHubTickets, status: int, sent: bool
) -> None:
    key = service.add_issue()
    service.answer("POST *", Reply.of({"message": "down"}, status))
    with pytest.raises(Unreachable) as caught:
        await system.send(update(key, comment="x", public=True))
    assert caught.value.was_anything_sent is sent


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (Reply.of({"message": "You have exceeded a secondary rate limit"}, 403, {"Retry-After": "31"}), 31),
        (Reply.of({"message": "You have exceeded a secondary rate limit"}, 403), 60),
        (Reply.of({"message": "slow down"}, 429, {"Retry-After": "7"}), 7),
        (
            Reply.of(
                {"message": "API rate limit exceeded"},
                403,
                {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795165242"},
            ),
            42,
        ),
    ],
)
async def test_a_rate_limit_is_waited_for_as_long_as_it_asks(
    service: FakeGitHub, system: GitHubTickets, clock: FixedClock, reply: Reply, pause: float
) -> None:
    assert clock.now().timestamp() == 1795165200
    key = service.add_issue()
    service.answer("POST *", reply)
    with pytest.raises(RateLimited) as caught:
        await system.send(update(key, comment="x", public=True))
    assert caught.value.retry_after == pause
    assert not caught.value.was_anything_sent
    assert not service.events[1]


async def test_a_403_that_is_no_rate_limit_is_a_refusal(service: FakeGitHub, system: GitHubTickets) -> None:
    key = service.add_issue()
    service.answer("POST *", Reply.of({"message": "Resource not accessible by personal access token"}, 403))
    with pytest.raises(Refused, match="not accessible by personal access token"):
        await system.send(update(key, comment="x", public=True))


async def test_wrong_credentials_are_told_without_the_token(service: FakeGitHub) -> None:
    system = connect(connection_to(service, name="gh", kind="github", secret=f"{SECRET}-old"))
    with pytest.raises(CredentialsRefused) as caught:
        await system.ticket(f"{REPO}#1")
    assert SECRET not in str(caught.value)
    await system.disconnect()


async def test_an_enterprise_server_lies_below_its_path(service: FakeGitHub) -> None:
    system = connect(connection_to(service, name="gh", kind="github", path="/api/v3"))
    with pytest.raises(Refused):
        await system.ticket(f"{REPO}#1")
    assert [one.path for one in service.requests] == [f"/api/v3/repos/{REPO}/issues/1/timeline"]
    assert service.mistakes()
    await system.disconnect()
