"""What clients send into a session: checked as a whole, then told to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opstui.rehearsal.refusals import Refusal
from opstui.rehearsal.session import Session

MESSAGE_BLOCKS = ("text", "image", "document")
RESULT_BLOCKS = ("text", "image", "document", "search_result")
RUBRIC_LIMIT = 262_144
Json = dict[str, Any]


def accept(session: Session, given: Any, *, late_answers: str, initial: bool = False) -> list[Json]:
    """Take events in, all or none; what they are told as. Raises Refusal.

    ``late_answers``: an answer to a call that an interrupt closed is ``ignored`` or ``refused``.
    """
    if not isinstance(given, list) or not given or not all(isinstance(event, dict) for event in given):
        raise Refusal(400, "events: must be a list of at least one event")
    for number, event in enumerate(given):
        _check(session, event, late_answers, is_last=number == len(given) - 1, initial=initial)
    return [_take(session, event) for event in given]


def _check(session: Session, event: Mapping[str, Any], late_answers: str, *, is_last: bool, initial: bool) -> None:
    kind = event.get("type")
    if initial and kind not in ("user.message", "user.define_outcome"):
        raise Refusal(400, f"initial_events: {kind} is not allowed")
    match kind:
        case "user.message":
            _check_content(event.get("content"), MESSAGE_BLOCKS, required=True)
            _check_budget(session)
        case "user.interrupt":
            pass
        case "user.custom_tool_result":
            _check_content(event.get("content"), RESULT_BLOCKS, required=False)
            call = event.get("custom_tool_use_id")
            found = session.find(call) if isinstance(call, str) else None
            if found is None or found.get("type") != "agent.custom_tool_use":
                raise Refusal(
                    400,
                    f"`custom_tool_use_id` {call} does not match any `agent.custom_tool_use` event in this session",
                )
            if late_answers == "refused" and call not in session.pending and call not in session.answers:
                raise Refusal(400, f"`custom_tool_use_id` {call} is not waiting for a result")
        case "user.tool_confirmation":
            call = event.get("tool_use_id")
            found = session.find(call) if isinstance(call, str) else None
            if found is None or found.get("type") not in ("agent.tool_use", "agent.mcp_tool_use"):
                raise Refusal(400, f"`tool_use_id` {call} does not match any `agent.tool_use` event in this session")
            if event.get("result") not in ("allow", "deny"):
                raise Refusal(400, "result: must be allow or deny")
        case "user.define_outcome":
            _check_outcome(event)
            _check_budget(session)
        case "system.message":
            _check_content(event.get("content"), ("text",), required=True)
            if not is_last:
                raise Refusal(400, "system.message must be the last event")
        case "user.tool_result":
            raise Refusal(400, "user.tool_result is for self-hosted environments")
        case _:
            raise Refusal(400, f"events: unknown type {kind!r}")


def _check_budget(session: Session) -> None:
    if session.at_budget:
        raise Refusal(400, "The session has reached its budget; raise or remove it to go on.", code="budget_reached")


def _check_content(content: Any, allowed: tuple[str, ...], *, required: bool) -> None:
    if content is None and not required:
        return
    if not isinstance(content, list) or (required and not content):
        raise Refusal(400, "content: must be a list of blocks")
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in allowed:
            raise Refusal(400, f"content: blocks of type {kind!r} are not accepted here")
        if kind == "text" and not isinstance(block.get("text"), str):
            raise Refusal(400, "content: a text block needs a text")


def _check_outcome(event: Mapping[str, Any]) -> None:
    rubric = event.get("rubric")
    if not isinstance(event.get("description"), str) or not isinstance(rubric, dict):
        raise Refusal(400, "user.define_outcome needs a description and a rubric")
    if rubric.get("type") not in ("text", "file") or len(str(rubric.get("content", ""))) > RUBRIC_LIMIT:
        raise Refusal(400, f"rubric: must be a text of at most {RUBRIC_LIMIT} characters or a file")
    iterations = event.get("max_iterations")
    if iterations is not None and (not isinstance(iterations, int) or not 1 <= iterations <= 20):
        raise Refusal(400, "max_iterations: must be between 1 and 20")


def _take(session: Session, given: Mapping[str, Any]) -> Json:
    event = {key: value for key, value in given.items() if key not in ("id", "processed_at")}
    kind = event["type"]
    if kind == "user.custom_tool_result":
        known = session.answers.get(event["custom_tool_use_id"])
        if known is not None or event["custom_tool_use_id"] not in session.pending:
            # Accepted, and without effect: nobody is told and nothing is kept.
            return known if known is not None else session.emit(event, keep=False, live=False)
    if kind == "user.define_outcome":
        event["outcome_id"] = session.new_id("outc")
        event.setdefault("max_iterations", 3)
        session.outcomes.append(
            {
                "type": "outcome_evaluation",
                "outcome_id": event["outcome_id"],
                "description": event["description"],
                "iteration": 0,
                "result": "pending",
                "explanation": None,
                "completed_at": None,
            }
        )
    if kind in ("user.message", "system.message"):
        event["processed_at"] = None
    told = session.emit(event)
    session.received.append(told)
    performance = session.performance
    if kind == "user.custom_tool_result":
        session.answers[event["custom_tool_use_id"]] = told
        session.pending.pop(event["custom_tool_use_id"], None)
    elif kind in ("user.message", "user.define_outcome", "system.message"):
        session.inbox.append(told)
        if performance is not None and kind != "system.message":
            performance.wake()
    elif kind == "user.interrupt" and performance is not None:
        performance.interrupt()
    session.stir()
    return told
