from __future__ import annotations

import re
from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from tests.rehearsal.talking import Plain, limit, message

AGENT = {"name": "summaries", "model": "claude-sonnet-5-5"}


def opened(plain: Plain, **more: Any) -> str:
    _, agent, _ = plain.ask("POST", "/v1/agents", AGENT)
    _, environment, _ = plain.ask("POST", "/v1/environments", {"name": "none"})
    body = {"agent": agent["id"], "environment_id": environment["id"], **more}
    status, session, _ = plain.ask("POST", "/v1/sessions", body)
    assert status == 200, session
    return str(session["id"])


def refused(answer: tuple[int, Any, Any]) -> tuple[int, str]:
    status, body, headers = answer
    assert body["type"] == "error"
    assert body["request_id"] == headers["request-id"]
    return status, body["error"]["type"]


def test_every_answer_is_json_with_a_request_id_over_one_kept_connection(service: Rehearsal) -> None:
    with Plain(service) as plain:
        answers = [
            plain.ask("GET", "/v1/agents?beta=true"),
            plain.ask("GET", "/v1/nothing"),
            plain.ask("GET", "/v1/models"),
        ]
    assert [status for status, _, _ in answers] == [200, 404, 200]
    assert {headers["content-type"] for _, _, headers in answers} == {"application/json"}
    ids = {headers["request-id"] for _, _, headers in answers}
    assert len(ids) == 3
    assert all(re.fullmatch(r"req_01[0-9A-Za-z]{22}", one) for one in ids)


def test_a_request_without_the_key_is_unauthorized_however_it_is_sent(service: Rehearsal) -> None:
    for headers in ({"x-api-key": ""}, {"x-api-key": "other"}, {"x-api-key": "", "authorization": "Bearer other"}):
        with Plain(service, **headers) as plain:
            assert refused(plain.ask("GET", "/v1/agents")) == (401, "authentication_error")
    with Plain(service, **{"x-api-key": "", "authorization": "Bearer test"}) as plain:
        assert plain.ask("GET", "/v1/agents")[0] == 200


def test_without_the_beta_header_the_endpoints_do_not_exist(service: Rehearsal) -> None:
    with Plain(service, **{"anthropic-beta": "something-else"}) as plain:
        for path in ("/v1/agents", "/v1/environments", "/v1/sessions", "/v1/sessions/sesn_x/events/stream"):
            assert refused(plain.ask("GET", path)) == (404, "not_found_error")


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
def test_what_is_no_json_object_is_a_bad_request(service: Rehearsal, path: str) -> None:
    with Plain(service) as plain:
        for body in (b"{not json", b"[1]", b"\xff\xfe"):
            assert refused(plain.ask("POST", path, body)) == (400, "invalid_request_error")


def test_what_is_unknown_is_not_found(service: Rehearsal) -> None:
    with Plain(service) as plain:
        _, agent, _ = plain.ask("POST", "/v1/agents", AGENT)
        for path in (
            "/v1/agents/agent_x",
            "/v1/environments/env_x",
            "/v1/sessions/sesn_x",
            "/v1/sessions/sesn_x/events",
        ):
            assert refused(plain.ask("GET", path)) == (404, "not_found_error")
        body = {"agent": agent["id"], "environment_id": "env_x"}
        assert refused(plain.ask("POST", "/v1/sessions", body)) == (404, "not_found_error")


def test_agents_have_versions_that_are_locked_and_kept(service: Rehearsal) -> None:
    with Plain(service) as plain:
        _, agent, _ = plain.ask("POST", "/v1/agents", AGENT)
        path = f"/v1/agents/{agent['id']}"
        assert (agent["version"], agent["model"]["id"]) == (1, "claude-sonnet-5-5")
        assert plain.ask("POST", path, {"version": 1, "name": "summaries"})[1]["version"] == 1, "nothing changed"
        assert plain.ask("POST", path, {"version": 1, "system": "Be brief."})[1]["version"] == 2
        assert plain.ask("POST", path, {"version": 1, "system": "Be long."})[0] == 409
        assert plain.ask("GET", f"{path}?version=1")[1]["system"] is None
        assert [one["version"] for one in plain.ask("GET", f"{path}/versions")[1]["data"]] == [2, 1]
        assert plain.ask("POST", f"{path}/archive", {})[1]["archived_at"]
        assert plain.ask("POST", path, {"name": "other"})[0] == 409
        assert plain.ask("GET", "/v1/agents")[1]["data"] == []
        assert len(plain.ask("GET", "/v1/agents?include_archived=true")[1]["data"]) == 1


