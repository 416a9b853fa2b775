"""A session as a file: everything that happened, as JSON or as Markdown for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from opstui.core.codec import timestamp
from opstui.core.render.fences import fenced as fenced
from opstui.core.sessions import Session, SessionEvent
from opstui.exports.shapes import Json, cost, event, session


def transcript(run: Session, events: Iterable[SessionEvent]) -> Json:
    """Session, and every event that was recorded."""
    return {**session(run), "events": [event(item, run) for item in events]}


def transcript_markdown(run: Session, events: Iterable[SessionEvent], document: str | None) -> str:
    """Head, document (already rendered), and what happened where that is given.

    Foreign text stands in fences that it can't close.
    """
    spent = cost(run.cost)
    out = [
        f"# {run.workflow} of {run.ticket}",
        "",
        f"- session {run.id}, {run.status.value}{f' ({run.stop_reason})' if run.stop_reason else ''}",
        f"- runtime {run.runtime}{f', {run.model}' if run.model else ''}; operator {run.operator}",
        f"- started {timestamp(run.started_at or run.created_at)}"
        + (f", ended {timestamp(run.ended_at)}" if run.ended_at else ""),
        f"- cost ≈ ${spent['estimate']}"
        + (f", reported ${spent['reported']}" if spent["reported"] else "")
        + ", "
        + f"{spent['input_tokens']} tokens in, {spent['output_tokens']} out, {spent['running_seconds']} s of running",
        "",
    ]
    if document:
        out += ["## Document", "", document.rstrip("\n"), ""]
    happened = [line for item in events for line in _event(item.type, timestamp(item.at), item.data)]
    if happened:
        out += ["## What happened", "", *happened]
    return "\n".join(out).rstrip("\n") + "\n"


def _event(kind: str, at: str, data: Mapping[str, Any]) -> list[str]:
    if kind in ("text", "notice", "error"):
        return [f"- {at} {kind}", "", *fenced(str(data.get("text", ""))), ""]
    if kind == "tool.call":
        given = json.dumps(data.get("input", {}), ensure_ascii=False, sort_keys=True)
        return [f"- {at} {kind} {data.get('name', '')}", "", *fenced(given), ""]
    if kind == "status":
        return [f"- {at} {kind} {data.get('status', '')}"]
    if kind == "draft":
        return [f"- {at} {kind} {data.get('draft', '')}"]
    return [f"- {at} {kind}"]
