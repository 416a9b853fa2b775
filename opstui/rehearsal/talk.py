"""A conversation so far, as an agent sees it, whatever service carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opstui.core.frozen import dataclass as frozen_dataclass
from opstui.rehearsal.steps import Use


@dataclass(slots=True)
class Said:
    """Words of the user, or of the agent."""

    text: str
    by_user: bool


@dataclass(slots=True)
class Called:
    """A tool call, and its answer once there is one."""

    id: str
    name: str
    input: Mapping[str, Any]
    result: str | None = None
    is_error: bool = False


@dataclass(slots=True)
class Talk:
    """Everything so far, in order, and what the agent may use."""

    tools: Mapping[str, Mapping[str, Any]]
    """Input schemas by tool name."""
    system: str = ""
    operator: str = ""
    items: list[Said | Called] = field(default_factory=list)

    def calls(self, name: str) -> list[Called]:
        """The answered calls of a tool, in order."""
        return [
            item for item in self.items if isinstance(item, Called) and item.name == name and item.result is not None
        ]

    def answered(self, name: str) -> bool:
        """Whether a tool was asked and answered, be it with an error."""
        return bool(self.calls(name))

    def fresh(self) -> list[str]:
        """What the user said since the agent last spoke or called anything."""
        found: list[str] = []
        for item in reversed(self.items):
            if not isinstance(item, Said) or not item.by_user:
                break
            found.append(item.text)
        return list(reversed(found))

    def messages(self) -> int:
        """How many times the user spoke."""
        return sum(isinstance(item, Said) and item.by_user for item in self.items)

    def size(self) -> int:
        """Characters in all, without tools and system."""
        return sum(
            len(item.text) if isinstance(item, Said) else len(str(item.input)) + len(item.result or "")
            for item in self.items
        )


@frozen_dataclass(frozen=True, slots=True)
class Move:
    """What the agent does next: says something, calls tools, or both. Without calls its turn is over."""

    text: str = ""
    calls: tuple[Use, ...] = ()

    @property
    def ends(self) -> bool:
        """Whether the turn is over with it."""
        return not self.calls


def text_of(content: Any) -> str:
    """The text of a message's or a result's content: a string, or blocks of which those without text are left out."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    return "\n".join(
        str(block["text"]) for block in content if isinstance(block, Mapping) and isinstance(block.get("text"), str)
    )
