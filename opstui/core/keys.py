"""Every key of the full-screen app: ids to remap, defaults, where they hold, and what they do. Pure data.

The bindings, the footer, help, the palette, ``opstui keys`` and the check of ``[ui.keys]`` all read this table, so none
of them can say anything else than the others. The same key means the same wherever it means anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that a key does."""

    id: str
    """What ``[ui.keys]`` names: ``session.interrupt``."""
    keys: tuple[str, ...]
    """Default keys, as the terminal library names them: ``j``, ``down``, ``question_mark``, ``ctrl+c``."""
    where: str
    """A group of :data:`GROUPS`."""
    text: str
    """What it does, as a sentence fragment for help."""
    hint: str = ""
    """One or two words for the footer; empty: not shown there."""
    call: str = ""
    """The action's name where it is not the id with underscores."""
    first: bool = False
    """Works while text is being edited too."""

    @property
    def action(self) -> str:
        """The action that a binding calls: ``session_interrupt``."""
        return self.call or self.id.replace(".", "_")


GROUPS: Mapping[str, str] = {
    "app": "everywhere",
    "move": "lists and texts",
    "list": "lists",
    "ticket": "a ticket",
    "similar": "similar tickets",
    "session": "Session",
    "review": "Review",
    "proposal": "a proposal for a page",
    "text": "while editing text",
    "confirm": "Confirm",
    "find": "while searching by name",
    "log": "Log",
    "shift": "Shift",
    "handover": "Shift handover",
}
"""Group → where it holds, in the words of help."""

SCREENS: Mapping[str, tuple[str, ...]] = {
    "queues": ("app", "move", "list", "ticket"),
    "ticket": ("app", "move", "list", "ticket", "similar"),
    "sessions": ("app", "move", "list", "ticket"),
    "session": ("app", "move", "session"),
    "review": ("app", "move", "review"),
    "editing": ("app", "text"),
    "confirm": ("confirm",),
    "shift": ("app", "move", "list", "shift"),
    "handover": ("app", "move", "handover"),
    "audit": ("app", "move", "list"),
    "log": ("app", "move", "list", "log"),
    "doctor": ("app", "move", "list"),
    "health": ("app", "move", "list"),
    "help": ("app", "find"),
    "palette": ("app", "find"),
    "knowledge": ("app", "find"),
    "page": ("app", "move", "list"),
    "proposal": ("app", "move", "proposal"),
}
"""Screen → the groups that hold on it together; within one screen a key may mean one thing only."""

