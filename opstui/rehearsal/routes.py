"""Which request does what: the endpoints of the managed service that a client of sessions needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opstui.rehearsal import catalog, inbox
from opstui.rehearsal.http import Request
from opstui.rehearsal.paging import page_of, whole, within
from opstui.rehearsal.refusals import Refusal
from opstui.rehearsal.session import Session

if TYPE_CHECKING:
    from opstui.rehearsal.state import State

Json = dict[str, Any]
MODELS = ("rehearsal", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")


def body_of(request: Request) -> Json:
    """The JSON object of a request. Raises Refusal."""
    try:
        found = json.loads(request.body)
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    return found


def answer(state: State, request: Request) -> Json:
    """What a request is answered with. Raises Refusal."""
    version, room, *rest = [*request.parts, ""][: len(request.parts)] if len(request.parts) > 1 else ["", ""]
    if version != "v1":
        raise Refusal(404, "Not found.")
    match room:
        case "agents":
            return _agents(state, request, rest)
        case "environments":
            return _environments(state, request, rest)
        case "sessions":
            return _sessions(state, request, rest)
        case "files" if not rest and request.method == "GET":
            return {"data": [], "next_page": None, "has_more": False, "first_id": None, "last_id": None}
        case "models" if request.method == "GET":
            return _models(state, rest)
    raise Refusal(404, "Not found.")


def _models(state: State, rest: list[str]) -> Json:
    made = [
        {"id": name, "type": "model", "display_name": name, "created_at": state.started_at} for name in MODELS
    ]  # fmt: skip
    if rest:
        found = next((one for one in made if one["id"] == rest[0]), None)
        if found is None:
            raise Refusal(404, f"Model {rest[0]} was not found.")
        return found
    return {"data": made, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}


def _agents(state: State, request: Request, rest: list[str]) -> Json:
    agents = state.catalog
    match request.method, rest:
        case "POST", []:
            return agents.create_agent(body_of(request))
        case "GET", []:
            return agents.list_agents(request)
        case "GET", [agent_id]:
            return agents.agent(agent_id, request.one("version"))
        case "POST", [agent_id]:
            return agents.update_agent(agent_id, body_of(request))
        case "POST", [agent_id, "archive"]:
            return agents.archive_agent(agent_id)
        case "GET", [agent_id, "versions"]:
            return agents.list_versions(agent_id, request)
    raise Refusal(404, "Not found.")


def _environments(state: State, request: Request, rest: list[str]) -> Json:
    environments = state.catalog
    match request.method, rest:
        case "POST", []:
            return environments.create_environment(body_of(request))
        case "GET", []:
            return environments.list_environments(request)
        case "GET", [environment_id]:
            return environments.environment(environment_id)
        case "POST", [environment_id]:
            return environments.update_environment(environment_id, body_of(request))
        case "POST", [environment_id, "archive"]:
            return environments.archive_environment(environment_id)
        case "DELETE", [environment_id]:
            return environments.delete_environment(environment_id)
    raise Refusal(404, "Not found.")


def _sessions(state: State, request: Request, rest: list[str]) -> Json:
    match request.method, rest:
        case "POST", []:
            return _create_session(state, body_of(request))
        case "GET", []:
            return _list_sessions(state, request)
        case "GET", [session_id]:
            return state.session(session_id).resource()
        case "POST", [session_id]:
            return _update_session(state.session(session_id), body_of(request))
        case "DELETE", [session_id]:
            return _delete_session(state, state.session(session_id))
        case "POST", [session_id, "archive"]:
            return _archive_session(state.session(session_id))
        case "GET", [session_id, "events"]:
            return _list_events(state, state.session(session_id), request)
        case "POST", [session_id, "events"]:
            session = state.session(session_id)
            if session.archived_at or session.status == "terminated":
                raise Refusal(409, f"Session {session_id} is archived or terminated.")
            sent = body_of(request).get("events")
            return {"data": inbox.accept(session, sent, late_answers=state.late_answers)}
        case "GET", [session_id, "threads"]:
            return page_of([state.session(session_id).thread()], request, default=100, most=1000, order="asc")
        case "GET", [session_id, "threads", thread_id]:
            session = state.session(session_id)
            if thread_id != session.thread_id:
                raise Refusal(404, f"Thread {thread_id} was not found.")
            return session.thread()
        case "GET", [session_id, "resources"]:
            state.session(session_id)
            return {"data": [], "next_page": None}
    raise Refusal(404, "Not found.")


def _create_session(state: State, body: Json) -> Json:
    given = body.get("agent")
    if isinstance(given, str):
        given = {"type": "agent", "id": given}
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        raise Refusal(400, "agent: field required")
    agent = state.catalog.agent(given["id"], given.get("version"))
    if agent["archived_at"]:
        raise Refusal(409, f"Agent {agent['id']} is archived.")
    kept = catalog.snapshot(agent)
    if given.get("type") == "agent_with_overrides":
        over = {key: given[key] for key in ("model", "system", "tools", "mcp_servers", "skills") if key in given}
        kept |= catalog.checked_agent(over)
    environment_id = body.get("environment_id")
    if not isinstance(environment_id, str):
        raise Refusal(400, "environment_id: field required")
    environment = state.catalog.environment(environment_id)
    if environment["archived_at"]:
        raise Refusal(400, f"Environment {environment_id} is archived.", code="environment_archived")
    budget = catalog.checked_budget(body.get("budget"), kept["model"]["id"])
    metadata = catalog.checked_metadata(body.get("metadata"))
    first = body.get("initial_events")
    if first is not None and (not isinstance(first, list) or len(first) > 50):
        raise Refusal(400, "initial_events: at most 50")
    session = state.open_session(
        agent=kept, environment_id=environment_id, title=body.get("title"), metadata=metadata, budget=budget
    )
    if first:
        try:
            inbox.accept(session, first, late_answers=state.late_answers, initial=True)
        except Refusal:
            del state.sessions[session.id]
            raise
        session.rest_status = "running"
    return session.resource()


def _list_sessions(state: State, request: Request) -> Json:
    agent_id, version = request.one("agent_id"), request.one("agent_version")
    statuses = request.many("statuses")
    every = request.one("include_archived") == "true"
    found = []
    for session in state.sessions.values():
        made = session.resource()
        if session.deleted or (session.archived_at and not every) or not within(made["created_at"], request):
            continue
        if agent_id is not None and session.agent["id"] != agent_id:
            continue
        if agent_id is not None and version is not None and session.agent["version"] != whole(version, "version", 0):
            continue
        if statuses and made["status"] not in statuses:
            continue
        found.append(made)
    return page_of(found, request, default=20, most=100, order="desc", oddity=state.paging)


def _list_events(state: State, session: Session, request: Request) -> Json:
    types = request.many("types")
    found = [
        event
        for event in session.events
        if (not types or event.get("type") in types)
        and event.get("type") != "session.deleted"
        and within(event.get("processed_at"), request)
    ]
    page = page_of(found, request, default=state.events_page, most=1000, order="asc", oddity=state.paging)
    session.listings += 1
    session.stir()
    return page


def _update_session(session: Session, body: Json) -> Json:
    if session.archived_at or session.status == "terminated":
        raise Refusal(409, f"Session {session.id} is archived or terminated.")
    changed: Json = {}
    if "agent" in body:
        if session.status == "running":
            raise Refusal(409, "The agent can't be changed while the session runs.")
        session.agent |= catalog.checked_agent({key: body["agent"][key] for key in ("tools",) if key in body["agent"]})
        changed["agent"] = session.agent
    if body.get("vault_ids") is not None:
        raise Refusal(400, "vault_ids can't be changed")
    if "budget" in body:
        _update_budget(session, body["budget"])
        changed["budget"] = session.told_budget()
    if "title" in body:
        session.title = changed["title"] = body["title"]
    if "metadata" in body:
        patch = catalog.checked_metadata(body["metadata"], patch=True)
        merged: Mapping[str, Any] = {**session.metadata, **patch}
        merged = {key: value for key, value in merged.items() if value is not None}
        session.metadata = catalog.checked_metadata(merged)
        changed["metadata"] = session.metadata
    if changed:
        session.emit({"type": "session.updated", **changed})
    return session.resource()


def _update_budget(session: Session, given: Any) -> None:
    if given is None:
        session.budget = None
    elif session.budget is None:
        raise Refusal(400, "A budget can only be set when a session is created.", code="budget_create_only")
    else:
        wanted = catalog.checked_budget(given, session.agent["model"]["id"])
        if wanted is None or wanted <= session.cost * 100:
            raise Refusal(400, "The budget must be more than what is consumed.", code="budget_not_raised")
        session.budget = wanted


def _archive_session(session: Session) -> Json:
    if session.archived_at:
        raise Refusal(409, f"Session {session.id} is archived already.")
    if session.rest_status in ("running", "rescheduling"):
        raise Refusal(409, f"Session {session.id} is running.")
    if session.performance is not None:
        session.performance.stop()
    session.archived_at = session.now()
    if session.status != "terminated":
        session.status_lag = 0.0
        session.terminate()
    return session.resource()


def _delete_session(state: State, session: Session) -> Json:
    if session.rest_status in ("running", "rescheduling"):
        raise Refusal(409, f"Session {session.id} is running.")
    if session.performance is not None:
        session.performance.stop()
    session.delete()
    return {"id": session.id, "type": "session_deleted"}
