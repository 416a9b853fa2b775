"""A session's conversation on disk: what was sent and said, so that a killed session goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opstui.core.errors import Refused, StoreFull
from opstui.core.sessions import RuntimeEvent, RuntimeText, RuntimeUsage, ToolResult, Usage
from opstui.core.text import clean

VERSION = 1
KEPT = timedelta(days=30)
"""A conversation that nobody took up again goes after that long."""
ENDING_KEPT = timedelta(days=1)
"""How long it is remembered how a session ended, should its owner die before writing that down."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")

Message = dict[str, Any]


class Talk:
    """One conversation. Everything in it was redacted before: it is exactly what was sent and what was answered.

    A change is kept when :meth:`save` was called; whoever shows something saves first.
    """

    def __init__(self, path: Path, stamp: str, messages: list[Message]) -> None:
        self.path = path
        self.stamp = stamp
        """Part of every id, so that a session that starts over does not reuse those of its first conversation."""
        self.messages = messages
        self.opened = 0
        """How often it was taken up."""
        self._ids = 0
        self.turns = 0
        """Responses that were taken whole."""
        self.told: list[dict[str, Any]] = []
        """Texts and usage, as they were told."""
        self.answers: dict[str, dict[str, Any]] = {}
        """Call id → text and whether it is an error, of the calls in the last message."""
        self.to_say: list[str] = []
        """What is said to the agent as soon as it is our turn."""
        self.stop: str | None = None
        """Why the last response ended, in the endpoint's word."""
        self.explanation = ""
        self.submitted = False
        """A document was accepted."""
        self.reminded = False
        self.cuts = 0
        """Responses in a row that were cut at their length limit."""
        self.budget = 0
        self.stands = False
        """It stands at its budget."""
        self.over: dict[str, str] | None = None
        """How it ended: ``id``, ``reason``, ``detail``."""

    @staticmethod
    def place(folder: Path, session_id: str) -> Path:
        """Where the conversation of a session lies. Raises Refused for an id that is no file name."""
        if not _NAME.fullmatch(session_id):
            raise Refused("a session id has letters, digits, - and _ only")
        return folder / f"{session_id}.json"

    @classmethod
    def begin(cls, path: Path, stamp: str, message: str, budget: int) -> Talk:
        """A new conversation, saved. Raises StoreFull."""
        talk = cls(path, stamp, [])
        talk.budget = budget
        talk.say(message)
        talk.save()
        return talk

    @classmethod
    def load(cls, path: Path) -> Talk | None:
        """The conversation that lies there, opened once more; None if there is none, or none that can be read."""
        try:
            data = json.loads(path.read_bytes())
            if data["version"] != VERSION:
                return None
            talk = cls(path, data["stamp"], data["messages"])
            for name in _KEPT_FIELDS:
                setattr(talk, name, data[name])
            talk.events()
            talk.opened += 1
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return talk if talk.over is not None or talk.messages else None

    def save(self) -> None:
        """Put it on disk, whole or not at all. Raises StoreFull."""
        data = {"version": VERSION, "stamp": self.stamp, "messages": self.messages}
        data.update((name, getattr(self, name)) for name in _KEPT_FIELDS)
        part = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(part, flags, 0o600), "wb") as file:
                file.write(json.dumps(data).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        except OSError as error:
            raise StoreFull(
                f"the conversation could not be kept ({(error.strerror or 'no room').lower()}); nothing more was sent"
            ) from None

    def end(self, ending: Mapping[str, str]) -> None:
        """It is over: forget what was said, and keep for a day how it ended."""
        self.over = dict(ending)
        self.messages, self.answers, self.to_say = [], {}, []
        self.save()

    # --- what is said

    def next_id(self, kind: str) -> str:
        """An id that this session never had, also before it was killed."""
        self._ids += 1
        return f"{self.stamp}-{self.opened}-{self._ids:04d}-{kind}"

    def text_id(self, index: int) -> str:
        """The id of a text in the response that is under way, whichever try it is."""
        return f"{self.stamp}-{self.turns:04d}-text-{index}"

    def say(self, text: str) -> None:
        """Say something to the agent; two things in a row are one message, as some servers want strict turns."""
        self._tell([{"type": "text", "text": text}])

    def say_waiting(self) -> None:
        """Say what waits to be said."""
        for text in self.to_say:
            self.say(text)
        self.to_say = []

    def hear(self, content: list[dict[str, Any]], stop: str | None, explanation: str) -> None:
        """The agent's response is whole. Content that is empty becomes a word, as an empty message is refused."""
        self.messages.append({"role": "assistant", "content": content or [{"type": "text", "text": "(nothing)"}]})
        self.turns += 1
        self.stop, self.explanation = stop, explanation
        self.answers = {}

    @property
    def is_our_turn(self) -> bool:
        """The agent spoke last."""
        return bool(self.messages) and self.messages[-1]["role"] == "assistant"

    def uses(self) -> list[tuple[str, dict[str, Any]]]:
        """Tool calls of the agent's last message: our id of each, and the block."""
        if not self.is_our_turn:
            return []
        blocks = [block for block in self.messages[-1]["content"] if block["type"] == "tool_use"]
        return [(f"{self.stamp}-{self.turns:04d}-call-{index}", block) for index, block in enumerate(blocks)]

    def answer(self, call_id: str, result: ToolResult) -> bool:
        """Keep a tool's answer; False if there was one, or no such call is open."""
        if call_id in self.answers or call_id not in (known for known, _ in self.uses()):
            return False
        self.answers[call_id] = {"text": well_formed(result.text), "is_error": result.is_error}
        return True

    def hand_in_answers(self) -> None:
        """Say all answers in one message, in the order of the calls."""
        results = []
        for call_id, block in self.uses():
            given = self.answers[call_id]
            result = {"type": "tool_result", "tool_use_id": block["id"], "content": given["text"]}
            results.append({**result, "is_error": True} if given["is_error"] else result)
        self._tell(results)
        self.answers = {}

    def _tell(self, blocks: Sequence[Mapping[str, Any]]) -> None:
        if self.messages and self.messages[-1]["role"] == "user":
            self.messages[-1]["content"].extend(blocks)
        else:
            self.messages.append({"role": "user", "content": list(blocks)})

    # --- what was told

    def tell(self, event: RuntimeText | RuntimeUsage) -> None:
        """Keep an event that is told again when the session is taken up."""
        at = event.at.isoformat() if event.at else None
        if isinstance(event, RuntimeText):
            self.told.append({"id": event.remote_id, "at": at, "text": str(event.text)})
        else:
            usage = {name: count for name, count in asdict(event.usage).items() if count}
            self.told.append({"id": event.remote_id, "at": at, "usage": usage, "times": list(event.multipliers)})

    def events(self) -> list[RuntimeEvent]:
        """Everything that was told, as it was told. Raises KeyError, TypeError, ValueError for what can't be read."""
        found: list[RuntimeEvent] = []
        for row in self.told:
            at = datetime.fromisoformat(row["at"]) if row["at"] else None
            if "usage" in row:
                names = {item.name for item in fields(Usage)}
                usage = Usage(**{name: int(count) for name, count in row["usage"].items() if name in names})
                found.append(RuntimeUsage(row["id"], usage, at=at, multipliers=tuple(row["times"])))
            else:
                found.append(RuntimeText(row["id"], clean(row["text"]), at=at))
        return found


_KEPT_FIELDS = (
    "opened", "turns", "told", "answers", "to_say", "stop", "explanation", "submitted", "reminded", "cuts", "budget",
    "stands", "over",
)  # fmt: skip


def well_formed(text: str) -> str:
    """``text`` without half characters, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def sweep(folder: Path, now: datetime) -> None:
    """Remove conversations that are over since yesterday, and those that nobody took up for a month."""
    with contextlib.suppress(OSError):
        for path in folder.glob("*.json"):
            age = now - datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo)
            if age > KEPT or (age > ENDING_KEPT and _is_over(path)):
                path.unlink(missing_ok=True)


def _is_over(path: Path) -> bool:
    talk = Talk.load(path)
    return talk is not None and talk.over is not None
