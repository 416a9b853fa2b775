"""``kill -9`` at random moments of a push to a real server behind a faulty proxy.

``python -m tests.bench.kill_push_remote [--system rt|redmine] [--rounds 200] [--seed N] [--lanes 2]
[--marker field|comment]``, with the servers of ``OPSTUI_SERVERS`` (``tests/servers/up.py start FOLDER``).

Each round makes a ticket on the server itself, and a draft with an internal comment, a status and a custom field (in
some an assignee, an attachment) that is approved. Then one ``push``, or two at once, send it through the proxy, and are
killed at a random moment. Then somebody pushes until nothing is unknown, through the proxy all the while. What must
hold is looked for on the server itself: the comment once, each field and file as approved; or a person is asked, and
nothing is there twice.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx2

from tests.behaviours.program import Warm
from tests.pty.terminal import environment, no_workers_left
from tests.servers.proxy import FaultyProxy

LONGEST = 1.0
"""Seconds of a delay in the proxy."""
PUSHES = 40
"""After so many an update counts as one that never ends."""
FILE = b"what was seen\n" * 20


class Server(Protocol):
    """A real server, asked directly."""

    name: str
    config: str
    url: str
    token: str
    statuses: tuple[str, ...]
    people: tuple[str, ...]
    field: str

    def new(self, title: str) -> str:
        """A ticket's key."""

    def look(self, key: str, text: str, file: str) -> Seen:
        """What is on it."""


@dataclass
class Seen:
    """What is on a ticket."""

    comments: int
    files: int
    values: dict[str, Any]


class RT:
    """Request Tracker 5."""

    name = "rt"
    statuses = ("open", "resolved", "rejected")
    people = ("alice", "bob")
    field = "Service"
    config = 'kind = "rt"\nop_field = "PushKey"'

    def __init__(self, env: Mapping[str, str]) -> None:
        self.url, self.token = env["RT_URL"], env["RT_TOKEN_ALICE"]
        headers = {"Authorization": f"token {env['RT_TOKEN']}"}
        self._http = httpx2.Client(base_url=f"{self.url}/REST/2.0", headers=headers, trust_env=False, timeout=120)

    def new(self, title: str) -> str:
        """A new ticket."""
        given = {
            "Queue": "Incidents", "Subject": title, "Content": "first words", "ContentType": "text/plain",
            "CustomFields": {"Severity": "sev3", "Service": "shop"},
        }  # fmt: skip
        return str(_ok(self._http.post("/ticket", json=given)).json()["id"])

    def look(self, key: str, text: str, file: str) -> Seen:
        """Attachments of comments hold what was said, and files."""
        ticket = _ok(self._http.get(f"/ticket/{key}")).json()
        params = {"fields": "Content,ContentType,Filename,TransactionId", "per_page": 100}
        parts = _ok(self._http.get(f"/ticket/{key}/attachments", params=params)).json()["items"]
        said = [_text(part.get("Content")) for part in parts if not part.get("Filename")]
        values = {"/status": ticket["Status"], "/assignee": ticket["Owner"]["id"]}
        values |= {f"/fields/{one['name']}": next(iter(one["values"]), "") for one in ticket["CustomFields"]}
        return Seen(
            comments=sum(text in one for one in said),
            files=sum(part.get("Filename") == file for part in parts),
            values=values,
        )


class Redmine:
    """Redmine 5."""

    name = "redmine"
    statuses = ("In Progress", "Feedback", "Resolved")
    people = ("Alice Oncall", "Bob Oncall")
    field = "Service"
    config = 'kind = "redmine"\nop_field = "Push key"'

    def __init__(self, env: Mapping[str, str]) -> None:
        self.url, self.token = env["REDMINE_URL"], env["REDMINE_KEY_ALICE"]
        headers = {"X-Redmine-API-Key": env["REDMINE_KEY"]}
        self._http = httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=120)

    def new(self, title: str) -> str:
        """A new issue."""
        given = {"project_id": "incidents", "tracker_id": 3, "subject": title}
        return str(_ok(self._http.post("/issues.json", json={"issue": given})).json()["issue"]["id"])

    def look(self, key: str, text: str, file: str) -> Seen:
        """Journals hold what was said."""
        params = {"include": "journals,attachments"}
        issue = _ok(self._http.get(f"/issues/{key}.json", params=params)).json()["issue"]
        values = {"/status": issue["status"]["name"], "/assignee": issue.get("assigned_to", {}).get("name", "")}
        values |= {f"/fields/{one['name']}": one.get("value") for one in issue["custom_fields"]}
        return Seen(
            comments=sum(text in str(journal.get("notes")) for journal in issue["journals"]),
            files=sum(one["filename"] == file for one in issue["attachments"]),
            values=values,
        )


