"""The bad connection itself: each of its faults does what it is called."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from tests.servers import proxy as faulty
from tests.servers.proxy import FaultyProxy


class Counting(ThreadingHTTPServer):
    """Answers, and counts what it applied."""

    daemon_threads = True
    applied = 0


class _Handler(BaseHTTPRequestHandler):
    server: Counting

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.applied += 1
        self.send_response(201)
        self.send_header("X-Path", self.path)
        self.end_headers()
        self.wfile.write(body * 2)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Counting]:
    made = Counting(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def ask(server: Counting, monkeypatch: pytest.MonkeyPatch, fault: str) -> tuple[int | None, int, dict[str, str]]:
    """One POST with that fault: the status if one came, how often it was applied, and the headers."""
    monkeypatch.setattr(faulty, "FAULTS", (fault,))
    url = f"http://127.0.0.1:{server.server_address[1]}"
    status, headers = None, {}
    with FaultyProxy(url, 1, writes=1.0 if fault else 0.0, longest=0.2) as proxy:
        with httpx2.Client(base_url=proxy.url, trust_env=False, timeout=30) as client:
            try:
                answer = client.post("/a?b=c", content=b"hello")
                status, headers = answer.status_code, dict(answer.headers)
                assert status != 201 or answer.content == b"hellohello"
            except httpx2.TransportError:
                pass
        deadline = threading.Event()
        while fault == "late" and not server.applied and not deadline.wait(0.05):
            pass
        proxy.wait_idle()
    return status, server.applied, headers


@pytest.mark.parametrize(
    ("fault", "status", "applied"),
    [
        ("", 201, 1), ("delay", 201, 1), ("cut before", None, 0), ("cut after applied", None, 1),
        ("cut in the answer", None, 1), ("late", None, 1), ("429", 429, 0), ("503", 503, 0), ("5xx before", 502, 0),
        ("5xx after applied", 504, 1),
    ],
)  # fmt: skip
def test_a_fault_does_what_it_is_called(
    server: Counting, monkeypatch: pytest.MonkeyPatch, fault: str, status: int | None, applied: int
) -> None:
    told, done, headers = ask(server, monkeypatch, fault)
    assert (told, done) == (status, applied)
    assert headers.get("x-path", "/a?b=c") == "/a?b=c"


def test_what_happens_follows_from_the_seed() -> None:
    one, other = (FaultyProxy("http://127.0.0.1:9", 7) for _ in range(2))
    methods = ["GET", "POST"] * 100
    assert [one.fault(method) for method in methods] == [other.fault(method) for method in methods]
    assert set(one.seen) == {*faulty.FAULTS, "none"}
    for proxy in (one, other):
        proxy.close()
