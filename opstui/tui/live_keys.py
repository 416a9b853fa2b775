"""The keys that work on a screen right now, with the operator's own in place of the defaults."""

from __future__ import annotations

from typing import Any

from textual.dom import DOMNode
from textual.screen import Screen

from opstui.core.frozen import dataclass
from opstui.core.keys import BY_ID, GROUPS, shown as key_shown
from opstui.tui.keymap import Keymap


@dataclass(frozen=True, slots=True)
class LiveKey:
    """One thing that can be done there."""

    id: str
    """The key's id, or the action where a key has none."""
    keys: str
    """As people write them, separated by blanks."""
    group: str
    """Where it holds, in words."""
    text: str
    action: str
    node: DOMNode
    """Whose action it is."""


def live_keys(screen: Screen[Any], keymap: Keymap) -> list[LiveKey]:
    """What can be done on ``screen``: its own keys first, those that hold everywhere last, each once."""
    found: dict[str, LiveKey] = {}
    for key, active in screen.active_bindings.items():
        binding, node = active.binding, active.node
        if binding.id is None:
            if binding.action not in found and binding.description:
                found[binding.action] = LiveKey(
                    binding.action, key_shown(key), "while editing text", binding.description, binding.action, node
                )
            continue
        if binding.id not in BY_ID or binding.id in found or not _can(node, binding.action):
            continue
        entry = BY_ID[binding.id]
        keys = " ".join(key_shown(name) for name in keymap.keys(binding.id))
        found[binding.id] = LiveKey(
            binding.id, keys, GROUPS.get(entry.where, entry.where), entry.text, binding.action, node
        )
    order = {words: number for number, words in enumerate(_by_nearness())}
    return sorted(found.values(), key=lambda live: order.get(live.group, -1))


def _can(node: DOMNode, action: str) -> bool:
    """Whether the node has the action at all: a group's key may be bound where a screen has no use for it."""
    name = action.partition("(")[0].rpartition(".")[2]
    return hasattr(node, f"action_{name}") or hasattr(node, f"_action_{name}")


def _by_nearness() -> list[str]:
    """Groups, the most particular first."""
    last = ("app", "move", "list")
    return [words for group, words in GROUPS.items() if group not in last] + [GROUPS[group] for group in reversed(last)]
