"""What the queue and ticket commands print, and answer, while a ticket system can't be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, Refused, Unreachable
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket
from tests.cli.shell import Shell
from tests.services.building import Place

TROUBLES = [
    (Unreachable("no route to host"), 3, "offline"),
    (CredentialsRefused("the token is not taken"), 4, "error"),
    (Refused("the query is not understood"), 1, "error"),
]


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    """Over a system that is asked over a network, as all but the embedded one are."""
    place = Place(tmp_path)
    shell = Shell(place, capsysbinary)
    shell.system.capabilities = replace(shell.system.capabilities, instant=False)
    shell.system.stirred = lambda: True  # type: ignore[method-assign]
    yield shell
    place.close()


def cut_off(shell: Shell, error: OpstuiError) -> None:
    """From here on the system answers nothing else, and what is cached has grown old."""

    async def fail(*arguments: Any) -> Any:
        raise error

    shell.system.changed_since = fail  # type: ignore[method-assign]
    shell.system.ticket = fail  # type: ignore[method-assign]
    shell.place.clock.move(minutes=5)


@pytest.mark.parametrize(("error", "code", "state"), TROUBLES)
def test_queues_print_the_last_good_answer_and_why_it_is_old(
    shell: Shell, error: OpstuiError, code: int, state: str
) -> None:
    shell.place.ticket("One")
    shell.place.ticket("Two")
    [before] = shell.json("queue", "list")
    assert (before["state"], before["error"], before["open"]) == ("live", None, 2)
    cut_off(shell, error)
    assert shell("queue", "list", "--json") == code
    [now] = json.loads(shell.out)
    assert (now["state"], now["open"], now["fetched_at"]) == (state, 2, before["fetched_at"])
    assert str(error) in now["error"]
    assert str(error) in shell.err
    assert shell("queue", "show", "local", "--json") == code
    assert [row["title"] for row in json.loads(shell.out)] == ["One", "Two"]
    assert {row["state"] for row in json.loads(shell.out)} == {state}


@pytest.mark.parametrize(("error", "code", "state"), TROUBLES)
def test_tickets_print_what_is_cached_and_why_it_is_old(
    shell: Shell, error: OpstuiError, code: int, state: str
) -> None:
    ref = shell.place.ticket("One")
    before = shell.json("ticket", "show", str(ref))
    cut_off(shell, error)
    for words in (("ticket", "show", str(ref)), ("ticket", "list")):
        assert shell(*words, "--json") == code
        answer = json.loads(shell.out)
        ticket = answer[0] if isinstance(answer, list) else answer
        assert (ticket["title"], ticket["state"], ticket["fetched_at"]) == ("One", state, before["fetched_at"])
        assert str(error) in ticket["error"]
    assert shell("ticket", "show", "local:NOT-1", "--json") == code
    assert shell.out == ""


def listing(shell: Shell) -> None:
    """From here on the system's lists hold less than its tickets, as most systems' do."""
    whole = shell.system.changed_since

    async def less(queue: Queue, cursor: Cursor | None) -> Changes:
        changes = await whole(queue, None)
        tickets = [replace(one, body=SafeText(""), timeline=(), complete=False) for one in changes.tickets]
        return replace(changes, tickets=tuple(tickets), anew=True)

    shell.system.changed_since = less  # type: ignore[method-assign]


def test_a_ticket_of_which_a_list_told_less_is_read_whole_when_it_is_shown(shell: Shell) -> None:
    listing(shell)
    ref = shell.place.ticket("One", body="as it is")
    shell.place.local.comment(ref.key, "bo", "me too")
    [listed] = shell.json("ticket", "list")
    assert (listed["complete"], listed["timeline"]) == (False, [])
    shown = shell.json("ticket", "show", str(ref))
    assert (shown["complete"], shown["body"]) == (True, "as it is")
    assert shown["timeline"][-1]["text"] == "me too"
    assert shell.err == ""


def test_a_ticket_that_was_asked_for_by_another_name_is_shown_by_its_own(shell: Shell) -> None:
    ref = shell.place.ticket("One")
    whole = shell.system.ticket

    async def by_number(key: str) -> Ticket:
        return await whole(ref.key if key == "1" else key)

    shell.system.ticket = by_number  # type: ignore[method-assign]
    assert shell.json("ticket", "show", "local:1")["ref"] == str(ref)


def test_what_only_a_list_told_is_shown_and_said_to_be_that_while_nobody_answers(shell: Shell) -> None:
    listing(shell)
    ref = shell.place.ticket("One")
    assert shell("ticket", "list") == 0
    cut_off(shell, Unreachable("no route to host"))
    assert shell("ticket", "show", str(ref), "--json") == 3
    shown = json.loads(shell.out)
    assert (shown["title"], shown["complete"], shown["state"]) == ("One", False, "offline")
    assert "no timeline" in shell.err


@pytest.mark.parametrize(
    ("error", "code", "state"), [*TROUBLES, (NotFound("local: there is no such ticket"), 1, "error")]
)
def test_what_is_cached_of_a_ticket_is_shown_while_it_alone_can_not_be_read(
    shell: Shell, error: OpstuiError, code: int, state: str
) -> None:
    listing(shell)
    ref = shell.place.ticket("One")
    assert shell("ticket", "list") == 0

    async def fail(key: str) -> Ticket:
        raise error

    shell.system.ticket = fail  # type: ignore[method-assign]
    assert shell("ticket", "show", str(ref), "--json") == code
    shown = json.loads(shell.out)
    assert (shown["title"], shown["state"], shown["error"]) == ("One", state, error.message)
    assert error.message in shell.err


def test_it_is_live_again_with_the_next_good_answer(shell: Shell) -> None:
    ref = shell.place.ticket("One")
    cut_off(shell, Unreachable("no route to host"))
    assert shell("queue", "list") == 3
    for name in ("changed_since", "ticket"):
        delattr(shell.system, name)
    assert shell("queue", "list", "--json") == 0
    assert json.loads(shell.out)[0]["state"] == "live"
    assert shell.json("ticket", "show", str(ref))["error"] is None