def test_an_archived_agent_and_an_archived_environment_take_no_sessions(service: Rehearsal) -> None:
    with Plain(service) as plain:
        _, agent, _ = plain.ask("POST", "/v1/agents", AGENT)
        _, other, _ = plain.ask("POST", "/v1/agents", AGENT)
        _, environment, _ = plain.ask("POST", "/v1/environments", {"name": "none"})
        plain.ask("POST", f"/v1/agents/{agent['id']}/archive", {})
        body = {"agent": agent["id"], "environment_id": environment["id"]}
        assert refused(plain.ask("POST", "/v1/sessions", body)) == (409, "invalid_request_error")
        plain.ask("POST", f"/v1/environments/{environment['id']}/archive", {})
        answer = plain.ask("POST", "/v1/sessions", {**body, "agent": other["id"]})
        assert answer[0] == 400
        assert answer[1]["error"]["details"]["error_code"] == "environment_archived"


def test_a_session_is_told_whole_with_times_to_the_microsecond(service: Rehearsal) -> None:
    with Plain(service) as plain:
        session = opened(plain, metadata={"shift": "night"}, budget=limit(125), title="INC-1")
        _, told, _ = plain.ask("GET", f"/v1/sessions/{session}")
    assert re.fullmatch(r"sesn_01[0-9A-Za-z]{22}", session)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told["created_at"])
    assert (told["status"], told["metadata"], told["budget"]) == ("idle", {"shift": "night"}, limit(125))
    assert told["agent"]["version"] == 1
    assert told["usage"]["list_cost"] == {"amount": "0", "currency": "USD"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "1.5", "currency": "USD"}}}, None),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "0", "currency": "USD"}}}, None),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "10", "currency": "EUR"}}}, None),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": 10, "currency": "USD"}}}, None),
        ({"metadata": {str(number): "x" for number in range(17)}}, None),
        ({"metadata": {"a": "x" * 513}}, None),
        ({"initial_events": [{"type": "user.interrupt"}]}, None),
    ],
)
def test_what_a_session_may_not_be_is_refused_and_leaves_none(service: Rehearsal, more: Any, code: str | None) -> None:
    with Plain(service) as plain:
        _, agent, _ = plain.ask("POST", "/v1/agents", AGENT)
        _, environment, _ = plain.ask("POST", "/v1/environments", {"name": "none"})
        body = {"agent": agent["id"], "environment_id": environment["id"], **more}
        assert refused(plain.ask("POST", "/v1/sessions", body)) == (400, "invalid_request_error")
        assert plain.ask("GET", "/v1/sessions")[1]["data"] == []


def test_a_model_without_a_price_takes_no_budget(service: Rehearsal) -> None:
    with Plain(service) as plain:
        _, agent, _ = plain.ask("POST", "/v1/agents", {"name": "x", "model": "claude-fable-5-2"})
        _, environment, _ = plain.ask("POST", "/v1/environments", {"name": "none"})
        body = {"agent": agent["id"], "environment_id": environment["id"], "budget": limit(10)}
        assert plain.ask("POST", "/v1/sessions", body)[1]["error"]["details"]["error_code"] == "model_not_budgetable"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "user.message", "content": []},
        {"type": "user.message", "content": [{"type": "redacted"}]},
        {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_x"},
        {"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "allow"},
        {"type": "user.tool_result", "tool_use_id": "sevt_x"},
        {"type": "user.define_outcome", "description": "x"},
        {"type": "interrupt"},
    ],
)
def test_events_are_taken_all_or_none(service: Rehearsal, event: Any) -> None:
    with Plain(service) as plain:
        session = opened(plain)
        path = f"/v1/sessions/{session}/events"
        assert refused(plain.ask("POST", path, {"events": [message("first"), event]})) == (400, "invalid_request_error")
        assert plain.ask("GET", path)[1]["data"] == []


