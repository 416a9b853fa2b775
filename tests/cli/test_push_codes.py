"""What ``opstui push`` says of a ticket system in trouble, by the command's own words and exit codes."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.cli import output
from opstui.core.errors import CredentialsRefused, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.ports import Update
from opstui.services import turns
from tests.cli.shell import Shell


def failing(error: OpstuiError) -> Callable[[Update], Update]:
    def fail(update: Update) -> Update:
        raise error

    return fail


def without_fields(update: Update) -> Update:
    """As a system that answers 204 and ignores what it may not set."""
    return replace(update, fields={})


@pytest.mark.parametrize(
    ("error", "code", "state"),
    [
        (Refused("RT says no"), 1, "needs_human"),
        (Unreachable("no route to host"), 3, "approved"),
        (CredentialsRefused("401"), 4, "approved"),
        (RateLimited("asked to come back", retry_after=300), 3, "approved"),
    ],
)
def test_each_trouble_has_its_exit_code_and_its_state(shell: Shell, error: OpstuiError, code: int, state: str) -> None:
    key, draft = shell.approved()
    shell.system.trouble[key] = failing(error)
    assert shell("push", "--json") == code
    [push] = json.loads(shell.out)
    assert (push["draft"], push["ticket"], push["state"], push["attempts"]) == (draft, f"local:{key}", state, 1)
    assert str(error) in push["error"]
    assert shell.json("draft", "show", draft)["state"] == state
    assert shell.json("ticket", "show", f"local:{key}")["severity"] is None


def test_what_was_not_reached_is_sent_by_the_next_push(shell: Shell) -> None:
    key, _ = shell.approved()
    shell.system.trouble[key] = failing(Unreachable("no route to host"))
    assert shell("push") == 3
    shell.system.trouble.clear()
    shell.place.clock.move(minutes=1)
    assert shell("push", "--json") == 0
    assert [push["state"] for push in json.loads(shell.out)] == ["pushed"]


@pytest.mark.parametrize(
    ("error", "code"), [(Unreachable("no route to host", retry_after=29.0), 3), (CredentialsRefused("401"), 4)]
)
def test_what_somebody_mended_is_tried_as_soon_as_they_push_again(shell: Shell, error: OpstuiError, code: int) -> None:
    key, _ = shell.approved()
    shell.system.trouble[key] = failing(error)
    assert shell("push") == code
    shell.system.trouble.clear()
    assert shell("push", "--json") == 0
    assert [push["state"] for push in json.loads(shell.out)] == ["pushed"]


def test_of_several_results_credentials_come_before_conflict_before_reach_before_refusal(shell: Shell) -> None:
    refused, unreached, changed, locked_out = (shell.approved(title)[0] for title in ("a", "b", "c", "d"))
    shell.system.trouble = {
        refused: failing(Refused("no")),
        unreached: failing(Unreachable("gone")),
        locked_out: failing(CredentialsRefused("401")),
    }
    shell.place.local.change(changed, "zoe", {"/severity": "4"})
    assert shell("push", "--json") == 4
    states = {push["ticket"].removeprefix("local:"): push["state"] for push in json.loads(shell.out)}
    assert states == {
        refused: "needs_human", unreached: "approved", changed: "conflict", locked_out: "approved"
    }  # fmt: skip


@pytest.mark.parametrize("applied", [True, False])
def test_half_an_update_waits_for_a_person_and_takes_either_answer(shell: Shell, applied: bool) -> None:
    key, draft = shell.approved("Half", "--set", "/severity=1", "--set", "/team=network")
    shell.system.trouble[key] = lambda update: replace(update, fields={"/team": "network"})
    assert shell("push", "--json") == 1
    [push] = json.loads(shell.out)
    assert push["state"] == "needs_human"
    waiting = shell.json("draft", "show", draft)
    assert shell("draft", "edit", draft, "--set", "/severity=3") == 1
    assert shell("draft", "approve", draft, "--fingerprint", waiting["fingerprint"] or "0" * 64) == 1
    assert shell("draft", "settle", draft, "--applied", "--reason", " ") == 2
    assert shell("push", "--json") == 0
    assert json.loads(shell.out) == []

    answer = shell.json("draft", "settle", draft, "--applied" if applied else "--not-applied", "--reason", "looked")
    if applied:
        assert answer["state"] == "pushed"
        return
    assert answer["state"] == "edited"
    assert [(op["path"], op["to"]) for op in answer["ops"]] == [("/severity", "1")]
    shell.system.trouble.clear()
    assert shell("draft", "approve", draft, "--fingerprint", answer["fingerprint"]) == 0
    assert shell("push") == 0
    ticket = shell.json("ticket", "show", f"local:{key}")
    assert (ticket["severity"], ticket["team"]) == ("1", "network")
    assert shell.json("audit", "verify")["ok"] is True


def test_a_lost_answer_is_settled_before_the_push_returns(shell: Shell) -> None:
    key, _ = shell.approved("Lost", "--comment-file", str(_note(shell)))
    system = shell.system

    def lose(update: Update) -> Update:
        system.trouble.clear()
        raise Unreachable("cut off", was_anything_sent=True)

    system.trouble[key] = lose
    code = shell("push", "--json")
    [push] = json.loads(shell.out)
    assert (code, push["state"]) in ((1, "needs_human"), (0, "pushed"))
    texts = [entry["text"] for entry in shell.json("ticket", "show", f"local:{key}")["timeline"]]
    assert texts.count("A word.") == (1 if push["state"] == "pushed" else 0)


def test_a_value_that_somebody_set_meanwhile_is_done_and_said_so(shell: Shell) -> None:
    key, draft = shell.approved("Same", "--set", "/severity=1", "--set", "/team=network")
    shell.place.local.change(key, "zoe", {"/severity": "1"})
    [push] = shell.json("push")
    assert (push["state"], push["already"]) == ("pushed", ["/severity"])
    assert [entry["author"] for entry in push["overlaps"]] == ["zoe"]
    assert [dict(update.fields) for update in shell.system.sent] == [{"/team": "network"}]
    assert "/severity was set already" in shell.json("draft", "show", draft)["note"]


def test_a_push_that_another_one_holds_up_names_it_and_what_stays_approved(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LOCK_WAIT", 0.1)
    drafts = [shell.approved(title)[1] for title in ("a", "b")]
    folder = shell.place.setup.locks
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "publish-local").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711 publisher of local\n")
        lock.flush()
        assert shell("push", "--json") == 3
    pushes = json.loads(shell.out)
    assert [(push["draft"], push["state"]) for push in pushes] == [(draft, "approved") for draft in drafts]
    assert all("4711" in push["error"] for push in pushes)
    assert shell("push", "--json") == 0
    assert {push["state"] for push in json.loads(shell.out)} == {"pushed"}


def test_who_waits_says_for_whom(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOCK_WAIT", 0.6)
    monkeypatch.setattr(output, "PATIENCE", 0.2)
    shell.approved()
    shell.place.setup.locks.mkdir(parents=True, exist_ok=True)
    with (shell.place.setup.locks / "publish-local").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711 publisher of local\n")
        lock.flush()
        assert shell("push") == 3
    assert "opstui: waiting: local:INC-1001 approved (waiting for 4711 publisher of local)" in shell.err


def test_an_override_is_kept_only_with_the_approval(shell: Shell) -> None:
    ref = shell.place.ticket("Payments fail", severity="1", status="open")
    note = _note(shell)
    draft = shell.json("draft", "new", str(ref), "--comment-file", str(note), "--public")
    blocks = [check["id"] for check in draft["checks"] if check["level"] == "block"]
    assert blocks
    assert draft["fingerprint"] is None
    answers = [word for name in blocks for word in ("--override", f"{name}=other")]
    assert shell("draft", "approve", draft["id"], "--fingerprint", "0" * 64, *answers) == 1
    assert shell.json("draft", "show", draft["id"]) == draft
    assert shell("draft", "edit", draft["id"], "--override", f"{blocks[0]}=because") == 2
    answered = shell.json("draft", "edit", draft["id"], *answers)
    assert [check["overridden"] for check in answered["checks"] if check["level"] == "block"] == ["other"] * len(blocks)
    assert shell("draft", "approve", draft["id"], "--fingerprint", answered["fingerprint"]) == 0
    row = shell.json("audit", "show", "--limit", "1")[0]
    assert row["override_reason"] == ", ".join(f"{name}=other" for name in sorted(blocks))
    assert shell("push") == 0
    [entry] = shell.json("ticket", "show", str(ref))["timeline"]
    assert (entry["text"], entry["visibility"]) == ("A word.", "public")


def test_an_answer_to_a_check_that_is_not_there_is_said(shell: Shell) -> None:
    ref = shell.place.ticket()
    assert shell("draft", "new", str(ref), "--set", "/severity=1", "--override", "M2=other") == 0
    assert "no check of this draft is called that" in shell.err
    assert "/severity" in shell.out


def _note(shell: Shell) -> Path:
    file = shell.place.paths.data / "note.txt"
    file.write_text("A word.\n", "utf-8")
    return file


def proposed(shell: Shell, **policy: Any) -> dict[str, Any]:
    """The draft of a session whose workflow says this besides."""
    workflows = dict(shell.place.setup.workflows)
    workflows["incident-summary"] = replace(workflows["incident-summary"], **policy)
    object.__setattr__(shell.place.setup, "workflows", workflows)
    ref = shell.place.ticket("Checkout fails", body="It fails since 10:22 on all sites.")
    session = shell.json("run", "incident-summary", str(ref))
    found: dict[str, Any] = shell.json("draft", "show", session["draft"])
    return found


def test_what_a_workflow_may_not_do_is_answered_by_no_reason(shell: Shell) -> None:
    draft = proposed(shell)
    (shell.place.paths.data / "note.txt").write_text("Payments fail for all customers. Next update in 15 minutes.")
    public = ("draft", "edit", draft["id"], "--public", "--comment-file", str(shell.place.paths.data / "note.txt"))
    edited = shell.json(*public, "--override", "policy=policy")
    assert [(check["id"], check["overridden"]) for check in edited["checks"] if check["level"] == "block"] == [
        ("policy", None)
    ]
    assert edited["fingerprint"] is None
    assert "no reason answers this check" in shell.err


def test_a_workflow_that_wants_a_second_person_gets_one(shell: Shell) -> None:
    draft = proposed(shell, second_person=True)
    approve = ("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"])
    assert shell(*approve) == 1
    assert shell.json("draft", "show", draft["id"]) == draft
    object.__setattr__(shell.place.setup, "operator", "zoe")
    assert shell(*approve) == 0
    assert shell.json("push")[0]["state"] == "pushed"


def test_a_policy_that_became_stricter_stops_what_was_approved_before(shell: Shell) -> None:
    draft = proposed(shell)
    assert shell("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]) == 0
    workflows = dict(shell.place.setup.workflows)
    workflows["incident-summary"] = replace(workflows["incident-summary"], fields=())
    object.__setattr__(shell.place.setup, "workflows", workflows)
    assert shell("push", "--json") == 1
    [push] = json.loads(shell.out)
    assert (push["state"], push["attempts"]) == ("edited", 0)
    assert "may not change /comment" in push["error"]
    assert shell.system.sent == []