SERVERS = {"rt": RT, "redmine": Redmine}


def _ok(answer: httpx2.Response) -> httpx2.Response:
    answer.raise_for_status()
    return answer


def _text(content: object) -> str:
    text = str(content or "")
    with contextlib.suppress(ValueError, UnicodeDecodeError):
        return text + base64.b64decode(text, validate=True).decode()
    return text


@dataclass
class Round:
    """One ticket, and what came of its update."""

    number: int
    key: str = ""
    draft: str = ""
    wanted: dict[str, Any] = field(default_factory=dict)
    file: bool = False
    kills: int = 0
    pushes: int = 0
    attempts: int = 0
    state: str = ""
    error: str = ""
    faults: list[str] = field(default_factory=list)


class Lane:
    """A home, a proxy and one round after the other."""

    def __init__(self, server: Server, home: Path, seed: int, settle: float, marker: str) -> None:
        self.server, self.home, self.settle, self.warm = server, home, settle, Warm()
        self.dice = random.Random(seed)
        self.usual = 2.0
        """Seconds that a push takes."""
        self.proxy = FaultyProxy(server.url, seed, writes=0.5, reads=0.04, longest=LONGEST)
        config = "\n".join(line for line in server.config.splitlines() if marker == "field" or "op_field" not in line)
        home.mkdir()
        (home / "config.toml").write_text(
            f'[operator]\nname = "alex"\n\n[tickets.t]\n{config}\nurl = "{self.proxy.url}"\n'
            'token = { env = "OPSTUI_TEST_TOKEN" }\n',
            encoding="utf-8",
        )

    def start(self, *words: str) -> Any:
        """``opstui …``, not waited for."""
        env = environment(
            self.home, OPSTUI_TEST_TOKEN=self.server.token, OPSTUI_SETTLE_SECONDS=str(self.settle)
        )  # fmt: skip
        return self.warm.start([*words, "--json"], env, self.home, {})

    def ask(self, *words: str) -> Any:
        """Its answer; it must succeed, if with what was cached because the server was slow."""
        done = self.start(*words).end(180)
        if done.code not in (0, 3) or not done.out:
            raise AssertionError(f"{words} ended with {done.code}: {done.out[:300]} {done.err[:500]}")
        return done.json

    def play(self, number: int) -> Round:
        """One round."""
        dice, one = self.dice, Round(number)
        text = f"round {number} of {os.getpid()}: looked at it"
        one.key = self.server.new(f"round {number}")
        ref = f"t:{one.key}"
        one.wanted = {"/status": dice.choice(self.server.statuses), f"/fields/{self.server.field}": f"s{number}"}
        if dice.random() < 0.4:
            one.wanted["/assignee"] = dice.choice(self.server.people)
        one.file = dice.random() < 0.4
        self.proxy.calm = True
        (self.home / "comment.md").write_text(text, encoding="utf-8")
        (self.home / "seen.log").write_bytes(FILE)
        options = [item for path, value in one.wanted.items() for item in ("--set", f"{path}={value}")]
        options += ["--attach", str(self.home / "seen.log")] if one.file else []
        made = self.ask("draft", "new", ref, "--comment-file", str(self.home / "comment.md"), *options)
        one.draft = made["id"]
        self.proxy.calm = False
        self.ask("draft", "approve", one.draft, "--fingerprint", made["fingerprint"])
        self._kill(one)
        for one.pushes in range(1, PUSHES + 1):
            done = self.start("push").end(600)
            self.usual = 0.8 * self.usual + 0.2 * min(done.took, 1.5 * self.usual, 4.0)
            self._take(one, done)
            if one.state not in ("approved", "pushing"):
                break
            time.sleep(1.0)
        else:
            one.faults.append(f"still {one.state} after {PUSHES} pushes: {one.error}")
        self.proxy.wait_idle()
        time.sleep(LONGEST if one.state != "pushed" else 0)
        self._look(one, text)
        return one

    def _kill(self, one: Round) -> None:
        """One that pushes, or two at once, and the end of both at a random moment."""
        for push in [self.start("push") for _ in range(self.dice.choice((1, 1, 2)))]:
            time.sleep(self.dice.uniform(0.05, 1.1) * self.usual)
            with contextlib.suppress(ProcessLookupError):
                os.kill(push.process, signal.SIGKILL)
            done = push.end(60)
            one.kills += done.code < 0

    def _take(self, one: Round, done: Any) -> None:
        draft = self.ask("draft", "show", one.draft)
        one.state, one.error = draft["state"], draft.get("note") or ""
        rows = [row for row in done.json if row["draft"] == one.draft] if done.out else []
        if rows:
            one.attempts, one.error = rows[-1]["attempts"], rows[-1]["error"] or one.error
        if done.code not in (0, 1, 3, 4, 5):
            one.faults.append(f"push ended with {done.code}: {done.err[:300]}")

    def _look(self, one: Round, text: str) -> None:
        seen = self.server.look(one.key, text, "seen.log")
        if seen.comments > 1 or seen.files > 1:
            one.faults.append(f"double: {seen}")
        wrong = {path: seen.values.get(path) for path, value in one.wanted.items() if seen.values.get(path) != value}
        if one.state == "pushed" and (seen.comments != 1 or seen.files != one.file or wrong):
            one.faults.append(f"lost: {seen.comments} comments, {seen.files} files, {wrong}")
        elif one.state not in ("pushed", "needs_human"):
            one.faults.append(f"lost: it is {one.state}: {one.error}")


