"""``opstui redact``: standard input as a model would be shown it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, emit_line, note, write
from opstui.core.desk import Redact
from opstui.core.errors import OpstuiError, UsageError
from opstui.core.text import clean

if TYPE_CHECKING:
    from opstui.core.desk import Redacted

LONGEST = 64_000_000
"""Bytes of input that are read; what a ticket or page holds is a thirtieth of it."""


@click.command()
@json_option
@click.option("--jsonl", is_flag=True, help='A line {"text"} in, a line out, as --json prints it.')
@with_invocation
def redact(invocation: Invocation, as_json: bool, jsonl: bool) -> int:
    """What a model would be shown of standard input.

    Secrets and personal data become placeholders like ⟦S:PASSWORD:1f0c22ab⟧, under a key that is thrown away.

    \b
    opstui redact < ticket.txt
    opstui redact --json < ticket.txt      {"text","spans":[{"start","end","kind"}]}, in code points of the input
    """
    if as_json and jsonl:
        raise UsageError("--json is one value for all of the input, --jsonl one for each line: give one of them")
    if jsonl:
        return _lines(invocation)
    raw = sys.stdin.buffer.read(LONGEST + 1)
    if len(raw) > LONGEST:
        raise UsageError(f"the input is longer than {LONGEST // 1_000_000} MB; nothing was printed")
    found = invocation.desk.ask(Redact(_decoded(raw, "the input")))
    if as_json:
        emit(_shape(found))
    else:
        # Cleaning spells out what is hidden, so the text may grow; nothing of it is cut here.
        write(str(clean(found.text, limit=8 * len(found.text) + 80)).encode("utf-8", "replace"))
    return 0


def _lines(invocation: Invocation) -> int:
    """Line by line; a bad one is named and the others go on."""
    bad = 0
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        if not raw.strip():
            continue
        problem, shown = _one(invocation, raw, number)
        if problem:
            bad += 1
            note(f"opstui: line {number}: {problem}")
        elif not emit_line(shown):
            break
    return 1 if bad else 0


def _one(invocation: Invocation, raw: bytes, number: int) -> tuple[str, Any]:
    try:
        given = json.loads(_decoded(raw, f"line {number}"))
    except (ValueError, RecursionError):
        return 'not JSON; a line like {"text": "…"} is wanted', None
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str):
        return 'there is no text in it; a line like {"text": "…"} is wanted', None
    try:
        return "", _shape(invocation.desk.ask(Redact(text)))
    except OpstuiError as error:
        return str(error), None


def _decoded(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        note(f"opstui: {what} is not UTF-8 from byte {error.start} on; what can't be read is replaced")
        return raw.decode("utf-8", "replace")


def _shape(found: Redacted) -> dict[str, Any]:
    spans = [{"start": span.start, "end": span.end, "kind": span.kind} for span in found.spans]
    return {"text": found.text, "spans": spans}
