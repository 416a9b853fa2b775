"""An operator's job on a real ticket system, from the command line: what must hold on each of them.

A class of tests per system subclasses :class:`Job` with the fixture ``desk``: what somebody else sees and does there,
past the program.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.behaviours.program import Warm
from tests.servers.door import Door
from tests.servers.operating import Operator

HOSTILE = "a\x1b[31mred\x1b]0;title\x07 \u202etxt.exe\u2066 [/] [@click=app.quit]x[/] <script>alert(1)</script> {{7*7}}"
UNICODE = "Grüße 日本語 Ελληνικά עברית 👩‍🚒 ℅ naïve"


class Seat(Protocol):
    """A real server, as others than the program have it in their hands. The operator is alice, somebody else bob."""

    url: str
    token: str
    """Alice's."""
    alice: str
    """As the program shows her."""
    bob: str
    resolved: str
    """A status that a new ticket can take, and its category."""
    category: str
    other: str
    """Another status that it can take."""

    def config(self, url: str) -> str:
        """A config with one system, called ``it``, at this address, and one queue of this test's tickets."""

    def new(self, title: str) -> str:
        """A ticket of this test; its key."""

    def comment(self, key: str, text: str, *, public: bool = False) -> None:
        """Bob writes."""

    def set_status(self, key: str, status: str) -> None:
        """Bob changes it."""

    def status(self, key: str) -> str: ...

    def assignee(self, key: str) -> str: ...

    def field(self, key: str, name: str) -> str: ...

    def comments(self, key: str) -> list[tuple[str, str, bool]]:
        """Who, what, and whether it is public; without the ticket's own text."""

    def files(self, key: str) -> dict[str, bytes]: ...


