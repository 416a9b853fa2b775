"""A door before a server: closed, it is to whoever asks as if the server were gone."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Door:
    """Passes bytes between a port of its own and a server, while it is open. Used as a context manager."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "", there.port or 80)
        self._port = 0
        self._listening: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self._guard = threading.Lock()
        self.open()

    @property
    def url(self) -> str:
        """The address on this side."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Let everybody through, at the same port as before."""
        listening = socket.create_server(("127.0.0.1", self._port))
        self._port, self._listening = listening.getsockname()[1], listening
        threading.Thread(target=self._take, args=(listening,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on, and cut those that stand."""
        with self._guard:
            listening, self._listening = self._listening, None
            passing, self._passing = self._passing, set()
        if listening is not None:
            # Who waits in accept() would keep the port otherwise.
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        for one in passing:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _take(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._there, 10)
            except OSError:
                near.close()
                continue
            with self._guard:
                if self._listening is not listening:
                    near.close()
                    far.close()
                    return
                self._passing |= {near, far}
            ends = threading.Semaphore(0)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target, ends), daemon=True).start()
            threading.Thread(target=self._forget, args=(near, far, ends), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, ends: threading.Semaphore) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        ends.release()

    def _forget(self, near: socket.socket, far: socket.socket, ends: threading.Semaphore) -> None:
        ends.acquire()
        ends.acquire()
        with self._guard:
            self._passing -= {near, far}
        near.close()
        far.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
