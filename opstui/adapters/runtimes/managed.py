"""The runtime ``managed-agents``: sessions that live in Claude Managed Agents, with their tools served from here.

The loop and its (unused) sandbox are at Anthropic; this machine only makes outgoing requests. The SDK's own tool runner
is not used: it ends any tool after 150 s, runs one after the other, and runs a tool again whose result was refused
(managed-agents.md 0.1, 3).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.money import CENT
from opstui.core.ports import AgentWork, Probe
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from pathlib import Path

    from opstui.adapters.runtimes.anthropic_client import Endpoint
    from opstui.adapters.runtimes.managed_agents import Pinned, Roster
    from opstui.adapters.runtimes.managed_session import ManagedSession
    from opstui.adapters.runtimes.managed_wire import Pace, Trying, Wire
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import SessionBrief
    from opstui.core.sessions import AgentState

ITERATIONS = 2
"""How often the service may send the agent back to mend what the rubric does not like. Our own checks come first."""
MAKE_SECONDS = 8.0
"""Longest wait for the answer to a creation, so that there is time to look for what may have been made."""
PROBE_SECONDS = 10.0
RUNNING_TRIES = 10
RUNNING_PAUSE = 0.2
"""A session says ``running`` a moment longer than its own last event (managed-agents.md 2.3)."""
METADATA_VALUE = 512
LOOK_BACK = 300
"""Newest sessions among which one is looked for whose creation was not answered."""


class ManagedRuntime:
    """See ``AgentRuntime``, ``RemoteSessions`` and ``RemoteAgents``."""

    kind = "managed-agents"
    engine = "managed"
    takes_messages = True

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        model: str | None,
        effort: str | None,
        parallel: int,
        clock: Clock,
        randomness: Randomness,
        folder: Path,
        pace: Pace | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.parallel = parallel
        self._endpoint = endpoint
        self._effort = effort
        self._clock = clock
        self._randomness = randomness
        self._folder = folder
        self._pace = pace

    # --- sessions

    async def start(self, brief: SessionBrief) -> ManagedSession:
        """See ``AgentRuntime.start``."""
        # Here, because only who runs a session pays for them.
        from opstui.adapters.runtimes.managed_wire import Trying, Wire

        wire = Wire(self._endpoint)
        if brief.remote_id is not None:
            return self._opened(wire, brief.remote_id, brief)
        trying = Trying(
            self._clock, self._randomness, self._paced(), brief.tell, waits_out=True, stopping=brief.stopping
        )
        wire.within = lambda: min(MAKE_SECONDS, trying.left())
        try:
            remote_id = await self._created(wire, brief, trying)
        except BaseException:
            await wire.close()
            raise
        wire.within = None
        return self._opened(wire, remote_id, brief)

    def _opened(self, wire: Wire, remote_id: str, brief: SessionBrief) -> ManagedSession:
        from opstui.adapters.runtimes.managed_session import ManagedSession

        return ManagedSession(
            wire, remote_id, brief, clock=self._clock, randomness=self._randomness, pace=self._paced()
        )

    async def _created(self, wire: Wire, brief: SessionBrief, trying: Trying) -> str:
        """The id of the session that ``brief`` asks for: found if it was made before, else made."""
        from opstui.adapters.runtimes.managed_wire import make_once

        roster = self._roster(wire)
        work = AgentWork(brief.workflow, brief.tools)
        pinned = await roster.pinned(work, trying)

        async def find() -> str | None:
            return await self._find(wire, brief.session_id)

        async def make() -> str:
            return await self._make(wire, brief, pinned)

        try:
            return await make_once(make, find, trying, look_first=brief.maybe_started)
        except CredentialsRefused:
            raise
        except (NotFound, Refused) as error:
            # What was remembered may be archived or another workspace's. If it is not, the refusal stands.
            fresh = await roster.pinned(work, trying, anew=True)
            if fresh == pinned:
                raise self._in_words(error) from None
            pinned = fresh
        try:
            return await make_once(make, find, trying)
        except CredentialsRefused:
            raise
        except Refused as error:
            raise self._in_words(error) from None

    async def _make(self, wire: Wire, brief: SessionBrief, pinned: Pinned) -> str:
        given = session_body(brief, pinned)
        made = await wire.ask(lambda client: client.beta.sessions.with_raw_response.create(**given))
        remote_id = made.get("id")
        if not isinstance(remote_id, str) or not remote_id:
            raise Refused(f"{self.name}: the service made a session without an id")
        return remote_id

    async def _find(self, wire: Wire, session_id: str) -> str | None:
        """A session that was made for ours, among the newest; its metadata says so, as a list has no such filter."""
        looked = 0
        async for page in wire.pages(
            lambda client, given: client.beta.sessions.with_raw_response.list(
                order="desc", include_archived=True, **given
            )
        ):
            for one in page:
                metadata = one.get("metadata")
                if isinstance(metadata, dict) and metadata.get("session") == session_id:
                    return str(one["id"]) if one.get("id") else None
            looked += len(page)
            if looked >= LOOK_BACK:
                break
        return None

    def _in_words(self, error: OpstuiError) -> OpstuiError:
        """A refusal of the start as an operator can use it."""
        reason = error.reason if isinstance(error, Refused) else ""
        if "model_not_budgetable" in f"{reason} {error.message}":
            return Refused(
                f"{self.name}: the service has no price for {clean_line(str(self.model), limit=80)}, so a session of "
                f"it can't have a budget. Nothing was started; choose another model in runtimes.{self.name}",
                reason="model_not_budgetable",
            )
        return error

    # --- agents

    async def agents(self, workflows: Sequence[AgentWork], *, sync: bool) -> list[AgentState]:
        """See ``RemoteAgents.agents``."""
        from opstui.adapters.runtimes.managed_wire import Wire

        wire = Wire(self._endpoint)
        try:
            return await self._roster(wire).states(workflows, sync=sync)
        finally:
            await wire.close()

    def _roster(self, wire: Wire) -> Roster:
        from opstui.adapters.runtimes.managed_agents import Roster

        if not self.model:
            raise Refused(f"{self.name}: it has no model; set model in runtimes.{self.name}")
        return Roster(
            wire,
            self._folder,
            runtime=self.name,
            model=self.model,
            effort=self._effort,
            clock=self._clock,
            chance=self._randomness,
            pace=self._paced(),
        )

    def _paced(self) -> Pace:
        from opstui.adapters.runtimes.managed_wire import Pace

        return self._pace or Pace()

    def _trying(self) -> Trying:
        from opstui.adapters.runtimes.managed_wire import Trying

        return Trying(self._clock, self._randomness, self._paced())

    # --- what lies over there

    async def log(self, remote_id: str) -> bytes:
        """See ``RemoteSessions.log``. Escaped, so that no line of it can do harm where it is printed."""
        from opstui.adapters.runtimes.managed_wire import Wire, insist

        wire = Wire(self._endpoint)
        try:
            events = await insist(lambda: wire.history(remote_id), self._trying())
        finally:
            await wire.close()
        return b"".join(json.dumps(event, sort_keys=True).encode("ascii") + b"\n" for event in events)

    async def put_away(self, remote_id: str, *, delete: bool) -> None:
        """See ``RemoteSessions.put_away``."""
        from opstui.adapters.runtimes.managed_wire import Wire, insist

        wire = Wire(self._endpoint)

        async def put() -> Any:
            if delete:
                return await wire.ask(lambda client: client.beta.sessions.with_raw_response.delete(remote_id))
            return await wire.ask(lambda client: client.beta.sessions.with_raw_response.archive(remote_id))

        trying = self._trying()
        try:
            for left in reversed(range(RUNNING_TRIES)):
                try:
                    await insist(put, trying)
                    return
                except NotFound:
                    return
                except CredentialsRefused:
                    raise
                except Refused:
                    session = await insist(lambda: wire.session(remote_id), trying)
                    if not delete and (session.get("archived_at") or session.get("status") == "terminated"):
                        return
                    if not left:
                        raise
                    await asyncio.sleep(RUNNING_PAUSE)
        except NotFound:
            return
        finally:
            await wire.close()

    # --- doctor

    def probe(self) -> list[Probe]:
        """See ``AgentRuntime.probe``. From a thread; at most ten seconds."""
        return asyncio.run(self._probe())

    async def _probe(self) -> list[Probe]:
        from opstui.adapters.runtimes.managed_wire import Wire

        check = f"runtime {self.name}"
        wire = Wire(self._endpoint)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                answer = await wire.ask(lambda client: client.beta.agents.with_raw_response.list(limit=100))
        except TimeoutError:
            return [Probe(check, "fail", f"{self.name}: no answer within {PROBE_SECONDS:.0f} s", "is the network up?")]
        except CredentialsRefused as error:
            return [Probe(check, "fail", error.message, f"opstui config secret set runtimes.{self.name}.api_key")]
        except NotFound as error:
            fix = f"base_url of runtimes.{self.name} must lead to a service with managed agents"
            return [Probe(check, "fail", error.message, fix)]
        except OpstuiError as error:
            return [Probe(check, "fail", error.message, f"see base_url and proxy of runtimes.{self.name}")]
        finally:
            await wire.close()
        data = answer.get("data")
        agents = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        ours = sum(1 for one in agents if isinstance(one.get("metadata"), dict) and one["metadata"].get("opstui"))
        if not self.model:
            return [
                Probe(check, "fail", "the key is taken, but there is no model", f"set model in runtimes.{self.name}")
            ]
        known = (
            f"{ours} agents of opstui are known" if ours else "no agents of opstui yet: the first session makes its own"
        )
        return [Probe(check, "pass", f"{self._endpoint.host} answers and takes the key; {known}")]


def session_body(brief: SessionBrief, pinned: Pinned) -> dict[str, Any]:
    """What a session is created with. Of the ticket only its ref is outside the messages."""
    workflow = brief.workflow
    events: list[dict[str, Any]] = [{"type": "user.message", "content": [{"type": "text", "text": brief.message}]}]
    if workflow.rubric:
        events.append(
            {
                "type": "user.define_outcome",
                "description": f"{workflow.title}, handed in with submit_document and accepted by it.",
                "rubric": {"type": "text", "content": workflow.rubric},
                "max_iterations": ITERATIONS,
            }
        )
    cents = max(1, brief.budget_micros // CENT)
    metadata = {
        "opstui": "session",
        "session": brief.session_id,
        "operator": brief.operator,
        "shift": brief.shift,
        "ticket": str(brief.ticket),
        "workflow": workflow.id,
        "workflow_version": workflow.version,
    }
    return {
        "agent": {"type": "agent", "id": pinned.agent, "version": pinned.version},
        "environment_id": pinned.environment,
        "budget": {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}},
        "title": str(clean_line(f"{workflow.title} · {brief.ticket}", limit=200)),
        "metadata": {key: str(clean_line(value, limit=METADATA_VALUE)) for key, value in metadata.items()},
        "initial_events": events,
    }
