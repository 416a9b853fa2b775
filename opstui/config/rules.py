"""What must hold between settings, once each of them is well-formed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from opstui.config.kinds import KINDS, missing, query_problem, unknown_kind, unknown_option
from opstui.config.lines import KeyPath
from opstui.config.settings import Settings
from opstui.config.sources import source_problems
from opstui.config.values import Leaf, Node, Table
from opstui.core.errors import FilterError, UsageError
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, TicketRef


def check_together(settings: Settings, tree: Table) -> None:
    """Names that must exist, pairs that must agree. Raises ConfigError at the line of the first that does not."""
    _tickets(settings, tree)
    _queues(settings, tree)
    _runtimes(settings, tree)
    _keys(settings, tree)
    for name, source in settings.knowledge.items():
        _name(name, tree, ("knowledge", name))
        for key, problem in source_problems(source):
            _stop(tree, ("knowledge", name, key) if key else ("knowledge", name), problem)
    shift = settings.shift
    if not shift.starts:
        _stop(tree, ("shift", "starts"), "wants at least one time")
    if len(set(shift.starts)) != len(shift.starts):
        _stop(tree, ("shift", "starts"), "holds the same time twice")
    if shift.ceiling is not None and shift.budget is not None and shift.ceiling < shift.budget:
        _stop(tree, ("shift", "ceiling"), "is below the budget")


def _tickets(settings: Settings, tree: Table) -> None:
    for name, system in settings.tickets.items():
        here: KeyPath = ("tickets", name)
        _name(name, tree, here)
        if name == BOARD_SYSTEM:
            _stop(tree, here, f"{name} is the name of the shift's own board; give the system another name")
        if name == "local" and system.kind != "local":
            _stop(tree, here, f"local is the embedded system; give the {system.kind} one another name")
        if name != "local" and system.kind == "local":
            _stop(tree, here, "there is one embedded system, and it is called local")
        if system.kind == "local":
            if system.url or system.token or system.user or system.op_field or system.options:
                _stop(tree, here, "a local system has neither url, user, token, op_field nor options")
            continue
        problem = unknown_kind(system.kind)
        if problem:
            _stop(tree, (*here, "kind"), problem)
        lacking = [key for key in missing(system) if key != "token"]
        if lacking:
            _stop(tree, here, f"{system.kind} needs its {' and its '.join(lacking)}")
        for option in system.options:
            if unknown_option(system.kind, option):
                _stop(tree, (*here, "options", option), unknown_option(system.kind, option))
        if system.op_field and system.kind in KINDS and not KINDS[system.kind].op_field:
            _stop(tree, (*here, "op_field"), f"{system.kind} keeps the id of an update elsewhere; leave this key out")


def _queues(settings: Settings, tree: Table) -> None:
    for at, queue in enumerate(settings.queues):
        if queue.system not in settings.tickets:
            _stop(tree, ("queues", at, "system"), _no_such("ticket system", queue.system, settings.tickets))
        kind = settings.tickets[queue.system].kind
        if kind == "local":
            _filter(queue.query, tree, ("queues", at, "query"))
        problem = query_problem(kind, queue.query)
        if problem:
            _stop(tree, ("queues", at, "query"), problem)
    if not settings.queues:
        for name, system in settings.tickets.items():
            problem = query_problem(system.kind, "")
            if problem:
                _stop(tree, ("tickets", name), f"its queue {problem}; write a [[queues]] table")
    _distinct([queue.name for queue in settings.queues], "queues", tree)
    _distinct([view.name for view in settings.views], "views", tree)
    for at, view in enumerate(settings.views):
        _filter(view.filter, tree, ("views", at, "filter"))
    names = [queue.name for queue in settings.queues] or list(settings.tickets)
    for at, view in enumerate(settings.views):
        if view.queue is not None and view.queue not in names:
            _stop(tree, ("views", at, "queue"), _no_such("queue", view.queue, names))


def _filter(text: str, tree: Table, path: KeyPath) -> None:
    if not text.strip():
        return
    from opstui.core.filters import parse

    try:
        parse(text)
    except FilterError as error:
        word = clean_line(text[error.position : error.position + error.length], limit=60)
        _stop(tree, path, f"{error} (at {word!r}, character {error.position + 1})")


def _runtimes(settings: Settings, tree: Table) -> None:
    for name, runtime in settings.runtimes.items():
        here: KeyPath = ("runtimes", name)
        _name(name, tree, here)
        if name == "offline" and runtime.kind != "extractive":
            _stop(tree, here, "offline is the extractive runtime; give this one another name")
        if runtime.kind != "extractive" and not runtime.model:
            _stop(tree, here, "model is missing")
        if runtime.kind == "messages" and runtime.base_url is None:
            _stop(tree, here, "base_url is missing")
        if runtime.kind == "extractive" and (runtime.api_key or runtime.base_url or runtime.model):
            _stop(tree, here, "an extractive runtime has neither api_key, base_url nor model")
    for name, workflow in settings.workflows.items():
        for key, runtime_name in (("runtime", workflow.runtime), ("fallback", workflow.fallback)):
            if runtime_name is not None and runtime_name not in settings.runtimes:
                _stop(tree, ("workflows", name, key), _no_such("runtime", runtime_name, settings.runtimes))
        if workflow.budget == 0 and settings.runtimes[workflow.runtime].kind != "extractive":
            _stop(tree, ("workflows", name, "budget"), "wants at least a cent: a session without one could not begin")


def _keys(settings: Settings, tree: Table) -> None:
    if not settings.ui.keys:
        return
    from opstui.core.keys import remap

    for name in settings.ui.keys:
        problems = remap({name: settings.ui.keys[name]}).problems
        if problems:
            _stop(tree, ("ui", "keys", name), problems[0].removeprefix("ui.keys: "))
    problems = remap(settings.ui.keys).problems
    if problems:
        _stop(tree, ("ui", "keys"), problems[0].removeprefix("ui.keys: "))


def _name(name: str, tree: Table, path: KeyPath) -> None:
    try:
        if TicketRef.parse(f"{name}:1").system != name:
            raise UsageError("")
    except UsageError:
        _stop(tree, path, "a name is up to 32 letters, digits, - and _, and begins with a letter or digit")


def _distinct(names: Iterable[str], table: str, tree: Table) -> None:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if not name.strip() or "\n" in name or "\t" in name:
            _stop(tree, (table, at, "name"), "wants a name of one line")
        if name in seen:
            _stop(tree, (table, at, "name"), f"there is another one called {clean_line(name, limit=60)!r}")
        seen.add(name)


def _no_such(what: str, name: str, known: Iterable[str]) -> str:
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    rest = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names)}"
    return f"there is no {what} {clean_line(name, limit=60)!r}{rest}"


def _stop(tree: Table, path: KeyPath, problem: str) -> NoReturn:
    """Raise at the place where the nearest part of ``path`` was written."""
    node: Node = tree
    rest = list(path)
    while rest:
        if isinstance(node, Table) and rest[0] in node.items:
            node = node.items[str(rest.pop(0))]
        elif isinstance(node, Leaf) and isinstance(rest[0], int) and isinstance(node.value, tuple):
            node = node.value[int(rest.pop(0))]
        else:
            break
    raise node.layer.error((*node.path, *rest), problem)
