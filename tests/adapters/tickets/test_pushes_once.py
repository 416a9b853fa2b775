"""A confirmed update arrives once, through the real desk, whatever happens to the answers of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.tickets import github
from opstui.core.drafts import DraftState
from tests.adapters.tickets.desk_on import DeskOn
from tests.adapters.tickets.fake_github import FakeGitHub
from tests.adapters.tickets.fake_jira import PRIORITIES, FakeJira
from tests.adapters.tickets.fake_pagerduty import BO, FakePagerDuty
from tests.adapters.tickets.fake_servicenow import USER, FakeServiceNow
from tests.adapters.tickets.fake_zendesk import FakeZendesk
from tests.adapters.tickets.stand_in import Reply, StandIn

TEXT = "Rolled back to 4.7.1.\n\n  two  spaces, a – dash [not markup]"


@dataclass(frozen=True)
class Vendor:
    """What a test has to know of a service."""

    name: str
    make: Callable[[], StandIn]
    add: Callable[[Any], str]
    """A new ticket; its key."""
    comment: Callable[[Any, str, str], object]
    """(service, key, text): somebody else comments."""
    worsen: Callable[[Any, str], object]
    """Somebody else sets another severity than ours."""
    first: str
    """The request that carries the comment."""
    last: str
    """A request that carries the severity."""
    public: bool = False
    query: str = ""
    user: str = "ana@example.com"


VENDORS = (
    Vendor(
        name="pagerduty",
        make=FakePagerDuty,
        add=lambda service: service.add_incident(),
        comment=lambda service, key, text: service.note(key, BO, text),
        worsen=lambda service, key: service.change(key, BO, priority=service._reference(service.priorities[3])),
        first="POST */notes",
        last="PUT /incidents/*",
    ),
    Vendor(
        name="zendesk",
        make=FakeZendesk,
        add=lambda service: service.add_ticket(),
        comment=lambda service, key, text: service.comment(key, 102, text),
        worsen=lambda service, key: service.change(key, 102, priority="low"),
        first="PUT /api/v2/tickets/*",
        last="PUT /api/v2/tickets/*",
    ),
    Vendor(
        name="github",
        make=FakeGitHub,
        add=lambda service: service.add_issue(),
        comment=lambda service, key, text: service.comment(key, "bo", text),
        worsen=lambda service, key: service.label(key, "bo", "sev2"),
        first="POST */comments",
        last="POST */labels",
        public=True,
        query="repo:acme/ops is:open",
    ),
    Vendor(
        name="jira",
        make=FakeJira,
        add=lambda service: service.add_issue(),
        comment=lambda service, key, text: service.comment(key, text),
        worsen=lambda service, key: service.change(key, "priority", PRIORITIES[1]),
        first="POST */comment",
        last="PUT */issue/*",
    ),
    Vendor(
        name="servicenow",
        make=FakeServiceNow,
        add=lambda service: service.add_incident(),
        comment=lambda service, key, text: service.comment(key, text),
        worsen=lambda service, key: service.change(key, {"impact": "1", "urgency": "2"}),
        first="PATCH *",
        last="PATCH *",
        user=USER,
    ),
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github, "WRITE_GAP", 0.0)


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


@pytest.fixture
def service(vendor: Vendor) -> Iterator[StandIn]:
    with vendor.make() as made:
        yield made


@pytest.fixture
def desk(vendor: Vendor, service: StandIn, tmp_path: Path) -> Iterator[DeskOn]:
    made = DeskOn(tmp_path, service, name=vendor.name, kind=vendor.name, query=vendor.query, user=vendor.user)
    yield made
    made.close()


def pushed(desk: DeskOn, draft: Any, *, rounds: int = 12) -> DraftState:
    """Push until it is over, moving the clock on over every pause."""
    for _ in range(rounds):
        desk.push()
        state = desk.draft(draft).state
        if state not in (DraftState.APPROVED, DraftState.PUSHING):
            return state
        desk.clock.move(seconds=30)
    return desk.draft(draft).state


def said(desk: DeskOn, key: str) -> int:
    """How often the comment is on the ticket."""
    return [str(entry.text) for entry in desk.read(key).timeline].count(TEXT)


def prepared(vendor: Vendor, service: StandIn, desk: DeskOn) -> tuple[str, Any]:
    """A ticket, and an approved comment with a severity for it."""
    key = vendor.add(service)
    return key, desk.approved(key, comment=TEXT, public=vendor.public, set={"/severity": "1"})


def test_a_confirmed_update_arrives_as_confirmed(vendor: Vendor, service: StandIn, desk: DeskOn) -> None:
    key, draft = prepared(vendor, service, desk)
    assert pushed(desk, draft) is DraftState.PUSHED
    assert (said(desk, key), desk.read(key).severity) == (1, "1")
    desk.push()
    assert said(desk, key) == 1


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "lost"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_cut_connection_loses_nothing_and_doubles_nothing(
    vendor: Vendor, service: StandIn, desk: DeskOn, place: str, applied: bool
) -> None:
    key, draft = prepared(vendor, service, desk)
    service.cut(getattr(vendor, place), applied=applied)
    assert pushed(desk, draft) is DraftState.PUSHED
    assert (said(desk, key), desk.read(key).severity) == (1, "1")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_in_trouble_loses_nothing_and_doubles_nothing(
    vendor: Vendor, service: StandIn, desk: DeskOn, status: int
) -> None:
    key, draft = prepared(vendor, service, desk)
    # 503 means that nothing was applied; of the others only the ticket tells.
    service.answer(vendor.first, Reply.of({"error": "down"}, status), applied=status != 503)
    assert pushed(desk, draft) is DraftState.PUSHED
    assert (said(desk, key), desk.read(key).severity) == (1, "1")


def test_a_pause_that_is_asked_for_is_waited_out(vendor: Vendor, service: StandIn, desk: DeskOn) -> None:
    key, draft = prepared(vendor, service, desk)
    service.limit(vendor.first, retry_after="1")
    assert pushed(desk, draft) is DraftState.PUSHED
    assert said(desk, key) == 1


def test_a_foreign_comment_in_between_is_told_and_no_hindrance(vendor: Vendor, service: StandIn, desk: DeskOn) -> None:
    key, draft = prepared(vendor, service, desk)
    service.before(vendor.first, lambda: vendor.comment(service, key, "theirs"))
    assert pushed(desk, draft) is DraftState.PUSHED
    (push,) = desk.setup.record.pushes(draft=draft.id)
    assert "theirs" in [overlap["text"] for overlap in push.overlaps]
    assert (said(desk, key), desk.read(key).severity) == (1, "1")


def test_a_foreign_change_of_the_same_field_is_never_overwritten(
    vendor: Vendor, service: StandIn, desk: DeskOn
) -> None:
    key, draft = prepared(vendor, service, desk)
    vendor.worsen(service, key)
    theirs = desk.read(key).severity
    assert pushed(desk, draft) is DraftState.CONFLICT
    assert (said(desk, key), desk.read(key).severity) == (0, theirs)


def test_what_we_did_ourselves_is_nobody_elses(vendor: Vendor, service: StandIn, tmp_path: Path) -> None:
    """Also to a program that was just started and does not know its account yet, as the one that sends does not."""
    parts = {"name": vendor.name, "kind": vendor.name, "query": vendor.query, "user": vendor.user}
    key = vendor.add(service)
    first = DeskOn(tmp_path, service, **parts)
    draft = first.approved(key, comment=TEXT, public=vendor.public, set={"/severity": "1"})
    first.close()
    second = DeskOn(tmp_path, service, **parts)
    try:
        assert pushed(second, draft) is DraftState.PUSHED
        (push,) = second.setup.record.pushes(draft=draft.id)
        assert push.overlaps == ()
    finally:
        second.close()
