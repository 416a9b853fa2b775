"""ServiceNow: what every ticket system promises, kept against an instance that remembers what it is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from opstui.adapters.tickets.servicenow import ServiceNowTickets, connect
from opstui.core.errors import ConfigError
from opstui.core.ports import TicketSystem
from opstui.core.queues import Queue
from opstui.testing.tickets import Change, Comment, TicketSystemContract
from tests.adapters.tickets.fake_servicenow import USER, FakeServiceNow
from tests.adapters.tickets.stand_in import SECRET, connection_to


@pytest.fixture
def now() -> Iterator[FakeServiceNow]:
    with FakeServiceNow() as instance:
        yield instance


def now_system(instance: FakeServiceNow | str, **parts: Any) -> ServiceNowTickets:
    return connect(connection_to(instance, name="sn", kind="servicenow", **{"user": USER} | parts))


class TestServiceNow(TicketSystemContract):
    """With the op id as the last line of comments."""

    op_field = ""

    @pytest.fixture
    def system(self, now: FakeServiceNow) -> TicketSystem:
        return now_system(now, op_field=self.op_field)

    @pytest.fixture
    def key(self, now: FakeServiceNow, system: TicketSystem) -> str:
        now.add_incident("another one")
        return now.add_incident()

    @pytest.fixture
    def queue(self) -> Queue:
        return Queue("open", "sn", "")

    @pytest.fixture
    def foreign_change(self, now: FakeServiceNow) -> Change:
        async def change(key: str) -> None:
            now.comment(key, "me too")

        return change

    @pytest.fixture
    def foreign_comment(self, now: FakeServiceNow) -> Comment | None:
        async def comment(key: str, text: str) -> None:
            now.comment(key, text)

        return comment

    @pytest.fixture
    def assignee(self) -> str | None:
        return "Bo"

    @pytest.fixture
    def team(self) -> str | None:
        return "dba"

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/u_service", "Name service"

    @pytest.fixture
    def stranger(self, now: FakeServiceNow) -> TicketSystem | None:
        return now_system(now, secret="not-the-password")

    @pytest.fixture
    def cut_off(self) -> TicketSystem | None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return now_system(f"http://127.0.0.1:{port}")


class TestServiceNowWithAnOpField(TestServiceNow):
    """With the op id in a column too, so that fields without a comment can be looked for."""

    op_field = "correlation_id"


class TestServiceNowWithoutRoles(TestServiceNow):
    """As an account that reads incidents and nothing else."""

    @pytest.fixture
    def now(self) -> Iterator[FakeServiceNow]:
        with FakeServiceNow() as instance:
            instance.closed |= {"sys_journal_field", "sys_choice"}
            yield instance


class TestServiceNowWithAudit(TestServiceNow):
    """With every change out of the audit table."""

    @pytest.fixture
    def now(self) -> Iterator[FakeServiceNow]:
        with FakeServiceNow() as instance:
            instance.closed.clear()
            yield instance

    @pytest.fixture
    def system(self, now: FakeServiceNow) -> TicketSystem:
        return now_system(now, options={"audit": "yes"})


def test_nothing_is_asked_when_it_is_made(now: FakeServiceNow) -> None:
    system = now_system(now)
    assert (system.origin, system.me(), now.requests) == (now.url, "", [])
    assert SECRET not in repr(vars(system))


def test_an_option_that_nobody_knows_is_a_mistake_in_the_config(now: FakeServiceNow) -> None:
    with pytest.raises(ConfigError, match="audti"):
        now_system(now, options={"audti": "yes"})