KEYS: tuple[Key, ...] = (
    Key("app.help", ("question_mark",), "app", "the keys of this screen, runnable", "help"),
    Key("app.palette", ("colon", "ctrl+p"), "app", "every command and screen by name"),
    Key("app.waiting", ("exclamation_mark",), "app", "the next thing that waits for you", "waiting"),
    Key("app.health", ("H",), "app", "how far each queue can be believed, and why not", "health"),
    Key("app.back", ("escape", "ctrl+g"), "app", "back, or cancel", "back"),
    Key("app.leave", ("q",), "app", "back; at home quit, asking only if something unsaved would be lost"),
    Key("app.quit", ("ctrl+q",), "app", "quit from anywhere", first=True),
    Key("app.redraw", ("ctrl+l",), "app", "draw every cell again", first=True),
    Key("app.stop_all", ("f12",), "app", "stop all sessions", first=True),
    Key("move.down", ("j", "down"), "move", "down"),
    Key("move.up", ("k", "up"), "move", "up"),
    Key("move.first", ("g", "home"), "move", "to the first line"),
    Key("move.last", ("G", "end"), "move", "to the last line"),
    Key("move.half_down", ("ctrl+d",), "move", "half a page down"),
    Key("move.half_up", ("ctrl+u",), "move", "half a page up"),
    Key("move.page_down", ("pagedown",), "move", "a page down"),
    Key("move.page_up", ("pageup",), "move", "a page up"),
    Key("list.open", ("enter",), "list", "open", "open"),
    Key("list.next_pane", ("tab", "l", "right"), "list", "to the next pane"),
    Key("list.previous_pane", ("shift+tab", "h", "left"), "list", "to the pane before"),
    Key("list.filter", ("slash",), "list", "filter at each key; a bare word matches the title", "filter"),
    Key("list.next_match", ("n",), "list", "to the next match"),
    Key("list.previous_match", ("N",), "list", "to the match before"),
    Key("list.sort", ("comma",), "list", "sort otherwise"),
    Key("list.mark", ("space",), "list", "mark"),
    Key("list.mark_all", ("V",), "list", "mark all that are shown"),
    *(
        Key(f"list.view_{number}", (str(number),), "list", f"view {number}", call=f"list_view({number})")
        for number in range(1, 10)
    ),
    Key("list.refresh", ("r",), "list", "ask the systems now"),
    Key("list.copy", ("y",), "list", "send the ref or line to the terminal's clipboard"),
    Key("list.link", ("o",), "list", "open the link, after showing its true host"),
    Key("ticket.summary", ("s",), "ticket", "incident summary, or the one there is", "summary"),
    Key("ticket.escalation", ("x",), "ticket", "escalation package, or the one there is", "escalation"),
    Key("ticket.acknowledge", ("a",), "ticket", "acknowledge and assign to me: straight to Confirm", "ack"),
    Key("ticket.update", ("e",), "ticket", "write an update", "update"),
    Key("ticket.more", ("w",), "ticket", "any workflow, snooze, take, resolve, reassign", "more"),
    Key("similar.same", ("equals_sign",), "similar", "this similar ticket is about the same: kept, never linked"),
    Key("similar.other", ("minus",), "similar", "it is about something else"),
    Key("similar.undo", ("u",), "similar", "take the answer back"),
    Key("session.interrupt", ("i", "ctrl+c"), "session", "interrupt", "interrupt"),
    Key("session.message", ("m",), "session", "message the agent", "message"),
    Key("session.draft", ("d",), "session", "its draft, proposal or handover", "draft"),
    Key("session.source", ("c",), "session", "the source of a citation", "source"),
    Key("session.follow", ("f",), "session", "follow the end", "follow"),
    Key("session.fold", ("enter",), "session", "open or fold a tool call, or the document"),
    Key("session.raise", ("plus",), "session", "raise its budget, with a reason", "raise budget"),
    Key("session.fallback", ("F",), "session", "do it with the fallback runtime: a new session", "fallback"),
    Key("session.again", ("A",), "session", "again from the start, on the same runtime: a new session", "again"),
    Key("session.resume", ("R",), "session", "take it up again where it stands", "resume"),
    Key("session.reveal", ("v",), "session", "show what was kept from the model, on this screen only", "hidden values"),
    Key("session.back", ("b",), "session", "back while it runs on", "back"),
    Key("review.edit", ("enter",), "review", "edit a row", "edit"),
    Key("review.editor", ("E",), "review", "edit the row's text in $EDITOR; the comment where it has none", "editor"),
    Key("review.source", ("c",), "review", "the source of a claim", "source"),
    Key("review.theirs", ("t",), "review", "take theirs on a conflicting row"),
    Key("review.mine", ("m",), "review", "keep mine on a conflicting row"),
    Key("review.undo", ("u",), "review", "undo"),
    Key("review.next", ("n",), "review", "next draft"),
    Key("review.confirm", ("p",), "review", "to Confirm", "confirm"),
    Key("review.override", ("o",), "review", "answer a blocking check with a reason"),
    Key("review.drop", ("delete", "backspace"), "review", "leave this row out of the draft"),
    Key("review.visibility", ("v",), "review", "comment internal or public, where both are allowed"),
    Key("review.take_over", ("T",), "review", "take over a draft that is open elsewhere"),
    Key("review.discard", ("D",), "review", "put the draft away; undo brings it back"),
    Key("proposal.open", ("enter",), "proposal", "what the row is for: answer a check, see a source"),
    Key("proposal.accept", ("p",), "proposal", "accept it: to the letters that write the page", "accept"),
    Key("proposal.edit", ("e",), "proposal", "edit the page here", "edit"),
    Key("proposal.editor", ("E",), "proposal", "edit the page in $EDITOR", "editor"),
    Key("proposal.reject", ("D",), "proposal", "reject it, with a reason", "reject"),
    Key("proposal.source", ("c",), "proposal", "the source of a claim", "source"),
    Key("proposal.override", ("o",), "proposal", "answer a blocking check with a reason", "answer"),
    Key("proposal.rebase", ("R",), "proposal", "bring it onto the page as it is now", "rebase"),
    Key("proposal.page", ("v",), "proposal", "the whole page as it would be, or only the difference", "whole page"),
    Key("proposal.undo", ("u",), "proposal", "take back the last edit of this visit"),
    Key("text.editor", ("ctrl+o",), "text", "go on in $EDITOR", "editor", first=True),
    Key("text.confirm", ("ctrl+t",), "text", "to Confirm", "confirm", first=True),
    Key("text.undo", ("ctrl+z",), "text", "undo"),
    Key("confirm.back", ("escape", "ctrl+g"), "confirm", "back, nothing is pushed", "goes back"),
    Key("find.up", ("up",), "find", "up"),
    Key("find.down", ("down",), "find", "down"),
    Key("find.page_up", ("pageup",), "find", "a page up"),
    Key("find.page_down", ("pagedown",), "find", "a page down"),
    Key("find.open", ("enter",), "find", "open or run", "open"),
    Key("log.follow", ("f",), "log", "follow the end", "follow"),
    Key("shift.week", ("W",), "shift", "the week", "week"),
    Key("shift.earlier", ("left_square_bracket",), "shift", "the shift before", "earlier"),
    Key("shift.later", ("right_square_bracket",), "shift", "the shift after", "later"),
    Key("shift.raise", ("plus",), "shift", "raise this shift's limit, with a reason", "raise limit"),
    Key("shift.handover", ("O",), "shift", "the handover of this shift, or write one", "hand over"),
    Key("handover.next", ("n",), "handover", "settle this section as it stands, and on to the next", "settle, next"),
    Key("handover.edit", ("enter",), "handover", "say this section in other words", "edit"),
    Key("handover.editor", ("E",), "handover", "the same in $EDITOR"),
    Key("handover.done", ("space",), "handover", "mark an item as done, or take that back", "done"),
    Key("handover.drop", ("delete", "backspace"), "handover", "mark an item as one that needs nobody any more"),
    Key("handover.source", ("c",), "handover", "what a line rests on", "source"),
    Key("handover.undo", ("u",), "handover", "take back what was typed, or said in other words"),
    Key("handover.read_back", ("p",), "handover", "the receiver reads it back, and closes it", "read back"),
    Key("handover.write", ("O",), "handover", "write one about the shift that runs", "write one"),
    Key("handover.earlier", ("left_square_bracket",), "handover", "the handover before"),
    Key("handover.later", ("right_square_bracket",), "handover", "the handover after"),
    Key("handover.copy", ("y",), "handover", "send the whole of it to the terminal's clipboard"),
)

