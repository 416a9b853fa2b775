"""A Redmine with very many issues, as far as its list goes: ``python -m tests.bench.many_issues [--issues N]``.

Prints its address. ``POST /change`` changes one issue in a hundred, ``POST /hang`` lets every further request wait.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.figures import made_up_tickets

KEY = "bench-key"
EVERY = 100
_STATUSES = {"new": 1, "open": 2, "waiting": 3, "resolved": 4}
_LISTS: Mapping[str, Any] = {
    "/users/current.json": {"user": {"id": 5, "firstname": "Ana", "lastname": "Lima", "memberships": []}},
    "/issue_statuses.json": {
        "issue_statuses": [{"id": number, "name": name, "is_closed": False} for name, number in _STATUSES.items()]
    },
    "/enumerations/issue_priorities.json": {"issue_priorities": [{"id": i, "name": f"P{i}"} for i in range(1, 5)]},
    "/trackers.json": {"trackers": [{"id": 1, "name": "Incident", "default_status": {"id": 1, "name": "new"}}]},
    "/custom_fields.json": {"custom_fields": []},
}


class Issues:
    """The issues, the newest update last."""

    def __init__(self, count: int) -> None:
        self.asked = 0
        """Requests so far."""
        self._guard = threading.Lock()
        self._round = 0
        at = datetime.now(UTC) - timedelta(seconds=count + 600)
        self._issues = {
            number: {
                "id": number,
                "project": {"id": 1, "name": "incidents"},
                "tracker": {"id": 1, "name": "Incident"},
                "status": {"id": _STATUSES[row["status"]], "name": row["status"]},
                "priority": {"id": int(row["severity"]), "name": f"P{row['severity']}"},
                "author": {"id": 5, "name": "Ana Lima"},
                "subject": row["title"],
                "description": row["body"],
                "created_on": row["created_at"],
                "updated_on": (at + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for number, row in enumerate(made_up_tickets(count), 1)
        }
        self._sort()

    def _sort(self) -> None:
        self._order = sorted(self._issues.values(), key=lambda issue: (issue["updated_on"], issue["id"]))

    def change(self) -> int:
        """Change one in a hundred; how many that were."""
        with self._guard:
            self._round += 1
            chosen = [number for number in self._issues if number % EVERY == self._round % EVERY]
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for number in chosen:
                issue = self._issues[number]
                title = f"{issue['subject'].partition(' ~')[0]} ~{self._round}"
                self._issues[number] = {**issue, "subject": title, "updated_on": now}
            self._sort()
        return len(chosen)

    def page(self, query: Mapping[str, list[str]]) -> Any:
        """An answer to ``GET /issues.json``."""
        since = query.get("updated_on", [">="])[0].removeprefix(">=")
        offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["25"])[0])
        with self._guard:
            found = [issue for issue in self._order if issue["updated_on"] >= since]
        return {
            "issues": found[offset : offset + limit],
            "total_count": len(found),
            "offset": offset,
            "limit": limit,
        }

    def issue(self, number: int) -> Any:
        """An answer to ``GET /issues/N.json``; None where there is none."""
        issue = self._issues.get(number)
        return issue and {"issue": {**issue, "journals": [], "attachments": [], "allowed_statuses": []}}


@contextmanager
def serving(count: int) -> Iterator[tuple[str, Issues, threading.Event]]:
    """The address, the issues, and an event: while it is set, requests wait."""
    issues, hang, over = Issues(count), threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            issues.asked += 1
            while hang.is_set() and not over.wait(0.05):
                pass
            url = urlsplit(self.path)
            answer = _LISTS.get(url.path)
            if url.path == "/issues.json":
                answer = issues.page(parse_qs(url.query))
            elif url.path.startswith("/issues/"):
                answer = issues.issue(int(url.path.removeprefix("/issues/").removesuffix(".json")))
            self._say(200 if answer is not None else 404, answer)

        def do_POST(self) -> None:
            if self.path == "/hang":
                hang.set()
            self._say(200, {"changed": issues.change() if self.path == "/change" else 0})

        def _say(self, status: int, answer: Any) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            # Whoever asked may be gone by now.
            with contextlib.suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", issues, hang
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def config(url: str, *, poll_seconds: float = 5) -> str:
    """The config of a desk on it."""
    return (
        f'[tickets.rm]\nkind = "redmine"\nurl = "{url}"\ntoken = {{ env = "BENCH_KEY" }}\n'
        f"poll_seconds = {poll_seconds:g}\n\n"
        '[[queues]]\nname = "Incidents"\nsystem = "rm"\nquery = "project_id=incidents&status_id=open"\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=10_000)
    wanted = parser.parse_args()
    with serving(wanted.issues) as (url, _, _):
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