def main() -> None:
    """Play the rounds in lanes, and add them up."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--system", choices=sorted(SERVERS), default="rt")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--marker", choices=("field", "comment"), default="field", help="where op ids are kept")
    told = "seconds after which what is not there was not applied: longer than any request takes, see `slowest`"
    parser.add_argument("--settle", type=float, default=10.0, help=told)
    wanted = parser.parse_args()
    file = Path(os.environ["OPSTUI_SERVERS"]) / f"{wanted.system}.env"
    env = dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines() if "=" in line)
    begun, rounds, guard = time.monotonic(), list[Round](), threading.Lock()
    numbers = iter(range(1, wanted.rounds + 1))
    with tempfile.TemporaryDirectory() as made, contextlib.ExitStack() as stack:
        lanes = []
        for lane in range(wanted.lanes):
            home = Path(made) / f"lane{lane}"
            stack.enter_context(no_workers_left(home))
            lanes.append(
                Lane(SERVERS[wanted.system](env), home, wanted.seed * 1000 + lane, wanted.settle, wanted.marker)
            )
            stack.callback(lanes[-1].warm.close)
            stack.enter_context(lanes[-1].proxy)

        def work(lane: Lane) -> None:
            while True:
                with guard:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    one = lane.play(number)
                except (AssertionError, OSError, httpx2.HTTPError):
                    one = Round(number, faults=[f"the round broke: {traceback.format_exc(limit=3)}"])
                with guard:
                    rounds.append(one)
                    if one.faults or one.state != "pushed":
                        print(one, flush=True)

        threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        audits = [lane.ask("audit", "verify") for lane in lanes]
    faults: Counter[str] = sum((lane.proxy.seen for lane in lanes), Counter())
    slowest = max(lane.proxy.slowest for lane in lanes)
    report(wanted.system, rounds, faults, audits, time.monotonic() - begun)
    print(f"slowest request {slowest:.1f} s, settling {wanted.settle:.0f} s")
    sys.exit(any(one.faults for one in rounds))


def report(system: str, rounds: list[Round], faults: Counter[str], audits: list[Any], took: float) -> None:
    """The figures."""
    count = max(1, len(rounds))
    harm = Counter(word.partition(":")[0] for one in rounds for word in one.faults)
    asked = sum(one.state == "needs_human" for one in rounds)
    kills, sent, pushes = (sum(getattr(one, name) for one in rounds) for name in ("kills", "attempts", "pushes"))
    print(f"{system}: {len(rounds)} rounds in {took:.0f} s, {kills} kills, {sent} sendings, {pushes} pushes")
    print(f"states {dict(Counter(one.state for one in rounds))}; requests {json.dumps(dict(faults))}")
    print(f"audit {audits}")
    for word in ("lost", "double"):
        bound = "" if harm[word] else f" (95 % upper bound {3 / count:.3f})"
        print(f"{word}: {harm[word]} in {count}{bound}")
    others = harm.total() - harm["lost"] - harm["double"]
    print(f"asked: {asked} in {count} ({asked / count:.1%}); other faults {others}")


if __name__ == "__main__":
    main()
