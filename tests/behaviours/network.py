"""A network between the program and the stand-in that a test can freeze, cut and mend."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Network:
    """Passes bytes on between a port of its own and ``url``. While it is frozen, nothing passes and nothing is said."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "127.0.0.1", there.port or 80)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._frozen = False
        self._cut = self._over = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._wake, self._wakes = socket.socketpair()
        self._thread = threading.Thread(target=self._pass_on, name="network", daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """From now on bytes stay where they are."""
        self._frozen = True
        self._stir()

    def cut(self) -> None:
        """Drop every connection; new ones are dropped too."""
        self._cut = True
        self._stir()

    def mend(self) -> None:
        """As it was."""
        self._frozen = self._cut = False
        self._stir()

    def close(self) -> None:
        """End."""
        self._over = True
        self._stir()
        self._thread.join(5)
        for one in (self._door, self._wake, self._wakes, *self._pairs):
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stir(self) -> None:
        self._wakes.send(b"x")

    def _pass_on(self) -> None:
        while not self._over:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._wake, selectors.EVENT_READ)
                if not self._frozen:
                    for one in (self._door, *self._pairs):
                        waiting.register(one, selectors.EVENT_READ)
                for key, _ in waiting.select():
                    ready = key.fileobj
                    assert isinstance(ready, socket.socket)
                    if ready is self._wake:
                        ready.recv(64)
                    elif ready is self._door:
                        self._open()
                    elif ready in self._pairs:
                        self._move(ready)
            if self._cut:
                for one in list(self._pairs):
                    self._drop(one)

    def _open(self) -> None:
        ours, _ = self._door.accept()
        if self._cut:
            ours.close()
            return
        theirs = socket.create_connection(self._there)
        self._pairs[ours], self._pairs[theirs] = theirs, ours

    def _move(self, one: socket.socket) -> None:
        try:
            data = one.recv(1 << 16)
            if data:
                self._pairs[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        if other is not None:
            self._pairs.pop(other, None)
            for gone in (one, other):
                with contextlib.suppress(OSError):
                    gone.close()
