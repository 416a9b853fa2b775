"""From the table of keys to bindings, with the operator's own keys in place of the defaults."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from opstui.core.keys import BY_ID, KEYS, Remapped, of, remap, shown


def bindings(*groups: str) -> list[BindingType]:
    """The bindings of these groups of the table; the id of each is the key's id, so that it can be remapped."""
    return [
        Binding(",".join(key.keys), key.action, key.text, show=bool(key.hint), priority=key.first, id=key.id)
        for key in of(groups)
    ]


def only(*ids: str) -> list[BindingType]:
    """The bindings of these keys alone."""
    groups = {BY_ID[key_id].where for key_id in ids}
    return [binding for binding in bindings(*groups) if isinstance(binding, Binding) and binding.id in ids]


class Keymap:
    """The keys as they are with the operator's ``[ui.keys]``."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        remapped: Remapped = remap(wanted)
        self.problems = remapped.problems
        """Sentences to show once."""
        self.changed = remapped.keys

    def textual(self) -> dict[str, str]:
        """What ``App.set_keymap`` takes. Only sound entries: the library accepts any other in silence."""
        return {key_id: ",".join(keys) for key_id, keys in self.changed.items()}

    def keys(self, key_id: str) -> tuple[str, ...]:
        """The keys of an id as they are now."""
        return self.changed.get(key_id) or BY_ID[key_id].keys

    def shown(self, key_id: str) -> str:
        """The first key of an id, as people write it."""
        return shown(self.keys(key_id)[0])

    def hints(self, ids: tuple[str, ...]) -> list[tuple[str, str]]:
        """Key and word for the footer, for the ids that have a word."""
        return [(self.shown(key_id), BY_ID[key_id].hint) for key_id in ids if BY_ID[key_id].hint]

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Id, keys, group and text of every key, for help and the palette."""
        return [(key.id, " ".join(shown(name) for name in self.keys(key.id)), key.where, key.text) for key in KEYS]