class Job:
    """It must show, on a real server."""

    @pytest.fixture
    def desk(self) -> Seat:
        raise NotImplementedError

    @pytest.fixture
    def operate(self, warm: Warm, desk: Seat, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
        """Make an operator; afterwards no file of theirs holds the token."""
        made: list[Operator] = []

        def operate(url: str = "", token: str = "") -> Operator:
            home = tmp_path / f"home{len(made)}"
            made.append(Operator(warm, home, desk.config(url or desk.url), token or desk.token))
            return made[-1]

        yield operate
        for one in made:
            assert one.token.encode() not in one.kept()

    @pytest.fixture
    def operator(self, operate: Callable[..., Operator]) -> Operator:
        return operate()

    # --- reading

    def test_the_queue_is_listed_and_so_are_its_tickets(self, desk: Seat, operator: Operator) -> None:
        keys = [desk.new(title) for title in ("checkout answers 5xx", "the disk is full")]
        [queue] = [one for one in operator.ask("queue", "list") if one["system"] == "it"]
        assert (queue["state"], queue["open"], queue["error"]) == ("live", 2, None)
        assert queue["fetched_at"]
        rows = {row["ref"]: row for row in operator.ask("queue", "show", "Mine")}
        assert set(rows) == {f"it:{key}" for key in keys}
        assert "checkout" in rows[f"it:{keys[0]}"]["title"]
        [found] = operator.ask("ticket", "list", "disk -status:closed")
        assert found["ref"] == f"it:{keys[1]}"
        assert "the disk is full" in operator("queue", "show", "Mine").out

    def test_a_ticket_is_shown_whole_with_its_timeline(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        desk.comment(key, "it began at 03:02")
        desk.comment(key, "we are looking at it", public=True)
        shown = operator.ask("ticket", "show", f"it:{key}")
        assert (shown["complete"], shown["state"], shown["error"]) == (True, "live", None)
        assert shown["status"]["category"] in ("new", "open")
        assert shown["url"].startswith("http")
        assert shown["created_at"] <= shown["updated_at"]
        timeline = shown["timeline"]
        assert [entry["id"] for entry in timeline] == [f"{key}#{n}" for n in range(1, len(timeline) + 1)]
        said = {entry["text"]: entry for entry in timeline}
        assert (said["it began at 03:02"]["author"], said["it began at 03:02"]["visibility"]) == (desk.bob, "internal")
        assert said["we are looking at it"]["visibility"] == "public"
        assert "it began at 03:02" in operator("ticket", "show", f"it:{key}").out
        # A link that somebody pastes names the same ticket.
        assert operator("open", shown["url"]).code == 2  # no terminal here, but the link was understood
        assert "no link to a ticket" not in operator("open", shown["url"]).err

    def test_a_ticket_that_is_in_no_queue_is_shown_too_and_one_that_is_not_there_is_told(
        self, desk: Seat, operator: Operator
    ) -> None:
        key = desk.new("closed long ago")
        desk.set_status(key, desk.resolved)
        shown = operator.ask("ticket", "show", f"it:{key}")
        assert shown["status"] == {"raw": desk.resolved, "category": desk.category}
        for name in ("999999999", "1'OR'1'='1", "../users"):
            done = operator("ticket", "show", f"it:{name}", "--json")
            assert (done.code, done.out) == (1, "")

    # --- writing

    def test_an_internal_note_arrives_as_one(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        sent = operator.update(f"it:{key}", comment="restarted the pool\n\nit holds `so far`")
        assert (sent["attempts"], sent["overlaps"]) == (1, [])
        [(author, text, public)] = desk.comments(key)
        assert (author, public) == (desk.alice, False)
        assert text.startswith("restarted the pool\n\nit holds `so far`")
        told = operator.until(
            lambda shown: shown["timeline"] and "restarted" in str(shown["timeline"]), "ticket", "show", f"it:{key}"
        )["timeline"]
        [mine] = [entry for entry in told if entry["text"] == "restarted the pool\n\nit holds `so far`"]
        assert (mine["author"], mine["visibility"]) == (desk.alice, "internal")
        assert sent["remote_id"] in [entry["id"] for entry in told]

    def test_a_public_reply_arrives_as_one(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.update(f"it:{key}", "--public", comment="we are looking at it")
        [(author, text, public)] = desk.comments(key)
        assert (author, public) == (desk.alice, True)
        assert text.startswith("we are looking at it")

    def test_a_status_a_field_and_an_assignee_are_set(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.update(
            f"it:{key}", "--set", f"/status={desk.other}", "--set", "/fields/Service=payments",
            "--set", f"/assignee={desk.bob}",
        )  # fmt: skip
        assert desk.status(key) == desk.other
        assert desk.field(key, "Service") == "payments"
        assert desk.assignee(key) == desk.bob
        shown = operator.until(
            lambda one: one["status"]["raw"] == desk.other, "ticket", "show", f"it:{key}"
        )  # fmt: skip
        assert shown["assignees"] == [desk.bob]
        assert shown["fields"]["Service"] == "payments"

    def test_me_is_the_account_behind_the_token(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.update(f"it:{key}", "--set", "/assignee=me")
        assert desk.assignee(key) == desk.alice
        [mine] = operator.until(lambda found: len(found) == 1, "ticket", "list", "assignee:me")
        assert mine["ref"] == f"it:{key}"

    def test_a_file_arrives_byte_for_byte(self, desk: Seat, operator: Operator, tmp_path: Path) -> None:
        key = desk.new("checkout answers 5xx")
        content = bytes(range(256)) * 40 + os.urandom(64)
        file = tmp_path / "träce 1.bin"
        file.write_bytes(content)
        operator.update(f"it:{key}", "--attach", str(file), comment="the trace")
        assert list(desk.files(key).values()) == [content]
        shown = operator.until(lambda one: bool(one["attachments"]), "ticket", "show", f"it:{key}")
        assert [one["size"] for one in shown["attachments"]] == [len(content)]

    def test_everything_at_once_arrives_once(self, desk: Seat, operator: Operator, tmp_path: Path) -> None:
        key = desk.new("checkout answers 5xx")
        (tmp_path / "package.md").write_text("# what we know\n")
        sent = operator.update(
            f"it:{key}", "--set", f"/status={desk.resolved}", "--set", "/severity=1", "--set", "/assignee=me",
            "--set", "/fields/Service=checkout", "--attach", str(tmp_path / "package.md"), comment="done",
        )  # fmt: skip
        assert all(step["state"] == "verified" for step in sent["steps"])
        assert len(desk.comments(key)) == 1
        assert desk.status(key) == desk.resolved
        assert desk.field(key, "Severity") == "sev1"
        assert desk.files(key) == {"package.md": b"# what we know\n"}
        assert operator.ask("push") == []

    # --- others

    def test_a_second_operators_change_stops_the_push_and_stays(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        made = operator.approved(f"it:{key}", "--set", f"/status={desk.resolved}", comment="done")
        desk.set_status(key, desk.other)
        stopped = operator.push(code=5)
        assert (stopped["state"], stopped["attempts"]) == ("conflict", 0)
        assert desk.status(key) == desk.other
        assert desk.comments(key) == []
        operator.ask("draft", "edit", made["id"], "--theirs", "/status")
        fingerprint = operator.ask("draft", "show", made["id"])["fingerprint"]
        operator.ask("draft", "approve", made["id"], "--fingerprint", fingerprint)
        assert operator.push()["state"] == "pushed"
        assert desk.status(key) == desk.other
        assert len(desk.comments(key)) == 1

    def test_somebody_elses_comment_is_told_and_stops_nothing(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.approved(f"it:{key}", "--set", f"/status={desk.resolved}", comment="done")
        desk.comment(key, "wait, it is back")
        sent = operator.push()
        assert sent["state"] == "pushed"
        assert [(one["author"], one["text"]) for one in sent["overlaps"]] == [(desk.bob, "wait, it is back")]
        assert desk.status(key) == desk.resolved

    def test_the_same_value_set_by_somebody_else_is_said_to_be_done(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.approved(f"it:{key}", "--set", f"/status={desk.resolved}", comment="done")
        desk.set_status(key, desk.resolved)
        sent = operator.push()
        assert (sent["state"], sent["already"]) == ("pushed", ["/status"])
        assert len(desk.comments(key)) == 1

    # --- what can't be

    def test_a_status_that_it_cannot_take_is_refused_when_the_draft_is_made(
        self, desk: Seat, operator: Operator
    ) -> None:
        key = desk.new("checkout answers 5xx")
        done = operator("draft", "new", f"it:{key}", "--set", "/status=bogus", "--json")
        assert (done.code, done.out) == (1, "")
        assert desk.resolved in done.err  # those that it can take
        assert operator.ask("draft", "list") == []

    def test_a_token_that_is_not_taken_is_exit_4_and_sends_nothing(
        self, desk: Seat, operate: Callable[..., Operator]
    ) -> None:
        key = desk.new("checkout answers 5xx")
        stranger = operate(token="1-32-0000000000000000000000000000000000000000")
        [queue] = [one for one in stranger.ask("queue", "list", code=4) if one["system"] == "it"]
        assert queue["state"] == "error"
        assert queue["error"]
        assert stranger("ticket", "show", f"it:{key}").code == 4
        told = [one for one in stranger.ask("doctor", code=1) if one["check"] == "tickets it"]
        assert "fail" in [one["state"] for one in told]
        assert told[0]["fix"]

    def test_an_approved_update_waits_for_a_token_that_is_taken(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        operator.approved(f"it:{key}", comment="done")
        good, operator.token = operator.token, "1-32-0000000000000000000000000000000000000000"
        assert operator.push(code=4)["state"] == "approved"
        assert desk.comments(key) == []
        operator.token = good
        assert operator.push()["state"] == "pushed"
        assert len(desk.comments(key)) == 1

    def test_a_server_that_is_gone_leaves_the_queue_as_it_was(
        self, desk: Seat, operate: Callable[..., Operator]
    ) -> None:
        key = desk.new("checkout answers 5xx")
        with Door(desk.url) as door:
            operator = operate(url=door.url)
            shown = operator.ask("ticket", "show", f"it:{key}")
            made = operator.approved(f"it:{key}", comment="done")
            door.close()
            [gone] = [one for one in operator.until_not_reached("queue", "list") if one["system"] == "it"]
            assert (gone["state"], gone["open"], bool(gone["error"])) == ("offline", 1, True)
            [row] = operator.ask("ticket", "list", code=3)
            assert (row["title"], row["state"]) == (shown["title"], "offline")
            cached = operator.ask("ticket", "show", f"it:{key}", code=3)
            assert (cached["state"], cached["timeline"]) == ("offline", shown["timeline"])
            waits = operator.push(code=3)
            assert waits["state"] == "approved"
            assert operator.ask("draft", "show", made["id"])["state"] == "approved"
            assert desk.comments(key) == []
            door.open()
            assert operator.push()["state"] == "pushed"
            operator.until(lambda found: found[-1]["state"] == "live", "queue", "list")
        assert len(desk.comments(key)) == 1

    # --- what texts hold

    def test_a_comment_of_100_kilobytes_arrives_whole(self, desk: Seat, operator: Operator) -> None:
        key = desk.new("checkout answers 5xx")
        line = "2026-11-20T03:02:11Z pool exhausted, 512 of 512, äöü €uro 日本\n"
        text = (line * (100_000 // len(line.encode()) + 1)).rstrip()
        assert len(text.encode()) >= 100_000
        operator.update(f"it:{key}", comment=text)
        [(_, there, _)] = desk.comments(key)
        assert there.replace("\r\n", "\n").startswith(text)
        shown = operator.until(
            lambda one: any(e["text"] == text for e in one["timeline"]), "ticket", "show", f"it:{key}"
        )
        assert shown["complete"]

    def test_letters_of_every_script_come_back_as_they_were(self, desk: Seat, operator: Operator) -> None:
        key = desk.new(UNICODE)
        operator.update(f"it:{key}", "--set", f"/fields/Service={UNICODE}", comment=UNICODE)
        assert desk.comments(key)[0][1].startswith(UNICODE)
        assert desk.field(key, "Service") == UNICODE
        shown = operator.until(
            lambda one: one["fields"].get("Service") == UNICODE, "ticket", "show", f"it:{key}"
        )  # fmt: skip
        assert UNICODE in shown["title"]
        assert UNICODE in [entry["text"] for entry in shown["timeline"]]

    def test_hostile_text_reaches_no_terminal(self, desk: Seat, operator: Operator) -> None:
        key = desk.new(HOSTILE.replace("\x07", ""))
        desk.comment(key, HOSTILE)
        done = operator("ticket", "show", f"it:{key}")  # the operator looks for control characters
        assert done.code == 0
        assert "[@click=app.quit]x[/]" in done.out
        shown = operator.ask("ticket", "show", f"it:{key}")
        assert "\u202e" not in json.dumps(shown, ensure_ascii=False)
        assert operator("queue", "show", "Mine").code == 0
        assert operator("draft", "new", f"it:{key}", "--set", "/severity=2").code == 0