BY_ID: Mapping[str, Key] = {key.id: key for key in KEYS}

_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "exclamation_mark": "!",
    "slash": "/",
    "comma": ",",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "f12": "F12",
}
_WORDS = {shown: name for name, shown in _NAMES.items()}
_NAMED = frozenset(
    """up down left right home end pageup pagedown insert delete backspace enter escape tab space
    question_mark colon exclamation_mark slash comma left_square_bracket right_square_bracket
    full_stop semicolon minus plus equals_sign underscore apostrophe quotation_mark number_sign dollar_sign percent_sign
    ampersand asterisk at backslash circumflex_accent grave_accent vertical_line tilde less_than_sign greater_than_sign
    left_parenthesis right_parenthesis left_curly_bracket right_curly_bracket""".split()
)


def shown(key: str) -> str:
    """A key as people write it: ``?`` for ``question_mark``, ``F12`` for ``f12``."""
    return _NAMES.get(key, key)


def key_name(text: str) -> str | None:
    """The library's name of a key as typed in the config (``?``, ``ctrl+p``, ``F12``); None if there is no such key."""
    word = _WORDS.get(text, text)
    if len(word) == 1:
        return word if word.isalnum() else None
    *modifiers, last = word.lower().split("+")
    if not all(modifier in ("ctrl", "alt", "shift") for modifier in modifiers):
        return None
    last = _WORDS.get(last, last)
    function = last[:1] == "f" and last[1:].isdigit() and 1 <= int(last[1:]) <= 24
    if last in _NAMED or function or (modifiers and len(last) == 1 and last.isalnum()):
        return "+".join([*modifiers, last])
    return None


@dataclass(frozen=True, slots=True)
class Remapped:
    """What ``[ui.keys]`` comes to."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Id → keys, only those that differ from the defaults and are sound."""
    problems: tuple[str, ...] = ()
    """A sentence for each entry that was not taken; its default holds."""


def remap(wanted: Mapping[str, str]) -> Remapped:
    """Check ``wanted`` (id → comma-separated keys) and keep what is sound.

    Not taken, each with a sentence: an id that does not exist, a key that does not exist, nothing at all, and a key
    that would then mean two things on one screen.
    """
    taken: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for key_id, text in wanted.items():
        if key_id not in BY_ID:
            problems.append(f"ui.keys: there is no {key_id!r}; opstui keys lists them")
            continue
        parts = ["comma" if part == "" and text.strip() == "," else part.strip() for part in text.split(",")]
        if text.strip() == ",":
            parts = ["comma"]
        names = [(part, key_name(part)) for part in parts if part]
        bad = [part for part, name in names if name is None]
        if bad or not names:
            problems.append(
                f"ui.keys: {key_id} = {text!r}: {bad[0]!r} is not a key" if bad else f"ui.keys: {key_id} is empty"
            )
            continue
        taken[key_id] = tuple(name for _, name in names if name is not None)
    for key_id in list(taken):
        clash = clashes({**taken}, only=key_id)
        if clash:
            problems.append(f"ui.keys: {key_id}: {clash[0]}; its default is kept")
            del taken[key_id]
    return Remapped(taken, tuple(problems))


def clashes(changed: Mapping[str, tuple[str, ...]] | None = None, *, only: str | None = None) -> list[str]:
    """Sentences for keys that mean two things on one screen, with ``changed`` in place of the defaults."""
    found: list[str] = []
    for screen, groups in SCREENS.items():
        owners: dict[str, str] = {}
        for key in KEYS:
            if key.where not in groups:
                continue
            for name in (changed or {}).get(key.id, key.keys):
                other = owners.setdefault(name, key.id)
                if other != key.id and (only is None or only in (other, key.id)):
                    found.append(f"{shown(name)} would be {other} and {key.id} on {screen}")
    return found


def of(groups: Iterable[str]) -> list[Key]:
    """The keys of these groups, in the table's order."""
    wanted = set(groups)
    return [key for key in KEYS if key.where in wanted]
