"""The table of keys: one meaning for each, remapping that never surprises."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from opstui.core.keys import BY_ID, GROUPS, KEYS, SCREENS, clashes, key_name, remap, shown
from opstui.tui.keymap import Keymap, bindings


def test_no_key_means_two_things_on_one_screen() -> None:
    assert clashes() == []


def test_ids_are_unique_and_every_group_is_named() -> None:
    assert len(BY_ID) == len(KEYS)
    assert {key.where for key in KEYS} <= set(GROUPS)
    assert {group for groups in SCREENS.values() for group in groups} == set(GROUPS)


def test_the_keys_of_the_specification_are_there() -> None:
    wanted = {
        "app.help": "?",
        "app.palette": ":",
        "app.waiting": "!",
        "app.leave": "q",
        "app.quit": "ctrl+q",
        "app.redraw": "ctrl+l",
        "app.stop_all": "F12",
        "ticket.summary": "s",
        "ticket.escalation": "x",
        "ticket.more": "w",
        "ticket.acknowledge": "a",
        "ticket.update": "e",
        "session.interrupt": "i",
        "session.message": "m",
        "session.draft": "d",
        "session.source": "c",
        "session.follow": "f",
        "session.back": "b",
        "list.filter": "/",
        "list.sort": ",",
        "list.mark": "space",
        "list.mark_all": "V",
        "list.refresh": "r",
        "list.copy": "y",
        "list.link": "o",
    }
    assert {key_id: Keymap({}).shown(key_id) for key_id in wanted} == wanted
    assert "ctrl+c" in BY_ID["session.interrupt"].keys


def test_nothing_depends_on_keys_that_terminals_lack() -> None:
    for key in KEYS:
        assert not set(key.keys) & {"ctrl+e", "ctrl+s", "ctrl+enter", "shift+enter", "ctrl+backspace"}
        assert not any(name.startswith("alt+") for name in key.keys)


def test_ctrl_z_never_suspends() -> None:
    assert [key.id for key in KEYS if "ctrl+z" in key.keys] == ["text.undo"]


def test_a_sound_remap_is_taken() -> None:
    keymap = Keymap({"session.interrupt": "ctrl+x", "app.help": "F1,?"})
    assert keymap.problems == ()
    assert keymap.textual() == {"session.interrupt": "ctrl+x", "app.help": "f1,question_mark"}
    assert keymap.shown("app.help") == "f1"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"session.interupt": "i"}, "there is no 'session.interupt'"),
        ({"session.interrupt": "hyper+x"}, "'hyper+x' is not a key"),
        ({"session.interrupt": ""}, "is empty"),
        ({"session.interrupt": "b"}, "b would be"),
    ],
)
def test_an_unsound_remap_is_said_and_the_default_kept(wanted: dict[str, str], said: str) -> None:
    keymap = Keymap(wanted)
    assert len(keymap.problems) == 1
    assert said in keymap.problems[0]
    assert keymap.textual() == {}
    assert keymap.keys("session.interrupt") == ("i", "ctrl+c")


def test_two_keys_can_be_swapped() -> None:
    assert remap({"ticket.summary": "x", "ticket.escalation": "s"}).problems == ()


@pytest.mark.parametrize("text", ["?", "F12", "ctrl+p", "comma", ",", "/", "A", "shift+f5", "pagedown"])
def test_key_names_are_read_as_people_write_them(text: str) -> None:
    assert key_name(text) is not None


@pytest.mark.parametrize("text", ["", "ctrl+", "ctr+x", "F99", "äö", "return", "ctrl++"])
def test_what_is_no_key_is_refused(text: str) -> None:
    assert key_name(text) is None


def test_every_binding_has_an_id_so_that_it_can_be_remapped() -> None:
    for group in GROUPS:
        for binding in bindings(group):
            assert isinstance(binding, Binding)
            assert binding.id in BY_ID


def test_every_key_is_shown_in_one_piece() -> None:
    assert all(shown(name) and " " not in shown(name) for key in KEYS for name in key.keys)
