"""The runtime whose loop runs here, on Anthropic's Messages endpoint or a server that speaks like it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opstui.adapters.runtimes.anthropic_client import Endpoint, open_client

if TYPE_CHECKING:
    from opstui.adapters.runtimes.messages_session import MessagesSession
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import Probe, SessionBrief

SILENCE = 75.0
"""Seconds without a byte after which a stream of Anthropic's is dropped: it pings, though how often is not written."""
LOCAL_SILENCE = 300.0
"""The same for any other server: without a GPU the first word of a long prompt takes minutes, and nothing pings."""


class MessagesRuntime:
    """A conversation per session, kept in ``folder`` (0700) until the session is over. Nothing runs elsewhere.

    ``silence``: instead of the seconds above, for tests.
    """

    kind = "messages"
    engine = "local"
    takes_messages = True

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        model: str,
        effort: str | None,
        parallel: int,
        clock: Clock,
        randomness: Randomness,
        folder: Path,
        silence: float | None = None,
    ) -> None:
        self.name = name
        self.model: str | None = model
        self.parallel = parallel
        self._endpoint = endpoint
        self._asked_model = model
        self._effort = effort
        self._clock = clock
        self._randomness = randomness
        self._folder = folder
        self._silence = silence

    async def start(self, brief: SessionBrief) -> MessagesSession:
        """Open a session, or take up the one that ``brief.remote_id`` names. Asks nobody yet.

        Raises CredentialsRefused, ConfigError, Refused, StoreFull.
        """
        # Importing the SDK, asking a keyring and making a TLS context take up to a second, in which others go on.
        return await asyncio.to_thread(self._open, brief)

    def _open(self, brief: SessionBrief) -> MessagesSession:
        from opstui.adapters.runtimes.messages_response import Manner, instructions
        from opstui.adapters.runtimes.messages_session import MessagesSession
        from opstui.adapters.runtimes.messages_talk import Talk, sweep

        theirs = is_anthropics(self._endpoint.base_url())
        client = open_client(self._endpoint, own_chain=theirs)
        sweep(self._folder, self._clock.now())
        path = Talk.place(self._folder, brief.session_id)
        # Without an id nothing was ever asked, whatever lies there.
        talk = Talk.load(path) if brief.remote_id is not None else None
        lost = talk is None and brief.remote_id is not None
        if talk is None:
            talk = Talk.begin(path, self._randomness.bytes(4).hex(), brief.message, brief.budget_micros)
        else:
            # So that no id is given out twice, even if it is killed again at once.
            talk.save()
        return MessagesSession(
            brief=brief,
            talk=talk,
            lost=lost,
            client=client,
            endpoint=self._endpoint,
            manner=Manner(
                model=self._asked_model,
                system=instructions(brief.workflow),
                tools=brief.tools,
                silence=self._silence or (SILENCE if theirs else LOCAL_SILENCE),
                effort=self._effort if theirs else None,
                theirs=theirs,
            ),
            clock=self._clock,
            randomness=self._randomness,
        )

    def probe(self) -> list[Probe]:
        """One line: whether the key can be had, and whether the endpoint answers and takes it. At most 10 seconds."""
        from opstui.adapters.runtimes.messages_probe import probe

        return [probe(self._endpoint, self._asked_model, theirs=is_anthropics(self._endpoint.base_url()))]


def is_anthropics(url: str) -> bool:
    """Whether this is Anthropic's own endpoint, which knows effort and caching and for which the SDK's key is meant."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == "anthropic.com" or host.endswith(".anthropic.com"))
