"""Jira Cloud: what every ticket system promises, kept against a site that remembers what it is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from opstui.adapters.tickets.jira import JiraTickets, connect
from opstui.core.errors import ConfigError
from opstui.core.ports import TicketSystem
from opstui.core.queues import Queue
from opstui.testing.tickets import Change, Comment, TicketSystemContract
from tests.adapters.tickets.fake_jira import FakeJira
from tests.adapters.tickets.stand_in import SECRET, connection_to


@pytest.fixture
def jira() -> Iterator[FakeJira]:
    with FakeJira() as site:
        yield site


def jira_system(site: FakeJira | str, **parts: Any) -> JiraTickets:
    return connect(connection_to(site, name="jira", kind="jira", **parts))


class Kept(TicketSystemContract):
    """The contract, whatever the project."""

    project = "OPS"

    @pytest.fixture
    def system(self, jira: FakeJira) -> TicketSystem:
        return jira_system(jira, options={"team_field": "Squad"})

    @pytest.fixture
    def key(self, jira: FakeJira, system: TicketSystem) -> str:
        jira.add_issue("another one", project=self.project)
        return jira.add_issue(project=self.project)

    @pytest.fixture
    def queue(self) -> Queue:
        return Queue("open", "jira", "")

    @pytest.fixture
    def foreign_change(self, jira: FakeJira) -> Change:
        async def change(key: str) -> None:
            jira.comment(key, "me too")

        return change

    @pytest.fixture
    def foreign_comment(self, jira: FakeJira) -> Comment | None:
        async def comment(key: str, text: str) -> None:
            jira.comment(key, text)

        return comment

    @pytest.fixture
    def status(self) -> str | None:
        return "In Progress"

    @pytest.fixture
    def assignee(self) -> str | None:
        return "Bo"

    @pytest.fixture
    def team(self) -> str | None:
        return "dba"

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/Service", "dns"

    @pytest.fixture
    def stranger(self, jira: FakeJira) -> TicketSystem | None:
        return jira_system(jira, secret="not-the-token")

    @pytest.fixture
    def cut_off(self, jira: FakeJira) -> TicketSystem | None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return jira_system(f"http://127.0.0.1:{port}")


class TestServiceProject(Kept):
    """Jira Service Management: customers read public comments."""


class TestServiceProjectInSmallPages(Kept):
    """The same with answers of one entry each."""

    @pytest.fixture
    def jira(self) -> Iterator[FakeJira]:
        with FakeJira() as site:
            site.page = 1
            yield site


class TestSoftwareProject(Kept):
    """Plain Jira: one kind of comment, read by everybody who sees the ticket."""

    project = "DEV"

    async def test_a_public_comment_is_told_from_an_internal_one(self, system: TicketSystem, key: str) -> None:
        """It is not: nobody can tell who sees the ticket."""
        await self._send(system, key, comment="for everybody", public=True)
        seen = {str(one.text): one.visibility.value for one in (await system.ticket(key)).timeline}
        assert seen["for everybody"] == "unknown"


def test_nothing_is_asked_when_it_is_made(jira: FakeJira) -> None:
    system = jira_system(jira)
    assert (system.origin, system.me(), jira.requests) == (jira.url, "", [])
    assert SECRET not in repr(vars(system))


def test_a_team_can_be_set_where_its_field_is_named(jira: FakeJira) -> None:
    without, named = jira_system(jira), jira_system(jira, options={"team_field": "Squad"})
    assert "/team" not in without.capabilities.fields
    assert "team_field" in without.capabilities.cant["/team"]
    assert "/team" in named.capabilities.fields


def test_an_option_that_nobody_knows_is_a_mistake_in_the_config(jira: FakeJira) -> None:
    with pytest.raises(ConfigError, match="severity_feild"):
        jira_system(jira, options={"severity_feild": "How bad"})