def test_sessions_are_listed_newest_first_filtered_and_in_pages_both_ways(service: Rehearsal) -> None:
    with Plain(service) as plain:
        made = [opened(plain) for _ in range(5)]
        first = plain.ask("GET", "/v1/sessions?limit=2")[1]
        second = plain.ask("GET", f"/v1/sessions?limit=2&page={first['next_page']}")[1]
        assert [one["id"] for one in first["data"] + second["data"]] == made[:0:-1]
        assert first["prev_page"] is None
        back = plain.ask("GET", f"/v1/sessions?limit=2&page={second['prev_page']}")[1]
        assert [one["id"] for one in back["data"]] == [one["id"] for one in first["data"]]
        oldest = plain.ask("GET", "/v1/sessions?order=asc&limit=1")[1]
        assert oldest["data"][0]["id"] == made[0]
        assert plain.ask("GET", f"/v1/sessions?limit=1&page={oldest['next_page']}")[1]["data"][0]["id"] == made[1]
        agent = first["data"][0]["agent"]["id"]
        assert [one["id"] for one in plain.ask("GET", f"/v1/sessions?agent_id={agent}")[1]["data"]] == [made[-1]]
        assert plain.ask("GET", f"/v1/sessions?agent_id={agent}&agent_version=2")[1]["data"] == []
        assert plain.ask("GET", "/v1/sessions?statuses[]=running")[1]["data"] == []
        assert len(plain.ask("GET", "/v1/sessions?statuses[]=running&statuses[]=idle")[1]["data"]) == 5
        at = service.sessions[made[2]].resource()["created_at"]
        assert len(plain.ask("GET", f"/v1/sessions?created_at[gt]={at}")[1]["data"]) == 2
        assert len(plain.ask("GET", f"/v1/sessions?created_at[lte]={at}")[1]["data"]) == 3
        plain.ask("POST", f"/v1/sessions/{made[0]}/archive", {})
        assert len(plain.ask("GET", "/v1/sessions")[1]["data"]) == 4
        assert len(plain.ask("GET", "/v1/sessions?include_archived=true")[1]["data"]) == 5
        for query in (
            "limit=0",
            "limit=101",
            "order=up",
            "page=page_nonsense",
            "page=page_W10",
            "created_at[gt]=yesterday",
        ):
            assert plain.ask("GET", f"/v1/sessions?{query}")[0] == 400, query


def test_an_archived_session_is_read_only_and_a_deleted_one_is_gone(service: Rehearsal) -> None:
    with Plain(service) as plain:
        session, other = opened(plain), opened(plain)
        assert plain.ask("POST", f"/v1/sessions/{session}/archive", {})[1]["status"] == "terminated"
        for path, body in (("", {"title": "x"}), ("/events", {"events": [message("x")]}), ("/archive", {})):
            assert refused(plain.ask("POST", f"/v1/sessions/{session}{path}", body)) == (409, "invalid_request_error")
        assert plain.ask("DELETE", f"/v1/sessions/{session}")[1] == {"id": session, "type": "session_deleted"}
        assert plain.ask("GET", f"/v1/sessions/{session}")[0] == 404
        assert [one["id"] for one in plain.ask("GET", "/v1/sessions?include_archived=true")[1]["data"]] == [other]


def test_metadata_is_patched_and_null_takes_a_key_away(service: Rehearsal) -> None:
    with Plain(service) as plain:
        session = opened(plain, metadata={"a": "1", "b": "2"})
        told = plain.ask("POST", f"/v1/sessions/{session}", {"metadata": {"a": None, "c": "3"}})[1]
        assert told["metadata"] == {"b": "2", "c": "3"}
        assert plain.ask("GET", f"/v1/sessions/{session}/events")[1]["data"][0]["type"] == "session.updated"
