"""The token reaches its own origin only, wherever a service points to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any

import pytest

from opstui.adapters.tickets import github, pagerduty, zendesk
from opstui.core.errors import Refused
from opstui.core.ports import TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import TicketRef
from opstui.wired.tickets import OURS
from tests.adapters.tickets.fake_github import FakeGitHub
from tests.adapters.tickets.fake_pagerduty import FakePagerDuty
from tests.adapters.tickets.fake_zendesk import FakeZendesk
from tests.adapters.tickets.stand_in import Elsewhere, Reply, StandIn, connection_to

SYSTEMS: dict[str, tuple[Any, Any, str]] = {
    "pagerduty": (FakePagerDuty, lambda service: service.add_incident(), ""),
    "zendesk": (FakeZendesk, lambda service: service.add_ticket(), ""),
    "github": (FakeGitHub, lambda service: service.add_issue(), "repo:acme/ops is:open"),
}
MODULES: dict[str, Any] = {"pagerduty": pagerduty, "zendesk": zendesk, "github": github}


@pytest.fixture(params=list(SYSTEMS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(kind: str) -> Iterator[StandIn]:
    with SYSTEMS[kind][0]() as made:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as made:
        yield made


@pytest.fixture
async def system(service: StandIn, kind: str) -> AsyncIterator[TicketSystem]:
    made = MODULES[kind].connect(connection_to(service, name="sys", kind=kind))
    yield made
    await made.disconnect()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_told_and_not_followed(
    service: StandIn, system: TicketSystem, elsewhere: Elsewhere, kind: str, status: int
) -> None:
    _, add, query = SYSTEMS[kind]
    key = add(service)
    comment = Update(
        op_id="01JABCDEFGHJKMNPQRSTVWXYZ0", ticket=TicketRef("sys", key),
        expected_version="2026-11-20T09:00:00Z", comment="x",
        public=system.capabilities.public_comments,
    )  # fmt: skip
    reply = Reply(status, headers={"Location": f"{elsewhere.url}/somewhere"})
    for on, ask in (
        ("GET *", lambda: system.ticket(key)),
        ("GET *", lambda: system.changed_since(Queue("open", "sys", query), None)),
        ("P*", lambda: system.send(comment)),
    ):
        service.answer(on, reply)
        with pytest.raises(Refused, match=elsewhere.url):
            await ask()
    assert not elsewhere.requests


async def test_an_origin_is_the_address_that_an_approval_names(
    service: StandIn, system: TicketSystem, kind: str
) -> None:
    assert system.origin == service.url
    defaults = {"pagerduty": "https://api.pagerduty.com", "github": "https://api.github.com"}
    if kind in defaults:
        assert MODULES[kind].connect(connection_to("", name="sys", kind=kind)).origin == defaults[kind]


@pytest.mark.parametrize("kind", OURS)
def test_two_systems_below_one_host_are_told_apart(kind: str) -> None:
    connect = import_module(OURS[kind]).connect
    made = [connect(connection_to(f"https://a.example/{path}", name="sys", kind=kind)) for path in ("one", "two")]
    assert [system.origin for system in made] == ["https://a.example/one", "https://a.example/two"]


async def test_what_is_absent_takes_no_write_and_says_that_nothing_was_applied(
    service: StandIn, system: TicketSystem, kind: str
) -> None:
    key = SYSTEMS[kind][1](service)
    gone = Update(
        op_id="01JABCDEFGHJKMNPQRSTVWXYZ0", ticket=TicketRef("sys", key), expected_version="2026-11-20T09:00:00Z",
        comment="x", public=system.capabilities.public_comments,
    )  # fmt: skip
    service.answer("P*", Reply.of({"message": "Not Found"}, 404))
    with pytest.raises(Refused):
        await system.send(gone)
